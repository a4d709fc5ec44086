"""Near-duplicates are found as comparing each with each finds them; telling words keep prompts apart."""

import random

import pytest

from annotation.prompts.nearduplicates import (
    BANDS,
    THRESHOLD,
    NearIndex,
    fold,
    resemblance,
    sketch,
    told_apart,
)

DOG = "A dog runs across a sunlit meadow, its ears flapping in the wind"


def test_folding_keeps_letters_of_every_script() -> None:
    assert fold("  Ａ “Cat”,  and 2 dogs! ") == "a cat and 2 dogs"
    assert fold("一只猫，在跑。") == "一 只 猫 在 跑"
    assert fold("Кот спит…") == "кот спит"
    assert fold("…!？") == ""


def found(one: str, other: str) -> bool:
    index: NearIndex[str] = NearIndex()
    index.add("there", (one,), sketch(one))
    return index.find((other,), sketch(other)) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (DOG, DOG.upper().replace(",", "") + "!"),
        (DOG, "A dog runs across the sunlit meadow, ears flapping in the wind"),
        (DOG, "A dog is running across a sunlit meadow, its ears flapping in the wind today"),
        ("一只小狗在阳光下的草地上奔跑，耳朵随风飘动", "一只小狗在阳光下的草地上奔跑，耳朵随着风飘动。"),
    ],
)
def test_near(one: str, other: str) -> None:
    assert found(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (DOG, DOG.replace("A dog", "A black dog")),
        (DOG, DOG.replace("A dog", "Two dogs")),
        (DOG, DOG.replace("A dog", "A cat")),
        (f"{DOG} from left to right", f"{DOG} from right to left"),
        (
            "A long slow shot of a wooden ball that rolls to the left",
            "A long slow shot of a wooden ball that rolls to the right",
        ),
        ("一个木球在长长的桌面上慢慢地向左滚动", "一个木球在长长的桌面上慢慢地向右滚动"),
        ("第3集：一只小狗在阳光下的草地上奔跑", "第4集：一只小狗在阳光下的草地上奔跑"),
    ],
)
def test_a_telling_word_keeps_them_apart(one: str, other: str) -> None:
    assert resemblance(one, other) > 0.6  # they are alike, only not the same
    assert told_apart(one, other)
    assert not found(one, other)


def test_either_language_is_enough_and_the_most_alike_is_named() -> None:
    index: NearIndex[int] = NearIndex()
    index.add(1, (DOG + " today", ""), sketch(DOG + " today"))
    index.add(2, (DOG, "一只狗"), sketch(DOG))
    near = index.find((DOG + "!", "另一句话"), sketch(DOG))
    assert near is not None
    assert (near.key, near.resemblance) == (2, 1.0)
    assert index.find(("", ""), []) is None


def test_sketches_stay_as_they_were_stored() -> None:
    """They are in the database: another version must make the same keys."""
    assert len(sketch(DOG)) == BANDS
    assert sketch(DOG)[:2] == SKETCHED
    assert sketch("…") == []


SKETCHED = [-7882139686567274293, 1721292304477147847]


def test_the_bands_find_what_comparing_each_with_each_finds() -> None:
    chance = random.Random(7)
    words = ["river", "stone", "paper", "lantern", "window", "garden", "harbour", "wolf", "drum", "silk"]
    texts = []
    for _ in range(60):
        base = [chance.choice(words) + chance.choice("aeiou") for _ in range(14)]
        texts.append(" ".join(base))
        changed = list(base)
        changed[chance.randrange(14)] = chance.choice(words)
        texts.append(" ".join(changed))
    banded = [set(sketch(text)) for text in texts]
    near = [(a, b) for a in range(120) for b in range(a) if resemblance(texts[a], texts[b]) >= THRESHOLD]
    assert len(near) > 30
    missed = [pair for pair in near if not banded[pair[0]] & banded[pair[1]]]
    assert len(missed) <= 1
    compared = sum(bool(banded[a] & banded[b]) for a in range(120) for b in range(a))
    assert compared < 120 * 119 / 2 / 2  # and spare more than half of the comparisons
