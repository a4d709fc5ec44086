"""How an evaluation's report says its figures."""

from django import template
from django.utils.formats import number_format

from arena.evaluations.reports import OVERALL, Report, Row

register = template.Library()


@register.filter
def dimension(report: Report, key: str) -> str:
    """A dimension's name in the reader's language."""
    return report.dimension_name(key)


@register.filter
def model(report: Report, slug: str) -> str:
    return report.model_name(slug)


@register.filter
def between(row: Row, ends: str) -> str:
    """An interval as "1.20 … 1.80"; a dash where it is not known."""
    low, high = (row[end] for end in ends.split(","))
    return "–" if low is None or high is None else f"{_points(low)} … {_points(high)}"


@register.filter
def signed_points(value: float | None) -> str:
    return "–" if value is None else ("+" if value >= 0 else "") + _points(value)


@register.filter
def p_value(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else number_format(value, 3)


@register.filter
def overall_comparisons(report: Report) -> list[Row]:
    """Comparisons over all dimensions, each with the better model first."""
    rows = [row for row in report.comparisons if row["dimension"] == OVERALL]
    return [_turned(row) if (row["difference"] or 0) < 0 else row for row in rows]


def _turned(row: Row) -> Row:
    """The same comparison, seen from the other model."""

    def minus(name: str) -> float | None:
        return None if row[name] is None else -row[name]

    return {
        **row,
        "model": row["other"],
        "other": row["model"],
        "difference": minus("difference"),
        "low": minus("high"),
        "high": minus("low"),
        "adjusted": minus("adjusted"),
        "adjusted_low": minus("adjusted_high"),
        "adjusted_high": minus("adjusted_low"),
    }


def _points(value: float) -> str:
    return str(number_format(round(value, 2), 2))
