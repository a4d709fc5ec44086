"""Reading a CSV of judgements: what a spreadsheet writes comes back, and bad rows are named by line."""

import csv
import io
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.csvtable import LISTED, Column, Fate, TableError, read

COLUMNS = [
    Column("prompt"),
    Column("verdict", choices=("G", "S", "B")),
    Column("score", number=True, low=1, high=5, scale=True, blank=True),
    Column("weight", required=False, number=True, low=0),
]
HEADER = "prompt,verdict,score\n"


def test_a_spreadsheets_file_is_read_as_it_stands() -> None:
    raw = '\ufeffScore, prompt ,note,VERDICT\r\n3,"一只猫,\r\n""跑""",x,g\r\n\r\n4.5, 狗 ,,B\r\n,,,\r\n'
    table = read(raw.encode(), COLUMNS)
    assert table.clean
    assert table.rows == 2
    assert list(table.frame) == ["prompt", "verdict", "score"]
    assert table.frame["prompt"].tolist() == ['一只猫,\r\n"跑"', "狗"]
    assert table.frame["verdict"].tolist() == ["G", "B"]
    assert table.frame["verdict"].cat.categories.tolist() == ["G", "S", "B"]
    assert table.frame["score"].tolist() == [3, 4.5]


def test_bad_rows_are_named_by_line_and_column_and_left_out() -> None:
    raw = HEADER + '"two\nlines",G,1\na,X,2\n\n,S,3\nb,S\nc,S,9\nd,S,\ne,S,many\nf,S,3,4\ng,B,inf\nh,B,5'
    table = read(raw.encode(), COLUMNS)
    assert table.frame["prompt"].tolist() == ["two\nlines", "c", "d", "h"]
    assert [math.isnan(score) for score in table.frame["score"]] == [False, True, True, False]
    assert (table.rows, table.dropped, table.off_scale, table.missing) == (10, 6, 1, 1)
    assert [(p.line, p.column, p.fate) for p in table.problems] == [
        (4, "verdict", Fate.DROPPED),
        (6, "prompt", Fate.DROPPED),
        (7, "score", Fate.DROPPED),
        (8, "score", Fate.OFF_SCALE),
        (9, "score", Fate.MISSING),
        (10, "score", Fate.DROPPED),
        (11, "4", Fate.DROPPED),
        (12, "score", Fate.DROPPED),
    ]
    assert str(table.problems[0]) == "line 4, column verdict: 'X' is none of G, S, B"
    assert str(table.problems[3]) == "line 8, column score: 9 is off the scale 1-5"


def test_a_bound_that_is_no_scale_drops_the_row() -> None:
    table = read(b"prompt,verdict,score,weight\na,G,1,-2\na,G,1,0.5\n", COLUMNS)
    assert table.frame["weight"].tolist() == [0.5]
    assert str(table.problems[0]) == "line 2, column weight: -2 is not at least 0"


def test_a_row_that_repeats_a_key_is_dropped() -> None:
    table = read((HEADER + "a,G,1\na,S,2\na , G,3\n").encode(), COLUMNS, key=("prompt", "verdict"))
    assert table.frame["score"].tolist() == [1, 2]
    assert str(table.problems[0]) == "line 4, column verdict: another row above has the same prompt, verdict"


def test_many_problems_are_all_counted_and_the_first_listed() -> None:
    table = read((HEADER + "a,G,9\n" * 500 + "a,G\n" * 300 + "a,G,1\n").encode(), COLUMNS)
    assert (table.rows, table.dropped, table.off_scale) == (801, 300, 500)
    assert [problem.line for problem in table.problems] == list(range(2, 2 + LISTED))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        (HEADER.encode(), "no rows"),
        (HEADER.strip().encode(), "no rows"),
        (b"prompt,score\na,1\n", "lacks verdict: it has prompt, score"),
        (b"prompt;verdict;score\na;G;1\n", "separated by commas"),
        (b"prompt,verdict,score,score\na,G,1,2\n", "score more than once"),
        (HEADER.encode() + b"a,G,1\n\xcf\xd6,G,1\n", "line 3 has the byte 0xcf"),
        (HEADER.encode() + b"a,X,1\nb,,2\n", "None of the file's 2 rows can be used: line 2, column verdict"),
        (HEADER.encode() + b'"a,X,1\n' + b"b,G,2\n" * 40_000, "quote"),
    ],
)
def test_what_can_not_be_used_says_why(raw: bytes, said: str) -> None:
    with pytest.raises(TableError, match=said):
        read(raw, COLUMNS)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"absent\.csv can't be read: No such file"):
        read(tmp_path / "absent.csv", COLUMNS)


CELLS = st.text(st.sampled_from(list("ab猫,\"\n\r;' ")), max_size=6)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=12), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=200, deadline=None)
def test_whatever_the_csv_module_writes_is_read_with_its_lines(rows: list[tuple[str, str]], end: str) -> None:
    """And a row without its last cell is named by the line it starts on."""
    file = io.StringIO(newline="")
    # By itself the module leaves a lone carriage return bare where lines end otherwise.
    bare = all("\r" not in cell for row in rows for cell in row)
    writer = csv.writer(file, lineterminator=end, quoting=csv.QUOTE_MINIMAL if bare else csv.QUOTE_ALL)
    writer.writerow(["one", "other"])
    kept, lines = [], []
    for one, other in rows:
        start = len(file.getvalue().replace("\r\n", "\n").replace("\r", "\n").split("\n"))
        writer.writerow([one, other])
        if one.strip() and other.strip():
            kept.append((one.strip(), other.strip()))
        elif one.strip() or other.strip():
            lines.append(start)
    columns = [Column("one"), Column("other")]
    if not kept:
        with pytest.raises(TableError):
            read(file.getvalue().encode(), columns)
        return
    table = read(file.getvalue().encode(), columns)
    assert list(table.frame.itertuples(index=False, name=None)) == kept
    assert [problem.line for problem in table.problems] == lines
    assert table.dropped == len(lines)
