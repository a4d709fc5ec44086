"""Simulated annotators and voters: programs that use the same HTTP API as people, and are marked as such.

They look at the very clips that people are shown, measure them as `generator/data/labellers.py` does, and
answer with noise of their own. They never see which video model made a clip.
"""

TOKENS = "tokens.json"
"""The file in a run's folder with an API token for each person, which nobody but its owner may read."""
