"""Collect prompts into sets (§4.4.1): what a file brings, what is filtered out and why, and taking it back.

`preview` says line by line what an import would do; `collect` does it. Each prompt that comes in for a set is
kept as a `PromptCandidate` with what was decided: a prompt that is left out loses nothing, and `decide`
overrules the filter in either direction. What a person decided stays when the same file comes again.

An import costs by its own lines: the prompts that are there are met through their fingerprints and sketches.
The first import into a set made otherwise also makes the sketches of its prompts. Where thousands of prompts
differ in one word only, each line is compared with all of those: milliseconds a line.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, TypeVar

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.models import Prompt, PromptCandidate, PromptSet, PromptSketch
from annotation.prompts import identity, promptsets, reasons, taxonomy
from annotation.prompts.ambiguity import first_hit
from annotation.prompts.nearduplicates import NearIndex, sketch
from annotation.prompts.promptfile import Row, read
from workbench.models import User
from workbench.refusals import Missing

BATCH = 200
Outcome = Literal["new", "there", "left_out", "refused"]
T = TypeVar("T")


@dataclass
class Line:
    """What becomes of a line of the file. ``reason`` is of `reasons.NAMES`; ``code`` why it is refused."""

    line: int
    outcome: Outcome
    text_en: str = ""
    text_zh: str = ""
    prompt_set: str = ""
    reason: str = ""
    evidence: str = ""
    resemblance: float | None = None
    code: str = ""
    message: str = ""


@dataclass
class Report:
    """What an import did, or would do. ``notes`` are about the file as a whole."""

    stored: bool
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        counts = Counter(line.outcome for line in self.lines)
        return {outcome: counts[outcome] for outcome in ("new", "there", "left_out", "refused")}


@dataclass
class _Coming:
    """A line that is for a set, on its way."""

    row: Row
    said: Line
    fingerprint: str
    bands: list[int] = field(default_factory=list)
    alike: "int | _Coming | None" = None
    """The prompt, or the line of this file, that it is a near-duplicate of."""
    prompt_id: int | None = None


def preview(text: str, prompt_set: str = "") -> Report:
    """Say what `collect` would do. Stores no prompt and no set. Raises PromptFileError."""
    report, _coming = _assess(text, prompt_set)
    return report


def collect(text: str, prompt_set: str = "", *, source: str = "", sift: bool = True) -> Report:
    """Import a file's prompts into the sets that its lines name, or else into `prompt_set`, made where new.

    Without `sift` nothing is left out: for a benchmark, whose prompts were chosen one by one.
    Raises PromptFileError, with nothing stored, where the text as a whole can't be read.
    """
    wanted = {row.prompt_set or prompt_set.strip() for row in read(text).rows} - {""}
    with transaction.atomic():
        there = set(
            PromptSet.objects.filter(slug__in=map(promptsets.slug_of, wanted)).values_list("pk", flat=True)
        )
        sets = {name: promptsets.named(name) for name in sorted(wanted)}
        # Two imports into one set wait for each other, so that a second click finds everything there.
        list(
            PromptSet.objects.select_for_update().filter(pk__in=[s.pk for s in sets.values()]).order_by("pk")
        )
        report, coming = _assess(text, prompt_set, sift=sift)
        report.stored = True
        for batch in _batches(coming):
            _store_prompts(batch, sets)
        for batch in _batches(coming):
            _store_candidates(batch, sets, source)
        made = {row.pk for row in sets.values()} - there
        PromptSet.objects.filter(pk__in=made, candidates=None).delete()  # all of its lines were refused
    return report


def decide(candidate_id: int, kept: bool, by: User) -> PromptCandidate:
    """Take a prompt that was left out into its set, or leave one out that came in. Twice is as once.

    Raises Missing.
    """
    with transaction.atomic():
        rows = PromptCandidate.objects.select_for_update(of=("self",)).select_related("prompt_set", "prompt")
        candidate = rows.filter(pk=candidate_id).first()
        if candidate is None:
            raise Missing("no_such_candidate", _("There is no such prompt."))
        if kept == (candidate.prompt is not None):
            return candidate
        if candidate.prompt is None:
            candidate.prompt = identity.find_or_create(
                candidate.text_en,
                candidate.text_zh,
                candidate.task,
                shows=(candidate.first_frame_en, candidate.first_frame_zh),
            )
            candidate.prompt.categories.add(*taxonomy.rows(candidate.categories).values())
            candidate.prompt.prompt_sets.add(candidate.prompt_set)
        else:
            candidate.prompt.prompt_sets.remove(candidate.prompt_set)
            candidate.prompt = None
        candidate.decided_by, candidate.decided_at = by, timezone.now()
        candidate.save(update_fields=["prompt", "decided_by", "decided_at"])
    return candidate


def _assess(text: str, default_set: str, *, sift: bool = True) -> tuple[Report, list[_Coming]]:
    reading = read(text)
    report = Report(stored=False, notes=reading.notes)
    for problem in reading.problems:
        said = Line(problem.line, "refused", problem.excerpt, code=problem.code, message=problem.text)
        report.lines.append(said)
    unknown = set(taxonomy.unknown(list({slug for row in reading.rows for slug in row.categories})))
    by_set: dict[str, list[_Coming]] = defaultdict(list)
    for row in reading.rows:
        said = Line(row.line, "new", row.text_en, row.text_zh, row.prompt_set or default_set.strip())
        report.lines.append(said)
        if strange := next((slug for slug in row.categories if slug in unknown), None):
            message = _("There is no category “%(slug)s” in the taxonomy.") % {"slug": strange}
            said.outcome, said.code, said.message = "refused", "category", message
        elif not said.prompt_set:
            message = _("It names no prompt set, and none is chosen for the file.")
            said.outcome, said.code, said.message = "refused", "set", message
        else:
            frame = identity.described(row.first_frame_en, row.first_frame_zh)
            fingerprint = identity.fingerprint(row.task, row.text_en, row.text_zh, frame)
            by_set[promptsets.slug_of(said.prompt_set)].append(_Coming(row, said, fingerprint))
    report.lines.sort(key=lambda line: line.line)
    for slug, coming in by_set.items():
        _sift(PromptSet.objects.filter(slug=slug).first(), coming, filtered=sift)
    return report, [one for coming in by_set.values() for one in coming]


def _sift(prompt_set: PromptSet | None, coming: Sequence[_Coming], *, filtered: bool) -> None:
    """Say of each line that is for one set what becomes of it, in the file's order."""
    if prompt_set is not None:
        _sketch_prompts_of(prompt_set)
    first: dict[str, _Coming] = {}
    indices: dict[str, NearIndex[int | str]] = defaultdict(NearIndex)
    for batch in _batches(coming):
        for one in batch:
            one.bands = [*sketch(one.row.text_en), *sketch(one.row.text_zh)]
        if prompt_set is not None:
            _meet_what_is_there(prompt_set, batch, indices)
        for one in batch:
            if one.said.outcome == "there":
                continue
            if earlier := first.get(one.fingerprint):
                message = _("The same as line %(line)d.") % {"line": earlier.row.line}
                one.said.outcome, one.said.message = "there", message
                continue
            first[one.fingerprint] = one
            if filtered:
                _filter(one, indices[one.row.task], first)


def _filter(one: _Coming, index: NearIndex[int | str], first: dict[str, _Coming]) -> None:
    texts = (one.row.text_en, one.row.text_zh)
    said = one.said
    if hit := first_hit(one.row.task, *texts):
        said.outcome, said.reason, said.evidence = "left_out", hit.rule.name, hit.evidence[:200]
        return
    near = index.find(texts, one.bands)
    if near is None:
        index.add(one.fingerprint, texts, one.bands)
        return
    said.outcome, said.reason = "left_out", reasons.NEAR_DUPLICATE
    said.resemblance = round(near.resemblance, 3)
    one.alike = near.key if isinstance(near.key, int) else first[near.key]
    if isinstance(one.alike, _Coming):
        said.evidence = (one.alike.row.text_en or one.alike.row.text_zh)[:200]
        said.message = _("Like line %(line)d.") % {"line": one.alike.row.line}
    else:
        english, chinese = index.texts(near.key)
        said.evidence = (english or chinese)[:200]


def _meet_what_is_there(
    prompt_set: PromptSet, batch: Sequence[_Coming], indices: dict[str, NearIndex[int | str]]
) -> None:
    """Mark lines that the set knows, and bring the prompts that others may be like into the indices."""
    fingerprints = [one.fingerprint for one in batch]
    in_set = dict(
        Prompt.objects.filter(prompt_sets=prompt_set, fingerprint__in=fingerprints).values_list(
            "fingerprint", "pk"
        )
    )
    came = prompt_set.candidates.filter(fingerprint__in=fingerprints)
    left_out = dict(came.filter(prompt=None).values_list("fingerprint", "reason"))
    # One that came in without its first frame is another row since it has one.
    in_set |= dict(came.exclude(prompt=None).values_list("fingerprint", "prompt"))
    for one in batch:
        one.prompt_id = in_set.get(one.fingerprint)
        if one.prompt_id is not None:
            one.said.outcome = "there"
        elif one.fingerprint in left_out:
            why = reasons.title(left_out[one.fingerprint])
            one.said.outcome = "there"
            one.said.message = _("It was left out before: %(why)s.") % {"why": why}
    bands = [band for one in batch if one.said.outcome == "new" for band in one.bands]
    alike = PromptSketch.objects.filter(
        bands__overlap=bands, prompt__prompt_sets=prompt_set, prompt__first_frame=""
    )
    said = alike.values_list("prompt_id", "prompt__task", "prompt__text_en", "prompt__text_zh", "bands")
    for pk, task, text_en, text_zh, its_bands in said if bands else ():
        if pk not in indices[task]:
            indices[task].add(pk, (text_en, text_zh), its_bands)


def _sketch_prompts_of(prompt_set: PromptSet) -> None:
    """Make the sketches that are missing: of prompts that came into the set in another way."""
    missing = prompt_set.prompts.filter(sketch=None).values_list("pk", "text_en", "text_zh")
    for batch in _batches(list(missing)):
        PromptSketch.objects.bulk_create(
            [PromptSketch(prompt_id=pk, bands=[*sketch(en), *sketch(zh)]) for pk, en, zh in batch],
            ignore_conflicts=True,
        )


def _store_prompts(batch: Sequence[_Coming], sets: dict[str, PromptSet]) -> None:
    new = [one for one in batch if one.said.outcome == "new"]
    Prompt.objects.bulk_create(
        [
            Prompt(
                text_en=one.row.text_en,
                text_zh=one.row.text_zh,
                task=one.row.task,
                first_frame_en=one.row.first_frame_en,
                first_frame_zh=one.row.first_frame_zh,
                fingerprint=one.fingerprint,
            )
            for one in new
        ],
        ignore_conflicts=True,
    )
    made = dict(
        Prompt.objects.filter(fingerprint__in=[one.fingerprint for one in new]).values_list(
            "fingerprint", "pk"
        )
    )
    for one in new:
        one.prompt_id = made[one.fingerprint]
    PromptSketch.objects.bulk_create(
        [PromptSketch(prompt_id=made[one.fingerprint], bands=one.bands) for one in new], ignore_conflicts=True
    )
    in_set = Prompt.prompt_sets.through
    in_set.objects.bulk_create(
        [in_set(prompt_id=one.prompt_id, promptset_id=sets[one.said.prompt_set].pk) for one in new],
        ignore_conflicts=True,
    )
    categories = taxonomy.rows(list({slug for one in batch if one.prompt_id for slug in one.row.categories}))
    under = Prompt.categories.through
    under.objects.bulk_create(
        [
            under(prompt_id=one.prompt_id, category_id=categories[slug].pk)
            for one in batch
            if one.prompt_id is not None
            for slug in one.row.categories
        ],
        ignore_conflicts=True,
    )


def _store_candidates(batch: Sequence[_Coming], sets: dict[str, PromptSet], source: str) -> None:
    PromptCandidate.objects.bulk_create(
        [
            PromptCandidate(
                prompt_set=sets[one.said.prompt_set],
                text_en=one.row.text_en,
                text_zh=one.row.text_zh,
                task=one.row.task,
                first_frame_en=one.row.first_frame_en,
                first_frame_zh=one.row.first_frame_zh,
                fingerprint=one.fingerprint,
                categories=list(one.row.categories),
                source=source[:200],
                external_id=one.row.external_id,
                reason=one.said.reason,
                evidence=one.said.evidence,
                alike_id=one.alike.prompt_id if isinstance(one.alike, _Coming) else one.alike,
                resemblance=one.said.resemblance,
                prompt_id=one.prompt_id,
            )
            for one in batch
            if one.said.outcome in {"new", "left_out"}
        ],
        ignore_conflicts=True,
    )


def _batches(rows: Sequence[T]) -> Iterator[list[T]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch
