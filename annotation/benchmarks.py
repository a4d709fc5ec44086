"""Benchmarks that ship with the project: a folder of prompts becomes one prompt set for each task.

`FOLDER/t2v.jsonl` and `i2v.jsonl`, a prompt a line: ``id``, ``task``, ``text_en``, ``text_zh``, ``labels``
(slugs of the taxonomy) and, for image-to-video, ``first_frame``: a picture's path in the folder. What a prompt
is called stays as its `external_id` in the set: manifests of outside clips name prompts by it.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from annotation import firstframes, prompts, promptsets, taxonomy
from annotation.models import Prompt, PromptCandidate, PromptSet, Task

FOLDER = settings.BASE_DIR / "fixtures"
NAMES = {"worldbench": "WorldBench", "seedvideobench": "SeedVideoBench-1.0"}


class BenchmarkError(ValueError):
    """The benchmark can't be imported; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A task's prompts as a set."""

    prompt_set: PromptSet
    prompts: int
    without_frame: int
    """Image-to-video prompts that have no first frame yet: they can't be run."""


@dataclass(slots=True)
class _Line:
    number: int
    record: dict[str, Any]
    labels: list[str] = field(default_factory=list)


def import_benchmark(name: str, folder: Path | None = None) -> list[Imported]:
    """Bring a benchmark in, or bring it up to date: twice is as once. Raises BenchmarkError."""
    folder = folder or FOLDER / name
    found = [(task, folder / f"{task}.jsonl") for task in Task if (folder / f"{task}.jsonl").is_file()]
    if not found:
        text = _("There is no benchmark in %(folder)s: expected t2v.jsonl or i2v.jsonl there.")
        raise BenchmarkError(text % {"folder": folder})
    with transaction.atomic():
        return [_import(name, task, path) for task, path in found]


def _import(name: str, task: Task, path: Path) -> Imported:
    lines = _read(path, task)
    title = f"{NAMES.get(name, name)}, {task.value.upper()}"
    made, _created = PromptSet.objects.get_or_create(
        slug=promptsets.slug_of(f"{name}-{task}"), defaults={"name": title}
    )
    categories = taxonomy.rows({label for line in lines for label in line.labels})
    for line in lines:
        prompt = _prompt(line, task, path.parent)
        known = PromptCandidate.objects.filter(prompt_set=made, external_id=line.record["id"]).first()
        if known is not None and known.prompt_id not in (None, prompt.pk):
            made.prompts.remove(known.prompt_id)  # its text or its picture has changed
            known.delete()
        made.prompts.add(prompt)
        prompt.categories.add(*(categories[label] for label in line.labels))
        PromptCandidate.objects.update_or_create(
            prompt_set=made,
            fingerprint=prompt.fingerprint,
            defaults={
                "text_en": prompt.text_en,
                "text_zh": prompt.text_zh,
                "task": task,
                "categories": line.labels,
                "source": f"{name}/{path.name}",
                "external_id": line.record["id"],
                "prompt": prompt,
            },
        )
    lacking = made.prompts.filter(task=Task.I2V, first_frame="").count()
    return Imported(made, len(lines), lacking)


def _prompt(line: _Line, task: Task, folder: Path) -> Prompt:
    frame = None
    if task == Task.I2V and line.record.get("first_frame"):
        try:
            frame = firstframes.keep(folder / str(line.record["first_frame"]))
        except (firstframes.NotAPictureError, OSError) as error:
            text = _("Line %(line)s: the first frame %(path)s can't be used: %(why)s")
            said = {"line": line.number, "path": line.record["first_frame"], "why": error}
            raise BenchmarkError(text % said) from error
    return prompts.find_or_create(line.record["text_en"], line.record["text_zh"], task, frame)


def _read(path: Path, task: Task) -> list[_Line]:
    """All lines, checked. Raises BenchmarkError at the first that is not as it should be."""
    lines: list[_Line] = []
    known: set[str] = set()
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            record = json.loads(text)
            told = {key: record[key] for key in ("id", "task", "text_en", "text_zh", "labels")}
        except (ValueError, KeyError, TypeError) as error:
            why = _("%(file)s, line %(line)s is no prompt of a benchmark: %(why)s")
            raise BenchmarkError(why % {"file": path.name, "line": number, "why": error}) from error
        if told["task"] != task or told["id"] in known:
            why = _("%(file)s, line %(line)s: another task, or an id that is there already (%(id)s).")
            raise BenchmarkError(why % {"file": path.name, "line": number, "id": told["id"]})
        known.add(told["id"])
        lines.append(_Line(number, record, list(told["labels"])))
    if unknown := taxonomy.unknown(sorted({label for line in lines for label in line.labels})):
        why = _("%(file)s: there are no categories %(slugs)s in the taxonomy.")
        raise BenchmarkError(why % {"file": path.name, "slugs": ", ".join(unknown)})
    return lines
