"""The taxonomy as the checkout ships it (§7.2.1): read from `FILE`, Django-free.

The six main categories of the report, then what the report names beside them: labels of the first frame, the
application scenario, one shot or several with the techniques of §7.3, and the styles of §7.4. Prompts carry
leaves; what is between a leaf and its main category only groups.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "seedvideobench"
FILE = FOLDER / "taxonomy.json"

MAIN = ("subject", "subject-description", "action", "action-description", "camera", "aesthetics")
"""The report's six main categories: every prompt is labelled in each of them."""
FIRST_FRAME = "first-frame"
SCENARIO = "scenario"
SHOTS = "shots"
MULTI_SHOT = "multi-shot"
STYLES = "styles"


@dataclass(frozen=True)
class Node:
    """``parent`` is a slug, "" for a main category. The example is of a prompt that has the label."""

    slug: str
    name_en: str
    name_zh: str
    definition_en: str
    definition_zh: str
    example_en: str
    example_zh: str
    parent: str

    def name(self, language: str) -> str:
        return self.name_zh if language.startswith("zh") else self.name_en

    def definition(self, language: str) -> str:
        return self.definition_zh if language.startswith("zh") else self.definition_en


@dataclass(frozen=True)
class Taxonomy:
    """The nodes by slug, in the file's order: what is above comes before what is below."""

    name: str
    nodes: dict[str, Node]

    @cached_property
    def children(self) -> dict[str, list[str]]:
        """The slugs right below each slug; those without a parent are below ""."""
        below: dict[str, list[str]] = defaultdict(list)
        for node in self.nodes.values():
            below[node.parent].append(node.slug)
        return dict(below)

    def is_leaf(self, slug: str) -> bool:
        return slug not in self.children

    def leaves(self, slug: str) -> list[str]:
        """The leaves below a slug, in the file's order; the slug itself where nothing is below it."""
        if self.is_leaf(slug):
            return [slug]
        return [leaf for child in self.children[slug] for leaf in self.leaves(child)]

    def path(self, slug: str) -> list[str]:
        """The slug and all that are above it, up to its main category."""
        found = [slug]
        while parent := self.nodes[found[-1]].parent:
            found.append(parent)
        return found

    def main(self, slug: str) -> str:
        """The main category that a slug belongs to."""
        return self.path(slug)[-1]


def load(path: Path = FILE) -> Taxonomy:
    """Read a taxonomy. Raises ValueError where two nodes have a slug, or one comes before its parent."""
    said = json.loads(path.read_text(encoding="utf-8"))
    nodes: dict[str, Node] = {}
    for fields in said["nodes"]:
        node = Node(**fields)
        if node.slug in nodes:
            raise ValueError(f"{path}: two nodes have the slug {node.slug!r}.")
        if node.parent and node.parent not in nodes:
            raise ValueError(f"{path}: {node.slug!r} comes before its parent {node.parent!r}.")
        nodes[node.slug] = node
    return Taxonomy(said["name"], nodes)


@cache
def shipped() -> Taxonomy:
    """The taxonomy of the checkout, read once."""
    return load()


def definition(slug: str, language: str) -> str:
    """What a category means, in a language; "" for one that is not of the shipped taxonomy."""
    node = shipped().nodes.get(slug)
    return node.definition(language) if node else ""
