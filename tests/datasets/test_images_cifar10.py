"""CIFAR-10 in its official format: what is read, how it is split, and what is refused."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pickle
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datasets.downloads.published import PUBLISHED
from datasets.images import cifar10, get_images
from datasets.images.cifar10 import load_cifar10
from datasets.images.image_data import ImageData
from experiment.errors import InputError

NAMES = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]
SIZE = 20


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "BATCH_SIZE", SIZE)


def batch(name: str) -> dict[bytes, Any]:
    """A batch whose first pixel is the number of the image among all."""
    first = NAMES.index(name) * SIZE
    data = np.random.default_rng(first).integers(256, size=(SIZE, 3072), dtype=np.uint8)
    data[:, 0] = np.arange(first, first + SIZE)
    return {
        b"batch_label": name.encode(),
        b"labels": [k % 10 for k in range(SIZE)],
        b"data": data,
        b"filenames": [b"x.png"] * SIZE,
    }


def write(
    folder: Path, protocol: int = 2, change: Callable[[dict[bytes, Any]], object] | None = None
) -> Path:
    """An official folder; ``change`` is made to its third batch."""
    folder.mkdir(parents=True)
    for name in NAMES:
        content = batch(name)
        if change is not None and name == "data_batch_3":
            change(content)
        (folder / name).write_bytes(pickle.dumps(content, protocol=protocol))
    return folder


def numbers(data: ImageData) -> list[list[int]]:
    """Of the images in each part, by their first pixels."""
    parts = (data.train, data.validation, data.test)
    return [part.images[:, 0, 0, 0].tolist() for part in parts]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_images_and_labels_are_those_of_the_files(tmp_path: Path, protocol: int) -> None:
    write(tmp_path / "cifar-10-batches-py", protocol)
    data = get_images("cifar10", tmp_path)
    everything = {int(image[0, 0, 0]): image for image in data.train.images}
    everything |= {int(image[0, 0, 0]): image for image in data.validation.images}
    assert sorted(everything) == list(range(5 * SIZE))
    for name in NAMES[:5]:
        for row in batch(name)[b"data"]:
            # a row is 1,024 red, then green, then blue values, each line by line
            assert everything[row[0]][1, 2, 3] == row[1024 + 2 * 32 + 3]
            assert everything[row[0]].flatten().tolist() == row.tolist()
    assert numbers(data)[2] == list(range(5 * SIZE, 6 * SIZE))
    for part in (data.train, data.test):
        assert part.labels.tolist() == [k % SIZE % 10 for k in part.images[:, 0, 0, 0].tolist()]
    assert (data.in_channels, data.image_size, data.num_classes) == (3, 32, 10)


@pytest.mark.parametrize(("share", "expected"), [(None, 80), (0.5, 50), (0.014, 1), (1.0, 100)])
def test_the_share_is_trained_on(tmp_path: Path, share: float | None, expected: int) -> None:
    write(tmp_path / "cifar-10-batches-py")
    train, validation, test = numbers(get_images("cifar10", tmp_path, train_share=share))
    assert (len(train), len(validation), len(test)) == (expected, 100 - expected, SIZE)
    assert sorted(train + validation) == list(range(100))


def test_the_split_is_mixed_and_fixed_by_its_seed(tmp_path: Path) -> None:
    write(tmp_path / "cifar-10-batches-py")
    first = numbers(load_cifar10(tmp_path))
    assert numbers(load_cifar10(tmp_path)) == first
    assert numbers(load_cifar10(tmp_path, split_seed=1))[0] != first[0]
    assert numbers(load_cifar10(tmp_path, train_share=0.5))[0] == first[0][:50]
    assert sorted(first[0]) != list(range(80))


@pytest.mark.parametrize("share", [0, -0.1, 1.1, float("nan")])
def test_impossible_shares_are_refused(tmp_path: Path, share: float) -> None:
    with pytest.raises(InputError, match="expected above 0 and at most 1"):
        load_cifar10(tmp_path, train_share=share)


def test_a_share_that_trains_on_nothing_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "cifar-10-batches-py")
    with pytest.raises(InputError, match="no training images"):
        load_cifar10(tmp_path, train_share=0.001)


def archive(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An official archive, published with its own checksum."""
    folder = write(path.parent / "unpacked" / "cifar-10-batches-py")
    (folder / "readme.html").write_text("<!DOCTYPE html>")
    with tarfile.open(path, "w:gz") as tape:
        tape.add(folder, "cifar-10-batches-py")
    (published,) = PUBLISHED["CIFAR10"]
    digits = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setitem(PUBLISHED, "CIFAR10", (replace(published, checksum=f"md5:{digits}"),))
    return path


def test_the_archive_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root := tmp_path / "root" / "cifar10").mkdir(parents=True)
    packed = archive(root / "cifar-10-python.tar.gz", monkeypatch)
    unpacked = load_cifar10(root / "unpacked")
    for given in ({"data_root": root.parent}, {"folder": root}, {"folder": packed}):
        data = load_cifar10(**given)  # type: ignore[arg-type]
        assert torch.equal(data.train.images, unpacked.train.images)
        assert torch.equal(data.test.labels, unpacked.test.labels)


@pytest.mark.parametrize("damage", ["cut", "byte", "page"])
def test_a_damaged_archive_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    packed = archive(tmp_path / "cifar-10-python.tar.gz", monkeypatch)
    content = packed.read_bytes()
    flipped = content[:100] + bytes([content[100] ^ 1]) + content[101:]
    damaged = {"cut": content[:-100], "byte": flipped, "page": b"<!DOCTYPE html>"}
    packed.write_bytes(damaged[damage])
    with pytest.raises(InputError, match=r"not the published .* or damaged: it has md5:"):
        load_cifar10(tmp_path)


def test_places_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = tmp_path / "published"
    monkeypatch.setattr("datasets.images.places.PUBLISHED_PLACE", published)
    (root := tmp_path / "root").mkdir()
    with pytest.raises(InputError, match=r"looked in '.*root/cifar10' or '.*published'"):
        get_images("cifar10", data_root=root)
    write(published / "cifar-10-batches-py", change=lambda b: b[b"data"].fill(1))
    assert 1 in numbers(get_images("cifar10", data_root=root))[0]
    write(root / "cifar10" / "cifar-10-batches-py", change=lambda b: b[b"data"].fill(200))
    assert 200 in numbers(get_images("cifar10", data_root=root))[0]
    monkeypatch.setenv("NAS_DATA_ROOT", str(root))
    assert 200 in numbers(get_images("cifar10"))[0]
    with pytest.raises(InputError, match=r"there is no cifar-10-batches-py/.*--space CIFAR10"):
        get_images("cifar10", tmp_path / "nowhere")


class Attack:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("echo run > attacked",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b.update({b"data": b[b"data"][:, :3071]}), r"\(20, 3071\) uint8, expected"),
        (lambda b: b.update({b"data": b[b"data"].reshape(-1, 3, 32, 32)}), "expected"),
        (lambda b: b.update({b"data": b[b"data"].astype(np.float32)}), "float32, expected"),
        (lambda b: b.update({b"data": b[b"data"].tolist()}), "images of list"),
        (lambda b: b.update({b"data": b[b"data"][:19], b"labels": [0] * 19}), "has 19 images"),
        (
            lambda b: b.update({b"labels": [0] * 19}),
            r"labels of shape \(19,\), expected one an image",
        ),
        (lambda b: b.update({b"labels": [0.0] * 20}), "no list of whole numbers"),
        (lambda b: b.update({b"labels": [[0], [1, 2]]}), "no list of whole numbers"),
        (lambda b: b.update({b"labels": [10, *[0] * 19]}), "label 10, expected 0 to 9"),
        (lambda b: b.update({b"labels": [*[0] * 19, -1]}), "label -1, expected 0 to 9"),
        (lambda b: b.update({b"labels": [1 << 70] * 20}), "no list of whole numbers"),
        (lambda b: b.pop(b"data"), "no 'data'"),
        (lambda b: b.pop(b"labels"), "no 'labels'"),
        (lambda b: b.update({b"more": Attack()}), "can be read .*nothing was run"),
    ],
)
def test_wrong_batches_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[dict[bytes, Any]], object],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "cifar-10-batches-py", change=change)
    with pytest.raises(InputError, match=rf"data_batch_3.*{message}") as caught:
        load_cifar10(tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "attacked").exists()


def test_cut_and_missing_batches_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "cifar-10-batches-py")
    content = (folder / "test_batch").read_bytes()
    for end in (0, 1, 100, len(content) // 2, len(content) - 1):
        (folder / "test_batch").write_bytes(content[:end])
        with pytest.raises(InputError, match=r"test_batch of .* fetch it again"):
            load_cifar10(folder)
    (folder / "test_batch").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(InputError, match=r"test_batch of .* expected a dictionary"):
        load_cifar10(folder)
    (folder / "test_batch").unlink()
    with pytest.raises(InputError, match=r"cannot read .*test_batch"):
        load_cifar10(folder)


def test_unknown_names_and_idle_shares_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'cifar': choose one of cifar10, cifar10_info_nas"):
        get_images("cifar")
    for name in ("ImageNet16", "digits"):
        with pytest.raises(InputError, match=f"the split of {name} is fixed"):
            get_images(name, tmp_path, train_share=0.5)


def test_real_images(tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are at hand, which are lossy: their colours are the published ones anyway."""
    pytest.importorskip("PIL")
    spec = importlib.util.spec_from_file_location("unpack", data_root / "cifar10" / "unpack.py")
    assert spec is not None
    assert spec.loader is not None
    unpack = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(unpack)
    images, labels = unpack.decode(data_root / "cifar10" / "cifar10_test_jpegbytes.npz")
    monkeypatch.setattr(cifar10, "BATCH_SIZE", 1000)
    for k, name in enumerate(NAMES):
        rows = slice(1000 * k, 1000 * (k + 1))
        content = {b"data": images[rows], b"labels": labels[rows]}
        (tmp_path / name).write_bytes(pickle.dumps(content))
    data = load_cifar10(tmp_path, train_share=1.0)
    pixels = data.train.images.double()
    torch.testing.assert_close(pixels.mean((0, 2, 3)).float(), data.mean, atol=2.0, rtol=0)
    torch.testing.assert_close(
        pixels.std((0, 2, 3), correction=0).float(), data.std, atol=2.0, rtol=0
    )
    assert data.test.labels.tolist() == labels[5000:6000]


@pytest.mark.slow
def test_everything_that_is_at_hand(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("PIL")
    monkeypatch.setattr(cifar10, "BATCH_SIZE", 10_000)
    script = data_root / "cifar10" / "unpack.py"
    subprocess.run([sys.executable, script, tmp_path], check=True, stdout=subprocess.DEVNULL)
    data = load_cifar10(tmp_path)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [
        40_000,
        10_000,
        10_000,
    ]
    counts = torch.bincount(torch.cat([data.train.labels, data.validation.labels]))
    assert counts.tolist() == [5000] * 10
    assert torch.bincount(data.test.labels).tolist() == [1000] * 10


def test_info_nas_keeps_images_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "KEPT_OUT", 10)
    data = get_images("cifar10_info_nas", write(tmp_path / "cifar"))
    kept = np.random.RandomState(1).permutation(100)[:10].tolist()  # what choice draws
    assert data.validation.images[:, 0, 0, 0].tolist() == kept
    assert data.train.images[:, 0, 0, 0].tolist() == sorted(set(range(100)) - set(kept))
    assert data.test.images[:, 0, 0, 0].tolist() == list(range(100, 120))
