"""``manage.py measure_clips``: how clips look that came in before that was measured."""

from typing import Any

from django.core.management.base import BaseCommand

from annotation.clips import intake
from annotation.media import Refused
from annotation.models import Rendition


class Command(BaseCommand):
    help = (
        "Measure brightness, colourfulness and motion of the clips that lack them, for boards that hold them"
        " equal. Clips that come in are measured on the way; stopping and starting again loses nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        lacking = Rendition.objects.filter(motion=None).order_by("created_at")
        measured = refused = 0
        for rendition in lacking.iterator():
            try:
                intake.measure_looks(rendition)
                measured += 1
            except (Refused, OSError) as error:
                self.stderr.write(f"clip {rendition.clip_id}: {error}")
                refused += 1
        self.stdout.write(f"{measured} renditions measured, {refused} could not be")
