"""Places for the nodes of an architecture and ways for its edges, top to bottom.

The layered method of Sugiyama, Tagawa and Toda (Methods for visual understanding of hierarchical
system structures, 1981): layers by longest path, a stand-in wherever an edge passes through a
layer, an order in each layer with few crossings, then places near the neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from datasets.graph import ArchitectureGraph

NODE_WIDTH = 1.5
NODE_HEIGHT = 0.56
LAYER_GAP = 1.12
"""Distance between the middles of two layers."""
_NODE_SPACE = NODE_WIDTH / 2 + 0.12
_EDGE_SPACE = 0.16
"""Half of the room that a node, and an edge passing by, keep to each side."""
_STRAIGHT = 4.0
"""How much more an edge's own stand-ins pull at each other than nodes pull at an edge."""
_ANCHOR = 1e4
"""How strongly a node that is alone in its layer stays in the middle: a chain is straight."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where to draw an architecture; x grows to the right, y falls from 0 at the top layer.

    Attributes:
        nodes: middle of every node. **Shape** (N, 2).
        edges: edge (i, j) → the points it goes through, from the lower side of i to the upper
            side of j. **Shape** (K, 2), K ≥ 2.
    """

    nodes: np.ndarray
    edges: dict[tuple[int, int], np.ndarray]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top of the drawing."""
        points = np.concatenate([self.nodes, *self.edges.values()])
        left = min(points[:, 0].min(), self.nodes[:, 0].min() - NODE_WIDTH / 2)
        right = max(points[:, 0].max(), self.nodes[:, 0].max() + NODE_WIDTH / 2)
        half = NODE_HEIGHT / 2
        return left, right, self.nodes[:, 1].min() - half, self.nodes[:, 1].max() + half


@dataclass(slots=True)
class _Layers:
    """The graph with stand-ins: vertices 0 … N−1 are the nodes, the others stand-ins.

    Attributes:
        order: the vertices of every layer, from left to right.
        links: pairs of vertices in adjacent layers.
        routes: the vertices of every edge, from node to node.
        num_nodes: N.
    """

    order: list[list[int]]
    links: list[tuple[int, int]]
    routes: list[list[int]]
    num_nodes: int
    above: dict[int, list[int]] = field(default_factory=dict)
    below: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for upper, lower in self.links:
            self.above.setdefault(lower, []).append(upper)
            self.below.setdefault(upper, []).append(lower)


def layered_layout(graph: ArchitectureGraph, gap: float = LAYER_GAP) -> Layout:
    """Lay ``graph`` out, its input at the top and its output at the bottom.

    Args:
        graph: the architecture.
        gap: distance between the middles of two layers, more than the height of a node.
    """
    layers = _with_stand_ins(graph, _depths(graph))
    _order(layers)
    x = _places(layers)
    depth = {vertex: d for d, layer in enumerate(layers.order) for vertex in layer}
    points = np.array([(x[v], -gap * depth[v]) for v in range(len(x))])
    # Past other nodes an edge is straight: it bends between the layers only.
    half = np.array((0.0, NODE_HEIGHT / 2))
    edges = {
        (route[0], route[-1]): np.array(
            [
                points[route[0]] - half,
                *(point for v in route[1:-1] for point in (points[v] + half, points[v] - half)),
                points[route[-1]] + half,
            ]
        )
        for route in layers.routes
    }
    return Layout(points[: graph.num_nodes], _with_ports(edges))


def _depths(graph: ArchitectureGraph) -> list[int]:
    """Layer of every node: its longest path from above; the output is below all others."""
    depth = [0] * graph.num_nodes
    for i, j in sorted(graph.edges, key=lambda edge: edge[1]):
        depth[j] = max(depth[j], depth[i] + 1)
    if graph.num_nodes > 1:
        depth[-1] = max(depth[-1], max(depth[:-1]) + 1)
    return depth


def _with_stand_ins(graph: ArchitectureGraph, depth: list[int]) -> _Layers:
    order: list[list[int]] = [[] for _ in range(max(depth) + 1)]
    for node, d in enumerate(depth):
        order[d].append(node)
    links: list[tuple[int, int]] = []
    routes: list[list[int]] = []
    fresh = graph.num_nodes
    # By turns to the left and right, the longest outermost, as a first order of the layers.
    outward = sorted(graph.edges, key=lambda edge: depth[edge[1]] - depth[edge[0]])
    for number, (i, j) in enumerate(outward):
        route = [i]
        for d in range(depth[i] + 1, depth[j]):
            order[d].insert(0 if number % 2 else len(order[d]), fresh)
            route.append(fresh)
            fresh += 1
        route.append(j)
        routes.append(route)
        links += pairwise(route)
    return _Layers(order, links, routes, graph.num_nodes)


def _order(layers: _Layers, starts: int = 6) -> None:
    """Order the layers with few crossings: the best of several starts, the first one as given."""
    shuffle = np.random.default_rng(0).permutation  # fixed: a graph always looks the same
    best, fewest = [list(layer) for layer in layers.order], _crossings(layers)
    for start in range(starts):
        if fewest == 0:
            break
        if start:
            layers.order = [shuffle(layer).tolist() for layer in best]
        for sweep in range(4):
            _order_by_neighbours(layers, downwards=sweep % 2 == 0)
            _swap_neighbours(layers)
            if (count := _crossings(layers)) < fewest:
                best, fewest = [list(layer) for layer in layers.order], count
    layers.order = best


def _order_by_neighbours(layers: _Layers, *, downwards: bool) -> None:
    """Order each layer by the mean rank of the neighbours in the layer before it."""
    neighbours = layers.above if downwards else layers.below
    for layer in layers.order if downwards else reversed(layers.order):
        rank = {v: k for other in layers.order for k, v in enumerate(other)}
        mean = {
            v: sum(rank[u] for u in neighbours[v]) / len(neighbours[v])
            if v in neighbours
            else rank[v]
            for v in layer
        }
        layer.sort(key=mean.__getitem__)


def _swap_neighbours(layers: _Layers) -> None:
    """Swap adjacent vertices of a layer as long as that removes crossings."""
    rank = {v: k for layer in layers.order for k, v in enumerate(layer)}
    for layer in layers.order:
        improved = True
        while improved:
            improved = False
            for k in range(len(layer) - 1):
                left, right = layer[k], layer[k + 1]
                if _pair_crossings(layers, rank, left, right) > _pair_crossings(
                    layers, rank, right, left
                ):
                    layer[k], layer[k + 1] = right, left
                    rank[left], rank[right] = k + 1, k
                    improved = True


def _pair_crossings(layers: _Layers, rank: dict[int, int], left: int, right: int) -> int:
    """Crossings between the links of two vertices, if ``left`` stands left of ``right``."""
    return sum(
        rank[a] > rank[b]
        for side in (layers.above, layers.below)
        for a in side.get(left, ())
        for b in side.get(right, ())
    )


def _crossings(layers: _Layers) -> int:
    rank = {v: k for layer in layers.order for k, v in enumerate(layer)}
    return sum(
        rank[a] > rank[b]
        for layer in layers.order
        for k, left in enumerate(layer)
        for right in layer[k + 1 :]
        for a in layers.above.get(left, ())
        for b in layers.above.get(right, ())
    )


def _places(layers: _Layers, rounds: int = 60) -> np.ndarray:
    """Place every vertex near its neighbours, in its layer's order, with room to each side.

    Layer by layer, the least-squares places for fixed neighbours: with the room subtracted that
    is an isotonic regression.

    Returns:
        x of every vertex, 0 in the middle. **Shape** (V,).
    """
    from scipy.optimize import isotonic_regression

    pull, stay = _pulls(layers)
    count = len(pull)
    space = np.where(np.arange(count) < layers.num_nodes, _NODE_SPACE, _EDGE_SPACE)
    x = np.zeros(count)
    offsets = []
    for layer in layers.order:
        offset = np.concatenate([[0.0], np.cumsum(space[layer][:-1] + space[layer][1:])])
        offsets.append(offset)
        nodes = [k for k, vertex in enumerate(layer) if vertex < layers.num_nodes]
        x[layer] = offset - offset[nodes].mean()
    home = x.copy()
    for _ in range(rounds):
        for layer, offset in zip(layers.order, offsets, strict=True):
            weights = pull[layer].sum(axis=1) + stay[layer]
            wanted = (pull[layer] @ x + stay[layer] * home[layer]) / weights
            x[layer] = isotonic_regression(wanted - offset, weights=weights).x + offset
    return x


def _pulls(layers: _Layers) -> tuple[np.ndarray, np.ndarray]:
    """How strongly vertices pull at each other, (V, V), and at their own first place, (V,)."""
    count = sum(len(layer) for layer in layers.order)
    pull = np.zeros((count, count))
    for a, b in layers.links:
        pull[a, b] = pull[b, a] = _STRAIGHT if min(a, b) >= layers.num_nodes else 1.0
    stay = np.full(count, 1e-3)  # enough for a node without edges
    for layer in layers.order:
        nodes = [vertex for vertex in layer if vertex < layers.num_nodes]
        if len(nodes) == 1:
            stay[nodes] = _ANCHOR
    return pull, stay


def _with_ports(edges: dict[tuple[int, int], np.ndarray]) -> dict[tuple[int, int], np.ndarray]:
    """Let the edges leave and reach a node side by side, in the order they come from."""
    edges = {edge: points.copy() for edge, points in edges.items()}
    for end, neighbour in ((0, 1), (-1, -2)):
        for node in {edge[end] for edge in edges}:
            here = [edge for edge in edges if edge[end] == node]
            here.sort(key=lambda edge: (edges[edge][neighbour, 0], abs(edge[0] - edge[1])))
            width = min(0.6 * NODE_WIDTH, 0.24 * (len(here) - 1))
            for k, edge in enumerate(here):
                edges[edge][end, 0] += width * (k / max(len(here) - 1, 1) - 0.5)
    return edges
