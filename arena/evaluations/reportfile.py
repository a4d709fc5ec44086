"""An evaluation's report as one file: HTML that asks nobody for anything, and the PDF printed from it.

Styles, plotly, figures and posters are in the file; figures still export as PNG, SVG and CSV from it.
"""

import base64
import json
from pathlib import Path
from typing import Any

import plotly
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotation.models import Clip
from arena.evaluations import reportfigures, reports
from arena.evaluations.reports import Report
from arena.models import Evaluation
from workbench import charts, chromium
from workbench.storage import reading

_STYLES = ("workbench/app.css", "workbench/pieces.css", "arena/evaluation.css", "arena/evaluation_file.css")
_SCRIPT = "workbench/figure.js"


def html(evaluation: Evaluation) -> str:
    """The report as HTML, in the reader's language. Raises ValueError where there is no report yet."""
    report = reports.of(evaluation)
    if report is None:
        raise ValueError("The evaluation has no report yet: nothing has been judged.")
    figures = reportfigures.figures(report)
    context = {
        "evaluation": evaluation,
        "report": report,
        "figures": figures,
        "styles": "\n".join(_asset(name) for name in _STYLES),
        "plotly": _plotly(),
        "script": _as_plain_script(_asset(_SCRIPT)),
        "drawn": _json([reportfigures.drawn(one, reportfigures.LIGHT) for one in figures]),
        "words": _json(charts.words()),
        "watched": watched_posters(evaluation, report),
        "language": get_language() or "en",
        "tables": True,
    }
    return render_to_string("arena/evaluation_file.html", context)


def pdf(evaluation: Evaluation) -> bytes:
    """The same, printed. Raises `chromium.NotPrintedError`."""
    return chromium.pdf(html(evaluation))


def watched_posters(evaluation: Evaluation, report: Report) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """The focused model's strongest and weakest prompts, with posters as data addresses."""
    model = focus(report)
    titles = {"strongest": _("Strongest prompts"), "weakest": _("Weakest prompts")}
    return [
        (
            end,
            titles[end],
            [{**row, "clips": [(model, _poster(clip)) for model, clip in row["clips"]]} for row in rows],
        )
        for end, rows in reports.watched(evaluation, report, model).items()
    ]


def focus(report: Report) -> str:
    """The model that prompts are ranked for: the one under test, else the best, by its slug."""
    if report.under_test:
        return report.under_test
    overall = [row for row in report.means if row["dimension"] == reports.OVERALL]
    best = max(overall, key=lambda row: row["mean"], default=None)
    return best["model"] if best else report.models[0]


def _poster(clip: Clip) -> str:
    """Its poster as a data address; "" where storage has none."""
    if not clip.poster:
        return ""
    try:
        with reading(clip.poster.storage, clip.poster.name or "") as (file, _size):
            return "data:image/jpeg;base64," + base64.b64encode(file.read()).decode()
    except FileNotFoundError:
        return ""


def _asset(name: str) -> str:
    found = finders.find(name)
    if found is None:
        raise FileNotFoundError(name)
    return Path(found).read_text(encoding="utf-8")


def _plotly() -> str:
    text = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    return text.replace("</script", "<\\/script")


def _as_plain_script(module: str) -> str:
    """The page's module as a script of a file: a file's modules are refused by browsers."""
    return module.replace("export function", "function")


def _json(value: object) -> str:
    """JSON that can stand in a script element."""
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
