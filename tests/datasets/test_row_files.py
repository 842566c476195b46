"""Text files with a record a row: every dialect gives the same rows, every fault names its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datasets.row_files import file_lines, read_rows
from experiment.errors import InputError

TABLE = "name,score\nfirst,1.5\nsecond,2\n"
EXPECTED = [(2, {"name": "first", "score": "1.5"}), (3, {"name": "second", "score": "2"})]


def rows_of(path: Path, content: str | bytes, name: str = "mine.csv") -> list[tuple[int, dict]]:
    file = path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return [(row.line, row.fields) for row in read_rows(file).rows]


@pytest.mark.parametrize(
    "content",
    [
        TABLE,
        TABLE.replace(",", ";"),
        TABLE.replace(",", "\t"),
        TABLE.replace(",", " , "),
        TABLE.replace("\n", "\r\n"),
        TABLE.replace("\n", "\r"),
        TABLE.removesuffix("\n"),
        TABLE.encode("utf-8-sig"),
        TABLE.encode("utf-16"),
        b"\xfe\xff" + TABLE.encode("utf-16-be"),
        TABLE.encode("utf-32"),
        '"name","score"\r\n"first","1.5"\r\n"second","2"\r\n',
        'name, score\nfirst, "1.5"\nsecond, "2"\n',
        "name,score\nfirst,1.5,\nsecond,2,\n",
        "name,score,\nfirst,1.5,\nsecond,2,\n",
    ],
)
def test_every_dialect_is_the_same_table(tmp_path: Path, content: str | bytes) -> None:
    assert rows_of(tmp_path, content) == EXPECTED


def test_excel_may_say_its_delimiter(tmp_path: Path) -> None:
    content = "sep=;\nname;score\nfirst;1.5\nsecond;2\n"
    assert [fields for _, fields in rows_of(tmp_path, content)] == [each[1] for each in EXPECTED]


def test_blank_rows_are_skipped_and_lines_stay_those_of_the_file(tmp_path: Path) -> None:
    content = '\nname,note,score\n\n"first","two\nlines",1.5\n , ,\n"second","",2\n\n'
    assert [(line, fields["name"]) for line, fields in rows_of(tmp_path, content)] == [
        (4, "first"),
        (7, "second"),
    ]


def test_a_delimiter_within_fields_is_none(tmp_path: Path) -> None:
    content = 'name\tscore\n{"a": [1,2], "b": 3}\t1\n{"a": [3,4], "b": 5}\t2\n'
    assert [fields["name"] for _, fields in rows_of(tmp_path, content)] == [
        '{"a": [1,2], "b": 3}',
        '{"a": [3,4], "b": 5}',
    ]


def test_the_index_that_pandas_writes_is_no_column(tmp_path: Path) -> None:
    assert rows_of(tmp_path, ",name,score\n0,first,1.5\n1,second,2\n") == EXPECTED


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_json_in_lines_or_in_one_array(tmp_path: Path, end: str) -> None:
    records = [{"name": "one\u2028line", "score": 1}, {"name": "two", "more": {"a": [1]}}]
    texts = [json.dumps(record, ensure_ascii=False) for record in records]
    lines = end.join([texts[0], "", texts[1], ""])
    assert rows_of(tmp_path, lines) == [(1, records[0]), (3, records[1])]
    array = f"[{end}{texts[0]},{end}{end}{texts[1]}{end}]{end}"
    assert rows_of(tmp_path, array.encode("utf-8-sig")) == [(2, records[0]), (4, records[1])]
    assert read_rows(tmp_path / "mine.csv").columns == ("name", "score", "more")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no records"),
        (b"\xef\xbb\xbf\r\n \r\n", "holds no records"),
        ("name,score\n", "holds no records"),
        ("[]", "holds no records"),
        (b"name,score\nf\xfcr,1\n", "line 2 of .* is no UTF-8 text: save the file"),
        (TABLE.encode("utf-16-le"), "has zero bytes"),
        ("name,score,name\na,1,b\n", "two columns of .* are called 'name'"),
        ("name,score\na,1\nb\n", "line 3 of .* has 1 fields, the header has 2: name, score"),
        ("name,score\na,1\nb,c,2\n", "line 3 of .* has 3 fields, the header has 2"),
        ('name,score\na,1\n"b,2\nc,3\n', "line 3 of .* is no CSV"),
        ('{"name": 1}\n{"name": \n', "line 2 of .* is no JSON"),
        ('{"name": 1}\n[1, 2]\n', r"line 2 of .* is '\[1, 2\]', expected one object a line"),
        ('{"name": 1, "name": 2}\n', "line 1 of .*the key 'name' stands there twice"),
        ('[{"name": 1},\n {"name": 2}', "line 2 of .* is no JSON: expected one array"),
        ('[{"name": 1},\n {"name" 2}]', "line 2 of .* is no JSON: expected one array"),
        ('[{"name": 1}\n {"name": 2}]', "line 2 of .* is no JSON: expected one array"),
        ('[{"name": 1}]\n[{"name": 2}]', "is no JSON: expected one array"),
        ("[[0, 1], 0.5]", r"line 1 of .* is '\[0, 1\]', expected one object a line"),
        ('{"first": 1.5,\n "second": 2}', "is one JSON object over 2 lines, expected one object a"),
        pytest.param("[" * 5000, "is no JSON", id="nested deeply"),
    ],
)
def test_a_fault_is_one_sentence_with_its_line(
    tmp_path: Path, content: str | bytes, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        rows_of(tmp_path, content)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*absent.csv.*: No such file"):
        read_rows(tmp_path / "absent.csv")
    with pytest.raises(InputError, match=r"cannot read .*: Is a directory"):
        read_rows(tmp_path)


def test_the_architectures_of_a_csv_are_those_of_its_column(tmp_path: Path) -> None:
    file = tmp_path / "cells.csv"
    place = f"line {{}} of {str(file)!r}"
    cell = '{"matrix": [[0, 1], [0, 0]], "ops": []}'
    quoted = cell.replace('"', '""')
    file.write_text(f',mean,architecture\n0,0.5,"{quoted}"\n\n1,0.4,|a~0|\n')
    assert file_lines(file) == [(place.format(2), cell), (place.format(4), "|a~0|")]
    file.write_text("sep=;\narch;id\n|a~0|;7\n")
    assert file_lines(file) == [(place.format(3), "|a~0|")]
    file.write_text("architecture\n|a~0|\n")
    assert file_lines(file) == [(place.format(2), "|a~0|")]
    file.write_text("sine,sine 0:2\narchitecture\n")
    assert [line for _, line in file_lines(file)] == ["sine,sine 0:2", "architecture"]


def test_lines_keep_their_places(tmp_path: Path) -> None:
    file = tmp_path / "cells.txt"
    file.write_bytes(b"\xef\xbb\xbf\nfirst\r\n\r\n  second ")
    assert file_lines(file) == [
        (f"line 2 of {str(file)!r}", "first"),
        (f"line 4 of {str(file)!r}", "second"),
    ]
    for content, form in (
        ('{"matrix": [],\n "ops": []}', "one JSON object over 2 lines"),
        ('[\n"|a~0|",\n"|b~0|"]\n', "one JSON array over 3 lines"),
        ('[{"arch": "a"}, {"arch": "b"}]', "a JSON array of architectures"),
        ('["|a~0|", "|b~0|"]', "a JSON array of architectures"),
    ):
        file.write_text(content)
        with pytest.raises(InputError, match=f"is {form}, expected one architecture a line"):
            file_lines(file)
    for line in ('["conv", "pool"]', "[[1], [0, 0]]", '{"matrix": [], "ops": []}'):
        file.write_text(line)
        assert file_lines(file) == [(f"line 1 of {str(file)!r}", line)]
    file.write_text(" \n")
    with pytest.raises(InputError, match="holds no architectures, expected one a line"):
        file_lines(file)
