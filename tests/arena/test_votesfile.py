"""Files of votes: how they come, and what of them is no vote."""

import numpy as np
import pytest

from arena.votes.votesfile import COLUMNS, Ballots, read
from workbench import csvtable

HEADER = "left,right,winner,prompt,voter,weight"


def told(ballots: Ballots) -> list[tuple[str, str, int]]:
    """The votes in words."""
    names = np.array(ballots.models)
    columns = names[ballots.left].tolist(), names[ballots.right].tolist(), ballots.said.tolist()
    return list(zip(*columns, strict=True))


def test_a_plain_file() -> None:
    rows = ["B,A,left,p1,v1,1", "B,C,tie,p1,v2,2.5", "C,A,both_bad,p2,v1,0", "A,C,right,p2,v2,1e-3"]
    found = read("\n".join([HEADER, *rows]).encode())
    assert found.models == ["A", "B", "C"]
    assert found.left.tolist() == [1, 1, 2, 0]
    assert found.right.tolist() == [0, 2, 0, 2]
    assert found.said.tolist() == [0, 2, 3, 1]
    prompt, voter = found.clusters["prompt"], found.clusters["voter"]
    assert prompt[0] == prompt[1] != prompt[2] == prompt[3]
    assert voter[0] == voter[2] != voter[1] == voter[3]
    assert found.weight is not None
    assert found.weight.tolist() == [1, 2.5, 0, 0.001]
    assert found.dropped == 0


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
def test_how_files_come(text: str) -> None:
    found = read(text.encode())
    assert told(found) == [("种子", "可灵", 0), ("可灵", "种子", 2)]
    assert found.dropped == 0


def test_bad_rows_are_named_by_line_and_column() -> None:
    rows = [
        "A,B,left,p,v,1",
        "A,B,lefft,p,v,1",
        "A,A ,left,p,v,1",
        "",
        ",B,left,p,v,-1",
        "A,B,left,p,v,much",
        "A,B,left,p,v,",
        "A,B,left,p,v,inf",
        "A,B,left,p",
        "A,B,left,p,v,1,more",
        "C,D,nobody,p,v,1",
        "B,A,tie,p,v,1",
    ]
    table = csvtable.read("\n".join([HEADER, *rows]).encode(), COLUMNS)
    assert [(problem.line, problem.column) for problem in table.problems] == [
        *((3, "winner"), (4, "right"), (6, "left"), (6, "weight"), (7, "weight"), (8, "weight")),
        *((9, "weight"), (10, "voter"), (11, "7"), (12, "winner")),
    ]
    assert str(table.problems[1]) == "line 4, column right: 'A' is in column left too; expected another"
    found = read("\n".join([HEADER, *rows]).encode())
    assert found.dropped == 9
    assert found.models == ["A", "B"]
    assert told(found) == [("A", "B", 0), ("B", "A", 2)]


def test_empty_prompts_are_prompts_of_their_own() -> None:
    found = read(b"left,right,winner,prompt\nA,B,left,\nA,B,left,p\nA,B,left, \nA,B,left,p\n")
    assert len(np.unique(found.clusters["prompt"])) == 3
    assert found.unnamed == {"prompt": 2}


@pytest.mark.parametrize("rows", ["", "A,A,left\n", "A,B,nobody\n"])
def test_a_file_without_votes(rows: str) -> None:
    with pytest.raises(
        csvtable.TableError, match=r"has no rows|None of the file's 1 rows can be used: line 2"
    ):
        read(b"left,right,winner\n" + rows.encode())
