"""Everything this app keeps as rows, gathered: whoever needs some imports it from here."""

from arena.models.battles import (
    Answer,
    Battle,
    Ruling,
    Track,
    TrackPromptSet,
    UnpackedVote,
    Vote,
    VoteBlock,
    Voter,
)
from arena.models.evaluations import Evaluation, EvaluationRun

__all__ = [
    "Answer",
    "Battle",
    "Evaluation",
    "EvaluationRun",
    "Ruling",
    "Track",
    "TrackPromptSet",
    "UnpackedVote",
    "Vote",
    "VoteBlock",
    "Voter",
]
