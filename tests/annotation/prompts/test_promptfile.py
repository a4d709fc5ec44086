"""Prompts are read from three kinds of files; a bad row is named by its line and takes no other with it."""

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.prompts import promptfile
from annotation.prompts.promptfile import PromptFileError, Row, decode, read

ROWS = [
    Row(2, "A cat, asleep", "一只猫", "t2v", ("animal", "light"), "Cats", "c-1"),
    Row(3, "It turns", "", "i2v", (), "", "17"),
]
SAID = [
    {
        "text_en": "A cat, asleep",
        "text_zh": "一只猫",
        "category": "Animal | light",
        "set": "Cats",
        "external_id": "c-1",
        "stars": "5",
    },
    {"prompt": "It  turns", "task": "I2V", "id": "17"},
]


def as_csv(separator: str = ",") -> str:
    file = io.StringIO()
    names = ["text_en", "text_zh", "category", "set", "external_id", "stars", "task"]
    writer = csv.DictWriter(file, names, delimiter=separator)
    writer.writeheader()
    writer.writerow(SAID[0])
    writer.writerow({"text_en": "It  turns", "task": "I2V", "external_id": "17"})
    return file.getvalue()


AS_JSON_LINES = "\n" + "\n".join(json.dumps(row, ensure_ascii=False) for row in SAID)
AS_JSON_LIST = "[\n" + ",\n".join(json.dumps(row) for row in SAID) + "\n]"


@pytest.mark.parametrize("text", [as_csv(), as_csv(";"), as_csv("\t"), AS_JSON_LINES, AS_JSON_LIST])
def test_every_kind_of_file_says_the_same(text: str) -> None:
    reading = read(text)
    assert reading.rows == ROWS
    assert not reading.problems
    assert len(reading.notes) == 1
    assert "stars" in reading.notes[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding: str) -> None:
    assert read(decode(as_csv().encode(encoding))).rows == ROWS


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("text\nA cat\n小狗在跑".encode("gbk"), r"not UTF-8 \(line 3\)"),
        (b"text\n" + b"x" * promptfile.MAX_BYTES, "larger than 4 MB"),
        (b"text\nA \0 cat", "zero bytes"),
        (b" \n\n", "is empty"),
        (b"words,stars\nA cat,5", "one of them text_en or text_zh; it names words, stars"),
        (b"text,prompt\nA cat,A cat", "twice: text_en"),
        (b"text\n" + b"A cat\n" * (promptfile.MAX_ROWS + 1), "more than 10000 prompts"),
    ],
)
def test_a_file_that_cant_be_read_is_told_why(content: bytes, why: str) -> None:
    with pytest.raises(PromptFileError, match=why):
        read(decode(content))


def test_bad_rows_are_named_and_good_ones_kept() -> None:
    lines = [
        "text_en,text_zh,task,category,external_id",
        "A cat sleeps,,,,",
        ",,,,empty",
        "A cat,,v2v,,",
        "A,cat,,,,surplus",
        '"A cat\nruns",,,,two lines',
        "x" * 5001 + ",,,,",
        "A dog sleeps,,,," + "i" * 201,
        "A fox sleeps,,,,",
        '"A quote that never ends,,,,',
    ]
    reading = read("\n".join(lines))
    assert [(row.line, row.text_en) for row in reading.rows] == [
        (2, "A cat sleeps"),
        (6, "A cat runs"),
        (10, "A fox sleeps"),
    ]
    assert [(p.line, p.code) for p in reading.problems] == [
        (3, "no_text"),
        (4, "task"),
        (5, "surplus"),
        (8, "too_long"),
        (9, "too_long"),
        (11, "csv"),
    ]


def test_json_lines_go_on_behind_a_bad_one_and_a_list_keeps_what_stands_before() -> None:
    good = '{"text": "A cat sleeps", "category": ["animal"]}'
    bad = ['{"text": ', '["A cat"]', '{"text": 5}', '{"text": "\\ud800 a"}', '{"text": "a", "category": [1]}']
    lines = read("\n".join([good, *bad, good]))
    assert [row.line for row in lines.rows] == [1, 7]
    assert lines.rows[0].categories == ("animal",)
    assert [(p.line, p.code) for p in lines.problems] == [
        (2, "json"),
        (3, "not_an_object"),
        *((line, "not_text") for line in (4, 5, 6)),
    ]
    listed = read(f"[{good},\n7,\n{good},\n{{oops}},\n{good}]")
    assert [row.line for row in listed.rows] == [1, 3]
    assert [(p.line, p.code) for p in listed.problems] == [(2, "not_an_object"), (4, "json")]
    assert "A cat" in listed.problems[1].excerpt


def test_chinese_in_a_column_called_text_is_chinese() -> None:
    (row,) = read("text\n一只猫在 sofa 上睡觉").rows
    assert (row.text_en, row.text_zh) == ("", "一只猫在 sofa 上睡觉")


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for begin in ("", "text\n", "[", '{"text":'):
        try:
            reading = read(begin + text)
        except PromptFileError:
            continue
        assert all(row.text_en or row.text_zh for row in reading.rows)
