"""Prompts: the same texts are one row, however often and by whomever they come in."""

import hashlib
import json
import unicodedata

from annotation.models import Prompt, Task

TEXT_LENGTH = 5000
"""Characters of a prompt's text at most: the report's dense captions stay well below."""


def fingerprint(task: str, text_en: str, text_zh: str) -> str:
    """SHA-256 of task and texts, blind to Unicode form and to the amount of white space."""
    return hashlib.sha256(json.dumps([task, tidy(text_en), tidy(text_zh)]).encode()).hexdigest()


def tidy(text: str) -> str:
    """Normalise to NFC and single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def find_or_create(text_en: str = "", text_zh: str = "", task: str = Task.T2V) -> Prompt:
    """Give the prompt with these texts, made now if it is new.

    Raises ValueError if both texts are empty or ``task`` is neither ``t2v`` nor ``i2v``.
    """
    text_en, text_zh = tidy(text_en), tidy(text_zh)
    if not (text_en or text_zh):
        raise ValueError("A prompt needs a text in English or Chinese; both were empty.")
    if task not in Task.values:
        raise ValueError(f"The task is {task!r}; expected one of {', '.join(Task.values)}.")
    prompt, _created = Prompt.objects.get_or_create(
        fingerprint=fingerprint(task, text_en, text_zh),
        defaults={"text_en": text_en, "text_zh": text_zh, "task": task},
    )
    return prompt
