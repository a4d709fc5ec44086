"""Which votes count, against the same rules applied vote by vote."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.models import Prompt, Task, VideoModel
from arena.battles import tracks
from arena.votes import columns, filters
from arena.votes.columns import Columns
from arena.votes.filters import Reason, Rules, leak_pattern
from tests.arena.votes_made import drawn


def plainly(votes: Columns, rules: Rules) -> list[int]:
    """One vote after the other."""
    found: list[int] = []
    on_prompt: dict[int, int] = {}
    for i in range(votes.votes):
        prompt, voter = int(votes.prompt[i]), votes.voters[votes.voter[i]]
        simulated = bool(votes.flags[i] & columns.SIMULATED)
        why = Reason.NONE
        if votes.flags[i] & columns.TOO_FAST:
            why = Reason.TOO_FAST
        elif voter in rules.excluded:
            why = Reason.EXCLUDED
        elif voter in rules.outliers:
            why = Reason.OUTLIER
        elif votes.prompts[prompt] in rules.leaking:
            why = Reason.LEAK
        elif not simulated and votes.repeats[i]:
            why = Reason.REPEATED
        elif not simulated and rules.day_cap is not None and votes.earlier_today[i] >= rules.day_cap:
            why = Reason.DAY_CAP
        elif rules.prompt_cap is not None and on_prompt.get(prompt, 0) >= rules.prompt_cap:
            why = Reason.PROMPT_CAP
        if why == Reason.NONE:
            on_prompt[prompt] = on_prompt.get(prompt, 0) + 1
        found.append(why)
    return found


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 50),
    leaking=st.sets(st.integers(100, 105), max_size=2),
    outliers=st.sets(st.integers(1000, 1008), max_size=2),
    excluded=st.sets(st.integers(1000, 1008), max_size=2),
    day_cap=st.none() | st.integers(1, 6),
    prompt_cap=st.none() | st.integers(0, 12),
)
def test_each_vote_has_the_first_reason_that_holds(
    seed: int,
    leaking: set[int],
    outliers: set[int],
    excluded: set[int],
    day_cap: int | None,
    prompt_cap: int | None,
) -> None:
    votes = drawn(120, seed=seed)
    sets = [np.array(sorted(one), np.int64) for one in (leaking, outliers, excluded)]
    rules = Rules(sets[0], sets[1], sets[2], day_cap=day_cap, prompt_cap=prompt_cap)
    assert filters.reasons(votes, rules).tolist() == plainly(votes, rules)


def test_without_votes_there_are_no_reasons() -> None:
    assert filters.reasons(drawn(0), Rules(prompt_cap=3)).tolist() == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("in the style of seedance 1.0, please", True),
        ("a dog runs", False),
        ("WAN light on a wall", False),  # the name is Wan
        ("made with Wan", True),
        ("a wan smile", False),
        ("a model on a runway", False),
        ("as Runway would do it", True),
        ("请用Seedance 1.0生成", True),
        ("Seedance 1.05", False),
        ("a secret word here", True),
        ("secrets", False),
    ],
)
def test_names_of_models_are_found_as_words(text: str, named: bool) -> None:
    pattern = leak_pattern([("Seedance 1.0", ""), ("Wan", "Runway")], ["Secret", ""])
    assert pattern is not None
    assert bool(pattern.search(text)) is named
    assert leak_pattern([], []) is None


@pytest.mark.django_db
def test_prompts_that_name_a_model_in_either_language_leak() -> None:
    VideoModel.objects.create(slug="v", name="Seedance 1.0", organisation="ByteDance")
    texts = [("A dog", "狗"), ("A dog like seedance 1.0", ""), ("", "像ByteDance那样的狗")]
    prompts = [
        Prompt.objects.create(text_en=en, text_zh=zh, fingerprint=f"{n}") for n, (en, zh) in enumerate(texts)
    ]
    track = tracks.standard(Task.T2V)
    assert filters.leaking(track, [one.pk for one in prompts]) == [one.pk for one in prompts[1:]]
