"""Splits of the nodes of a graph into training, validation and test parts."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from datasets.citation_graphs.node_graph import NodeGraph, NodeSplit
from experiment.checks import LARGEST_OF_32_BITS, whole_number
from experiment.errors import InputError

NodeSplitName = Literal["public", "random"]
TRAIN_A_CLASS, VALIDATION, TEST = 20, 500, 1_000
"""Nodes of a random split: as many as in the public ones of Yang et al. (arXiv:1603.08861)."""


def split_nodes(graph: NodeGraph, kind: NodeSplitName, seed: int = 0) -> NodeSplit:
    """The split of a graph.

    Args:
        graph: whose nodes are split.
        kind: ``public``, or ``random``: 20 nodes of each class to train on, 500 for validation and
            1,000 for the test, all of which have a class.
        seed: of a random one.

    Raises:
        InputError: there is no such split, the graph has too few nodes, or a node of the split has
            no class.
    """
    seed = whole_number(seed, "seed of the split", most=LARGEST_OF_32_BITS)
    if kind == "public":
        split = _public(graph)
    elif kind == "random":
        split = _random(graph, seed)
    else:
        raise InputError(f"no split of nodes is called {kind!r}: choose public or random")
    for name, part in split.parts.items():
        unknown = part[graph.labels[part] < 0]
        if len(unknown):
            raise InputError(
                f"node {int(unknown[0])} of the {name} part of {graph.name} has no class: leave it "
                "out of the split"
            )
    return split


def _public(graph: NodeGraph) -> NodeSplit:
    if graph.public is None:
        raise InputError(f"{graph.name} has no public split: take a random one")
    return graph.public


def _random(graph: NodeGraph, seed: int) -> NodeSplit:
    """20 nodes a class, and of the others the first 500 and the next 1,000 of one permutation."""
    generator = np.random.RandomState(seed)
    labels = graph.labels.numpy()
    train: list[int] = []
    for label in range(graph.num_classes):
        train += generator.permutation(np.flatnonzero(labels == label))[:TRAIN_A_CLASS].tolist()
    rest = np.setdiff1d(np.flatnonzero(labels >= 0), train)
    if len(rest) < VALIDATION + TEST:
        raise InputError(
            f"{graph.name} has {len(rest):,} nodes with a class beside those to train on, and a "
            f"random split takes {VALIDATION + TEST:,}: give the graph a public split of your own"
        )
    rest = generator.permutation(rest)
    parts = np.array(train), rest[:VALIDATION], rest[VALIDATION : VALIDATION + TEST]
    return NodeSplit(*(torch.from_numpy(part.astype(np.int64)) for part in parts))
