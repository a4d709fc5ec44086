"""The mixed model of scores: against statsmodels, against the dense definition, and where it has none."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import linalg

from arena.numerics.mixedmodel import Fit, NotEstimableError, fit
from tests.arena import simulated_scores


def fitted(frame: pd.DataFrame) -> tuple[Fit, pd.DataFrame]:
    codes = pd.DataFrame({name: pd.factorize(frame[name])[0] for name in ("prompt", "model", "rater")})
    codes["score"] = frame["score"].to_numpy()
    columns = (codes[name].to_numpy() for name in ("prompt", "model", "rater", "score"))
    return fit(*columns), codes


def uneven(seed: int) -> pd.DataFrame:
    """A third of the scores are missing: clips have one to three, and nothing is balanced."""
    rng = np.random.default_rng(seed)
    frame = simulated_scores.scores(
        rng, 40, np.array([3.0, 3.3, 3.7]), np.array([0.8, 0.0, -0.2, -0.6]), overlap=3
    )
    return frame[rng.random(len(frame)) < 0.67]


def test_it_is_what_statsmodels_finds() -> None:
    frame = uneven(1)
    ours, codes = fitted(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = smf.mixedlm(
            "score ~ C(model) + C(rater)",
            codes,
            groups="prompt",
            re_formula="1",
            vc_formula={"clip": "0 + C(model)"},
        ).fit(reml=True)
    found = (ours.components.prompt, ours.components.prompt_model, ours.components.residual)
    assert found == pytest.approx((theirs.cov_re.iloc[0, 0], theirs.vcomp[0], theirs.scale), abs=1e-3)
    assert ours.log_likelihood == pytest.approx(theirs.llf, abs=1e-4)
    assert ours.means[1:] - ours.means[0] == pytest.approx(theirs.fe_params.iloc[1:3].to_numpy(), abs=1e-4)
    assert ours.leniency[1:] - ours.leniency[0] == pytest.approx(
        theirs.fe_params.iloc[3:6].to_numpy(), abs=1e-4
    )
    v = ours.covariance
    errors = np.sqrt([v[0, 0] + v[k, k] - 2 * v[0, k] for k in (1, 2)])
    assert errors == pytest.approx(theirs.bse_fe.iloc[1:3].to_numpy(), rel=5e-3)


def dense(
    codes: pd.DataFrame, prompt: float, clip: float, residual: float
) -> tuple[float, np.ndarray, np.ndarray]:
    """The restricted log likelihood and the means with their covariance, from n by n matrices."""
    n, models = len(codes), codes["model"].max() + 1
    same_prompt = codes["prompt"].to_numpy()[:, None] == codes["prompt"].to_numpy()
    same_clip = same_prompt & (codes["model"].to_numpy()[:, None] == codes["model"].to_numpy())
    v = prompt * same_prompt + clip * same_clip + residual * np.eye(n)
    rater = pd.get_dummies(codes["rater"]).to_numpy(float)
    # Raters about their mean by number of scores, so that a model's effect is its adjusted mean.
    about = (rater - rater.mean(axis=0))[:, 1:]
    x = np.c_[pd.get_dummies(codes["model"]).to_numpy(float), about]
    inverse = linalg.inv(v)
    information = x.T @ inverse @ x
    effects = np.linalg.solve(information, x.T @ inverse @ codes["score"].to_numpy())
    rest = codes["score"].to_numpy() - x @ effects
    # The density of what no effect explains; its constant for this choice of columns is that of `fit`.
    likelihood = -0.5 * (
        np.linalg.slogdet(v)[1]
        + np.linalg.slogdet(information)[1]
        + rest @ inverse @ rest
        + (n - x.shape[1]) * np.log(2 * np.pi)
    )
    return likelihood, effects[:models], np.linalg.inv(information)[:models, :models]


def test_it_is_the_dense_definition_at_its_maximum() -> None:
    ours, codes = fitted(uneven(2))
    at = (ours.components.prompt, ours.components.prompt_model, ours.components.residual)
    likelihood, means, covariance = dense(codes, *at)
    assert ours.log_likelihood == pytest.approx(likelihood)
    assert ours.means == pytest.approx(means)
    assert ours.covariance == pytest.approx(covariance)
    for component in range(3):
        for factor in (0.9, 1.1):
            beside = list(at)
            beside[component] *= factor
            assert dense(codes, *beside)[0] < likelihood


def test_a_component_that_no_score_tells_of_is_none() -> None:
    rng = np.random.default_rng(3)
    alone = simulated_scores.scores(rng, 60, np.array([3.0, 3.5]), np.array([0.5, -0.5]), overlap=1)
    assert fitted(alone)[0].components.prompt_model == 0, "one score a clip: clips and rest are one"
    every = simulated_scores.scores(rng, 400, np.array([3.0]), np.array([0.5, -0.5]), overlap=2)
    found = fitted(every)[0].components
    assert found.prompt == 0, "one clip a prompt: prompts and clips are one"
    assert found.prompt_model == pytest.approx(0.41, abs=0.2)
    same = alone.assign(score=3.0)
    assert fitted(same)[0].components.residual == pytest.approx(0, abs=1e-20)
    assert fitted(same)[0].means == pytest.approx([3, 3])


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(0, 0, 0), (1, 0, 0), (0, 1, 1), (1, 1, 1)], "disconnected"),
        ([(0, 0, 0), (0, 1, 0)], "too_few"),
        ([(0, 0, rater) for rater in range(501)] * 2, "too_many_raters"),
    ],
)
def test_what_can_not_be_told_apart_is_refused(rows: list[tuple[int, int, int]], reason: str) -> None:
    prompt, model, rater = np.array(rows).T
    with pytest.raises(NotEstimableError) as refused:
        fit(prompt, model, rater, np.arange(len(rows), dtype=float))
    assert refused.value.reason == reason
