"""Recording what trained networks compute of images, for a set of input–output information.

A network is trained, anywhere, and what it computes is kept at once, in ``parts/`` of the set's
folder; when all are there, the set is written (:mod:`datasets.io_files`). Killed at any moment, the
same call resumes, trains what is not there, and writes the same files.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.images import ImageData, LabelledImages
from datasets.io_files import Recorded, is_io_set, read_io_set, write_io_set
from datasets.io_set import IOContents, IOSet
from estimators.from_scratch import FromScratch, OutOfMemory, Training
from estimators.tasks.images import PreparedImages
from estimators.tasks.task import PreparedTask
from experiment.engine import Engine, WorkerDiedError, WorkQueue
from experiment.errors import InputError
from experiment.files import atomic_path, plain, read_json, write_json
from experiment.progress import progress
from experiment.run import RunFolder
from models.networks.layers import ClassifiedFeatures

PARTS, SETTINGS = "parts", "settings.json"
ARRAYS = ("features", "weights", "bias")


@dataclass(frozen=True)
class Chosen:
    """The networks of a set.

    Attributes:
        train: hash → architecture, of the training networks.
        unseen: the same of the others.
        settings: how they were chosen.

    Raises:
        InputError: there are too few.
    """

    train: Mapping[str, ArchitectureGraph]
    unseen: Mapping[str, ArchitectureGraph]
    settings: Mapping[str, Any]

    def __post_init__(self) -> None:
        if len(self.train) < 2 or not self.unseen:
            raise InputError(
                f"{len(self.train)} training networks and {len(self.unseen)} unseen ones are "
                "chosen, expected two and one at least: choose more"
            )

    def part(self, hash: str) -> str:
        """Of which networks it is one."""
        return "train" if hash in self.train else "unseen"


def shown_images(data: ImageData, unseen: int | None) -> tuple[LabelledImages, int]:
    """The images that networks are asked about: those for validation, then the first test images.

    Args:
        data: that the networks are trained on, not on these.
        unseen: how many test images; ``None`` for all.

    Returns:
        The images, and how many of them come first as seen ones.

    Raises:
        InputError: there are none to be seen or unseen, there are fewer, or a class has no image
            among the seen ones.
    """
    count = len(data.test) if unseen is None else unseen
    if count > len(data.test):
        raise InputError(
            f"{count:,} unseen images were asked for and {data.name} has {len(data.test):,} test "
            "images: ask for fewer"
        )
    if not len(data.validation) or not count:
        raise InputError(
            f"{data.name} has {len(data.validation)} images for validation and {count} unseen ones "
            "were asked for, expected one at least: give other images"
        )
    present = data.validation.labels.bincount(minlength=data.num_classes)
    if not present.all():
        missing = int((present == 0).nonzero()[0])
        raise InputError(
            f"class {missing} has no image among the {len(data.validation)} of {data.name} that "
            "are seen: give images of every class"
        )
    parts = (data.validation, data.test.subset(torch.arange(count)))
    together = (torch.cat([getattr(each, name) for each in parts]) for name in ("images", "labels"))
    return LabelledImages(*together), len(data.validation)


@dataclass(frozen=True)
class Recording:
    """Trains a network and records what it computes, in any process.

    Attributes:
        training: trains it.
        unseen_images: as for :func:`shown_images`.
    """

    training: Training
    unseen_images: int | None = None

    def __call__(self, graph: ArchitectureGraph) -> dict[str, Any] | OutOfMemory:
        """Status, reason and accuracies of a measurement, and arrays as in :class:`Recorded`."""
        return self.training.measured(graph, self._outputs)

    def _outputs(self, network: nn.Module, task: PreparedTask) -> dict[str, Any]:
        if not isinstance(network, ClassifiedFeatures) or not isinstance(task, PreparedImages):
            raise InputError(
                f"a {type(network).__name__} has no averages of images before a dense layer: "
                "record networks of NB101 or NB201 cells, trained on images"
            )
        images, _ = shown_images(task.data, self.unseen_images)
        dense = network.classifier.dense
        arrays = (task.features(network, images), dense.weight.detach(), dense.bias.detach())
        found = dict(zip(ARRAYS, (array.cpu().numpy() for array in arrays), strict=True))
        wrong = [name for name, array in found.items() if not np.isfinite(array).all()]
        if wrong:
            return {"status": "failed", "reason": f"its {wrong[0]} are no longer finite"}
        return found


class Parts:
    """What networks compute, a file each, written as soon as it is known.

    Args:
        folder: where.
        settings: all that decides the numbers.

    Raises:
        InputError: the folder has parts that were recorded with other settings.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        place, wanted = folder / SETTINGS, plain(settings)
        if not place.is_file():
            write_json(place, wanted)
        elif (difference := _difference(read_json(place), wanted)) is not None:
            raise InputError(
                f"networks were recorded in {str(folder)!r} with other settings ({difference}): "
                "choose another --out, or the same settings"
            )

    def keep(self, hash: str, result: dict[str, Any] | OutOfMemory) -> dict[str, Any] | OutOfMemory:
        """Write what a training gave; returns it without the arrays.

        A lack of memory is not kept: another time it may do better.
        """
        if isinstance(result, OutOfMemory):
            return result
        names = ("reason",) if result["status"] != "ok" else (*ARRAYS, "validation", "test")
        with atomic_path(self._path(hash)) as partial, partial.open("wb") as file:
            np.savez(file, **{name: result[name] for name in names})
        return {name: result.get(name) for name in ("status", "reason")}

    def get(self, hash: str) -> Recorded | str | None:
        """What a network computes, the reason why its training failed, or ``None``: not there."""
        try:
            with np.load(self._path(hash), allow_pickle=False) as content:
                if "reason" in content:
                    return str(content["reason"])
                arrays = {name: content[name] for name in ARRAYS}
                return Recorded(
                    **arrays, validation=float(content["validation"]), test=float(content["test"])
                )
        # Absent, or damaged in any way: it is trained again.
        except Exception:
            return None

    def read(self, hashes: Iterable[str]) -> Iterator[Recorded]:
        """What networks compute that were recorded, in this order.

        Raises:
            InputError: a part was removed or damaged since.
        """
        for hash in hashes:
            part = self.get(hash)
            if not isinstance(part, Recorded):
                raise InputError(
                    f"what the network {hash} computes is no longer in {str(self.folder)!r}: "
                    "start the command again, which trains it"
                )
            yield part

    def _path(self, hash: str) -> Path:
        return self.folder / f"{hash}.npz"


def build_io_set(
    folder: Path,
    chosen: Chosen,
    estimator: FromScratch,
    engine: Engine,
    unseen_images: int | None = None,
) -> IOSet:
    """Train networks, record what they compute, and write the set; resumes what is there.

    Args:
        folder: of the set. A set with the same settings is opened, and nothing is trained.
        chosen: the networks.
        estimator: trains them on images; its store is not used.
        engine: where.
        unseen_images: as for :func:`shown_images`.

    Raises:
        InputError: the folder has a set or parts with other settings, the images do not do, the
            folder cannot be written, or too few trainings succeeded.
    """
    data = _images(estimator)
    images, seen = shown_images(data, unseen_images)
    run = RunFolder(folder)
    run.claim()
    run.remove_partial_files()
    trained = {
        **estimator.settings,
        "networks": type(estimator.work.design).__name__,
        "unseen_images": len(images) - seen,
    }
    settings = {**trained, "chosen": dict(chosen.settings)}
    if is_io_set(folder):
        return _same_set(folder, settings)
    parts = Parts(folder / PARTS, trained)
    failures = _record(chosen, Recording(estimator.work, unseen_images), parts, engine)
    contents = IOContents(
        space=estimator.space.name,
        data_set=data.name,
        images=images.images.numpy(),
        labels=images.labels.numpy(),
        mean=data.mean.double().numpy(),
        std=data.std.double().numpy(),
        seen_images=seen,
        settings=settings,
        **_networks(chosen, failures),
    )
    io_set = write_io_set(folder, contents, parts.read(contents.hashes.tolist()))
    shutil.rmtree(parts.folder, ignore_errors=True)
    return io_set


def _networks(chosen: Chosen, failures: Mapping[str, str]) -> dict[str, Any]:
    """The networks of a set, without those that failed, and these by hash, part and reason."""
    train, unseen = (sorted(set(each) - set(failures)) for each in (chosen.train, chosen.unseen))
    graphs = {**chosen.train, **chosen.unseen}
    return {
        "graphs": GraphBatch.from_graphs([graphs[hash] for hash in (*train, *unseen)]),
        "hashes": np.array([*train, *unseen]),
        "training_networks": len(train),
        "failed": tuple(
            {"hash": hash, "part": chosen.part(hash), "reason": reason}
            for hash, reason in sorted(failures.items())
        ),
    }


def _images(estimator: FromScratch) -> ImageData:
    """The images that networks are trained on, on the CPU."""
    task = estimator.work.task.prepare(estimator.work.recipe, "cpu")
    if not isinstance(task, PreparedImages):
        raise InputError(f"networks are trained on {task.unit} and not on images: give a data set")
    return task.data


def _record(chosen: Chosen, recording: Recording, parts: Parts, engine: Engine) -> dict[str, str]:
    """Train and record what is missing; returns hash → reason of what failed."""
    everything = {**chosen.train, **chosen.unseen}
    failures: dict[str, str] = {}
    missing: list[str] = []
    for hash in everything:  # one after the other: all features may not fit into memory
        part = parts.get(hash)
        if part is None:
            missing.append(hash)
        elif isinstance(part, str):
            failures[hash] = part
    queue = WorkQueue(engine, recording, parts.keep)
    try:
        for hash in missing:
            queue.submit(hash, everything[hash])
        title = f"training, {len(everything) - len(missing)} recorded before"
        with progress(len(missing), title, "networks") as bar:
            while queue:
                hash, result = queue.next_result()
                if isinstance(result, OutOfMemory | WorkerDiedError):
                    failures[hash] = str(result)
                elif result["status"] != "ok":
                    failures[hash] = str(result["reason"])
                bar.advance()
    finally:
        queue.cancel()
    return failures


def _same_set(folder: Path, settings: Mapping[str, Any]) -> IOSet:
    """The set that is there, with these settings."""
    io_set = read_io_set(folder)
    if (difference := _difference(io_set.settings, plain(settings))) is not None:
        raise InputError(
            f"{str(folder)!r} has a set with other settings ({difference}): choose another --out"
        )
    shutil.rmtree(folder / PARTS, ignore_errors=True)  # of a build that was killed at its end
    return io_set


def _difference(found: Any, wanted: Any, name: str = "") -> str | None:
    """The first setting that differs, for people; ``None`` where none does."""
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        keys = sorted({*found, *wanted})
        each = (_difference(found.get(key), wanted.get(key), f"{name} {key}") for key in keys)
        return next((one for one in each if one is not None), None)
    return None if found == wanted else f"{name.strip()} is {found} there and {wanted} here"
