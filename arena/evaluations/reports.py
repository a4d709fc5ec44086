"""What an evaluation's judgements say: computed from them, kept on its row, anew when more have come.

Absolute scores by `likert.py`, pairs by `gsb.py`, agreement by
`annotation.quality.scoreagreement`. "overall" is one more dimension: of scores the mean over the others
within a judgement, of pairs the experts' own overall word.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from itertools import chain
from typing import Any

import pandas as pd
import structlog
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotation.campaigns.rubric import rubric
from annotation.models import Campaign, Category, Clip, Dimension, ItemClip, Judgement, Prompt, VideoModel
from annotation.prompts import taxonomy
from annotation.quality.scoreagreement import Figure as Estimate
from annotation.quality.scoreagreement import agreement
from annotation.results.counting import counted
from annotation.results.scores import GsbRow, LikertRow, gsb_rows, likert_rows
from arena import gsb, likert
from arena.models import Evaluation

log = structlog.get_logger(__name__)

Row = dict[str, Any]
OVERALL = "overall"
WATCHED = 4
"""Strongest and weakest prompts of a model that are shown with their clips."""
LEAST_PAUSE = timedelta(seconds=30)
"""Between two computations while judgements are coming in."""
_SHOTS, _STYLES = ("multi-shot", "single-shot"), "styles"


@dataclass(frozen=True, kw_only=True)
class Report:
    """The figures of an evaluation, plain values throughout. Intervals are of 95 %, clustered by prompt."""

    at: str
    task: str
    judgements: int
    simulated: int
    experts: int
    under_test: str
    """A video model's slug, or "" where there is none."""
    models: list[str]
    """Slugs, the one under test first."""
    names: dict[str, str]
    """Of video models, by slug."""
    dimensions: dict[str, list[str]]
    """Names in English and Chinese by key, in order."""
    means: list[Row] = field(default_factory=list)
    comparisons: list[Row] = field(default_factory=list)
    raters: list[Row] = field(default_factory=list)
    agreement: list[Row] = field(default_factory=list)
    defects: list[Row] = field(default_factory=list)
    categories: list[Row] = field(default_factory=list)
    slices: list[Row] = field(default_factory=list)
    pairs: list[Row] = field(default_factory=list)
    pair_categories: list[Row] = field(default_factory=list)
    prompts: list[Row] = field(default_factory=list)
    """By model, the strongest first: the mean score, or (G − B) / all where there are only pairs."""
    components: dict[str, dict[str, float]] = field(default_factory=dict)
    """Variances of the mixed model, by dimension: what the next evaluation's power rests on."""
    not_adjusted: list[str] = field(default_factory=list)
    """Dimensions in which severity and quality can't be told apart: no expert links the models."""

    def model_name(self, slug: str) -> str:
        return self.names.get(slug, slug)

    def dimension_name(self, key: str) -> str:
        if key == OVERALL:
            return _("Overall")
        return _in_language(self.dimensions.get(key, [key, key]))

    def aspect_name(self, dimension: str, aspect: str) -> str:
        known = rubric(dimension)
        found = next((one for one in known.aspects if one.key == aspect), None) if known else None
        return _in_language([found.name_en, found.name_zh]) if found else aspect


def of(evaluation: Evaluation) -> Report | None:
    """The report that was computed last; None while there is none."""
    return Report(**evaluation.report) if evaluation.report else None


def refresh_all() -> None:
    """Compute what has become stale: what the beat does."""
    rows = Evaluation.objects.filter(state__in=[Evaluation.State.SCORING, Evaluation.State.DONE])
    for row in rows.select_related("likert_campaign", "gsb_campaign", "under_test"):
        try:
            if stale(row):
                refresh(row)
        except Exception:
            log.exception("evaluation_not_reported", evaluation=str(row.pk))


def stale(evaluation: Evaluation) -> bool:
    """Whether judgements came or ceased to count since; while many come, one in half a minute is enough."""
    if _given(evaluation) == evaluation.report_judgements:
        return False
    at = evaluation.report_at
    return at is None or evaluation.ended or timezone.now() - at > LEAST_PAUSE


def refresh(evaluation: Evaluation) -> Report | None:
    """Compute the report from all judgements that count now, and keep it; None where there are none."""
    given = _given(evaluation)
    report = compute(evaluation)
    changed = {
        "report": asdict(report) if report else {},
        "report_judgements": given,
        "report_at": timezone.now(),
    }
    Evaluation.objects.filter(pk=evaluation.pk).update(**changed)
    for name, value in changed.items():
        setattr(evaluation, name, value)
    return report


def compute(evaluation: Evaluation) -> Report | None:
    """The report of now; changes nothing."""
    scored = list(likert_rows(evaluation.likert_campaign)) if evaluation.likert_campaign else []
    paired = list(gsb_rows(evaluation.gsb_campaign)) if evaluation.gsb_campaign else []
    if not scored and not paired:
        return None
    said: list[LikertRow | GsbRow] = [*scored, *paired]
    under_test = evaluation.under_test.slug if evaluation.under_test else ""
    names = dict(evaluation.video_models.order_by("name", "pk").values_list("slug", "name"))
    labels = _labels(said)
    found: dict[str, Any] = {}
    if scored:
        found |= _of_scores(scored, labels)
    if paired:
        found |= _of_pairs(paired, labels)
    if not scored:
        found["prompts"] = _prompts_of_pairs(paired, under_test)
    return Report(
        at=timezone.now().isoformat(timespec="seconds"),
        task=evaluation.task,
        judgements=len({row.judgement for row in said}),
        simulated=len({row.judgement for row in said if row.simulated}),
        experts=len({row.rater for row in said}),
        under_test=under_test,
        models=sorted(names, key=lambda slug: slug != under_test),
        names=names,
        dimensions=_dimensions(evaluation.campaigns),
        **found,
    )


def watched(evaluation: Evaluation, report: Report, model: str) -> dict[str, list[Row]]:
    """A model's strongest and weakest prompts, each with all models' clips of it to watch."""
    ranked = [row for row in report.prompts if row["model"] == model]
    half = min(WATCHED, max(1, len(ranked) // 2))
    chosen = {"strongest": ranked[:half], "weakest": list(reversed(ranked[len(ranked) - half :]))}
    ids = {row["prompt"] for row in chain(*chosen.values())}
    prompts = Prompt.objects.in_bulk(ids)
    clips = _clips(evaluation, ids)
    order = {slug: place for place, slug in enumerate([model, *report.models])}
    return {
        end: [
            {
                "prompt": prompts[row["prompt"]],
                "value": row["value"],
                "clips": sorted(clips[row["prompt"]].items(), key=lambda one: order.get(one[0].slug, 99)),
            }
            for row in rows
            if row["prompt"] in prompts
        ]
        for end, rows in chosen.items()
    }


# --- Scores -----------------------------------------------------------------------------------------------


def _of_scores(rows: Sequence[LikertRow], labels: pd.DataFrame) -> dict[str, Any]:
    scores = pd.DataFrame(
        {
            "prompt": [row.prompt for row in rows],
            "model": [row.model for row in rows],
            "rater": [row.rater for row in rows],
            "dimension": [row.dimension for row in rows],
            "score": [float(row.score) for row in rows],
            "clip": [row.clip for row in rows],
            "judgement": [row.judgement for row in rows],
        }
    )
    same = ["prompt", "model", "rater", "clip", "judgement"]
    overall = scores.groupby(same, as_index=False)["score"].mean().assign(dimension=OVERALL)
    both = pd.concat([scores, overall], ignore_index=True)
    keys = _keys(both)
    adjusted = {one.dimension: one for one in likert.adjusted(both)}
    by_category = likert.means(likert.labelled(overall, labels), by=("category", "model"))
    order = _category_order()
    categories = [
        {"category": one.group["category"], "model": one.group["model"]} | _interval(one)
        for one in sorted(by_category, key=lambda one: order.get(one.group["category"], 10**6))
    ]
    return {
        "means": sorted(
            (_mean(one, adjusted) for one in likert.means(both)),
            key=lambda row: (keys.index(row["dimension"]), -row["mean"]),
        ),
        "comparisons": [asdict(one) for one in likert.compare(both)],
        "raters": _raters(adjusted.get(OVERALL)),
        "agreement": [row for key in keys if (row := _agreement(both, key))["alpha"] is not None],
        "defects": _defects(rows, scores),
        "categories": categories,
        "slices": _slices(overall, labels),
        "prompts": _prompts_of_scores(overall),
        "components": {
            key: {name: float(value) for name, value in asdict(one.components).items()}
            for key, one in adjusted.items()
            if one.components is not None
        },
        "not_adjusted": [key for key, one in adjusted.items() if not one.means],
    }


def _mean(one: likert.GroupMean, adjusted: dict[str, likert.AdjustedDimension]) -> Row:
    model, dimension = one.group["model"], one.group["dimension"]
    means = adjusted[dimension].means if dimension in adjusted else ()
    other = next((mean for mean in means if mean.model == model), None)
    return {
        "model": model,
        "dimension": dimension,
        **_interval(one),
        "scores": one.scores,
        "adjusted": other.mean if other else None,
        "adjusted_low": other.low if other else None,
        "adjusted_high": other.high if other else None,
    }


def _interval(one: likert.GroupMean) -> Row:
    return {"mean": one.mean, "low": one.low, "high": one.high, "prompts": one.prompts}


def _raters(adjusted: likert.AdjustedDimension | None) -> list[Row]:
    return [asdict(one) for one in adjusted.raters] if adjusted else []


def _agreement(scores: pd.DataFrame, dimension: str) -> Row:
    own = scores[scores["dimension"] == dimension]
    found = agreement(
        own["clip"].to_numpy(), own["rater"].to_numpy(), own["score"].to_numpy(), own["prompt"].to_numpy()
    )
    told: Row = {"dimension": dimension, "items": found.items, "raters": len(found.raters)}
    kinds: dict[str, Estimate] = {
        "alpha": found.alpha_ordinal,
        "icc_a1": found.icc_a1,
        "icc_c1": found.icc_c1,
    }
    for key, one in kinds.items():
        told |= {key: one.value, f"{key}_low": one.low, f"{key}_high": one.high}
    return told


def _defects(rows: Iterable[LikertRow], scores: pd.DataFrame) -> list[Row]:
    ticks = [
        (row.prompt, row.model, row.rater, mark.dimension, mark.aspect, mark.kind)
        for row in rows
        for mark in row.marks
        if mark.kind == "defect"
    ]
    if not ticks:
        return []
    columns = ["prompt", "model", "rater", "dimension", "aspect", "kind"]
    found = likert.shares(scores, pd.DataFrame(ticks, columns=columns))
    return [
        {
            "model": one.model,
            "dimension": one.dimension,
            "aspect": one.aspect,
            "share": one.share,
            "marked": one.marked,
            "judgements": one.scored,
        }
        for one in found
    ]


def _slices(overall: pd.DataFrame, labels: pd.DataFrame) -> list[Row]:
    """Of prompts with several shots and one, and of each style."""
    many = set(Category.objects.filter(pk__in=_below("multi-shot")).values_list("slug", flat=True))
    styles = set(Category.objects.filter(pk__in=_below(_STYLES)).values_list("slug", flat=True)) - {_STYLES}
    put = dict.fromkeys(many, "multi-shot") | {"single-shot": "single-shot"} | {s: s for s in styles}
    own = labels[labels["category"].isin(list(put))]
    if own.empty:
        return []
    named = own.assign(category=own["category"].map(put)).drop_duplicates()
    found = [
        {"category": one.group["category"], "model": one.group["model"]} | _interval(one)
        for one in likert.means(likert.labelled(overall, named), by=("category", "model"))
    ]
    return sorted(found, key=lambda row: (row["category"] not in _SHOTS, row["category"]))


def _prompts_of_scores(overall: pd.DataFrame) -> list[Row]:
    means = overall.groupby(["model", "prompt"])["score"].mean()
    return _ranked({(str(model), int(prompt)): float(value) for (model, prompt), value in means.items()})


# --- Pairs ------------------------------------------------------------------------------------------------


def _of_pairs(rows: Sequence[GsbRow], labels: pd.DataFrame) -> dict[str, Any]:
    verdicts = pd.DataFrame(
        {
            "prompt": [row.prompt for row in rows],
            "opponent": [row.opponent for row in rows],
            "dimension": [row.dimension for row in rows],
            "verdict": [row.verdict for row in rows],
        }
    )
    overall = verdicts[verdicts["dimension"] == OVERALL]
    of_categories = likert.labelled(overall if len(overall) else verdicts, labels)
    order = _category_order()
    keys = sorted(_keys(verdicts), key=lambda key: key == OVERALL)
    by_category = gsb.compare(of_categories, by=("category", "opponent")) if len(of_categories) else []
    by_category.sort(key=lambda one: order.get(one.group["category"], 10**6))
    return {
        "pairs": sorted(
            map(_verdicts, gsb.compare(verdicts)),
            key=lambda row: (row["opponent"], keys.index(row["dimension"])),
        ),
        "pair_categories": [_verdicts(one) for one in by_category],
    }


def _verdicts(one: gsb.Result) -> Row:
    return {
        **one.group,
        "good": one.good,
        "same": one.same,
        "bad": one.bad,
        "judgements": one.votes,
        "prompts": one.prompts,
        "net": one.net,
        "low": one.net_low,
        "high": one.net_high,
        "ratio": one.ratio,
        "p": one.p,
        "p_adjusted": one.p_holm,
    }


def _prompts_of_pairs(rows: Sequence[GsbRow], model: str) -> list[Row]:
    worth = {"G": 1.0, "S": 0.0, "B": -1.0}
    of_prompt: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        of_prompt[row.prompt].append(worth[row.verdict])
    return _ranked({(model, prompt): sum(all_) / len(all_) for prompt, all_ in of_prompt.items()})


# --- Parts ------------------------------------------------------------------------------------------------


def _ranked(values: dict[tuple[str, int], float]) -> list[Row]:
    """By model, the highest first."""
    rows = [{"model": model, "prompt": prompt, "value": value} for (model, prompt), value in values.items()]
    return sorted(rows, key=lambda row: (row["model"], -row["value"], row["prompt"]))


def _keys(scores: pd.DataFrame) -> list[str]:
    """The dimensions in the order in which they first come, overall last."""
    return [str(key) for key in scores["dimension"].unique()]


def _labels(rows: Iterable[LikertRow | GsbRow]) -> pd.DataFrame:
    """Prompts with their categories: a line each."""
    found = {(row.prompt, slug) for row in rows for slug in row.categories}
    return pd.DataFrame(sorted(found), columns=["prompt", "category"])


def _category_order() -> dict[str, int]:
    return {row.slug: place for place, (row, _depth) in enumerate(taxonomy.in_order())}


def _below(slug: str) -> set[int]:
    return taxonomy.subtree(Category.objects.filter(slug=slug).values_list("pk", flat=True))


def _dimensions(campaigns: Sequence[Campaign]) -> dict[str, list[str]]:
    rows = Dimension.objects.filter(campaign__in=campaigns).order_by("position")
    return {row.key: [row.name_en, row.name_zh] for row in rows}


def _clips(evaluation: Evaluation, prompts: set[int]) -> dict[int, dict[VideoModel, Clip]]:
    """The clips that were judged, the first of each prompt and model."""
    shown = ItemClip.objects.filter(item__campaign__in=evaluation.campaigns, item__prompt__in=prompts)
    shown = shown.select_related("clip__video_model").order_by("item__position", "position")
    found: dict[int, dict[VideoModel, Clip]] = defaultdict(dict)
    for one in shown:
        if one.clip.video_model is not None and one.clip.prompt_id is not None:
            found[one.clip.prompt_id].setdefault(one.clip.video_model, one.clip)
    return found


def _given(evaluation: Evaluation) -> int:
    """Judgements that count, with all corrections: a correction is something new, and so is an exclusion."""
    campaigns: list[uuid.UUID] = [one.pk for one in evaluation.campaigns]
    return counted(Judgement.objects.filter(item__campaign__in=campaigns)).count()


def _in_language(names: Sequence[str]) -> str:
    return names[1] if (get_language() or "en").startswith("zh") else names[0]
