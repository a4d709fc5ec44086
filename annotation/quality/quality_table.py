"""The people of a campaign as one table: what the quality page shows, for the API and as CSV."""

import csv
import io
from typing import Any

from annotation.models import Campaign
from annotation.quality.annotators import Person, people

COLUMNS = (
    "annotator",
    "simulated",
    "judged",
    "surplus",
    "skipped",
    "hours",
    "gold_judged",
    "gold_share",
    "qualification",
    "trial_judged",
    "trial_share",
    "excluded_at",
    "excluded_why",
    "median_seconds",
    "time_z",
    "quick_share",
    "side_p",
    "same_share",
    "repeat_share",
    "signs",
)


def row(person: Person) -> dict[str, Any]:
    """A person by pseudonym, with the names of COLUMNS; `accuracy` and `labels` by dimension beside them."""
    part, report = person.part, person.report
    habits = report.habits if report else None
    dimensions = report.dimensions if report else {}
    return {
        "annotator": person.annotator.pseudonym,
        "simulated": person.annotator.simulated,
        "judged": part.judged,
        "surplus": part.surplus,
        "skipped": part.skipped,
        "hours": part.seconds / 3600,
        "gold_judged": part.gold_judged,
        "gold_share": person.gold_share,
        "qualification": part.qualification,
        "trial_judged": part.trial_judged,
        "trial_share": person.trial_share,
        "excluded_at": part.excluded_at,
        "excluded_why": part.excluded_why,
        "median_seconds": habits.median_seconds if habits else None,
        "time_z": report.time_z if report else None,
        "quick_share": habits.quick_share if habits else None,
        "side_p": report.side_p if report else None,
        "same_share": habits.same_share if habits else None,
        "repeat_share": habits.repeat_share if habits else None,
        "signs": report.signs if report else [],
        "accuracy": {key: one.accuracy for key, one in dimensions.items()},
        "labels": {key: one.labels for key, one in dimensions.items()},
    }


def as_csv(campaign: Campaign) -> str:
    """A line a person, by pseudonym; the columns `accuracy_…` and `labels_…` are of the dimensions."""
    keys = list(campaign.dimensions.order_by("position").values_list("key", flat=True))
    columns = [*COLUMNS, *(f"accuracy_{key}" for key in keys), *(f"labels_{key}" for key in keys)]
    file = io.StringIO()
    writer = csv.DictWriter(file, columns)
    writer.writeheader()
    for told in map(row, people(campaign)):
        accuracy, labels = told.pop("accuracy"), told.pop("labels")
        told["signs"] = " ".join(told["signs"])
        told["excluded_at"] = told["excluded_at"].isoformat() if told["excluded_at"] else ""
        told |= {f"accuracy_{key}": accuracy.get(key) for key in keys}
        told |= {f"labels_{key}": labels.get(key) for key in keys}
        writer.writerow(told)
    return file.getvalue()
