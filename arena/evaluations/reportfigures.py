"""Figures of an evaluation's report, each with the rows behind it: pages, files and the API draw from these.

§7.2.3's Figures 10 and 12 are `scores` (absolute scores by dimension), 11 and 13 are `pairs` (good, same and
bad by opponent and dimension). A figure is plotly's data and layout without colours of a theme: `drawn` puts
those in, dark for pages and light for what is printed. Words are in the reader's language.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotation.models import Category
from arena.evaluations.reports import Report, Row
from workbench.people.bulk import not_a_formula

PALETTE = ("#8ab8ff", "#f0c75e", "#5fd39a", "#ff9470", "#c9a6ff", "#79d6e0", "#f2a0c8", "#c3c3c3")
PRINTED = ("#2b6cb0", "#b7791f", "#2f855a", "#c05621", "#6b46c1", "#0e7490", "#b83280", "#4a5568")


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of everything in a figure that is not data."""

    paper: str
    text: str
    grid: str
    colours: tuple[str, ...]
    verdicts: dict[str, str]
    scale: tuple[tuple[float, str], ...]


DARK = Theme(
    "#1b1b1b",
    "#ededed",
    "#373737",
    PALETTE,
    {"good": "#5fd39a", "same": "#8f8f8f", "bad": "#ff9470"},
    ((0.0, "#7a3a22"), (0.5, "#4d4d4d"), (1.0, "#1f7d53")),
)
LIGHT = Theme(
    "#ffffff",
    "#1a1a1a",
    "#d9d9d9",
    PRINTED,
    {"good": "#38a169", "same": "#a0a0a0", "bad": "#dd6b20"},
    ((0.0, "#f2a97e"), (0.5, "#f3f3f3"), (1.0, "#7cc9a0")),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, and its numbers as rows under the names that the API uses."""

    key: str
    title: str
    note: str
    traces: list[dict[str, Any]]
    """plotly's; `colour` stands for a place in the theme's colours, or for a verdict."""
    layout: dict[str, Any]
    columns: tuple[str, ...]
    rows: list[Row]

    @property
    def csv(self) -> str:
        """The rows; text that a spreadsheet would run as a formula has a quote before it."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(self.columns)
        for row in self.rows:
            writer.writerow([_cell(row.get(column)) for column in self.columns])
        return out.getvalue()


def figures(report: Report) -> list[Figure]:
    """All that the report has something to show for, in the order of the page."""
    made = [maker(report) for maker in _MAKERS]
    return [figure for figure in made if figure.rows]


def drawn(figure: Figure, theme: Theme) -> dict[str, Any]:
    """What the page's script, or the file's, gives to plotly; with the rows for its CSV."""
    axes = {name: value for name, value in figure.layout.items() if name.startswith(("xaxis", "yaxis"))}
    axis = {"gridcolor": theme.grid, "zerolinecolor": theme.grid, "automargin": True}
    layout = {
        "paper_bgcolor": theme.paper,
        "plot_bgcolor": theme.paper,
        "font": {"color": theme.text, "size": 12},
        "margin": {"l": 48, "r": 16, "t": 16, "b": 48},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        **figure.layout,
        **{name: axis | axes.get(name, {}) for name in ("xaxis", "yaxis")},
    }
    return {
        "key": figure.key,
        "data": [_coloured(trace, theme) for trace in figure.traces],
        "layout": layout,
        "csv": figure.csv,
    }


# --- Absolute scores --------------------------------------------------------------------------------------


def _scores(report: Report) -> Figure:
    rows = [row for row in report.means if row["dimension"]]
    return Figure(
        "scores",
        _("Absolute scores by dimension"),
        _("Mean of the scores, 1 to 5, with 95 % intervals clustered by prompt."),
        [
            _bars(
                place,
                report.model_name(model),
                [report.dimension_name(row["dimension"]) for row in own],
                [row["mean"] for row in own],
                _error(own, "mean", "low", "high"),
            )
            for place, model in enumerate(report.models)
            if (own := [row for row in rows if row["model"] == model])
        ],
        {"barmode": "group", "height": 420, "yaxis": _one_to_five(_("score"))},
        ("model", "dimension", "mean", "low", "high", "scores", "prompts"),
        rows,
    )


def _adjusted(report: Report) -> Figure:
    rows = [row for row in report.means if row["adjusted"] is not None]
    traces = []
    for place, model in enumerate(report.models):
        own = [row for row in rows if row["model"] == model]
        for key, word, symbol, low, high in (
            ("mean", _("as given"), "circle-open", "low", "high"),
            ("adjusted", _("adjusted"), "diamond", "adjusted_low", "adjusted_high"),
        ):
            name = f"{report.model_name(model)}, {word}"
            x = [report.dimension_name(row["dimension"]) for row in own]
            traces.append(
                _dots(place, name, x, [row[key] for row in own], _error(own, key, low, high), symbol)
                | {"offsetgroup": f"{model} {key}"}
            )
    return Figure(
        "adjusted",
        _("Scores as given and adjusted for the experts' severity"),
        _("Experts differ in how strict they are; adjusted means are as if all had judged everything."),
        traces,
        {"height": 460, "scattermode": "group", "yaxis": _one_to_five(_("score"))},
        (
            "model",
            "dimension",
            "mean",
            "low",
            "high",
            "adjusted",
            "adjusted_low",
            "adjusted_high",
            "scores",
            "prompts",
        ),
        rows,
    )


def _raters(report: Report) -> Figure:
    rows = sorted(report.raters, key=lambda row: row["severity"])
    return Figure(
        "experts",
        _("How strict the experts are"),
        _("Points below (stricter) or above what experts give on average to the same clips."),
        [
            {
                "type": "bar",
                "orientation": "h",
                "x": [-row["severity"] for row in rows],
                "y": [row["rater"] for row in rows],
                "colour": 0,
                "hovertemplate": "%{y}: %{x:+.2f}<extra></extra>",
            }
        ],
        {
            "height": 140 + 32 * len(rows),
            "xaxis": {"title": {"text": _("points")}, "zeroline": True},
            "yaxis": {"type": "category"},
            "showlegend": False,
        },
        ("rater", "severity", "mean", "scores"),
        rows,
    )


def _agreement(report: Report) -> Figure:
    rows = report.agreement
    names = [report.dimension_name(row["dimension"]) for row in rows]
    kinds = (
        ("alpha", _("Krippendorff's alpha (ordinal)"), "circle"),
        ("icc_a1", _("ICC(A,1): same scores"), "diamond"),
        ("icc_c1", _("ICC(C,1): same order"), "square"),
    )
    return Figure(
        "agreement",
        _("How far the experts agree"),
        _("1 is full agreement, 0 chance. Where ICC(C,1) is far above ICC(A,1), they differ in severity."),
        [
            _dots(
                place,
                title,
                names,
                [row[key] for row in rows],
                _error(rows, key, f"{key}_low", f"{key}_high"),
                symbol,
            )
            for place, (key, title, symbol) in enumerate(kinds)
        ],
        {"height": 380, "scattermode": "group", "yaxis": {"range": [-0.2, 1.05]}},
        (
            "dimension",
            *(f"{key}{end}" for key, *_rest in kinds for end in ("", "_low", "_high")),
            "items",
            "raters",
        ),
        rows,
    )


def _defects(report: Report) -> Figure:
    rows = report.defects
    aspects = list(dict.fromkeys((row["dimension"], row["aspect"]) for row in rows))
    places = [[report.dimension_name(d) for d, _a in aspects], [report.aspect_name(d, a) for d, a in aspects]]
    traces = []
    for place, model in enumerate(report.models):
        share = {(row["dimension"], row["aspect"]): row["share"] for row in rows if row["model"] == model}
        values = [100 * share.get(key, 0) for key in aspects]
        bars = _bars(place, report.model_name(model), places, values)
        traces.append(bars | {"hovertemplate": "%{y:.0f} %<extra>%{fullData.name}</extra>"})
    return Figure(
        "defects",
        _("Defects"),
        _("Of the judgements of a model's clips, how many marked the defect."),
        traces,
        {"barmode": "group", "height": 440, "yaxis": {"title": {"text": "%"}, "rangemode": "tozero"}},
        ("model", "dimension", "aspect", "share", "marked", "judgements"),
        rows,
    )


def _categories(report: Report) -> Figure:
    rows = report.categories
    found = list(dict.fromkeys(row["category"] for row in rows))
    names = _category_names(set(found))
    mean = {(row["category"], row["model"]): row["mean"] for row in rows}
    values = [[mean.get((category, model)) for category in found] for model in report.models]
    return Figure(
        "categories",
        _("Scores by category"),
        _("Mean over all dimensions, of the prompts with this label."),
        _cells([report.model_name(m) for m in report.models], [names[c] for c in found], values, 1, 5, ".2f"),
        _cells_layout([report.model_name(model) for model in report.models], len(found)),
        ("category", "model", "mean", "low", "high", "prompts"),
        rows,
    )


def _slices(report: Report) -> Figure:
    rows = report.slices
    names = _category_names({row["category"] for row in rows})
    return Figure(
        "slices",
        _("Several shots, and styles"),
        _("Mean over all dimensions, of prompts with one shot or several, and by style (§7.3, §7.4)."),
        [
            _bars(
                place,
                report.model_name(model),
                [names[row["category"]] for row in own],
                [row["mean"] for row in own],
                _error(own, "mean", "low", "high"),
            )
            for place, model in enumerate(report.models)
            if (own := [row for row in rows if row["model"] == model])
        ],
        {"barmode": "group", "height": 400, "yaxis": _one_to_five(_("score"))},
        ("category", "model", "mean", "low", "high", "prompts"),
        rows,
    )


# --- Good, same, bad --------------------------------------------------------------------------------------


def _pairs(report: Report) -> Figure:
    rows = report.pairs
    ordered = list(reversed(rows))  # plotly draws from below
    places = [
        [report.model_name(row["opponent"]) for row in ordered],
        [report.dimension_name(row["dimension"]) for row in ordered],
    ]
    words = {"good": _("good"), "same": _("same"), "bad": _("bad")}
    shares = {key: [100 * row[key] / row["judgements"] for row in ordered] for key in words}
    return Figure(
        "pairs",
        _("%(model)s against each of the others (GSB)") % {"model": report.model_name(report.under_test)},
        _("Share of judgements that find it better (good), as good (same) or worse (bad)."),
        [
            {
                "type": "bar",
                "orientation": "h",
                "name": word,
                "x": shares[key],
                "y": places,
                "text": [f"{share:.0f}" if share >= 8 else "" for share in shares[key]],
                "textposition": "inside",
                "insidetextanchor": "middle",
                "colour": key,
                "hovertemplate": "%{x:.1f} %<extra>" + word + "</extra>",
            }
            for key, word in words.items()
        ],
        {
            "barmode": "stack",
            "height": 150 + 30 * len(rows),
            "xaxis": {"range": [0, 100], "title": {"text": "%"}},
        },
        (
            "opponent",
            "dimension",
            "good",
            "same",
            "bad",
            "judgements",
            "prompts",
            "net",
            "low",
            "high",
            "p",
            "p_adjusted",
        ),
        rows,
    )


def _pair_categories(report: Report) -> Figure:
    rows = report.pair_categories
    names = _category_names({row["category"] for row in rows})
    categories = list(dict.fromkeys(row["category"] for row in rows))
    opponents = list(dict.fromkeys(row["opponent"] for row in rows))
    net = {(row["category"], row["opponent"]): row["net"] for row in rows}
    values = [[_percent(net.get((c, o))) for c in categories] for o in opponents]
    models = [report.model_name(opponent) for opponent in opponents]
    return Figure(
        "pair_categories",
        _("GSB by category"),
        _("(good − bad) / all in percent: above 0, the model under test is better."),
        _cells(models, [names[category] for category in categories], values, -100, 100, "+.0f"),
        _cells_layout(models, len(categories)),
        ("category", "opponent", "good", "same", "bad", "judgements", "net"),
        rows,
    )


_MAKERS: tuple[Callable[[Report], Figure], ...] = (
    _scores,
    _pairs,
    _adjusted,
    _categories,
    _pair_categories,
    _defects,
    _slices,
    _agreement,
    _raters,
)


# --- Parts ------------------------------------------------------------------------------------------------


def _bars(
    place: int, name: str, x: Sequence[Any], y: Sequence[Any], error: dict[str, Any] | None = None
) -> dict[str, Any]:
    bars = {
        "type": "bar",
        "name": name,
        "x": x,
        "y": y,
        "colour": place,
        "hovertemplate": "%{y:.2f}<extra>%{fullData.name}</extra>",
    }
    return bars | ({"error_y": error} if error else {})


def _dots(
    place: int, name: str, x: Sequence[Any], y: Sequence[Any], error: dict[str, Any], symbol: str
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": x,
        "y": y,
        "error_y": error,
        "marker": {"symbol": symbol, "size": 9},
        "colour": place,
        "hovertemplate": "%{y:.2f}<extra>%{fullData.name}</extra>",
    }


def _cells(
    across: Sequence[str],
    down: Sequence[str],
    values: Sequence[Sequence[float | None]],
    low: float,
    high: float,
    form: str,
) -> list[dict[str, Any]]:
    """A heat map, a stacked bar for each column: plotly's own sets styles that the CSP refuses."""
    return [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "x": [1] * len(down),
            "y": list(down),
            "text": ["" if value is None else f"{value:{form}}" for value in column],
            "textposition": "inside",
            "insidetextanchor": "middle",
            "textangle": 0,
            "marker": {"color": list(column), "cmin": low, "cmax": high},
            "scale": True,
            "hovertemplate": "%{y}: %{text}<extra>%{fullData.name}</extra>",
        }
        for name, column in zip(across, values, strict=True)
    ]


def _cells_layout(across: Sequence[str], down: int) -> dict[str, Any]:
    places = {
        "tickvals": [place + 0.5 for place in range(len(across))],
        "ticktext": list(across),
        "ticklabeloverflow": "allow",
    }
    return {
        "barmode": "stack",
        "bargap": 0.06,
        "showlegend": False,
        "height": 120 + 28 * down,
        "xaxis": {**places, "range": [0, len(across)], "showgrid": False, "zeroline": False},
        "yaxis": {"autorange": "reversed", "type": "category", "showgrid": False},
    }


def _error(rows: Sequence[Row], middle: str, low: str, high: str) -> dict[str, Any]:
    """Asymmetric error bars; none where an interval is not known."""

    def reach(row: Row, end: str) -> float:
        known = row[middle] is not None and row[end] is not None
        return abs(row[end] - row[middle]) if known else 0.0

    return {
        "type": "data",
        "symmetric": False,
        "array": [reach(row, high) for row in rows],
        "arrayminus": [reach(row, low) for row in rows],
        "thickness": 1.5,
    }


def _one_to_five(title: str) -> dict[str, Any]:
    return {"range": [1, 5.1], "dtick": 1, "title": {"text": title}}


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _coloured(trace: dict[str, Any], theme: Theme) -> dict[str, Any]:
    """Put the theme's colours in place of their names."""
    done = {name: value for name, value in trace.items() if name not in ("colour", "scale")}
    if "scale" in trace:
        line = {"color": theme.paper, "width": 2}
        scale = [list(stop) for stop in theme.scale]
        done["marker"] = {**trace["marker"], "colorscale": scale, "line": line}
        done["textfont"] = {"color": theme.text}
    if (colour := trace.get("colour")) is not None:
        of_data = (
            theme.verdicts[colour] if isinstance(colour, str) else theme.colours[colour % len(theme.colours)]
        )
        done["marker"] = {**trace.get("marker", {}), "color": of_data}
        if "error_y" in done:
            on_bars = trace["type"] == "bar"
            done["error_y"] = {**done["error_y"], "color": theme.text if on_bars else of_data}
        if isinstance(colour, str):
            done["textfont"] = {"color": "#101010"}
    return done


def _category_names(slugs: set[str]) -> dict[str, str]:
    chinese = (get_language() or "en").startswith("zh")
    known = {
        row.slug: row.name_zh if chinese else row.name_en for row in Category.objects.filter(slug__in=slugs)
    }
    return {slug: known.get(slug, slug) for slug in slugs}


def _cell(value: object) -> object:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, str):
        return not_a_formula(value)
    return "" if value is None else value
