"""Search spaces and benchmarks by the names that users type.

Adding one is a file of its own and a line here; modules are imported on first use.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from datasets.benchmark import Benchmark, NoMeasurementsError
from datasets.space import SearchSpace
from experiment.errors import InputError

SPACES: dict[str, tuple[str, str]] = {
    "ENAS": ("datasets.spaces.enas", "ENAS"),
    "ENAS12": ("datasets.spaces.enas", "enas12"),
    "NB101": ("datasets.spaces.nb101", "NB101"),
    "NB201": ("datasets.spaces.nb201", "NB201"),
    "DIGITS101": ("datasets.spaces.digits101", "Digits101"),
    "NAS_BENCH_GRAPH": ("datasets.spaces.nas_bench_graph", "NASBenchGraph"),
    "MPNN": ("datasets.spaces.mpnn", "MPNN"),
    "SINGLE_PATH": ("datasets.spaces.node_chains", "SinglePath"),
    "GRAPHNAS_MICRO": ("datasets.spaces.graphnas", "GraphNASMicro"),
    "GRAPHNAS_MACRO": ("datasets.spaces.graphnas", "GraphNASMacro"),
    "AUTOATTEND": ("datasets.spaces.autoattend", "AutoAttend"),
    "AUTOATTEND_POOL1": ("datasets.spaces.autoattend", "pool_1"),
    "GASSO": ("datasets.spaces.node_chains", "GASSO"),
}
"""Name → module, and the class or function in it that makes the space without arguments."""

BENCHMARKS: dict[str, tuple[str, str]] = {
    "ENAS": ("datasets.benchmarks.enas", "load"),
    "ENAS12": ("datasets.benchmarks.enas12", "load"),
    "NB101": ("datasets.benchmarks.nb101", "load"),
    "NB201": ("datasets.benchmarks.nb201", "load"),
    "DIGITS101": ("datasets.benchmarks.digits101", "load"),
    "NAS_BENCH_GRAPH": ("datasets.benchmarks.nas_bench_graph", "load"),
}
"""Name → module and function ``load(data_root: Path | None, **choices) -> Benchmark``."""
LATENCY = "latency."
"""Begins the names of the latencies of devices, ``latency.pixel3`` for example."""
LATENCY_CHOICE = "latency_devices"
"""The choice of a benchmark by which it adds them."""


def _lookup(kind: str, name: str, table: dict[str, tuple[str, str]]) -> object:
    if not isinstance(name, str) or name not in table:
        raise InputError(f"no {kind} is called {name!r}: choose one of {', '.join(table)}")
    module, attribute = table[name]
    return getattr(import_module(module), attribute)


def get_space(name: str) -> SearchSpace:
    """The search space called ``name`` (``ENAS``, ``NB101``, ``NB201``, …).

    Raises:
        InputError: there is none of that name.
    """
    return _made(name) if isinstance(name, str) else _lookup("search space", name, SPACES)


@lru_cache
def _made(name: str) -> SearchSpace:
    return _lookup("search space", name, SPACES)()  # type: ignore[operator]


def benchmark_choices(name: str) -> list[str]:
    """What :func:`get_benchmark` lets one choose of a space's benchmark, beside the data root.

    Raises:
        InputError: no benchmark of that name.
    """
    load: Any = _lookup("benchmark", name, BENCHMARKS)
    return [choice for choice in signature(load).parameters if choice != "data_root"]


def offers_latencies(name: str) -> bool:
    """Whether the benchmark of a space can add latencies that were measured on devices."""
    return name in BENCHMARKS and LATENCY_CHOICE in benchmark_choices(name)


def latency_choices(name: str, metrics: Iterable[str]) -> dict[str, list[str]]:
    """What to ask :func:`get_benchmark` for, so that it has the latencies among some metrics.

    Args:
        name: of the space.
        metrics: names; those of latencies begin with :data:`LATENCY`.
    """
    devices = [each.removeprefix(LATENCY) for each in metrics if each.startswith(LATENCY)]
    return {LATENCY_CHOICE: devices} if devices and offers_latencies(name) else {}


def benchmark_epochs(name: str) -> tuple[int, ...]:
    """Numbers of epochs that a benchmark lets one choose by ``epochs=``, ascending.

    They are the ``EPOCHS`` of its module; none where it has no such choice.

    Raises:
        InputError: no benchmark of that name.
    """
    _lookup("benchmark", name, BENCHMARKS)
    return tuple(sorted(getattr(import_module(BENCHMARKS[name][0]), "EPOCHS", ())))


def default_dataset(name: str) -> str | None:
    """The data set of a benchmark where none is named; ``None`` where there is no choice.

    Raises:
        InputError: no benchmark of that name.
    """
    load: Any = _lookup("benchmark", name, BENCHMARKS)
    choice = signature(load).parameters.get("dataset")
    return None if choice is None else choice.default


def measured_on(name: str) -> list[str]:
    """The data sets of a benchmark, all protocols; none where it has no such choice.

    Raises:
        InputError: no benchmark of that name.
    """
    return [each for group in _measured_on(name) for each in group]


def _measured_on(name: str) -> tuple[tuple[str, ...], ...]:
    _lookup("benchmark", name, BENCHMARKS)
    return getattr(import_module(BENCHMARKS[name][0]), "MEASURED_ON", ())


def other_datasets(name: str, dataset: str | None) -> list[str]:
    """The data sets of a benchmark but one, by which its numbers can be predicted.

    They are the ``MEASURED_ON`` of its module. Of several protocols on the same data the first is
    taken, and none of them predicts another.

    Args:
        name: of the benchmark.
        dataset: that is left out; ``None`` for one that the benchmark was not measured on.

    Raises:
        InputError: no benchmark of that name, no such data set, or there are no others.
    """
    groups = _measured_on(name)
    known = measured_on(name)
    if dataset is not None and groups and dataset not in known:
        raise InputError(
            f"{name} was not measured on {dataset!r}: choose one of {', '.join(known)}"
        )
    others = [group[0] for group in groups if dataset not in group]
    if not others:
        raise InputError(
            f"{name} was measured on one data set alone: no others predict its numbers"
        )
    return others


def get_benchmark(name: str, data_root: str | Path | None = None, **choices: object) -> Benchmark:
    """The measured numbers of the space called ``name``, read from ``data_root``.

    Args:
        name: as for :func:`get_space`.
        data_root: folder with the data files; default: the environment variable
            ``NAS_DATA_ROOT``, else the folder ``datasets/`` itself.
        choices: what a benchmark lets one choose (``dataset=``, ``source=``): see its module.
            ``None`` means "not given".

    Raises:
        InputError: no benchmark of that name, a choice that it does not have, or its files are
            absent or broken.
    """
    load: Any = _lookup("benchmark", name, BENCHMARKS)
    offered = benchmark_choices(name)
    given = {choice: value for choice, value in choices.items() if value is not None}
    foreign = [choice for choice in given if choice not in offered]
    if foreign:
        raise InputError(
            f"{name} has no choice {foreign[0]!r}: it has {', '.join(offered) or 'none'}"
        )
    return load(data_root, **given)


def find_benchmark(
    name: str, data_root: str | Path | None = None, dataset: str | None = None
) -> Benchmark | None:
    """The measured numbers of a space, on one data set where that matters; ``None``: not at hand.

    Raises:
        InputError: the data root does not exist, or a file is damaged.
    """
    if name not in BENCHMARKS:
        return None
    try:
        benchmark = get_benchmark(name, data_root)
    except NoMeasurementsError:
        return None
    if dataset in (None, benchmark.dataset):
        return benchmark
    try:
        return get_benchmark(name, data_root, dataset=dataset)
    except InputError:  # measured on something else alone
        return None
