"""Prompts: the same texts, and first frame, are one row, however often and by whomever they come in."""

import hashlib
import json
import unicodedata

from annotation.models import Prompt, Task
from annotation.prompts.firstframes import FirstFrame

TEXT_LENGTH = 5000
"""Characters of a prompt's text at most: the report's dense captions stay well below."""


def fingerprint(task: str, text_en: str, text_zh: str, first_frame: str = "") -> str:
    """SHA-256 of task, texts and the first frame's own SHA-256, blind to Unicode form and to the amount of
    white space. Until there is a picture, `described` says what it will show.
    """
    said = [task, tidy(text_en), tidy(text_zh), *([first_frame] if first_frame else [])]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def tidy(text: str) -> str:
    """Normalise to NFC and single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def described(first_frame_en: str, first_frame_zh: str) -> str:
    """What stands for a first frame that is not there yet; "" where nothing is said of it.

    Two image-to-video prompts of the same words that start from different pictures are two.
    """
    said = [tidy(first_frame_en), tidy(first_frame_zh)]
    return json.dumps(said) if any(said) else ""


def find_or_create(
    text_en: str = "",
    text_zh: str = "",
    task: str = Task.T2V,
    first_frame: FirstFrame | None = None,
    *,
    shows: tuple[str, str] = ("", ""),
) -> Prompt:
    """Give the prompt with these texts and this first frame, made now if it is new. `shows` says what the
    first frame shows, in English and in Chinese.

    Raises ValueError if both texts are empty, ``task`` is neither ``t2v`` nor ``i2v``, or a first frame is
    given for ``t2v``.
    """
    text_en, text_zh = tidy(text_en), tidy(text_zh)
    if not (text_en or text_zh):
        raise ValueError("A prompt needs a text in English or Chinese; both were empty.")
    if task not in Task.values:
        raise ValueError(f"The task is {task!r}; expected one of {', '.join(Task.values)}.")
    if first_frame is not None and task != Task.I2V:
        raise ValueError(f"A first frame is given, but the task is {task!r}; expected i2v.")
    prompt, _created = Prompt.objects.get_or_create(
        fingerprint=fingerprint(
            task, text_en, text_zh, first_frame.sha256 if first_frame else described(*shows)
        ),
        defaults={
            "text_en": text_en,
            "text_zh": text_zh,
            "task": task,
            "first_frame": first_frame.name if first_frame else "",
            "first_frame_en": tidy(shows[0]),
            "first_frame_zh": tidy(shows[1]),
        },
    )
    return prompt
