"""Rounds as a state machine over real rows: runs are ended here with the rows that their kinds deliver."""

import json
import threading
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client

from annotation.models import Campaign, Clip, ItemClip
from generator import checkpoints, rounds
from generator.models import Round, RoundRun
from tests.annotation import rows
from tests.generator.rounds_made import checkpoint, end, finish, prompt_set
from workbench.celery import app
from workbench.models import Run, RunState, User
from workbench.refusals import Conflict, Invalid

pytestmark = pytest.mark.django_db
NEW_IS_BETTER: dict[str, Any] = {
    "reward": lambda clip, _: float(_new(clip)),
    "judged": lambda clip, _: 0.4 + 0.1 * _new(clip),
}
NEW_PLEASES_REWARDS_ONLY: dict[str, Any] = {
    "reward": lambda clip, _: 2.0 * _new(clip),
    "judged": lambda clip, _: 0.6 - 0.2 * _new(clip),
}


def _new(clip: Clip) -> bool:
    """Whether a rewarded checkpoint made it."""
    assert clip.video_model is not None
    return clip.video_model.checkpoint.run is not None


@pytest.fixture
def erin() -> User:
    return rows.person("erin", "engineer")


@pytest.fixture
def ann() -> User:
    return rows.person("ann")


def begun(user: User, count: int = 9) -> Round:
    plan = rounds.Plan(
        base=checkpoints.current_base() or checkpoint(), prompt_set=prompt_set(count), preset="micro"
    )
    return rounds.start(user, plan)


def waiting(round_: Round) -> list[Run]:
    return list(Run.objects.filter(round_run__round=round_, state=RunState.QUEUED).order_by("created_at"))


def on(round_: Round, **values: Any) -> Round:
    """Every waiting run ends well; then the round is looked at."""
    for run in waiting(round_):
        finish(run, **values)
    return rounds.advance(round_.pk)


def judged(round_: Round, person: User) -> Round:
    """Somebody judges every item of the campaign."""
    assert round_.campaign is not None
    while (assignment := rows.next_item(round_.campaign, person)) is not None:
        rows.submit(assignment)
    return rounds.advance(round_.pk)


def through(round_: Round, person: User, **values: Any) -> Round:
    """To the end."""
    round_ = judged(on(round_), person)
    while round_.state == Round.State.WORKING:
        round_ = on(round_, **values)
    return round_


def test_a_round_goes_through_its_steps_and_is_promoted(erin: User, ann: User) -> None:
    round_ = begun(erin)
    assert [run.kind for run in waiting(round_)] == ["generate"]
    rounds.advance(round_.pk)
    rounds.advance_all()
    assert RoundRun.objects.count() == Run.objects.count() == 1

    round_ = on(round_)
    assert (round_.step, Run.objects.count()) == ("judge", 1)
    campaign = round_.campaign
    assert campaign is not None
    assert (campaign.state, campaign.items_total, campaign.wanted) == ("open", 6, 6)
    held_out = set(round_.round_prompts.filter(held_out=True).values_list("prompt_id", flat=True))
    shown = set(ItemClip.objects.filter(item__campaign=campaign).values_list("clip__prompt_id", flat=True))
    assert len(held_out) == 3
    assert not held_out & shown

    round_ = judged(round_, ann)
    assert sorted(run.config["reward"] for run in waiting(round_)) == ["aesthetic", "foundational", "motion"]
    first, *others = waiting(round_)
    finish(first)
    assert rounds.advance(round_.pk).step == "rewards"
    assert len(waiting(round_)) == len(others)

    round_ = on(round_)
    (refl,) = waiting(round_)
    assert (round_.step, refl.kind, len(refl.config["rewards"])) == ("feedback", "refl", 3)
    assert not set(refl.config["prompts"]) & held_out
    assert set(refl.config["eval_prompts"]) == held_out

    round_ = on(round_)
    (again,) = waiting(round_)
    sample = round_.round_runs.get(step="sample").run
    wanted = [clip for clip in sample.config["clips"] if clip["prompt"] in held_out]
    assert again.config["clips"] == wanted
    assert again.config["checkpoint"] == str(round_.trained_id)

    round_ = on(round_)
    assert sorted(run.kind for run in waiting(round_)) == ["judge", "score"]
    round_ = on(round_, **NEW_IS_BETTER)
    assert (round_.state, round_.problem) == ("promoted", "")
    assert round_.report["composite"]["after"] == pytest.approx(1.0)
    assert round_.report["judge"]["before"] == pytest.approx(0.4)
    assert round_.report["judge"]["p"] == 2 / 8
    assert round_.ended_at is not None
    assert Campaign.objects.get().state == "closed"
    assert checkpoints.current_base() == round_.trained
    told = list(erin.notices.order_by("pk").values_list("text", flat=True))
    assert told == [
        f"Round {round_.pk} waits for judgements.",
        f"Round {round_.pk} is over: Promoted.",
    ]


def test_rewards_that_rise_while_the_judge_falls_reject_it_and_the_page_says_so(
    erin: User, ann: User, client: Client
) -> None:
    base = checkpoint()
    round_ = through(begun(erin), ann, **NEW_PLEASES_REWARDS_ONLY)
    assert round_.state == "rejected"
    assert checkpoints.current_base() == base
    client.force_login(erin)
    text = client.get(f"/rounds/{round_.pk}/").text
    assert "the judge's mean fell" in text
    assert "the rewards' weak spots" in text
    assert "−0.200" in text
    assert "+2.000" in text


def test_a_failed_run_fails_the_round_which_goes_on_from_there(erin: User, ann: User) -> None:
    round_ = begun(erin)
    (run,) = waiting(round_)
    end(run, RunState.FAILED, "out of memory")
    round_ = rounds.advance(round_.pk)
    assert (round_.state, round_.step) == ("failed", "sample")
    assert "out of memory" in round_.problem
    assert rounds.advance(round_.pk).state == "failed"
    with pytest.raises(PermissionDenied):
        rounds.retry(rows.person("cole", "engineer"), round_.pk)
    round_ = rounds.retry(erin, round_.pk)
    assert (round_.state, round_.problem, waiting(round_)) == ("working", "", [run])
    with pytest.raises(Conflict):
        rounds.retry(erin, round_.pk)
    assert through(round_, ann, **NEW_IS_BETTER).state == "promoted"


def test_a_step_that_can_not_be_launched_says_why_and_leaves_nothing_half_done(erin: User, ann: User) -> None:
    round_ = on(begun(erin))
    assert round_.campaign is not None
    rows.judge(round_.campaign, ann)
    campaign = Campaign.objects.get()
    Campaign.objects.update(state="closed", version=campaign.version + 1)
    round_ = rounds.advance(round_.pk)  # one judged prompt is too little to learn a reward from
    assert (round_.state, round_.step) == ("failed", "rewards")
    assert "Label more items" in round_.problem
    assert not Run.objects.filter(kind="reward").exists()


def test_cancelling_ends_its_runs_and_its_campaign(erin: User) -> None:
    round_ = begun(erin)
    rounds.cancel(erin, round_.pk)
    assert Run.objects.get().state == RunState.CANCELLED
    assert rounds.advance(round_.pk).state == "cancelled"
    second = on(begun(erin))
    rounds.cancel(erin, second.pk)
    assert Campaign.objects.get().state == "closed"
    with pytest.raises(Conflict):
        rounds.cancel(erin, second.pk)


def test_the_next_round_begins_with_what_was_learnt(erin: User, ann: User) -> None:
    first = through(begun(erin), ann, **NEW_IS_BETTER)
    second = judged(on(begun(erin)), ann)
    assert second.base == first.trained
    sides = [
        {
            held: set(row.round_prompts.filter(held_out=held).values_list("prompt_id", flat=True))
            for held in (True, False)
        }
        for row in (first, second)
    ]
    assert sides[0] == sides[1]  # what was held out is never learnt from
    seeds = [
        {clip["seed"] for clip in row.round_runs.get(step="sample").run.config["clips"]}
        for row in (first, second)
    ]
    assert seeds[0] & seeds[1] == {1, 2}  # those of the held-out prompts alone
    for run in waiting(second):
        assert len(run.config["campaigns"]) == 2
        assert run.config["start"] == str(first.reward_models.get(kind=run.config["reward"]).pk)


def test_too_few_prompts_are_refused_with_the_numbers(erin: User, client: Client) -> None:
    checkpoint()
    small = prompt_set(8)
    with pytest.raises(Invalid, match="has 8 prompts; this size learns from 6 and holds out 3"):
        rounds.start(erin, rounds.Plan(base=checkpoint(), prompt_set=small, preset="micro"))
    client.force_login(erin)
    sent = {"base": str(checkpoint().pk), "prompt_set": small.pk, "preset": "micro"}
    answer = client.post("/rounds/", sent)
    assert answer.status_code == 422
    assert "has 8 prompts" in answer.text
    assert '<option value="micro" selected>' in answer.text
    prompt_set(9)
    answer = client.post("/rounds/", sent)
    assert answer.headers["Location"] == f"/rounds/{Round.objects.get().pk}/"
    assert not Campaign.objects.exists()


def test_simulated_annotators_are_asked_for_once_and_only_while_judging(erin: User) -> None:
    round_ = begun(erin)
    with pytest.raises(Conflict, match="not waiting"):
        rounds.simulate(erin, round_.pk)
    on(round_)
    run = rounds.simulate(erin, round_.pk)
    assert (run.kind, run.config["campaign"]) == ("simulate", str(Campaign.objects.get().pk))
    with pytest.raises(Conflict, match="at work"):
        rounds.simulate(erin, round_.pk)


@pytest.mark.django_db(transaction=True)
def test_two_that_advance_at_once_launch_once(erin: User) -> None:
    begun(erin)
    round_ = Round.objects.get()
    round_.round_runs.all().delete()  # as if nothing had been launched yet
    barrier = threading.Barrier(4)

    def look() -> None:
        try:
            barrier.wait()
            rounds.advance(round_.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert RoundRun.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_end_of_its_run_has_a_round_looked_at(erin: User) -> None:
    round_ = begun(erin)
    with app.connection_for_write() as broker:
        broker.default_channel.queue_purge("default")
        finish(*waiting(round_))
        asked = [json.loads(message.body)[0] for message in _messages(broker, "default")]
    assert [round_.pk] in asked


def _messages(broker: Any, name: str) -> list[Any]:
    """Everything that waits in a queue of the broker."""
    with broker.SimpleQueue(name) as waiting_:
        found = []
        while True:
            try:
                found.append(waiting_.get_nowait())
            except waiting_.Empty:
                return found
