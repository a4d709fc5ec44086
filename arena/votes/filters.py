"""Which votes count. Every vote is kept as given, and left out, with a reason, when ratings are computed.

Visitors are anybody: some are programs, or bored, or have somebody to promote. A vote counts unless
- it came before the clips can have been seen (`TOO_FAST`),
- its voter is excluded by a manager (`EXCLUDED`), or votes unlike everybody else (`OUTLIER`, outliers.py),
- its prompt names a video model (`LEAK`: the voter may know who is who),
- its voter had voted on this prompt with these two models before (`REPEATED`),
- its voter had given the day's share of votes already (`DAY_CAP`),
- its prompt has had its share of votes (`PROMPT_CAP`), so that no prompt is more than its part of a board.
The first that holds, in this order, is a vote's reason.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from django.utils.translation import gettext_lazy
from numpy.typing import NDArray

from annotation.models import Prompt, VideoModel
from arena.models import Ruling, Track
from arena.votes import columns
from arena.votes.columns import Columns, Ints


class Reason(IntEnum):
    """Why a vote is left out; 0 for one that counts."""

    NONE = 0
    TOO_FAST = 1
    EXCLUDED = 2
    OUTLIER = 3
    LEAK = 4
    REPEATED = 5
    DAY_CAP = 6
    PROMPT_CAP = 7

    @property
    def key(self) -> str:
        """Its name in the API and in files; "" for a vote that counts."""
        return self.name.lower() if self else ""


SAID = {
    Reason.TOO_FAST: gettext_lazy("given before the clips can have been seen"),
    Reason.EXCLUDED: gettext_lazy("the voter is excluded by a manager"),
    Reason.OUTLIER: gettext_lazy("the voter votes unlike everybody else"),
    Reason.LEAK: gettext_lazy("the prompt names a video model"),
    Reason.REPEATED: gettext_lazy("the voter had voted on this prompt with these models before"),
    Reason.DAY_CAP: gettext_lazy("the voter had given the day's share of votes"),
    Reason.PROMPT_CAP: gettext_lazy("the prompt has had its share of votes"),
}


@dataclass(frozen=True)
class Rules:
    """What a track leaves out, looked up: ids of prompts, keys of voters, caps (None: no cap)."""

    leaking: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    outliers: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    excluded: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    day_cap: int | None = None
    prompt_cap: int | None = None


def rules(track: Track, prompts: Ints) -> Rules:
    """The track's rules as of now, for votes on these prompts."""
    rulings: dict[str, list[int]] = {kind: [] for kind in Ruling.Verdict}
    for kind, voter in track.rulings.values_list("kind", "voter_id"):
        rulings[kind].append(columns.key_of(voter))
    return Rules(
        leaking=np.array(leaking(track, prompts.tolist()), np.int64),
        outliers=np.array(rulings[Ruling.Verdict.OUTLIER], np.int64),
        excluded=np.array(rulings[Ruling.Verdict.EXCLUDED], np.int64),
        day_cap=track.day_cap,
        prompt_cap=track.prompt_cap,
    )


def reasons(votes: Columns, rules: Rules) -> NDArray[np.int8]:
    """Why each vote is left out (`Reason`); 0 where it counts."""
    found = np.zeros(votes.votes, np.int8)

    def leave_out(which: NDArray[np.bool_], why: Reason) -> None:
        found[which & (found == 0)] = why

    # Simulated voters watch nothing and have no share of the day: they are told apart by their own flag.
    people = votes.flags & columns.SIMULATED == 0
    leave_out((votes.flags & columns.TOO_FAST) > 0, Reason.TOO_FAST)
    for who, why in ((rules.excluded, Reason.EXCLUDED), (rules.outliers, Reason.OUTLIER)):
        if len(who):
            leave_out(np.isin(votes.voters, who)[votes.voter], why)
    if len(rules.leaking):
        leave_out(np.isin(votes.prompts, rules.leaking)[votes.prompt], Reason.LEAK)
    leave_out(people & (votes.repeats > 0), Reason.REPEATED)
    if rules.day_cap is not None:
        leave_out(people & (votes.earlier_today >= rules.day_cap), Reason.DAY_CAP)
    if rules.prompt_cap is not None:
        leave_out(_beyond(votes.prompt, found == 0, rules.prompt_cap), Reason.PROMPT_CAP)
    return found


def leaking(track: Track, prompts: Iterable[int]) -> list[int]:
    """Those of these prompts that name a video model, its maker as written, or a word of the track's."""
    pattern = leak_pattern(
        VideoModel.objects.values_list("name", "organisation"), track.leak_words.splitlines()
    )
    if pattern is None:
        return []
    texts = Prompt.objects.filter(pk__in=list(prompts)).values_list("pk", "text_en", "text_zh")
    return [pk for pk, *both in texts if any(pattern.search(text) for text in both)]


def leak_pattern(models: Iterable[tuple[str, str]], words: Iterable[str]) -> re.Pattern[str] | None:
    """Finds names (name, maker) and words in a text, as whole words; None where there are none.

    Names of four letters or more and the words are found in any case. Shorter names and makers are found as
    they are written only: "Wan" is a name, and "wan" is an adjective; a runway is not always Runway's.
    """
    anyhow = {word.strip() for word in words}
    exactly: set[str] = set()
    for name, maker in models:
        (anyhow if len(name) > 3 else exactly).add(name.strip())
        exactly.add(maker.strip())
    parts = [f"(?i:{re.escape(word)})" for word in sorted(anyhow - {""})]
    parts += [re.escape(word) for word in sorted(exactly - {""})]
    # Chinese has no spaces: only a Latin letter or digit beside it makes it part of a longer word.
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(parts)})(?![A-Za-z0-9])") if parts else None


def _beyond(groups: NDArray[np.int32], among: NDArray[np.bool_], cap: int) -> NDArray[np.bool_]:
    """Of those `among`, the ones that come after the first `cap` of their group."""
    (places,) = among.nonzero()
    order = np.argsort(groups[places], kind="stable")
    sizes = np.bincount(groups[places])
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    beyond = np.zeros(len(groups), bool)
    beyond[places[order[np.arange(len(order)) - starts >= cap]]] = True
    return beyond
