"""Judgements as files: JSON lines of preference pairs, and of whole items.

Rows are read in pages of items in the campaign's order, each by an index, so neither memory nor the cost of a
page grows with the campaign. Clips are named by id, SHA-256 and the file they are in a folder export
(`export_folder.py`), people by pseudonym. `export_tables.py` tells the same pairs as CSV and Parquet.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from annotation.labelling import bestworst
from annotation.models import (
    Campaign,
    Clip,
    Dimension,
    Item,
    ItemClip,
    Judgement,
    JudgementImport,
    PreferencePair,
    Prompt,
)
from annotation.results.counting import by_excluded
from annotation.results.pairs import ItemRules

PAGE = 200
Pages = Iterator[list[dict[str, Any]]]
"""Pairs as `pair_row` tells them, some at a time."""


def pairs(campaign: Campaign, include_broken: bool = False, page: int = PAGE) -> Pages:
    """The preference pairs of the judgements that decide, a page of items at a time, for all formats.

    With `include_broken` also the pairs that break the constraint: `broken_by` names where.
    """
    imported = imported_from([campaign.pk]).get(campaign.pk)
    for items in _pages(campaign, page):
        prompts = {item.pk: prompt_row(item.prompt) for item in items}
        rows = PreferencePair.objects.filter(judgement__item__in=items, overruled=False)
        # The pairs of people who are excluded go by a task, which may not have come to them yet.
        rows = rows.filter(~by_excluded("judgement__"))
        if not include_broken:
            rows = rows.filter(broken_by=[])
        rows = rows.select_related(
            "judgement__annotator", "dimension", "best__video_model", "worst__video_model"
        ).order_by("judgement__item__position", "judgement__created_at", "id")
        yield [pair_row(pair, campaign.pk, prompts[pair.judgement.item_id], imported) for pair in rows]


def pairs_jsonl(campaign: Campaign, include_broken: bool = False, page: int = PAGE) -> Iterator[str]:
    """The preference pairs, one JSON object a line; yields a page's text at a time."""
    return as_jsonl(pairs(campaign, include_broken, page))


def as_jsonl(pages: Pages) -> Iterator[str]:
    """Pages of pairs as JSON lines."""
    return (lines(rows) for rows in pages)


def items_jsonl(campaign: Campaign, page: int = PAGE) -> Iterator[str]:
    """Whole items: clips, and each judgement's best and worst clips per dimension with the pairs' verdicts.

    In expert scoring, scores by clip with marks, or the verdict on the model under test, in place of picks.
    Judgements that were corrected are there too, marked by `superseded_by`; they have no pairs. Neither have
    those of gold items, whose known answer is `gold`. Those of people who are excluded are left out, and
    those that an adjudication decided against are marked as `overruled`.
    """
    dimensions = tuple(Dimension.objects.filter(campaign=campaign).order_by("position"))
    imported = imported_from([campaign.pk]).get(campaign.pk)
    for items in _pages(campaign, page):
        clips: dict[uuid.UUID, list[ItemClip]] = defaultdict(list)
        item_clips = ItemClip.objects.filter(item__in=items).select_related("clip__video_model")
        for item_clip in item_clips.order_by("item", "position"):
            clips[item_clip.item_id].append(item_clip)
        judgements: dict[uuid.UUID, list[Judgement]] = defaultdict(list)
        rows = Judgement.objects.filter(~by_excluded(), item__in=items)
        rows = rows.select_related("annotator", "assignment", "superseded_by")
        for judgement in rows.order_by("created_at", "id"):
            judgements[judgement.item_id].append(judgement)
        decided = {
            key: any(one.adjudicates and not _later(one) for one in listed)
            for key, listed in judgements.items()
        }
        yield lines(
            {
                "campaign": str(campaign.pk),
                "protocol": campaign.protocol,
                "item": str(item.pk),
                "position": item.position,
                "prompt": prompt_row(item.prompt),
                "clips": [clip_row(item_clip.clip) for item_clip in clips[item.pk]],
                "gold": told_answers({"picks": item.gold_answer.answers}, _clip_of(clips[item.pk]))
                if item.gold
                else None,
                "judgements": [
                    _judgement(
                        judgement, ItemRules(item, tuple(clips[item.pk]), dimensions), decided[item.pk]
                    )
                    for judgement in judgements[item.pk]
                ],
                "imported": imported,
            }
            for item in items
        )


def imported_from(campaigns: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Of those campaigns whose judgements were made elsewhere, the file that they came from."""
    rows = JudgementImport.objects.filter(campaign__in=campaigns)
    return dict(rows.values_list("campaign_id", "source"))


def pair_row(
    pair: PreferencePair, campaign_id: uuid.UUID, prompt: dict[str, Any], imported: str | None
) -> dict[str, Any]:
    """A pair as files and the API tell it; its judgement, annotator, dimension and clips should be there.

    `imported` is the campaign's of `imported_from`.
    """
    return {
        "campaign": str(campaign_id),
        "item": str(pair.judgement.item_id),
        "judgement": str(pair.judgement_id),
        "annotator": pair.judgement.annotator.pseudonym,
        "judged_at": pair.judgement.created_at.isoformat(),
        "simulated": pair.judgement.simulated,
        "prompt": prompt,
        "dimension": pair.dimension.key,
        "reward": pair.dimension.reward or None,
        "best": clip_row(pair.best),
        "worst": clip_row(pair.worst),
        "weight": pair.weight,
        "broken_by": pair.broken_by,
        "unchecked": pair.unchecked,
        "imported": imported,
    }


def prompt_row(prompt: Prompt) -> dict[str, Any]:
    digest = prompt.first_frame_sha256
    return {
        "id": prompt.pk,
        "task": prompt.task,
        "text_en": prompt.text_en,
        "text_zh": prompt.text_zh,
        "first_frame": f"first_frames/{digest}.png" if digest else None,
    }


def clip_row(clip: Clip) -> dict[str, Any]:
    model = clip.video_model
    return {
        "clip": str(clip.pk),
        "sha256": clip.sha256,
        "file": clip_file(clip),
        "video_model": model.slug if model else None,
        "seed": clip.seed,
    }


def clip_file(clip: Clip) -> str:
    """Where the clip's original lies in a folder export: named by its SHA-256.

    WebM is Matroska, and named so: `datasets` takes videos by their suffix and does not know ".webm".
    """
    suffix = PurePosixPath(clip.original.name or "").suffix
    return f"clips/{clip.sha256}{'.mkv' if suffix == '.webm' else suffix}"


def lines(rows: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _pages(campaign: Campaign, size: int) -> Iterator[list[Item]]:
    """Items by position; each page starts after the last one's end."""
    last = -1
    while True:
        rows = Item.objects.filter(campaign=campaign, position__gt=last)
        rows = rows.select_related("prompt", "gold_answer")
        items = list(rows.order_by("position")[:size])
        if not items:
            return
        for item in items:
            item.campaign = campaign
        yield items
        last = items[-1].position


def _later(judgement: Judgement) -> Judgement | None:
    return getattr(judgement, "superseded_by", None)


def told_answers(answers: dict[str, Any], clip_of: Mapping[str, str]) -> dict[str, Any]:
    """What a judgement says by dimension, clips in place of their keys in the item: picks, scores by clip, or
    the verdict on the model under test."""
    if "verdicts" in answers:
        return dict(answers["verdicts"])
    if "scores" in answers:
        return {
            dimension: {clip_of.get(key, key): score for key, score in by_clip.items()}
            for dimension, by_clip in answers["scores"].items()
        }
    return {
        dimension: {side: _named(said, clip_of) for side, said in answer.items()}
        for dimension, answer in answers["picks"].items()
    }


def told_marks(answers: dict[str, Any], clip_of: Mapping[str, str]) -> list[dict[str, Any]]:
    """The defects and strengths that a Likert judgement marks; none of another's."""
    return [{**mark, "clip": clip_of.get(mark["clip"], mark["clip"])} for mark in answers.get("marks", [])]


def _named(said: Any, clip_of: Mapping[str, str]) -> Any:
    if isinstance(said, list):
        return [clip_of.get(key, key) for key in said]
    if isinstance(said, dict):  # a gold answer's expected scores
        return {clip_of.get(key, key): score for key, score in said.items()}
    return said


def _clip_of(item_clips: Iterable[ItemClip]) -> dict[str, str]:
    return {str(item_clip.pk): str(item_clip.clip_id) for item_clip in item_clips}


def _judgement(judgement: Judgement, rules: ItemRules, decided: bool) -> dict[str, Any]:
    clip_of = _clip_of(rules.clips)
    comparisons = judgement.answers.get("comparisons", [])
    later = _later(judgement)
    none = later or rules.item.gold or "picks" not in judgement.answers
    derived = (
        []
        if none
        else bestworst.preference_pairs(
            rules.judgement(bestworst.from_json(judgement.answers)), include_broken=True
        )
    )
    return {
        "judgement": str(judgement.pk),
        "annotator": judgement.annotator.pseudonym,
        "judged_at": judgement.created_at.isoformat(),
        "seconds": judgement.seconds,
        "simulated": judgement.simulated,
        "surplus": judgement.assignment.surplus,
        "superseded_by": str(later.pk) if later else None,
        "adjudicates": judgement.adjudicates,
        "overruled": decided and not judgement.adjudicates,
        "order_shown": [clip_of[key] for key in judgement.assignment.clip_order],
        "answers": told_answers(judgement.answers, clip_of),
        "marks": told_marks(judgement.answers, clip_of),
        "comparisons": [{**said, "b": clip_of[said["b"]], "w": clip_of[said["w"]]} for said in comparisons],
        "pairs": [
            {
                "dimension": pair.dimension,
                "best": clip_of[pair.best],
                "worst": clip_of[pair.worst],
                "weight": pair.weight,
                "verdict": pair.verdict.value,
                "checks": {key: check.value for key, check in pair.checks.items()},
            }
            for pair in derived
        ],
    }
