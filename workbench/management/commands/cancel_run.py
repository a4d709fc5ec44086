"""`manage.py cancel_run RUN`: cancel a run from a shell."""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workbench.models import Run
from workbench.runs import control


class Command(BaseCommand):
    help = "Cancel a run; a running one writes a checkpoint first and can be resumed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", type=uuid.UUID)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            owner = Run.objects.select_related("created_by").get(pk=options["run"]).created_by
            run = control.cancel(owner, options["run"])
        except Run.DoesNotExist as error:
            raise CommandError(f"There is no run {options['run']}.") from error
        except control.NotNowError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"run {run.pk} {'cancelled' if run.ended else 'is being cancelled'}")
