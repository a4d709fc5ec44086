"""What an evaluation lacks of our checkpoints' clips is made by one run a model, and asked for once."""

import pytest

from arena.models import Evaluation, EvaluationRun
from generator import evaluations
from tests.annotation import rows
from tests.arena.evaluations_made import evaluation, prompt_set
from tests.generator import rounds_made
from workbench.models import Role, Run, RunState

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting() -> Evaluation:
    """Of two outside models whose clips are there, and a checkpoint's, which has none."""
    prompt_set(3, 2)
    rounds_made.checkpoint()
    made = evaluation(rows.person("eng", Role.ENGINEER), seeds=(1, 2), steps=4, guidance=2.0)
    assert made.state == Evaluation.State.AWAITING
    return made


def test_one_run_makes_what_lacks_with_the_evaluations_own_sampling(waiting: Evaluation) -> None:
    evaluations.make_clips_all()
    evaluations.make_clips_all()
    one = EvaluationRun.objects.get()
    assert one.run.kind == "generate"
    assert one.video_model == rounds_made.checkpoint().video_model
    config = one.run.config
    assert (config["steps"], config["guidance"]) == (4, 2.0)
    prompts = set(waiting.prompt_set.prompts.values_list("pk", flat=True))
    assert {(wish["prompt"], wish["seed"]) for wish in config["clips"]} == {
        (prompt, seed) for prompt in prompts for seed in (1, 2)
    }


def test_a_run_that_failed_is_a_problem_for_a_person_and_is_not_launched_again(waiting: Evaluation) -> None:
    evaluations.make_clips(waiting.pk)
    Run.objects.update(state=RunState.FAILED)
    evaluations.make_clips(waiting.pk)
    waiting.refresh_from_db()
    assert "Resume it" in waiting.problem
    assert Run.objects.count() == 1
    Run.objects.update(state=RunState.RUNNING)  # resumed
    evaluations.make_clips(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.problem == ""


def test_clips_that_a_run_made_and_nobody_can_see_are_not_asked_for_for_ever(waiting: Evaluation) -> None:
    evaluations.make_clips(waiting.pk)
    Run.objects.update(state=RunState.SUCCEEDED)
    evaluations.make_clips(waiting.pk)
    waiting.refresh_from_db()
    assert "6 clips" in waiting.problem
    assert Run.objects.count() == 1
