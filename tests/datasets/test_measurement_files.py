"""Measurements of one's own: which columns count, what is averaged, what is blamed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets import get_space
from datasets.convert import write_text
from datasets.measurement_files import Measurements, read_measurements
from datasets.testing import relabelled
from experiment.errors import InputError

FIRST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"
SECOND = "|none~0|+|none~0|skip_connect~1|+|skip_connect~0|nor_conv_1x1~1|avg_pool_3x3~2|"
WRONG = FIRST.replace("avg_pool", "max_pool")


def read(path: Path, content: str | bytes, space: str = "NB201", **more: object) -> Measurements:
    file = path / "mine.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_measurements(file, get_space(space), **more)  # type: ignore[arg-type]


def table(*rows: tuple[object, ...]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def test_the_columns_of_a_plain_table_are_guessed_and_that_is_said(tmp_path: Path) -> None:
    content = f"arch,accuracy\n{FIRST},71.3\n{SECOND},58.19\n"
    found = read(tmp_path, content)
    space = get_space("NB201")
    assert [space.format(graph) for graph in found.graphs] == [FIRST, SECOND] == found.names
    assert found.hashes.tolist() == [space.hash(graph) for graph in found.graphs]
    assert found.values.tolist() == [71.3, 58.19]
    assert found.lines.tolist() == [2, 3]
    assert (found.arch_columns, found.value_column) == (("arch",), "accuracy")
    assert found.sha256 == hashlib.sha256(content.encode()).hexdigest()
    (note,) = found.notes
    assert note == (
        "mine.csv: architectures from 'arch', values from 'accuracy', "
        "the only columns of their kinds"
    )


def test_failed_rows_of_the_projects_own_files_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [(1, "failed", "", FIRST), (2, "ok", 5, FIRST), (3, "unknown", "", SECOND)]
    head = ("query", "status", "value", "architecture")
    found = read(tmp_path, table(head, *rows), least=1)
    assert (found.names, found.values.tolist()) == ([FIRST], [5])
    assert found.notes == (
        "mine.csv: 2 rows that failed are left out",
        "mine.csv: architectures from 'architecture', values from 'value'",
    )
    with pytest.raises(InputError, match=r"every row of .* failed"):
        read(tmp_path, table(head, rows[0]), least=1)
    with pytest.raises(InputError, match="has no 'value', expected a finite number"):
        read(tmp_path, table(head, rows[1], (4, "ok", "", SECOND)), least=1)


def test_marks_quotes_and_windows_line_ends(tmp_path: Path) -> None:
    content = f'"arch","val_loss"\r\n"{FIRST}","0.412"\r\n"{SECOND}","5.33e-1"\r\n'
    found = read(tmp_path, content.encode("utf-8-sig"), value_column="val_loss")
    assert found.values.tolist() == [0.412, 0.533]
    assert found.notes == ("mine.csv: architectures from 'arch', the only column of its kind",)


def test_columns_by_name_among_many(tmp_path: Path) -> None:
    content = table(
        ("id", "my arch", "loss at the end", "loss", "other"),
        (1, FIRST, 3, 4, SECOND),
        (2, SECOND, 5, 6, FIRST),
    )
    named: dict[str, Any] = {
        "arch_column": "other",
        "value_column": "loss at the end",
        "others": ["loss"],
    }
    found = read(tmp_path, content, **named)
    assert found.names == [SECOND, FIRST]
    assert found.values.tolist() == [3, 5]
    assert found.others["loss"].tolist() == [4, 6]
    assert found.notes == ()
    with pytest.raises(InputError, match=r"'my arch' and 'other' could both .* --arch_column"):
        read(tmp_path, content, value_column="loss")
    with pytest.raises(InputError, match=r"has 3 columns of numbers .* --value_column.*'id', 'my"):
        read(tmp_path, content, arch_column="my arch")
    with pytest.raises(InputError, match=r"no column 'los': did you mean 'loss'.*'loss at the end"):
        read(tmp_path, content, value_column="los")
    with pytest.raises(InputError, match=r"no column 'architecture': .*'other'"):
        read(tmp_path, content, arch_column="architecture")


def test_several_rows_of_one_architecture_are_averaged_and_that_is_said(tmp_path: Path) -> None:
    space = get_space("NB101")
    cells = space.sample(2, np.random.default_rng(0))
    twin = relabelled(cells[1], np.random.default_rng(1))
    rows = [(space.format(cell), n) for n, cell in enumerate([*cells, twin], start=1)]
    found = read(tmp_path, table(("cell", "loss"), *rows), "NB101")
    assert found.values.tolist() == [1, 2.5]
    assert found.counts.tolist() == [1, 2]
    assert found.lines.tolist() == [2, 3]
    assert "3 rows are 2 architectures; of 1 with several rows the mean counts" in found.notes[1]


@pytest.mark.parametrize("spelling", ["object", "string", "keys", "pandas", "two columns"])
def test_cells_in_every_spelling(tmp_path: Path, spelling: str) -> None:
    space = get_space("NB101")
    cells = space.sample(5, np.random.default_rng(0))
    records = [space.to_record(cell) for cell in cells]
    if spelling == "pandas":  # writes dictionaries as Python does
        content = table(("cell", "loss"), *((str(each), n) for n, each in enumerate(records)))
    elif spelling == "two columns":
        rows = [(str(each["matrix"]), each["ops"], n) for n, each in enumerate(records)]
        content = table(("matrix", "ops", "loss"), *rows)
    else:
        forms = {
            "object": lambda each: {"cell": each},
            "string": lambda each: {"cell": json.dumps(each)},
            "keys": lambda each: each,
        }
        lines = [{**forms[spelling](each), "loss": n} for n, each in enumerate(records)]
        content = "\n".join(map(json.dumps, lines))
    found = read(tmp_path, content, "NB101")
    assert list(found.graphs) == cells
    assert found.values.tolist() == [0, 1, 2, 3, 4]
    assert found.arch_columns == (
        ("matrix", "ops") if spelling in ("keys", "two columns") else ("cell",)
    )


def test_macro_networks_as_flat_strings_and_as_rows(tmp_path: Path) -> None:
    space = get_space("ENAS")
    graphs = space.sample(2, np.random.default_rng(0))
    flat = table(("net", "score"), *((space.format(graph), n) for n, graph in enumerate(graphs)))
    assert list(read(tmp_path, flat, "ENAS").graphs) == graphs
    rows = [{"net": space.to_layers(graph), "score": 1.5} for graph in graphs]  # type: ignore[attr-defined]
    assert list(read(tmp_path, json.dumps(rows), "ENAS").graphs) == graphs


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(FIRST, 1), (WRONG, 2)], r"line 3 of .*mine.csv', column 'arch': '\|nor.*max_pool_3x3"),
        ([(FIRST, 1), ("", 2)], "line 3 of .*, column 'arch': there is nothing"),
        ([(FIRST, 1), (SECOND, "")], "line 3 of .* has no 'loss', expected a finite number"),
        ([(FIRST, "nan"), (SECOND, 1)], "line 2 of .* has 'loss': 'nan', expected a finite"),
        ([(FIRST, 1), (SECOND, "-inf")], "line 3 of .* has 'loss': '-inf'"),
        ([(FIRST, 1), (SECOND, "1e999")], "line 3 of .* has 'loss': '1e999'"),
        ([(FIRST, 1), (SECOND, "0,4")], "line 3 of .* has 'loss': '0,4'.* write decimals with a"),
        ([(FIRST, 1), (SECOND, "71 %")], "line 3 of .* '71 %'.* write the number alone"),
        ([(FIRST, "71 %"), (SECOND, "72 %")], "line 2 of .* '71 %'.* write the number alone"),
        ([(FIRST, 1), (SECOND, "1_0")], "line 3 of .* has 'loss': '1_0'"),
        ([(FIRST, 1), (FIRST, 2)], "holds 1 measured architecture, expected at least 2"),
        ([("what", 1), ("ever", 2)], "line 2 of .*, column 'arch': 'what' has 1 parts"),
        ([("1", 1), ("2", 2)], "no column of .* has architectures of NB201.*'arch', 'loss'"),
        ([(FIRST, "bad"), (SECOND, "worse")], "has no column of numbers .*'arch', 'loss'"),
    ],
)
def test_a_bad_row_is_blamed(tmp_path: Path, rows: list[tuple[object, object]], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(tmp_path, table(("arch", "loss"), *rows))


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"arch": SECOND, "loss": None}, "line 2 of .* has 'loss': null"),
        ({"arch": SECOND, "loss": True}, "line 2 of .* has 'loss': true"),
        ({"arch": SECOND, "loss": float("nan")}, "line 2 of .* has 'loss': NaN"),
        ({"arch": SECOND, "loss": 10**400}, "line 2 of .* has 'loss': 1000"),
        ({"arch": SECOND}, "line 2 of .* has no 'loss'"),
        ({"arch": 7, "loss": 1}, "line 2 of .*, column 'arch': 7 is no architecture"),
        ({"arch": {"a": 1}, "loss": 1}, "line 2 of .*, column 'arch': .* has no key 'arch'"),
        ({"loss": 1}, "line 2 of .*, column 'arch': there is nothing"),
    ],
)
def test_a_bad_record_is_blamed(tmp_path: Path, record: dict[str, object], words: str) -> None:
    lines = [json.dumps({"arch": FIRST, "loss": 1}), json.dumps(record)]
    with pytest.raises(InputError, match=words):
        read(tmp_path, "\n".join(lines))


def test_a_table_without_a_header_is_told_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="add a first line that names the columns"):
        read(tmp_path, f"{FIRST},71.3\n{SECOND},58.2\n{FIRST},70\n")


def test_an_object_with_architectures_for_keys_is_told_its_form(tmp_path: Path) -> None:
    expected = r'expected one object a line .* \{"arch": …, "value": …\}, or an array of such'
    values = {FIRST: 71.3, SECOND: 58.19}
    with pytest.raises(InputError, match=f"has architectures for keys, {expected}"):
        read(tmp_path, json.dumps(values))
    with pytest.raises(InputError, match=f"is one JSON object over 4 lines, {expected}"):
        read(tmp_path, json.dumps(values, indent=1))
    with pytest.raises(InputError, match=expected):
        read(tmp_path, json.dumps(list(values.items())))


def test_one_measurement_is_enough_where_nothing_is_learnt(tmp_path: Path) -> None:
    assert len(read(tmp_path, f"arch,loss\n{FIRST},1\n", least=1)) == 1


@pytest.mark.parametrize("form", ["index", "naslib", "nni", "hash"])
def test_architectures_in_a_named_form(tmp_path: Path, form: str) -> None:
    space = get_space("NB201")
    cells = [space.parse(FIRST), space.parse(SECOND)]
    texts = [write_text(space, form, cell) for cell in cells]
    content = table(("cell", "loss"), *((text, n + 0.5) for n, text in enumerate(texts)))
    found = read(tmp_path, content, form=form, arch_column="cell")
    assert list(found.graphs) == cells
    assert found.names == texts
    wrong = table(("cell", "loss"), (texts[0], 1.5), ("what", 2.5))
    with pytest.raises(InputError, match=r"line 3 of .*, column 'cell': 'what' is no"):
        read(tmp_path, wrong, form=form, arch_column="cell")


def test_a_form_that_there_is_not_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"NB201 has no form 'nnni': choose one of .*naslib"):
        read(tmp_path, f"arch,loss\n{FIRST},1\n{SECOND},2\n", form="nnni")


def test_percentages_are_no_shares(tmp_path: Path) -> None:
    found = read(tmp_path, f"arch,accuracy\n{FIRST},71.3\n{SECOND},58.2\n")
    assert found.benchmark("%").metric("accuracy").objective.text(71.3) == "71.3 %"
    with pytest.raises(InputError, match=r"goes from 58.2 to 71.3, expected 0 to 1"):
        found.benchmark("fraction")


def test_a_path_and_a_space_are_expected(tmp_path: Path) -> None:
    for wrong in (None, 5):
        with pytest.raises(InputError, match="expected its path"):
            read_measurements(wrong, get_space("NB201"))  # type: ignore[arg-type]
    (tmp_path / "mine.csv").write_text(f"arch,loss\n{FIRST},1\n{SECOND},2\n")
    with pytest.raises(InputError, match="expected a SearchSpace"):
        read_measurements(tmp_path / "mine.csv", "NB201")  # type: ignore[arg-type]
