"""Forms of other libraries: published pairs decide, every form is read back, faults are told."""

from __future__ import annotations

import io
import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datasets import get_space
from datasets.architecture_files import NAMED
from datasets.commands.convert import main
from datasets.convert import example, form_of, parse, read, write, write_text
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.nasbench.model_spec import ModelSpec
from datasets.spaces.enas import ENAS
from experiment.errors import InputError, run_command

SPACES = ("NB101", "DIGITS101", "NB201", "ENAS", "ENAS12", "NAS_BENCH_GRAPH", "MPNN")
NB101, NB201 = get_space("NB101"), get_space("NB201")
CELL = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|none~0|none~1|nor_conv_3x3~2|"
MATRIX = [[0, 0, 0, 0], [3, 0, 0, 0], [0, 4, 0, 0], [0, 0, 3, 0]]
NAMES = ("nor_conv_3x3", "none", "avg_pool_3x3", "none", "none", "nor_conv_3x3")
EDGES = {
    "0_1": "conv_3x3",
    "0_2": "none",
    "1_2": "avg_pool_3x3",
    "0_3": "none",
    "1_3": "none",
    "2_3": "conv_3x3",
}
MACRO = "1 3 1 0 1 0 5 0 0 1 2 0 1 0 0 4 1 0 0 0 1"


def cell(form: str, value: object) -> str:
    return NB201.format(parse(NB201, form, value))


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("official", CELL),
        ("official", f"  {CELL}\r\n"),
        ("json", {"arch": CELL}),
        ("json", json.dumps({"arch": CELL})),
        ("nni", EDGES),
        ("nni", dict(reversed(EDGES.items()))),
        ("nni", str(EDGES)),
        ("nni", json.dumps(EDGES)),
        ("operations", NAMES),
        ("operations", str(NAMES)),
        ("operations", json.dumps(NAMES)),
        ("operation_ids", (3, 0, 4, 0, 0, 3)),
        ("operation_ids", "3, 0, 4, 0, 0, 3"),
        ("naslib", (2, 1, 1, 4, 1, 2)),
        ("naslib", "(np.int64(2), 1, 1, 4, 1.0, 2)"),
        ("naslib", torch.tensor([2, 1, 1, 4, 1, 2])),
        ("matrix", MATRIX),
        ("matrix", np.array(MATRIX, dtype=np.float64)),
        ("matrix", str(np.array(MATRIX, dtype=np.float64))),
        ("matrix", repr(np.array(MATRIX, dtype=np.int8))),
        ("matrix", repr(torch.tensor(MATRIX))),
        ("lists", [(("nor_conv_3x3", 0),), (("avg_pool_3x3", 1), ("none", 0)), *[
            (("none", 0), ("none", 1), ("nor_conv_3x3", 2))]]),
    ],
)  # fmt: skip
def test_one_cell_in_every_form(form: str, value: object) -> None:
    assert cell(form, value) == CELL


@pytest.mark.parametrize("value", [6111, "6111", "006111", " 6111 ", 6111.0, np.int32(6111)])
def test_the_best_cell_by_its_index(value: object, data_root: Path) -> None:
    from datasets import get_benchmark

    benchmark = get_benchmark("NB201", data_root)
    row = benchmark.row(parse(NB201, "index", value))
    assert row == int(np.argmax(benchmark.metric("test").mean()))
    assert round(100 * benchmark.metric("test").mean()[row], 3) == 94.373


def test_pairs_that_naslib_published() -> None:
    # tests/test_nb201_search_space.py of NASLib; the output shown in gabikadlecova/zc_combine.
    assert cell("naslib", (4, 3, 3, 0, 0, 0)) == (
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|"
        "+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    )
    assert cell("naslib", "(4, 0, 3, 1, 4, 3)") == (
        "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_1x1~2|"
    )


def test_the_public_package_decides_on_matrix_and_lists() -> None:
    package = pytest.importorskip("nas_201_api").NASBench201API
    for index in np.random.default_rng(0).choice(NB201.size, 200, replace=False).tolist():
        graph = parse(NB201, "index", index)
        text = NB201.format(graph)
        assert write(NB201, "matrix", graph) == package.str2matrix(text).tolist()
        assert parse(NB201, "matrix", package.str2matrix(text)) == graph
        lists = package.str2lists(text)
        assert write(NB201, "lists", graph) == [[list(pair) for pair in one] for one in lists]
        assert parse(NB201, "lists", lists) == graph


def test_the_pair_that_nni_published() -> None:
    # The first example of NNI's documentation of its benchmarks, and the hash that it prints.
    arch = {
        "op1": "conv3x3-bn-relu",
        "op2": "maxpool3x3",
        "op3": "conv3x3-bn-relu",
        "op4": "conv3x3-bn-relu",
        "op5": "conv1x1-bn-relu",
        "input1": [0],
        "input2": [1],
        "input3": [2],
        "input4": [0],
        "input5": [0, 3, 4],
        "input6": [2, 5],
    }
    graph = parse(NB101, "nni", arch)
    assert NB101.hash(graph) == "00005c142e6f48ac74fdcf73e3439874"
    assert write(NB101, "nni", graph) == arch


def test_a_tuple_of_naslib_is_the_matrix_and_the_operations() -> None:
    # SPEC of NASLib's tests/test_nb101_search_space.py
    spec = tuple(map(int, "00001000001101000101000001000000011000000100000000423331"))
    graph = parse(NB101, "naslib", spec)
    assert graph.adjacency.ravel().tolist() == list(spec[:49])
    assert [NB101.types[kind] for kind in graph.types] == [
        "input",
        "conv3x3-bn-relu",
        "maxpool3x3",
        *["conv1x1-bn-relu"] * 3,
        "output",
    ]
    assert write(NB101, "naslib", graph) == spec


@pytest.mark.parametrize(
    "text",
    [
        "ModelSpec(matrix=[[0, 1, 0], [0, 0, 1], [0, 0, 0]], ops=['input', OP, 'output'])",
        "api.ModelSpec(ops=['input', OP, 'output'], matrix=[[0, 1, 0], [0, 0, 1], [0, 0, 0]])",
        "ModelSpec([[0, 1.0, 0], [0, 0, True], [0, 0, 0]], ['input', OP, 'output'])",
        "([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ['input', OP, 'output'])",
        "[[false, true, 0], [0, 0, 1], [0, 0, 0]], ['input', OP, 'output']",
        "ModelSpec(np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]]), ops=['input', OP, 'output'])",
    ],
)
def test_model_specs(text: str) -> None:
    text = text.replace("OP", "'maxpool3x3'").replace("false", "False").replace("true", "True")
    graph = parse(NB101, "model_spec", text)
    assert graph == ArchitectureGraph((1, 4, 0), ((0, 1), (1, 2)))
    spec = ModelSpec(*write(NB101, "model_spec", graph))  # type: ignore[misc]
    assert parse(NB101, "model_spec", (spec.original_matrix, spec.original_ops)) == graph


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("flat", MACRO),
        ("flat", MACRO.replace(" ", ",")),
        ("flat", list(map(int, MACRO.split()))),
        ("flat", str(list(map(int, MACRO.split())))),
        ("rows", "[[1],[3,1],[0,1,0],[5,0,0,1],[2,0,1,0,0],[4,1,0,0,0,1]]"),
        ("rows", [[1], [3, 1], [0, 1.0, 0], [5, 0, 0, 1], (2, 0, 1, 0, 0), [4, 1, 0, 0, 0, 1]]),
        ("line", "[[1],[3,1],[0,1,0],[5,0,0,1],[2,0,1,0,0],[4,1,0,0,0,1]], 0.7322\n"),
        ("official", MACRO),
        ("json", {"arch": MACRO}),
    ],
)
def test_one_macro_architecture_in_every_form(form: str, value: object) -> None:
    assert write_text("ENAS", "flat", parse("ENAS", form, value)) == MACRO


@pytest.mark.parametrize("name", SPACES)
def test_every_form_is_read_back(name: str) -> None:
    space = get_space(name)
    graphs = [example(space), *space.sample(8, np.random.default_rng(5))]
    for form, one in space.forms().items():
        if one.write is None or (form == "hash" and name in ("NB101", "ENAS", "ENAS12", "MPNN")):
            continue
        for graph in graphs:
            value, text = write(space, form, graph), write_text(space, form, graph)
            assert "\n" not in text
            for given in (value, text):
                back = parse(space, form, given)
                same = space.canonical(back) == space.canonical(graph)
                assert same if form == "hash" else back == graph


def test_tuples_of_naslib_are_the_space() -> None:
    form = NB201.forms()["naslib"]
    assert form.write is not None
    seen = {form.read(list(ids)): ids for ids in product(range(5), repeat=6)}
    assert len(seen) == NB201.size
    assert all(form.write(graph) == ids for graph, ids in seen.items())


def test_cells_of_nb101_by_their_hash() -> None:
    graph = NAMED["nb101_cell"]["best_test"]
    for text in (NB101.hash(graph), NB101.hash(graph).upper()):
        assert parse(NB101, "hash", text) == graph


@pytest.mark.parametrize(
    ("space", "form", "value", "reason"),
    [
        ("NB201", "index", 15_625, "expected 0 to 15624"),
        ("NB201", "index", -1, "expected 0 to 15624"),
        ("NB201", "index", 1.5, "whole number from 0 to 15624"),
        ("NB201", "index", True, "whole number from 0 to 15624"),
        ("NB201", "index", "6,111", "whole number from 0 to 15624"),
        ("NB201", "index", "first", "neither JSON nor a Python literal"),
        ("NB201", "naslib", (5, 0, 0, 0, 0, 0), "expected one of 0 Identity, 1 Zero, 2 ReLU"),
        ("NB201", "naslib", (0, 0, 0, 0, 0), "5 entries, expected 6"),
        ("NB201", "naslib", "(True, 0, 0, 0, 0, 0)", "operation 'True' is unknown"),
        ("NB201", "naslib", CELL, "neither JSON nor a Python literal"),
        ("NB201", "operations", ("conv_3x3", *NAMES[1:]), "'conv_3x3' is unknown"),
        ("NB201", "nni", {**EDGES, "3_4": "none"}, "the keys 0_1, 0_2, 1_2, 0_3, 1_3, 2_3"),
        ("NB201", "nni", {**EDGES, "0_1": "sep_conv"}, "expected one of none, skip_connect, conv_"),
        ("NB201", "nni", '{"0_1": "none", "0_1": "conv_3x3"}', "the key '0_1' stands there twice"),
        ("NB201", "nni", "{'0_1': 'none', '0_1': 'none'}", "stands there twice"),
        ("NB201", "matrix", np.array(MATRIX).T, r"entry \(0, 1\) is 3, expected 0"),
        ("NB201", "matrix", [[0] * 4] * 3, "3 entries, expected 4"),
        ("NB201", "matrix", [[0] * 4, [9, 0, 0, 0], *MATRIX[2:]], "operation 9 is unknown"),
        ("NB201", "matrix", [[0] * 4, [0.5, 0, 0, 0], *MATRIX[2:]], r"entry \(1, 0\) is 0.5"),
        (
            "NB201",
            "lists",
            [[["none", 1]], *[[["none", 0]] * n for n in (2, 3)]],
            "expected 0 to 0",
        ),
        ("NB201", "matrix", "[" * 700 + "]" * 700, "nested too deeply"),
        ("NB201", "hash", "abc", "no hash: expected 32 hexadecimal digits"),
        ("NB201", "official", 6111, "expected a string"),
        ("NB201", "graph", {"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}, "2 nodes"),
        ("NB101", "naslib", (0, 1, 0), "expected V·V of the matrix and V operations"),
        ("NB101", "naslib", (0, 2, 0, 0, 0, 1), "the matrix has 2, expected 0 or 1"),
        ("NB101", "nni", {"op1": "maxpool3x3", "input1": [0]}, "the key 'input2' is missing"),
        ("NB101", "nni", {"op1": "output", "input1": [0], "input2": [1]}, "'output' is unknown"),
        ("NB101", "nni", {"input1": ["0"]}, "expected the number of a vertex"),
        ("NB101", "model_spec", "ModelSpec([[0]])", "lacks a matrix or ops"),
        ("NB101", "model_spec", ([[0, 1], [1, 0]], ["input", "output"]), "lower to a higher"),
        ("NB101", "model_spec", ([[0, 0], [0, 0]], ["input", "output"]), "no path leads"),
        ("ENAS", "flat", "1 3 1", "6 layers make 8"),
        ("ENAS", "flat", "1 3", "L layers take"),
        ("ENAS", "flat", "[[1], [3, 1]]", "the form 'rows'"),
        ("ENAS", "rows", "[[1], [3]]", "expected 2"),
        ("ENAS", "line", "[[1]], 73.2", "expected a fraction from 0 to 1"),
        ("ENAS", "line", "[[1]]", "1 entries, expected 2"),
    ],
)
def test_what_is_no_such_form(space: str, form: str, value: Any, reason: str) -> None:
    with pytest.raises((ArchitectureError, InputError), match=reason) as caught:
        parse(space, form, value)
    assert "\n" not in str(caught.value)
    assert getattr(caught.value, "exit_code", None) == 2


def test_forms_that_cannot_hold_an_architecture() -> None:
    beyond = NAMED["nb101_cell"]["svge_8_nodes"]
    with pytest.raises(ArchitectureError, match="'index' of NB201 cannot hold this architecture"):
        write(NB201, "index", beyond)
    with pytest.raises(ArchitectureError, match="'hash' of NB201 cannot hold"):
        write(NB201, "hash", beyond)
    with pytest.raises(ArchitectureError, match="expected the input"):
        write(NB101, "nni", ArchitectureGraph((1, 3, 2), ((0, 1), (1, 2))))
    with pytest.raises(InputError, match="is only read: choose another"):
        write("ENAS", "line", parse("ENAS", "flat", MACRO))
    with pytest.raises(InputError, match="NB201 has no form 'rows': choose one of official, json"):
        form_of(NB201, "rows")
    with pytest.raises(InputError, match="the search space is an int"):
        form_of(5, "json")  # type: ignore[arg-type]
    assert read(NB101, "nni", write(NB101, "nni", beyond)) == beyond
    with pytest.raises(ArchitectureError, match="8 nodes after pruning"):
        parse(NB101, "json", NB101.to_record(beyond))


def test_an_unregistered_space_has_forms() -> None:
    space = ENAS(4)
    graph = space.sample(1, np.random.default_rng(0))[0]
    assert parse(space, "rows", write(space, "rows", graph)) == graph


def test_files_keep_their_order_and_marks_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "nni.jsonl", tmp_path / "official.txt"
    source.write_bytes(b"\xef\xbb\xbf" + f"{json.dumps(EDGES)}\r\n\r\n{EDGES}\r\n".encode())
    flags = ["--space", "NB201", "--from", "nni", "--to", "official"]
    assert main([*flags, "--in", str(source), "--out", str(target)]) == 0
    assert target.read_text(encoding="utf-8") == f"{CELL}\n{CELL}\n"
    with pytest.raises(InputError, match="is there already"):
        main([*flags, "--in", str(source), "--out", str(target)])
    with pytest.raises(InputError, match="is a folder"):
        main([*flags, "--in", str(source), "--out", str(tmp_path)])
    source.write_text(f"{EDGES}\n{CELL}\n", encoding="utf-8")
    with pytest.raises(ArchitectureError, match=r"^line 2 of '.*nni.jsonl': '\|nor_conv_3x3~0"):
        main([*flags, "--in", str(source), "--out", str(tmp_path / "new.txt")])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["nni.jsonl", "official.txt"]
    assert "2 architectures in the form official" in capsys.readouterr().out


def test_arguments_and_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--space", "NB201", "--from", "matrix", "--to", "naslib"]
    assert main([*flags, str(MATRIX), str(np.array(MATRIX))]) == 0
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{MATRIX}\n".encode())))
    assert main(flags) == 0
    assert capsys.readouterr().out == "(2, 1, 1, 4, 1, 2)\n" * 3
    with pytest.raises(ArchitectureError, match=r"^architecture 2: '0'"):
        main([*flags, str(MATRIX), "0"])


def test_cells_beyond_the_space_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    beyond = NAMED["nb101_cell"]["svge_8_nodes"]
    flags = ["--space", "NB101", "--from", "official", "--to", "hash", NB101.format(beyond)]
    assert main([*flags, "--beyond"]) == 0
    assert capsys.readouterr().out.strip() == NB101.hash(beyond)
    with pytest.raises(ArchitectureError, match="no architecture of NB101: it has 8 nodes"):
        main(flags)


def test_the_list_shows_what_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--space", "NB201"]) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = {
        name.strip().split(":")[0]: text.strip()
        for name, text in zip(lines[1::2], lines[2::2], strict=True)
    }
    assert set(shown) == set(NB201.forms())
    assert {cell(name, text) for name, text in shown.items()} == {NB201.format(example(NB201))}


@pytest.mark.parametrize(
    "flags",
    [
        ["--space", "NB201", "--from", "nni"],
        ["--space", "NB201", "--from", "nni", "--to", "flat", "x"],
        ["--space", "NB201", "--from", "nni", "--to", "index", "--in", "/no/such/file"],
        ["--space", "NB201", "--from", "nni", "--to", "index", "--in", "f", "x"],
    ],
)
def test_wrong_flags_are_one_sentence(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_command(lambda _: main(flags))
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
