"""NB101: pruning, membership, the official hash, canonical cells and the whole enumeration."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.registry import get_space
from datasets.spaces.nb101 import NB101
from datasets.spaces.nb101_cells import CellCodes, canonical_codes
from datasets.spaces.nb101_enumeration import enumerate_cells
from datasets.spaces.nb101_hash import _ranked, cell_digests, module_hash

SPACE = NB101()
CONV1, CONV3, POOL = 2, 3, 4
BEST_VALIDATION = "0da48e9f"
"""Beginning of the hash of the cell with the best mean validation accuracy of the table."""


@pytest.fixture(scope="module")
def table(data_root: Path) -> dict[str, np.ndarray]:
    """Cells and hashes of the measured table, 145,646 rows."""
    with np.load(data_root / "nasbench101" / "nb101_108ep_3rep.npz") as file:
        sizes = file["n_vertices"].astype(int)
        digits = file["ops"].astype(int)
        weights = 3 ** np.clip(sizes[:, None] - 3 - np.arange(5), 0, None)
        labels = np.where(digits >= 0, digits * weights, 0).sum(axis=1)
        codes = CellCodes(sizes, file["adj_bits"], labels)
        return {"codes": codes, "digits": digits, "hash": file["module_hash"]}


def cell(types: tuple[int, ...], edges: str) -> ArchitectureGraph:
    return ArchitectureGraph(types, tuple((int(e[0]), int(e[1])) for e in edges.split()))


def test_pruning_removes_what_input_or_output_do_not_reach() -> None:
    graph = cell((1, CONV1, CONV3, POOL, 9, 0), "01 15 02 35 24")  # 2 leads nowhere, 3 has no input
    assert SPACE.prune(graph) == cell((1, CONV1, 0), "01 12")
    assert SPACE.prune(cell((1, CONV1, 0), "01")) is None
    assert SPACE.prune(ArchitectureGraph((1,), ())) is None
    assert SPACE.prune(cell((1, 0), "01")) == cell((1, 0), "01")


def test_batch_is_pruned_as_single_graphs_are(random_dag: Callable) -> None:
    generator = np.random.default_rng(0)
    graphs = [
        random_dag(generator, int(n), density=float(generator.uniform(0.1, 0.6)))
        for n in generator.integers(1, 12, size=500)
    ]
    pruned = SPACE.prune_batch(GraphBatch.from_graphs(graphs, max_nodes=13))
    expected = [SPACE.prune(graph) for graph in graphs]
    assert sum(graph is None for graph in expected) > 50
    assert pruned.num_nodes.tolist() == [0 if g is None else g.num_nodes for g in expected]
    for row, graph in enumerate(expected):
        if graph is not None:
            assert pruned.graph(row) == graph
    assert not pruned.adjacency[pruned.num_nodes == 0].any()


def complete(nodes: int, operations: int = CONV3) -> ArchitectureGraph:
    edges = tuple((i, j) for j in range(nodes) for i in range(j))
    return ArchitectureGraph((1, *(operations,) * (nodes - 2), 0), edges)


def chain(nodes: int) -> ArchitectureGraph:
    return ArchitectureGraph(
        (1, *(CONV3,) * (nodes - 2), 0), tuple((i, i + 1) for i in range(nodes - 1))
    )


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (complete(5), "10 edges"),
        (chain(8), "8 nodes"),
        (cell((1, CONV1, 0), "01"), "no path"),
        (cell((2, CONV1, 0), "01 12"), "begins with type 2"),
        (cell((1, CONV1, 3), "01 12"), "ends with type 3"),
        (cell((1, 1, 0), "01 12"), "node 1 has type 1"),
        (cell((1, 5, 0), "01 12"), "node 1 has type 5"),
    ],
)
def test_what_is_no_member_says_why(graph: ArchitectureGraph, reason: str) -> None:
    assert reason in str(SPACE.why_illegal(graph))
    assert not SPACE.legal(GraphBatch.from_graphs([graph]))[0]
    with pytest.raises(ArchitectureError, match=reason):
        SPACE.canonical(graph)


def test_members_need_no_more_than_pruning() -> None:
    wide = ArchitectureGraph((1, *(CONV1,) * 9, 0), ((0, 1), (1, 10), (0, 2), (3, 10)))
    odd = cell((1, CONV1, 1, 0), "01 13 02")  # a second input that dangles
    for graph in (chain(7), complete(4), wide, odd):
        assert SPACE.is_legal(graph)
        assert SPACE.legal(GraphBatch.from_graphs([graph], max_nodes=12))[0]


def test_vectorised_membership_agrees(random_dag: Callable) -> None:
    generator = np.random.default_rng(1)
    graphs = []
    for nodes in generator.integers(2, 10, size=1500):
        graph = random_dag(
            generator, int(nodes), types=4, density=float(generator.uniform(0.2, 0.7))
        )
        graphs.append(ArchitectureGraph((1, *graph.types[1:-1], 0), graph.edges))
    members = [SPACE.is_legal(graph) for graph in graphs]
    assert 200 < sum(members) < 1300
    assert SPACE.legal(GraphBatch.from_graphs(graphs)).tolist() == members


def test_hash_of_the_smallest_cell_follows_its_definition() -> None:
    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    start, end = md5("(1, 0, -1)"), md5("(0, 1, -2)")
    for _ in range(2):
        start, end = md5(f"|{end}|{start}"), md5(f"{start}||{end}")
    assert SPACE.hash(cell((1, 0), "01")) == md5(str(sorted([start, end])))


def test_hash_ignores_dangling_nodes_and_order_and_exists_beyond_the_space(
    relabel: Callable,
) -> None:
    generator = np.random.default_rng(2)
    for graph in [*SPACE.sample(20, generator), complete(8), chain(9)]:
        grown = ArchitectureGraph(
            (*graph.types[:-1], POOL, graph.types[-1]),
            tuple((i, j + (j == graph.num_nodes - 1)) for i, j in graph.edges),
        )
        assert SPACE.hash(relabel(graph, generator)) == SPACE.hash(graph) == SPACE.hash(grown)


def test_hash_of_no_cell_is_refused() -> None:
    with pytest.raises(ArchitectureError, match="no path"):
        SPACE.hash(cell((1, 2, 0), "01"))
    with pytest.raises(ArchitectureError, match="type 7"):
        SPACE.hash(cell((1, 7, 0), "01 12"))
    with pytest.raises(ArchitectureError, match="graph 1 of the batch"):
        SPACE.module_hashes(GraphBatch.from_graphs([chain(4), chain(8)]))
    with pytest.raises(ArchitectureError, match="no path"):
        SPACE.hashes(GraphBatch.from_graphs([chain(4), cell((1, 2, 0), "01")]))
    with pytest.raises(ArchitectureError, match="type 7"):
        SPACE.hashes(GraphBatch.from_graphs([chain(4), cell((1, 7, 0), "01 12")]))


def test_hashes_of_a_batch_are_those_of_its_graphs(relabel: Callable) -> None:
    generator = np.random.default_rng(3)
    graphs = [relabel(graph, generator) for graph in SPACE.sample(60, generator)]
    graphs += [graph for batch in SPACE.enumerate(4) for graph in batch]
    batch = GraphBatch.from_graphs(graphs, max_nodes=9)
    larger = GraphBatch.from_graphs([*graphs, chain(8), chain(9)])
    assert SPACE.hashes(larger).tolist() == [SPACE.hash(graph) for graph in larger]
    assert SPACE.hashes(batch).tolist() == [SPACE.hash(graph) for graph in graphs]
    assert SPACE.module_hashes(batch).shape == (len(graphs), 16)
    assert SPACE.module_hashes(batch[:0]).shape == (0, 16)


def test_digests_are_ranked_by_all_their_bytes() -> None:
    digests = np.zeros((4, 16), dtype=np.uint8)
    digests[:, 15] = [2, 0, 1, 2]  # the first eight bytes agree
    ids, texts = _ranked(digests, np.arange(4))
    assert ids.tolist() == [2, 0, 1, 2]
    assert [bytes(text)[-2:] for text in texts] == [b"00", b"01", b"02"]


def test_several_processes_give_the_same_hashes() -> None:
    cells = enumerate_cells()[::9]  # two parts
    parallel = cell_digests(cells, processes=2)
    rows = np.arange(0, len(cells), 500)
    assert (parallel[rows] == cell_digests(cells[rows])).all()


def test_enumeration_is_complete() -> None:
    cells = enumerate_cells()
    assert len(cells) == SPACE.size == 423_624
    sizes, counts = np.unique(cells.num_nodes, return_counts=True)
    assert dict(zip(sizes.tolist(), counts.tolist(), strict=True)) == {
        2: 1,
        3: 6,
        4: 84,
        5: 2441,
        6: 62_010,
        7: 359_082,
    }
    key = (cells.num_nodes << 32) + (cells.bits.astype(np.int64) << 8) + cells.labels
    assert (np.diff(key) > 0).all()  # each once, in the official order


def test_small_enumeration_by_brute_force() -> None:
    """The official generator, literally: walk, hash, keep the first of each."""
    found: dict[str, ArchitectureGraph] = {}
    for n in range(2, 5):
        places = [(x, y) for y in range(n) for x in range(y)]
        for bits in range(2 ** len(places)):
            edges = tuple(e for k, e in enumerate(places) if bits >> k & 1)
            for operations in product((CONV3, CONV1, POOL), repeat=n - 2):
                graph = ArchitectureGraph((1, *operations, 0), edges)
                pruned = SPACE.prune(graph)
                if pruned is not None and pruned.num_nodes == n and len(edges) <= 9:
                    found.setdefault(SPACE.hash(graph), graph)
    assert [graph for batch in SPACE.enumerate(4) for graph in batch] == list(found.values())


def test_canonical_cell_is_the_smallest_order() -> None:
    generator = np.random.default_rng(4)
    place = {CONV3: 0, CONV1: 1, POOL: 2}
    for graph in SPACE.sample(5, generator):
        n = graph.num_nodes
        orders = []
        for order in permutations(range(1, n - 1)):
            new = (0, *order, n - 1)
            edges = [(new[i], new[j]) for i, j in graph.edges]
            if all(i < j for i, j in edges):
                types = [0] * n
                for node, kind in enumerate(graph.types):
                    types[new[node]] = kind
                bits = sum(1 << (i + j * (j - 1) // 2) for i, j in edges)
                orders.append((bits, [place[t] for t in types[1:-1]], edges, types))
        _, _, edges, types = min(orders)
        assert SPACE.canonical(graph) == ArchitectureGraph(tuple(types), tuple(edges)) == graph


def test_every_row_of_the_table_is_canonical(table: dict) -> None:
    codes = table["codes"]
    again = canonical_codes(codes)
    assert (again.bits == codes.bits).all()
    assert (again.labels == codes.labels).all()
    assert (codes.digits() == table["digits"]).all()


def test_hashes_are_the_tables(table: dict) -> None:
    rows = np.random.default_rng(5).choice(len(table["hash"]), size=20_000, replace=False)
    codes = table["codes"][np.sort(rows)]
    assert (cell_digests(codes) == table["hash"][np.sort(rows)]).all()
    hashes = [row.tobytes().hex() for row in table["hash"]]
    best = next(k for k, hash in enumerate(hashes) if hash.startswith(BEST_VALIDATION))
    code = table["codes"][best : best + 1]
    n = int(code.num_nodes[0])
    matrix = code.adjacency()[0, :n, :n]
    labels = [-1, *table["digits"][best, : n - 2].tolist(), -2]
    assert module_hash(matrix, labels) == hashes[best]
    assert SPACE.hash(ArchitectureGraph.from_adjacency(code.types()[0, :n], matrix)) == hashes[best]


def test_sampling_is_uniform_over_the_classes() -> None:
    graphs = SPACE.sample(6000, np.random.default_rng(6))
    share = np.mean([graph.num_nodes == 7 for graph in graphs])
    assert abs(share - 359_082 / 423_624) < 0.02
    assert graphs == SPACE.sample(6000, np.random.default_rng(6))


def test_neighbours_of_a_small_cell_are_known() -> None:
    found = SPACE.neighbours(cell((1, CONV3, 0), "01 12"))
    grown = {graph for graph in found if graph.num_nodes == 4}
    assert {graph for graph in found if graph.num_nodes < 4} == {
        cell((1, CONV1, 0), "01 12"),  # another operation
        cell((1, POOL, 0), "01 12"),
        cell((1, CONV3, 0), "01 02 12"),  # one edge more; one less leaves nothing
    }
    assert grown == {
        SPACE.canonical(cell((1, *operations, 0), edges))
        for kind in (CONV1, CONV3, POOL)
        for operations, edges in (
            ((kind, CONV3), "01 12 02 23"),
            ((CONV3, kind), "01 12 23 13"),
            ((CONV3, kind), "01 13 02 23"),
        )
    }
    assert cell((1, 0), "01") in SPACE.neighbours(cell((1, CONV3, 0), "01 02 12"))
    assert SPACE.neighbours(cell((1, 0), "01"))


def test_notation_keeps_the_graph_as_it_is() -> None:
    text = '{"matrix": [[0,1,1,0],[0,0,0,1],[0,0,0,0],[0,0,0,0]], "ops": ["input",'
    text += ' "conv3x3-bn-relu", "maxpool3x3", "output"], "hash": "unused"}'
    graph = SPACE.parse(text)
    assert graph == cell((1, CONV3, POOL, 0), "01 02 13")
    assert SPACE.parse(SPACE.format(graph)) == graph
    assert json.loads(SPACE.format(graph)) == SPACE.to_record(graph)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "no JSON object"),
        ('{"matrix": []}', "no key 'ops'"),
        ('{"matrix": [], "ops": []}', "no list of operations"),
        ('{"matrix": [[0, 1]], "ops": ["input", "output"]}', "1 rows for 2 operations"),
        ('{"matrix": 3, "ops": ["input", "output"]}', "no list of rows for 2"),
        ('{"matrix": [[0, 1], [0]], "ops": ["input", "output"]}', "row 1"),
        ('{"matrix": [[0, 1.5], [0, 0]], "ops": ["input", "output"]}', "row 0 of 'matrix' has 1.5"),
        ('{"matrix": [[0, "1"], [0, 0]], "ops": ["input", "output"]}', "has '1'"),
        ('{"matrix": [[0, 1], [1, 0]], "ops": ["input", "output"]}', "1→0"),
        ('{"matrix": [[0, 1], [0, 0]], "ops": ["input", "conv9x9"]}', "'conv9x9' is unknown"),
        ('{"matrix": [[0, 1], [0, 0]], "ops": ["input", ["output"]]}', "is unknown"),
        ('{"matrix": [[0, 0], [0, 0]], "ops": ["input", "output"]}', "no path"),
        ('{"matrix": [[0, 1], [0, 0]], "ops": ["output", "input"]}', "begins with type 0"),
    ],
)
def test_bad_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        SPACE.parse(text)


@pytest.mark.parametrize("name", ["NB101", "DIGITS101"])
def test_matrices_in_json_may_have_any_kind_of_zeros_and_ones(name: str) -> None:
    space = get_space(name)
    text = '{"matrix": %s, "ops": ["input", "conv3x3-bn-relu", "output"]}'
    expected = space.parse(text % "[[0, 1, 0], [0, 0, 1], [0, 0, 0]]")
    for matrix in (
        "[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]",
        "[[false, true, false], [0, 0, 1e0], [-0.0, 0, 0]]",
    ):
        assert space.parse(text % matrix) == expected
    for wrong in ("0.5", "NaN", '"1"', "null", "[1]", "Infinity", "2", "-1", "1" + "0" * 400):
        with pytest.raises(ArchitectureError, match="row 0 of 'matrix' has") as raised:
            space.parse(text % f"[[0, {wrong}, 0], [0, 0, 1], [0, 0, 0]]")
        assert len(str(raised.value)) < 150
    for wrong in ("[]", "[[]]", "[[0, 1], [0, 0]]", "[[0, 1, 0], [0, 0], [0, 0, 0]]", "5", "null"):
        with pytest.raises(ArchitectureError, match="expected 3 rows of 3 zeros and ones"):
            space.parse(text % wrong)
