"""Simulated people over HTTP against a live site: what they judge is stored, marked, and not nonsense."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from annotation.campaigns import lifecycle
from annotation.campaigns.dimensions import default_dimensions
from annotation.campaigns.lifecycle import CampaignSpec
from annotation.campaigns.planning import Selection
from annotation.clips import intake
from annotation.clips.degrade import degraded_pixels
from annotation.models import Campaign, Clip, Judgement, VideoModel
from annotation.prompts import identity
from arena.models import Vote
from generator.data.world import Wanted, place, prompt, render
from generator.runs_simulate import simulated_person
from generator.simulated.minds import Impression, Temper, temper
from tests.annotation import rows
from tests.generator.data import broken_clips
from tests.generator.data.test_oracles import scenes, write
from workbench.models import ApiToken, Role, Run, RunState, User
from workbench.runs import launch, supervise
from workbench.runs.kinds import ConfigRefusedError, InputsMissingError

pytestmark = pytest.mark.django_db


def made_clips(folder: Path, manager: User) -> None:
    """Two prompts, each with a clip as wanted, one of something else, a still one and a grainy one."""
    for number, scene in enumerate(scenes(2, seed=3)):
        asked = identity.find_or_create(prompt(scene, "en"), prompt(scene, "zh"))
        other = {"left": "up", "right": "down", "up": "right", "down": "left"}[scene.direction]
        wrong = Wanted(shape=scene.shape, colour="cyan" if scene.colour == "red" else "red", direction=other)  # type: ignore[arg-type]
        made = {
            "Good": render(scene),
            "Wrong": render(place(np.random.default_rng(number), wrong)),
            "Still": broken_clips.still(scene),
            "Grainy": degraded_pixels(render(scene), "noise", 0.6, number),
        }
        for name, video in made.items():
            path = folder / f"{number}-{name}.mp4"
            write(path, video)
            facts = intake.Facts(prompt=asked, video_model=intake.video_model_named(name), seed=number)
            with path.open("rb") as file:
                intake.ingest(file, path.name, facts, uploaded_by=manager, render_now=True)


def picked(judgements: list[Judgement], dimension: str, side: str) -> Counter[str]:
    """How often each video model's clip was picked, by all judgements."""
    of_clip = dict(Clip.objects.values_list("item_clips__pk", "video_model__name"))
    found: Counter[str] = Counter()
    for judgement in judgements:
        for key in judgement.answers["picks"][dimension].get(side, []):
            found[next(name for pk, name in of_clip.items() if str(pk) == key)] += 1
    return found


@pytest.mark.django_db(transaction=True)
def test_programs_label_a_campaign_and_vote_over_http(
    live_server: LiveServer, settings: Settings, tmp_path: Path
) -> None:
    settings.SITE_URL = live_server.url
    manager = rows.person("manager", Role.MANAGER)
    made_clips(tmp_path, manager)
    spec = CampaignSpec(name="Two", dimensions=default_dimensions(), selection=Selection(), overlap=4)
    made = lifecycle.create(spec, manager)
    campaign = lifecycle.set_state(made.pk, Campaign.State.OPEN, made.version)

    run = launch.launch(manager, "simulate", {"campaign": str(campaign.pk), "noise": 0.02})
    supervise.execute(run.pk)
    run.refresh_from_db()
    campaign.refresh_from_db()
    assert (run.state, run.error) == (RunState.SUCCEEDED, "")
    assert campaign.progress.judged == campaign.wanted == 8
    judgements = list(Judgement.objects.filter(item__campaign=campaign))
    assert all(judgement.simulated for judgement in judgements)
    assert Counter(j.annotator.username for j in judgements) == {f"simulated-{n}": 2 for n in range(1, 5)}
    assert picked(judgements, "prompt_following", "worst").most_common(1)[0][0] == "Wrong"
    assert picked(judgements, "motion_quality", "worst").most_common(1)[0][0] == "Still"
    assert picked(judgements, "aesthetic_quality", "worst").most_common(1)[0][0] == "Grainy"
    told = run.result
    assert (told["judgements"], told["annotators"]) == (8, 4)
    stored = [pair.broken_by for judgement in judgements for pair in judgement.pairs.all()]
    assert told["pairs"] == len(stored)
    assert told["broken_pairs"] == sum(1 for broken in stored if broken)

    votes = launch.launch(manager, "simulate_votes", {"votes": 12, "voters": 2, "noise": 0.02})
    supervise.execute(votes.pk)
    votes.refresh_from_db()
    assert (votes.state, votes.error) == (RunState.SUCCEEDED, "")
    assert Vote.objects.count() == Vote.objects.filter(simulated=True, too_fast=False).count() == 12
    good = VideoModel.objects.get(name="Good")
    won: Counter[bool] = Counter()
    for vote in Vote.objects.exclude(answer__in=("tie", "both_bad")).select_related("battle"):
        sides = {"left": vote.battle.left_model_id, "right": vote.battle.right_model_id}
        if good.pk in sides.values():
            won[sides[vote.answer] == good.pk] += 1
    assert won[True] > 2 * won[False]

    for ended in (run, votes):
        kept = json.dumps(
            [ended.config, ended.result, *ended.events.values_list("text", "data")], default=str
        )
        assert "wb_" not in kept
    assert ApiToken.objects.filter(user__simulated=True).count() == 6
    assert not ApiToken.objects.filter(user__simulated=True, revoked_at=None).exists()


def test_what_programs_can_not_label_is_refused() -> None:
    manager = rows.person("manager", Role.MANAGER)
    invited = rows.campaign(manager, annotators=(manager.pk,))
    draft = rows.campaign(manager, opened=False)
    for campaign, why in ((invited, "invited"), (draft, "not open")):
        with pytest.raises(ConfigRefusedError, match=why):
            launch.launch(manager, "simulate", {"campaign": str(campaign.pk)})
    assert not Run.objects.exists()


def test_an_account_of_that_name_that_is_a_person_s_is_left_alone() -> None:
    person = rows.person("simulated-1")
    with pytest.raises(InputsMissingError, match="belongs to a person"):
        simulated_person(1)
    program = simulated_person(2)
    assert program == simulated_person(2)
    assert program.simulated
    assert not program.has_usable_password()
    assert not User.objects.get(pk=person.pk).simulated


def test_impressions_are_reproducible_consistent_and_as_noisy_as_asked() -> None:
    values = {f"clip-{n}": {"motion_quality": n / 10, "aesthetic_quality": 0.5} for n in range(5)}
    keys = ["motion_quality", "aesthetic_quality", "unheard_of"]
    first, again = (Impression(temper(1, 2, 0.05), values, keys, [1, 2, 3]) for _ in range(2))
    assert first.picks() == again.picks()
    assert set(first.picks()) == {"motion_quality", "aesthetic_quality"}
    assert first.compare("unheard_of", "clip-0", "clip-1") == "cant_tell"

    calm = [Impression(temper(1, n, 0.0), values, keys, [1, n]) for n in range(400)]
    ties = [one.picks()["aesthetic_quality"] == {"tie": True} for one in calm]
    best = [one.picks()["motion_quality"]["best"] == ["clip-4"] for one in calm]
    assert 0.9 < sum(ties) / 400 < 1  # the rest are lapses
    assert 0.9 < sum(best) / 400 < 1
    noisy = [Impression(temper(1, n, 0.5), values, keys, [1, n]).picks() for n in range(400)]
    assert sum(one["motion_quality"].get("best") == ["clip-4"] for one in noisy) < 250

    for seed in range(40):
        one = Impression(temper(0, seed, 0.1), values, keys, [seed])
        replies = {(b, w): one.compare("motion_quality", b, w) for b in values for w in values}
        for (b, w), reply in replies.items():
            assert reply == {"yes": "no", "no": "yes", "cant_tell": "cant_tell"}[replies[w, b]]


def test_a_clash_is_looked_at_again_and_what_is_sure_stands() -> None:
    attentive = Temper(noise=0.0, margin=0.02, lapses=0.0, sure=0.15, severity=0.3)

    def clashing(apart: float) -> tuple[Impression, list[dict[str, object]]]:
        values = {
            "a": {"motion_quality": 0.5 + apart, "aesthetic_quality": 0.1},
            "b": {"motion_quality": 0.5, "aesthetic_quality": 0.9},
        }
        one = Impression(attentive, values, ["motion_quality", "aesthetic_quality"], [7])
        pair: dict[str, object] = {
            "dimension": "motion_quality",
            "best": "a",
            "worst": "b",
            "broken_by": ["aesthetic_quality"],
        }
        return one, [pair]

    unsure, pairs = clashing(0.09)
    assert unsure.picks()["motion_quality"] == {"best": ["a"], "worst": ["b"]}
    assert unsure.reconsider(pairs)
    assert unsure.picks()["motion_quality"] == {"tie": True}
    assert unsure.picks()["aesthetic_quality"] == {"best": ["b"], "worst": ["a"]}
    assert not unsure.reconsider(pairs)

    sure, pairs = clashing(0.3)
    before = sure.picks()
    assert not sure.reconsider(pairs)
    assert sure.picks() == before
