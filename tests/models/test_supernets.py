"""Supernets: the networks that stand alone, mixtures, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from datasets import get_space
from datasets.graph import ArchitectureGraph
from models import ModelError, NASBenchGraphNetwork
from models.networks.nas_bench_graph import OPERATIONS
from models.supernets.nas_bench_graph import NASBenchGraphSupernet
from models.supernets.supernet import at

SPACE = get_space("NAS_BENCH_GRAPH")
SMALL: dict[str, Any] = {"in_features": 5, "num_classes": 3, "hidden": 4}
ONE_WAY = torch.tensor([[0, 1, 2, 3, 4, 5, 0], [1, 2, 3, 4, 5, 0, 3]])
EDGES = torch.cat([ONE_WAY, ONE_WAY.flip(0)], dim=1)  # sparse features are for symmetric graphs
WAYS = [(False, True), (False, False), (True, True), (True, False)]


def features(sparse: bool = False) -> Tensor:
    dense = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    return dense.to_sparse_csr() if sparse else dense


def supernet(**more: Any) -> NASBenchGraphSupernet:
    torch.manual_seed(1)
    made = NASBenchGraphSupernet(**(SMALL | more))
    for weight in made.parameters():  # no batch norm is the identity
        torch.nn.init.normal_(weight, std=0.5)
    return made.eval()


def alone(shared: NASBenchGraphSupernet, graph: ArchitectureGraph, **more: Any) -> Any:
    """The network of an architecture with the weights of its path."""
    network = NASBenchGraphNetwork(graph, **SMALL, **more).eval()
    if network.pre is not None:
        network.pre.load_state_dict(shared.pre.state_dict())  # type: ignore[union-attr]
    raw = [network.pre is None]
    blocks: list[Any] = []
    for node, (kind, source) in enumerate(zip(network.kinds, network.taken, strict=True)):
        raw.append(raw[source] and kind == "skip")
        if kind != "skip":
            place = shared.on_features if raw[source] else shared.on_hidden
            number = OPERATIONS.index(kind)
            network.operations[node].load_state_dict(at(place, node, number).state_dict())
            network.norms[node].load_state_dict(at(shared.norms, node, number).state_dict())
        if node + 1 in network.leaves:
            join = shared.join_features if raw[node + 1] else shared.join_hidden
            blocks.append(join[node].weight)
    last = network.classifier if network.post is None else network.post
    last.weight.data, last.bias.data = torch.cat(blocks, 1), shared.join_bias.data
    if network.post is not None:
        network.classifier.load_state_dict(shared.classifier.state_dict())  # type: ignore[union-attr]
    return network


@pytest.mark.parametrize(("pre", "post"), WAYS)
def test_a_path_is_the_network_that_stands_alone(pre: bool, post: bool) -> None:
    shared = supernet(pre=pre, post=post)
    graphs = SPACE.sample(12, np.random.default_rng(0))
    graphs += [SPACE.parse(f"0 {each}") for each in ("0 1 1 skip skip gcn fc", "1 2 3 fc fc fc fc")]
    graphs.append(SPACE.parse("0 0 0 0 skip skip gat arma"))
    for graph in graphs:
        network = alone(shared, graph, pre=pre, post=post)
        for sparse in (False, True):
            expected = network(features(sparse), EDGES)
            found = shared(features(sparse), EDGES, shared.choice(graph))
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_scores_of_some_nodes() -> None:
    shared, nodes = supernet(), torch.tensor([4, 1])
    for sparse in (False, True):
        for graph in SPACE.sample(5, np.random.default_rng(1)):
            path = shared.choice(graph)
            every = shared(features(sparse), EDGES, path)
            torch.testing.assert_close(shared(features(sparse), EDGES, path, nodes), every[nodes])


def test_weights_at_one_option_are_its_number() -> None:
    for pre in (False, True):
        shared = supernet(pre=pre)
        for graph in SPACE.sample(6, np.random.default_rng(2)):
            path = shared.choice(graph)
            weights = [
                torch.nn.functional.one_hot(torch.tensor(number), count).float()
                for number, count in zip(path, shared.options, strict=True)
            ]
            expected = shared(features(), EDGES, path)
            torch.testing.assert_close(shared(features(), EDGES, weights), expected)
            mixed = [w if k % 2 else p for k, (p, w) in enumerate(zip(path, weights, strict=True))]
            torch.testing.assert_close(shared(features(True), EDGES, mixed), expected)
            assert shared.strongest(weights) == path


def test_every_weight_of_a_mixture_has_a_gradient() -> None:
    shared = supernet()
    weights = [torch.full((n,), 1 / n, requires_grad=True) for n in shared.options]
    shared(features(), EDGES, weights).square().sum().backward()
    for each in weights[1:]:  # the first decides nothing: node 1 reads the input
        assert each.grad is not None
        assert bool((each.grad != 0).all())


def test_paths_and_architectures_are_translated() -> None:
    shared = supernet()
    for graph in SPACE.sample(20, np.random.default_rng(3)):
        assert SPACE.canonical(shared.architecture(shared.choice(graph))) == graph


def test_evaluation_has_no_randomness_and_training_has() -> None:
    shared = supernet()
    path = shared.choice(SPACE.parse("0 1 1 2 gat gcn sage fc"))
    first, second = (shared(features(), EDGES, path) for _ in range(2))
    assert torch.equal(first, second)
    shared.train()
    first, second = (shared(features(), EDGES, path) for _ in range(2))
    assert not torch.equal(first, second)


def test_running_statistics_are_those_of_the_paths() -> None:
    shared = supernet(running_statistics=True, dropout=0.0)
    path = shared.choice(SPACE.parse("0 1 1 2 gat gcn sage fc"))
    before = shared(features(), EDGES, path)
    shared.train()
    for _ in range(200):
        trained = shared(features(), EDGES, path)
    assert not torch.allclose(shared.eval()(features(), EDGES, path), before)
    torch.testing.assert_close(shared(features(), EDGES, path), trained, rtol=0.5, atol=0.5)


REFUSED: dict[str, tuple[Any, str]] = {
    "too few": ((0, 1), "has 2 entries, expected 8"),
    "no such operation": ((0, 9, 0, 1, 0, 1, 0, 1), "option 9 is chosen for operation of node 1"),
    "a later node": ((0, 1, 2, 1, 0, 1, 0, 1), "option 2 is chosen for input of node 2"),
    "weights of another place": ((0, torch.ones(8), 0, 1, 0, 1, 0, 1), "expected (9,)"),
}


@pytest.mark.parametrize(("choice", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refuses_another_choice(choice: Any, sentence: str) -> None:
    with pytest.raises(ModelError) as caught:
        supernet()(features(), EDGES, choice)
    assert sentence in str(caught.value)


def test_refuses_other_architectures_and_sizes() -> None:
    with pytest.raises(ModelError, match="are no NAS-Bench-Graph architecture"):
        supernet().choice(get_space("DIGITS101").sample(1, np.random.default_rng(0))[0])
    with pytest.raises(ModelError, match="needs an even width"):
        NASBenchGraphSupernet(hidden=3)
