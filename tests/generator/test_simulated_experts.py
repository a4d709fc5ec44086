"""Simulated experts over HTTP: what they score is stored and marked; their strictness is found."""

from pathlib import Path

import numpy as np
import pytest
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from annotation.clips import intake
from annotation.clips.degrade import degraded_pixels
from annotation.models import Campaign, Judgement
from annotation.prompts import identity
from annotation.prompts.promptsets import named
from arena.evaluations import lifecycle, reports
from arena.evaluations.lifecycle import EvaluationPlan
from arena.models import Evaluation
from generator.data import worldbench
from generator.data.world import render
from generator.evaluate_demo import DEGRADED
from generator.simulated.experts import ExpertTemper, Opinion, expert_temper
from tests.annotation import rows
from tests.generator.data.test_oracles import write
from workbench.models import ApiToken, Role, Run, RunState, User
from workbench.runs import launch, supervise
from workbench.runs.kinds import ConfigRefusedError

VALUES = {
    "good": {
        "prompt_following": 0.95,
        "motion_quality": 0.9,
        "structural_stability": 0.9,
        "aesthetic_quality": 0.9,
    },
    "poor": {
        "prompt_following": 0.6,
        "motion_quality": 0.2,
        "structural_stability": 0.6,
        "aesthetic_quality": 0.1,
    },
}
KEYS = ("motion_quality", "prompt_following", "aesthetic_quality")


def exact(**changes: float) -> ExpertTemper:
    given = {"severity": 0.0, "noise": 0.0, "margin": 0.02, "skips": 0.0} | changes
    return ExpertTemper(**given)


def test_a_score_is_what_a_clip_is_worth_less_the_severity() -> None:
    mild = Opinion(exact(), VALUES, KEYS, [1]).scores()
    strict = Opinion(exact(severity=1.0), VALUES, KEYS, [1]).scores()
    assert mild["scores"]["motion_quality"] == {"good": 5, "poor": 3}
    assert strict["scores"]["motion_quality"] == {"good": 4, "poor": 2}
    marks = {(mark["clip"], mark["dimension"], mark["aspect"]) for mark in strict["marks"]}
    assert marks == {
        ("poor", "motion_quality", "motion_plausibility"),
        ("poor", "aesthetic_quality", "visual_texture"),
    }


def test_severity_has_no_say_in_pairs_and_overall_is_the_mean() -> None:
    for severity in (0.0, 2.0):
        opinion = Opinion(exact(severity=severity), VALUES, KEYS, [1])
        said = opinion.verdicts("poor", "good", [*KEYS, "overall"])
        assert set(said["verdicts"].values()) == {"right"}
    same = Opinion(exact(margin=1.0), VALUES, KEYS, [1]).verdicts("poor", "good", [*KEYS, "overall"])
    assert set(same["verdicts"].values()) == {"same"}


def test_only_strict_experts_pass_over_poor_clips() -> None:
    people = [expert_temper(0, n, 4, spread=0.75, noise=0.0, picky=1.0) for n in range(1, 5)]
    assert [round(person.severity, 2) for person in people] == [0.0, 0.5, 1.0, 1.5]
    assert [person.skips for person in people[:2]] == [0.0, 0.0]
    poor, good = ({name: VALUES[name]} for name in ("poor", "good"))
    assert Opinion(people[3], poor, KEYS, [1]).passes_over
    assert not Opinion(people[3], good, KEYS, [1]).passes_over
    assert not Opinion(people[0], poor, KEYS, [1]).passes_over


@pytest.mark.django_db
def test_what_experts_can_not_score_is_refused() -> None:
    manager = rows.person("manager", Role.MANAGER)
    best_worst = rows.campaign(manager)
    with pytest.raises(ConfigRefusedError, match="best and worst"):
        launch.launch(manager, "simulate_experts", {"campaign": str(best_worst.pk)})
    assert not Run.objects.exists()


def bench(folder: Path, manager: User, count: int) -> EvaluationPlan:
    """Clips of WorldBench's prompts: as wanted, and each of the demo's degraded copies of those."""
    names = ["Clean", *DEGRADED]
    models = {name: intake.video_model_named(name) for name in names}
    asked = []
    for number, one in enumerate(worldbench.prompts("t2v")[::4][:count]):
        prompt = identity.find_or_create(one.text_en, one.text_zh)
        asked.append(prompt)
        for name in names:
            video = render(one.scene)
            for kind, strength in DEGRADED.get(name, ()):
                video = degraded_pixels(video, kind, strength, number)
            path = folder / f"{number}-{name}.mp4"
            write(path, video)
            facts = intake.Facts(prompt=prompt, video_model=models[name], seed=1)
            with path.open("rb") as file:
                intake.ingest(file, path.name, facts, uploaded_by=manager, render_now=True)
    made = named("Bench")
    made.prompts.set(asked)
    return EvaluationPlan(
        name="Degraded",
        prompt_set=made,
        task="t2v",
        video_models=tuple(models.values()),
        gsb=True,
        under_test=models["Clean"],
        overlap=1,
    )


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_true_order_comes_back_and_severity_is_taken_out(
    live_server: LiveServer, settings: Settings, tmp_path: Path
) -> None:
    settings.SITE_URL = live_server.url
    manager = rows.person("manager", Role.MANAGER)
    made = lifecycle.create(manager, bench(tmp_path, manager, 12))
    assert made.state == Evaluation.State.SCORING
    for campaign in made.campaigns:
        picky = 1.0 if campaign.protocol == Campaign.Protocol.LIKERT else 0.0
        config = {
            "campaign": str(campaign.pk),
            "experts": 3,
            "noise": 0.02,
            "spread": 1.0,
            "picky": picky,
        }
        run = launch.launch(manager, "simulate_experts", config)
        supervise.execute(run.pk)
        run.refresh_from_db()
        assert (run.state, run.error) == (RunState.SUCCEEDED, "")
    done = lifecycle.advance(made.pk)
    assert done.state == Evaluation.State.DONE
    assert not Judgement.objects.filter(simulated=False).exists()
    assert not ApiToken.objects.filter(user__simulated=True, revoked_at=None).exists()

    report = reports.refresh(done)
    assert report is not None
    assert report.simulated == report.judgements
    overall = {row["model"]: row for row in report.means if row["dimension"] == "overall"}
    order = ["clean", "tiny-soft", "tiny-coarse", "tiny-broken"]
    adjusted = [overall[slug]["adjusted"] for slug in order]
    assert adjusted == sorted(adjusted, reverse=True)
    # The strictest passes over what is broken, so plain means flatter that: by as much as those who scored it
    # are milder than those who scored the clean clips. Who scored how many is a race between them.
    people = User.objects.filter(simulated=True, role=Role.EXPERT).order_by("username")
    strictness: dict[str, list[int]] = {"clean": [], "tiny-broken": []}
    judged = Judgement.objects.filter(item__campaign=made.likert_campaign)
    for slug, username in judged.values_list("item__clips__video_model__slug", "annotator__username"):
        if slug in strictness:
            strictness[slug].append([person.username for person in people].index(username))
    assert 2 not in strictness["tiny-broken"]
    flattered = np.mean(strictness["clean"]) - np.mean(strictness["tiny-broken"])
    as_given = overall["clean"]["mean"] - overall["tiny-broken"]["mean"]
    assert adjusted[0] - adjusted[-1] - as_given == pytest.approx(flattered, abs=0.2)
    found = {row["rater"]: row["severity"] for row in report.raters}
    assert [found[person.pseudonym] for person in people] == pytest.approx([-1, 0, 1], abs=0.45)
    net = {row["opponent"]: row["net"] for row in report.pairs if row["dimension"] == "overall"}
    assert np.all(np.diff([net[slug] for slug in order[1:]]) >= 0)
    assert net["tiny-broken"] > 0.9
