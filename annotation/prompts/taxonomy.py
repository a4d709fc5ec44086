"""The taxonomy's categories as rows. One of the shipped taxonomy becomes a row when a prompt needs it."""

from collections import defaultdict
from collections.abc import Collection

from annotation.models import Category
from annotation.prompts.taxonomyfile import Node, shipped


def unknown(slugs: Collection[str]) -> list[str]:
    """Those that are neither rows nor of the shipped taxonomy, in the order given."""
    rows = set(Category.objects.filter(slug__in=slugs).values_list("slug", flat=True))
    known = shipped().nodes
    return [slug for slug in slugs if slug not in rows and slug not in known]


def rows(slugs: Collection[str]) -> dict[str, Category]:
    """The categories by slug; those of the shipped taxonomy are made, with what is above them, where they are
    not there yet, and brought to its names and place where they are.

    A slug that is neither is left out.
    """
    nodes = shipped().nodes
    wanted = {above for slug in slugs if slug in nodes for above in shipped().path(slug)}
    found = {row.slug: row for row in Category.objects.filter(slug__in=wanted.union(slugs))}
    for node in nodes.values():  # what is above comes first
        if node.slug in wanted:
            found[node.slug] = _as_shipped(node, found)
    return {slug: found[slug] for slug in slugs if slug in found}


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


def _as_shipped(node: Node, found: dict[str, Category]) -> Category:
    """The node's row, made or brought to what the node says; its parent's is among those `found`."""
    says = {"name_en": node.name_en, "name_zh": node.name_zh, "parent": found.get(node.parent)}
    row = found.get(node.slug)
    if row is None:
        return Category.objects.get_or_create(slug=node.slug, defaults=says)[0]
    if any(getattr(row, field) != value for field, value in says.items()):
        for field, value in says.items():
            setattr(row, field, value)
        row.save(update_fields=list(says))
    return row
