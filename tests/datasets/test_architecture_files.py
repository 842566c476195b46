"""Architectures that users name: files, hashes, names, notation; and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from datasets import get_space
from datasets.architecture_files import NAMED, read_architectures, read_named
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.spaces.enas import ENAS
from datasets.spaces.notation import excerpt
from experiment.errors import InputError
from models.networks.nb101 import check_cell

NB101, NB201 = get_space("NB101"), get_space("NB201")
CELL = json.dumps(
    {
        "matrix": [[0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]],
        "ops": ["input", "conv3x3-bn-relu", "conv1x1-bn-relu", "output"],
    }
)
EDGES = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"


def named(name: str) -> ArchitectureGraph:
    (found,) = read_architectures(name, NB101)
    return found


def test_the_cell_that_the_paper_trains() -> None:
    rows = [
        "01111111",
        "00110101",
        "00000010",
        "00001000",
        "00000100",
        "00000010",
        "00000001",
        "00000000",
    ]
    cell = named("svge_8_nodes")
    assert cell.adjacency.tolist() == [[int(bit) for bit in row] for row in rows]
    operations = [NB101.types[kind] for kind in cell.types]
    assert operations == ["input", *["conv3x3-bn-relu"] * 5, "conv1x1-bn-relu", "output"]
    assert not NB101.is_legal(cell)


def test_best_cells_have_the_official_hashes() -> None:
    assert NB101.hash(named("best_validation")).startswith("0da48e9f")
    assert NB101.hash(named("best_test")).startswith("02e5a024")


def test_the_seven_node_cell_is_the_one_that_candidates_grew_from() -> None:
    cell = named("svge_7_nodes")
    assert cell.types == (1, 3, 3, 3, 3, 2, 0)
    edges = ["0→1", "0→2", "0→4", "0→6", "1→5", "2→3", "3→4", "4→5", "5→6"]
    assert cell.edges == tuple(tuple(map(int, edge.split("→"))) for edge in edges)
    assert NB101.is_legal(cell)


@pytest.mark.parametrize("name", NAMED["nb101_cell"])
def test_a_network_can_be_built_of_every_named_cell(name: str) -> None:
    check_cell(named(name))
    assert read_architectures(NB101.hash(named(name)), NB101) == [named(name)]


def test_names_are_those_of_a_space(tmp_path: Path) -> None:
    with pytest.raises(ArchitectureError, match="'best_test' is no file, no hash, and no NB201"):
        read_architectures("best_test", NB201, tmp_path)


def test_notation_gives_one_architecture() -> None:
    assert read_architectures(CELL, NB101) == [NB101.parse(CELL)]
    assert read_architectures(EDGES, NB201) == [NB201.parse(EDGES)]


def test_a_cell_beyond_the_space_is_read_as_it_is() -> None:
    cell = named("svge_8_nodes")
    assert read_architectures(NB101.format(cell), NB101) == [cell]


def test_a_file_has_one_a_line_and_keys_of_any_kind(tmp_path: Path) -> None:
    file = tmp_path / "cells.jsonl"
    cells = NB101.sample(3, np.random.default_rng(0))
    records = [{**NB101.to_record(cell), "hash": "x", "mean": 0.9} for cell in cells]
    lines = [json.dumps(record) for record in records]
    file.write_text("\r\n".join([lines[0], "", *lines[1:]]) + "\r\n")
    assert read_architectures(str(file), NB101) == cells


def test_a_file_of_macro_architectures_of_several_lengths(tmp_path: Path) -> None:
    file = tmp_path / "found.txt"
    twelve = " ".join("0" * 78)
    file.write_text(f"{twelve}\n[[1],[2,1],[3,0,1]]\n" + json.dumps({"arch": twelve}))
    found = read_architectures(str(file), ENAS(6))
    assert [graph.num_nodes - 2 for graph in found] == [12, 3, 12]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"matrix": [[0, 1], [0, 0]]}', "no key 'ops'"),
        ('{"matrix": [[0, 1], [0, 0]], "ops": ["input"', "is no JSON"),
        ('{"matrix": [[0, 1], [1, 0]], "ops": ["input", "output"]}', "topological order"),
        ('{"matrix": [[0, 1], [0, 0]], "ops": ["input", "conv9"]}', "'conv9' is unknown"),
        ("best_test", "is no JSON"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, why: str) -> None:
    file = tmp_path / "cells.jsonl"
    file.write_text(f"{CELL}\n\n{line}\n{CELL}\n")
    with pytest.raises(ArchitectureError, match=f"line 3 of .*cells.jsonl.*: .*{why}") as caught:
        read_architectures(str(file), NB101)
    assert str(caught.value).count(excerpt(line)) == 1


def test_a_file_and_an_argument_in_a_named_form(tmp_path: Path) -> None:
    file = tmp_path / "found.txt"
    file.write_text("(4, 3, 3, 0, 0, 0)\n\n[0, 0, 0, 0, 0, 1]\n")
    first, second = read_named(str(file), NB201, form="naslib")
    assert NB201.index(first.graph) == 0  # type: ignore[attr-defined]
    assert str(first) == f"line 1 of {str(file)!r} ('(4, 3, 3, 0, 0, 0)')"
    assert second.place == f"line 3 of {str(file)!r}"
    assert read_architectures("0", NB201, form="index") == [first.graph]
    file.write_text("(4, 3, 3, 0, 0, 0)\n0\n")
    with pytest.raises(ArchitectureError, match=r"^line 2 of .*: '0' is no NB201 .* 'naslib'"):
        read_architectures(str(file), NB201, form="naslib")
    with pytest.raises(ArchitectureError, match=r"'first' is no file, and 'first' is no NB201"):
        read_architectures("first", NB201, form="index")
    with pytest.raises(InputError, match="NB201 has no form 'flat'"):
        read_architectures(str(file), NB201, form="flat")


@pytest.mark.parametrize("content", [b"", b"\n  \n"])
def test_a_file_without_architectures_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "empty").write_bytes(content)
    with pytest.raises(InputError, match="holds no architectures, expected one a line"):
        read_architectures(str(tmp_path / "empty"), NB101)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match=r"weights.pt' is no UTF-8 text"):
        read_architectures(str(tmp_path / "weights.pt"), NB101)


@pytest.mark.parametrize("text", ["nothing", ".", "x" * 5000, "\0"])
def test_text_that_is_nothing_says_what_it_could_be(text: str) -> None:
    with pytest.raises(ArchitectureError) as caught:
        read_architectures(text, NB101)
    message = str(caught.value)
    assert "is no file, no hash, none of svge_8_nodes," in message
    assert len(message) < 500


def test_a_hash_is_found_without_a_table(tmp_path: Path) -> None:
    cell = NB201.parse(EDGES)
    hash = NB201.hash(cell)
    assert hash != hash.upper()
    assert read_architectures(hash.upper(), NB201, tmp_path) == [NB201.canonical(cell)]


@pytest.mark.parametrize("space", [NB201, ENAS(6), ENAS(7)], ids=lambda space: space.name)
def test_an_unknown_hash_is_refused(tmp_path: Path, space: ENAS) -> None:
    with pytest.raises(InputError, match=f"no {space.name} architecture with the hash 0000"):
        read_architectures("0" * 32, space, tmp_path)


def test_a_hash_is_found_in_the_table(data_root: Path) -> None:
    space = ENAS(6)
    row = next((data_root / "ENAS").glob("final_structures6*")).read_text().splitlines()[5000]
    graph = space.parse(row[: row.rindex("]") + 1])
    assert read_architectures(space.hash(graph), space, data_root) == [graph]


def test_a_data_root_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="which is no folder"):
        read_architectures("0" * 32, NB201, tmp_path / "absent")
