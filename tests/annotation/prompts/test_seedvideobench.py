"""SeedVideoBench-1.0 as it ships is all that is asked of it."""

from annotation.prompts.benchmark import examine
from annotation.prompts.taxonomyfile import FOLDER


def test_the_shipped_benchmark_meets_all_that_is_asked() -> None:
    report = examine(FOLDER)
    assert report.problems == []
    assert report.alike == []
    assert report.repeated == []
    assert report.shortfalls == []
    assert report.prompts == {"t2v": 300, "i2v": 300}
