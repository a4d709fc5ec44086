"""Trains one of the three reward models on judgements (§4.4.2): what `workbench.trainer.loop` trains.

A step takes some judgements, scores all clips of their items, and takes in each dimension the mean over what
was answered of three losses (`rewardmodels.train.losses`): MaxDiff of the preference pairs, the likelihood of
ties, and "not inferior" for the pairs that other dimensions prefer. What was not answered counts nowhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from rewardmodels.judge import weights
from rewardmodels.nets import build
from rewardmodels.nets.build import PRESERVED, PROMPTED
from rewardmodels.nets.motion import MotionReward
from rewardmodels.train import judgements as judged
from rewardmodels.train import losses, report
from rewardmodels.train.batches import Batch, Batches, ClipStore, Shift, Targets, follows, groups, targets
from rewardmodels.train.config import RewardConfig
from rewardmodels.train.judgements import ItemJudgement
from rewardmodels.train.split import by_prompt
from workbench.trainer.config import ConfigError
from workbench.trainer.distributed import World, seed_everything
from workbench.trainer.events import EventWriter, Figure
from workbench.trainer.loop import Evaluation, Schedule
from workbench.trainer.schedule import warm_cosine

WEIGHTS_FILE = "reward.safetensors"
"""The trained reward model, in the run folder, before the `end` event."""

STRANGERS = 2
"""Other prompts beside which a best clip is put, a judgement, where prompt following is learnt."""

_PULL = 1e-3  # of the mean square of the scores: within an item only differences count, this holds their sum
_SLOW = 0.1
_FIRST_ETA = 0.5
_LEAST_ETA = 1e-3
_FLOOR_QUANTILE = 0.05


class WithTies(nn.Module):
    """A reward network and the tie parameter of each dimension, which only the training needs."""

    def __init__(self, net: nn.Module, dimensions: int) -> None:
        super().__init__()
        self.net = net
        self.raw_eta = nn.Parameter(torch.full((dimensions,), math.log(math.expm1(_FIRST_ETA))))

    def eta(self) -> Tensor:
        """(D,), above 0."""
        return functional.softplus(self.raw_eta) + _LEAST_ETA


class RewardTraining:
    """What `workbench.trainer.loop` trains; see there for the methods."""

    def __init__(self, config: RewardConfig, run_dir: Path, world: World, events: EventWriter) -> None:
        if world.size != config.processes:
            raise ConfigError(
                f"config.processes is {config.processes} and {world.size} were started; "
                f"start with torchrun --nproc-per-node {config.processes}"
            )
        self._config, self._run_dir, self._world = config, run_dir, world
        inputs = run_dir / "inputs"
        everything = judged.read(inputs / config.data)
        self._split = by_prompt(everything, config.seed)
        useful = _useful(self._split.training, config.dimensions)
        seed_everything(config.seed, world)
        net, self._settings = _network(config, inputs, useful)
        shape = cast("build.RewardNet", net)
        events.log(
            "info",
            f"{len(everything)} judgements: {len(useful)} to train on, {len(self._split.validation)} for the "
            f"tie threshold, {len(self._split.held_out)} held out; reading their clips",
        )
        if _starts_from_reader(config):
            events.log("info", f"The network starts from {READER.name}: it can see and read already")
        self._everything = everything
        self._store = ClipStore(everything if world.writes else useful, inputs, shape.frames, shape.size)
        if isinstance(net, MotionReward) and config.start is None:
            net.floor.fill_(_motion_floor(net, self._store, useful, config.dimensions))
        self.model = WithTies(net, len(config.dimensions)).to(world.device)
        trained = [(name, p) for name, p in net.named_parameters() if p.requires_grad]
        # What a vision-language model has learnt before is corrected, not overwritten.
        knows = config.reward == "foundational" and (config.start is not None or _starts_from_reader(config))
        slow = [p for name, p in trained if knows and name.startswith("vlm.")]
        free = [p for name, p in trained if not (knows and name.startswith("vlm."))]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": slow, "weight_decay": config.weight_decay, "scale": _SLOW},
                {"params": free, "weight_decay": config.weight_decay, "scale": 1.0},
                {"params": [self.model.raw_eta], "weight_decay": 0.0, "scale": 1.0},
            ],
            lr=config.learning_rate,
            betas=(0.9, 0.98),
        )
        self._batches = Batches(
            useful,
            batch_size=config.batch_size,
            rank=world.rank,
            ranks=world.size,
            seed=config.seed,
            reach=shape.size // 16,
            mirror=config.reward != "foundational",
        )
        # A pretrained model can read already, and its output layer is not known here.
        self._reads = PROMPTED in config.dimensions and config.reward == "foundational"
        self._reads = self._reads and config.pretrained is None
        self._targets: dict[tuple[int, str], Targets] = {}

    @property
    def schedule(self) -> Schedule:
        c = self._config
        return Schedule(c.steps, c.log_every, c.eval_every, c.checkpoint_every)

    def next_batch(self) -> Batch:
        return self._batches.next()

    def step(self, batch: Batch) -> Mapping[str, float]:
        rate = warm_cosine(self._batches.drawn, self._config.steps, self._config.learning_rate)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        if self._reads:
            scores, reading = self._reading(batch)
        else:
            scores = self._scores(batch.judgements, batch.shifts)
            reading = scores.new_zeros(())
        judged_loss = self._loss(batch.judgements, scores)
        loss = judged_loss + reading
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._world.average_gradients(self.model)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        figures = {"train/loss": judged_loss.item(), "train/learning_rate": rate}
        return figures | ({"train/reading_loss": reading.item()} if self._reads else {})

    def data_position(self) -> dict[str, Any]:
        return {"batches_drawn": self._batches.drawn}

    def seek(self, position: Mapping[str, Any]) -> None:
        self._batches.drawn = position["batches_drawn"]

    def evaluate(self, step: int) -> Evaluation:
        scored = self._scored(self._split.held_out)
        figures = report.accuracies(scored, self._config.dimensions)
        metrics = {
            name: float(value)
            for name, value in figures.items()
            if value is not None and name.startswith(("accuracy/", "ece/"))
        }
        return Evaluation(metrics)

    def result(self) -> Mapping[str, Figure]:
        """The held-out figures beside chance and people's agreement; writes the weights file first."""
        mean, std = self._base_statistics()
        described = weights.Described(
            kind=cast("build.Kind", self._config.reward),
            dimensions=self._config.dimensions,
            net=self._settings,
            mean=tuple(mean),
            std=tuple(std),
        )
        weights.save(self._run_dir / WEIGHTS_FILE, self.model.net, described)
        names = self._config.dimensions
        found: dict[str, Figure] = report.accuracies(self._scored(self._split.held_out), names)
        found |= report.ties(self._scored(self._split.validation), self._scored(self._split.held_out), names)
        found |= report.people(self._everything, names)
        found |= {f"mean/{name}": value for name, value in zip(names, mean, strict=True)}
        found |= {f"std/{name}": value for name, value in zip(names, std, strict=True)}
        found |= {
            "judgements/training": len(self._split.training),
            "judgements/held_out": len(self._split.held_out),
            "prompts/held_out": len({j.prompt for j in self._split.held_out}),
            "parameters": sum(p.numel() for p in self.model.net.parameters()),
        }
        return found

    def _reading(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The scores of the batch, and the loss of two lessons that the best clips in following their prompts
        give beside: a few hundred judgements alone don't teach a small network to see and read.

        1. After the clip, its prompt is not surprising (the language model's own loss).
        2. It follows its prompt better than it follows a stranger, that of another judgement (Bradley–Terry).
        """
        column = self._config.dimensions.index(PROMPTED)
        shown, shifts, best, own, start = [], [], [], [], 0
        for index, judgement in enumerate(batch.judgements):
            for place in follows(judgement)[:1]:
                others = [other.prompt for other in batch.judgements[index + 1 :] + batch.judgements[:index]]
                others = [prompt for prompt in others if prompt != judgement.prompt][:STRANGERS]
                best.append(start + place)
                own += [start + place] * len(others)
                one = (judgement.clips[place],)
                shown += [replace(judgement, clips=one, prompt=prompt) for prompt in others]
                shifts += [batch.shifts[index]] * len(others)
            start += len(judgement.clips)
        read = self._scores(batch.judgements, batch.shifts, read=True)
        scores, surprise = read[:, :-1], read[:, -1]
        loss = scores.new_zeros(())
        if best:
            loss = loss + surprise[best].mean()
        if shown:
            beside = self._scores(shown, shifts)[:, column]
            loss = loss - functional.logsigmoid(scores[own, column] - beside).mean()
        return scores, loss

    def _scores(
        self,
        judgements: Sequence[ItemJudgement],
        shifts: Sequence[Shift] | None = None,
        *,
        read: bool = False,
    ) -> Tensor:
        """Raw scores of all clips of the judgements, in order, (N, D); with `read` the prompts' surprise as
        one more column."""
        parts, places = [], []
        for group in groups(self._store, judgements, shifts):
            images = None if group.first_frames is None else group.first_frames.to(self._world.device)
            given = group.video.to(self._world.device), group.prompts, images, group.fps
            if read:
                scores, surprise = self.model.net.read(*given)  # type: ignore[operator]
                parts.append(torch.cat([scores, surprise[:, None]], dim=1))
            else:
                parts.append(self.model.net(*given))
            places += group.places
        order = torch.tensor(places).argsort().to(self._world.device)
        return torch.cat(parts)[order]

    def _loss(self, judgements: Sequence[ItemJudgement], scores: Tensor) -> Tensor:
        eta = self.model.eta()
        total = _PULL * scores.square().mean()
        for column, dimension in enumerate(self._config.dimensions):
            total = total + self._dimension_loss(judgements, scores[:, column], eta[column], dimension)
        return total

    def _dimension_loss(
        self, judgements: Sequence[ItemJudgement], scores: Tensor, eta: Tensor, dimension: str
    ) -> Tensor:
        picks, wins, ties, at_least, weights_ = [], [], [], [], []
        start = 0
        for judgement in judgements:
            r = scores[start : start + len(judgement.clips)]
            start += len(judgement.clips)
            said = self._said(judgement, dimension)
            if said.best:
                picks.append(losses.maxdiff(r, torch.tensor(said.best), torch.tensor(said.worst)))
                wins.append(r[said.best] - r[said.worst])
                weights_ += said.weights
            if said.ties:
                first, second = torch.tensor(said.ties).T
                ties.append(r[first] - r[second])
            if said.at_least:
                first, second = torch.tensor(said.at_least).T
                at_least.append(r[first] - r[second])
        loss = scores.new_zeros(())
        if picks:
            weight = torch.tensor(weights_, device=scores.device)
            loss = loss + (weight * torch.cat(picks)).sum() / weight.sum()
            # Scores are MaxDiff's business; how wide ties reach is learnt from wins and ties.
            won = -losses.log_win(torch.cat(wins).detach(), eta)
            loss = loss + (weight * won).sum() / weight.sum()
        if ties:
            loss = loss - losses.log_tie(torch.cat(ties), eta).mean()
        if at_least:
            # Alone, this term would make everything a tie.
            loss = loss - losses.log_not_inferior(torch.cat(at_least), eta.detach()).mean()
        return loss

    def _said(self, judgement: ItemJudgement, dimension: str) -> Targets:
        key = id(judgement), dimension
        if key not in self._targets:
            self._targets[key] = targets(judgement, dimension)
        return self._targets[key]

    @torch.no_grad()
    def _scored(self, judgements: Sequence[ItemJudgement]) -> list[report.Scored]:
        """Raw scores of judgements, 8 at a time, on the CPU."""
        scored = []
        for first in range(0, len(judgements), 8):
            part = judgements[first : first + 8]
            scores = self._scores(part).cpu()
            start = 0
            for judgement in part:
                rows = scores[start : start + len(judgement.clips)].tolist()
                start += len(judgement.clips)
                names = [clip.id for clip in judgement.clips]
                scored.append(report.Scored(judgement, dict(zip(names, rows, strict=True))))
        return scored

    def _base_statistics(self) -> tuple[list[float], list[float]]:
        """Mean and deviation of the raw scores over all clips of all judged items, each clip once."""
        rows: dict[tuple[str, str], tuple[bool, list[float]]] = {}
        for one in self._scored(self._everything):
            for clip in one.judgement.clips:
                from_image = one.judgement.task == "i2v"
                rows[clip.file, one.judgement.prompt] = from_image, one.scores[clip.id]
        means, deviations = [], []
        for column, name in enumerate(self._config.dimensions):
            # Where there is no first frame, its preservation means nothing.
            of_column = [row[column] for image, row in rows.values() if image or name != PRESERVED]
            scores = torch.tensor(of_column, dtype=torch.float64)
            means.append(float(scores.mean()))
            deviations.append(max(float(scores.std()), 1e-6))
        return means, deviations


def _useful(training: Sequence[ItemJudgement], dimensions: tuple[str, ...]) -> list[ItemJudgement]:
    """The judgements that say something of the dimensions. Raises ConfigError where none does."""
    said = {
        dimension: [j for j in training if (t := targets(j, dimension)).best or t.ties]
        for dimension in dimensions
    }
    readable = training if PROMPTED in dimensions else ()
    for dimension, speaking in said.items():
        if not speaking:
            raise ConfigError(
                f"no training judgement prefers a clip in dimension {dimension!r}, or calls it a tie; "
                "the dimensions answered are "
                + ", ".join(sorted({name for judgement in training for name in judgement.picks}))
            )
    useful = {id(j) for speaking in said.values() for j in speaking} | {id(j) for j in readable if follows(j)}
    return [j for j in training if id(j) in useful]


def _starts_from_reader(config: RewardConfig) -> bool:
    small = config.reward == "foundational" and config.preset == "tiny"
    return small and config.start is None and config.pretrained is None and READER.is_file()


def _network(
    config: RewardConfig, inputs: Path, training: Sequence[ItemJudgement]
) -> tuple[nn.Module, dict[str, Any]]:
    """The network to train and what its file will say of it. Raises ConfigError."""
    kind = cast("build.Kind", config.reward)
    if config.start is not None:
        try:
            net, described = weights.load(inputs / config.start)
        except weights.WeightsError as error:
            raise ConfigError(str(error)) from error
        if (described.kind, described.dimensions) != (kind, config.dimensions):
            raise ConfigError(
                f"start is a {described.kind} reward model of {', '.join(described.dimensions)}; "
                f"this run trains a {kind} one of {', '.join(config.dimensions)}"
            )
        return net, described.net
    if config.pretrained is not None:
        from rewardmodels.nets.foundational import FoundationalReward

        frames, size = PRETRAINED_FRAMES, PRETRAINED_SIZE
        try:
            loaded = FoundationalReward.from_pretrained(
                Path(config.pretrained), dimensions=config.dimensions, frames=frames, size=size
            )
        except (ValueError, OSError) as error:
            raise ConfigError(f"pretrained: {error}") from error
        return loaded, {
            "config": loaded.config,
            "tokenizer": loaded.tokenizer.to_str(),
            "frames": frames,
            "size": size,
        }
    if _starts_from_reader(config):
        net, described = weights.load_for(READER, config.dimensions)
        return net, described.net
    preset = cast("build.PresetName", config.preset)
    settings = build.describe(kind, preset, [judgement.prompt for judgement in training])
    return build.build(kind, config.dimensions, settings), settings


READER = Path(__file__).resolve().parents[2] / "fixtures/checkpoints/reader.safetensors"
"""The vision-language model that the foundational reward starts from at `tiny`: it can see and read what the
generator's world shows, and knows no judgement (made by `generator.train.reader`). Where the file is missing
it starts from nothing; a few hundred judgements hardly make up for that in understanding prompts."""


PRETRAINED_FRAMES, PRETRAINED_SIZE = 8, 224
"""What a pretrained model looks at: 2 frames a second of four seconds; 64 tokens a pair of frames."""


def _motion_floor(
    net: MotionReward, store: ClipStore, training: Sequence[ItemJudgement], dimensions: tuple[str, ...]
) -> float:
    """The motion that one in twenty of the clips picked as best stays below: people accept that little."""
    moved = []
    for judgement in training:
        best = {place for dimension in dimensions for place in targets(judgement, dimension).best}
        for group in groups(store, [judgement]):
            motion = net.motion(group.video)
            moved += [motion[row] for row, place in enumerate(group.places) if place in best]
    return float(torch.stack(moved).quantile(_FLOOR_QUANTILE)) if moved else 0.0
