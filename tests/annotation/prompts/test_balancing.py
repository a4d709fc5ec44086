"""A balanced choice is as even as its categories allow, and the same each time."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.prompts.balancing import balanced, tally

SETS = st.dictionaries(
    st.integers(1, 500), st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=3), max_size=60
)


@settings(deadline=None, max_examples=60)
@given(SETS, st.integers(0, 70), st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_choice_is_one_of_distinct_prompts_and_does_not_hang_on_their_order(
    of: dict[int, list[str]], n: int, seed: int, shuffled: random.Random
) -> None:
    chosen = balanced(of, n, seed)
    assert len(chosen) == len(set(chosen)) == min(n, len(of))
    assert set(chosen) <= set(of)
    others = list(of.items())
    shuffled.shuffle(others)
    assert balanced(dict(others), n, seed) == chosen


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=6), st.integers(1, 80), st.integers(0, 3))
def test_one_category_each_is_filled_like_water(sizes: list[int], n: int, seed: int) -> None:
    of = {100 * c + k: [f"c{c}"] for c, size in enumerate(sizes) for k in range(size)}
    counts = tally(of, balanced(of, n, seed))
    level = max(counts.values(), default=0)
    for c, size in enumerate(sizes):
        assert counts[f"c{c}"] in {size, level, level - 1}
        assert counts[f"c{c}"] <= size


def test_prompts_in_several_categories_make_way() -> None:
    """100 prompts are about people and walking; the 10 of each rare category all have their turn."""
    of = {n: ["people", "walking"] for n in range(100)}
    of |= {200 + n: ["camera"] for n in range(10)} | {300 + n: ["light"] for n in range(10)}
    of |= {400 + n: [] for n in range(10)}
    counts = tally(of, balanced(of, 40))
    assert counts == {"people": 10, "walking": 10, "camera": 10, "light": 10, "": 10}


def test_another_seed_chooses_others() -> None:
    of = {n: ["a" if n % 2 else "b"] for n in range(100)}
    assert set(balanced(of, 20, 1)) != set(balanced(of, 20, 2))
