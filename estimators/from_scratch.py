"""Measuring by training from scratch."""

from __future__ import annotations

import copy
import dataclasses
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from datasets.batch import GraphBatch, as_graphs
from datasets.canonical import canonical_form
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.images import ImageData, get_images
from datasets.pruning import prune
from datasets.space import SearchSpace, as_space
from estimators.evaluations import Job, sweep
from estimators.fitting import Fit, fit
from estimators.measurement import Measurement
from estimators.networks import Design, module_lines
from estimators.recipe import Recipe
from estimators.store import Store
from experiment.checks import shown, whole_number
from experiment.engine import WorkerDiedError
from experiment.environment import computing_line
from experiment.errors import InputError, sentence
from experiment.loop import DivergedError
from experiment.paths import DATA_ROOT_VARIABLE
from models.errors import ModelError


@dataclass(frozen=True)
class ImageSource:
    """Which image data, and where they are; a process reads them once.

    Attributes:
        name: as for :func:`datasets.images.get_images`, like the others.
        folder: where the files are.
        data_root: where they are looked for otherwise.
        train_share: share of the images that is trained on, where one can choose.
    """

    name: str
    folder: Path | None = None
    data_root: Path | None = None
    train_share: float | None = None

    def load(self, device: torch.device | str = "cpu") -> ImageData:
        """The images, on a device.

        Raises:
            InputError: there is no such data, or its files are absent or damaged.
        """
        return _load(self, str(device), os.environ.get(DATA_ROOT_VARIABLE))


@lru_cache(maxsize=1)
def _load(source: ImageSource, device: str, variable: str | None) -> ImageData:
    """The images; ``variable`` decides where they are looked for, so that it is in the key."""
    images = get_images(source.name, source.folder, source.data_root, source.train_share)
    return images.to(device)


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """Stands for the measurement of an architecture for which the memory was too short.

    That is the machine's matter: it may do better another time, so nothing is kept in a store.
    """

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True)
class Training:
    """Trains one architecture after the other in the same way, in whatever process.

    It knows no search space, so that it can be sent to a worker process for any of them.

    Attributes:
        images: what to train on.
        design: sizes of the network.
        recipe: how to train, with its precision resolved.
        seed: of weights, order and augmentation.
        device: where to train.
    """

    images: ImageSource
    design: Design
    recipe: Recipe
    seed: int
    device: str = "cpu"

    def __call__(self, graph: ArchitectureGraph) -> dict[str, Any] | OutOfMemory:
        """Train the network of ``graph``; what goes wrong with it is a result, too.

        PyTorch's own random generators are left as they were.

        Returns:
            The fields of a :class:`~estimators.measurement.Measurement` but for the architecture
            and its hash.
        """
        data = self.images.load(self.device)
        try:
            costs = self.design.costs(GraphBatch.from_graphs([graph]), data)
            done = self._fit(graph, data)
        except (ModelError, DivergedError) as error:
            return {"status": "failed", "reason": sentence(error)}
        except (MemoryError, RuntimeError) as error:
            if not lacks_memory(error):
                raise
            return OutOfMemory(f"the memory is too short for its training: {sentence(error)}")
        return {
            "status": "ok",
            "validation": done.final.validation,
            "test": done.final.test,
            "cost_seconds": done.seconds,
            "parameters": int(costs.parameters[0]),
            "flops": int(costs.flops[0]),
            "details": _halfway(done),
        }

    def _fit(self, graph: ArchitectureGraph, data: ImageData) -> Fit:
        device = torch.device(self.device)
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(self.seed)
            network = self.design.build(graph, data)
            network = network.to(device, memory_format=self.recipe.memory_format)  # type: ignore[call-overload]
            return fit(network, data, self.recipe, self.seed)


def _halfway(done: Fit) -> dict[str, float]:
    """The accuracies that are known at half of the epochs."""
    if done.halfway is None:
        return {}
    found = {
        "halfway_validation": done.halfway.validation,
        "halfway_test": done.halfway.test,
    }
    return {name: value for name, value in found.items() if value is not None}


def lacks_memory(error: Exception) -> bool:
    """Whether an error is a lack of memory, for which PyTorch has no class of its own on a CPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc")
"""What PyTorch's allocators, CUDA and C++ write."""


class FromScratch:
    """An :class:`~estimators.measurement.Estimator` that trains every architecture.

    Isomorphic architectures are one: their canonical graph is trained, once. Architectures beyond
    the space are trained too, where a network can be built of them.

    Args:
        space: the search space.
        images: what to train on.
        design: sizes of the networks.
        recipe: how to train.
        seed: of weights, order and augmentation.
        device: where to train.
        store: where measurements are kept and looked for; default: nowhere.

    Attributes:
        work: trains one architecture, in whatever process.
        settings: all that decides the numbers.

    Raises:
        InputError: the images are absent or damaged, or an argument is of another kind.
    """

    def __init__(
        self,
        space: SearchSpace,
        images: ImageSource,
        design: Design,
        recipe: Recipe,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
        store: Store | None = None,
    ) -> None:
        self._space = as_space(space)
        _check_parts(images=images, design=design, recipe=recipe)
        seed = whole_number(seed, "seed")
        data = images.load(device)
        recipe = recipe.on(torch.device(device))
        self.work = Training(images, design, recipe, seed, str(device))
        self.store = store
        self.settings: dict[str, Any] = {
            "space": space.name,
            "images": data.name,
            "images_sha256": data.fingerprint(),
            "network": dataclasses.asdict(design),
            "recipe": dataclasses.asdict(recipe),
            "seed": seed,
            "device": torch.device(device).type,
        }

    @property
    def space(self) -> SearchSpace:
        """The search space."""
        return self._space

    def with_store(self, store: Store) -> FromScratch:
        """The same, which keeps its measurements in ``store`` and looks for them there."""
        other = copy.copy(self)
        other.store = store
        return other

    def computing_line(self) -> str:
        """What trainings compute with on this machine, for people."""
        return computing_line(self.settings["recipe"], torch.device(self.work.device))

    def module_lines(self, graph: ArchitectureGraph) -> str:
        """Lines of Python that build the network that is trained for ``graph``."""
        images = self.work.images.load(self.work.device)
        return module_lines(self._space, graph, self.work.design, images)

    def measure(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement]:
        """One measurement for each architecture: first the known ones, then in their order.

        :func:`estimators.evaluations.sweep` does the same in several processes.

        Raises:
            InputError: the store cannot be read or written.
        """
        return sweep(self, architectures)

    def jobs(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement | Job]:
        """What needs no training as measurements, and a job for each class of isomorphic graphs.

        Raises:
            InputError: the store cannot be read.
        """
        asked: dict[str, list[ArchitectureGraph]] = defaultdict(list)
        graphs: dict[str, ArchitectureGraph] = {}
        for architecture in as_graphs(architectures):
            try:
                graph = representative(architecture, self._space)
                name = self._space.hash(graph)
            except ArchitectureError as error:
                yield Measurement(architecture, "", "failed", str(error))
                continue
            asked[name].append(architecture)
            graphs[name] = graph
        known = self.store.get_some(self.settings, list(graphs)) if self.store else {}
        for name in (name for name in graphs if name in known):
            for architecture in asked[name]:
                yield Measurement(architecture, name, **known[name])
        for name in graphs:
            if name not in known:
                yield Job(graphs[name], asked[name], name)

    def finish(
        self, job: Job, result: dict[str, Any] | OutOfMemory | WorkerDiedError
    ) -> list[Measurement]:
        """A measurement for each architecture of a job, after putting it into the store.

        What another time may do better, a lack of memory or a worker that died, is not kept.
        """
        if isinstance(result, OutOfMemory | WorkerDiedError):
            result = {"status": "failed", "reason": str(result)}
        elif self.store:
            self.store.put(self.settings, job.hash, result)
        return [Measurement(each, job.hash, **result) for each in job.architectures]


def _check_parts(**parts: object) -> None:
    """Refuse names where the things themselves are due."""
    makers = {
        "images": (ImageSource, "ImageSource(name)"),
        "design": (object, "estimators.networks.load_design(preset, space)"),
        "recipe": (Recipe, "estimators.recipe.load_recipe(preset)"),
    }
    for name, part in parts.items():
        kind, maker = makers[name]
        if not isinstance(part, kind) or isinstance(part, str | Mapping):
            raise InputError(f"the {name} of a training is {shown(part)}, expected {maker}")


def representative(graph: ArchitectureGraph, space: SearchSpace) -> ArchitectureGraph:
    """The one graph that is trained for all graphs isomorphic to ``graph``.

    Raises:
        ArchitectureError: no path joins its input and output.
    """
    if space.is_legal(graph):
        return space.canonical(graph)
    pruned = prune(graph)
    if pruned is None:
        raise ArchitectureError(
            "no path leads from the first node to the last: no network can be made of it"
        )
    return canonical_form(pruned)
