"""The network of a NAS-Bench-101 cell: channels, what cells compute, shapes, weights, bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from datasets.graph import ArchitectureGraph
from datasets.pruning import prune
from datasets.registry import get_benchmark
from models.errors import ModelError
from models.networks.layers import BatchNorm
from models.networks.nb101 import NB101Cell, NB101Network, vertex_channels

NORM = BatchNorm()
CONV1, CONV3, POOL = 2, 3, 4
CHAIN = ArchitectureGraph((1, CONV3, CONV1, 0), ((0, 1), (1, 2), (2, 3)))
ONLY_AN_EDGE = ArchitectureGraph((1, 0), ((0, 1),))
PUBLISHED_8_NODES = ArchitectureGraph.from_adjacency(
    [1, CONV3, CONV3, CONV3, CONV3, CONV3, CONV1, 0],
    np.array([[int(digit) for digit in row] for row in
              ("01111111", "00110101", "00000010", "00001000",
               "00000100", "00000010", "00000001", "00000000")]),
)  # fmt: skip
"""The cell that the paper of SVGe trains."""


def images(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def random_cell(nodes: int, generator: np.random.Generator) -> ArchitectureGraph:
    """Of up to ``nodes`` nodes, without dangling ones, with every kind of operation."""
    while True:
        edges = np.triu(generator.random((nodes, nodes)) < 0.6, k=1)
        types = [1, *generator.integers(2, 5, nodes - 2), 0]
        cell = prune(ArchitectureGraph.from_adjacency(types, edges))
        if cell is not None and cell.num_nodes > 3:
            return cell


def published_channels(matrix: np.ndarray, inputs: int, outputs: int) -> list[int]:
    """The rule of NAS-Bench-101's code (``nasbench/lib/model_builder.py``), row by row."""
    last = len(matrix) - 1
    channels = [inputs] + [0] * (last - 1) + [outputs]
    if last == 1:
        return channels
    in_degree = int(matrix[1:, last].sum())
    share, surplus = divmod(outputs, in_degree) if in_degree else (0, 0)
    for vertex in range(1, last):
        if matrix[vertex, last]:
            channels[vertex] = share + 1 if surplus > 0 else share
            surplus -= 1
    for vertex in reversed(range(1, last)):
        if not matrix[vertex, last]:
            for target in range(vertex + 1, last):
                if matrix[vertex, target]:
                    channels[vertex] = max(channels[vertex], channels[target])
    return channels


def test_channels_of_small_cells() -> None:
    assert vertex_channels(CHAIN, 16, 32) == [16, 32, 32, 32]
    three = ArchitectureGraph((1, 2, 2, 2, 0), ((0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)))
    assert vertex_channels(three, 5, 8) == [5, 3, 3, 2, 8]
    # Node 1 feeds nodes 2 (of 3 channels) and 3 (of 2): as wide as the wider one.
    above = ArchitectureGraph((1, 2, 2, 2, 0), ((0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (0, 4)))
    assert vertex_channels(above, 5, 5) == [5, 3, 3, 2, 5]


def test_channels_follow_the_published_rule() -> None:
    generator = np.random.default_rng(0)
    for _ in range(200):
        cell = random_cell(int(generator.integers(4, 10)), generator)
        inputs, outputs = (int(width) for width in generator.integers(9, 60, 2))
        expected = published_channels(cell.adjacency, inputs, outputs)
        assert vertex_channels(cell, inputs, outputs) == expected


def test_parameters_of_the_shared_cells(data_root: Path) -> None:
    """Networks that are really built, without memory for their weights."""
    benchmark = get_benchmark("NB101", data_root)
    recorded = benchmark.metric("parameters").mean()
    rows = np.random.default_rng(1).choice(len(benchmark), 25, replace=False)
    with torch.device("meta"):
        for row in rows:
            network = NB101Network(benchmark.graphs.graph(int(row)))
            assert sum(weight.numel() for weight in network.parameters()) == recorded[row]


def naive_cell(cell: ArchitectureGraph, inputs: Tensor, built: NB101Cell) -> Tensor:
    """Vertex by vertex along the edges; every projection of the input is computed apart."""
    weights = dict(built.named_parameters())

    def convolved(hidden: Tensor, layer: str, part: slice) -> Tensor:
        kernels = weights[f"{layer}.0.weight"][part]
        factors, offsets = (weights[f"{layer}.1.{name}"][part] for name in ("weight", "bias"))
        hidden = F.conv2d(hidden, kernels, padding=kernels.shape[2] // 2)
        mean = hidden.mean((0, 2, 3), keepdim=True)
        variance = hidden.var((0, 2, 3), keepdim=True, correction=0)
        hidden = (hidden - mean) / (variance + NORM.epsilon).sqrt()
        return (hidden * factors[:, None, None] + offsets[:, None, None]).clamp(min=0)

    last = cell.num_nodes - 1
    widths = published_channels(cell.adjacency, inputs.shape[1], built.channels[last])
    begin, projections = 0, {}
    for target in range(1, last + 1):
        if cell.adjacency[0, target]:
            part = slice(begin, begin + widths[target])
            projections[target] = convolved(inputs, "projection", part)
            begin += widths[target]
    assert begin == len(weights["projection.0.weight"])
    values: dict[int, Tensor] = {}
    for vertex in range(1, last):
        total = torch.zeros(len(inputs), widths[vertex], *inputs.shape[2:])
        for source in range(vertex):
            if cell.adjacency[source, vertex]:
                arriving = values[source] if source else projections[vertex]
                total = total + arriving[:, : widths[vertex]]
        if cell.types[vertex] == POOL:
            values[vertex] = F.max_pool2d(total, 3, stride=1, padding=1)
        else:
            layer = f"operations.{vertex - 1}"
            assert weights[f"{layer}.0.weight"].shape[2] == {CONV1: 1, CONV3: 3}[cell.types[vertex]]
            values[vertex] = convolved(total, layer, slice(None))
    feeding = [values[v] for v in range(1, last) if cell.adjacency[v, last]]
    if not feeding:
        return projections[last]
    joined = torch.cat(feeding, dim=1)
    return joined + projections[last] if last in projections else joined


@pytest.mark.parametrize("seed", range(8))
def test_a_cell_is_its_graph(seed: int) -> None:
    cell = random_cell(8, np.random.default_rng(seed))
    torch.manual_seed(seed)
    built = NB101Cell(cell, 5, 9, NORM)
    for weight in built.parameters():
        torch.nn.init.normal_(weight)
    inputs = images(3, 5, 6, 7)
    torch.testing.assert_close(built(inputs), naive_cell(cell, inputs, built))


def test_a_lone_edge_is_a_projection() -> None:
    built = NB101Cell(ONLY_AN_EDGE, 3, 4, NORM)
    inputs = images(2, 3, 5, 5)
    torch.testing.assert_close(built(inputs), naive_cell(ONLY_AN_EDGE, inputs, built))


def test_stacks_halve_the_image_and_double_the_channels() -> None:
    network = NB101Network(CHAIN, stem_channels=4, stacks=3, cells=2, in_channels=1)
    seen: list[tuple[int, ...]] = []
    for module in network.modules():
        if isinstance(module, NB101Cell):
            module.register_forward_hook(lambda *call: seen.append(tuple(call[2].shape[1:])))
    network(images(2, 1, 8, 8))
    assert seen == [(4, 8, 8)] * 2 + [(8, 4, 4)] * 2 + [(16, 2, 2)] * 2


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 7), (5, 1), (1, 1)])
def test_scores_for_images_of_any_size(height: int, width: int) -> None:
    network = NB101Network(CHAIN, num_classes=7, in_channels=2, stem_channels=4, cells=1)
    assert network(images(2, 2, height, width)).shape == (2, 7)


def test_the_papers_cell_of_8_nodes_runs_and_learns() -> None:
    network = NB101Network(PUBLISHED_8_NODES, in_channels=1, stem_channels=6, stacks=2, cells=1)
    network(images(4, 1, 8, 8)).square().sum().backward()
    learnt = [weight.grad for weight in network.parameters() if weight.ndim > 1]
    assert all(gradient is not None and bool(gradient.any()) for gradient in learnt)


def test_weights_begin_as_published() -> None:
    """Convolutions: variance 1 / fan-in, cut off at two stds; dense: Glorot; the same ones
    for the same seed."""
    torch.manual_seed(0)
    network = NB101Network(CHAIN, stem_channels=64, stacks=2, cells=1)
    checked = 0
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d) and module.weight.numel() > 10_000:
            kernels = module.weight.detach()
            std = kernels[0].numel() ** -0.5
            assert float(kernels.std()) == pytest.approx(std, rel=0.02)
            assert float(kernels.abs().max()) == pytest.approx(2 * std / 0.8796, rel=0.002)
            checked += 1
    assert checked == 3
    dense = network.classifier.dense
    assert float(dense.weight.detach().abs().max()) == pytest.approx(
        (6 / (128 + 10)) ** 0.5, rel=0.02
    )
    assert not dense.bias.any()
    torch.manual_seed(0)
    again = NB101Network(CHAIN, stem_channels=64, stacks=2, cells=1)
    pairs = zip(network.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_batch_norm_is_the_published_one_unless_told() -> None:
    def norms(network: torch.nn.Module) -> set[tuple[float | None, float]]:
        layers = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        return {(layer.momentum, layer.eps) for layer in layers}

    assert norms(NB101Network(CHAIN, stem_channels=4)) == {(0.003, 1e-5)}
    mine = NB101Network(CHAIN, stem_channels=4, batch_norm=BatchNorm(0.2, 1e-3))
    assert norms(mine) == {(0.2, 1e-3)}


def graph(*edges: tuple[int, int], types: tuple[int, ...] = (1, 2, 2, 0)) -> ArchitectureGraph:
    return ArchitectureGraph(types, edges)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (graph((0, 1), (1, 3)), "node 2 dangles"),
        (graph((0, 1), (1, 3), (0, 2)), "node 2 dangles"),
        (graph((0, 1), (1, 3), (2, 3)), "node 2 dangles"),
        (graph((0, 1), (1, 2)), "output: it cannot be reached"),
        (graph(types=(1, 0)), "output: it cannot be reached"),
        (graph(types=(1,)), "no cell: expected the input"),
        (graph((0, 1), types=(2, 0)), "no cell: expected the input"),
        (graph((0, 1), (1, 2), types=(1, 5, 0)), "type 5, which is no NB101 operation"),
    ],
)
def test_what_is_no_cell_is_refused_in_a_sentence(cell: ArchitectureGraph, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        NB101Network(cell, stem_channels=8)


def test_too_few_channels_are_refused_in_a_sentence() -> None:
    with pytest.raises(ModelError, match="2 channels cannot be divided among the 3 vertices"):
        vertex_channels(
            graph((0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4), types=(1, 2, 2, 2, 0)), 2, 2
        )
    with pytest.raises(ModelError, match="stem_channels is 0, an NB101 network needs at least 1"):
        NB101Network(CHAIN, stem_channels=0)
