"""`manage.py loop`: clips, judgements, reward models, a better generator, the arena; one JSON at the end."""

import signal
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from generator import loop
from generator.round_presets import PRESETS
from workbench import own_stack, stack
from workbench.supervisor import StopAskedError


class Command(BaseCommand):
    help = (
        "Runs rounds of the loop to their end and writes what came of it. Starts a workbench if none runs on "
        "this data, and stops it afterwards. Stopped, it goes on when started again with the same arguments."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--annotators", choices=["simulated", "people"], default="simulated")
        parser.add_argument("--rounds", type=_rounds, default=1, help="1 to 100")
        parser.add_argument("--preset", choices=list(PRESETS), default="micro", help="the size of a round")
        parser.add_argument("--json", type=Path, required=True, metavar="OUT.json", help="the result")
        parser.add_argument(
            "--checkpoint", type=Path, help="weights to begin from (default: the current ones)"
        )

    def handle(self, **options: Any) -> None:
        plan = loop.LoopPlan(
            annotators=options["annotators"],
            rounds=options["rounds"],
            preset=options["preset"],
            out=options["json"].resolve(),
            checkpoint=options["checkpoint"] and options["checkpoint"].resolve(),
        )
        try:
            self._run(plan, loop.begin(plan))
        except (loop.LoopError, stack.StackError) as error:
            raise CommandError(str(error)) from error
        except StopAskedError:
            self._say("Stopped. Started again with the same arguments, it goes on where it was.")
            sys.exit(128 + signal.SIGINT)
        self._say(f"Done: {plan.out}")

    def _run(self, plan: loop.LoopPlan, begun: loop.Begun) -> None:
        # Looked at between steps, so that nothing is cut off in the middle.
        asked: list[int] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _frame: asked.append(number))

        def give_up() -> None:
            if asked:
                raise StopAskedError

        with own_stack.running(self._say, give_up) as still_there:
            loop.Loop(plan, begun, self._say, still_there).run()

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _rounds(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 100:
        raise ArgumentTypeError(f"{text!r} is no number from 1 to 100")
    return int(text)
