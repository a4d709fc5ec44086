"""`manage.py evaluate_demo`: a benchmark evaluation from prompts to PDF, scored by simulated experts."""

import signal
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from generator import evaluate_demo
from workbench import own_stack, stack
from workbench.supervisor import StopAskedError


class Command(BaseCommand):
    help = (
        "Evaluates the shipped generator against degraded copies of itself on WorldBench, scored by "
        "simulated experts of different strictness. Starts a workbench if none runs on this data. "
        "Stopped, it goes on when started again with the same arguments."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", type=Path, required=True, metavar="OUT.json", help="the result")
        parser.add_argument("--html", type=Path, help="write the report as one HTML file")
        parser.add_argument("--pdf", type=Path, help="write the report as PDF")
        parser.add_argument("--task", choices=["t2v", "i2v"], default="t2v")
        parser.add_argument("--prompts", type=int, default=60, help="of WorldBench's 60")
        parser.add_argument("--experts", type=int, default=4, help="1 to 8")
        parser.add_argument("--overlap", type=int, default=1, help="judgements of each item")
        parser.add_argument("--steps", type=int, default=20, help="sampling steps")
        parser.add_argument("--seed", type=int, default=0, help="decides the experts' errors")

    def handle(self, **options: Any) -> None:
        given = {name: options[name] for name in ("task", "prompts", "experts", "overlap", "steps", "seed")}
        files = {name: options[name] and options[name].resolve() for name in ("html", "pdf")}
        plan = evaluate_demo.DemoPlan(out=options["json"].resolve(), **files, **given)
        asked: list[int] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _frame: asked.append(number))

        def give_up() -> None:
            if asked:
                raise StopAskedError

        try:
            begun = evaluate_demo.begin(plan)
            with own_stack.running(self._say, give_up) as still_there:
                evaluate_demo.Demo(plan, begun, self._say, still_there).run()
        except (evaluate_demo.DemoError, stack.StackError) as error:
            raise CommandError(str(error)) from error
        except StopAskedError:
            self._say("Stopped. Started again with the same arguments, it goes on where it was.")
            sys.exit(128 + signal.SIGINT)
        self._say(f"Done: {plan.out}")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
