#!/bin/sh
# Makes .venv with the pinned dependencies; `./setup.sh dev` adds what tests and checks need.
# Does nothing where that is done already. Whatever is missing on the machine is said in one line.
set -eu
cd "$(dirname "$0")"
extra=${1:-}
log=.venv/install.log
NEEDS="Python 3.11 or newer is needed"
DISK="the dependencies need about 2.5 GB (8 GB where torch brings CUDA). Free some space and start again."

fail() {
    echo "setup: $*" >&2
    exit 1
}

# Prints the version of a Python that is new enough; fails for any other command (or one that does not run).
new_enough() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2]); sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    seen=""
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
        if version=$(new_enough "$candidate"); then
            echo "$candidate"
            return
        fi
        [ -z "$version" ] || seen="$seen $candidate is $version;"
    done
    [ -z "${PYTHON:-}" ] || fail "$NEEDS; PYTHON=$PYTHON is ${version:-not a Python that runs}."
    fail "$NEEDS;${seen:- there is no python3 on PATH;} install one (Debian: apt-get install python3-venv) or name it: PYTHON=/path/to/python3.12."
}

# Turns pip's many lines into the one that says what to do; pip's own lines stay in the log.
explain() {
    if grep -q "No space left on device" "$log"; then
        fail "The disk that holds $(pwd) is full: $DISK"
    fi
    if grep -qE "NewConnectionError|ConnectTimeout|Temporary failure in name resolution|Name or service not known|Network is unreachable|Connection refused|ProxyError|Connection broken|Read timed out" "$log"; then
        fail "The Python package registry can't be reached: check the network (or pip's index and proxy settings) and start again."
    fi
    if grep -qE "No matching distribution found|Could not find a version" "$log"; then
        what=$(sed -nE 's/.*No matching distribution found for ([^ ]+).*/\1/p' "$log" | tail -n 1)
        fail "${what:-A dependency} has no ready-made package for $("$python" -V 2>&1) on $(uname -m): use Python 3.11 to 3.13 on Linux x86-64 or aarch64 (nothing is compiled here)."
    fi
    fail "pip failed: $(grep -E '^ *(ERROR|error)' "$log" | tail -n 1) (all of it: $log)"
}

[ "$(uname -s)" = Linux ] || fail "Linux is needed; this is $(uname -s). A Linux container does."

if ! .venv/bin/python -c "import pip" 2>/dev/null; then
    python=$(find_python)
    [ ! -e .venv ] || echo "setup: .venv is broken or unfinished; making it anew."
    if [ "$(df -Pk . | tail -n 1 | sed -E 's/ +/ /g' | cut -d ' ' -f 4)" -lt 2500000 ]; then
        fail "The disk that holds $(pwd) is full: $DISK"
    fi
    echo "setup: making .venv with $python ($("$python" -V 2>&1))"
    rm -rf .venv
    if ! said=$("$python" -m venv .venv 2>&1); then
        rm -rf .venv
        case $said in
        *"ensurepip is not available"*) fail "$python can't make virtual environments: install its venv module (Debian: apt-get install python3-venv)." ;;
        *"No space left"*) fail "The disk that holds $(pwd) is full: free some space and start again." ;;
        *) fail "$python -m venv failed: $(echo "$said" | tail -n 1)" ;;
        esac
    fi
fi
python=.venv/bin/python

installed=.venv/.installed${extra:+-$extra}
state=$(cat pyproject.toml constraints.txt | sha256sum)
if [ "$(cat "$installed" 2>/dev/null)" != "$state" ]; then
    echo "setup: installing the pinned dependencies${extra:+ and those for tests} (takes minutes the first time)"
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_RETRIES=2 "$python" -m pip install --no-input --only-binary :all: \
        --constraint constraints.txt --editable ".${extra:+[$extra]}" >"$log" 2>&1 || explain
    for file in .venv/.installed "$installed"; do
        echo "$state" >"$file"
    done
fi
