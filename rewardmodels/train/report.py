"""The figures that a training of a reward model ends with, by names that its page and the API use.

accuracy/D, accuracy_low/D, accuracy_high/D    held-out pairwise accuracy with its 95 % interval by prompt
pairs/D                                        how many preference pairs that is of
accuracy/mean                                  over the dimensions that have pairs
chance                                         0.5
agreement/D, agreement_pairs/D                 how far people agree with each other
accuracy_with_ties/D                           pairs told right as better, worse or tie
majority_tie/D                                 what always saying "tie" gets
tie_threshold/D                                fitted on the validation prompts, raw score
ece/D                                          expected calibration error
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rewardmodels.judge import evaluate
from rewardmodels.train.judgements import ItemJudgement
from workbench.trainer.events import Figure


@dataclass(frozen=True, slots=True)
class Scored:
    """A judgement and the raw scores of its clips, by id, in the order of the model's dimensions."""

    judgement: ItemJudgement
    scores: dict[str, list[float]]


def accuracies(scored: Sequence[Scored], dimensions: Sequence[str]) -> dict[str, Figure]:
    """Accuracy and calibration on preference pairs; None where a dimension has no pair."""
    found: dict[str, Figure] = {}
    values = []
    for column, name in enumerate(dimensions):
        differences, prompts = [], []
        for one in scored:
            for _, better, worse in evaluate.preferred([one.judgement], name):
                differences.append(one.scores[better][column] - one.scores[worse][column])
                prompts.append(one.judgement.prompt)
        if not differences:
            found |= {f"accuracy/{name}": None, f"pairs/{name}": 0}
            continue
        accuracy = evaluate.accuracy(differences, prompts)
        values.append(accuracy.value)
        found |= {
            f"accuracy/{name}": accuracy.value,
            f"accuracy_low/{name}": accuracy.low,
            f"accuracy_high/{name}": accuracy.high,
            f"pairs/{name}": accuracy.pairs,
            f"ece/{name}": evaluate.calibration_error(evaluate.reliability(differences)),
        }
    found["accuracy/mean"] = float(np.mean(values)) if values else None
    found["chance"] = evaluate.CHANCE
    return found


def ties(
    validation: Sequence[Scored], held_out: Sequence[Scored], dimensions: Sequence[str]
) -> dict[str, Figure]:
    """Accuracy over better, worse and tie; None where the validation or the test decides no pair."""
    found: dict[str, Figure] = {}
    for column, name in enumerate(dimensions):
        fitted_on, tested_on = (_decided(part, name, column) for part in (validation, held_out))
        if not len(fitted_on[1]) or not len(tested_on[1]):
            found |= {f"accuracy_with_ties/{name}": None, f"majority_tie/{name}": None}
            continue
        threshold, _ = evaluate.fit_tie_threshold(*fitted_on)
        found |= {
            f"tie_threshold/{name}": threshold,
            f"accuracy_with_ties/{name}": evaluate.tie_accuracy(*tested_on, threshold),
            f"majority_tie/{name}": float((tested_on[1] == 0).mean()),
        }
    return found


def people(judgements: Sequence[ItemJudgement], dimensions: Sequence[str]) -> dict[str, Figure]:
    """Agreement of people over all judgements; None where no item was judged twice."""
    found: dict[str, Figure] = {}
    values = []
    for name in dimensions:
        agreement = evaluate.agreement(judgements, name)
        found[f"agreement/{name}"] = agreement.value if agreement else None
        found[f"agreement_pairs/{name}"] = agreement.pairs if agreement else 0
        if agreement:
            values.append(agreement.value)
    found["agreement/mean"] = float(np.mean(values)) if values else None
    return found


def _decided(
    scored: Sequence[Scored], dimension: str, column: int
) -> tuple[evaluate.Floats, np.ndarray[tuple[int], np.dtype[np.int_]]]:
    differences, outcomes = [], []
    for one in scored:
        for _, x, y, outcome in evaluate.decided([one.judgement], dimension):
            differences.append(one.scores[x][column] - one.scores[y][column])
            outcomes.append(outcome)
    return np.array(differences, np.float64), np.array(outcomes, np.int_)
