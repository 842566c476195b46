"""Measuring by training from scratch."""

from __future__ import annotations

import copy
import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from datasets.batch import GraphBatch, as_graphs
from datasets.canonical import canonical_form
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.pruning import prune
from datasets.space import SearchSpace, as_space
from estimators.evaluations import Job, sweep
from estimators.fitting import PARTS, Fit, fit
from estimators.measurement import Measurement
from estimators.networks import Design, check_data, module_lines
from estimators.recipe import Recipe
from estimators.store import Store
from estimators.tasks.task import PreparedTask, Task, data_settings
from experiment.checks import LARGEST, shown, whole_number
from experiment.engine import WorkerDiedError
from experiment.environment import computing_line
from experiment.errors import InputError, sentence
from experiment.loop import DivergedError
from models.errors import ModelError


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
    """Trains one architecture after the other in the same way, in any process.

    It knows no search space, so that it can be sent to a worker process for any of them.

    Attributes:
        task: what to train on.
        design: sizes of the network.
        recipe: how to train, with its precision resolved.
        seed: of weights, order and augmentation.
        device: where to train.
        data: fingerprint of the data; where they are others, as on a node of a cluster, the numbers
            would be kept under the wrong settings. Empty: any.
    """

    task: Task
    design: Design
    recipe: Recipe
    seed: int
    device: str = "cpu"
    data: str = ""

    def __call__(self, graph: ArchitectureGraph) -> dict[str, Any] | OutOfMemory:
        """The fields of a :class:`~estimators.measurement.Measurement`, as :meth:`measured`."""
        return self.measured(graph, lambda network, task: {})

    def measured(
        self, graph: ArchitectureGraph, record: Callable[[nn.Module, PreparedTask], dict[str, Any]]
    ) -> dict[str, Any] | OutOfMemory:
        """Train the network of ``graph``; what goes wrong with it is a result, too.

        PyTorch's own random generators are left as they were.

        Args:
            graph: that is trained.
            record: more to be returned, of the trained network, which is in evaluation mode.

        Returns:
            The fields of a :class:`~estimators.measurement.Measurement` but for the architecture
            and its hash, and what ``record`` returned.

        Raises:
            InputError: the data are absent, damaged, or others than those that are due.
        """
        task = self.task.prepare(self.recipe, self.device)
        if self.data and task.fingerprint() != self.data:
            raise InputError(
                f"the {task.unit} {task.name!r} are others than those of the process that asked "
                "for the training: have the same files everywhere"
            )
        try:
            costs = self.design.costs(GraphBatch.from_graphs([graph]), task.dimensions)
            network, done = self._fit(graph, task)
            more = record(network, task)
        except (ModelError, DivergedError) as error:
            return {"status": "failed", "reason": sentence(error)}
        except (MemoryError, RuntimeError, OverflowError) as error:
            if not lacks_memory(error):
                raise
            return OutOfMemory(f"the memory is too short for its training: {sentence(error)}")
        return {
            "status": "ok",
            **{part: done.final.get(part) for part in PARTS},
            "cost_seconds": done.seconds,
            "parameters": int(costs.parameters[0]),
            "flops": int(costs.flops[0]),
            "details": _details(done),
            **({"curve": list(done.curve)} if done.curve else {}),
            **more,
        }

    def _fit(self, graph: ArchitectureGraph, task: PreparedTask) -> tuple[nn.Module, Fit]:
        device = torch.device(self.device)
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(self.seed)
            network = self.design.build(graph, task.dimensions)
            return network, fit(network, task, self.seed)


def _details(done: Fit) -> dict[str, float]:
    """Metrics beside the objective, and all of them at half of the epochs."""
    others = {name: value for name, value in done.final.items() if name not in PARTS}
    halfway = done.halfway or {}
    return others | {f"halfway_{name}": value for name, value in halfway.items()}


def lacks_memory(error: Exception) -> bool:
    """Whether an error is a lack of memory, for which PyTorch has no class of its own on a CPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError | OverflowError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


_NO_MEMORY = (
    *("can't allocate memory", "not enough memory", "out of memory", "bad_alloc"),
    "Storage size calculation overflowed",
)
"""What PyTorch's allocators, CUDA and C++ write."""


class FromScratch:
    """An :class:`~estimators.measurement.Estimator` that trains every architecture.

    Isomorphic architectures are one: their canonical graph is trained, once. Architectures beyond
    the space are trained too, where a network can be built of them.

    Args:
        space: the search space.
        task: what to train on.
        design: sizes of the networks.
        recipe: how to train.
        seed: of weights, order and augmentation.
        device: where to train.
        store: where measurements are kept and looked for; default: nowhere.

    Attributes:
        work: trains one architecture, in any process.
        settings: all that decides the numbers.

    Raises:
        InputError: the data are absent or damaged, or an argument is of another kind.
    """

    def __init__(
        self,
        space: SearchSpace,
        task: Task,
        design: Design,
        recipe: Recipe,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
        store: Store | None = None,
    ) -> None:
        self._space = as_space(space)
        _check_parts(task=task, design=design, recipe=recipe)
        seed = whole_number(seed, "seed", most=LARGEST)
        recipe = recipe.on(torch.device(device))
        prepared = task.prepare(recipe, device)
        check_data(design, prepared.dimensions, prepared.unit)
        if isinstance(design, Design):
            design = design.for_space(self._space)
        self.work = Training(task, design, recipe, seed, str(device), prepared.fingerprint())
        self.store = store
        self.settings: dict[str, Any] = {
            "space": space.name,
            **data_settings(prepared),
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
        task = self.work.task.prepare(self.work.recipe, self.work.device)
        return module_lines(self._space, graph, self.work.design, task.dimensions)

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
                hash = self._space.hash(graph)
            except ArchitectureError as error:
                yield Measurement(architecture, "", "failed", str(error))
                continue
            asked[hash].append(architecture)
            graphs[hash] = graph
        known = self.store.get_some(self.settings, list(graphs)) if self.store else {}
        for hash in (hash for hash in graphs if hash in known):
            for architecture in asked[hash]:
                yield Measurement(architecture, hash, **known[hash])
        for hash in graphs:
            if hash not in known:
                yield Job(graphs[hash], asked[hash], hash)

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
        "task": (Task, "one of estimators/tasks"),
        "design": (object, "estimators.networks.load_design(preset, space)"),
        "recipe": (Recipe, "the Recipe of the task, which its load(preset) makes"),
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
