"""Parameters and multiply-adds of AutoAttend networks, of many at once, without building one."""

from __future__ import annotations

from itertools import pairwise

import torch

from datasets.batch import GraphBatch
from models.networks.autoattend import (
    AutoAttendNetwork,
    AutoAttendPool1Network,
    check_autoattend_sizes,
)
from models.networks.autoattend_reading import (
    ATTENTION,
    expected_autoattend,
    layer_ends,
    layer_parts,
    wrong_autoattend,
)
from models.networks.costs import Costs, refuse_first


def autoattend_costs(
    batch: GraphBatch,
    *,
    in_features: int = 1433,
    num_classes: int = 7,
    hidden: int = 64,
    network: type[AutoAttendNetwork] = AutoAttendNetwork,
) -> Costs:
    """Costs of :class:`AutoAttendNetwork`, counted as :mod:`models.networks.graph_costs` does.

    Args:
        batch: architectures, all of one number of layers.
        in_features: features of a node.
        num_classes: classes.
        hidden: width of all layers but the last.
        network: the class, which has the pool of operations.

    Raises:
        ModelError: a graph is no such architecture, or a size is below 1.
    """
    check_autoattend_sizes(in_features=in_features, num_classes=num_classes, hidden=hidden)
    nodes = int(batch.num_nodes.max()) if len(batch) else 6
    batch = GraphBatch(batch.types[:, :nodes], batch.adjacency[:, :nodes, :nodes], batch.num_nodes)
    count, device = len(network.pool), batch.types.device
    refuse_first(batch, wrong_autoattend(batch, count), expected_autoattend(nodes, count))
    parameters = torch.zeros(len(batch), dtype=torch.long, device=device)
    flops = torch.zeros_like(parameters)
    ends = layer_ends(nodes)
    for before, end in pairwise(ends):
        last = end == ends[-1]
        table = network.operations(last=last, dropout=0.0)
        outputs = num_classes if last else hidden
        # Weights and multiply-adds of every operation, on the features and on a layer.
        both = [
            torch.tensor(
                [
                    [kind.parameters(inputs, outputs), kind.flops(inputs, outputs)]
                    for kind in (table[name] for name in network.pool)
                ],
                device=device,
            )
            for inputs in (in_features, hidden)
        ]
        # Key and value take the features, or a layer.
        layered = ~batch.adjacency[:, 0, end - 3] if before else torch.zeros_like(parameters).bool()
        attends = batch.types[:, end] == 2 + 3 * count + ATTENTION
        kinds = [
            batch.types[:, node] - 2 - role * count for role, node in enumerate(layer_parts(end))
        ]
        stem = both[1 if before else 0][kinds[0]]
        key, value = (
            torch.where(layered[:, None], both[1][kind], both[0][kind]) for kind in kinds[1:]
        )
        total = stem + key + attends[:, None] * value
        parameters += total[:, 0]
        flops += total[:, 1]
    return Costs(parameters, flops)


def autoattend_pool1_costs(batch: GraphBatch, **sizes: int) -> Costs:
    """Costs of :class:`AutoAttendPool1Network`, with the sizes of :func:`autoattend_costs`."""
    return autoattend_costs(batch, network=AutoAttendPool1Network, **sizes)
