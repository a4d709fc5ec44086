"""Prompt sets: by name, counted over the taxonomy, and a balanced choice of one as a new set."""

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count
from django.utils.text import slugify
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotation.models import Category, Prompt, PromptSet
from annotation.prompts import taxonomyfile
from annotation.prompts.balancing import NO_CATEGORY, balanced, tally
from workbench.refusals import Conflict, Invalid

MAX_CHOSEN = 100_000
_BATCH = 5000


def slug_of(name: str) -> str:
    """The slug that a set of this name has. Names with the same slug are one set."""
    return slugify(name)[:60] or f"set-{hashlib.sha256(name.strip().encode()).hexdigest()[:12]}"


def named(name: str) -> PromptSet:
    """The set of this name or slug, made if it is new."""
    return PromptSet.objects.get_or_create(slug=slug_of(name), defaults={"name": name.strip()[:120]})[0]


@dataclass(frozen=True)
class Share:
    """A category's prompts in a set and in a choice of it. ``slug`` is "" for prompts without a category."""

    slug: str
    name: str
    before: int
    after: int
    definition: str = ""


@dataclass(frozen=True)
class Choice:
    """Prompts chosen from a set, in the order chosen, and what that does to the categories."""

    prompts: list[int]
    before: int
    shares: list[Share]


def choose(prompt_set: PromptSet, n: int, seed: int = 0) -> Choice:
    """Choose `n` prompts of a set evenly over its categories; the same set, `n` and seed give the same.

    Reads the whole set once. Raises Invalid `too_many`.
    """
    if not 1 <= n <= MAX_CHOSEN:
        text = _("Asked for %(n)d prompts; expected 1 to %(most)d.") % {"n": n, "most": MAX_CHOSEN}
        raise Invalid("too_many", text, where="body.n")
    categories_of = _categories_of(prompt_set)
    chosen = balanced(categories_of, n, seed)
    before, after = tally(categories_of, categories_of), tally(categories_of, chosen)
    return Choice(chosen, len(categories_of), _shares(before, after))


def shares(prompt_set: PromptSet) -> list[Share]:
    """How many prompts of a set each category has, the fullest first; ``after`` is the same number."""
    counted = prompt_set.prompts.values_list("categories__slug").annotate(n=Count("pk"))
    counts = Counter({slug or NO_CATEGORY: n for slug, n in counted})
    return _shares(counts, counts)


def keep(choice: Choice, name: str) -> PromptSet:
    """Make a new set of the prompts chosen. Raises Conflict `set_exists` where there is one of that name."""
    with transaction.atomic():
        made, created = PromptSet.objects.get_or_create(slug=slug_of(name), defaults={"name": name.strip()})
        if not created:
            text = _("There is a prompt set “%(name)s” already. Give another name.") % {"name": made.name}
            raise Conflict("set_exists", text)
        through = Prompt.prompt_sets.through
        through.objects.bulk_create(
            [through(prompt_id=pk, promptset_id=made.pk) for pk in choice.prompts], batch_size=_BATCH
        )
    return made


def _categories_of(prompt_set: PromptSet) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    rows = prompt_set.prompts.order_by("pk").values_list("pk", "categories__slug")
    for pk, slug in rows.iterator(chunk_size=_BATCH):
        found[pk] += [slug] if slug else []
    return dict(found)


def _shares(before: Counter[str], after: Counter[str]) -> list[Share]:
    language = get_language() or "en"
    chinese = language.startswith("zh")
    names = {
        row.slug: row.name_zh if chinese else row.name_en for row in Category.objects.filter(slug__in=before)
    }
    names[NO_CATEGORY] = _("Without a category")
    ordered = sorted(before, key=lambda slug: (slug == NO_CATEGORY, -before[slug], slug))
    return [
        Share(slug, names[slug], before[slug], after[slug], taxonomyfile.definition(slug, language))
        for slug in ordered
    ]
