"""What came in for prompt sets: the lists behind the pages and the API."""

from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from annotation.models import Prompt, PromptCandidate, PromptSet, Task


def sets_with_counts() -> QuerySet[Any]:
    """All sets by name; ``n_prompts``, ``left_out`` and ``without_first_frame`` cost by the sets' sizes."""
    through = Prompt.prompt_sets.through.objects.filter(promptset_id=OuterRef("pk"))
    waiting = through.filter(prompt__task=Task.I2V, prompt__first_frame="")
    out = PromptCandidate.objects.filter(prompt_set=OuterRef("pk"), prompt=None)
    return (
        PromptSet.objects.order_by("name", "pk")
        .values("id", "slug", "name")
        .annotate(
            n_prompts=_count(through, "promptset_id"),
            left_out=_count(out, "prompt_set_id"),
            without_first_frame=_count(waiting, "promptset_id"),
        )
    )


def candidates_of(
    prompt_set: PromptSet, which: str, *, after: int = 0, limit: int = 100
) -> tuple[list[PromptCandidate], int | None]:
    """A page of a set's candidates from behind the one with id `after`, and what to pass for the next page.

    `which`: ``left_out``; ``taken_back``, which the filter left out and a person took; or ``in_set``, all
    that are in.
    """
    rows = prompt_set.candidates.filter(pk__gt=after).select_related("alike", "prompt").order_by("pk")
    rows = rows.filter(prompt=None) if which == "left_out" else rows.exclude(prompt=None)
    if which == "taken_back":
        rows = rows.exclude(reason="")
    found = list(rows[: limit + 1])
    return found[:limit], found[limit - 1].pk if len(found) > limit else None


def left_out_by_reason(prompt_set: PromptSet) -> list[tuple[str, int]]:
    """How many are left out now for each reason, the most frequent first."""
    counted = prompt_set.candidates.filter(prompt=None).values_list("reason").annotate(n=Count("pk"))
    return [(reason, n) for reason, n in counted.order_by("-n", "reason")]


def _count(rows: QuerySet[Any], group: str) -> Coalesce:
    counted = rows.order_by().values(group).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted), 0)
