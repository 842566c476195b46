"""Sets of input–output information: parts, targets, files that are whole or refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datasets import get_space, read_io_set
from datasets.batch import GraphBatch
from datasets.io_files import ARRAYS, MANIFEST, Recorded, is_io_set, sealed, write_io_set
from datasets.io_set import PARTS, IOContents, IOSet
from datasets.io_targets import PREPROCESSINGS
from experiment.errors import InputError
from experiment.files import sha256

TRAINING, UNSEEN, SEEN, IMAGES, FEATURES, CLASSES = 11, 3, 6, 10, 5, 3


def contents() -> IOContents:
    space = get_space("DIGITS101")
    every = GraphBatch.cat(space.enumerate())
    hashes = space.hashes(every)
    generator = np.random.default_rng(0)
    drawn = generator.permutation(len(every))[: TRAINING + UNSEEN]
    order = [
        *sorted(drawn[:TRAINING], key=lambda row: hashes[row]),
        *sorted(drawn[TRAINING:], key=lambda row: hashes[row]),
    ]
    return IOContents(
        space="DIGITS101",
        data_set="digits",
        graphs=every[torch.tensor(order)],
        hashes=hashes[order],
        images=generator.integers(17, size=(IMAGES, 1, 8, 8), dtype=np.uint8),
        labels=np.arange(IMAGES) % CLASSES,
        mean=np.array([4.0]),
        std=np.array([2.0]),
        training_networks=TRAINING,
        seen_images=SEEN,
        settings={"seed": 1},
        failed=({"hash": "ab", "part": "train", "reason": "the loss is no longer finite"},),
    )


def recorded() -> list[Recorded]:
    generator = np.random.default_rng(1)
    return [
        Recorded(
            generator.random((IMAGES, FEATURES), dtype=np.float32),
            generator.normal(size=(CLASSES, FEATURES)).astype(np.float32),
            generator.normal(size=CLASSES).astype(np.float32),
            validation=row / 20,
            test=row / 10,
        )
        for row in range(TRAINING + UNSEEN)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("io") / "set"
    write_io_set(folder, contents(), recorded())
    return folder


@pytest.fixture
def io_set(folder: Path) -> IOSet:
    return read_io_set(folder)


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(folder, tmp_path / "copy")


def test_what_was_written_is_read(io_set: IOSet) -> None:
    given, rows = contents(), recorded()
    assert isinstance(io_set.features, np.memmap)
    assert not io_set.features.flags.writeable
    assert io_set.hashes.tolist() == given.hashes.tolist()
    assert list(io_set.graphs) == list(given.graphs)
    for name in ("images", "labels", "mean", "std"):
        assert (getattr(io_set, name) == getattr(given, name)).all()
    for row, one in enumerate(rows):
        assert (io_set.features[row] == one.features).all()
        assert (io_set.weights[row] == one.weights).all()
        assert (io_set.bias[row] == one.bias).all()
        assert (io_set.validation[row], io_set.test[row]) == (one.validation, one.test)
    assert (io_set.settings, io_set.failed) == (given.settings, given.failed)


def test_parts_cover_all_pairs_once(io_set: IOSet) -> None:
    count = np.zeros((len(io_set), IMAGES), dtype=int)
    for name in PARTS:
        part = io_set.part(name)
        count[part.networks, part.images] += 1
        assert part.features.base is not None  # a view, not a copy
        assert part.features.shape == (len(part.hashes), len(part.labels), FEATURES)
        assert len(part) == part.features.shape[0] * part.features.shape[1]
        assert (io_set.labels[part.image_indices] == part.labels).all()
        assert list(part.graphs) == list(io_set.graphs)[part.networks]
    assert (count == 1).all()


def test_the_smallest_tenth_of_the_hashes_validates(io_set: IOSet) -> None:
    part = io_set.part("unseen_images_valid")
    assert part.hashes.tolist() == sorted(io_set.hashes[:TRAINING])[:2]  # 1.1, rounded up
    assert len(io_set.part("unseen_images_test").hashes) == TRAINING - 2


def test_published_sizes() -> None:
    """608 + 77 networks, 1,000 + 2,000 images: the five counts of the paper."""
    given = replace(
        contents(), hashes=np.arange(685), labels=np.zeros(3000, int), training_networks=608
    )
    nothing = np.broadcast_to(np.float32(0), (685, 3000, 1))
    arrays: dict[str, Any] = dict.fromkeys(("validation", "test", "weights", "bias"), nothing)
    io_set = IOSet(**vars(replace(given, seen_images=1000)), features=nothing, **arrays)
    assert [len(io_set.part(name)) for name in PARTS] == [
        608_000,
        77_000,
        122_000,
        1_094_000,
        154_000,
    ]


@pytest.mark.parametrize("name", PREPROCESSINGS)
@pytest.mark.parametrize("part", ["train", "unseen_both"])
def test_targets_are_those_of_the_preprocessing(io_set: IOSet, name: str, part: str) -> None:
    chosen, block = PREPROCESSINGS[name], io_set.part(part)
    targets = block.targets(name)
    assert targets.dtype == np.float32
    assert targets.shape == (
        *block.features.shape[:2],
        chosen.outputs(FEATURES, io_set.num_classes),
    )
    last = range(len(io_set))[block.networks][-1]
    alone = chosen.unnormalised(
        io_set.features[last, block.images],
        block.labels,
        io_set.weights[last],
        io_set.bias[last],
        io_set.scalers.networks[chosen.scaler][last],
    )
    alone = chosen.finish(alone, io_set.scalers.positions.get(name))
    assert (targets[-1] == alone.astype(np.float32)).all()


def test_scalers_are_fitted_to_seen_images_and_training_networks(io_set: IOSet) -> None:
    train = io_set.part("train").targets("code").astype(np.float64)
    np.testing.assert_allclose(train.mean((0, 1)), 0, atol=1e-6)
    np.testing.assert_allclose(train.std((0, 1)), 1, atol=1e-6)
    features = io_set.features[-1, :SEEN].astype(np.float64)  # an unseen network's own
    ones = np.concatenate([features, np.ones((SEEN, 1))], axis=1)
    scaler = io_set.scalers.networks["network"][-1]
    found = [float(each[0, 0]) for each in (scaler.mean, scaler.std, scaler.maximum)]
    np.testing.assert_allclose(found, [ones.mean(), ones.std(), ones.max()], rtol=1e-12)


def test_fewer_positions_are_the_first_of_all(io_set: IOSet) -> None:
    part = io_set.part("train")
    three = part.targets(replace(PREPROCESSINGS["code"], top_k=3))
    assert (three == part.targets("code")[:, :, :3]).all()


def test_pixels_are_normalised(io_set: IOSet) -> None:
    pixels = io_set.pixels()
    assert pixels.dtype == torch.float32
    assert (pixels.numpy() == (io_set.images.astype(np.float32) - 4) / 2).all()


def test_the_same_set_has_the_same_files(folder: Path, tmp_path: Path) -> None:
    write_io_set(tmp_path / "again", contents(), recorded())
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"training_networks": 1}, "1 training networks of 14"),
        ({"training_networks": 14}, "14 training networks of 14"),
        ({"seen_images": 10}, "10 seen images of 10"),
        ({"hashes": contents().hashes[::-1]}, "ascending order"),
        ({"labels": np.array([0, 1] * 5)}, "class 2 has no image"),
    ],
    ids=["one network", "none unseen", "all seen", "order", "class without images"],
)
def test_contents_that_are_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        write_io_set(tmp_path / "set", replace(contents(), **change), recorded())
    assert not is_io_set(tmp_path / "set")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (recorded()[:-1], "13 networks were recorded, expected 14"),
        ([*recorded(), recorded()[0]], "expected 14 networks"),
        ([*recorded()[:3], replace(recorded()[0], features=np.ones((IMAGES, 2)))], "network 3"),
        ([], "no network was recorded"),
    ],
    ids=["too few", "too many", "another width", "none"],
)
def test_records_that_are_refused(tmp_path: Path, rows: list[Recorded], said: str) -> None:
    with pytest.raises(InputError, match=said):
        write_io_set(tmp_path / "set", contents(), rows)
    assert not is_io_set(tmp_path / "set")


def test_wrong_names(io_set: IOSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no part is called 'valid'"):
        io_set.part("valid")
    with pytest.raises(InputError, match="no preprocessing is called 'raw'"):
        io_set.part("train").targets("raw")
    with pytest.raises(InputError, match="no IO set in"):
        read_io_set(tmp_path)


def change_array(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        array = np.load(folder / f"{name}.npy")
        np.save(folder / f"{name}.npy", change(array))

    return changed


def seal_again(folder: Path) -> None:
    """Give changed files the checksums that they have now, as somebody else's program would."""
    manifest = json.loads((folder / MANIFEST).read_text())
    for name, about in manifest["files"].items():
        about |= {"bytes": (folder / name).stat().st_size, "sha256": sha256(folder / name)}
    (folder / MANIFEST).write_text(json.dumps(sealed(manifest)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change_array("labels", lambda old: old + 1), "labels out of range"),
        (change_array("images", lambda old: old[:, 0]), "its images have shape"),
        (change_array("images", lambda old: old[1:]), "its images are uint8 of shape"),
        (change_array("weights", lambda old: old[:, :, 1:]), "its weights are"),
        (change_array("features", lambda old: old[:, :, 1:]), "its weights are"),
        (change_array("features", lambda old: old.astype(float)), "its features are float64"),
    ],
    ids=["labels", "flat images", "few images", "weights", "features", "type"],
)
def test_arrays_that_do_not_fit(copied: Path, change: Callable[[Path], None], said: str) -> None:
    change(copied)
    seal_again(copied)
    with pytest.raises(InputError, match=said):
        read_io_set(copied)


def test_scalers_of_another_set(copied: Path) -> None:
    scalers = dict(np.load(copied / "scalers.npz"))
    np.savez(copied / "scalers.npz", **scalers | {"positions.code": np.ones((2, FEATURES))})
    seal_again(copied)
    with pytest.raises(InputError, match=re.escape("array 'positions.code' is float64 (2, 5)")):
        read_io_set(copied)


def test_the_version_before_is_read(copied: Path, io_set: IOSet) -> None:
    """It has no scalers for similarities: they are fitted when it is opened."""
    scalers = dict(np.load(copied / "scalers.npz"))
    before = {name: array for name, array in scalers.items() if "centroid" not in name}
    del before["positions.similarities"]
    np.savez(copied / "scalers.npz", **before)
    manifest = json.loads((copied / MANIFEST).read_text())
    (copied / MANIFEST).write_text(json.dumps({**manifest, "version": 1}))
    seal_again(copied)
    found = read_io_set(copied)
    for name in PREPROCESSINGS:
        wanted = io_set.part("unseen_both").targets(name)
        assert (found.part("unseen_both").targets(name) == wanted).all()


def test_networks_of_another_set(copied: Path, tmp_path: Path) -> None:
    given = contents()
    other = replace(given, graphs=given.graphs[torch.arange(len(given.hashes)).flip(0)])
    write_io_set(tmp_path / "other", other, recorded())
    shutil.copy(tmp_path / "other" / "networks.npz", copied)
    with pytest.raises(InputError, match=r"networks\.npz"):  # another checksum
        read_io_set(copied)
    seal_again(copied)
    with pytest.raises(InputError, match="hashes are not those of its DIGITS101 networks"):
        read_io_set(copied)


def test_every_damage_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    """Cut off, changed, emptied or removed: no file of a set may be taken for a good one."""
    generator = np.random.default_rng(2)
    names = sorted(path.name for path in folder.iterdir())
    assert set(names) == {MANIFEST, "networks.npz", "scalers.npz", *(f"{a}.npy" for a in ARRAYS)}
    copy = shutil.copytree(folder, tmp_path / "copy")
    for name in names:
        good = (folder / name).read_bytes()
        place = copy / name
        for _ in range(12):
            changed = bytearray(good)
            changed[generator.integers(len(good))] ^= 1 << generator.integers(8)
            place.write_bytes(changed)
            if name == MANIFEST and same_json(changed, good):
                continue  # white space
            with pytest.raises(InputError):
                read_io_set(copy)
        for short in (b"", good[: generator.integers(len(good))], good + b"\0"):
            place.write_bytes(short)
            with pytest.raises(InputError):
                read_io_set(copy)
        place.unlink()
        with pytest.raises(InputError):
            read_io_set(copy)
        place.write_bytes(good)
    read_io_set(copy)


def same_json(one: bytes | bytearray, other: bytes) -> bool:
    try:
        return json.loads(one) == json.loads(other)
    except ValueError:
        return False
