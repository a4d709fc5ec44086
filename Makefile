# `make demo` and `make test` are all one needs; each does its own set-up.

PYTHON_BIN := .venv/bin/python
SHELL := /bin/bash

.PHONY: demo reset test lint bench messages setup setup-dev

demo: setup
	@exec $(PYTHON_BIN) manage.py up --demo

reset:
	@if [ -x $(PYTHON_BIN) ]; then exec $(PYTHON_BIN) manage.py reset $(if $(filter 1,$(YES)),--yes); \
	else echo "Nothing to reset: there is no .venv yet."; fi

# Fast tests first, in PARALLEL processes, each on servers of its own; the slow proofs last. pytest answers 5
# where a selection is empty. Python is let keep what it compiled: tests start it hundreds of times.
PARALLEL := 2
unexport PYTHONDONTWRITEBYTECODE
test: setup-dev
	@$(PYTHON_BIN) -m tests.browsers
	$(PYTHON_BIN) -m pytest -m "not slow" -n $(PARALLEL) --dist worksteal
	$(PYTHON_BIN) -m pytest -m slow -n $(PARALLEL) --dist worksteal || [ $$? -eq 5 ]

# The production settings are checked too, with the variables that DEPLOY.md asks for.
lint: setup-dev
	$(PYTHON_BIN) -m ruff check .
	$(PYTHON_BIN) -m ruff format --check .
	$(PYTHON_BIN) -m mypy
	git ls-files '*.html' | xargs --no-run-if-empty .venv/bin/djade --target-version 5.2 --check
	SITE_URL=https://workbench.example.org PROXY_COUNT=1 SECRET_KEY=$$(head -c 48 /dev/urandom | base64) \
	DATABASE_URL=postgresql://workbench:x@127.0.0.1/workbench REDIS_URL=redis://127.0.0.1 \
	WORKBENCH_DATA=build/check $(PYTHON_BIN) manage.py check --deploy --fail-level WARNING

bench: setup-dev
	@for bench in $(filter-out __init__,$(basename $(notdir $(wildcard tests/bench/*.py)))); do \
		echo "== $$bench"; $(PYTHON_BIN) -m tests.bench.$$bench || exit 1; done

# Gathers the texts to translate (needs GNU gettext) and compiles the catalogue (needs nothing). Translate what
# is new in between; a test says what is missing.
CATALOGUE := workbench/locale/zh_Hans/LC_MESSAGES/django
messages: setup-dev
	@if command -v xgettext >/dev/null; then WORKBENCH_DATA=build/messages $(PYTHON_BIN) manage.py makemessages \
	-l zh_Hans --no-location --no-wrap --no-obsolete --ignore .venv --ignore build --ignore tests; \
	else echo "GNU gettext is missing: the catalogue is compiled as it is."; fi
	@$(PYTHON_BIN) -c "import polib; po = polib.pofile('$(CATALOGUE).po', wrapwidth=0); \
	[po.metadata.pop(name, None) for name in ('POT-Creation-Date', 'Report-Msgid-Bugs-To')]; \
	po.save(); po.save_as_mofile('$(CATALOGUE).mo'); print('%d %% translated' % po.percent_translated())"

setup:
	@./setup.sh

setup-dev:
	@./setup.sh dev
