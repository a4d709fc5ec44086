"""What experts said, as rows: a score of a clip in a dimension, a verdict on a pair in one.

Only what counts (`counting.deciding`): no corrected judgement, no gold item, nobody who is excluded. Read in
pages of items in the campaign's order, so memory does not grow with the campaign. `prompt, model, rater,
dimension, score` and `prompt, opponent, dimension, verdict` are the columns that statistics read.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from annotation.labelling import scoring
from annotation.labelling.scoring import Mark, Scores, Side, Verdict
from annotation.models import Campaign, Item, ItemClip, Judgement, Prompt
from annotation.results.counting import deciding

PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LikertRow:
    """A score from 1 to 5 of one clip in one dimension, with the marks made there."""

    prompt: int
    model: str | None
    """The video model's slug; None for a clip of no known model."""
    rater: str
    """Pseudonym."""
    dimension: str
    score: int
    task: str
    categories: tuple[str, ...]
    """Slugs of the prompt's."""
    marks: tuple[Mark, ...]
    item: uuid.UUID
    clip: uuid.UUID
    judgement: uuid.UUID
    judged_at: datetime
    seconds: float | None
    simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GsbRow:
    """How the model under test did against an opponent in one dimension."""

    prompt: int
    opponent: str
    dimension: str
    verdict: Verdict
    rater: str
    side: Side
    """Where the model under test stood: left or right."""
    task: str
    categories: tuple[str, ...]
    item: uuid.UUID
    judgement: uuid.UUID
    judged_at: datetime
    seconds: float | None
    simulated: bool


def likert_rows(campaign: Campaign, page: int = PAGE) -> Iterator[LikertRow]:
    """The scores of a Likert campaign."""
    for judgement, clips, shared in _judged(campaign, page):
        said = scoring.from_json(judgement.answers)
        assert isinstance(said, Scores)
        for dimension, by_clip in said.scores.items():
            for key, score in by_clip.items():
                clip = clips[uuid.UUID(key)].clip
                marks = tuple(m for m in said.marks if (m.clip, m.dimension) == (key, dimension))
                model = clip.video_model.slug if clip.video_model else None
                yield LikertRow(
                    model=model, dimension=dimension, score=score, marks=marks, clip=clip.pk, **shared
                )


def gsb_rows(campaign: Campaign, page: int = PAGE) -> Iterator[GsbRow]:
    """The verdicts of a good/same/bad campaign."""
    for judgement, clips, shared in _judged(campaign, page):
        sides = [clips[uuid.UUID(key)].clip.video_model for key in judgement.assignment.clip_order]
        left = sides[0] is not None and sides[0].pk == campaign.model_under_test_id
        opponent = sides[1] if left else sides[0]
        assert opponent is not None
        for dimension, verdict in scoring.verdicts_from_json(judgement.answers).items():
            yield GsbRow(
                opponent=opponent.slug,
                dimension=dimension,
                verdict=verdict,
                side=Side.LEFT if left else Side.RIGHT,
                **shared,
            )


def _judged(
    campaign: Campaign, page: int
) -> Iterator[tuple[Judgement, dict[uuid.UUID, ItemClip], dict[str, Any]]]:
    """Each judgement that counts, its item's clips, and what all of its rows say."""
    last = -1
    while True:
        items = list(
            Item.objects.filter(campaign=campaign, position__gt=last, gold=False).order_by("position")[:page]
        )
        if not items:
            return
        last = items[-1].position
        clips: dict[uuid.UUID, dict[uuid.UUID, ItemClip]] = defaultdict(dict)
        for one in ItemClip.objects.filter(item__in=items).select_related("clip__video_model"):
            clips[one.item_id][one.pk] = one
        prompts = Prompt.objects.prefetch_related("categories").in_bulk({item.prompt_id for item in items})
        told = {pk: (p.task, tuple(c.slug for c in p.categories.all())) for pk, p in prompts.items()}
        prompt_of = {item.pk: item.prompt_id for item in items}
        rows = deciding(Judgement.objects.filter(item__in=items, superseded_by=None))
        rows = rows.select_related("annotator", "assignment")
        for judgement in rows.order_by("item__position", "created_at", "id"):
            task, categories = told[prompt_of[judgement.item_id]]
            shared = {
                "prompt": prompt_of[judgement.item_id],
                "rater": judgement.annotator.pseudonym,
                "task": task,
                "categories": categories,
                "item": judgement.item_id,
                "judgement": judgement.pk,
                "judged_at": judgement.created_at,
                "seconds": judgement.seconds,
                "simulated": judgement.simulated,
            }
            yield judgement, clips[judgement.item_id], shared
