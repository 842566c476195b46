"""NAS-Bench-Graph: graph networks on nine graphs; the table comes with the project.

Qin et al., *NAS-Bench-Graph: Benchmarking Graph Neural Architecture Search*, NeurIPS 2022.

``dataset`` is ``cora``, ``citeseer``, ``pubmed``, ``cs``, ``physics``, ``photo``, ``computers``,
``arxiv``, with all 26,206 architectures, or ``proteins``, with the 2,021 of them that need no gat,
gin, cheb or graph. Others are unknown there.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from datasets.benchmark import Benchmark, Metric, NoMeasurementsError
from datasets.benchmarks.build import measured
from datasets.formats.nas_bench_graph import CURVE, CURVE_COLUMNS, DATASETS, SEEDS, read_bench
from datasets.formats.nas_bench_graph_packed import PackedTable, read_packed
from datasets.registry import get_space
from datasets.source_record import SourceRecord
from datasets.spaces.nas_bench_graph import NASBenchGraph
from datasets.table import Table
from experiment.checks import whole_number
from experiment.errors import InputError
from experiment.files import sha256
from experiment.paths import REPOSITORY_ROOT
from experiment.paths import data_root as find_data_root

TABLE = REPOSITORY_ROOT / "datasets" / "NAS_BENCH_GRAPH" / "nas_bench_graph.npz"
MEASURED_ON = tuple((name,) for name in DATASETS)
"""Values of ``dataset``, those on the same graph together."""
FULL = "full"
"""The source that has the seeds apart, and learning curves."""
PLACE = "nasbenchgraph/{}{}.bench"
"""Of a full file below the data root, by data set and seed."""
METRICS = {
    "validation": ("valid_perf", "fraction", 1, "{score} on the validation nodes"),
    "test": ("perf", "fraction", 1, "{score} on the test nodes, same networks"),
    "latency_seconds": ("latency", "seconds", 1, "latency of the network on the graph"),
    "parameters": ("para", "parameters", 1e6, "trainable parameters"),
}
"""Name of the metric → official name, unit, factor, and what it is."""


def load(
    data_root: str | Path | None = None,
    *,
    dataset: str = "cora",
    source: str | Path | None = None,
    epochs: int | None = None,
) -> Benchmark:
    """NAS_BENCH_GRAPH with ``validation``, ``test``, ``latency_seconds`` and ``parameters``.

    Officially they are called ``valid_perf``, ``perf``, ``latency`` and ``para`` (in millions).

    Args:
        data_root: folder with ``nasbenchgraph/``, for the full files.
        dataset: one of nine, see the module.
        source: ``full`` for the official full files, whose trials are the seeds; default: the
            project's table, with means over the seeds; or the path of another such table.
        epochs: of the full files: after which epoch; default: the last.

    Raises:
        InputError: no such data set, source or epoch, or a file is absent or damaged.
    """
    if dataset not in DATASETS:
        raise InputError(
            f"NAS_BENCH_GRAPH was not measured on {dataset!r}: choose one of {', '.join(DATASETS)}"
        )
    path = Path(TABLE if source in (None, FULL) else source)
    if not path.is_file():
        raise NoMeasurementsError(
            f"there is no table {str(path)!r}: one comes with the project, and source='{FULL}' "
            "reads the official full files"
        )
    packed = read_packed(path, dataset)
    record = SourceRecord(path, sha256(path), len(packed.keys))
    if source == FULL:
        return _with_curves(packed, dataset, find_data_root(data_root), epochs)
    if epochs is not None:
        raise InputError(
            "the table of NAS_BENCH_GRAPH has what was reached in the end: learning curves are in "
            f"the official full files, source='{FULL}'"
        )
    description = (
        f"NAS-Bench-Graph on {dataset}, {len(packed.keys):,} architectures by ascending key, from "
        "the light tables of the package nas-bench-graph 1.4.0: means over three seeds."
    )
    return _benchmark(packed.keys, _means(packed, dataset), dataset, description, record)


def _benchmark(
    keys: np.ndarray,
    columns: dict[str, Metric],
    dataset: str,
    description: str,
    record: SourceRecord,
) -> Benchmark:
    space = get_space("NAS_BENCH_GRAPH")
    assert isinstance(space, NASBenchGraph)
    graphs, hashes = space.from_keys(keys), space.hashes_of_keys(keys)
    table = Table(space.name, graphs, hashes, columns, description, record=record)
    return measured(table, space, dataset, {name: name for name in columns})


def _means(packed: PackedTable, dataset: str) -> dict[str, Metric]:
    score = "ROC-AUC" if dataset == "proteins" else "accuracy"
    return {
        name: Metric(
            name,
            unit,
            f"{about.format(score=score)} ({dataset}); mean over three seeds",
            factor * packed.columns[official][:, None],
            averaged=True,
        )
        for name, (official, unit, factor, about) in METRICS.items()
    }


def _with_curves(packed: PackedTable, dataset: str, root: Path, epochs: int | None) -> Benchmark:
    """The benchmark of the full files, after one epoch; latency and parameters are the table's."""
    paths = [root / PLACE.format(dataset, seed) for seed in range(SEEDS)]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise NoMeasurementsError(
            f"there is no full file {str(missing[0])!r}: fetch it by hand, docs/graph_networks.md "
            "says where, and put it there by python -m datasets.download --space NAS_BENCH_GRAPH "
            f"--file {missing[0].name} --from FILE"
        )
    files = [read_bench(path, partial(_after, epochs=epochs)) for path in paths]
    rows = np.flatnonzero([all(key in file for file in files) for key in packed.keys.tolist()])
    keys = packed.keys[rows]
    try:
        states = np.array([[file[key][CURVE] for file in files] for key in keys.tolist()])
    except (KeyError, ValueError) as error:
        raise InputError(f"a record of {str(paths[0])!r} or its siblings has no curve") from error
    if not len(rows):
        raise InputError(f"{str(paths[0])!r} and its siblings have no architecture in common")
    when = "the last epoch" if epochs is None else f"epoch {epochs}"
    columns = {
        name: Metric(
            name,
            "fraction",
            f"performance ({name}) on {dataset} after {when}",
            states[:, :, CURVE_COLUMNS.index(name)],
            trial_names=tuple(f"seed file {seed}" for seed in range(SEEDS)),
        )
        for name in ("validation", "test", "train", "best")
    }
    means = _means(PackedTable(keys, {k: v[rows] for k, v in packed.columns.items()}), dataset)
    columns |= {name: means[name] for name in ("latency_seconds", "parameters")}
    description = (
        f"NAS-Bench-Graph on {dataset}, {len(rows):,} architectures after {when}, from the full "
        "files, a trial each; latency and parameters are means over three seeds."
    )
    record = SourceRecord(paths[0], sha256(paths[0]), len(rows))
    return _benchmark(keys, columns, dataset, description, record)


def _after(curve: np.ndarray, epochs: int | None) -> np.ndarray:
    """The state after so many epochs, counted from 1. **Shape** (epochs, 7) → (7,)."""
    if epochs is None:
        return curve[-1]
    number = whole_number(epochs, "epochs")
    if not 1 <= number <= len(curve):
        raise InputError(
            f"a network was trained for {len(curve)} epochs, {number} was requested: choose 1 to "
            f"{len(curve)}"
        )
    return curve[number - 1]
