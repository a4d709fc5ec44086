"""Files of votes: the fast reading and the exact one give the same, and bad rows are named by line and
column."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arena.votesfile import Ballots, Problem, VotesFileError, read

HEADER = "left,right,winner,prompt,voter,weight"


def of(tmp_path: Path, text: str | bytes, exactly: bool = False) -> Ballots:
    path = tmp_path / "votes.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path, exactly)


def told(ballots: Ballots) -> list[tuple[object, ...]]:
    """The votes in words, so that numbering does not matter."""
    names = np.array([*ballots.models, ""])
    columns = [names[ballots.left].tolist(), names[ballots.right].tolist(), ballots.said.tolist()]
    whose = [ballots.clusters[name] for name in ("prompt", "voter") if name in ballots.clusters]
    columns += [np.unique(clusters, return_inverse=True)[1].tolist() for clusters in whose]
    if ballots.weight is not None:
        columns.append(ballots.weight.tolist())
    return [tuple(row) for row in zip(*columns, strict=True)]


def test_a_plain_file(tmp_path: Path) -> None:
    rows = ["A,B,left,p1,v1,1", "B,C,tie,p1,v2,2.5", "C,A,both_bad,p2,v1,0", "A,C,right,p2,v2,1e-3"]
    found = of(tmp_path, "\n".join([HEADER, *rows]) + "\n")
    assert found.models == ["A", "B", "C"]
    assert found.left.tolist() == [0, 1, 2, 0]
    assert found.right.tolist() == [1, 2, 0, 2]
    assert found.said.tolist() == [0, 2, 3, 1]
    assert found.clusters["prompt"].tolist() == [0, 0, 1, 1]
    assert found.weight is not None
    assert found.weight.tolist() == [1, 2.5, 0, 0.001]
    assert (found.problems, found.dropped) == ([], 0)


@pytest.mark.parametrize("exactly", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "﻿left,right,winner\r\n种子,可灵,left\r\n可灵,种子,tie\r\n",  # a mark, Windows' line ends
        'left,right,winner\n"种子","可灵",left\n"可灵",种子,"tie"',  # quotes, no line end at the end
        "\n\nnote,winner , right,left\nx,left,可灵,种子\n\ny, tie ,种子 , 可灵\n\n",  # empty lines
        'left,right,winner,note\n种子,可灵,left,"two\nlines"\n可灵,种子,tie,"a ""quote"", and a comma"\n',
        "left,right,winner,x,x\n种子,可灵,left,1,2\n可灵,种子,tie,,\n",  # other columns are any
    ],
)
def test_how_files_come(tmp_path: Path, text: str, exactly: bool) -> None:
    found = of(tmp_path, text, exactly)
    assert told(found) == [("种子", "可灵", 0), ("可灵", "种子", 2)]
    assert found.dropped == 0


@pytest.mark.parametrize("exactly", [False, True])
def test_bad_rows_are_named_by_line_and_column(tmp_path: Path, exactly: bool) -> None:
    rows = [
        b"A,B,left,p,v,1",
        b"A,B,lefft,p,v,1",
        b"A,A ,left,p,v,1",
        b"",
        b",B,left,p,v,-1",
        b"A,B,left,p,v,much",
        b"A,B,left,p,v,",
        b"A,B,left,p,v,inf",
        b"A,B,left,p",
        b"A,B,left,p,v,1,more",
        b"A,\xff,left,p,v,1",
        b"B,A,tie,p,v,1",
    ]
    found = of(tmp_path, b"\n".join([HEADER.encode(), *rows]), exactly)
    assert [(problem.line, problem.column) for problem in found.problems] == [
        *(
            (3, "winner"),
            (4, "right"),
            (6, "left"),
            (6, "weight"),
            (7, "weight"),
            (8, "weight"),
            (9, "weight"),
        ),
        *((10, "voter"), (11, "7"), (12, "right")),
    ]
    assert found.dropped == 9
    assert told(found) == [("A", "B", 0, 0, 0, 1.0), ("B", "A", 2, 0, 0, 1.0)]
    assert found.problems[0].text == "'lefft' is no answer; expected left, right, tie or both_bad"


def test_lines_of_rows_after_a_field_of_several_lines(tmp_path: Path) -> None:
    text = 'left,right,winner,note\nA,B,left,"one\ntwo\nthree"\nA,A,left,"four\nfive"\nA,B,no,\n'
    assert [problem.line for problem in of(tmp_path, text).problems] == [5, 7]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; expected a header"),
        ("left,winner\nA,left\n", "has no column right"),
        ("a;b;c\n", "has no column left and no column right and no column winner"),
        ("left,right,winner,left\n", "has 2 columns left"),
        ('left,right,winner\nA,B,left\nA,"B,left\n' + "x" * 200_000, "from line 3: .* is a quote left open"),
    ],
)
def test_what_is_no_file_of_votes(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(VotesFileError, match=message):
        of(tmp_path, text)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(VotesFileError, match="can't be read: No such file"):
        read(tmp_path / "none.csv")


def test_empty_prompts_are_prompts_of_their_own(tmp_path: Path) -> None:
    found = of(tmp_path, "left,right,winner,prompt\nA,B,left,\nA,B,left,p\nA,B,left, \nA,B,left,p\n")
    assert len(np.unique(found.clusters["prompt"])) == 3
    assert found.unnamed == {"prompt": 2}


def test_a_file_without_votes(tmp_path: Path) -> None:
    for exactly in (False, True):
        found = of(tmp_path, "left,right,winner\n", exactly)
        assert (found.models, found.dropped, len(found.said)) == ([], 0, 0)


fields = st.sampled_from(
    ["A", "B", "种子", " A", "", " ", "a,b", 'say "x"', "two\nlines", "no", "\r", "1_0", "é"]
)
answers = st.sampled_from(["left", "right", "tie", "both_bad", " tie", "Left", "", "left\n"])
weights = st.sampled_from(["1", "0.5", " 2", "-1", "nan", "1e3", "", "1_0", "inf", "0x1"])
rows = st.lists(
    st.one_of(
        st.tuples(fields, fields, answers, fields, fields, weights),
        st.tuples(st.just("A"), st.just("B"), st.just("left"), fields, fields, st.just("1")),
        st.lists(fields, max_size=8).map(tuple),
    ),
    max_size=12,
)


@given(
    rows=rows,
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_readings_are_one(tmp_path: Path, rows: list[tuple[str, ...]], end: str, quoting: int) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([HEADER.split(","), *rows])
    same(tmp_path, text.getvalue().encode())


@given(lines=st.lists(st.text(',"\n\r A\x00é﻿', max_size=12), max_size=8))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_readings_are_one_of_any_text(tmp_path: Path, lines: list[str]) -> None:
    text = "\n".join([HEADER, "A,B,left,p,v,1", *lines, "B,A,tie,p,v,1"])
    same(tmp_path, text.encode())


def same(tmp_path: Path, data: bytes) -> None:
    try:
        exact = of(tmp_path, data, exactly=True)
    except VotesFileError:
        with pytest.raises(VotesFileError):
            of(tmp_path, data)
        return
    fast = of(tmp_path, data)
    assert told(fast) == told(exact)
    assert fast.problems == exact.problems
    assert (fast.models, fast.dropped, fast.unnamed) == (exact.models, exact.dropped, exact.unnamed)


def test_a_problem_shows_no_more_of_a_field_than_needed(tmp_path: Path) -> None:
    (problem,) = of(tmp_path, f"left,right,winner\nA,B,{'x' * 1000}\n").problems
    assert problem == Problem(
        2, "winner", f"'{'x' * 40}…' is no answer; expected left, right, tie or both_bad"
    )
