"""Style control: how the clips of votes look, as covariates that ratings hold equal.

People may prefer a longer or a brighter clip whatever it shows. With covariates a board says how models
compare at equal looks, and by how much each look sways a vote. Only looks that differ among a model's own
clips can be told from the models; the others are part of them, and left out.
"""

from enum import StrEnum

import numpy as np

from annotation.models import Rendition
from arena.numerics.counts import Floats
from arena.votes.columns import Columns, key_of


class Look(StrEnum):
    LENGTH = "length"
    """The logarithm of the seconds."""
    BRIGHTNESS = "brightness"
    COLOURFULNESS = "colourfulness"
    MOTION = "motion"
    """The logarithm of the change in a second. All but the length: see `annotation.media.Looks`."""


_STILL = 1e-4
"""Motion of a still; less is none."""


def by_clip(votes: Columns, looks: tuple[Look, ...]) -> Floats:
    """The looks of each of the votes' clips, (clips, looks); NaN where one was not measured."""
    plain = Rendition.objects.filter(
        fps=None,
        seconds=None,
        clip__prompt__in=votes.prompts.tolist(),
        clip__video_model__in=votes.models.tolist(),
    ).values_list("clip_id", "duration", "brightness", "colourfulness", "motion")
    known = {key_of(clip): row for clip, *row in plain}
    table = np.array([known.get(key, [None] * 4) for key in votes.clips.tolist()], float).reshape(-1, 4)
    with np.errstate(invalid="ignore"):
        columns = {
            Look.LENGTH: np.log(table[:, 0]),
            Look.BRIGHTNESS: table[:, 1],
            Look.COLOURFULNESS: table[:, 2],
            Look.MOTION: np.log(np.maximum(table[:, 3], _STILL)),
        }
    return np.stack([columns[look] for look in looks], axis=1)
