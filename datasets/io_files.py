"""The folder of an :class:`~datasets.io_set.IOSet`, written once and mapped into memory.

``io_set.json`` says what the set is, and has size and SHA-256 of the other files; it is written
last, so that a folder with it is whole. ``networks.npz`` is a compact table
(:mod:`datasets.table`) of graphs, hashes and accuracies; the arrays of the set are ``.npy`` files
of their names, and ``scalers.npz`` has the scalers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from datasets.benchmark import Metric
from datasets.formats.arrays import read_arrays
from datasets.io_set import IOContents, IOScalers, IOSet, fit_scalers
from datasets.io_targets import PREPROCESSINGS, SCALERS, Positions, Scaler
from datasets.registry import get_space
from datasets.table import Table, read_table, write_table
from experiment.errors import InputError
from experiment.files import atomic_path, plain, read_json, sha256, write_json

FORMAT, VERSION = "nas-io-set", 2
WITHOUT_CENTROIDS = 1
"""The version before, whose scalers are fitted again."""
MANIFEST, NETWORKS, SCALING = "io_set.json", "networks.npz", "scalers.npz"
ARRAYS = {
    "features": np.float32,
    "weights": np.float32,
    "bias": np.float32,
    "images": np.uint8,
    "labels": np.int64,
}
"""Arrays of a set that have files of their own → type of their numbers."""
ACCURACIES = ("validation", "test")
MOMENTS = ("mean", "std", "maximum")
AGAIN = "make it again with python -m Training_VAE.build_io_dataset"


@dataclass(frozen=True, eq=False)
class Recorded:
    """What one trained network computes.

    Attributes:
        features: of the set's images. **Shape** (m, F), float32.
        weights: of the dense layer. **Shape** (C, F), float32.
        bias: **Shape** (C,), float32.
        validation: accuracy on the validation images, a fraction.
        test: on all test images.
    """

    features: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    validation: float
    test: float


def write_io_set(folder: Path, contents: IOContents, recorded: Iterable[Recorded]) -> IOSet:
    """Write a set, network by network, and fit its scalers.

    Args:
        folder: where; files of an unfinished set there are replaced.
        contents: the networks, ascending by hash within training and unseen ones, and the images.
        recorded: what each network computes, in the same order.

    Returns:
        The set, mapped from the disk.

    Raises:
        InputError: there is a network or an image too few, the order is another, networks have
            different numbers of features, a class has no seen image, or the folder cannot be
            written.
    """
    _check(contents)
    (folder / MANIFEST).unlink(missing_ok=True)
    accuracies = _write_networks(folder, contents, recorded)
    for name in ("images", "labels"):
        with _writing(folder / f"{name}.npy") as file:
            np.save(file, getattr(contents, name))
    columns = dict(zip(ACCURACIES, accuracies, strict=True))
    write_table(folder / NETWORKS, _table(contents, columns))
    arrays = {name: _mapped(folder / f"{name}.npy") for name in ARRAYS}
    io_set = IOSet(**{**vars(contents), **arrays, **columns})
    scalers = fit_scalers(io_set)
    with _writing(folder / SCALING) as file:
        np.savez(file, **_scaler_arrays(scalers))  # type: ignore[arg-type]
    write_json(folder / MANIFEST, sealed(_manifest(folder, contents)))
    return replace(io_set, scalers=scalers)


def read_io_set(folder: str | Path) -> IOSet:
    """Open a set; its features are mapped, not read.

    Raises:
        InputError: there is none, a file is absent, cut off or was changed, or it is a set of
            another version.
    """
    folder = Path(folder)
    manifest = _read_manifest(folder)
    try:
        for name, about in manifest["files"].items():
            _check_file(folder / name, about)
        return _assembled(folder, manifest)
    except InputError as error:
        raise InputError(f"the IO set {str(folder)!r} cannot be read: {error}") from error
    # The checksums fit, so somebody wrote these: whatever is wrong with them, it is no set of ours.
    except Exception as error:
        raise InputError(
            f"the IO set {str(folder)!r} is damaged ({type(error).__name__}: {error}): {AGAIN}"
        ) from error


def is_io_set(folder: Path) -> bool:
    """Whether a set was written there to its end."""
    return (folder / MANIFEST).is_file()


def _check(contents: IOContents) -> None:
    first, networks = contents.training_networks, len(contents.hashes)
    seen, images = contents.seen_images, len(contents.labels)
    if first < 2 or first >= networks:
        raise InputError(
            f"{first} training networks of {networks}: expected 2 at least, and an unseen one"
        )
    if not 0 < seen < images:
        raise InputError(f"{seen} seen images of {images}: expected seen ones and unseen ones")
    for group in (contents.hashes[:first], contents.hashes[first:]):
        if not (group[:-1] < group[1:]).all():
            raise InputError("networks have to be in ascending order of their hashes, each once")


def _write_networks(
    folder: Path, contents: IOContents, recorded: Iterable[Recorded]
) -> tuple[np.ndarray, np.ndarray]:
    """Write features and dense layers; returns validation and test accuracies."""
    rows = iter(recorded)
    one = next(rows, None)
    if one is None:
        raise InputError("no network was recorded: expected two training ones and an unseen one")
    networks, images = len(contents.hashes), len(contents.labels)
    shape = (networks, images, one.features.shape[1])
    weights = np.empty((networks, *one.weights.shape), np.float32)
    bias = np.empty((networks, *one.bias.shape), np.float32)
    accuracies = np.empty((len(ACCURACIES), networks))
    with atomic_path(folder / "features.npy") as partial:
        features = np.lib.format.open_memmap(partial, "w+", ARRAYS["features"], shape)
        row = 0
        while one is not None:
            if row == networks or one.features.shape != shape[1:]:
                raise InputError(
                    f"network {row} was recorded with features of {one.features.shape}, "
                    f"expected {networks} networks with {shape[1:]}"
                )
            features[row], weights[row], bias[row] = one.features, one.weights, one.bias
            accuracies[:, row] = one.validation, one.test
            row, one = row + 1, next(rows, None)
        features.flush()
        del features
    if row < networks:
        raise InputError(f"{row} networks were recorded, expected {networks}")
    for name, array in (("weights", weights), ("bias", bias)):
        with _writing(folder / f"{name}.npy") as file:
            np.save(file, array)
    return accuracies[0], accuracies[1]


@contextmanager
def _writing(path: Path) -> Iterator[Any]:
    with atomic_path(path) as partial, partial.open("wb") as file:
        yield file


def _table(contents: IOContents, columns: Mapping[str, np.ndarray]) -> Table:
    metrics = {
        name: Metric(name, "fraction", f"accuracy on the {name} images", values[:, None])
        for name, values in columns.items()
    }
    description = f"Networks of {contents.space} trained on {contents.data_set}, of an IO set."
    return Table(contents.space, contents.graphs, contents.hashes, metrics, description)


def _manifest(folder: Path, contents: IOContents) -> dict[str, Any]:
    names = [NETWORKS, SCALING, *(f"{name}.npy" for name in ARRAYS)]
    return {
        "format": FORMAT,
        "version": VERSION,
        "space": contents.space,
        "data_set": contents.data_set,
        "mean": contents.mean,
        "std": contents.std,
        "training_networks": contents.training_networks,
        "seen_images": contents.seen_images,
        "failed": list(contents.failed),
        "settings": contents.settings,
        "files": {
            name: {"bytes": (folder / name).stat().st_size, "sha256": sha256(folder / name)}
            for name in names
        },
    }


_KINDS: dict[str, type] = {
    "space": str,
    "data_set": str,
    "mean": list,
    "std": list,
    "training_networks": int,
    "seen_images": int,
    "failed": list,
    "settings": dict,
    "files": dict,
    "sha256": str,
}


def sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest with the checksum of itself, without which a changed number would be believed."""
    content = {key: value for key, value in plain(manifest).items() if key != "sha256"}
    text = json.dumps(content, sort_keys=True)
    return {**content, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(
            f"there is no IO set in {str(folder)!r}: expected a folder with {MANIFEST}, "
            "python -m Training_VAE.build_io_dataset makes one"
        )
    manifest = read_json(path)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InputError(f"{str(path)!r} is not the description of an IO set: name another folder")
    if manifest.get("version") not in (VERSION, WITHOUT_CENTROIDS):
        raise InputError(
            f"the IO set {str(folder)!r} has version {manifest.get('version')!r}, this program "
            f"reads {VERSION}: {AGAIN}"
        )
    wrong = [key for key, kind in _KINDS.items() if not isinstance(manifest.get(key), kind)]
    if wrong or manifest != sealed(manifest):
        where = f"{wrong[0]!r} is missing" if wrong else "its checksum is another"
        raise InputError(f"{str(path)!r} is damaged ({where}): {AGAIN}")
    return manifest


def _check_file(path: Path, about: Mapping[str, Any]) -> None:
    if not path.is_file():
        raise InputError(f"it has no file {path.name}; {AGAIN}")
    if (size := path.stat().st_size) != about["bytes"]:
        raise InputError(f"{path.name} has {size} bytes, expected {about['bytes']}; {AGAIN}")
    if (found := sha256(path)) != about["sha256"]:
        raise InputError(
            f"{path.name} was changed, its checksum is {found}, expected {about['sha256']}; {AGAIN}"
        )


def _mapped(path: Path) -> np.ndarray:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _assembled(folder: Path, manifest: Mapping[str, Any]) -> IOSet:
    table = read_table(folder / NETWORKS)
    arrays: dict[str, Any] = {name: _mapped(folder / f"{name}.npy") for name in ARRAYS}
    arrays |= {name: table.columns[name].values[:, 0] for name in ACCURACIES}
    io_set = IOSet(
        **arrays,
        space=table.space,
        data_set=manifest["data_set"],
        graphs=table.graphs,
        hashes=table.hashes,
        mean=np.array(manifest["mean"], np.float64),
        std=np.array(manifest["std"], np.float64),
        training_networks=manifest["training_networks"],
        seen_images=manifest["seen_images"],
        settings=manifest["settings"],
        failed=tuple(manifest["failed"]),
    )
    _check_shapes(io_set)
    if (get_space(table.space).hashes(table.graphs) != table.hashes).any():
        raise InputError(f"its hashes are not those of its {table.space} networks: {AGAIN}")
    old = manifest["version"] == WITHOUT_CENTROIDS
    scalers = fit_scalers(io_set) if old else _read_scalers(folder / SCALING, io_set)
    return replace(io_set, scalers=scalers)


def _check_shapes(io_set: IOSet) -> None:
    """Refuse arrays that do not fit together; the checksums do not know who wrote the files."""
    n, m, features = io_set.features.shape
    classes = io_set.num_classes
    expected = {
        "features": (n, m, features),
        "weights": (n, classes, features),
        "bias": (n, classes),
        "images": (m, *io_set.images.shape[1:]),
        "labels": (m,),
    }
    for name, kind in ARRAYS.items():
        array = getattr(io_set, name)
        if array.shape != expected[name] or array.dtype != kind:
            raise InputError(
                f"its {name} are {array.dtype} of shape {array.shape}, "
                f"expected {np.dtype(kind)} of shape {expected[name]}"
            )
    if len(io_set) != n:
        raise InputError(f"it has {len(io_set)} networks and the features of {n}")
    if io_set.images.ndim != 4 or len(io_set.mean) != io_set.images.shape[1]:
        raise InputError(
            f"its images have shape {io_set.images.shape} and {len(io_set.mean)} channel means, "
            "expected (images, channels, height, width) and a mean a channel"
        )
    if not 0 <= io_set.labels.min() <= io_set.labels.max() < classes:
        raise InputError(f"it has labels out of range, expected 0 to {classes - 1}")
    if not 1 < io_set.training_networks < n or not 0 < io_set.seen_images < m:
        raise InputError("it has no unseen network, or no unseen image")


def _scaler_arrays(scalers: IOScalers) -> dict[str, np.ndarray]:
    arrays = {
        f"{kind}.{moment}": np.stack([getattr(one, moment) for one in fitted])
        for kind, fitted in scalers.networks.items()
        for moment in MOMENTS
    }
    for name, positions in scalers.positions.items():
        arrays[f"positions.{name}"] = np.stack([positions.mean, positions.std])
    return arrays


def _read_scalers(path: Path, io_set: IOSet) -> IOScalers:
    n, classes, width = len(io_set), io_set.num_classes, io_set.num_features + 1
    shapes = {
        "network": (1, 1),
        "feature": (1, width),
        "label": (classes, 1),
        "centroid": (classes, width),
    }
    arrays = read_arrays(path, {f"{kind}.{m}": shapes[kind] for kind in SCALERS for m in MOMENTS})
    named = {
        name: each.positions(io_set.num_features, classes)
        for name, each in PREPROCESSINGS.items()
        if each.normalised
    }
    positions = read_arrays(path, {f"positions.{name}": (k,) for name, k in named.items()})
    for name, array in (arrays | positions).items():
        rows = 2 if name in positions else n
        if len(array) != rows or not np.isfinite(array).all():
            raise InputError(
                f"the scaler {name!r} does not fit: expected {rows} rows of finite numbers"
            )
    return IOScalers(
        {
            kind: [Scaler(*(arrays[f"{kind}.{m}"][row] for m in MOMENTS)) for row in range(n)]
            for kind in SCALERS
        },
        {name: Positions(*positions[f"positions.{name}"]) for name in named},
    )
