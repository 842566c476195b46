"""``docs/architecture-names.md``: its code runs, and its examples are one architecture a space."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from datasets import convert, get_space
from datasets.commands import convert as convert_command
from datasets.commands import query as query_command
from experiment.paths import REPOSITORY_ROOT

Blocks = Callable[[str, str], list[str]]
PAGE = "architecture-names.md"


def test_code_of_the_page_runs(blocks: Blocks) -> None:
    session: dict[str, object] = {}
    shown = blocks(PAGE, "python")
    assert len(shown) == 2
    for block in shown:
        exec(block, session)


@pytest.mark.parametrize("name", ["NB201", "NB101", "ENAS", "NAS_BENCH_GRAPH", "MPNN"])
def test_examples_are_one_architecture(name: str, blocks: Blocks) -> None:
    space = get_space(name)
    (block,) = blocks(PAGE, f"text {name}")
    shown = dict(line.split(": ", 1) for line in block.splitlines())
    graphs = {convert.parse(space, form, text) for form, text in shown.items()}
    assert len(graphs) == 1
    (graph,) = graphs
    for form, text in shown.items():
        if form != "line":
            assert convert.write_text(space, form, graph) == text


@pytest.mark.parametrize("name", ["NB201", "NB101", "ENAS", "NAS_BENCH_GRAPH", "MPNN"])
def test_every_form_has_a_row(name: str) -> None:
    text = (REPOSITORY_ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    missing = [form for form in get_space(name).forms() if f"`{form}`" not in text]
    assert not missing


def test_commands_of_the_page_run(
    blocks: Blocks,
    data_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    commands = [shlex.split(line) for block in blocks(PAGE, "bash") for line in block.splitlines()]
    modules = {"datasets.convert": convert_command, "datasets.query": query_command}
    (tmp_path / "found.jsonl").write_text(
        '{"0_1": "none", "0_2": "none", "0_3": "conv_3x3", "1_2": "none", "1_3": "none", '
        '"2_3": "none"}\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NAS_DATA_ROOT", str(data_root))
    assert len(commands) == 4
    for _, _, module, *flags in commands:
        assert modules[module].main(flags) == 0
    assert "test: 94.373 %" in capsys.readouterr().out
    assert (tmp_path / "found.txt").read_text().strip().isdigit()
