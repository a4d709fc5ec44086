"""Whatever a trainer tries to write, the stream keeps its promises."""

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer import run_folders
from workbench.trainer.events import EventOrderError, EventWriter

Call = Callable[[EventWriter], None]
_STEPS = st.integers(0, 5)
_NAMES = st.sampled_from(["train/loss", "eval/accuracy"])
_CALLS: st.SearchStrategy[Call] = st.one_of(
    st.builds(
        lambda r: lambda w: w.start(total_steps=5, resumed_from=r), st.one_of(st.none(), st.integers(1, 5))
    ),
    st.builds(lambda s: lambda w: w.progress(s, 5), _STEPS),
    st.builds(
        lambda s, v: lambda w: w.metrics(s, v), _STEPS, st.dictionaries(_NAMES, st.floats(-1, 1), min_size=1)
    ),
    st.builds(lambda s: lambda w: w.checkpoint(s, "checkpoints/x", final=False), _STEPS),
    st.builds(lambda s: lambda w: w.sample(s, "samples/x.png", "a"), _STEPS),
    st.just(lambda w: w.log("info", "视频")),
    st.just(lambda w: w.result({"accuracy": 1.0})),
    st.just(lambda w: w.error("what", "where")),
    st.builds(lambda s: lambda w: w.end(s), st.sampled_from(["succeeded", "stopped"])),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_CALLS, max_size=14), st.booleans())
def test_any_calls_leave_a_stream_in_order(calls: list[Call], begin: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        writer = EventWriter(Path(name))
        written = 0
        if begin:
            writer.start(total_steps=5, resumed_from=None)
            written = 1
        for call in calls:
            with suppress(EventOrderError):
                call(writer)
            stream = run_folders.events(Path(name))  # flushed line by line: readable at once
            assert len(stream) - written in (0, 1)
            written = len(stream)
        run_folders.check_promises(stream if calls else [])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_figure_that_is_not_finite_ends_the_run(tmp_path: Path, value: float) -> None:
    writer = EventWriter(tmp_path)
    writer.start(total_steps=5, resumed_from=None)
    with pytest.raises(FloatingPointError, match=r"train/loss is (nan|inf) at step 3"):
        writer.metrics(3, {"train/loss": value})
    assert [event["event"] for event in run_folders.events(tmp_path)] == ["start"]


def test_the_fields_of_each_event(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path)
    writer.start(total_steps=5, resumed_from=2)
    writer.metrics(3, {"train/loss": 1})
    writer.checkpoint(3, "checkpoints/step-000003", final=False)
    with pytest.raises(EventOrderError, match="metrics of step 3 after the checkpoint of 3"):
        writer.metrics(3, {"eval/accuracy": 0.5})
    writer.error("what", "where")
    writer.error("again", "ignored")
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert json.loads(lines[0]).keys() == {"event", "resumed_from", "total_steps", "at"}
    assert [json.loads(line) for line in lines[1:]] == [
        {"event": "metric", "step": 3, "values": {"train/loss": 1.0}},
        {"event": "checkpoint", "step": 3, "path": "checkpoints/step-000003", "final": False},
        {"event": "error", "text": "what", "traceback": "where"},
    ]


def test_other_ranks_write_nothing(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path, enabled=False)
    writer.start(total_steps=5, resumed_from=None)
    writer.end("stopped")
    assert not list(tmp_path.iterdir())
