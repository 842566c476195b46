"""A layer of GraphNAS's macro space: message by message by hand, and what it refuses."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.errors import ModelError
from models.networks.graphnas_layer import AGGREGATIONS, VECTORS, GraphNASLayer, LayerChoice

NODES, INPUTS, HEADS, WIDTH = 5, 4, 2, 3
EDGES = [(0, 1), (2, 1), (3, 1), (1, 0), (2, 0), (3, 3)]
"""From, to; directed, with one of a node to itself. The last node has none."""


def made(attention: str, aggregation: str, *, join: bool = True) -> Any:
    torch.manual_seed(0)
    choice = LayerChoice(attention, aggregation, HEADS, WIDTH)
    layer = GraphNASLayer(INPUTS, choice, join=join).double()
    for weight in layer.parameters():
        nn.init.normal_(weight, std=0.7)
    return layer


def features() -> Tensor:
    return torch.randn(NODES, INPUTS, generator=torch.Generator().manual_seed(1)).double()


def score(layer: Any, head: int, target: Tensor, source: Tensor) -> float:
    """Of a message, from the formulas."""

    def leaky(value: Tensor) -> float:
        return float(value) * (1.0 if value > 0 else 0.2)

    a, b = layer.of_target[head], layer.of_source[head]
    match layer.choice.attention:
        case "gat":
            return leaky(a @ target + b @ source)
        case "gat_sym":
            return leaky(a @ target + b @ source) + leaky(a @ source + b @ target)
        case "cos":
            return float((a * target) @ (b * source))
        case "linear":
            return math.tanh(a @ target + b @ source)
    return float(layer.mix[:, 0] @ torch.tanh(a * target + b * source))


def by_hand(layer: Any, given: Tensor) -> Tensor:
    """Message by message, the linear layers on each."""
    layer.requires_grad_(False)
    messages = [(i, j) for i, j in EDGES if i != j] + [(node, node) for node in range(NODES)]
    received = {node: [i for i, j in messages if j == node] for node in range(NODES)}
    result = torch.zeros(NODES, HEADS, WIDTH).double()
    for node, head in product(range(NODES), range(HEADS)):
        matrix = layer.weight[head * WIDTH : (head + 1) * WIDTH]
        own, sent = matrix @ given[node], [matrix @ given[i] for i in received[node]]
        if layer.choice.attention == "const":
            weights = [1.0] * len(sent)
        elif layer.choice.attention == "gcn":
            counts = [len(received[i]) for i in received[node]]
            weights = [1 / math.sqrt(len(sent) * count) for count in counts]
        else:
            powers = [math.exp(score(layer, head, own, each)) for each in sent]
            weights = [power / sum(powers) for power in powers]
        values = torch.stack([weight * each for weight, each in zip(weights, sent, strict=True)])
        if layer.choice.aggregation != "sum":
            values = layer.second_pool(layer.first_pool(values))
        how = {"mean": lambda all_: all_.mean(0), "max": lambda all_: all_.max(0).values}
        result[node, head] = how.get(layer.choice.aggregation, lambda all_: all_.sum(0))(values)
    return (result.flatten(1) if layer.join else result.mean(1)) + layer.bias


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("attention", VECTORS)
def test_states_are_those_of_the_formulas(attention: str, aggregation: str) -> None:
    for join in (True, False):
        layer = made(attention, aggregation, join=join)
        expected = by_hand(layer, features())
        torch.testing.assert_close(layer(features(), torch.tensor(EDGES).T), expected)


@pytest.mark.parametrize("attention", VECTORS)
def test_weights_sum_to_one_over_the_messages_to_a_node(attention: str) -> None:
    layer = made(attention, "sum")
    alike = features()[:1].expand(NODES, -1)
    mapped = alike @ layer.weight.T + layer.bias
    same = torch.allclose(layer(alike, torch.tensor(EDGES).T), mapped)
    assert same == (attention not in ("const", "gcn"))


def test_weights_of_gcn_are_those_of_the_graph_at_hand() -> None:
    """Two graphs of as many edges, one after the other."""
    layer = made("gcn", "sum")
    first, second = torch.tensor(EDGES).T, torch.tensor(EDGES).T.flip(0)
    layer(features(), first)
    after = layer(features(), second)
    torch.testing.assert_close(after, made("gcn", "sum")(features(), second))


@pytest.mark.parametrize("attention", VECTORS)
def test_dropout_is_for_the_training(attention: str) -> None:
    choice = LayerChoice(attention, "sum", HEADS, WIDTH)
    layer = GraphNASLayer(INPUTS, choice, join=True, dropout=0.5).double()
    edges = torch.tensor(EDGES).T
    once, twice = (layer(features(), edges) for _ in range(2))
    assert torch.equal(once, twice) == (attention == "gcn")
    layer.eval()
    assert torch.equal(layer(features(), edges), layer(features(), edges))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"attention": "dot"}, "there is no attention 'dot' with the aggregation 'sum'"),
        ({"aggregation": "median"}, "expected one of gat, .* and one of sum, mean, max, mlp"),
        ({"heads": 0}, "heads is 0, a GraphNAS layer needs at least 1"),
        ({"width": 0}, "width is 0, a GraphNAS layer needs at least 1"),
        ({"width": 10**9 + 1}, "width is 1,000,000,001, a GraphNAS layer has at most"),
    ],
)
def test_what_is_no_layer(change: dict[str, Any], sentence: str) -> None:
    parts = {"attention": "gat", "aggregation": "sum", "heads": 1, "width": 2, **change}
    with pytest.raises(ModelError, match=sentence) as caught:
        GraphNASLayer(3, LayerChoice(**parts), join=True)
    assert "\n" not in str(caught.value)
