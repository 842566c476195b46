"""NAS-Bench-201: 15,625 cells on three image data sets, with two schedules.

Dong and Yang, *NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search*,
ICLR 2020.

``dataset`` names a protocol, that is, a pair of what a search looks at and what it reports:

=================  ==============================  =======================================
``dataset``        ``validation``                  ``test``
=================  ==============================  =======================================
``cifar10``        25k of CIFAR-10 trained on,     all 50k trained on, the 10k test images
                   the other 25k looked at
``cifar10-valid``  as for ``cifar10``              the *same* networks, trained on 25k, on
                                                   the 10k test images
``cifar100``       50k trained on, 5k of the       the other 5k test images
                   test images
``ImageNet16-120`` 151.7k trained on, 3k of the    the other 3k test images
                   test images
=================  ==============================  =======================================

The official protocol for CIFAR-10 is the first line: its two numbers come from different
trainings. Accuracies of the second line's test are lower by several points.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datasets.benchmark import Benchmark, Metric
from datasets.benchmarks.build import measured
from datasets.benchmarks.sources import Source, choose
from datasets.formats.nasbench201_csv import read_csv, read_latencies
from datasets.formats.nasbench201_records import read_nats_folder, read_pth
from datasets.registry import get_space
from experiment.errors import InputError
from experiment.paths import data_root as find_data_root

SOURCES = (
    Source("nb201_pth", "nasbench201/NAS-Bench-201-v1_*.pth", read_pth, True, (".pth",)),
    Source("nats_tss", "nasbench201/NATS-tss-v1_0-*-simple", read_nats_folder, True, folder=True),
    Source("nb201", "nasbench201/nb201.csv.gz", read_csv, True, (".csv.gz",)),
    Source("other_pth", "nasbench201/*.pth", read_pth, True),
    Source("other_nats", "nasbench201/NATS-tss-*", read_nats_folder, True, folder=True),
)
"""All that NB201 can be read from, the best first."""
MEASURED_ON = (("cifar10", "cifar10-valid"), ("cifar100",), ("ImageNet16-120",))
"""Values of ``dataset``, those on the same images together."""
LATENCIES = "nasbench201/nb201_latency_help.csv.gz"
EPOCHS = (12, 200)
"""Two schedules: the first is no beginning of the second."""
PROTOCOLS = {
    "cifar10": (("cifar10-valid", "x-valid"), ("cifar10", "ori-test")),
    "cifar10-valid": (("cifar10-valid", "x-valid"), ("cifar10-valid", "ori-test")),
    "cifar100": (("cifar100", "x-valid"), ("cifar100", "x-test")),
    "ImageNet16-120": (("ImageNet16-120", "x-valid"), ("ImageNet16-120", "x-test")),
}
"""Data set → (trained on, evaluated on) for ``validation`` and for ``test``, official names."""


def load(
    data_root: str | Path | None = None,
    *,
    dataset: str = "cifar10",
    epochs: int = 200,
    source: str | Path | None = None,
    latency_devices: Sequence[str] = (),
) -> Benchmark:
    """NB201 with ``validation``, ``test``, ``training_seconds``, ``parameters``, ``mflops`` ….

    ``training_seconds`` is the time of the training that ``validation`` comes from,
    ``test_training_seconds`` of that behind ``test``; only the official records have them.

    Args:
        data_root: folder with ``nasbench201/``.
        dataset: ``cifar10``, ``cifar10-valid``, ``cifar100`` or ``ImageNet16-120``: the module's
            table says what each means.
        epochs: 200, or 12 for the separate short schedule.
        source: a name from ``SOURCES`` or a path; default: the best that there is.
        latency_devices: devices of ``nb201_latency_help.csv.gz`` to add as ``latency.<device>``;
            ``all`` for every one.

    Raises:
        InputError: no such data set, schedule, source or device, or a damaged file.
    """
    if dataset not in PROTOCOLS:
        raise InputError(
            f"NB201 was not measured on {dataset!r}: choose one of {', '.join(PROTOCOLS)}"
        )
    if epochs not in EPOCHS:
        raise InputError(f"NB201 was trained for 200 or 12 epochs, not for {epochs!r}")
    names = _columns(dataset, epochs)
    root = find_data_root(data_root)
    found = choose("NB201", SOURCES, root, source)
    table = found.open(set(names.values()).__contains__)
    benchmark = measured(table, get_space("NB201"), dataset, names)
    if latency_devices:
        benchmark.metrics |= _latencies(benchmark, root / LATENCIES, latency_devices)
    return benchmark


def _columns(dataset: str, epochs: int) -> dict[str, str]:
    (searched, looked_at), (trained, reported) = PROTOCOLS[dataset]
    network = "cifar10" if dataset == "cifar10-valid" else dataset  # the same ten classes
    return {
        "validation": f"{searched}/{epochs}/{looked_at}",
        "test": f"{trained}/{epochs}/{reported}",
        "test_single": f"{trained}/{epochs}/{reported}.single",
        "training_seconds": f"{searched}/{epochs}/training_seconds",
        "test_training_seconds": f"{trained}/{epochs}/training_seconds",
        "parameters": f"{network}/parameters",
        "mflops": f"{network}/mflops",
        "latency_seconds": f"{network}/latency_seconds",
    }


def _latencies(benchmark: Benchmark, path: Path, devices: Sequence[str]) -> dict[str, Metric]:
    index, measured_on = read_latencies(path)
    wanted = list(measured_on) if list(devices) == ["all"] else list(devices)
    unknown = [device for device in wanted if device not in measured_on]
    if unknown:
        raise InputError(
            f"no latencies were measured on {unknown[0]!r}: there are {', '.join(measured_on)}"
        )
    if len(benchmark) != len(index) or (index != np.arange(len(index))).any():
        raise InputError(
            f"{str(path)!r} has {len(index):,} lines and the benchmark {len(benchmark):,} rows: "
            "latencies can be added to the whole space in its official order only"
        )
    return {
        f"latency.{device}": Metric(
            f"latency.{device}",
            "milliseconds",
            f"latency on {device}, a number in the name being the batch size (HELP)",
            measured_on[device][:, None],
        )
        for device in wanted
    }
