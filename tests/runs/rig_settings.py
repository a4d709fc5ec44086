"""Settings of a rig's processes: the workbench's own, and an app with the kinds of `script_kinds.py`."""

from django.apps import AppConfig

from workbench import settings
from workbench.settings import *  # noqa: F403 - a settings module is all of its names


class ScriptKindsConfig(AppConfig):
    name = "tests.runs"
    label = "script_kinds"

    def ready(self) -> None:
        from tests.runs import script_kinds
        from workbench.runs import kinds

        for kind in script_kinds.ALL:
            kinds.declare(kind)


INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.runs.rig_settings.ScriptKindsConfig"]
