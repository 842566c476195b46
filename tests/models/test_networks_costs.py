"""Parameters and FLOPs by formula: against the tables, against the networks, and by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.pruning import prune_batch
from datasets.registry import get_benchmark, get_space
from datasets.spaces.enas import ENAS
from models.errors import ModelError
from models.networks.costs import Costs, enas_costs, nb101_costs, nb201_costs
from models.networks.enas import ENASNetwork
from models.networks.nb101 import NB101Network
from models.networks.nb201 import NB201Network

PUBLISHED_8_NODES = ArchitectureGraph(
    (1, 3, 3, 3, 3, 3, 2, 0),
    (
        *((0, i) for i in range(1, 8)),
        *((1, 2), (1, 3), (1, 5), (1, 7), (2, 6), (3, 4), (4, 5), (5, 6), (6, 7)),
    ),
)
"""The cell that the paper of SVGe trains."""


def random_cells(count: int, nodes: int, seed: int) -> GraphBatch:
    """NB101 cells of up to ``nodes`` nodes, without any limit on edges."""
    generator = torch.Generator().manual_seed(seed)
    types = torch.randint(2, 5, (count, nodes), generator=generator)
    types[:, 0], types[:, -1] = 1, 0
    density = torch.rand(count, 1, 1, generator=generator)
    edges = torch.rand(count, nodes, nodes, generator=generator) < density
    batch = prune_batch(GraphBatch(types, edges.triu(1), torch.full((count,), nodes)))
    return batch[batch.num_nodes > 0]


def trainable(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters() if weight.requires_grad)


def counted_flops(network: nn.Module, channels: int, size: int) -> int:
    """Multiply-adds as PyTorch counts them while the network runs, and the dense bias."""
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(2, channels, size, size, device="meta"))
    dense = [module for module in network.modules() if isinstance(module, nn.Linear)]
    biases = sum(layer.out_features for layer in dense if layer.bias is not None)
    return counter.get_total_flops() // 2 // 2 + biases


def test_nb101_parameters_are_those_of_the_table(data_root: Path) -> None:
    benchmark = get_benchmark("NB101", data_root)
    costs = nb101_costs(benchmark.graphs[::7])
    recorded = benchmark.metric("parameters").mean()[::7]
    assert len(recorded) > 1000
    assert np.array_equal(costs.parameters.numpy(), recorded)


@pytest.mark.parametrize(
    ("dataset", "classes", "size"),
    [("cifar10", 10, 32), ("cifar100", 100, 32), ("ImageNet16-120", 120, 16)],
)
def test_nb201_costs_are_those_of_the_table(
    data_root: Path, dataset: str, classes: int, size: int
) -> None:
    benchmark = get_benchmark("NB201", data_root, dataset=dataset)
    costs = nb201_costs(benchmark.graphs, num_classes=classes, image_size=size)
    assert np.array_equal(costs.parameters.numpy(), benchmark.metric("parameters").mean())
    # Millions, of which the table has five decimals: every count of this space is a multiple of 10.
    recorded = np.rint(1e6 * benchmark.metric("mflops").mean()).astype(np.int64)
    assert np.array_equal(costs.flops.numpy(), recorded)


def test_recorded_values() -> None:
    """NAS-Bench-101's cell with the best test accuracy, NAS-Bench-201's first architecture."""
    best = ArchitectureGraph(
        (1, 2, 3, 4, 3, 3, 0),
        ((0, 1), (0, 2), (0, 5), (0, 6), (1, 5), (2, 3), (3, 4), (4, 5), (5, 6)),
    )
    assert nb101_costs(GraphBatch.from_graphs([best])).parameters.tolist() == [32_426_634]
    first = get_space("NB201").parse(
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    )
    batch = GraphBatch.from_graphs([first])
    assert nb201_costs(batch).parameters.tolist() == [129_306]
    assert nb201_costs(batch).flops.tolist() == [15_647_370]
    assert nb201_costs(batch, num_classes=120, image_size=16).parameters.tolist() == [136_456]
    assert nb201_costs(batch, num_classes=120, image_size=16).flops.tolist() == [3_919_480]


def test_enas_by_hand() -> None:
    """Three layers of two filters on 8×8: conv3; sep5 with the stem; max3."""
    batch = GraphBatch.from_graphs([ENAS(3).parse("0 3 1 5 0 0")])
    stem = 3 * 2 * 9
    layer0 = 2 * 2 + 2 * 2 * 9
    halving0 = 2 * (2 * 4)  # two outputs, 2 → 4 channels
    layer1 = 4 * 4 + 4 * 4 * 25 + 8 * 4
    halving1 = 3 * (4 * 8)
    layer2 = 8 * 8
    dense = 8 * 10
    kernels = stem + layer0 + halving0 + layer1 + halving1 + layer2 + dense
    normalised = 2 + (2 + 2) + 2 * 4 + (4 + 4 + 4) + 3 * 8 + 8
    costs = enas_costs(batch, filters=2, image_size=8)
    assert costs.parameters.tolist() == [kernels + 2 * normalised]
    flops = 64 * (stem + layer0) + 16 * (halving0 + layer1) + 4 * (halving1 + layer2) + dense
    assert costs.flops.tolist() == [flops]


@pytest.mark.parametrize(
    ("nodes", "sizes"),
    [
        (7, {"stem_channels": 128}),
        (8, {"stem_channels": 13, "stacks": 4, "cells": 1, "num_classes": 3, "image_size": 24}),
        (14, {"stem_channels": 17, "stacks": 1, "cells": 2, "in_channels": 1, "image_size": 5}),
        (14, {"stem_channels": 16, "stacks": 2, "cells": 4, "image_size": 9}),
    ],
)
def test_nb101_formula_and_network_agree(nodes: int, sizes: dict[str, int]) -> None:
    cells = random_cells(3, nodes, seed=nodes)
    assert int(cells.num_nodes.max()) == nodes
    agree(cells, nb101_costs(cells, **sizes), NB101Network, sizes)


def test_the_published_cell_of_eight_nodes() -> None:
    batch = GraphBatch.from_graphs([PUBLISHED_8_NODES], max_nodes=14)
    agree(batch, nb101_costs(batch), NB101Network, {})


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"channels": 3, "cells": 1, "in_channels": 1, "num_classes": 7, "image_size": 8},
        {"channels": 5, "cells": 2, "image_size": 13},
    ],
)
def test_nb201_formula_and_network_agree(sizes: dict[str, int]) -> None:
    cells = get_space("NB201").sample_batch(4, np.random.default_rng(1))
    agree(cells, nb201_costs(cells, **sizes), NB201Network, sizes)


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"filters": 5, "in_channels": 1, "num_classes": 7, "image_size": 8},
        {"filters": 4, "image_size": 13},
    ],
)
def test_enas_formula_and_network_agree(sizes: dict[str, int]) -> None:
    """One batch of networks with 3 to 15 layers, padded to the longest."""
    generator = np.random.default_rng(2)
    networks = GraphBatch.from_graphs(
        [graph for layers in (3, 4, 8, 15) for graph in ENAS(layers).sample(1, generator)]
    )
    agree(networks, enas_costs(networks, **sizes), ENASNetwork, sizes)


def agree(
    graphs: GraphBatch, costs: Costs, network: type[nn.Module], sizes: dict[str, int]
) -> None:
    """Whether formula and network have the same counts for every graph."""
    sizes = dict(sizes)
    image_size = sizes.pop("image_size", 32)
    assert costs.parameters.dtype == costs.flops.dtype == torch.int64
    for row, graph in enumerate(graphs):
        with torch.device("meta"):
            built = network(graph, **sizes)
        assert costs.parameters[row] == trainable(built)
        flops = counted_flops(built, sizes.get("in_channels", 3), image_size)
        assert costs.flops[row] == flops


def test_padding_and_company_change_nothing() -> None:
    cells = random_cells(50, 9, seed=0)
    together = nb101_costs(cells.padded(14))
    for row in range(0, len(cells), 7):
        alone = nb101_costs(GraphBatch.from_graphs([cells.graph(row)]))
        assert alone.parameters[0] == together.parameters[row]
        assert alone.flops[0] == together.flops[row]


@pytest.mark.parametrize("count", [nb101_costs, nb201_costs, enas_costs])
def test_an_empty_batch_costs_nothing(count: Callable[..., Costs]) -> None:
    costs = count(GraphBatch.empty(8))
    assert costs.parameters.shape == costs.flops.shape == (0,)


CHAIN = tuple((i, i + 1) for i in range(7))
NB201_CELL = get_space("NB201").sample(1, np.random.default_rng(0))
LAYERS = ENAS().sample(1, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("count", "wrong", "message"),
    [
        (nb101_costs, ArchitectureGraph((1, 5, 0), CHAIN[:2]), r"graph 1 .*\[1, 5, 0\].*types 2"),
        (nb101_costs, ArchitectureGraph((1, 2, 3, 0), ((0, 1), (0, 2), (2, 3))), "prune first"),
        (nb101_costs, ArchitectureGraph((1, 2, 3, 0), ((0, 2), (1, 3), (2, 3))), "prune first"),
        (nb101_costs, ArchitectureGraph((1, 0), ()), "edges none"),
        (nb101_costs, ArchitectureGraph((2, 3, 0), CHAIN[:2]), "input .* first"),
        (nb101_costs, ArchitectureGraph((1, 3, 3), CHAIN[:2]), "output .* last"),
        (nb101_costs, ArchitectureGraph((1,), ()), "no NB101 cell"),
        (nb201_costs, ArchitectureGraph((1, 2, 0), CHAIN[:2]), "expected 8 nodes"),
        (nb201_costs, ArchitectureGraph((1, *[7] * 6, 0), NB201_CELL[0].edges), "types 2 to 6"),
        (nb201_costs, ArchitectureGraph((1, *[2] * 6, 0), CHAIN), "and the edges 0→1 0→2 0→4"),
        (enas_costs, ArchitectureGraph((1, 2, 2, 0), CHAIN[:3]), "at least 3 layers"),
        (enas_costs, ArchitectureGraph((1, 2, 8, 2, 0), CHAIN[:4]), "types 2 to 7"),
        (enas_costs, ArchitectureGraph((1, 2, 2, 2, 0), CHAIN[1:4]), "from each node to the next"),
        (enas_costs, ArchitectureGraph((1, 2, 2, 2, 0), (*CHAIN[:4], (0, 4))), "no other to the"),
    ],
)
def test_graphs_of_another_kind_are_refused(
    count: Callable[..., Costs], wrong: ArchitectureGraph, message: str
) -> None:
    right = {nb101_costs: [ArchitectureGraph((1, 0), ((0, 1),))], nb201_costs: NB201_CELL}
    batch = GraphBatch.from_graphs([*right.get(count, LAYERS), wrong])
    with pytest.raises(ModelError, match=message) as caught:
        count(batch)
    assert str(caught.value).startswith("graph 1 of the batch, types")


def test_sizes_that_no_network_has_are_refused() -> None:
    fan = ArchitectureGraph(
        (1, 2, 2, 2, 0), tuple((i, j) for i in range(4) for j in range(i + 1, 5))
    )
    cells = GraphBatch.from_graphs([ArchitectureGraph((1, 0), ((0, 1),)), fan])
    with pytest.raises(ModelError, match=r"2 channels .* among the 3 vertices .* graph 1 "):
        nb101_costs(cells, stem_channels=2)
    with pytest.raises(ModelError, match="num_classes is 0, an NB101 network needs at least 1"):
        nb101_costs(cells, num_classes=0)
    with pytest.raises(ModelError, match="image_size is 0, an NB101 network needs"):
        nb101_costs(cells, image_size=0)
    with pytest.raises(ModelError, match="cells is -1"):
        nb201_costs(GraphBatch.from_graphs(NB201_CELL), cells=-1)
    with pytest.raises(ModelError, match="images of 3×3"):
        nb201_costs(GraphBatch.from_graphs(NB201_CELL), image_size=3)
    with pytest.raises(ModelError, match="filters is 0"):
        enas_costs(GraphBatch.from_graphs(LAYERS), filters=0)
    with pytest.raises(ModelError, match="images of 2×2"):
        enas_costs(GraphBatch.from_graphs(LAYERS), image_size=2)
