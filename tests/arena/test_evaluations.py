"""An evaluation from its prompts to its report: clips awaited, items balanced, the order found."""

import csv
import io
import threading
import time
import uuid
from collections import Counter

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from annotation.clips import manifest
from annotation.models import Campaign, Clip, Prompt, PromptCandidate, Task, VideoModel
from annotation.quality import exclusion
from arena.evaluations import cliptable, layout, lifecycle, reportfigures, reports
from arena.models import Evaluation
from tests.annotation import rows
from tests.arena.evaluations_made import evaluation, expert, prompt_set, score_all
from workbench.models import Notice, Role, User
from workbench.refusals import Conflict, Invalid

State = Evaluation.State


@pytest.fixture
def engineer(db: None) -> User:
    return rows.person("eng", Role.ENGINEER)


def worth(clip: Clip, person: User) -> int:
    """The first model is the best, the third the worst; "strict" gives two points less."""
    assert clip.video_model is not None
    return 5 - int(clip.video_model.slug[-1]) - (2 if person.username == "strict" else 0)


# --- Clips ------------------------------------------------------------------------------------------------


def test_with_all_clips_there_scoring_begins_at_once(engineer: User) -> None:
    made = evaluation(engineer, gsb=True)
    assert made.state == State.SCORING
    assert made.likert_campaign is not None
    assert made.gsb_campaign is not None
    assert made.likert_campaign.items_total == 12
    assert made.gsb_campaign.items_total == 8
    assert {campaign.state for campaign in made.campaigns} == {Campaign.State.OPEN}
    assert Notice.objects.filter(user=engineer, text__contains="ready for scoring").exists()


def test_it_waits_for_what_is_missing_and_goes_on_when_that_comes(engineer: User) -> None:
    prompt_set()
    late = Clip.objects.order_by("pk")[0]
    late_model, late.video_model = late.video_model, None
    late.save()
    made = evaluation(engineer)
    assert made.state == State.AWAITING
    found = cliptable.of_evaluation(made)
    assert [(model, prompt) for model, prompt, _seed in found.lacking()] == [(late_model, late.prompt)]
    lifecycle.advance_all()
    made.refresh_from_db()
    assert made.state == State.AWAITING
    Clip.objects.filter(pk=late.pk).update(video_model=late_model, state=Clip.State.PENDING)
    assert cliptable.of_evaluation(made).pending == 1
    lifecycle.advance_all()
    made.refresh_from_db()
    assert made.state == State.AWAITING
    Clip.objects.filter(pk=late.pk).update(state=Clip.State.READY)
    lifecycle.advance_all()
    made.refresh_from_db()
    assert made.state == State.SCORING


def test_what_is_there_can_be_scored_without_the_rest(engineer: User) -> None:
    prompt_set()
    Clip.objects.filter(pk=Clip.objects.order_by("pk")[0].pk).update(video_model=None)
    made = evaluation(engineer)
    with pytest.raises(Conflict, match="changed meanwhile"):
        lifecycle.begin_with_what_is_there(engineer, made.pk, made.version + 1)
    begun = lifecycle.begin_with_what_is_there(engineer, made.pk, made.version)
    assert begun.likert_campaign is not None
    assert begun.likert_campaign.items_total == 11


def test_own_clips_count_by_seed_and_sampling_and_outside_ones_fill_up(engineer: User) -> None:
    prompt_set(1, 2)
    own, outside = Clip.objects.order_by("video_model__slug")
    Clip.objects.filter(pk=own.pk).update(seed=1, recipe={"checkpoint": "x", "steps": 20, "guidance": 3.0})
    Clip.objects.filter(pk=outside.pk).update(seed=77)
    made = evaluation(engineer, seeds=(1, 2))
    found = cliptable.of_evaluation(made)
    cells = {key[0]: cell.ready for key, cell in found.cells.items()}
    assert cells == {own.video_model_id: {1: own.pk}, outside.video_model_id: {1: outside.pk}}
    other = evaluation(engineer, seeds=(1,), steps=4)
    assert [model for model, _p, _s in cliptable.of_evaluation(other).lacking()] == [own.video_model]


def test_an_image_to_video_prompt_without_its_first_frame_is_left_out(engineer: User) -> None:
    given = prompt_set(2, 2)
    Prompt.objects.update(task=Task.I2V)
    with pytest.raises(Invalid, match="first frame"):
        evaluation(engineer, task="i2v")
    framed, bare = given.prompts.order_by("pk")
    Prompt.objects.filter(pk=framed.pk).update(first_frame="first_frames/a.png")
    made = evaluation(engineer, task="i2v")
    assert made.likert_campaign is not None
    assert set(made.likert_campaign.items.values_list("prompt", flat=True)) == {framed.pk}
    assert cliptable.without_frame(given, "i2v") == [bare]


def test_the_manifest_of_what_is_missing_names_prompts_so_that_an_import_finds_them(engineer: User) -> None:
    given = prompt_set(2, 2)
    for number, prompt in enumerate(given.prompts.order_by("pk")):
        PromptCandidate.objects.create(
            prompt_set=given, prompt=prompt, external_id=f"b-{number}", fingerprint=prompt.fingerprint
        )
    Clip.objects.filter(video_model__slug="secret-model-1").update(video_model=None)
    made = evaluation(engineer)
    lines = list(
        csv.DictReader(io.StringIO(cliptable.manifest_of_missing(made, cliptable.of_evaluation(made))))
    )
    assert {line["model"] for line in lines} == {"Secret model 1"}
    assert [line["prompt_id"] for line in lines] == ["b-0", "b-1"]
    for line in lines:
        assert line["prompt_set"] == given.slug
        found = manifest._named_prompt(line)
        assert PromptCandidate.objects.get(external_id=line["prompt_id"]).prompt == found


# --- Items ------------------------------------------------------------------------------------------------

sizes = st.integers(1, 7)


@given(prompts=sizes, models=sizes, seeds=st.integers(1, 3), draw=st.integers(0, 2**128))
def test_every_clip_is_in_one_item_and_models_take_turns(
    prompts: int, models: int, seeds: int, draw: int
) -> None:
    of = list(layout.rotated(range(prompts), range(models), range(seeds), draw))
    assert Counter(of) == dict.fromkeys(
        ((p, m, s) for p in range(prompts) for m in range(models) for s in range(seeds)), 1
    )
    for start in range(0, len(of), prompts):  # in a pass every prompt comes once, and models take turns
        part = of[start : start + prompts]
        assert len({p for p, _m, _s in part}) == prompts
        for place in range(max(0, prompts - models + 1)):
            assert len({m for _p, m, _s in part[place : place + models]}) == models


def test_a_pair_is_of_one_prompt_and_seed_and_only_where_both_clips_are_there() -> None:
    clip = {(m, p, s): uuid.uuid4() for m in (1, 2, 3) for p in (10, 11) for s in (5, 6)}
    cells = {(m, p): {s: clip[m, p, s] for s in (5, 6)} for m in (1, 2, 3) for p in (10, 11)}
    del cells[2, 11][6]
    items = layout.gsb_items([10, 11], 1, [2, 3], [5, 6], cells, 0)
    named = {value: key for key, value in clip.items()}
    pairs = [tuple(named[one] for one in item.clips) for item in items]
    assert len(pairs) == 7
    for (own, p, s), (other, q, t) in pairs:
        assert (own, p, s) == (1, q, t)
        assert other in (2, 3)


def test_a_model_s_clips_of_a_prompt_stand_side_by_side_where_that_is_asked(engineer: User) -> None:
    given = prompt_set(prompts=3, models=2)
    for clip in Clip.objects.all():  # a second one of each
        rendition = clip.renditions.get()
        clip.pk, clip.sha256, clip._state.adding = uuid.uuid4(), uuid.uuid4().hex, True
        clip.save()
        rendition.pk, rendition.clip, rendition._state.adding = uuid.uuid4(), clip, True
        rendition.save()
    made = evaluation(engineer, prompt_set=given, seeds=(1, 2), side_by_side=True, gsb=True)
    scores, pairs = made.campaigns
    assert (scores.clips_per_item, scores.items_total, pairs.items_total) == (2, 6, 6)
    for item in scores.items.all():
        [(model, prompt)] = set(item.clips.values_list("video_model", "prompt"))
        assert item.clips.count() == 2
        assert prompt == item.prompt_id
        assert model is not None
    for name in ("one", "two"):
        score_all(scores, expert(name), lambda clip, _person: 3 + int(clip.video_model == made.under_test))
    report = reports.refresh(lifecycle.advance(made.pk))
    assert report is not None
    overall = [row for row in report.means if row["dimension"] == "overall"]
    assert sorted((row["mean"], row["scores"]) for row in overall) == [(3.0, 12), (4.0, 12)]
    for seeds in ((1,), tuple(range(9))):
        with pytest.raises(Invalid) as refused:
            evaluation(engineer, prompt_set=given, seeds=seeds, side_by_side=True)
        assert refused.value.code == "side_by_side"


# --- Scoring and the report -------------------------------------------------------------------------------


def test_the_report_finds_the_order_and_says_how_strict_each_expert_is(engineer: User) -> None:
    made = evaluation(engineer, gsb=True)
    assert reports.refresh(made) is None
    for campaign in made.campaigns:
        for person in ("mild", "strict"):
            found = User.objects.filter(username=person).first() or expert(person)
            score_all(campaign, found, worth)
    done = lifecycle.advance(made.pk)
    assert done.state == State.DONE
    assert done.ended_at is not None
    report = reports.refresh(done)
    assert report is not None
    assert report.judgements == 2 * 12 + 2 * 8
    overall = {row["model"]: row for row in report.means if row["dimension"] == "overall"}
    assert [row["mean"] for _model, row in sorted(overall.items())] == [4.0, 3.0, 2.0]
    assert [round(row["adjusted"], 6) for _model, row in sorted(overall.items())] == [4.0, 3.0, 2.0]
    strictness = sorted(row["severity"] for row in report.raters)
    assert strictness == pytest.approx([-1, 1])
    pairs = {row["opponent"]: row for row in report.pairs if row["dimension"] == "overall"}
    assert {(row["good"], row["same"], row["bad"]) for row in pairs.values()} == {(8, 0, 0)}
    assert [row["model"] for row in report.prompts[:1]] == ["secret-model-0"]


def test_adjusting_for_severity_puts_right_what_unequal_shares_turn_round(engineer: User) -> None:
    """The better model's clips are scored by the strict expert alone, the worse ones by the mild one."""
    given = prompt_set(12, 2)
    made = evaluation(engineer, overlap=1)
    assert made.likert_campaign is not None
    strict, mild = expert("strict"), expert("mild")
    better = VideoModel.objects.get(slug="secret-model-0")
    both = set(given.prompts.order_by("pk").values_list("pk", flat=True)[:3])

    def assigned(clip: Clip) -> User:
        if clip.prompt_id in both:
            return strict if (clip.prompt_id or 0) % 2 else mild
        return strict if clip.video_model == better else mild

    while score_all(made.likert_campaign, strict, lambda c, p: worth(c, assigned(c)), most=1):
        pass
    # Everything was scored in one name; give each judgement to the one who would have made it.
    for item in made.likert_campaign.items.all():
        who = assigned(item.item_clips.get().clip)
        item.judgements.update(annotator=who)
    report = reports.compute(made)
    assert report is not None
    overall = {row["model"]: row for row in report.means if row["dimension"] == "overall"}
    assert overall["secret-model-0"]["mean"] < overall["secret-model-1"]["mean"]
    assert overall["secret-model-0"]["adjusted"] > overall["secret-model-1"]["adjusted"]


def test_ending_it_early_keeps_what_was_judged(engineer: User) -> None:
    made = evaluation(engineer)
    assert made.likert_campaign is not None
    score_all(made.likert_campaign, expert("mild"), worth, most=5)
    made.refresh_from_db()
    ended = lifecycle.finish(engineer, made.pk, made.version)
    assert ended.state == State.DONE
    assert Campaign.objects.get(pk=made.likert_campaign.pk).state == Campaign.State.CLOSED
    assert reports.stale(ended)
    reports.refresh_all()
    ended.refresh_from_db()
    report = reports.of(ended)
    assert report is not None
    assert report.judgements == 5
    with pytest.raises(Conflict, match="ended already"):
        lifecycle.finish(engineer, made.pk, ended.version)


def test_whose_work_is_excluded_falls_out_of_the_report_and_comes_back(engineer: User) -> None:
    made = evaluation(engineer)
    campaign = made.likert_campaign
    assert campaign is not None
    mild, strict = expert("mild"), expert("strict")
    for person in (mild, strict):
        score_all(campaign, person, worth)
    lifecycle.advance(made.pk)

    def raters() -> int:
        reports.refresh_all()
        made.refresh_from_db()
        report = reports.of(made)
        assert report is not None
        return report.experts

    assert raters() == 2
    exclusion.exclude(campaign.pk, strict.pk, "does not read the rubric")
    assert raters() == 1
    exclusion.take_back(campaign.pk, strict.pk)
    assert raters() == 2


def test_figures_have_their_rows_and_no_row_is_a_formula(engineer: User) -> None:
    made = evaluation(engineer, gsb=True)
    VideoModel.objects.filter(slug="secret-model-1").update(name="=cmd|' /C calc'!A0")
    for campaign in made.campaigns:
        score_all(campaign, User.objects.filter(username="mild").first() or expert("mild"), worth)
    report = reports.compute(made)
    assert report is not None
    figures = {figure.key: figure for figure in reportfigures.figures(report)}
    assert {"scores", "pairs", "adjusted"} <= set(figures)
    told = list(csv.DictReader(io.StringIO(figures["scores"].csv)))
    assert len(told) == len(figures["scores"].rows) == 3 * 4
    for theme in (reportfigures.DARK, reportfigures.LIGHT):
        for figure in figures.values():
            shown = reportfigures.drawn(figure, theme)
            assert shown["layout"]["paper_bgcolor"] == theme.paper
            assert all("colour" not in trace for trace in shown["data"])


def test_a_plan_that_can_not_be_is_refused_in_words(engineer: User) -> None:
    prompt_set()
    for changes in (
        {"likert": False},
        {"video_models": ()},
        {"gsb": True, "under_test": None},
        {"seeds": (1, 1)},
        {"task": "i2v"},
    ):
        with pytest.raises(Invalid):
            evaluation(engineer, **changes)
    assert not Evaluation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_whoever_waited_for_the_lock_sees_the_campaigns_that_were_made_meanwhile() -> None:
    """Two processes advance it at once: the second must not take campaigns it can't see for finished ones."""
    made = evaluation(rows.person("eng", Role.ENGINEER))
    Evaluation.objects.filter(pk=made.pk).update(state=State.AWAITING, likert_campaign=None)
    inside, waiting = threading.Event(), threading.Event()

    def first() -> None:
        with transaction.atomic():
            lifecycle.advance(made.pk)
            inside.set()
            waiting.wait(30)
            time.sleep(0.3)  # the other one is at the lock by now
        connection.close()

    def second() -> None:
        inside.wait(30)
        waiting.set()
        lifecycle.advance(made.pk)
        connection.close()

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    made.refresh_from_db()
    assert made.state == State.SCORING
