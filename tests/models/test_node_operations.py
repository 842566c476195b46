"""Operations on nodes: their parameters, both layouts of features, and what messages depend on."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.errors import ModelError
from models.networks.node_operations import OPERATIONS, NodeOperation

NODES = 7
EDGES = torch.tensor([[0, 1, 2, 3, 4, 5, 0, 1, 4, 2], [1, 2, 3, 4, 5, 0, 3, 3, 3, 2]])
"""Directed; the last node has no edge, node 2 one to itself, node 3 four into it."""
WIDTHS = {name: (5, 5) if name == "identity" else (5, 8) for name in OPERATIONS}


def features(width: int = 5) -> Tensor:
    return torch.randn(NODES, width, generator=torch.Generator().manual_seed(0)).double()


def made(name: str) -> NodeOperation:
    torch.manual_seed(1)
    operation = NodeOperation(name, *WIDTHS[name]).double().eval()
    for weight in operation.parameters():
        nn.init.normal_(weight, std=0.5)
    return operation


@pytest.mark.parametrize("name", OPERATIONS)
def test_parameters_are_those_of_the_table(name: str) -> None:
    for inputs, outputs in ((5, 5),) if name == "identity" else ((5, 8), (8, 8), (9, 3)):
        kind = OPERATIONS[name]
        counted = kind.products * inputs * outputs + kind.squares * outputs**2
        counted += (kind.vectors + kind.biases) * outputs
        with torch.device("meta"):
            operation = NodeOperation(name, inputs, outputs)
        assert sum(weight.numel() for weight in operation.parameters()) == counted


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_order_of_the_nodes_does_not_matter(name: str) -> None:
    operation, given = made(name), features()
    order = torch.randperm(NODES, generator=torch.Generator().manual_seed(2))
    place = order.argsort()
    expected = operation(given, EDGES)[order]
    shuffled = EDGES[:, torch.randperm(EDGES.shape[1], generator=torch.Generator().manual_seed(3))]
    torch.testing.assert_close(operation(given[order], place[shuffled]), expected)
    assert expected.shape == (NODES, WIDTHS[name][1])
    assert bool(expected.isfinite().all())  # of the node without edges, too


@pytest.mark.parametrize("name", OPERATIONS)
def test_features_by_rows_give_the_same(name: str) -> None:
    operation = made(name).float()
    given = features().float() * (torch.arange(NODES * 5).reshape(NODES, 5) % 3 == 0)
    rows = given.to_sparse_csr()
    torch.testing.assert_close(operation(rows, EDGES), operation(given, EDGES))


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name.startswith("gat")])
def test_attention_sums_to_one_over_the_edges_into_a_node(name: str) -> None:
    """Where all nodes are alike, each gets the mean of what its heads map it to."""
    operation: Any = made(name)
    given = features()[:1].expand(NODES, -1)
    layer = operation.layer
    mapped = (given @ layer.lin.weight.t()).reshape(NODES, layer.heads, 8).mean(1) + layer.bias
    torch.testing.assert_close(operation(given, EDGES), mapped)


@pytest.mark.parametrize("name", OPERATIONS)
def test_messages_go_from_source_to_target(name: str) -> None:
    """A node is changed by its own features and those of the sources of its edges, no others."""
    operation, given = made(name), features()
    before = operation(given, EDGES)
    given = given + 1.0 * (torch.arange(NODES) == 4)[:, None]
    changed = (operation(given, EDGES) != before).any(dim=1).nonzero()[:, 0].tolist()
    alone = name in ("linear", "identity")
    assert changed == ([] if name == "zero" else [4] if alone else changed)
    if OPERATIONS[name].by_edges:
        assert set(changed) <= {3, 4, 5}
        assert {3, 5} <= set(changed)


def test_zero_is_zero_and_identity_nothing() -> None:
    assert not made("zero")(features(), EDGES).any()
    assert torch.equal(made("identity")(features(), EDGES), features())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("gatt", 3, 3), "'gatt' is no operation on nodes: expected one of gat, gat_1"),
        (("identity", 3, 4), "identity passes on the 3 features that it takes, but 4 are due"),
        (("gcn", 0, 4), "gcn is from 0 to 4 features, expected at least 1"),
        (("linear", 4, -1), "linear is from 4 to -1 features"),
    ],
)
def test_what_is_no_operation(arguments: tuple[str, int, int], sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence) as caught:
        NodeOperation(*arguments)
    assert "\n" not in str(caught.value)
