"""An item of expert scoring before the rules of `scoring.py`, and what these say in words of its page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import F
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotation.campaigns import rubric
from annotation.labelling import scoring
from annotation.labelling.feedback import Feedback
from annotation.labelling.scoring import Code, Form, Problem, Scores, Verdicts
from annotation.models import ItemClip
from annotation.results.pairs import ItemRules


@dataclass(frozen=True)
class ScoredItem:
    """An item of a Likert or good/same/bad campaign, as one person sees it."""

    form: Form
    names: Mapping[str, str]
    """Of the campaign's dimensions, in the reader's language."""
    clip_order: Sequence[str]
    left_tested: bool
    """Good/same/bad: whether the clip on the left is the model's under test."""

    @classmethod
    def of(cls, rules: ItemRules, clip_order: Sequence[str]) -> "ScoredItem":
        """Read what the rules need to know besides (one statement)."""
        with connection.cursor() as cursor:
            cursor.execute(_CLIPS, [rules.item.pk])
            rows = cursor.fetchall()
        task = rows[0][1]
        asked = [one for one in rules.dimensions if rubric.asked(one.key, task)]
        language = get_language() or "en"
        return cls(
            form=Form(
                clips={str(key): seconds for key, _task, seconds, _tested in rows},
                dimensions=tuple(one.key for one in asked),
                required=frozenset(one.key for one in asked if one.required),
            ),
            names={one.key: one.name(language) for one in rules.dimensions},
            clip_order=clip_order,
            left_tested=any(tested for key, _task, _seconds, tested in rows if str(key) == clip_order[0]),
        )

    def feedback(self, answers: Scores | Verdicts) -> Feedback:
        """Problems that keep the answers from being taken, dimensions left open, and doubts."""
        problems = scoring.validate(self.form, answers)
        missing = {p.dimension for p in problems if p.code in (Code.MISSING_SCORE, Code.MISSING_VERDICT)}
        return {
            "problems": [self._told(problem) for problem in problems],
            "broken": [],
            "questions": [],
            "comparisons": [],
            "unanswered": [key for key in self.form.dimensions if key in missing],
            "doubts": [self._told(doubt) for doubt in scoring.doubts(self.form, answers)],
        }

    def stored(self, answers: Scores | Verdicts) -> dict[str, Any]:
        """As `Judgement.answers` keeps it: verdicts are on the model under test."""
        if isinstance(answers, Scores):
            return scoring.to_json(answers)
        verdicts = scoring.of_model(answers, self.left_tested)
        return {"verdicts": {key: verdict.value for key, verdict in verdicts.items()}}

    def _told(self, problem: Problem) -> dict[str, Any]:
        where = "scores" if problem.mark is None else f"marks[{problem.mark}]"
        if problem.code in (Code.MISSING_VERDICT, Code.OVERALL_ALONE):
            where = "verdicts"
        return {
            "code": problem.code.value,
            "where": where if problem.mark is not None else f"{where}.{problem.dimension}",
            "message": _sentence(problem.code)
            % {
                "dimension": self.names.get(problem.dimension, problem.dimension),
                "clips": ", ".join(sorted(map(self._number, problem.clips))),
                "given": problem.given,
                "length": f"{max((self.form.clips.get(clip, 0) for clip in problem.clips), default=0):g}",
            },
            "dimension": problem.dimension,
            "clips": list(problem.clips),
        }

    def _number(self, clip: str) -> str:
        return str(self.clip_order.index(clip) + 1) if clip in self.clip_order else "?"


def as_said(stored: Mapping[str, Any], clip_order: Sequence[str]) -> dict[str, Any]:
    """A stored answer as its person said it: verdicts by side (one statement), scores as they are."""
    if "verdicts" not in stored:
        return dict(stored)
    tested = F("item__campaign__model_under_test")
    left = ItemClip.objects.filter(pk=clip_order[0], clip__video_model=tested).exists()
    return scoring.to_json(scoring.as_said(scoring.verdicts_from_json(stored), left))


def _sentence(code: Code) -> str:
    match code:
        case Code.UNKNOWN_DIMENSION:
            return _("“%(dimension)s” is not asked of this item.")
        case Code.FOREIGN_CLIP:
            return _("%(dimension)s: a clip that is not part of this item was named.")
        case Code.OFF_SCALE:
            return _("%(dimension)s, clip %(clips)s: scores go from 1 to 5; %(given)s was given.")
        case Code.UNKNOWN_ASPECT:
            return _("%(dimension)s: a mark names an aspect that this dimension does not have.")
        case Code.MARK_OUTSIDE:
            return _(
                "%(dimension)s, clip %(clips)s: a mark is at %(given)s s, but the clip lasts %(length)s s."
            )
        case Code.MARK_REVERSED:
            return _("%(dimension)s, clip %(clips)s: a mark ends before it begins (%(given)s s).")
        case Code.MISSING_SCORE:
            return _("%(dimension)s: give a score from 1 to 5 to clip %(clips)s.")
        case Code.MISSING_VERDICT:
            return _("%(dimension)s: say whether left or right is better, or that they are the same.")
        case Code.BEST_WITH_DEFECT:
            return _("%(dimension)s: clip %(clips)s has the best score and a defect.")
        case Code.WORST_WITHOUT_DEFECT:
            return _("%(dimension)s: clip %(clips)s has the worst score, and only strengths are marked.")
        case Code.OVERALL_ALONE:
            return _("%(dimension)s: no dimension says what is said of the whole.")


_CLIPS = """
SELECT ic.id, p.task, COALESCE(r.duration, cl.duration), cl.video_model_id = c.model_under_test_id
FROM annotation_itemclip ic
JOIN annotation_item i ON i.id = ic.item_id
JOIN annotation_prompt p ON p.id = i.prompt_id
JOIN annotation_campaign c ON c.id = i.campaign_id
JOIN annotation_clip cl ON cl.id = ic.clip_id
LEFT JOIN annotation_rendition r ON r.clip_id = ic.clip_id
    AND r.fps IS NOT DISTINCT FROM c.normalise_fps AND r.seconds IS NOT DISTINCT FROM c.normalise_seconds
WHERE ic.item_id = %s ORDER BY ic.position
"""
