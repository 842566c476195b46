"""Supernets of AutoGL's spaces: the networks that stand alone, and mixtures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from datasets import SearchSpace, get_space
from datasets.graph import ArchitectureGraph
from datasets.spaces.autoattend import AutoAttend
from datasets.spaces.node_chains import SinglePath
from models import (
    AutoAttendNetwork,
    AutoAttendPool1Network,
    GASSONetwork,
    GraphNASMicroNetwork,
    GraphNASMicroSupernet,
    ModelError,
    SinglePathNetwork,
    SinglePathSupernet,
    Supernet,
)
from models.networks.graphnas_micro import MERGES
from models.supernets.autoattend import AutoAttendPool1Supernet, AutoAttendSupernet
from models.supernets.node_chains import GASSOSupernet
from models.supernets.supernet import at

OWN = ("gcn", "gat_2", "linear", "cheb")
SPACES: dict[str, SearchSpace] = {
    "single path": get_space("SINGLE_PATH"),
    "own operations": SinglePath(3, OWN),
    "micro": get_space("GRAPHNAS_MICRO"),
    "autoattend": get_space("AUTOATTEND"),
    "three layers": AutoAttend(3),
    "pool 1": get_space("AUTOATTEND_POOL1"),
    "gasso": get_space("GASSO"),
}
SMALL: dict[str, Any] = {"in_features": 5, "num_classes": 3, "hidden": 16}
ONE_WAY = torch.tensor([[0, 1, 2, 3, 4, 5, 0], [1, 2, 3, 4, 5, 0, 3]])
EDGES = torch.cat([ONE_WAY, ONE_WAY.flip(0)], dim=1)  # sparse features are for symmetric graphs


def features(sparse: bool = False) -> Tensor:
    dense = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    return dense.to_sparse_csr() if sparse else dense


MAKERS: dict[str, Callable[[], Supernet]] = {
    "single path": lambda: SinglePathSupernet(**SMALL),
    "own operations": lambda: SinglePathSupernet(layers=3, operations=OWN, **SMALL),
    "micro": lambda: GraphNASMicroSupernet(**SMALL),
    "autoattend": lambda: AutoAttendSupernet(**SMALL),
    "three layers": lambda: AutoAttendSupernet(layers=3, **SMALL),
    "pool 1": lambda: AutoAttendPool1Supernet(**SMALL),
    "gasso": lambda: GASSOSupernet(**SMALL),
}


def supernet(name: str) -> Supernet:
    torch.manual_seed(1)
    made = MAKERS[name]()
    for weight in made.parameters():
        nn.init.normal_(weight, std=0.3)
    return made.eval()


def alone(shared: Any, graph: ArchitectureGraph) -> nn.Module:
    """The network of an architecture with the weights of its path."""
    if isinstance(shared, SinglePathSupernet):
        return chain_alone(shared, graph)
    if isinstance(shared, AutoAttendSupernet):
        return autoattend_alone(shared, graph)
    path, network = shared.choice(graph), GraphNASMicroNetwork(graph, **SMALL)
    for node, linear in network.linears.items():
        linear.load_state_dict(shared.linears[int(node) - 1].state_dict())
    for cell in range(2):
        state = at(shared.cells, cell, path[2 * cell + 1]).state_dict()
        network.cells[cell].load_state_dict(state)
    classifier = shared.classifiers[MERGES.index(network.merge)]
    network.classifier.load_state_dict(classifier.state_dict())
    return network.eval()


def chain_alone(shared: SinglePathSupernet, graph: ArchitectureGraph) -> nn.Module:
    network = (
        GASSONetwork(graph, **SMALL)
        if isinstance(shared, GASSOSupernet)
        else SinglePathNetwork(graph, operations=shared.kinds, **SMALL)
    )
    for layer, number in enumerate(shared.choice(graph)):
        state = at(shared.operations, layer, number).state_dict()
        network.operations[layer].load_state_dict(state)
    return network.eval()


def autoattend_alone(shared: Any, graph: ArchitectureGraph) -> nn.Module:
    path = shared.choice(graph)
    one_of = {
        AutoAttendSupernet: AutoAttendNetwork,
        AutoAttendPool1Supernet: AutoAttendPool1Network,
    }
    network = one_of[type(shared)](graph, **SMALL)
    for layer, own in enumerate(network.layers):
        stem, source, key, value, attends = path[5 * layer : 5 * layer + 5]
        for role, number, takes in (
            ("stem", stem, layer),
            ("key", key, source),
            ("value", value, source),
        ):
            if role != "value" or attends:
                held = shared.on_hidden if takes else shared.on_features
                state = held[f"{role}_{layer + 1}"][number].state_dict()
                own.get_submodule(role).load_state_dict(state)
    return network.eval()


@pytest.mark.parametrize("name", SPACES)
def test_a_path_is_the_network_that_stands_alone(name: str) -> None:
    shared = supernet(name)
    for graph in SPACES[name].sample(15, np.random.default_rng(0)):
        network = alone(shared, graph)
        for sparse in (False, True):
            expected = network(features(sparse), EDGES)
            found = shared(features(sparse), EDGES, shared.choice(graph))
            torch.testing.assert_close(found, expected)
            some = torch.tensor([4, 1])
            found = shared(features(sparse), EDGES, shared.choice(graph), some)
            torch.testing.assert_close(found, expected[some])


@pytest.mark.parametrize("name", SPACES)
def test_weights_at_one_option_are_its_number(name: str) -> None:
    shared = supernet(name)
    for graph in SPACES[name].sample(5, np.random.default_rng(1)):
        path = shared.choice(graph)
        weights = [
            nn.functional.one_hot(torch.tensor(number), count).float()
            for number, count in zip(path, shared.options, strict=True)
        ]
        expected = shared(features(), EDGES, path)
        torch.testing.assert_close(shared(features(True), EDGES, weights), expected)
        assert shared.strongest(weights) == path


@pytest.mark.parametrize("name", SPACES)
def test_every_weight_of_a_mixture_has_a_gradient(name: str) -> None:
    shared = supernet(name)
    weights = [torch.full((n,), 1 / n, requires_grad=True) for n in shared.options]
    shared(features(), EDGES, weights).square().sum().backward()
    assert all(each.grad is not None for each in weights)
    idle = sum(int((each.grad == 0).sum()) for each in weights if each.grad is not None)
    assert idle <= (2 if name == "micro" else 0)  # the operation zero adds nothing


@pytest.mark.parametrize("name", SPACES)
def test_paths_and_architectures_are_translated(name: str) -> None:
    shared, space = supernet(name), SPACES[name]
    for graph in space.sample(20, np.random.default_rng(3)):
        assert shared.architecture(shared.choice(graph)) == graph


def test_a_chain_through_zero_has_nothing_to_train() -> None:
    with pytest.raises(ModelError, match="leave it out, or train architectures from scratch"):
        SinglePathSupernet(operations=("gcn", "zero"))


def test_other_chains_are_refused() -> None:
    shared = supernet("single path")
    with pytest.raises(ModelError, match="a chain of 3 operations is given to a supernet of 2"):
        shared.choice(SinglePath(3).sample(1, np.random.default_rng(0))[0])
    with pytest.raises(ModelError, match="identity passes on the 5 features"):
        SinglePathSupernet(operations=("gcn", "identity"), **SMALL)


def test_hidden_dropout_of_micro_is_for_the_training_and_that_of_the_network_alone() -> None:
    shared: Any = supernet("micro")
    graph = SPACES["micro"].parse("gcn linear concat tanh 1:3 3:4")
    network: Any = alone(shared, graph)
    path, usual = shared.choice(graph), network(features(), EDGES)

    def trained(*, hidden_dropout: float) -> Tensor:
        shared.hidden_dropout = network.hidden_dropout = hidden_dropout
        both = []
        for scores in (lambda: network(features(), EDGES), lambda: shared(features(), EDGES, path)):
            torch.manual_seed(3)
            both.append(scores())
        torch.testing.assert_close(*both)
        return both[0]

    for each in (shared, network):
        each.dropout = 0.0
        each.train()
    assert torch.equal(trained(hidden_dropout=0.0), usual)
    assert not torch.equal(trained(hidden_dropout=0.5), usual)
    assert torch.equal(trained(hidden_dropout=1.0), network.classifier.bias.expand(6, 3))
    assert torch.equal(network.eval()(features(), EDGES), usual)
