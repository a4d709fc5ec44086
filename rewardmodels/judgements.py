"""Judgements as a reward model's training data: the lines of `DIR/inputs/judgements.jsonl`.

The form is that of `rewardmodels/train/judgements.py`. The answers go as they were given, with the replies to
the questions: which pairs they make, and which of these break the constraint (§4.4.1), is said by
`annotation/labelling/bestworst.py` on either side. What was simulated is marked, and people are pseudonyms.
"""

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from annotation.clips.staging import clip_file, first_frame_file
from annotation.labelling import bestworst
from annotation.models import Campaign, Clip, Dimension, ItemClip, Judgement, Prompt

_BATCH = 500


@dataclass(slots=True)
class Written:
    """What the lines need beside them, and how many there are."""

    judgements: int = 0
    clips: dict[uuid.UUID, Clip] = field(default_factory=dict)
    prompts: dict[int, Prompt] = field(default_factory=dict)


def write(path: Path, judgement_ids: Iterable[uuid.UUID]) -> Written:
    """Write these judgements, one a line, in this order."""
    written = Written()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for judgement, item_clips, dimensions in _with_items(judgement_ids):
            line = _line(judgement, item_clips, dimensions)
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            written.judgements += 1
            written.prompts[judgement.item.prompt_id] = judgement.item.prompt
            written.clips |= {one.clip_id: one.clip for one in item_clips}
    return written


def _with_items(
    judgement_ids: Iterable[uuid.UUID],
) -> Iterator[tuple[Judgement, list[ItemClip], list[str]]]:
    """Each judgement with its item's clips and the keys of its campaign's dimensions, in their order."""
    dimensions: dict[uuid.UUID, list[str]] = {}
    ids = iter(judgement_ids)
    while batch := list(islice(ids, _BATCH)):
        rows = Judgement.objects.select_related("item__campaign", "item__prompt", "annotator")
        found = rows.in_bulk(batch)
        new = {judgement.item.campaign_id for judgement in found.values()} - set(dimensions)
        named = Dimension.objects.filter(campaign__in=new).order_by("position")
        for campaign, key in named.values_list("campaign_id", "key"):
            dimensions.setdefault(campaign, []).append(key)
        yield from _joined([found[pk] for pk in batch], dimensions)


def _joined(
    judgements: list[Judgement], dimensions: dict[uuid.UUID, list[str]]
) -> Iterator[tuple[Judgement, list[ItemClip], list[str]]]:
    shown: dict[uuid.UUID, list[ItemClip]] = {}
    rows = ItemClip.objects.filter(item__in={judgement.item_id for judgement in judgements})
    for item_clip in rows.select_related("clip__video_model").order_by("item", "position"):
        shown.setdefault(item_clip.item_id, []).append(item_clip)
    for judgement in judgements:
        yield judgement, shown[judgement.item_id], dimensions[judgement.item.campaign_id]


def _line(judgement: Judgement, item_clips: list[ItemClip], dimensions: list[str]) -> dict[str, Any]:
    item, prompt = judgement.item, judgement.item.prompt
    clip_of = {str(one.pk): str(one.clip_id) for one in item_clips}
    told: Any = bestworst.to_json(bestworst.from_json(judgement.answers))
    return {
        "item": str(item.pk),
        "prompt_id": str(prompt.pk),
        "prompt": prompt.text("en"),
        "task": prompt.task,
        "first_frame": first_frame_file(prompt),
        "annotator": judgement.annotator.pseudonym,
        "simulated": judgement.simulated,
        "fps": _fps(item.campaign, item_clips),
        "clips": [
            {
                "id": str(one.clip_id),
                "file": clip_file(one.clip),
                "video_model": one.clip.video_model.slug if one.clip.video_model else "unknown",
            }
            for one in item_clips
        ],
        "answers": {key: _answer(told["picks"].get(key), clip_of) for key in dimensions},
        "comparisons": [
            {**said, "b": clip_of[said["b"]], "w": clip_of[said["w"]]} for said in told["comparisons"]
        ],
    }


def _answer(answer: dict[str, Any] | None, clip_of: dict[str, str]) -> dict[str, list[str]] | str | None:
    if answer is None or "cant_judge" in answer:
        return None
    if "tie" in answer:
        return "tie"
    return {side: [clip_of[key] for key in keys] for side, keys in answer.items()}


def _fps(campaign: Campaign, item_clips: list[ItemClip]) -> float:
    """Frames a second at which an item was shown: the campaign's, else its clips' own, the middle one."""
    if campaign.normalise_fps:
        return campaign.normalise_fps
    rates = sorted(one.clip.fps for one in item_clips)
    return rates[len(rates) // 2]
