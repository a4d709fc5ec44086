"""`python -m generator.simulated annotators|experts|voters --run-dir DIR`: simulated people at work.

`DIR/config.json` says what (`Annotators`, `Experts`, `Voters`); `DIR/tokens.json` holds an API token for each
person, a list of strings, and nobody but the owner may read it. Everything else the site knows: stopped and
started again, they go on with what is left.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from generator.simulated import TOKENS
from generator.simulated.crew import Crew
from workbench.trainer import main
from workbench.trainer.config import ConfigError, read, require
from workbench.trainer.events import EventWriter
from workbench.trainer.signals import StopFlag


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotators:
    """A campaign to label."""

    base_url: str
    campaign: str
    annotators: int
    seed: int
    noise: float
    left: int
    """Judgements that the campaign still wants: for the progress alone."""

    def __post_init__(self) -> None:
        require(self.annotators >= 1, f"annotators is {self.annotators}, expected 1 or more")
        require(self.noise >= 0, f"noise is {self.noise}, expected 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Experts:
    """A campaign to score."""

    base_url: str
    campaign: str
    experts: int
    seed: int
    noise: float
    spread: float
    picky: float
    left: int
    """Judgements that the campaign still wants: for the progress alone."""

    def __post_init__(self) -> None:
        require(self.experts >= 1, f"experts is {self.experts}, expected 1 or more")
        require(self.noise >= 0, f"noise is {self.noise}, expected 0 or more")
        require(0 <= self.spread <= 2, f"spread is {self.spread}, expected 0 to 2 points")
        require(0 <= self.picky <= 1, f"picky is {self.picky}, expected 0 to 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Voters:
    """Votes to give on a board of the arena."""

    base_url: str
    task: str
    voters: int
    seed: int
    noise: float
    votes: int

    def __post_init__(self) -> None:
        require(self.voters >= 1, f"voters is {self.voters}, expected 1 or more")
        require(self.noise >= 0, f"noise is {self.noise}, expected 0 or more")


def annotate(run_dir: Path, events: EventWriter, stop: StopFlag) -> str:
    """Label to the end of the campaign, or to SIGTERM; returns "succeeded" or "stopped"."""
    from generator.simulated.labelling import Labelling

    config = read(run_dir, Annotators)
    labelling = Labelling(
        base_url=config.base_url,
        campaign=config.campaign,
        tokens=_tokens(run_dir, config.annotators),
        seed=config.seed,
        noise=config.noise,
    )
    counted = _follow(events, stop, config.annotators, max(1, config.left), "judgements", labelling.work)
    if stop:
        events.end("stopped")
        return "stopped"
    figures = {key: counted[key] for key in ("judgements", "pairs", "broken_pairs", "ties", "questions")}
    share = counted["broken_pairs"] / counted["pairs"] if counted["pairs"] else 0.0
    events.result({**figures, "constraint_broken_share": round(share, 4), "annotators": config.annotators})
    events.end("succeeded")
    return "succeeded"


def score(run_dir: Path, events: EventWriter, stop: StopFlag) -> str:
    """Score to the end of the campaign, or to SIGTERM; returns "succeeded" or "stopped"."""
    from generator.simulated.scoring import Scoring

    config = read(run_dir, Experts)
    scoring = Scoring(
        base_url=config.base_url,
        campaign=config.campaign,
        tokens=_tokens(run_dir, config.experts),
        seed=config.seed,
        noise=config.noise,
        spread=config.spread,
        picky=config.picky,
    )
    counted = _follow(events, stop, config.experts, max(1, config.left), "judgements", scoring.work)
    if stop:
        events.end("stopped")
        return "stopped"
    figures = {key: counted[key] for key in ("judgements", "skipped", "marks")}
    events.result({**figures, "experts": config.experts})
    events.end("succeeded")
    return "succeeded"


def vote(run_dir: Path, events: EventWriter, stop: StopFlag) -> str:
    """Give the votes, or stop on SIGTERM; returns "succeeded" or "stopped"."""
    from generator.simulated.voting import Voting

    config = read(run_dir, Voters)
    voting = Voting(
        base_url=config.base_url,
        task=config.task,
        votes=config.votes,
        tokens=_tokens(run_dir, config.voters),
        seed=config.seed,
        noise=config.noise,
    )
    counted = _follow(events, stop, config.voters, max(1, config.votes), "votes", voting.work)
    if stop:
        events.end("stopped")
        return "stopped"
    figures = {key: counted[key] for key in ("votes", "left", "right", "tie", "both_bad")}
    events.result({**figures, "voters": config.voters})
    events.end("succeeded")
    return "succeeded"


def _follow(
    events: EventWriter,
    stop: StopFlag,
    people: int,
    total: int,
    what: str,
    work: Callable[[Crew, int], None],
) -> Counter[str]:
    """Have them work; each thing done is a step. What was counted, summed up."""
    events.start(total_steps=total, resumed_from=None)
    counted: Counter[str] = Counter()
    for done in Crew(people, lambda: bool(stop)).run(work):
        counted.update(done.counts)
        events.progress(min(counted[what], total), total)
        if counted["pairs"]:
            share = counted["broken_pairs"] / counted["pairs"]
            events.metrics(counted[what], {"constraint_broken_share": share})
    return counted


def _tokens(run_dir: Path, wanted: int) -> tuple[str, ...]:
    path = run_dir / TOKENS
    try:
        tokens = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} can't be read: {error}; it holds a list of API tokens") from error
    if not isinstance(tokens, list) or len(tokens) < wanted:
        raise ConfigError(f"{path} holds too few tokens: {wanted} are needed, one for each simulated person")
    return tuple(map(str, tokens))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m generator.simulated", description=__doc__)
    parser.add_argument("work", choices=["annotators", "experts", "voters"], help="who they are")
    parser.add_argument("--run-dir", type=Path, required=True, help="folder with config.json and tokens.json")
    arguments = parser.parse_args()
    work = {"annotators": annotate, "experts": score, "voters": vote}[arguments.work]
    sys.exit(main.run(arguments.run_dir, work))
