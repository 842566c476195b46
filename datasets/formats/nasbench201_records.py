"""``NAS-Bench-201-v1_*.pth`` and the NATS-Bench folder: the official NAS-Bench-201 records.

Dong and Yang, *NAS-Bench-201*, ICLR 2020; Dong et al., *NATS-Bench*, IEEE TPAMI 2021. Both hold,
for every architecture and schedule, one dictionary a training, with a number for every epoch.
What is kept of a training is its state after the last epoch. The ``.pth`` file is one pickle of
gigabytes, of which the rest is dropped as it is read; the folder has a small file for each
architecture and a ``meta`` file, which holds no measurement.
"""

from __future__ import annotations

import bz2
import mmap
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasets.batch import GraphBatch
from datasets.benchmark import Metric
from datasets.formats.nasbench201_csv import EVALUATED_ON
from datasets.formats.safe_pickle import PickleRefused, read_pickle
from datasets.graph import ArchitectureError
from datasets.registry import get_space
from datasets.table import Table
from experiment.errors import InputError

_SCHEDULES = {"less": 12, "full": 200, "12": 12, "200": 200}
"""Names of the schedules in the ``.pth`` file and in the folder → epochs."""
_DATASETS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
_ARCHIVE_MAGIC = b"PK\x03\x04"
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # torch.serialization.MAGIC_NUMBER
_LEGACY_HEADERS = 3  # magic number, protocol version, facts about the writing machine
_RECORD_FILE = re.compile(r"\d{6}\.pickle\.pbz2")


def read_pth(path: Path) -> Table:
    """Read an official ``.pth`` file; the one of the whole space takes some ten minutes, once.

    Raises:
        InputError: the file is absent, damaged, of another kind, or wants to run code.
    """
    with _explained(path):
        content = _unpickle_pth(path)
        if not isinstance(content, dict) or not isinstance(content.get("arch2infos"), dict):
            raise PickleRefused("it has no 'arch2infos': a NAS-Bench-201 file is expected")
        infos = content["arch2infos"]
        if not all(type(index) is int for index in infos):
            raise PickleRefused("its architectures are not numbered: is it damaged?")
        return _table(((index, infos[index]) for index in sorted(infos)), path)


def read_nats_folder(path: Path) -> Table:
    """Read an official NATS-Bench folder of the topology search space.

    Raises:
        InputError: the folder has no records, or one is damaged or wants to run code.
    """
    files = sorted(p for p in path.iterdir() if _RECORD_FILE.fullmatch(p.name))
    if not files:
        raise InputError(f"{str(path)!r} has no files like 000000.pickle.pbz2: is it unpacked?")
    with _explained(path):
        return _table(((int(file.name[:6]), _unpickle_record(file)) for file in files), path)


@dataclass(frozen=True, slots=True)
class _Training:
    """What is kept of one training.

    Attributes:
        accuracies: official name of the evaluated set → fraction after the last epoch.
        costs: ``training_seconds`` and, where recorded, ``parameters``, ``mflops`` and
            ``latency_seconds``.
    """

    accuracies: dict[str, float]
    costs: dict[str, float]


class _Trainings:
    """Trainings of all architectures, by column and seed."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.indices: list[int] = []
        self.values: dict[str, dict[int, dict[int, float]]] = {}  # column → seed → row → value

    def add(self, index: int, infos: Any) -> None:
        """Take in everything measured of one architecture.

        Raises:
            PickleRefused: it is not as it should be.
        """
        if not isinstance(infos, dict) or not set(infos) & set(_SCHEDULES):
            raise PickleRefused(f"architecture {index} has none of the schedules {_SCHEDULES}")
        row = len(self.names)
        for schedule, info in infos.items():
            if schedule not in _SCHEDULES or info is None:
                continue
            try:
                if len(self.names) == row:
                    self.names.append(str(info["arch_str"]))
                    self.indices.append(index)
                for (dataset, seed), record in info["all_results"].items():
                    self._add(row, f"{dataset}/{_SCHEDULES[schedule]}", int(seed), record)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                raise PickleRefused(
                    f"architecture {index}, schedule {schedule!r} is not as it should be "
                    f"({type(error).__name__}: {error})"
                ) from error

    def _add(self, row: int, prefix: str, seed: int, record: dict[str, Any]) -> None:
        training = _reduced(record)
        for name, value in (training.accuracies | training.costs).items():
            self.values.setdefault(f"{prefix}/{name}", {}).setdefault(seed, {})[row] = value

    def column(self, name: str) -> tuple[np.ndarray, list[int]]:
        """Values by row and seed, **shape** (rows, seeds), and the seeds, ascending."""
        seeds = sorted(self.values[name])
        values = np.full((len(self.names), len(seeds)), np.nan)
        for place, seed in enumerate(seeds):
            by_row = self.values[name][seed]
            values[list(by_row), place] = list(by_row.values())
        return values, seeds


def _table(records: Iterable[tuple[int, Any]], path: Path) -> Table:
    trainings = _Trainings()
    for index, infos in records:
        trainings.add(index, infos)
    space = get_space("NB201")
    graphs = []
    for index, name in zip(trainings.indices, trainings.names, strict=True):
        try:
            graphs.append(space.parse(name))
        except ArchitectureError as error:
            raise PickleRefused(
                f"the architecture string of architecture {index} is wrong: {error}"
            ) from error
    if not graphs:
        raise PickleRefused("it holds no architectures")
    batch = GraphBatch.from_graphs(graphs, space.max_nodes)
    columns = [*_accuracies(trainings), *_costs(trainings)]
    return Table(
        "NB201",
        batch,
        space.hashes(batch),
        {column.name: column for column in columns},
        f"NAS-Bench-201, {len(batch):,} architectures in the official order, from the official "
        f"records {path.name}: the 200-epoch schedule and the separate 12-epoch schedule on each "
        "data set, every trial by its seed. Every architecture string is a row of its own, "
        "functionally equal ones too.",
    )


def _accuracies(trainings: _Trainings) -> Iterator[Metric]:
    for (dataset, evaluated), meaning in EVALUATED_ON.items():
        for epochs in (200, 12):
            name = f"{dataset}/{epochs}/{evaluated}"
            description = f"accuracy after {epochs} epochs, {meaning}"
            yield from _trials(trainings, name, "fraction", description)


def _trials(trainings: _Trainings, name: str, unit: str, description: str) -> Iterator[Metric]:
    """A quantity of every trial, where the records have it."""
    if name in trainings.values:
        values, seeds = trainings.column(name)
        trials = tuple(f"seed {seed}" for seed in seeds)
        yield Metric(name, unit, description, values, trial_names=trials)


def _costs(trainings: _Trainings) -> Iterator[Metric]:
    for dataset in _DATASETS:
        for epochs in (200, 12):
            name = f"{dataset}/{epochs}/training_seconds"
            what = f"time of training for {epochs} epochs on {dataset}, evaluation left out"
            yield from _trials(trainings, name, "seconds", what)
    for dataset in _DATASETS[1:]:
        for quantity, unit, meaning in (
            ("parameters", "parameters", "trainable parameters"),
            ("mflops", "MFLOPs", "millions of multiply-adds for one image"),
            ("latency_seconds", "seconds", "latency of a batch, GPU"),
        ):
            name = f"{dataset}/200/{quantity}"
            if name in trainings.values:
                values, _ = trainings.column(name)
                mean = Metric(name, unit, meaning, values).mean()[:, None]
                yield Metric(
                    f"{dataset}/{quantity}",
                    unit,
                    f"{meaning}, network for {dataset}, mean of what the trials recorded",
                    mean,
                    averaged=True,
                )


def _forget(record: dict[Any, Any]) -> None:
    """Put what is kept of a training in the place of its numbers for every epoch."""
    if "eval_acc1es" in record and "train_times" in record and "epochs" in record:
        training = _reduced(record)
        for part in record.values():
            if isinstance(part, dict):
                part.clear()  # the unpickler still remembers it: only emptying frees memory
        record.clear()
        record["kept"] = training


def _reduced(record: dict[str, Any]) -> _Training:
    if isinstance(record.get("kept"), _Training):
        return record["kept"]
    last = int(record["epochs"]) - 1
    accuracies = {}
    for name in record["eval_names"]:
        accuracies[str(name)] = _finite(record["eval_acc1es"][f"{name}@{last}"]) / 100
    costs = {}
    if record["train_times"] is not None:
        times = [_finite(seconds) for seconds in record["train_times"].values()]
        costs["training_seconds"] = sum(times)
    if record.get("params") is not None:
        costs["parameters"] = float(round(_finite(record["params"]) * 1e6))
    if record.get("flop") is not None:
        costs["mflops"] = _finite(record["flop"])
    latencies = [_finite(seconds) for seconds in record.get("latency") or []]
    if latencies and min(latencies) > 0:
        costs["latency_seconds"] = sum(latencies) / len(latencies)
    return _Training(accuracies, costs)


def _finite(value: Any) -> float:
    number = float(value)
    if not abs(number) < float("inf"):
        raise ValueError(f"{number} is no measurement")
    return number


def _unpickle_record(file: Path) -> Any:
    try:
        raw = bz2.decompress(file.read_bytes())
        return read_pickle(raw, forget=_forget)[0]
    except (OSError, ValueError, EOFError) as error:
        raise PickleRefused(f"file {file.name}: {error}") from error


def _unpickle_pth(path: Path) -> Any:
    """The object in a file of ``torch.save``: a zip archive, or several pickles in a row."""
    if path.stat().st_size == 0:
        raise PickleRefused("it is empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:4] == _ARCHIVE_MAGIC:
            try:
                start, raw = _pickle_in_archive(path, data)
            except PickleRefused:
                raise
            except Exception as error:  # zipfile raises a dozen kinds for damaged bytes
                raise PickleRefused(f"a damaged archive ({type(error).__name__}: {error})") from (
                    error
                )
            return read_pickle(raw, start, _forget)[0]
        magic, place = read_pickle(data)
        if magic != _LEGACY_MAGIC:
            raise PickleRefused("it is no file of torch.save")
        for _ in range(_LEGACY_HEADERS - 1):
            _, place = read_pickle(data, place)
        return read_pickle(data, place, _forget)[0]


def _pickle_in_archive(path: Path, data: mmap.mmap) -> tuple[int, Any]:
    """Where ``data.pkl`` begins in what: the mapped file itself, if it is not compressed."""
    with zipfile.ZipFile(path) as archive:
        members = [m for m in archive.infolist() if m.filename.rpartition("/")[2] == "data.pkl"]
        if len(members) != 1:
            raise PickleRefused("it is no file of torch.save, there is no data.pkl in it")
        (member,) = members
        if member.compress_type != zipfile.ZIP_STORED:
            return 0, archive.read(member)
    name, extra = struct.unpack_from("<HH", data, member.header_offset + 26)
    start = member.header_offset + 30 + name + extra
    crc = 0
    for place in range(start, start + member.file_size, 1 << 24):
        crc = zlib.crc32(data[place : min(place + (1 << 24), start + member.file_size)], crc)
    if crc != member.CRC:
        raise PickleRefused("its data.pkl does not match its checksum, the file is damaged")
    return start, data


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what can be wrong with a file of records into one sentence."""
    try:
        yield
    except PickleRefused as error:
        raise InputError(f"{str(path)!r} cannot be read: {error}") from error
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror or error}") from error
