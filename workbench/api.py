"""The API: each app's router, gathered under /api/. `apidocs.py` is its page, `answers.py` its errors."""

from annotation.api import register as register_annotation
from arena.api import register as register_arena
from generator.api import register as register_generator
from rewardmodels.api import register as register_rewardmodels
from workbench.access import API_AUTH
from workbench.answers import WorkbenchAPI
from workbench.people.api import router as people
from workbench.runs.api import router as runs

api = WorkbenchAPI(title="Video Workbench", version="1", auth=API_AUTH, urls_namespace="api", docs_url=None)
api.add_router("", people)
api.add_router("/runs", runs)
register_annotation(api)
register_arena(api)
register_rewardmodels(api)
register_generator(api)
