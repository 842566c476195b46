"""NAS-Bench-101: cells trained on CIFAR-10, up to three repeats for up to four budgets.

Ying et al., *NAS-Bench-101: Towards Reproducible Neural Architecture Search*, ICML 2019.
"""

from __future__ import annotations

from pathlib import Path

from datasets.benchmark import UNIFORM_SAMPLE, Benchmark
from datasets.benchmarks.build import measured
from datasets.benchmarks.sources import Source, candidates
from datasets.formats.nasbench101_records import read_tfrecord
from datasets.formats.nasbench101_tables import BUDGETS, read_108_epochs, read_budgets
from datasets.registry import get_space
from experiment.errors import InputError
from experiment.paths import data_root as find_data_root

SOURCES = (
    Source("nasbench_full", "nasbench101/nasbench_full.tfrecord", read_tfrecord, slow=True),
    Source("nasbench_only108", "nasbench101/nasbench_only108.tfrecord", read_tfrecord, slow=True),
    Source(
        "nb101_108ep_3rep",
        "nasbench101/nb101_108ep_3rep.npz",
        read_108_epochs,
        array="final_validation_correct9984",
    ),
    Source(
        "other_tfrecord",
        "nasbench101/*.tfrecord",
        read_tfrecord,
        slow=True,
        suffixes=(".tfrecord",),
    ),
    Source(
        "nb101_multibudget_val",
        "nasbench101/nb101_multibudget_val.npz",
        read_budgets,
        array="val_correct9984_ep4",
    ),
)
"""All that NB101 can be read from, the best first."""
ONLY_108 = ("nasbench_only108", "nb101_108ep_3rep")
"""Sources that hold no other budget than 108 epochs: not worth reading for another."""
EPOCHS = BUDGETS
"""What a search may choose among."""
MEASURED = (
    "validation",
    "test",
    "train",
    "training_seconds",
    "halfway_validation",
    "halfway_test",
    "halfway_train",
    "halfway_training_seconds",
)


def load(
    data_root: str | Path | None = None,
    *,
    dataset: str = "cifar10",
    epochs: int = 108,
    source: str | Path | None = None,
) -> Benchmark:
    """NB101 with ``validation``, ``test``, ``train``, ``training_seconds``, ``parameters`` ….

    The ``halfway_…`` metrics were taken at half of the epochs. ``uniform_sample`` is 1 for rows
    drawn uniformly from the space, where a source is a sample and says so.

    Args:
        data_root: folder with ``nasbench101/``.
        dataset: only ``cifar10`` was measured.
        epochs: training budget, 4, 12, 36 or 108; each has a schedule of its own.
        source: a name from ``SOURCES`` or a path; default: the best that there is and has the
            budget.

    Raises:
        InputError: no such data set, budget or source, or a damaged file.
    """
    if dataset != "cifar10":
        raise InputError(f"NB101 was measured on cifar10 only, not on {dataset!r}")
    if epochs not in BUDGETS:
        raise InputError(f"NB101 was trained for 4, 12, 36 or 108 epochs, not for {epochs!r}")
    names = {name: f"cifar10/{epochs}/{name}" for name in MEASURED}
    names |= {"parameters": "parameters", UNIFORM_SAMPLE: UNIFORM_SAMPLE}
    found = candidates("NB101", SOURCES, find_data_root(data_root), source)
    if epochs != 108:
        found = [one for one in found if one.source.name not in ONLY_108] or found
    for one in found:
        table = one.open(set(names.values()).__contains__)
        if names["validation"] in table.columns:
            break
    return measured(table, get_space("NB101"), dataset, names)
