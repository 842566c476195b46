from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.layout import NODE_HEIGHT, NODE_WIDTH, layered_layout
from datasets.graph import ArchitectureGraph


@st.composite
def graphs(draw: st.DrawFn) -> ArchitectureGraph:
    """Any graph a decoder could make, loose nodes included."""
    size = draw(st.integers(1, 14))
    pairs = [(i, j) for j in range(size) for i in range(j)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=24)) if pairs else []
    return ArchitectureGraph((1, *[2] * (size - 2), 0)[:size], tuple(edges))


def chain(size: int, skips: list[tuple[int, int]]) -> ArchitectureGraph:
    edges = [(k, k + 1) for k in range(size - 1)] + skips
    return ArchitectureGraph((1, *[2] * (size - 2), 0), tuple(edges))


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_nothing_hides_anything(graph: ArchitectureGraph) -> None:
    layout = layered_layout(graph)
    left, right, bottom, top = layout.box
    assert np.isfinite(layout.nodes).all()
    assert set(layout.edges) == set(graph.edges)
    for i in range(graph.num_nodes):
        for j in range(i):
            apart = np.abs(layout.nodes[i] - layout.nodes[j])
            assert apart[0] > NODE_WIDTH - 1e-6 or apart[1] > NODE_HEIGHT + 0.1
    lanes = []
    for (i, j), points in layout.edges.items():
        # From the lower side of i to the upper side of j, downwards all the way.
        assert abs(points[0, 0] - layout.nodes[i, 0]) <= NODE_WIDTH / 2
        assert points[0, 1] == pytest.approx(layout.nodes[i, 1] - NODE_HEIGHT / 2)
        assert abs(points[-1, 0] - layout.nodes[j, 0]) <= NODE_WIDTH / 2
        assert points[-1, 1] == pytest.approx(layout.nodes[j, 1] + NODE_HEIGHT / 2)
        assert (np.diff(points[:, 1]) < 0).all()
        assert (points[:, 0] >= left).all()
        assert (points[:, 0] <= right).all()
        for x, y in points[1:-1]:
            # Past every node of a layer that it crosses, with room between.
            level = layout.nodes[np.abs(layout.nodes[:, 1] - y) < NODE_HEIGHT]
            assert (np.abs(level[:, 0] - x) > NODE_WIDTH / 2).all()
            lanes.append((round(x, 6), round(y, 6)))
    assert len(set(lanes)) == len(lanes), "two edges share a lane"
    assert bottom < top


def test_chains_are_straight_and_skips_run_beside_them() -> None:
    layout = layered_layout(chain(14, [(0, 5), (2, 9), (3, 11), (0, 13), (6, 8)]))
    assert np.abs(layout.nodes[:, 0]).max() < 0.05
    assert (np.diff(layout.nodes[:, 1]) < 0).all()


def test_equal_branches_stand_beside_each_other() -> None:
    layout = layered_layout(ArchitectureGraph((1, 2, 3, 0), ((0, 1), (0, 2), (1, 3), (2, 3))))
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = layout.nodes
    assert y0 > y1 == y2 > y3
    assert (x1 + x2) / 2 == pytest.approx(x0, abs=0.01)
    assert x3 == pytest.approx(x0, abs=0.01)


def test_a_planar_cell_is_drawn_without_crossings() -> None:
    # NAS-Bench-201's edges as nodes; drawn in the order of their ids two of them would cross.
    pairs = ((0, 1), (0, 2), (0, 4), (1, 3), (1, 5), (2, 6), (3, 6), (4, 7), (5, 7), (6, 7))
    layout = layered_layout(ArchitectureGraph((1, 2, 2, 2, 2, 2, 2, 0), pairs))
    rows: dict[float, list[tuple[float, float]]] = {}
    for points in layout.edges.values():
        bends = [points[0], *points[1:-1], points[-1]]
        for upper, lower in zip(bends[::2], bends[1::2], strict=True):
            rows.setdefault(round(upper[1], 3), []).append((upper[0], lower[0]))
    for links in rows.values():
        for a, b in links:
            for c, d in links:
                assert (a - c) * (b - d) >= 0


def test_the_same_graph_has_the_same_layout() -> None:
    graph = chain(8, [(0, 3), (1, 6), (2, 5)])
    assert np.array_equal(layered_layout(graph).nodes, layered_layout(graph).nodes)
