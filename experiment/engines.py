"""Which engine works: this process, processes of this machine, or a Ray cluster."""

from __future__ import annotations

from dataclasses import dataclass

from experiment.checks import whole_number
from experiment.engine import Engine, InThisProcess, Processes, make_engine, pickled
from experiment.errors import InputError
from experiment.ray_cluster import check_gpus
from experiment.ray_engine import RayEngine, sendable

HERE, PROCESSES, RAY = "here", "processes", "ray"
ENGINES = (HERE, PROCESSES, RAY)


@dataclass(frozen=True)
class EngineChoice:
    """An engine that was chosen and is not started.

    Attributes:
        name: one of :data:`ENGINES`; ``None``: this process for one worker, else processes.
        workers: how many; ``None``: one, or with Ray as many as the cluster's resources allow.
        address: of the head of a Ray cluster, as :class:`~experiment.ray_engine.RayEngine` takes
            it.
        cpus_per_task: CPUs that a worker on a Ray cluster keeps; default: 1.
        gpus_per_task: GPUs that it keeps; default: 1 where there are GPUs, else 0.

    Raises:
        InputError: there is no such engine, it has no use for one of these, or a number is wrong.
    """

    name: str | None = None
    workers: int | None = None
    address: str | None = None
    cpus_per_task: int | None = None
    gpus_per_task: float | None = None

    def __post_init__(self) -> None:
        if self.name is not None and self.name not in ENGINES:
            raise InputError(f"there is no engine {self.name!r}: choose {', '.join(ENGINES)}")
        for name in ("workers", "cpus_per_task"):
            if getattr(self, name) is not None:
                whole_number(getattr(self, name), name, least=1)
        check_gpus(self.gpus_per_task)
        if self.name == HERE and self.workers not in (None, 1):
            raise InputError(
                f"{self.workers} workers do not go with the engine {HERE}, which is this process: "
                f"choose {PROCESSES} or {RAY}"
            )
        for name in ("address", "cpus_per_task", "gpus_per_task"):
            if getattr(self, name) is not None and self.name != RAY:
                raise InputError(
                    f"{name} belongs to the engine {RAY}: leave it out, or choose that engine"
                )

    def start(self) -> InThisProcess | Processes | RayEngine:
        """The engine, to be used in a ``with`` block.

        Raises:
            InputError: an argument is wrong.
        """
        if self.name == RAY:
            cpus = 1 if self.cpus_per_task is None else self.cpus_per_task
            return RayEngine(self.address, self.workers, cpus, self.gpus_per_task)
        workers = 1 if self.workers is None else self.workers
        return Processes(workers) if self.name == PROCESSES else make_engine(workers)


def check_sendable(engine: Engine, function: object) -> None:
    """Refuse what cannot travel to where the engine works.

    Raises:
        InputError: it cannot be pickled.
    """
    if isinstance(engine, Processes):
        pickled(function)
    elif isinstance(engine, RayEngine):
        sendable(function)
