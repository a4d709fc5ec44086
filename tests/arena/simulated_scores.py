"""Scores whose truth is known: models, prompts, clips and raters with effects that are given."""

import numpy as np
import pandas as pd

from annotation.quality.resampling import Floats


def scores(
    rng: np.random.Generator,
    prompts: int,
    models: Floats,
    severity: Floats,
    overlap: int,
    *,
    prompt_sd: float = 0.5,
    clip_sd: float = 0.4,
    rest_sd: float = 0.7,
    chosen: Floats | None = None,
    dimension: str = "motion",
) -> pd.DataFrame:
    """Each model's clip of each prompt, scored by `overlap` raters; `chosen` (models, raters) weighs who."""
    n, raters = len(models), len(severity)
    keys = rng.gumbel(size=(prompts, n, raters)) + (0 if chosen is None else np.log(chosen))
    rater = np.argsort(-keys, axis=2)[:, :, :overlap]
    prompt, model, _turn = np.indices(rater.shape)
    score = (
        models[model]
        - severity[rater]
        + rng.normal(0, prompt_sd, prompts)[prompt]
        + rng.normal(0, clip_sd, (prompts, n))[prompt, model]
        + rng.normal(0, rest_sd, rater.shape)
    )
    names = np.array([f"m{place}" for place in range(n)])
    return pd.DataFrame(
        {
            "prompt": [f"p{place}" for place in prompt.ravel()],
            "model": names[model.ravel()],
            "rater": [f"r{place}" for place in rater.ravel()],
            "dimension": dimension,
            "score": score.ravel(),
        }
    )
