"""Before against after: paired by prompt and seed, with the prompt as the unit of chance.

Clips of one prompt are alike, so differences are averaged within each prompt first; the interval and the
test are over prompts. Pure numbers: the rows are gathered in `reports.py`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

_EXACT_UP_TO = 14  # prompts: 2 ** 14 sign patterns
_PATTERNS = 20_000
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Paired:
    """Means over prompts before and after, and what can be said of the difference."""

    before: float
    after: float
    low: float | None
    """The difference's 95 % interval over prompts (Student's t); None with fewer than two prompts."""
    high: float | None
    p: float | None
    """Of the two-sided sign-flip test over prompts: chance of a difference this large where there is none.
    None with fewer than two prompts."""
    prompts: int
    pairs: int

    @property
    def difference(self) -> float:
        return self.after - self.before


def paired(before: Mapping[tuple[int, int], float], after: Mapping[tuple[int, int], float]) -> Paired:
    """Compare values by (prompt, seed); only what is on both sides counts. Raises ValueError for nothing."""
    both = sorted(before.keys() & after.keys())
    if not both:
        raise ValueError("No prompt and seed has a value both before and after.")
    of_prompt: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for key in both:
        of_prompt[key[0]].append((before[key], after[key]))
    means = np.array([np.mean(values, axis=0) for values in of_prompt.values()])
    differences = means[:, 1] - means[:, 0]
    low, high = _interval(differences)
    return Paired(
        before=float(means[:, 0].mean()),
        after=float(means[:, 1].mean()),
        low=low,
        high=high,
        p=sign_flip(differences),
        prompts=len(means),
        pairs=len(both),
    )


def sign_flip(differences: Sequence[float] | np.ndarray) -> float | None:
    """Two-sided p of a mean difference, flipping each prompt's sign: all patterns, or 20,000 drawn ones."""
    values = np.asarray(differences, float)
    n = len(values)
    if n < 2:
        return None
    if n <= _EXACT_UP_TO:
        signs = np.array(list(product((1.0, -1.0), repeat=n)))
    else:
        drawn = np.random.default_rng(0).choice((1.0, -1.0), size=(_PATTERNS - 1, n))
        signs = np.vstack([np.ones(n), drawn])
    flipped = abs(signs @ values)
    return float((flipped >= abs(values.sum()) * (1 - 1e-12)).mean())


def _interval(differences: np.ndarray) -> tuple[float | None, float | None]:
    n = len(differences)
    if n < 2:
        return None, None
    from scipy import stats

    reach = stats.t.ppf(0.5 + _LEVEL / 2, n - 1) * differences.std(ddof=1) / np.sqrt(n)
    mean = differences.mean()
    return float(mean - reach), float(mean + reach)
