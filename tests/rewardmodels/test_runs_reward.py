"""From judgements to a reward model and to scores: real trainers on real rows, and what they are given."""

import datetime as dt
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from annotation.labelling import judging
from annotation.labelling.judging import Submission
from annotation.models import Campaign, Clip, Judgement, PairVersion, PreferencePair
from annotation.results import pairversions
from rewardmodels import judgements
from rewardmodels.models import RewardModel, Score
from rewardmodels.train import judgements as training
from tests.annotation import rows
from tests.rewardmodels import labelled
from workbench.models import Role, Run, RunState, User
from workbench.runs import artifacts, launch, supervise
from workbench.runs.kinds import Config, ConfigRefusedError, kind_of, validated

SHORT: dict[str, Any] = {
    "preset": "micro",
    "steps": 4,
    "batch_size": 2,
    "log_every": 2,
    "eval_every": 4,
    "checkpoint_every": 2,
}


@pytest.fixture
def engineer(db: None) -> User:
    return rows.person("erin", Role.ENGINEER)


@pytest.fixture
def campaign(db: None) -> Campaign:
    """Six items, two of them image-to-video, judged by two people, one of them simulated."""
    labelled.clips(6, pictures=2)
    made = labelled.campaign(rows.person("mia", Role.MANAGER), items=6)
    labelled.judge(made, rows.person("ann"), 6, seed=1)
    for judgement in labelled.judge(made, rows.person("sim"), 5, seed=2):
        Judgement.objects.filter(pk=judgement.pk).update(simulated=True)
    return made


def written(config: Config, path: Path) -> list[dict[str, Any]]:
    """The lines that a run of this config gets."""
    campaigns = [uuid.UUID(key) for key in config["campaigns"]]
    until = dt.datetime.fromisoformat(config["until"])
    judgements.write(path, pairversions.learnable(campaigns, until).values_list("pk", flat=True))
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_trainer_reads_the_pairs_that_the_database_holds(campaign: Campaign, tmp_path: Path) -> None:
    config = validated(kind_of("reward"), {"reward": "foundational"})
    told = written(config, tmp_path / "judgements.jsonl")
    read = training.read(tmp_path / "judgements.jsonl")
    theirs = {
        (one.item, one.annotator, pair.dimension, pair.best, pair.worst, pair.weight)
        for one in read
        for pair in one.pairs
    }
    kept = PreferencePair.objects.filter(broken_by=[]).select_related("judgement__annotator", "dimension")
    ours = {
        (
            str(pair.judgement.item_id),
            pair.judgement.annotator.pseudonym,
            pair.dimension.key,
            str(pair.best_id),
            str(pair.worst_id),
            pair.weight,
        )
        for pair in kept
    }
    assert theirs == ours
    assert PreferencePair.objects.exclude(broken_by=[]).exists()
    assert len(told) == 11
    assert sum(line["simulated"] for line in told) == 5
    assert "ann" not in {line["annotator"] for line in told}
    assert sum(line["task"] == "i2v" for line in told) == sum(
        line["first_frame"] is not None for line in told
    )
    assert any(answer == "tie" for line in told for answer in line["answers"].values())


def test_a_run_keeps_to_the_judgements_of_its_launch(campaign: Campaign, tmp_path: Path) -> None:
    config = validated(kind_of("reward"), {"reward": "motion", "campaigns": [str(campaign.pk)]})
    before = written(config, tmp_path / "before")
    corrected = Judgement.objects.filter(annotator__username="ann").order_by("created_at")[0]
    answers = {**corrected.answers, "picks": {**corrected.answers["picks"], "motion_quality": {"tie": True}}}
    judging.submit(
        corrected.assignment_id,
        corrected.annotator,
        Submission(answers=answers, idempotency_key=uuid.uuid4(), supersedes=corrected.pk),
    )
    labelled.judge(campaign, User.objects.get(username="sim"), 1, seed=3)
    assert written(config, tmp_path / "resumed") == before
    now = written(config | {"until": timezone.now().isoformat()}, tmp_path / "now")
    assert len(now) == len(before) + 1
    (line,) = [line for line in now if line["item"] == str(corrected.item_id) and not line["simulated"]]
    assert line["answers"]["motion_quality"] == "tie"


def test_an_item_without_its_first_frame_is_left_out(campaign: Campaign) -> None:
    count = pairversions.learnable([campaign.pk], timezone.now()).count()
    item = campaign.items.filter(prompt__task="i2v")[0]
    of_item = item.judgements.count()
    item.prompt.first_frame.name = ""
    item.prompt.save()
    assert of_item > 0
    assert pairversions.learnable([campaign.pk], timezone.now()).count() == count - of_item


@pytest.mark.parametrize(
    ("changes", "where", "said"),
    [
        ({"campaigns": [str(uuid.UUID(int=1))]}, "campaigns.0", "no campaign"),
        ({"until": "2020-01-01T00:00:00Z"}, "campaigns", "judgements of 0 prompts, and 4 are the least"),
        ({"start": str(uuid.UUID(int=1))}, "start", "no reward model"),
        ({"batch_size": 3, "processes": 2}, "", "divisible"),
        ({"reward": "beauty"}, "reward", "foundational"),
    ],
)
def test_a_launch_that_is_refused(campaign: Campaign, changes: dict[str, Any], where: str, said: str) -> None:
    with pytest.raises(ConfigRefusedError) as refused:
        validated(kind_of("reward"), {"reward": "motion", **changes})
    place, text = refused.value.problems[0]
    assert ".".join(map(str, place)) == where
    assert said in text


def test_going_on_from_a_model_of_another_kind_is_refused(campaign: Campaign, engineer: User) -> None:
    model = labelled.reward_model(engineer)
    with pytest.raises(ConfigRefusedError, match="another kind or of other dimensions"):
        validated(kind_of("reward"), {"reward": "aesthetic", "start": str(model.pk)})


@pytest.mark.django_db(transaction=True)
def test_judgements_become_a_reward_model_and_scores(
    engineer: User, settings: Settings, tmp_path: Path
) -> None:
    settings.RUN_SCRATCH = tmp_path / "scratch"
    labelled.film(labelled.clips(5, pictures=1), tmp_path)
    campaign = labelled.campaign(rows.person("mia", Role.MANAGER), items=5, overlap=1)
    labelled.judge(campaign, rows.person("ann"), 5, apart=False)
    run = done(launch.launch(engineer, "reward", {"reward": "motion", **SHORT}, name="Motion, first"))
    model = RewardModel.objects.get(run=run)
    assert (model.name, model.kind, model.dimensions) == ("Motion, first", "motion", ["motion_quality"])
    assert (model.judgements, model.simulated, list(model.campaigns.all())) == (5, 0, [campaign])
    assert model.metrics == run.result
    assert model.figure("accuracy", "motion_quality") in {0, 1}  # one judgement is held out
    assert artifacts.verify(model.weights)
    # Exactly the pairs that it learnt from are named, and are those that the trainer derived.
    pairs = model.pairs
    assert pairs is not None
    assert (run.config["pairs"], pairs.judgements) == (str(pairs.pk), 5)
    judgements.write(tmp_path / "again.jsonl", pairversions.judgement_ids(pairs))
    learnt = {
        (pair.best, pair.worst)
        for judgement in training.read(tmp_path / "again.jsonl")
        for pair in judgement.pairs
        if pair.dimension == "motion_quality"
    }
    stored = [row for page in pairversions.rows(pairs) for row in page]
    assert {(row["best"]["clip"], row["worst"]["clip"]) for row in stored} == learnt
    assert {row["dimension"] for row in stored} == {"motion_quality"}

    # As after a death between the final checkpoint and the end: nothing is left to train, all is there again.
    Run.objects.filter(pk=run.pk).update(state=RunState.QUEUED, lease_token=None, ended_at=None, result={})
    run = done(run)
    again = RewardModel.objects.get()
    assert (again.pk, again.sha256, again.metrics) == (model.pk, model.sha256, model.metrics)
    assert run.events.filter(text="training").last().data["step"] == 4  # type: ignore[union-attr]

    asked = {"reward_models": [str(model.pk)], "campaign": str(campaign.pk)}
    scoring = done(launch.launch(engineer, "score", asked))
    scores = Score.objects.filter(reward_model=model, dimension="motion_quality", run=scoring)
    assert set(scores.values_list("clip", flat=True)) == set(Clip.objects.values_list("pk", flat=True))
    values = list(scores.values_list("value", flat=True))
    assert abs(sum(values) / len(values)) < 0.2  # standardised on these very clips
    assert scoring.result["scores"] == len(values) == 20


def done(run: Run) -> Run:
    supervise.execute(run.pk)
    run.refresh_from_db()
    assert run.state == "succeeded", run.error
    return run


def test_naive_moments_are_the_servers_time(campaign: Campaign) -> None:
    config = validated(kind_of("reward"), {"reward": "motion", "until": "2999-01-01T00:00:00"})
    assert dt.datetime.fromisoformat(config["until"]).tzinfo is not None


def test_a_run_can_name_the_pairs_to_learn_from(campaign: Campaign, tmp_path: Path) -> None:
    mia = User.objects.get(username="mia")
    version = pairversions.keep(campaign, mia, "spring", [], False)
    before = labelled_lines(tmp_path / "before", version.pk)
    corrected = Judgement.objects.filter(annotator__username="ann").order_by("created_at")[0]
    answers = {**corrected.answers, "picks": {**corrected.answers["picks"], "motion_quality": {"tie": True}}}
    submission = Submission(answers=answers, idempotency_key=uuid.uuid4(), supersedes=corrected.pk)
    judging.submit(corrected.assignment_id, corrected.annotator, submission)
    assert labelled_lines(tmp_path / "after", version.pk) == before

    narrow = pairversions.keep(campaign, mia, "aesthetics", ["aesthetic_quality"], False)
    with pytest.raises(ConfigRefusedError, match="pairs of aesthetic_quality only"):
        validated(kind_of("reward"), {"reward": "motion", "pairs": str(narrow.pk)})
    with pytest.raises(ConfigRefusedError, match="no version"):
        validated(kind_of("reward"), {"reward": "motion", "pairs": str(uuid.UUID(int=1))})


def labelled_lines(folder: Path, pairs: uuid.UUID) -> str:
    """What the trainer of a run on these pairs would read, without their clips."""
    config = validated(kind_of("reward"), {"reward": "motion", "pairs": str(pairs)})
    assert config["pairs"] == str(pairs)
    version = PairVersion.objects.get(pk=pairs)
    judgements.write(folder / "judgements.jsonl", pairversions.judgement_ids(version))
    return (folder / "judgements.jsonl").read_text()
