"""Measuring by the shared weights of a supernet: one-shot."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import nn

from datasets.batch import GraphBatch, as_graphs
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.space import SearchSpace
from estimators.from_scratch import FromScratch, lacks_memory, representative
from estimators.measurement import Measurement
from estimators.supernet_training import (
    OneShotRecipe,
    build_supernet,
    resume_with_bar,
    supernet_loop,
    supernet_of,
)
from estimators.tasks.nodes import PreparedNodes
from experiment.checkpoint import load_checkpoint, save_checkpoint
from experiment.environment import computing_line
from experiment.errors import InputError, sentence
from experiment.loop import DivergedError
from models.errors import ModelError
from models.supernets.supernet import Choice, Supernet

WEIGHTS = "supernet.pt"
"""File of trained weights."""
TRAINING = "supernet_training.pt"
"""Checkpoint of a training that has not ended."""


class SharedWeights:
    """An :class:`~estimators.measurement.Estimator` by one supernet, which is trained once.

    The validation accuracy of an architecture is that of its path through the supernet, without
    any training of its own; a test value is not measured. The supernet is trained when the first
    architecture is measured. An architecture that is chosen in the end is worth the training that
    ``training`` is.

    Args:
        training: trains the same architectures from scratch: it has the space, the task, the sizes
            of the networks, the seed and the device.
        recipe: how the supernet is trained and evaluated.
        folder: where the weights and, before they are trained, checkpoints are kept; default:
            nowhere.

    Attributes:
        settings: all that decides the numbers.

    Raises:
        InputError: the space has no weights to share, or the task is none on the nodes of a graph.
    """

    def __init__(
        self, training: FromScratch, recipe: OneShotRecipe, folder: Path | None = None
    ) -> None:
        supernet_of(training.space, training.work.design)
        if not isinstance(self._prepared(training), PreparedNodes):
            raise InputError("weights are shared by networks that classify the nodes of a graph")
        self.training = training
        self.recipe = recipe
        self.folder = folder
        self.settings: dict[str, Any] = {
            **training.settings,
            "supernet": dataclasses.asdict(recipe),
        }
        self._supernet: Supernet | None = None

    @property
    def space(self) -> SearchSpace:
        """The search space."""
        return self.training.space

    @property
    def task(self) -> PreparedNodes:
        """The graph."""
        return self._prepared(self.training)

    @property
    def supernet(self) -> Supernet:
        """The supernet, which is trained or read at the first call.

        Raises:
            DivergedError: the loss of its training is no longer finite.
            InputError: the weights in the folder are damaged, or of other settings; the memory is
                too short.
        """
        if self._supernet is None:
            try:
                self._supernet = self._trained()
            except (MemoryError, RuntimeError, OverflowError) as error:
                if not lacks_memory(error):
                    raise
                raise InputError(
                    f"the memory is too short for the supernet of {self.space.name} "
                    f"({sentence(error)}): make it narrower (hidden of the recipe), or train "
                    "architectures from scratch"
                ) from error
        return self._supernet

    def in_folder(self, folder: Path) -> Self:
        """The same, which keeps its weights in ``folder`` and looks for them there."""
        return type(self)(self.training, self.recipe, folder)

    def __getstate__(self) -> dict[str, Any]:
        """For worker processes, which receive trained weights."""
        _ = self.supernet
        return self.__dict__

    def computing_line(self) -> str:
        """What the training computes with on this machine, for people."""
        return computing_line(self.settings["supernet"], torch.device(self.training.work.device))

    def module_lines(self, graph: ArchitectureGraph) -> str:
        """Lines of Python that build the network that is trained from scratch for ``graph``."""
        return self.training.module_lines(graph)

    def measure(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement]:
        """One measurement for each architecture, in their order.

        Raises:
            DivergedError: the loss of the supernet's training is no longer finite.
        """
        for architecture in as_graphs(architectures):
            try:
                graph = representative(architecture, self.space)
                hash = self.space.hash(graph)
            except ArchitectureError as error:
                yield Measurement(architecture, "", "failed", str(error))
                continue
            supernet = self.supernet
            try:
                found = evaluate_path(
                    supernet,
                    supernet.choice(graph),
                    self.task,
                    self.recipe.dropout_in_evaluation,
                    # By the architecture, so that no order of architectures changes a value.
                    _seed_of(self.training.work.seed, hash),
                )
            except (ModelError, DivergedError) as error:
                yield Measurement(architecture, hash, "failed", sentence(error))
                continue
            costs = self.training.work.design.costs(
                GraphBatch.from_graphs([graph]), self.task.dimensions
            )
            yield Measurement(
                architecture,
                hash,
                "ok",
                validation=found["accuracy"],
                parameters=int(costs.parameters[0]),
                flops=int(costs.flops[0]),
                details={"validation_loss": found["loss"]},
            )

    def _trained(self) -> Supernet:
        work = self.training.work
        device, task = torch.device(work.device), self.task
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(work.seed)
            supernet = build_supernet(self.space, work.design, self.recipe, task.dimensions)
            whole = self.wrapped(supernet)
            task.place(whole)
            if self._read(whole):
                return supernet
            self.train(whole, None if self.folder is None else self.folder / TRAINING)
        if self.folder is not None:
            content = {"settings": repr(self.settings), "weights": whole.state_dict()}
            save_checkpoint(self.folder / WEIGHTS, content)
            (self.folder / TRAINING).unlink(missing_ok=True)
        return supernet

    def wrapped(self, supernet: Supernet) -> nn.Module:
        """What is trained and kept: the supernet, and in a subclass what chooses among its paths.

        Args:
            supernet: with its first weights.
        """
        return supernet

    def train(self, whole: nn.Module, checkpoint: Path | None) -> None:
        """Train the weights from their first ones, or from the checkpoint if there is one.

        Args:
            whole: that :meth:`wrapped` returned, on the device of the task.
            checkpoint: where the state is kept.
        """
        assert isinstance(whole, Supernet)
        seed = self.training.work.seed
        resume_with_bar(supernet_loop(self.space, whole, self.task, self.recipe, seed, checkpoint))

    def _read(self, whole: nn.Module) -> bool:
        """Fill in the weights that are in the folder, if there are some."""
        if self.folder is None or not (self.folder / WEIGHTS).exists():
            return False
        content = load_checkpoint(self.folder / WEIGHTS, self.training.work.device)
        if content.get("settings") != repr(self.settings):
            raise InputError(
                f"{str(self.folder / WEIGHTS)!r} holds the weights of another training: name "
                "another folder"
            )
        whole.load_state_dict(content["weights"])
        return True

    @staticmethod
    def _prepared(training: FromScratch) -> Any:
        work = training.work
        return work.task.prepare(work.recipe, work.device)


@torch.inference_mode()
def evaluate_path(
    supernet: Supernet, path: Choice, task: PreparedNodes, dropout: bool = False, seed: int = 0
) -> dict[str, float]:
    """Accuracy and loss of a path on the validation nodes.

    The supernet is left in evaluation mode, but for its dropout where that stays on.

    Args:
        supernet: that is evaluated.
        path: what is taken at each place.
        task: the graph.
        dropout: whether it stays on.
        seed: of the dropout.

    Raises:
        DivergedError: a score is no finite number.
    """
    set_evaluation(supernet, dropout)
    nodes = task.nodes.parts["validation"]
    device = task.nodes.labels.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        scores = supernet(task.nodes.features, task.nodes.edges, path, nodes)
    return task.judge(scores, "validation")


def set_evaluation(supernet: Supernet, dropout: bool = False) -> None:
    """Put a supernet into evaluation mode, but for its dropout where that is to stay on.

    Args:
        supernet: that is evaluated.
        dropout: whether it stays on.
    """
    supernet.train(dropout)
    for module in supernet.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eval()


def _seed_of(seed: int, hash: str) -> int:
    digest = hashlib.sha256(f"{seed} {hash}".encode()).digest()
    return int.from_bytes(digest[:4])
