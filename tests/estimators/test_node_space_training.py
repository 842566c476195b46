"""Networks of AutoGL's spaces are trained on nodes like any other; what cannot be is a failure."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from datasets import get_space
from datasets.spaces.node_chains import SinglePath
from estimators.from_scratch import FromScratch
from estimators.networks import load_design
from estimators.node_designs import SinglePathDesign
from estimators.tasks.nodes import NodeTask
from experiment.errors import InputError
from tests.estimators.test_node_task import GRAPH, RECIPE

NAMES = (
    *("SINGLE_PATH", "GASSO", "GRAPHNAS_MICRO", "GRAPHNAS_MACRO"),
    *("AUTOATTEND", "AUTOATTEND_POOL1"),
)
SHORT = dataclasses.replace(RECIPE, epochs=2)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sparse", [True, False])
def test_networks_of_a_space_are_trained(name: str, sparse: bool) -> None:
    space = get_space(name)
    task = NodeTask(GRAPH, sparse=sparse)
    estimator = FromScratch(space, task, load_design("citation", space), SHORT)
    graphs = space.sample(4, np.random.default_rng(5))
    for found in estimator.measure(graphs):
        assert found.ok, found.reason
        assert found.validation is not None
        network = estimator.work.design.build(
            found.architecture, task.prepare(SHORT, "cpu").dimensions
        )
        assert sum(weight.numel() for weight in network.parameters()) == found.parameters


def test_the_operations_of_a_chain_are_those_of_its_space() -> None:
    chains = SinglePath(2, ("sage", "arma"))
    estimator = FromScratch(chains, NodeTask(GRAPH), SinglePathDesign(hidden=8), SHORT)
    assert estimator.settings["network"]["operations"] == ("sage", "arma")
    (found,) = estimator.measure([chains.parse("arma sage")])
    # arma: two matrices, a bias, and a matrix for a second step; sage: two matrices and a bias.
    assert found.parameters == (2 * 40 * 8 + 8 + 8 * 8) + (2 * 8 * 3 + 3)


def test_a_chain_that_makes_no_network_is_a_failure() -> None:
    chains = SinglePath(2, ("gcn", "zero", "identity"))
    estimator = FromScratch(chains, NodeTask(GRAPH), SinglePathDesign(hidden=8), SHORT)
    texts = ["gcn gcn", "gcn zero", "identity gcn"]
    found = list(estimator.measure([chains.parse(text) for text in texts]))
    assert [one.ok for one in found] == [True, False, False]
    assert "gcn zero has no weight that its scores depend on" in str(found[1].reason)
    assert "identity passes on the 40 features that it takes, but 8 are due" in str(found[2].reason)


def test_other_operations_have_no_preset() -> None:
    with pytest.raises(InputError, match="no network is known for SINGLE_PATH_2_sage_arma"):
        load_design("citation", SinglePath(2, ("sage", "arma")))


def test_trainings_repeat() -> None:
    space = get_space("GRAPHNAS_MACRO")
    estimator = FromScratch(space, NodeTask(GRAPH), load_design("citation", space), SHORT, seed=3)
    (graph,) = space.sample(1, np.random.default_rng(0))
    torch.manual_seed(7)
    (first,) = estimator.measure([graph])
    (second,) = estimator.measure([graph])
    assert (first.validation, first.values["validation_loss"]) == (
        second.validation,
        second.values["validation_loss"],
    )
