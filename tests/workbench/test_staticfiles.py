"""After `collectstatic` every file has a name of its own content, also where modules import each other."""

import re
from pathlib import Path

from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from pytest_django.fixtures import Settings

from workbench.staticfiles import PLOTLY_NAME


def test_collected_modules_import_each_other_by_hashed_names(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = str(tmp_path)
    call_command("collectstatic", interactive=False, verbosity=0)
    hashed = list((tmp_path / "annotation").glob("label.*.js"))
    assert len(hashed) == 1
    imported = re.findall(r'from "([^"]+)"', hashed[0].read_text())
    assert imported
    for name in imported:
        assert re.search(r"\.[0-9a-f]{12}\.js$", name), name
        assert (hashed[0].parent / name).resolve().is_file()
    assert (tmp_path / PLOTLY_NAME).is_file()


def test_in_a_checkout_the_plain_names_serve() -> None:
    assert staticfiles_storage.url("workbench/app.css") == "/static/workbench/app.css"
