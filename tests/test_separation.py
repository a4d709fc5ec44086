"""Torch code knows no Django, web and Celery processes know no torch. Each is tried in a fresh process."""

import importlib.util
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Every module in these packages, and these modules, compute and must be drivable from a shell.
PACKAGES = (
    "workbench.trainer",
    "annotation.media",
    "arena.numerics",
    "rewardmodels.nets",
    "rewardmodels.train",
    "rewardmodels.judge",
    "generator.nets",
    "generator.flow",
    "generator.data",
    "generator.train",
    "generator.feedback",
    "generator.distill",
    "generator.infer",
    "generator.simulated",
)
MODULES = (
    "annotation.clips.degrade",
    "annotation.labelling.bestworst",
    "annotation.prompts.ambiguity",
    "annotation.prompts.nearduplicates",
    "annotation.prompts.balancing",
    "annotation.quality.agreement",
)

BLOCK = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"{{name}} must not be imported here")
sys.meta_path.insert(0, Absent())
"""


def found_modules() -> list[str]:
    names = list(MODULES)
    for package in PACKAGES:
        spec = None
        if (ROOT / package.replace(".", "/") / "__init__.py").exists():
            spec = importlib.util.find_spec(package)
        if spec is None or spec.submodule_search_locations is None:
            continue  # planned, not there yet
        inside = pkgutil.walk_packages(spec.submodule_search_locations, f"{package}.")
        names += [package, *(module.name for module in inside if not module.name.endswith("__main__"))]
    return names


def in_a_fresh_process(source: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_computing_modules_import_where_there_is_no_django() -> None:
    names = found_modules()
    assert "workbench.trainer.loop" in names
    tried = in_a_fresh_process(
        BLOCK.format(blocked={"django", "ninja", "channels", "celery"})
        + "import importlib, traceback\nbad = []\n"
        + f"for name in {names!r}:\n"
        + "    try: importlib.import_module(name)\n"
        + "    except Exception as error: bad.append(f'{name}: {type(error).__name__}: {error}')\n"
        + "sys.exit('\\n'.join(bad) or 0)\n"
    )
    assert tried.returncode == 0, tried.stderr


def test_the_block_blocks() -> None:
    tried = in_a_fresh_process(BLOCK.format(blocked={"django"}) + "import workbench.models\n")
    assert "django must not be imported here" in tried.stderr


WEB = "import workbench.asgi, workbench.urls"
CELERY = """
import workbench.celery
workbench.celery.app.loader.import_default_modules()
assert any(name.startswith("workbench.runs.") for name in workbench.celery.app.tasks)
"""
COMMANDS = """
import django
django.setup()
from django.core import management
ours = {"workbench", "annotation", "arena", "rewardmodels", "generator"}
for name, app in management.get_commands().items():
    if app in ours:
        management.load_command_class(app, name)
"""


@pytest.mark.parametrize("start", [WEB, CELERY, COMMANDS], ids=["web", "celery", "commands"])
def test_web_celery_and_commands_run_without_torch(start: str) -> None:
    tried = in_a_fresh_process(
        BLOCK.format(blocked={"torch"})
        + "import os; os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'workbench.settings')\n"
        + start
        + "\nassert 'torch' not in sys.modules\n"
    )
    assert tried.returncode == 0, tried.stderr[-3000:]
