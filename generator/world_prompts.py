"""The prompt set of the procedural world: what the shipped generator was trained to follow."""

from itertools import product

from django.db import transaction

from annotation.models import PromptSet
from annotation.prompts import identity
from generator.data.world import CAMERAS, COLOURS, DIRECTIONS, SHAPES, Wanted, prompt

SLUG = "world"
NAME = "World: one shape on the move"


def world_prompt_set() -> PromptSet:
    """The set of 72 prompts, made if it is not there: every shape, colour and direction, cameras in turn.

    Each has its text in English and in Chinese.
    """
    found = PromptSet.objects.filter(slug=SLUG).first()
    if found is not None:
        return found
    combinations = list(product(SHAPES, COLOURS, DIRECTIONS))
    with transaction.atomic():
        made, _created = PromptSet.objects.get_or_create(slug=SLUG, defaults={"name": NAME})
        for number, (shape, colour, direction) in enumerate(combinations):
            # Seven steps on each time, so that no camera keeps to one direction.
            camera = CAMERAS[number * 7 // 4 % len(CAMERAS)]
            wanted = Wanted(shape=shape, colour=colour, direction=direction, camera=camera)
            made.prompts.add(identity.find_or_create(prompt(wanted, "en"), prompt(wanted, "zh")))
    return made
