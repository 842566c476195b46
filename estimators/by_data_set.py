"""Training from scratch on the data set of a name, as ``search.py --estimator train`` does it."""

from __future__ import annotations

from pathlib import Path

from datasets.citation_graphs import NODE_GRAPHS, PLANETOID
from datasets.citation_graphs.splits import NodeSplitName
from datasets.space import SearchSpace
from estimators import digits101
from estimators.from_scratch import FromScratch
from estimators.networks import BY_DATA_SET, load_design
from estimators.tasks.nodes import NodeRecipe, NodeTask
from experiment.config import nearest
from experiment.errors import InputError

NODE_RECIPES = "citation"
"""Preset of the recipe for the nodes of a graph."""
TRAINED_ON = (digits101.DATA_SET, *NODE_GRAPHS)
"""Data sets that are trained on by name."""


def usual_data_set(space: SearchSpace) -> str:
    """What architectures of a space are trained on where nothing is said."""
    return "cora" if space.family in BY_DATA_SET else digits101.DATA_SET


def training_on(
    data_set: str,
    space: SearchSpace,
    seed: int = 0,
    data_root: Path | None = None,
    split_seed: int | None = None,
) -> FromScratch:
    """The estimator that trains the networks of a space on a data set, on the CPU.

    On ``digits`` it is the one by which the table of DIGITS101 was made. The nodes of a graph are
    classified by its public split, or, where it has none, by the random one of seed 0, unless a
    seed is given.

    Args:
        data_set: one of :data:`TRAINED_ON`.
        space: of the architectures.
        seed: of weights and order of the examples.
        data_root: where graphs are looked for.
        split_seed: of a random split.

    Raises:
        InputError: there is no such data set, it has one split alone, its files are absent or
            damaged, or no network of the space is for such data.
    """
    if data_set == digits101.DATA_SET:
        if split_seed is not None:
            raise InputError("the digits have one split: give no seed of another")
        return digits101.estimator(seed, space=space)
    if data_set not in NODE_GRAPHS:
        raise InputError(
            f"nothing is trained on {data_set!r}: {nearest(data_set, list(TRAINED_ON))}"
        )
    public = data_set in PLANETOID and split_seed is None
    split: NodeSplitName = "public" if public else "random"
    preset = BY_DATA_SET.get(space.family, "default")
    return FromScratch(
        space,
        NodeTask(data_set, split, split_seed or 0, data_root),
        load_design(preset, space, data_set),
        NodeRecipe.load(NODE_RECIPES, space.preset_sections[0], data_set),
        seed=seed,
    )
