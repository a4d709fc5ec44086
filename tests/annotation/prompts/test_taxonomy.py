"""The shipped taxonomy is whole, in both languages, and its categories become rows as it says."""

import json
from pathlib import Path

import pytest

from annotation.models import Category
from annotation.prompts import taxonomy, taxonomyfile
from annotation.prompts.taxonomyfile import MAIN, Node, load, shipped


def test_every_node_is_named_defined_and_shown_in_both_languages() -> None:
    nodes = shipped().nodes
    for node in nodes.values():
        for field in ("name", "definition", "example"):
            english, chinese = getattr(node, f"{field}_en"), getattr(node, f"{field}_zh")
            assert english.isascii(), node.slug
            assert english.strip(), node.slug
            assert any("\u4e00" <= sign <= "\u9fff" for sign in chinese), node.slug
    for field in ("definition_en", "definition_zh", "example_en", "example_zh"):
        assert len({getattr(node, field) for node in nodes.values()}) == len(nodes), field
    assert max(len(node.slug) for node in nodes.values()) <= 60


def test_the_reports_words_are_there() -> None:
    tree = shipped()
    assert tree.children[""][:6] == list(MAIN)
    labels = "human animal nature goods virtual quantity attributes position human-activity interaction"
    labels += (
        " locomotion sports phenomena physics imagination action-number direction order intensity emotion"
    )
    labels += " orbit dolly-in hitchcock-zoom pan follow light style composition special-effects e-commerce"
    labels += " professional shot-reverse-shot cut-in cut-away match-cut action-cut silent-film hong-kong"
    labels += " hollywood anime cyberpunk ink-wash fantasy single-shot"
    assert all(tree.is_leaf(label) for label in labels.split())
    assert tree.path("cut-in") == ["cut-in", "multi-shot", "shots"]
    assert tree.main("dolly-in") == "camera"


def test_a_taxonomy_whose_nodes_do_not_fit_together_is_refused(tmp_path: Path) -> None:
    node = shipped().nodes["human"]
    for nodes, why in (([node], "before its parent"), ([_top(node), _top(node)], "two nodes")):
        path = tmp_path / "taxonomy.json"
        path.write_text(json.dumps({"name": "Mine", "nodes": [one.__dict__ for one in nodes]}))
        with pytest.raises(ValueError, match=why):
            load(path)


def test_a_definition_is_given_in_the_language_asked_for() -> None:
    assert taxonomyfile.definition("macro", "zh-hans").startswith("极近距离")
    assert taxonomyfile.definition("macro", "en").startswith("Very near")
    assert taxonomyfile.definition("of-my-own", "en") == ""


@pytest.mark.django_db
def test_rows_are_made_with_what_is_above_them_and_brought_to_their_place() -> None:
    old = Category.objects.create(slug="multi-shot", name_en="Transitions", name_zh="切换")
    own = Category.objects.create(slug="of-my-own", name_en="Mine", name_zh="我的")
    found = taxonomy.rows(["cut-in", "of-my-own", "nonsense"])
    assert list(found) == ["cut-in", "of-my-own"]
    old.refresh_from_db()
    assert found["cut-in"].parent == old
    assert (old.name_en, old.parent and old.parent.slug) == ("Several shots", "shots")
    assert found["of-my-own"] == own
    assert taxonomy.rows(["cut-in"]) == {"cut-in": found["cut-in"]}
    assert taxonomy.unknown(["dolly-in", "nonsense", "of-my-own"]) == ["nonsense"]


def _top(node: Node) -> Node:
    return Node(**(node.__dict__ | {"parent": ""}))
