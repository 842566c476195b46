"""The lines of Python that build the module of an architecture: they run, and build the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from datasets import get_benchmark, get_space
from datasets.architecture_files import NAMED
from datasets.benchmarks.nb201 import PROTOCOLS
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.spaces.enas import ENAS
from datasets.spaces.nb201 import NB201
from estimators.design import Design
from estimators.networks import GINEDesign, MPNNDesign, NB201Design, load_design, module_lines
from estimators.tasks.data_sets import DATA_SETS
from estimators.tasks.images import ImageClassification, ImageRecipe
from experiment.errors import InputError

SPACES = ("NB101", "DIGITS101", "NB201", "ENAS", "ENAS12")


def run(lines: str) -> nn.Module:
    """The network that the lines leave, on a device that holds no numbers."""
    assert lines.count("\n") == 2
    session: dict[str, object] = {}
    with torch.device("meta"):
        exec(lines, session)
    network = session["network"]
    assert isinstance(network, nn.Module)
    return network


def shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in network.state_dict().items()}


@pytest.mark.parametrize("name", SPACES)
def test_lines_build_the_network_of_the_architecture(name: str) -> None:
    space = get_space(name)
    design, data = load_design("digits101", space), DATA_SETS["digits"]
    for graph in space.sample(2, np.random.default_rng(3)):
        built = run(module_lines(space, graph, design, data))
        with torch.device("meta"):
            expected = design.build(graph, data)
        assert shapes(built) == shapes(expected)
        assert repr(built) == repr(expected)
        run(module_lines(space, graph))


def test_the_default_is_the_size_of_the_class() -> None:
    space = get_space("NB201")
    network = run(module_lines(space, space.from_index(6111)))  # type: ignore[attr-defined]
    assert network(torch.zeros(2, 3, 32, 32, device="meta")).shape == (2, 10)
    assert sum(one.numel() for one in network.parameters()) == 1_073_466  # as the benchmark says


@pytest.mark.parametrize("data_set", list(PROTOCOLS))
def test_classes_follow_the_data_set(data_set: str) -> None:
    space = get_space("NB201")
    graph, small = space.sample(1, np.random.default_rng(0))[0], load_design("digits101", space)
    network = run(module_lines(space, graph, small, DATA_SETS[data_set]))
    classes = {"cifar100": 100, "ImageNet16-120": 120}.get(data_set, 10)
    assert network(torch.zeros(2, 3, 16, 16, device="meta")).shape == (2, classes)


def test_what_is_known_of_the_digits_is_so() -> None:
    prepared = ImageClassification("digits").prepare(ImageRecipe.load("digits101"), "cpu")
    assert prepared.dimensions == DATA_SETS["digits"]


def test_networks_of_digits101_are_those_of_its_table() -> None:
    table = get_benchmark("DIGITS101")
    network = run(module_lines(table.space, table.graphs.graph(2000)))
    expected = table.metrics["parameters"].mean()[2000]
    assert sum(one.numel() for one in network.parameters()) == expected
    assert network(torch.zeros(2, 1, 8, 8, device="meta")).shape == (2, 10)


def test_cells_beyond_the_space_and_dangling_nodes() -> None:
    space = get_space("NB101")
    run(module_lines(space, NAMED["nb101_cell"]["svge_8_nodes"]))
    dangling = ArchitectureGraph((1, 3, 2, 0), ((0, 1), (0, 2), (1, 3)))
    clean = ArchitectureGraph((1, 3, 0), ((0, 1), (1, 2)))
    assert module_lines(space, dangling) == module_lines(space, clean)
    with pytest.raises(ArchitectureError, match="no path"):
        module_lines(space, ArchitectureGraph((1, 3, 0), ((0, 1),)))


def test_macro_networks_of_any_number_of_layers() -> None:
    space = ENAS(4)
    graph = space.sample(1, np.random.default_rng(0))[0]
    design = replace(load_design("digits101", space), auxiliary=True)  # type: ignore[call-arg]
    network = run(module_lines(space, graph, design))
    assert len([one for one in network.modules() if type(one).__name__ == "Layer"]) == 4


def test_a_space_without_networks_says_so() -> None:
    class Unknown(NB201):
        name = family = "LADDER"

    space = Unknown()
    lines = module_lines(space, space.sample(1, np.random.default_rng(0))[0])
    assert lines == (
        "# no network is known for LADDER architectures: there are those of the families "
        "nb101_cell, nb201_cell, enas_macro, nas_bench_graph, mpnn, "
        "single_path, graphnas_micro, graphnas_macro, gasso, autoattend, autoattend_pool1"
    )


@pytest.mark.parametrize(
    ("design", "wrong", "said"),
    [
        (GINEDesign, {"hidden": -3}, "hidden is -3, expected at least 1"),
        (NB201Design, {"cells": 0}, "cells is 0, expected at least 1"),
        (MPNNDesign, {"dense_layers": -1}, "dense_layers is -1, expected at least 0"),
    ],
)
def test_sizes_that_make_no_network(design: type[Design], wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        design(**wrong)
    assert MPNNDesign(dense_layers=0, dropout=0).dense_layers == 0
