"""The network of a NAS-Bench-201 cell: what its cells compute, its shapes, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from datasets.graph import ArchitectureGraph
from datasets.spaces.nb201 import NB201
from models.errors import ModelError
from models.networks.layers import BatchNorm
from models.networks.nb201 import NB201Cell, NB201Network, ReductionBlock

SPACE = NB201()
EDGES = SPACE.from_index(0).edges
NORM = BatchNorm()
CONV1, CONV3, POOL, SKIP, NONE = range(2, 7)


def cell_of(*operations: int) -> ArchitectureGraph:
    return ArchitectureGraph((1, *operations, 0), EDGES)


def images(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_sums_of_skips() -> None:
    """Each of the three maps sums all before it: 1, 2 and 4 times the input."""
    inputs = images(2, 4, 5, 5)
    assert torch.allclose(NB201Cell(cell_of(*[SKIP] * 6), 4, NORM)(inputs), 4 * inputs)
    # Only 0→1→3 and 0→2: the second leads nowhere.
    only = cell_of(SKIP, SKIP, NONE, NONE, SKIP, NONE)
    assert torch.equal(NB201Cell(only, 4, NORM)(inputs), inputs)


def test_nothing_gives_zeros_that_a_convolution_still_shifts() -> None:
    inputs = images(2, 4, 5, 5)
    assert not NB201Cell(cell_of(*[NONE] * 6), 4, NORM)(inputs).any()
    late = NB201Cell(cell_of(NONE, NONE, NONE, NONE, CONV3, NONE), 4, NORM)
    _, _, offset = late.parameters()
    torch.nn.init.constant_(offset, 3.0)
    assert torch.equal(late(inputs), torch.full_like(inputs, 3.0))


def test_pooling_leaves_the_border_out_of_its_mean() -> None:
    cell = NB201Cell(cell_of(NONE, NONE, NONE, POOL, NONE, NONE), 4, NORM)
    assert torch.allclose(cell(torch.ones(1, 4, 5, 5)), torch.ones(1, 4, 5, 5))


@pytest.mark.parametrize("seed", range(6))
def test_a_cell_is_its_graph(seed: int) -> None:
    """Evaluated node by node along the edges of the graph, as no code of the network does it."""
    (graph,) = SPACE.sample(1, np.random.default_rng(seed))
    cell = NB201Cell(graph, 6, NORM)
    weights = iter(list(cell.parameters()))
    inputs = images(3, 6, 5, 7)
    values = [inputs]
    for node, kind in enumerate(graph.types[1:], start=1):
        incoming = [values[i] for i, j in graph.edges if j == node]
        total = torch.stack(incoming).sum(dim=0)
        if kind in (CONV1, CONV3):
            kernel, scale, offset = next(weights), next(weights), next(weights)
            assert kernel.shape[-1] == (1 if kind == CONV1 else 3)
            total = F.conv2d(total.relu(), kernel, padding=kernel.shape[-1] // 2)
            total = F.batch_norm(total, None, None, scale, offset, training=True)
        elif kind == POOL:
            area = F.avg_pool2d(torch.ones_like(total), 3, 1, 1)
            total = F.avg_pool2d(total, 3, 1, 1) / area
        elif kind == NONE:
            total = torch.zeros_like(total)
        values.append(total)
    assert torch.allclose(cell(inputs), values[-1], atol=1e-5)
    assert next(weights, None) is None


def test_reduction_is_residual() -> None:
    block = ReductionBlock(4, 8, NORM).eval()
    inputs = images(2, 4, 6, 6)
    for weight in block.convolutions.parameters():
        torch.nn.init.zeros_(weight)  # what is left is the shortcut
    (kernel,) = block.shortcut.parameters()
    shortcut = F.conv2d(F.avg_pool2d(inputs, 2), kernel)
    assert torch.allclose(block(inputs), shortcut)


@pytest.mark.parametrize(("height", "width"), [(4, 4), (9, 6), (16, 16)])
def test_shapes_and_gradients(height: int, width: int) -> None:
    cell = cell_of(CONV1, CONV3, POOL, SKIP, CONV1, CONV3)
    network = NB201Network(cell, num_classes=7, in_channels=2, channels=4, cells=2)
    scores = network(images(3, 2, height, width))
    assert scores.shape == (3, 7)
    scores.square().sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_depth_and_width_are_the_published_ones() -> None:
    cell = cell_of(*[CONV3] * 6)
    with torch.device("meta"):
        network = NB201Network(cell)
    cells = [stage for stage in network.stages if isinstance(stage, NB201Cell)]
    widths = [next(cell.parameters()).shape[0] for cell in cells]
    assert widths == [16] * 5 + [32] * 5 + [64] * 5
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert {(norm.momentum, norm.eps) for norm in norms} == {(0.1, 1e-5)}


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (ArchitectureGraph((1, 2, 0), ((0, 1), (1, 2))), "no NB201 cell: expected the input"),
        (cell_of(2, 2, 7, 2, 2, 2), "node 3 has type 7, which is no NB201 operation"),
        (ArchitectureGraph((1, *[2] * 6, 0), EDGES[:-1]), "6→7 is missing"),
        (ArchitectureGraph((1, *[2] * 6, 0), (*EDGES, (0, 7))), "0→7 is too"),
    ],
)
def test_no_cell(graph: ArchitectureGraph, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        NB201Network(graph)


def test_sizes_that_do_not_fit() -> None:
    cell = SPACE.from_index(0)
    for name in ("num_classes", "in_channels", "channels", "cells"):
        with pytest.raises(ModelError, match=f"{name} is 0, an NB201 network needs at least 1"):
            NB201Network(cell, **{name: 0})  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="images of 8×3 pixels cannot be halved 2 times"):
        NB201Network(cell, channels=2, cells=1)(images(2, 3, 8, 3))
