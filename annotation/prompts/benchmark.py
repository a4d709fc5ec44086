"""What a benchmark holds, against what is asked of it (§7.2.1). No server, no database.

Asked are, in each task: labels in each of the six main categories, and of the first frame, used evenly;
prompts of several shots and of each application scenario; no near-duplicates; and no templates, which show as
sequences of words that come again and again.

A sequence is `RUN_EN` words of English (case and punctuation don't count) or `RUN_ZH` Chinese characters
(anything else is passed over): a Chinese word has one or two characters, so eight are about five words. Ends
of sentences don't break a sequence. Text and first frame are searched each by itself; a prompt counts once.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from annotation.prompts import taxonomyfile
from annotation.prompts.benchmarkfile import CHINESE, TASKS, WORD, BenchmarkPrompt, Problem, read
from annotation.prompts.nearduplicates import NearIndex, sketch
from annotation.prompts.taxonomyfile import FIRST_FRAME, MAIN, MULTI_SHOT, SCENARIO, Taxonomy

RUN_EN = 5
RUN_ZH = 8


@dataclass(frozen=True)
class Asked:
    """What a benchmark must reach in each task; the defaults are of SeedVideoBench-1.0."""

    prompts: int = 300
    multi_shot: int = 60
    per_scenario: int = 25
    imbalance: float = 1.5
    """Within a main category: the most used leaf against the least used one."""
    shared: int = 3
    """How many prompts a sequence of words may be in."""


@dataclass(frozen=True)
class Spread:
    """How often the leaves of a main category are used; ``imbalance`` is None where one never is."""

    leaves: dict[str, int]

    @property
    def imbalance(self) -> float | None:
        least = min(self.leaves.values())
        return max(self.leaves.values()) / least if least else None


@dataclass(frozen=True)
class Alike:
    id: str
    other: str
    resemblance: float


@dataclass(frozen=True)
class Repeated:
    """A sequence of words in more prompts than may share one."""

    language: str
    words: str
    ids: tuple[str, ...]


@dataclass
class Report:
    """What a benchmark holds, by task and main category, and what is not as asked."""

    prompts: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    coverage: dict[str, dict[str, Spread]] = field(default_factory=dict)
    multi_shot: dict[str, int] = field(default_factory=dict)
    alike: list[Alike] = field(default_factory=list)
    repeated: list[Repeated] = field(default_factory=list)
    shortfalls: list[str] = field(default_factory=list)

    @property
    def met(self) -> bool:
        return not (self.problems or self.alike or self.repeated or self.shortfalls)

    def to_json(self) -> dict[str, Any]:
        """The report as one JSON object; an imbalance is null where a leaf is never used."""
        coverage = {
            task: {
                main: {"leaves": spread.leaves, "imbalance": spread.imbalance}
                for main, spread in spreads.items()
            }
            for task, spreads in self.coverage.items()
        }
        return {
            "met": self.met,
            "prompts": self.prompts,
            "multi_shot": self.multi_shot,
            "coverage": coverage,
            "problems": [problem.__dict__ for problem in self.problems],
            "near_duplicates": [alike.__dict__ for alike in self.alike],
            "repeated": [repeated.__dict__ for repeated in self.repeated],
            "shortfalls": self.shortfalls,
        }


def examine(folder: Path, asked: Asked | None = None, taxonomy: Taxonomy | None = None) -> Report:
    """Read a benchmark and say what it holds and what it lacks. Raises BenchmarkError."""
    asked, taxonomy = asked or Asked(), taxonomy or taxonomyfile.shipped()
    prompts, problems = read(folder, taxonomy)
    report = Report(problems=problems)
    for task in TASKS:
        mine = [prompt for prompt in prompts if prompt.task == task]
        report.prompts[task] = len(mine)
        report.coverage[task] = _coverage(mine, task, taxonomy)
        several = set(taxonomy.leaves(MULTI_SHOT))
        report.multi_shot[task] = sum(bool(several.intersection(prompt.labels)) for prompt in mine)
        report.alike += _alike(mine)
    report.repeated = [*_repeated(prompts, "en", asked.shared), *_repeated(prompts, "zh", asked.shared)]
    report.shortfalls = list(_shortfalls(report, asked))
    return report


def _coverage(prompts: Sequence[BenchmarkPrompt], task: str, taxonomy: Taxonomy) -> dict[str, Spread]:
    used = Counter(label for prompt in prompts for label in prompt.labels)
    mains = [main for main in taxonomy.children[""] if main != FIRST_FRAME or task == "i2v"]
    return {main: Spread({leaf: used[leaf] for leaf in taxonomy.leaves(main)}) for main in mains}


def _alike(prompts: Sequence[BenchmarkPrompt]) -> Iterator[Alike]:
    index: NearIndex[str] = NearIndex()
    for prompt in prompts:
        texts = (prompt.text_en, prompt.text_zh)
        bands = [*sketch(prompt.text_en), *sketch(prompt.text_zh)]
        if near := index.find(texts, bands):
            yield Alike(prompt.id, near.key, round(near.resemblance, 3))
        index.add(prompt.id, texts, bands)


def _repeated(prompts: Iterable[BenchmarkPrompt], language: str, shared: int) -> Iterator[Repeated]:
    """The sequences in more than `shared` prompts, the most frequent first.

    Sequences that overlap are in one longer one: only those that begin a stretch of them are given.
    """
    ids: dict[tuple[str, ...], dict[str, None]] = defaultdict(dict)
    before: dict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
    for prompt in prompts:
        for text in _texts(prompt, language):
            last: tuple[str, ...] = ()
            for run in _runs(text, language):
                ids[run][prompt.id] = None
                before[run].add(last)
                last = run
    often = {run: tuple(found) for run, found in ids.items() if len(found) > shared}
    for run, found in sorted(often.items(), key=lambda one: (-len(one[1]), one[0])):
        if not any(often.get(earlier) == found for earlier in before[run]):
            yield Repeated(language, ("" if language == "zh" else " ").join(run), found)


def _texts(prompt: BenchmarkPrompt, language: str) -> tuple[str, str]:
    if language == "zh":
        return prompt.text_zh, prompt.first_frame_zh
    return prompt.text_en, prompt.first_frame_en


def _runs(text: str, language: str) -> Iterator[tuple[str, ...]]:
    chinese = language == "zh"
    words = CHINESE.findall(text) if chinese else WORD.findall(text.casefold().replace("’", "'"))
    size = RUN_ZH if chinese else RUN_EN
    return (tuple(words[start : start + size]) for start in range(len(words) - size + 1))


def _shortfalls(report: Report, asked: Asked) -> Iterator[str]:
    for task in TASKS:
        spreads = report.coverage[task]
        if report.prompts[task] != asked.prompts:
            said = {"task": task, "n": report.prompts[task], "asked": asked.prompts}
            yield _("%(task)s: %(n)d prompts; asked are %(asked)d.") % said
        if report.multi_shot[task] < asked.multi_shot:
            said = {"task": task, "n": report.multi_shot[task], "asked": asked.multi_shot}
            yield _("%(task)s: %(n)d prompts of several shots; asked are %(asked)d at least.") % said
        for slug, n in spreads[SCENARIO].leaves.items():
            if n < asked.per_scenario:
                said = {"task": task, "slug": slug, "n": n, "asked": asked.per_scenario}
                yield _("%(task)s: %(n)d prompts of “%(slug)s”; asked are %(asked)d at least.") % said
        for main in (*MAIN, FIRST_FRAME):
            spread = spreads.get(main)
            if spread is None or (spread.imbalance is not None and spread.imbalance <= asked.imbalance):
                continue
            least, most = (pick(spread.leaves, key=spread.leaves.__getitem__) for pick in (min, max))
            said = {"task": task, "main": main, "most": most, "least": least, "asked": asked.imbalance}
            said |= {"n_most": spread.leaves[most], "n_least": spread.leaves[least]}
            yield (
                _(
                    "%(task)s: in “%(main)s”, “%(most)s” is used %(n_most)d times, “%(least)s” %(n_least)d; "
                    "asked is %(asked)s times as often at most."
                )
                % said
            )
