"""Choose prompts evenly over their categories (§4.4.1, §7.2.1: "uniformly distributed"). Django-free."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

NO_CATEGORY = ""
_LOOKED_AT = 16


def balanced(categories_of: Mapping[int, Iterable[str]], n: int, seed: int = 0) -> list[int]:
    """Choose `n` prompts (all, where there are fewer), from their categories by prompt, in the order chosen.

    Each turn goes to the category with the fewest chosen prompts that has one left, and there to the prompt
    whose own categories have the fewest: of up to 16 looked at, so that the cost is linear. A prompt counts
    in each of its categories; those without one are a category of their own. The same prompts, `n` and seed
    give the same choice, in whatever order the prompts come.
    """
    chance = random.Random(seed)  # noqa: S311 (a choice, not a secret)
    slugs_of = {prompt: tuple(sorted(set(of))) or (NO_CATEGORY,) for prompt, of in categories_of.items()}
    waiting: dict[str, list[int]] = defaultdict(list)
    order = sorted(slugs_of)
    chance.shuffle(order)
    for prompt in reversed(order):  # the first of the order lies last, where it is cheap to take
        for slug in slugs_of[prompt]:
            waiting[slug].append(prompt)
    turns = sorted(waiting)
    chance.shuffle(turns)
    counts: Counter[str] = Counter()
    chosen: dict[int, None] = {}
    while turns and len(chosen) < n:
        slug = min(turns, key=lambda turn: counts[turn])
        taken = _take(waiting[slug], chosen, slugs_of, counts)
        if taken is None:
            turns.remove(slug)
            continue
        chosen[taken] = None
        counts.update(slugs_of[taken])
    return list(chosen)


def tally(categories_of: Mapping[int, Iterable[str]], prompts: Iterable[int]) -> Counter[str]:
    """How many of these prompts each category has; `NO_CATEGORY` counts those without one."""
    counts: Counter[str] = Counter()
    for prompt in prompts:
        counts.update(set(categories_of[prompt]) or {NO_CATEGORY})
    return counts


def _take(
    waiting: list[int],
    chosen: Mapping[int, None],
    slugs_of: Mapping[int, tuple[str, ...]],
    counts: Mapping[str, int],
) -> int | None:
    looked_at: list[int] = []
    while waiting and len(looked_at) < _LOOKED_AT:
        prompt = waiting.pop()
        if prompt not in chosen:
            looked_at.append(prompt)
    if not looked_at:
        return None
    best = min(looked_at, key=lambda prompt: sum(counts.get(slug, 0) for slug in slugs_of[prompt]))
    waiting.extend(prompt for prompt in reversed(looked_at) if prompt != best)
    return best
