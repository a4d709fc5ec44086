"""What a file brings into a set: everything is kept, nothing comes twice, every decision can be turned."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.models import Category, Prompt, PromptCandidate, PromptSet, PromptSketch
from annotation.prompts import collecting, identity, promptsets
from annotation.prompts.collecting import Report
from tests.annotation import rows
from workbench.models import Role
from workbench.refusals import Conflict, Invalid, Missing

pytestmark = pytest.mark.django_db

DOG = "A dog runs across a sunlit meadow, its ears flapping in the wind"
DOG_AGAIN = "A dog runs across the sunlit meadow, ears flapping in the wind"
FILE = [
    {"text_en": "A cat jumps over a puddle", "text_zh": "一只猫跳过水坑", "category": "animal|locomotion"},
    {"text_en": DOG, "external_id": "d-1"},
    {"text_en": DOG_AGAIN, "category": "animal"},
    {"text_en": "A {animal} sleeps on a mat"},
    {"text_en": "A cat  jumps over a puddle", "text_zh": "一只猫跳过水坑"},
    {"text_en": "A fox sleeps in snow", "category": "nonsense"},
    {"task": "t2v"},
    {"text_en": "A boat sails on a lake", "set": "Boats"},
]


def lines(*said: dict[str, Any]) -> str:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in said)


def outcomes(report: Report) -> list[tuple[int, str, str]]:
    return [(line.line, line.outcome, line.reason or line.code) for line in report.lines]


EXPECTED = [
    (1, "new", ""),
    (2, "new", ""),
    (3, "left_out", "near_duplicate"),
    (4, "left_out", "placeholder"),
    (5, "there", ""),
    (6, "refused", "category"),
    (7, "refused", "no_text"),
    (8, "new", ""),
]


def everything() -> list[int]:
    return [m.objects.count() for m in (Prompt, PromptSet, PromptCandidate, PromptSketch, Category)]


def test_a_preview_says_what_the_import_does_and_stores_nothing() -> None:
    before = everything()
    seen = collecting.preview(lines(*FILE), "Animals")
    assert outcomes(seen) == EXPECTED
    assert not seen.stored
    assert everything() == before

    done = collecting.collect(lines(*FILE), "Animals", source="a.jsonl")
    assert done.stored
    assert done.lines == seen.lines
    assert done.counts == {"new": 3, "there": 1, "left_out": 2, "refused": 2}
    animals = PromptSet.objects.get(slug="animals")
    assert {p.text_en for p in animals.prompts.all()} == {"A cat jumps over a puddle", DOG}
    assert PromptSet.objects.get(slug="boats").prompts.get().text_en == "A boat sails on a lake"
    cat = Prompt.objects.get(text_zh="一只猫跳过水坑")
    assert {c.slug for c in cat.categories.all()} == {"animal", "locomotion"}
    assert Category.objects.get(slug="locomotion").parent == Category.objects.get(slug="action")
    left = animals.candidates.get(reason="near_duplicate")
    assert left.alike == Prompt.objects.get(text_en=DOG)
    assert left.resemblance is not None
    assert left.resemblance >= 0.75
    assert (left.text_en, left.categories, left.source) == (DOG_AGAIN, ["animal"], "a.jsonl")
    assert animals.candidates.get(text_en=DOG).external_id == "d-1"


def test_importing_again_adds_nothing_and_meets_what_is_there() -> None:
    collecting.collect(lines(*FILE), "Animals")
    before = everything()
    again = collecting.collect(lines(*FILE), "animals")
    assert again.counts == {"new": 0, "there": 6, "left_out": 0, "refused": 2}
    assert "left out before: Placeholder" in again.lines[3].message
    assert everything() == before
    # Another file's near-duplicate of a prompt that is in the set; into another set it may go.
    alike = lines({"text_en": DOG_AGAIN + " today"})
    assert outcomes(collecting.preview(alike, "Animals")) == [(1, "left_out", "near_duplicate")]
    assert outcomes(collecting.preview(alike, "Boats")) == [(1, "new", "")]


def test_prompts_that_came_otherwise_are_compared_too() -> None:
    there = identity.find_or_create(DOG)
    there.prompt_sets.add(PromptSet.objects.create(slug="old", name="Old"))
    (line,) = collecting.collect(lines({"text_en": DOG_AGAIN}), "Old").lines
    assert (line.outcome, line.evidence) == ("left_out", DOG)
    assert PromptCandidate.objects.get().alike == there
    # The same prompt of another set just joins.
    assert collecting.collect(lines({"text_en": DOG}), "New").counts["new"] == 1
    assert set(there.prompt_sets.values_list("slug", flat=True)) == {"old", "new"}


def test_a_decision_can_be_turned_both_ways_and_stays() -> None:
    manager = rows.person("manager", Role.MANAGER)
    collecting.collect(lines(*FILE), "Animals")
    animals = PromptSet.objects.get(slug="animals")
    left = animals.candidates.get(reason="near_duplicate")
    for _ in range(2):  # a second press changes nothing
        taken = collecting.decide(left.pk, kept=True, by=manager)
        assert taken.prompt is not None
        assert set(animals.prompts.all()) >= {taken.prompt}
        assert [c.slug for c in taken.prompt.categories.all()] == ["animal"]
    assert collecting.preview(lines(*FILE), "Animals").lines[2].outcome == "there"
    assert animals.prompts.count() == 3
    out = collecting.decide(left.pk, kept=False, by=manager)
    assert (out.prompt, out.reason, out.decided_by) == (None, "near_duplicate", manager)
    assert animals.prompts.count() == 2
    # One that the filter let in can be left out, and an import does not bring it back.
    cat = animals.candidates.get(text_zh="一只猫跳过水坑")
    collecting.decide(cat.pk, kept=False, by=manager)
    assert collecting.collect(lines(*FILE), "Animals").counts["new"] == 0
    assert animals.prompts.count() == 1
    with pytest.raises(Missing):
        collecting.decide(10**9, kept=True, by=manager)


def test_a_set_is_needed_and_none_is_made_for_refused_lines() -> None:
    (line,) = collecting.collect(lines({"text_en": "A cat sleeps"})).lines
    assert (line.outcome, line.code) == ("refused", "set")
    collecting.collect(lines({"text_en": "A cat sleeps", "category": "nonsense"}), "Nothing")
    assert not PromptSet.objects.exists()
    collecting.collect(lines({"text_en": "A cat sleeps"}), "一组提示词")
    assert PromptSet.objects.get().name == "一组提示词"
    assert promptsets.named(" 一组提示词 ") == PromptSet.objects.get()


def test_an_import_costs_by_batches_not_by_lines() -> None:
    def statements(n: int, name: str) -> int:
        told = lines(*({"text_en": f"Number {k * 7919} stands on door {k}"} for k in range(n)))
        with CaptureQueriesContext(connection) as seen:
            assert collecting.collect(told, name).counts["new"] == n
        return len(seen)

    assert statements(150, "B") == statements(2, "A")


def test_a_choice_is_balanced_and_becomes_a_set() -> None:
    told = [{"text_en": f"A cat jumps over {n} puddles", "category": "animal"} for n in range(30)]
    told += [{"text_en": f"Snow falls on {n} fir trees", "category": "phenomena"} for n in range(5)]
    told += [{"text_en": f"There are {n} boats on a lake"} for n in range(3)]
    collecting.collect(lines(*told), "All")
    everything_there = PromptSet.objects.get(slug="all")
    assert [(s.slug, s.before) for s in promptsets.shares(everything_there)] == [
        ("animal", 30),
        ("phenomena", 5),
        ("", 3),
    ]
    choice = promptsets.choose(everything_there, 12, seed=1)
    assert choice == promptsets.choose(everything_there, 12, seed=1)
    assert [(s.name, s.before) for s in choice.shares] == [
        ("Animals", 30),
        ("Natural phenomena", 5),
        ("Without a category", 3),
    ]
    assert sorted(s.after for s in choice.shares) == [3, 4, 5]  # all three without one, the rest in halves
    made = promptsets.keep(choice, "Twelve")
    assert set(made.prompts.values_list("pk", flat=True)) == set(choice.prompts)
    with pytest.raises(Conflict):
        promptsets.keep(choice, "twelve")
    with pytest.raises(Invalid):
        promptsets.choose(everything_there, 0)
