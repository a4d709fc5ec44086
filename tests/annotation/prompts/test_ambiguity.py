"""Each rule has prompts that it must meet and near misses that it must let pass, in both languages."""

import pytest

from annotation.prompts.ambiguity import RULES, first_hit

MET = {
    "placeholder": [
        "A {animal} runs through snow",
        "A dog named <name> runs through snow",
        "[SUBJECT] runs through snow",
        "[insert animal here] runs through snow",
        "A TODO runs through snow",
        "一只【请输入动物】在雪地里奔跑",
        "某某在雪地里奔跑",
    ],
    "nothing_to_see": [
        "Beautiful, stunning, cinematic, 4k",
        "high-quality award-winning film look",
        "唯美高清，电影感画面",
    ],
    "too_short": ["Dog", "a dog", "一只猫", "猫 cat"],
    "opposite_directions": [
        "A red ball moves left and right",
        "A ball rolls to the left and to the right",
        "A boat drifts left while moving right",
        "The camera zooms in and out on a vase",
        "A wheel spins clockwise and counterclockwise",
        "Static camera; the camera pans over a lake",
        "小球向左又向右滚动",
        "镜头推近又拉远，对准花瓶",
        "固定镜头，镜头环绕一座塔",
    ],
    "unresolved_pronoun": ["She walks down the street", "It moves over the grass", "他们在海边奔跑"],
    "alternatives": [
        "A cat or a dog sleeps on a mat",
        "Either rain or snow falls on a field",
        "A man walks and/or runs over a bridge",
        "一只猫或者一只狗睡在垫子上",
    ],
}
PASSED = [
    "A sign says {42} beside a road",
    "[wide shot] A dog runs through snow",
    "A tag on the car says $500",
    "Beautiful waves in the evening",
    "唯美的海浪拍打着礁石",
    "A cat sleeps",
    "猫在睡觉",
    "A ball moves left, then right",
    "A ball moves from left to right",
    "A man looks left and right before a road",
    "A cat walks to the left, a dog walks to the right",
    "Two cars drive left and right of a tree",
    "A carousel horse moves up and down",
    "小球先向左再向右滚动",
    "一只猫向左走，一只狗向右走",
    "Static camera. Then the camera pans over a lake",
    "It is raining over Paris",
    "A woman opens a door. She walks out",
    "她的眼睛慢慢睁开，望向窗外",
    "An hour or so later a train passes",
    "A man shaves with more or less foam",
]


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in MET.items() for text in texts])
def test_a_rule_meets(name: str, text: str) -> None:
    hit = first_hit("t2v", text)
    assert hit is not None
    assert hit.rule.name == name
    parts = hit.evidence.split(" … ")
    assert parts
    assert all(part and part in text for part in parts)


@pytest.mark.parametrize("text", PASSED)
def test_a_near_miss_passes(text: str) -> None:
    assert first_hit("t2v", text) is None


def test_every_rule_has_examples_and_speaks_both_languages() -> None:
    assert {rule.name for rule in RULES} == set(MET)
    for rule in RULES:
        assert all((rule.title_en, rule.explanation_en, rule.title_zh, rule.explanation_zh))
        assert not rule.explanation_zh.isascii()


def test_a_picture_shows_who_she_is() -> None:
    assert first_hit("i2v", "She smiles") is None
    assert first_hit("i2v", "She looks at {thing}") is not None


def test_either_language_can_be_ambiguous() -> None:
    hit = first_hit("t2v", "A cat sleeps on a mat", "一只【请输入动物】睡在垫子上")
    assert hit is not None
    assert hit.rule.name == "placeholder"
    assert first_hit("t2v", "", "") is None
