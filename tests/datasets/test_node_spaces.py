"""The spaces of AutoGL for networks that classify nodes: sizes, notation, graphs, refusals."""

from __future__ import annotations

import json
import math
from itertools import product
from typing import Any

import numpy as np
import pytest

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureError
from datasets.space import SearchSpace
from datasets.spaces import autoattend, graphnas, node_chains
from datasets.spaces.autoattend import AutoAttend
from datasets.spaces.graphnas import GraphNASMacro
from datasets.spaces.node_chains import GASSO, SinglePath
from datasets.testing import check_space
from experiment.errors import InputError
from models.networks import autoattend_reading, graphnas_macro, graphnas_micro, node_operations
from models.networks import node_chains as networks

SINGLE, MICRO = get_space("SINGLE_PATH"), get_space("GRAPHNAS_MICRO")
TEXTS = {
    "SINGLE_PATH": "gcn gat_8",
    "GRAPHNAS_MICRO": "gat_8 zero concat identity 1:3 3:4",
    "GRAPHNAS_MACRO": "gat sum relu heads_8 width_16 gcn mean identity heads_1",
    "GASSO": "gin linear",
    "AUTOATTEND": "stem_gcn key_sage value_gat_16 attn stem_sg key_arma value_cheb add 4:6",
    "AUTOATTEND_POOL1": "stem_gcn key_cos value_const attn stem_gat key_gat value_linear add 0:6",
}


def test_sizes_are_the_counted_ones() -> None:
    assert SINGLE.size == 4
    assert SinglePath(3, ("gcn", "sage", "arma")).size == 27
    sizes = [len(decision.options) for decision in MICRO.decisions]  # type: ignore[attr-defined]
    assert math.prod(sizes) == 12_960
    assert MICRO.size == 4_500
    assert len(MICRO.types) == 23
    assert MICRO.max_nodes == 8
    assert (get_space("GASSO").size, GASSO(3).size) == (25, 125)


@pytest.mark.parametrize(
    ("layers", "size", "nodes", "types"),
    [(1, 1_344, 6, 27), (2, 12_644_352, 11, 34), (3, 1_344**3 * 49, 10, 85), (4, None, 13, 85)],
)
def test_macro_has_a_node_for_each_decision_or_for_two(
    layers: int, size: int | None, nodes: int, types: int
) -> None:
    space = GraphNASMacro(layers)
    assert space.size == size or (size is None and space.size == 1_344**4 * 7**3)
    assert (space.max_nodes, len(space.types)) == (nodes, types)
    batch = space.sample_batch(2_000, np.random.default_rng(0))
    assert len(set(space.hashes(batch).tolist())) == len({graph.types for graph in batch})


@pytest.mark.parametrize("pool", [0, 1])
def test_autoattend_has_the_counted_sizes(pool: int) -> None:
    operations = (11, 7)[pool]
    for layers in (1, 2, 3):
        space = AutoAttend(layers, pool)
        assert space.size == operations ** (3 * layers) * 2**layers * math.factorial(layers)
        assert space.max_nodes == 5 * layers + 1
    assert get_space("AUTOATTEND").size == 11**3 * 2 * (11 * 2 * 11**2 * 2) == 14_172_488
    # Stem, key and value have types of their own; two aggregations, and what precedes the key.
    assert len(space.types) == 3 * operations + 2 + 1 + 2


def test_key_and_value_of_autoattend_share_their_source() -> None:
    space = get_space("AUTOATTEND")
    graph = space.parse(TEXTS["AUTOATTEND"])
    assert (4, 6) in graph.edges
    assert [(i, j) for i, j in graph.edges if j in (7, 8)] == [(6, 7), (6, 8)]
    assert [i for i, j in graph.edges if j == 5] == [4]


def test_isomorphic_rows_of_micro_are_one_architecture() -> None:
    """By hashes, which know nothing of rows."""
    sizes = [len(decision.options) for decision in MICRO.decisions]  # type: ignore[attr-defined]
    rows = np.array(list(product(*map(range, sizes))))
    graphs: GraphBatch = MICRO.rows_to_batch(rows)  # type: ignore[attr-defined]
    assert len(set(MICRO.hashes(graphs).tolist())) == 4_500


def test_exchanged_cells_and_linear_layers_are_the_same() -> None:
    first = MICRO.parse("gat_8 gcn add elu 1:3 2:4")
    for text in ("gat_8 gcn add elu 2:3 1:4", "gcn gat_8 add elu 1:3 2:4"):
        assert MICRO.canonical(MICRO.parse(text)) == MICRO.canonical(first)
    other = MICRO.parse("gat_8 gcn add elu 1:3 1:4")
    assert MICRO.canonical(other) != MICRO.canonical(first)


@pytest.mark.parametrize("name", TEXTS)
def test_notation_is_read_back(name: str) -> None:
    space, text = get_space(name), TEXTS[name]
    graph = space.parse(text)
    assert space.format(graph) == text
    for other in (f"  {text}\n", json.dumps({"arch": text, "validation": 0.8})):
        assert space.parse(other) == graph
        assert space.read(other) == graph
    assert [space.types[kind] for kind in graph.types[1:-1]] == [
        *(["linear0"] * 2 if name == "GRAPHNAS_MICRO" else []),
        *(word for word in text.split() if ":" not in word),
    ] or name.startswith("AUTOATTEND")


def test_chains_of_any_length_are_read() -> None:
    graph = SINGLE.read("gcn gcn gat_8")
    assert graph == SinglePath(3).parse("gcn gcn gat_8")
    with pytest.raises(ArchitectureError):
        SINGLE.parse("gcn gcn gat_8")
    for space in (GASSO(3), GraphNASMacro(1), GraphNASMacro(4), AutoAttend(3)):
        (graph,) = space.sample(1, np.random.default_rng(1))
        registered = get_space(space.preset_sections[0])
        assert registered.read(space.format(graph)) == graph


def test_neighbours_change_one_decision() -> None:
    chain = SINGLE.parse("gcn gcn")
    assert {SINGLE.format(one) for one in SINGLE.neighbours(chain)} == {"gcn gat_8", "gat_8 gcn"}
    graph = MICRO.canonical(MICRO.parse(TEXTS["GRAPHNAS_MICRO"]))
    found = {MICRO.hash(one) for one in MICRO.neighbours(graph)}
    texts = ["gcn zero concat identity 1:3 3:4", "gat_8 zero add identity 1:3 3:4"]
    texts += ["gat_8 zero concat elu 1:3 3:4", "gat_8 zero concat identity 1:3 2:4"]
    assert {MICRO.hash(MICRO.parse(text)) for text in texts} <= found
    # 11 + 11 operations, 2 merges, 4 activations, 2 inputs of the second cell; the other linear
    # layer for the first cell is the same architecture.
    assert len(found) == 30


@pytest.mark.parametrize("space", [SinglePath(3), GraphNASMacro(3), AutoAttend(3)])
def test_other_chains_keep_the_promises(space: SearchSpace) -> None:
    check_space(space)


def test_names_and_families() -> None:
    assert (SinglePath().name, SINGLE.name) == ("SINGLE_PATH", "SINGLE_PATH")
    assert (SinglePath(3).name, SinglePath(3).family) == ("SINGLE_PATH_3", "single_path")
    own = SinglePath(2, ("sage", "arma"))
    assert own.name == own.family == "SINGLE_PATH_2_sage_arma"
    assert SinglePath(4, ["sage", "arma"]).preset_sections == ("SINGLE_PATH",)


def test_networks_know_the_same_words() -> None:
    assert node_chains.SINGLE_PATH_OPERATIONS == networks.SINGLE_PATH_OPERATIONS
    assert node_chains.GASSO_OPERATIONS == networks.GASSO_OPERATIONS
    assert autoattend.POOLS == autoattend_reading.POOLS
    assert [options for _, options in graphnas.MACRO] == [
        *(graphnas_macro.ATTENTIONS, graphnas_macro.AGGREGATIONS, graphnas_macro.ACTIVATIONS),
        tuple(f"heads_{heads}" for heads in graphnas_macro.HEADS),
        tuple(f"width_{width}" for width in graphnas_macro.WIDTHS),
    ]
    assert graphnas.MICRO_OPERATIONS == graphnas_micro.CELLS
    assert (graphnas.MERGES, graphnas.MICRO_ACTIVATIONS) == (
        graphnas_micro.MERGES,
        graphnas_micro.ACTIVATIONS,
    )
    assert set(graphnas.MICRO_OPERATIONS) <= set(node_operations.OPERATIONS)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("SINGLE_PATH", "gcn", "has 1 words, a SINGLE_PATH architecture"),
        ("SINGLE_PATH", "gcn sage", "node 2 is 'sage', expected one of 2 from gcn to gat_8"),
        ("SINGLE_PATH", "gcn gcn 0:2", "0→2 is not among"),
        ("GRAPHNAS_MICRO", "gat_8 zero concat linear 1:3 3:4", "node 6 is 'linear'"),
        ("GRAPHNAS_MICRO", "gat_8 zero concat elu 1:3", "has 0 of the edges 1→4, 2→4, 3→4"),
        ("GRAPHNAS_MICRO", "gat_8 zero concat elu 1:3 2:3 3:4", "has 2 of the edges 1→3, 2→3"),
        ("GRAPHNAS_MICRO", "gat_8 zero concat elu 0:3 3:4", "0→3 is not among"),
        ("GRAPHNAS_MACRO", "gat sum relu heads_3 width_16 gcn mean elu heads_1", "node 4 is"),
        ("GRAPHNAS_MACRO", "gat sum relu heads_4 width_16", "has 5 words"),
        ("GRAPHNAS_MACRO", "gat sum relu heads_4 width_16 gcn mean linear heads_1", "node 8 is"),
        ("AUTOATTEND", "stem_zero key_gcn value_gcn add", "has 4 words"),
        (
            "AUTOATTEND",
            "stem_iden key_gcn value_gcn add stem_gcn key_gcn value_gcn add 0:6",
            "node 1 is 'stem_iden', expected one of 11 from stem_gcn to stem_sg",
        ),
        (
            "AUTOATTEND",
            "stem_gcn key_gcn value_gcn add stem_gcn key_gcn value_gcn add",
            "has 0 of the edges 0→6, 4→6",
        ),
        ("GASSO", "gat_8 gcn", "node 1 is 'gat_8', expected one of 5 from gat to linear"),
        ("GRAPHNAS_MICRO", "gin zero concat elu 1:3 3:4", "node 3 is 'gin'"),
    ],
)
def test_texts_that_are_no_members(name: str, text: str, sentence: str) -> None:
    with pytest.raises(ArchitectureError, match=sentence) as caught:
        get_space(name).parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("layers", "operations", "sentence"),
    [
        (0, ("gcn",), "layers is 0, expected at least 1"),
        (300, ("gcn",), "layers is 300, expected at most 253"),
        (1.5, ("gcn",), "layers"),
        (2, "gcn", "the operations are .*, expected a list of names"),
        (2, None, "the operations are a NoneType, expected a list of names"),
        (2, (), "expected different words"),
        (2, ("gcn", "gcn"), "expected different words"),
        (2, ("gcn", 3), "expected different words"),
    ],
)
def test_arguments_that_make_no_chain(layers: Any, operations: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        SinglePath(layers, operations)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"layers": 0}, "layers is 0, expected at least 1"),
        ({"layers": 51}, "layers is 51, expected at most 50"),
        ({"pool": 2}, "the pool of operations is .*2.*, expected 0 or 1"),
        ({"pool": "0"}, "the pool of operations is a str .'0'., expected 0 or 1"),
        ({"pool": True}, "the pool of operations is"),
    ],
)
def test_arguments_that_make_no_autoattend(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        AutoAttend(**arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("layers", [0, 85])
def test_layers_that_make_no_macro(layers: int) -> None:
    with pytest.raises(InputError, match=f"layers is {layers}, expected at"):
        GraphNASMacro(layers)
