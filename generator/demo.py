"""The demo's round: the shipped generator makes clips, and waits for the visitor to judge them."""

from collections.abc import Callable

from generator import checkpoints, rounds
from generator.loop import SHIPPED
from generator.models import Round
from generator.world_prompts import world_prompt_set
from workbench.models import User

NAME = "Tiny generator"
PRESET = "micro"
"""The size at which a visitor sees a whole round within minutes."""


def load(engineer: User, say: Callable[[str], None]) -> None:
    """Register the shipped weights, make the prompts and begin a round. Safe to repeat.

    The round's clips are made by the workers as soon as they run.
    """
    prompts = world_prompt_set()
    if not SHIPPED.is_file():
        say(f"  no generator: {SHIPPED} is missing; import weights with manage.py import_checkpoint")
        return
    base = checkpoints.register(SHIPPED, NAME)
    if Round.objects.exists():
        return
    rounds.start(engineer, rounds.Plan(base=base, prompt_set=prompts, preset=PRESET))
    say("  a round of the generator: its clips are made once the workers run")
