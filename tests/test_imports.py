"""Imports point one way: workbench <- annotation <- arena <- rewardmodels <- generator.

Read from the source, so an import inside a function counts too. The gathering files of `workbench` import the
apps. Also: the models and the migrations say the same.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent
ORDER = ("workbench", "annotation", "arena", "rewardmodels", "generator")
# Django's place for commands, and the files that gather every app's addresses and operations.
GATHERING = ("workbench/urls.py", "workbench/api.py", "workbench/demo.py", "workbench/management/")


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of everything a file imports, relative imports resolved."""
    package = list(path.relative_to(ROOT).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield node.lineno, ".".join([*base, *([node.module] if node.module else [])])


def modules(app: str) -> list[Path]:
    return sorted(path for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts)


@pytest.mark.parametrize("app", ORDER)
def test_no_app_imports_one_that_stands_on_it(app: str) -> None:
    above = set(ORDER[ORDER.index(app) + 1 :])
    wrong = [
        f"{name}:{line} imports {module}"
        for path in modules(app)
        if not (name := str(path.relative_to(ROOT))).startswith(GATHERING)
        for line, module in imported(path)
        if module.split(".")[0] in above
    ]
    assert not wrong, wrong


def test_what_is_imported_is_found_in_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader above would pass everything if it saw nothing."""
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    source = tmp_path / "annotation" / "inner" / "m.py"
    source.parent.mkdir(parents=True)
    source.write_text(
        "import a.b, c\nfrom d.e import f\ndef g():\n    from ..h import i\n    from . import j\n"
    )
    assert list(imported(source)) == [
        (1, "a.b"),
        (1, "c"),
        (2, "d.e"),
        (4, "annotation.h"),
        (5, "annotation.inner"),
    ]


@pytest.mark.parametrize("app", ORDER)
def test_no_module_is_a_grab_bag(app: str) -> None:
    assert not [path for path in modules(app) if path.stem in {"utils", "helpers", "common", "misc"}]


@pytest.mark.django_db
def test_migrations_say_what_the_models_say() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
