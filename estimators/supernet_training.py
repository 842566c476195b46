"""Training the shared weights of a supernet by sampled paths.

Guo et al., *Single Path One-Shot Neural Architecture Search with Uniform Sampling*, ECCV 2020
(arXiv:1904.00420): every step draws a path uniformly and moves the weights on it alone. Chu, Zhang
and Xu, *FairNAS*, ICCV 2021 (arXiv:1907.01845): every option of a place is drawn equally often.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from datasets.space import SearchSpace
from estimators.design import Design
from estimators.recipe import Recipe
from estimators.tasks.nodes import PreparedNodes
from estimators.tasks.task import Dimensions
from experiment.errors import InputError
from experiment.loop import TrainingLoop
from experiment.precision import Precision
from experiment.progress import progress
from models.networks.families import NETWORKS
from models.supernets.families import SUPERNETS
from models.supernets.supernet import Supernet

PRESET = "one_shot"
"""Preset of the recipes."""
Sampling = Literal["architectures", "places", "fair"]
TrainedPath = tuple[int, ...]
"""The number of one option for each place."""


@dataclass(frozen=True)
class OneShotRecipe(Recipe):
    """How a supernet is trained by single paths, and how its architectures are measured.

    ``OneShotRecipe.load("one_shot")`` is ours, ``OneShotRecipe.load("one_shot", "published")``
    that of AutoGL's SPOS. A batch is of paths, whose mean loss is one step.

    Attributes:
        paths: that are drawn in an epoch.
        hidden: width of the operations; ``None``: that of the networks that are trained alone.
        sampling: ``places`` draws the option of every place independently; ``fair`` does the same,
            but draws every option of a place once before any of them twice; ``architectures``
            draws members of the space, as often the ones that many choices stand for as others.
        dropout_in_evaluation: whether dropout stays on while architectures are measured, as in the
            published SPOS, so that their order is partly drawn.
        running_statistics: whether batch norms evaluate by running means over the trained paths;
            else by the statistics of the nodes on the path that is measured.
        precision: ``float32`` alone: products of sparse features know no other.
    """

    paths: int = 100
    hidden: int | None = None
    sampling: Sampling = "places"
    dropout_in_evaluation: bool = False
    running_statistics: bool = False
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.paths < self.batch_size:
            raise InputError(
                f"an epoch has {self.paths} paths, expected at least the {self.batch_size} of a "
                "step"
            )

    @property
    def steps(self) -> int:
        """Steps of the training."""
        return self.epochs * -(-self.paths // self.batch_size)


def build_supernet(
    space: SearchSpace, design: Design, recipe: OneShotRecipe, data: Dimensions
) -> Supernet:
    """The supernet of a space for data of these dimensions, with weights of PyTorch's generator.

    Args:
        space: whose architectures share weights.
        design: sizes of the networks that are trained alone.
        recipe: its width, if it has one, and its batch norms.
        data: what the data decide of it.

    Raises:
        InputError: the space has no weights to share.
        ModelError: a size makes no sense.
    """
    supernet = supernet_of(space, design)
    known = signature(supernet).parameters
    sizes = dataclasses.asdict(design)
    if recipe.hidden is not None:
        sizes["hidden"] = recipe.hidden
    if "layers" in known:
        sizes["layers"] = space.layers  # type: ignore[attr-defined]
    if "running_statistics" in known:
        sizes["running_statistics"] = recipe.running_statistics
    elif recipe.running_statistics:
        raise InputError(
            f"the networks of {space.name} have no batch norms: leave running_statistics out"
        )
    return supernet(**data.network, **sizes)


def supernet_of(space: SearchSpace, design: Design | None = None) -> type[Supernet]:
    """The class of a space's supernet.

    Args:
        space: of the architectures.
        design: sizes of its networks, where they may be those of another family.

    Raises:
        InputError: the space has no weights to share.
    """
    for family, supernet in SUPERNETS.items():
        if space.family == family or (design and type(design).family is NETWORKS[family]):
            return supernet
    raise InputError(
        f"{space.name} has no weights to share: there are supernets for the families "
        f"{', '.join(SUPERNETS)}; train its architectures from scratch"
    )


def sampled_paths(
    space: SearchSpace,
    supernet: Supernet,
    count: int,
    sampling: Sampling,
    generator: np.random.Generator,
) -> list[TrainedPath]:
    """Paths at random.

    Args:
        space: of the architectures.
        supernet: that has the places.
        count: of paths.
        sampling: as of :class:`OneShotRecipe`.
        generator: of everything that is drawn.
    """
    if sampling == "architectures":
        return [supernet.choice(graph) for graph in space.sample(count, generator)]
    if sampling == "places":
        columns = [generator.integers(size, size=count) for size in supernet.options]
    else:
        columns = [_fair(size, count, generator) for size in supernet.options]
    return [tuple(map(int, row)) for row in np.stack(columns, axis=1)]


def _fair(options: int, count: int, generator: np.random.Generator) -> np.ndarray:
    """Every option once, in a random order, again and again. **Shape** (count,)."""
    rounds = -(-count // options)
    return np.concatenate([generator.permutation(options) for _ in range(rounds)])[:count]


def supernet_loop(
    space: SearchSpace,
    supernet: Supernet,
    task: PreparedNodes,
    recipe: OneShotRecipe,
    seed: int,
    checkpoint: Path | None = None,
) -> TrainingLoop:
    """The loop that trains shared weights on the training nodes; killed, it resumes to the bit.

    Args:
        space: of the architectures.
        supernet: is moved to the task's device.
        task: the graph.
        recipe: how it is trained.
        seed: of the paths; those of an epoch depend on it and on the epoch's number alone.
        checkpoint: where the state is kept.
    """
    task.place(supernet)

    def paths(epoch: int) -> list[TrainedPath]:
        generator = np.random.default_rng([seed, epoch])
        return sampled_paths(space, supernet, recipe.paths, recipe.sampling, generator)

    return TrainingLoop(
        supernet,
        recipe.optimisation,
        paths,
        functools.partial(path_loss, supernet, task),
        seed,
        checkpoint,
        unit="paths",
        shown=False,
    )


def resume_with_bar(
    loop: TrainingLoop,
    after_epoch: Callable[[int, dict[str, float]], None] = lambda epoch, means: None,
) -> None:
    """Train shared weights to the end under one bar over all epochs.

    A bar for each epoch would end before it wrote its first line into a log.

    Args:
        loop: that is not shown itself; it resumes from its checkpoint, if there is one.
        after_epoch: as for :meth:`~experiment.loop.TrainingLoop.run`.

    Raises:
        DivergedError: the loss is no longer finite.
        InputError: the checkpoint is damaged, or no loop's.
    """
    loop.resume()
    epochs = loop.settings.epochs
    with progress(epochs, "shared weights", "epochs", done=loop.epoch) as bar:

        def advance(epoch: int, means: dict[str, float]) -> None:
            after_epoch(epoch, means)
            bar.advance(loss=means["loss"])

        loop.run(advance)


def path_loss(
    supernet: Supernet, task: PreparedNodes, paths: list[TrainedPath], generator: torch.Generator
) -> dict[str, Tensor]:
    """Mean cross entropy of the training nodes over the paths of a step."""
    nodes, train = task.nodes, task.nodes.parts["train"]
    labels = nodes.labels[train]
    losses = [
        nn.functional.cross_entropy(supernet(nodes.features, nodes.edges, path, train), labels)
        for path in paths
    ]
    return {"loss": torch.stack(losses).mean()}
