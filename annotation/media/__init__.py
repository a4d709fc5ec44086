"""Videos from outside: what they are, whether they are taken, and what people are shown of them.

`probe`, `render`, `poster` and `looks` each run in a child process of their own with limits on memory and
time, so a file made to harm can cost a clip but not the server. None of this needs Django.
"""

from .appearance import Looks
from .decode import CODECS, Limits, Probe
from .refused import REASONS, Refused
from .worker import Rendered, looks, poster, probe, render

__all__ = [
    "CODECS",
    "REASONS",
    "Limits",
    "Looks",
    "Probe",
    "Refused",
    "Rendered",
    "looks",
    "poster",
    "probe",
    "render",
]
