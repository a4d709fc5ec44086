"""`manage.py up`: the whole workbench on this machine, until Ctrl-C. `make demo` is `up --demo`."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from workbench import demo, stack, supervisor


class Command(BaseCommand):
    help = (
        "Starts the servers that the environment does not name, web, workers and beat; Ctrl-C ends them all."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--demo", action="store_true", help="load demo accounts and data first")

    def handle(self, *, demo: bool, **options: Any) -> None:
        port = _port()
        try:
            with supervisor.only_one(settings.DATA_DIR):
                supervisor.check_machine(settings.DATA_DIR, port)
                self._run(settings.DATA_DIR, port, demo)
        except stack.StackError as error:
            raise CommandError(str(error)) from error

    def _run(self, data: Path, port: int, with_demo: bool) -> None:
        overseer = supervisor.Supervisor(data, self._say)
        manage = [stack.python(), str(settings.BASE_DIR / "manage.py")]
        try:
            servers, processes = supervisor.stages(data, port, settings.RUN_GRACE_SECONDS)
            self._say(f"Starting the workbench on {data} …")
            for stage in servers:
                overseer.start(stage)
            overseer.step("Migrating the database", [*manage, "migrate", "--no-input", "--verbosity", "0"])
            if with_demo:
                self._say("Loading the demo data …")
                overseer.step("Loading the demo data", [*manage, "demo_data"])
            for stage in processes:
                overseer.start(stage)
            self._say(_welcome(port, with_demo))
            overseer.watch()
        except supervisor.StopAskedError:
            pass
        finally:
            if overseer.asked:
                self._say("Stopping; a training run writes a checkpoint first. Ctrl-C again skips that.")
            overseer.stop()
            if overseer.asked:
                self._say("Stopped.")

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError):  # the terminal may be gone
            self.stdout.write(text)
            self.stdout.flush()


def _port() -> int:
    text = os.environ.get("PORT", "8000")
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise CommandError(f"PORT is {text!r}; expected a number from 1 to 65535.")
    return int(text)


def _welcome(port: int, with_demo: bool) -> str:
    lines = [
        "",
        f"The workbench runs:  {settings.SITE_URL if settings.HTTPS else f'http://127.0.0.1:{port}/'}",
    ]
    if with_demo:
        lines += ["", f"Demo logins, all with the password  {demo.PASSWORD}"]
        lines += [f"  {account.username:<10} {account.what}" for account in demo.ACCOUNTS]
        lines += [
            "",
            "Try first:",
            *(f"  {number}. {text}" for number, text in enumerate(demo.TRY_FIRST, start=1)),
        ]
    else:
        lines += ["", f"The first account:  {Path(sys.executable)} manage.py create_manager NAME EMAIL"]
    lines += ["", f"Logs: {settings.DATA_DIR / 'logs'}.  Ctrl-C ends everything; the data stays.", ""]
    return "\n".join(lines)
