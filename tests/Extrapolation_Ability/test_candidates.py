"""Candidates beyond what was measured: which they are, that each is there once, their files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from datasets import get_benchmark, get_space
from datasets.architecture_files import NAMED, read_architectures
from datasets.batch import GraphBatch
from datasets.canonical import canonical_hash, canonical_hashes
from datasets.graph import ArchitectureGraph
from datasets.pruning import prune_batch
from datasets.spaces.enas import ENAS
from experiment.errors import InputError, run_command
from Extrapolation_Ability import candidates, generate_enas12, generate_nb101_8
from Extrapolation_Ability.macro_candidates import doubled, from_best, stacked

DIAMOND = ArchitectureGraph((1, 2, 3, 0), ((0, 1), (0, 2), (1, 3), (2, 3)))
CHAIN = ArchitectureGraph((1, 3, 4, 0), ((0, 1), (1, 2), (2, 3)))
SHORT = ArchitectureGraph((1, 2, 0), ((0, 1), (0, 2), (1, 2)))


def names(graphs: list[ArchitectureGraph] | GraphBatch) -> set[str]:
    return {canonical_hash(graph) for graph in graphs}


def without(graph: ArchitectureGraph, node: int) -> ArchitectureGraph:
    """What is left when a node is taken away; nothing is pruned."""
    kept = [k for k in range(graph.num_nodes) if k != node]
    return ArchitectureGraph.from_adjacency(
        [graph.types[k] for k in kept], graph.adjacency[np.ix_(kept, kept)]
    )


def test_the_published_candidates_hold_the_cell_that_was_published() -> None:
    found = candidates.published_candidates(np.random.default_rng(1))
    assert [cell.num_nodes for cell in found] == [8] * 1384
    hashes = [canonical_hash(cell) for cell in found]
    assert len(set(hashes)) == 1384
    assert hashes.index(canonical_hash(NAMED["nb101_cell"]["svge_8_nodes"])) < 192
    # Its edges are not those of the base with a node more: the input's were handed on.
    chosen = canonical_hash(NAMED["nb101_cell"]["svge_8_nodes"])
    assert chosen not in names(candidates.extensions([NAMED["nb101_cell"]["svge_7_nodes"]]))
    again = candidates.published_candidates(np.random.default_rng(2))
    assert again[:384] == found[:384]
    assert not set(again[384:]) & set(found[384:])


def test_an_operation_behind_the_input_takes_its_edges() -> None:
    found = list(candidates.after_input(SHORT))
    assert len(found) == len(names(found)) == 3 * 2**2
    for cell in found:
        assert cell.num_nodes == 4
        assert [edge for edge in cell.edges if edge[0] > 0] == [(1, 2), (1, 3), (2, 3)]
        assert (0, 1) in cell.edges
    mirrored = {canonical_hash(cell.reversed()) for cell in candidates.before_output(SHORT)}
    assert mirrored == {canonical_hash(cell) for cell in candidates.after_input(SHORT.reversed())}


@pytest.mark.parametrize("base", [DIAMOND, CHAIN], ids=["diamond", "chain"])
def test_extensions_are_all_cells_that_lose_a_node_and_are_the_base(
    base: ArchitectureGraph,
) -> None:
    """Against the whole space of 5 nodes, where another way to find them is to look."""
    space = get_space("DIGITS101")
    own = canonical_hash(base)
    wanted = {
        canonical_hash(cell)
        for batch in space.enumerate()
        for cell in batch
        if cell.num_nodes == 5
        and own in {canonical_hash(without(cell, node)) for node in range(1, 4)}
    }
    found = candidates.extensions([base], max_edges=9)
    assert len(wanted) > 40
    assert len(found) == len(wanted)
    assert names(found) == wanted


def test_extensions_do_not_depend_on_the_order_of_nodes_or_on_dangling_ones() -> None:
    swapped = ArchitectureGraph((1, 3, 2, 0), DIAMOND.edges)
    dangling = ArchitectureGraph((1, 2, 3, 4, 0), ((0, 1), (0, 2), (0, 3), (1, 4), (2, 4)))
    found = candidates.extensions([DIAMOND])
    assert names(candidates.extensions([swapped, dangling, DIAMOND])) == names(found)
    assert len(candidates.extensions([swapped, dangling, DIAMOND])) == len(found)
    small = candidates.extensions([DIAMOND], max_edges=6)
    edges = found.adjacency.sum(dim=(1, 2))
    assert len(small) == int((edges <= 6).sum()) > 0
    assert len(candidates.extensions([DIAMOND], max_edges=5)) == 0


def test_extended_cells_keep_every_node_on_a_path() -> None:
    (cell,) = get_space("NB101").sample(1, np.random.default_rng(4))
    found = candidates.extensions([cell])
    assert set(found.num_nodes.tolist()) == {cell.num_nodes + 1}
    pruned = prune_batch(found)
    assert pruned.num_nodes.tolist() == found.num_nodes.tolist()
    assert (found.types[:, 0] == 1).all()
    assert (found.types[:, -1] == 0).all()
    assert not found.adjacency.tril().any()


def test_what_cannot_be_extended_is_said() -> None:
    with pytest.raises(InputError, match="3 nodes has no path"):
        candidates.extensions([ArchitectureGraph((1, 2, 0), ((0, 1),))])
    long = ArchitectureGraph((1, *[2] * 8, 0), tuple((k, k + 1) for k in range(9)))
    with pytest.raises(InputError, match=r"10 nodes is too large: .* at most 9"):
        candidates.extensions([long])


def test_growing_goes_on_with_what_is_kept() -> None:
    kept: list[set[str]] = []

    def keep(cells: GraphBatch) -> GraphBatch:
        kept.append(names(cells[:2]))
        return cells[:2]

    steps = list(candidates.extension_steps([DIAMOND], 7, keep))
    assert [set(step.num_nodes.tolist()) for step in steps] == [{5}, {6}, {7}]
    for parents, children in zip(kept, steps[1:], strict=True):
        for child in list(children)[::97]:
            smaller = {canonical_hash(without(child, k)) for k in range(1, child.num_nodes - 1)}
            assert smaller & parents


def test_random_cells_have_their_size_and_are_different() -> None:
    found = candidates.random_cells(7, 50, np.random.default_rng(3))
    assert {cell.num_nodes for cell in found} == {7}
    assert len(names(found)) == 50
    assert candidates.random_cells(7, 50, np.random.default_rng(3)) == found
    assert len(candidates.random_cells(3, 6, np.random.default_rng(3))) == 6  # all that there are
    with pytest.raises(InputError, match="only 6 different cells of 3 nodes"):
        candidates.random_cells(3, 7, np.random.default_rng(3))


def test_the_best_cells_are_the_best_of_their_size() -> None:
    benchmark = get_benchmark("DIGITS101")
    best = candidates.best_cells(benchmark, 4, 3)
    means = benchmark.metric("validation").mean()
    of_size = means[benchmark.graphs.num_nodes.numpy() == 4]
    found = [means[benchmark.row(cell)] for cell in best]
    assert found == sorted(of_size, reverse=True)[:3]
    with pytest.raises(InputError, match=r"6 cells of 3 nodes .* best 7 were requested"):
        candidates.best_cells(benchmark, 3, 7)


def test_networks_are_stacked_and_doubled() -> None:
    two = ENAS(2)
    first, second = two.parse("1 3 1"), two.parse("4 0 0")
    four = ENAS(4)
    assert four.to_layers(stacked(first, second)) == [[1], [3, 1], [4, 0, 0], [0, 0, 0, 0]]
    assert four.to_layers(stacked(second, first)) == [[4], [0, 0], [1, 0, 0], [3, 0, 0, 1]]
    assert four.to_layers(doubled(first)) == [[1], [1, 0], [3, 1, 0], [3, 0, 0, 0]]
    six = ENAS().sample(3, np.random.default_rng(1))
    made = from_best(six)
    assert len(made) == 12
    assert all(ENAS(12).is_legal(graph) for graph in made)


def test_the_cells_of_a_file_are_those_that_were_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "cells.jsonl"
    flags = ["--space", "DIGITS101", "--extend-best", "2", "--random", "5", "--out", str(out)]
    assert generate_nb101_8.main(flags) == 0
    space = get_space("DIGITS101")
    best = candidates.best_cells(get_benchmark("DIGITS101"), 5, 2)
    read = read_architectures(str(out), space)
    assert f"{len(read):,} cells of 6 nodes" in capsys.readouterr().out
    assert len(names(read)) == len(read) == len(candidates.extensions(best)) + 5
    for line, graph in zip(out.read_text().splitlines()[::50], read[::50], strict=True):
        assert json.loads(line)["hash"] == space.hash(graph)
    with pytest.raises(InputError, match="is there already: add --overwrite"):
        generate_nb101_8.main(flags)
    assert generate_nb101_8.main([*flags, "--overwrite", "--nodes", "7"]) == 0
    assert {graph.num_nodes for graph in read_architectures(str(out), space)} == {7}


def test_without_flags_the_published_cells_are_written(tmp_path: Path) -> None:
    out = tmp_path / "cells.jsonl"
    assert generate_nb101_8.main(["--out", str(out)]) == 0
    read = read_architectures(str(out), get_space("NB101"))
    assert len(read) == 1384
    assert canonical_hash(NAMED["nb101_cell"]["svge_8_nodes"]) in canonical_hashes(
        GraphBatch.from_graphs(read)
    )


def test_networks_of_12_layers_are_written(data_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "networks.jsonl"
    root = ["--data_root", str(data_root), "--out", str(out)]
    assert generate_enas12.main([*root, "--stack_best", "3", "--random", "4"]) == 0
    read = read_architectures(str(out), ENAS(12))
    assert len(read) == len(names(read)) == 3 * 3 + 3 + 4
    benchmark = get_benchmark("ENAS", data_root)
    best = benchmark.metric("validation").mean().argmax()
    first = read[0]
    assert ENAS().to_row(benchmark.graphs.graph(int(best)))[:3] == ENAS(12).to_row(first)[:3]


@pytest.mark.parametrize(
    ("command", "flags", "message"),
    [
        (generate_nb101_8.main, ["--nodes", "11"], "--nodes is 11: candidates have 4 to 10 nodes"),
        (generate_nb101_8.main, ["--random", "0"], "no candidates are requested"),
        (generate_enas12.main, ["--random", "0"], "no candidates are requested"),
        (
            generate_nb101_8.main,
            ["--space", "DIGITS101", "--max_edges", "3"],
            "no extension of the best 10 cells has at most 3 edges",
        ),
    ],
)
def test_bad_wishes_are_one_sentence_and_write_nothing(
    command: Callable[[list[str]], int],
    flags: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "candidates.jsonl"
    with pytest.raises(SystemExit) as ended:
        run_command(lambda _: command([*flags, "--out", str(out)]))
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
