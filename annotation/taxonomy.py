"""The taxonomy's main categories as §7.2.1 names them. A category becomes a row when a prompt needs it."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from annotation.models import Category


@dataclass(frozen=True)
class Node:
    slug: str
    name_en: str
    name_zh: str
    parent: str = ""


def _nodes(parent: Node, *children: tuple[str, str, str]) -> tuple[Node, ...]:
    return (parent, *(Node(slug, en, zh, parent.slug) for slug, en, zh in children))


NODES: tuple[Node, ...] = (
    *_nodes(
        Node("subject", "Subject", "主体"),
        ("human", "Humans", "人物"),
        ("animal", "Animals", "动物"),
        ("nature", "Natural scenes", "自然场景"),
        ("goods", "Consumer goods", "消费品"),
        ("virtual", "Virtual subjects", "虚拟主体"),
    ),
    *_nodes(
        Node("subject-description", "Subject description", "主体描述"),
        ("quantity", "Quantity", "数量"),
        ("attributes", "Attributes", "属性"),
        ("position", "Position in space", "空间位置"),
    ),
    *_nodes(
        Node("action", "Action", "动作"),
        ("human-activity", "Human activities", "人类活动"),
        ("interaction", "Interactions", "多主体交互"),
        ("locomotion", "Animal locomotion", "动物运动"),
        ("sports", "Sports", "体育运动"),
        ("phenomena", "Natural phenomena", "自然现象"),
        ("physics", "Physical principles", "物理规律"),
        ("imagination", "Imaginative motion", "想象运动"),
    ),
    *_nodes(
        Node("action-description", "Action description", "动作描述"),
        ("action-number", "Number of actions", "动作数量"),
        ("direction", "Direction", "运动方向"),
        ("order", "Order in time", "时间顺序"),
        ("intensity", "Intensity", "运动强度"),
        ("emotion", "Emotion", "情绪表达"),
    ),
    *_nodes(
        Node("camera", "Camera", "镜头"),
        ("camera-movement", "Camera movement", "运镜"),
        ("angle", "Shooting angle", "拍摄角度"),
        ("shot-size", "Shot size", "景别"),
        ("multi-shot", "Transitions between shots", "多镜头切换"),
    ),
    *_nodes(
        Node("aesthetics", "Aesthetic description", "美学描述"),
        ("style", "Style", "风格"),
        ("composition", "Composition and atmosphere", "构图与氛围"),
        ("light", "Light and shadow", "光影"),
    ),
)
_BY_SLUG = {node.slug: node for node in NODES}


def unknown(slugs: Collection[str]) -> list[str]:
    """Those that are neither rows nor the report's, in the order given."""
    rows = set(Category.objects.filter(slug__in=slugs).values_list("slug", flat=True))
    return [slug for slug in slugs if slug not in rows and slug not in _BY_SLUG]


def rows(slugs: Collection[str]) -> dict[str, Category]:
    """The categories by slug; the report's are made, with their parents, where they are not there yet.

    A slug that is neither is left out.
    """
    found = {row.slug: row for row in Category.objects.filter(slug__in=slugs)}
    for slug in slugs:
        if slug not in found and slug in _BY_SLUG:
            found[slug] = _row(_BY_SLUG[slug])
    return found


def subtree(categories: Collection[int]) -> set[int]:
    """These categories and all below them, by id. Reads the whole taxonomy: it is small."""
    below: dict[int, list[int]] = defaultdict(list)
    for pk, parent in Category.objects.exclude(parent=None).values_list("pk", "parent_id"):
        below[parent].append(pk)
    found: set[int] = set()
    new = set(categories)
    while new:
        found |= new
        new = {child for pk in new for child in below[pk]} - found
    return found


def in_order() -> list[tuple[Category, int]]:
    """All categories, each followed by what is below it, with its depth: 0 for those without a parent."""
    below: dict[int | None, list[Category]] = defaultdict(list)
    for category in Category.objects.order_by("slug"):
        below[category.parent_id].append(category)
    found: list[tuple[Category, int]] = []

    def walk(parent: int | None, depth: int) -> None:
        for category in below[parent]:
            found.append((category, depth))
            walk(category.pk, depth + 1)

    walk(None, 0)
    return found


def _row(node: Node) -> Category:
    parent = _row(_BY_SLUG[node.parent]) if node.parent else None
    names = {"name_en": node.name_en, "name_zh": node.name_zh, "parent": parent}
    return Category.objects.get_or_create(slug=node.slug, defaults=names)[0]
