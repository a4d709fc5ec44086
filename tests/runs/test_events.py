"""The event stream, read strictly."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.runs import events
from workbench.trainer.events import EventWriter


def test_what_the_trainer_writes_is_what_is_read(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path)
    writer.log("warning", "Grüße, 你好")
    writer.start(total_steps=4, resumed_from=None)
    writer.progress(0, 4)
    writer.metrics(2, {"train/loss": 0.5, "eval/accuracy": 1})
    writer.sample(2, "samples/step-2.png", "two")
    writer.checkpoint(2, "checkpoints/step-000002", final=False)
    writer.result({"accuracy": 0.9, "clips": 3, "note": "x", "low": None, "good": True})
    writer.end("succeeded")
    tail = events.Tail(tmp_path / "events.jsonl")
    found = tail.read()
    names = ["log", "start", "progress", "metric", "sample", "checkpoint", "result", "end"]
    assert [line.event.event for line in found] == names
    assert found[-1].end == (tmp_path / "events.jsonl").stat().st_size
    result = found[6].event
    assert isinstance(result, events.Result)
    assert result.values == {"accuracy": 0.9, "clips": 3, "note": "x", "low": None, "good": True}
    assert result.values["good"] is True
    assert tail.read() == []


@given(cuts=st.lists(st.integers(0, 400), max_size=8))
def test_lines_cut_anywhere_are_read_once_and_whole(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    path = tmp_path_factory.mktemp("tail") / "events.jsonl"
    lines = [{"event": "progress", "step": step, "total": 9} for step in range(9)]
    whole = "".join(json.dumps(line) + "\n" for line in lines).encode()
    tail, found, at = events.Tail(path), [], 0
    for cut in [*sorted(min(cut, len(whole)) for cut in cuts), len(whole)]:
        with path.open("ab") as file:
            file.write(whole[at:cut])
        at = cut
        found += [line.event for line in tail.read()]
    assert [event.step for event in found if isinstance(event, events.Progress)] == list(range(9))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"event":"dance"}',
        '{"event":"progress","step":1}',
        '{"event":"progress","step":-1,"total":2}',
        '{"event":"progress","step":1.5,"total":2}',
        '{"event":"progress","step":1,"total":2,"extra":3}',
        '{"event":"metric","step":1,"values":{"loss":NaN}}',
        '{"event":"metric","step":1,"values":{"loss":"low"}}',
        '{"event":"metric","step":1,"values":{"":1}}',
        json.dumps({"event": "metric", "step": 1, "values": {"x" * 81: 1}}),
        '{"event":"sample","step":1,"path":"/etc/passwd","caption":""}',
        '{"event":"sample","step":1,"path":"a/../../b","caption":""}',
        '{"event":"checkpoint","step":1,"path":"..","final":true}',
        "[" * 100_000,
    ],
)
def test_what_is_refused(line: str) -> None:
    with pytest.raises(events.ProtocolError, match="Line 7 of"):
        events.parse(line.encode(), 7)


def test_texts_that_postgresql_can_not_keep_are_mended() -> None:
    event = events.parse(b'{"event":"log","level":"info","text":"a\\u0000b\\ud800c"}', 1)
    assert isinstance(event, events.Log)
    assert event.text == "a\ufffdb?c"


def test_a_line_without_end_is_refused_at_last(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b"x" * 2000)
    with pytest.raises(events.ProtocolError, match="longer than 1000 bytes"):
        events.Tail(tmp_path / "events.jsonl").read(limit=1000)
