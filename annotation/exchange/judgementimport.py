"""Judgements that were made elsewhere become a closed campaign: first a report, then all of it or nothing.

Each two clips that are compared are an item; each person's statement about them is a judgement, by an account
that nobody can log in to. Who it was elsewhere is not kept. All judgements of such a campaign are imported,
and `JudgementImport` says from where.

With two clips an item, dimensions that disagree break each other's pairs (§4.4.1): the report counts them.
"""

import hashlib
import secrets
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.campaigns.dimensions import DimensionSpec
from annotation.clips.clipmatching import Clips, Found
from annotation.exchange import labelstudio, pairtable
from annotation.exchange.judgementfile import (
    MAX_BYTES,
    JudgementFileError,
    Problem,
    Reading,
    Statement,
    dimension_named,
)
from annotation.labelling import bestworst
from annotation.models import (
    Assignment,
    Campaign,
    Clip,
    Item,
    ItemClip,
    Judgement,
    JudgementImport,
    Participation,
    Task,
)
from annotation.prompts import identity
from annotation.results import pairs
from workbench.models import Role, User
from workbench.refusals import Conflict, Invalid

Format = JudgementImport.Format
_READERS: dict[str, Callable[[str], Reading]] = {
    Format.LABEL_STUDIO: labelstudio.read,
    Format.VIDEO_ALIGN: pairtable.read,
}
_BATCH = 1000
_MOST_OVERLAP = 20
T = TypeVar("T")


@dataclass
class Report:
    """What an import did, or would do."""

    format: str
    source: str
    stored: bool = False
    campaign: str | None = None
    statements: int = 0
    """Understood in the file; those that fit are judgements."""
    judgements: int = 0
    items: int = 0
    clips: int = 0
    annotators: int = 0
    ties: int = 0
    """Answers that call two clips equal in a dimension."""
    pairs: int = 0
    pairs_broken: int = 0
    """Of them, how many the constraint breaks."""
    dimensions: list[dict[str, str]] = field(default_factory=list)
    """`name` in the file, `key` and `reward` here."""
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Fitting:
    """A statement whose clips are there."""

    statement: Statement
    left: Found
    right: Found
    prompt: int | str
    """The prompt's id, or the text of one that the clips don't have yet."""


@dataclass
class _Assessed:
    report: Report
    fitting: list[_Fitting]
    dimensions: dict[str, DimensionSpec]
    """By the file's name."""
    sha256: str


def preview(kind: str, content: bytes, source: str, *, folder: Path | None = None) -> Report:
    """Say what `bring_in` would do. Stores nothing. Raises JudgementFileError; Conflict `imported_before`."""
    return _assess(kind, content, source, folder).report


def bring_in(
    kind: str, content: bytes, source: str, by: User, *, folder: Path | None = None, partly: bool = False
) -> Report:
    """Import a file's judgements, in one transaction.

    `folder`: where the paths that the file names lie, to know clips by their bytes. `partly` leaves out what
    does not fit, for good: the same file can't be imported again.
    Raises JudgementFileError; Conflict `imported_before`; Invalid `problems` (there are some, and `partly` is
    not said) or `nothing_fits`.
    """
    with transaction.atomic():
        assessed = _assess(kind, content, source, folder)
        report = assessed.report
        if not assessed.fitting:
            raise Invalid("nothing_fits", _("Nothing of this file fits, so nothing is imported."))
        if report.problems and not partly:
            message = ngettext(
                "%(n)d statement doesn't fit. Import the rest without it, or mend the file first.",
                "%(n)d statements don't fit. Import the rest without them, or mend the file first.",
                len(report.problems),
            )
            raise Invalid("problems", message % {"n": len(report.problems)})
        campaign = _store(assessed, by)
        report.stored, report.campaign = True, str(campaign.pk)
        JudgementImport.objects.create(
            format=kind,
            source=report.source,
            sha256=assessed.sha256,
            campaign=campaign,
            report=report.to_json(),
            created_by=by,
        )
    return report


def _assess(kind: str, content: bytes, source: str, folder: Path | None) -> _Assessed:
    digest = hashlib.sha256(content).hexdigest()
    before = JudgementImport.objects.filter(format=kind, sha256=digest).select_related("campaign").first()
    if before is not None:
        message = _("This file was imported before, as the campaign “%(name)s”.")
        values = {"name": before.campaign.name}
        raise Conflict("imported_before", message % values, campaign=str(before.campaign_id))
    reading = _READERS[kind](_text(content))
    report = Report(format=kind, source=source[:200], notes=reading.notes, problems=reading.problems)
    report.statements = len(reading.statements)
    names = dict.fromkeys(name for one in reading.statements for name in one.answers)
    dimensions = {name: dimension_named(name) for name in names}
    if len({spec.key for spec in dimensions.values()}) < len(dimensions):
        message = _("Two names in the file mean one dimension: %(names)s.")
        raise JudgementFileError(message % {"names": ", ".join(dimensions)})
    report.dimensions = [
        {"name": name, "key": spec.key, "reward": spec.reward} for name, spec in dimensions.items()
    ]
    fitting = _fit(reading.statements, report, folder)
    report.problems.sort(key=lambda problem: problem.line)
    _count(report, fitting, dimensions)
    return _Assessed(report, fitting, dimensions, digest)


def _text(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise JudgementFileError(_("The file is larger than 64 MB. Split it."))
    try:
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise JudgementFileError(_("The file is not UTF-8 (line %(line)d).") % {"line": line}) from error
    if "\0" in text or not text.strip():
        raise JudgementFileError(_("The file is empty, or is not text."))
    return text


def _fit(statements: Sequence[Statement], report: Report, folder: Path | None) -> list[_Fitting]:
    clips = Clips((name for one in statements for name in (one.left, one.right)), folder)
    fitting: list[_Fitting] = []
    seen: set[tuple[frozenset[uuid.UUID], str]] = set()
    prompt_of: dict[uuid.UUID, int | str] = {}
    other_prompts = 0
    for one in statements:
        left, right = clips.find(one.left, one.prompt), clips.find(one.right, one.prompt)
        if isinstance(left, str) or isinstance(right, str):
            for name, found in ((one.left, left), (one.right, right)):
                if isinstance(found, str):
                    report.problems.append(Problem(one.line, found, _WHY_NOT(found) % {"name": name[:200]}))
                    break
            continue
        known = left.prompt_id if left.prompt_id is not None else right.prompt_id
        prompt = identity.tidy(one.prompt) if known is None else known
        # A clip without a prompt gets that of the first line that names it.
        given = {prompt_of.get(left.id, prompt), prompt_of.get(right.id, prompt), prompt}
        problem = _misfit(one, left, right, seen, len(given))
        if problem is not None:
            report.problems.append(problem)
            continue
        seen.add((frozenset((left.id, right.id)), one.annotator))
        prompt_of |= {left.id: prompt, right.id: prompt}
        texts = left.texts | right.texts
        other_prompts += known is not None and bool(one.prompt) and identity.tidy(one.prompt) not in texts
        fitting.append(_Fitting(one, left, right, prompt))
    if other_prompts:
        text = _("Prompts that are written differently than the clips' own, which counts: %(n)d.")
        report.notes.append(text % {"n": other_prompts})
    return fitting


def _misfit(
    one: Statement,
    left: Found,
    right: Found,
    seen: set[tuple[frozenset[uuid.UUID], str]],
    n_prompts: int,
) -> Problem | None:
    if left.id == right.id:
        return Problem(one.line, "same_clip", _("Both names stand for the same clip."))
    known = {found.prompt_id for found in (left, right)} - {None}
    if len(known) > 1 or n_prompts > 1:
        return Problem(one.line, "two_prompts", _("The two clips belong to different prompts."))
    if not known and not identity.tidy(one.prompt):
        return Problem(one.line, "no_prompt", _("Neither the file nor the clips say which prompt it is."))
    if len(one.prompt) > identity.TEXT_LENGTH or "\0" in one.prompt:
        return Problem(one.line, "prompt", _("The prompt is too long, or is not text."))
    if (frozenset((left.id, right.id)), one.annotator) in seen:
        return Problem(one.line, "twice", _("The same person judged these two clips in a line before."))
    return None


def _WHY_NOT(code: str) -> str:  # noqa: N802 (reads as the constant that translation does not allow)
    if code == "ambiguous":
        return _("Several clips here are called “%(name)s”. Name them by SHA-256, or give the folder.")
    return _("No clip here is called “%(name)s”. Take it in first.")


def _count(report: Report, fitting: Sequence[_Fitting], dimensions: dict[str, DimensionSpec]) -> None:
    report.judgements = len(fitting)
    report.items = len({frozenset((one.left.id, one.right.id)) for one in fitting})
    report.clips = len({clip for one in fitting for clip in (one.left.id, one.right.id)})
    report.annotators = len({one.statement.annotator for one in fitting})
    keys = tuple(spec.key for spec in dimensions.values())
    for one in fitting:
        answers = _answers(one, dimensions, "left", "right")
        report.ties += sum(answer is bestworst.Mark.TIE for answer in answers.picks.values())
        rules = bestworst.Judgement(("left", "right"), keys, answers, question_limit=0)
        told = bestworst.preference_pairs(rules, include_broken=True)
        report.pairs += len(told)
        report.pairs_broken += sum(bool(pair.broken_by) for pair in told)


def _answers(one: _Fitting, dimensions: dict[str, DimensionSpec], left: str, right: str) -> bestworst.Answers:
    picks: dict[str, bestworst.DimensionAnswer] = {}
    for name, side in one.statement.answers.items():
        if side == "tie":
            picks[dimensions[name].key] = bestworst.Mark.TIE
        else:
            best, worst = (left, right) if side == "left" else (right, left)
            picks[dimensions[name].key] = bestworst.Picks(frozenset({best}), frozenset({worst}))
    return bestworst.Answers(picks)


# --- Storing, inside a transaction ------------------------------------------------------------------------


def _store(assessed: _Assessed, by: User) -> Campaign:
    fitting = assessed.fitting
    prompt_ids = _prompts(fitting)
    of_item: dict[frozenset[uuid.UUID], list[_Fitting]] = defaultdict(list)
    for one in fitting:
        of_item[frozenset((one.left.id, one.right.id))].append(one)
    most = max(map(len, of_item.values()))
    campaign = Campaign.objects.create(
        name=_("Imported: %(source)s") % {"source": assessed.report.source[:100]},
        state=Campaign.State.CLOSED,
        clips_per_item=2,
        overlap=min(most, _MOST_OVERLAP),
        question_limit=0,
        open_to_all=False,
        created_by=by,
        items_total=len(of_item),
    )
    for position, spec in enumerate(assessed.dimensions.values()):
        spec.row(campaign, position).save()
    people = _people(dict.fromkeys(one.statement.annotator for one in fitting))
    now = timezone.now()
    done: dict[str, _Done] = defaultdict(_Done)
    for start, batch in _batches(list(of_item.values())):
        _store_items(campaign, start, batch, prompt_ids, people, assessed.dimensions, now, done)
    Participation.objects.bulk_create(
        Participation(
            campaign=campaign,
            annotator=person,
            judged=done[name].judged,
            surplus=done[name].surplus,
            seconds=done[name].seconds,
            position=done[name].position,
        )
        for name, person in people.items()
    )
    pairs.derive_all(campaign.pk)
    return campaign


@dataclass
class _Done:
    """A person's part in the campaign."""

    judged: int = 0
    surplus: int = 0
    seconds: float = 0.0
    position: int = 0


def _store_items(
    campaign: Campaign,
    start: int,
    batch: Sequence[list[_Fitting]],
    prompt_ids: dict[str, int],
    people: dict[str, User],
    dimensions: dict[str, DimensionSpec],
    now: datetime,
    done: dict[str, _Done],
) -> None:
    items: list[Item] = []
    shown: list[ItemClip] = []
    assignments: list[Assignment] = []
    judgements: list[Judgement] = []
    for position, group in enumerate(batch, start):
        first = group[0]
        prompt = first.prompt if isinstance(first.prompt, int) else prompt_ids[first.prompt]
        left_open = max(0, campaign.overlap - len(group))
        item = Item(campaign=campaign, prompt_id=prompt, position=position, open_slots=left_open)
        clips = {
            found.id: ItemClip(item=item, clip_id=found.id, position=n)
            for n, found in enumerate((first.left, first.right))
        }
        items.append(item)
        shown += clips.values()
        for n, one in enumerate(group):
            surplus = n >= campaign.overlap
            left, right = str(clips[one.left.id].pk), str(clips[one.right.id].pk)
            person, at = people[one.statement.annotator], one.statement.at or now
            assignment = Assignment(
                item=item,
                campaign=campaign,
                annotator=person,
                state=Assignment.State.SUBMITTED,
                clip_order=[left, right],
                leased_at=at,
                expires_at=at,
                ended_at=at,
                surplus=surplus,
            )
            assignments.append(assignment)
            judgements.append(
                Judgement(
                    assignment=assignment,
                    item=item,
                    annotator=person,
                    answers=bestworst.to_json(_answers(one, dimensions, left, right)),
                    idempotency_key=uuid.uuid4(),
                    seconds=one.statement.seconds,
                    created_at=at,
                )
            )
            part = done[one.statement.annotator]
            part.judged, part.surplus = part.judged + (not surplus), part.surplus + surplus
            part.seconds, part.position = part.seconds + (one.statement.seconds or 0.0), position
    Item.objects.bulk_create(items)
    ItemClip.objects.bulk_create(shown)
    Assignment.objects.bulk_create(assignments)
    Judgement.objects.bulk_create(judgements)


def _prompts(fitting: Sequence[_Fitting]) -> dict[str, int]:
    """The prompts that the clips lack, by text; the clips get them."""
    found: dict[str, int] = {}
    for text in dict.fromkeys(one.prompt for one in fitting if isinstance(one.prompt, str)):
        chinese = any("\u3400" <= letter <= "\u9fff" for letter in text)
        texts = ("", text) if chinese else (text, "")
        found[text] = identity.find_or_create(*texts, Task.T2V).pk
    clips: dict[uuid.UUID, int] = {}
    for one in fitting:
        prompt = found[one.prompt] if isinstance(one.prompt, str) else one.prompt
        clips |= {clip.id: prompt for clip in (one.left, one.right) if clip.prompt_id is None}
    by_prompt: dict[int, list[uuid.UUID]] = defaultdict(list)
    for clip, prompt in clips.items():
        by_prompt[prompt].append(clip)
    for prompt, ids in by_prompt.items():
        Clip.objects.filter(pk__in=ids, prompt=None).update(prompt=prompt)
    return found


def _people(names: dict[str, None]) -> dict[str, User]:
    """An account for each, which nobody can log in to and whose name tells nothing."""
    mark = secrets.token_hex(4)
    people: dict[str, User] = {}
    for n, name in enumerate(names, start=1):
        username = f"imported-{mark}-{n}"
        person = User(
            username=username, email=f"{username}@imported.invalid", role=Role.ANNOTATOR, is_active=False
        )
        person.set_unusable_password()
        person.save()
        people[name] = person
    return people


def _batches(rows: Sequence[T]) -> Iterator[tuple[int, Sequence[T]]]:
    return ((start, rows[start : start + _BATCH]) for start in range(0, len(rows), _BATCH))
