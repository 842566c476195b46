"""ImageNet16-120 in its official format: classes, split, and what is refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.commands import download
from datasets.downloads.published import PUBLISHED
from datasets.images import get_images, imagenet16
from datasets.images.imagenet16 import SPLIT_FILE, load_imagenet16, read_split
from experiment.errors import InputError

TRAIN = [f"train_data_batch_{k}" for k in range(1, 11)]
LABELS = [1, 120, 121, 1000, 60]
"""Of every batch; three are of the first 120 classes."""


@pytest.fixture(autouse=True)
def _few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagenet16, "TRAIN_IMAGES", 30)
    monkeypatch.setattr(imagenet16, "TEST_IMAGES", 6)


def write(
    folder: Path,
    split: object = None,
    change: Callable[[dict[str, Any]], object] | None = None,
    protocol: int = 3,
) -> Path:
    """The official files; ``change`` is made to the last training batch.

    The first pixel of an image is the number of its file, the second its number there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate([*TRAIN, "val_data"]):
        copies = 2 if name == "val_data" else 1
        data = np.zeros((len(LABELS) * copies, 768), dtype=np.uint8)
        data[:, 0], data[:, 1], data[:, 512 + 16 + 3] = number, range(len(data)), 99
        content = {"data": data, "labels": LABELS * copies, "mean": np.zeros(768)}
        if change is not None and name == TRAIN[-1]:
            change(content)
        (folder / name).write_bytes(pickle.dumps(content, protocol=protocol))
    if split is None:
        split = {"xvalid": ["int", ["5", "1", "2"]], "xtest": ["int", ["0", "3", "4"]]}
    (folder / SPLIT_FILE).write_text(json.dumps(split))
    return folder


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", ["ImageNet16", "Imagenet16", "ImageNet16-120"])
def test_the_first_classes_in_the_published_split(tmp_path: Path, name: str, protocol: int) -> None:
    data = get_images(name, write(tmp_path, protocol=protocol))
    assert (data.name, data.num_classes) == ("ImageNet16", 120)
    assert (data.in_channels, data.image_size) == (3, 16)
    assert data.train.labels.tolist() == [0, 119, 59] * 10
    # red, green and blue one behind the other, each line by line
    assert data.train.images[:, 0, 0, 0].tolist() == [k for k in range(10) for _ in range(3)]
    assert data.train.images[:, 0, 0, 1].tolist() == [0, 1, 4] * 10
    assert set(data.test.images[:, 2, 1, 3].tolist()) == {99}
    # the index file counts the test images that are left: numbers 0, 1, 4, 5, 6 and 9
    assert data.validation.images[:, 0, 0, 1].tolist() == [9, 1, 4]
    assert data.test.images[:, 0, 0, 1].tolist() == [0, 5, 6]
    assert data.validation.labels.tolist() == [59, 119, 59]


def test_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = tmp_path / "published"
    monkeypatch.setattr("datasets.images.places.PUBLISHED_PLACE", published)
    (root := tmp_path / "root").mkdir()
    monkeypatch.setenv("NAS_DATA_ROOT", str(root))
    with pytest.raises(InputError, match=r"no train_data_batch_1 .*downloads\.md.*imagenet16' or"):
        get_images("ImageNet16")
    write(published / "ImageNet16")
    assert len(get_images("ImageNet16").train) == 30
    (root / "imagenet16").mkdir()
    (published / "ImageNet16" / SPLIT_FILE).rename(root / "imagenet16" / SPLIT_FILE)
    assert len(get_images("ImageNet16", published).test) == 3
    (root / "imagenet16" / SPLIT_FILE).unlink()
    with pytest.raises(InputError, match=rf"no {SPLIT_FILE}.*--file {SPLIT_FILE}"):
        get_images("ImageNet16", published)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b["labels"].__setitem__(0, 0), "train_data_batch_10.* label 0, expected 1 to"),
        (lambda b: b["labels"].__setitem__(0, 1001), "label 1001, expected 1 to 1000"),
        (lambda b: b["labels"].__setitem__(0, 500), "have 29 images .* expected 30"),
        (lambda b: b["labels"].__setitem__(3, 100), "have 31 images .* expected 30"),
        (lambda b: b.update(data=np.zeros((5, 3072), np.uint8)), r"\(5, 3072\) .* \(n, 768\)"),
        (lambda b: b.pop("labels"), "no 'labels'"),
    ],
)
def test_wrong_batches_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load_imagenet16(write(tmp_path, change=change))


def test_cut_and_missing_batches_are_refused(tmp_path: Path) -> None:
    write(tmp_path)
    content = (tmp_path / "val_data").read_bytes()
    (tmp_path / "val_data").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"val_data' is not a batch .*cut off"):
        load_imagenet16(tmp_path)
    (tmp_path / TRAIN[6]).unlink()
    with pytest.raises(InputError, match=r"cannot read .*train_data_batch_7"):
        load_imagenet16(tmp_path)


@pytest.mark.parametrize(
    "split",
    [
        {"xvalid": ["int", ["0", "1", "2"]], "xtest": ["int", ["3", "4"]]},
        {"xvalid": ["int", ["0", "1", "2"]], "xtest": ["int", ["2", "3", "4", "5"]]},
        {"xvalid": ["int", ["0", "1", "2"]], "xtest": ["int", ["3", "4", "6"]]},
        {"xvalid": ["int", ["0", "1", "2", "3", "4", "5"]], "xtest": ["int", []]},
        {"xvalid": ["int", ["0", "1", "a"]], "xtest": ["int", ["3", "4", "5"]]},
        {"xvalid": ["int"], "xtest": 3},
        [],
        {},
    ],
)
def test_another_index_file_is_refused(tmp_path: Path, split: object) -> None:
    with pytest.raises(InputError, match=f"is not the published {SPLIT_FILE}"):
        load_imagenet16(write(tmp_path, split))


def test_an_index_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (write(tmp_path) / SPLIT_FILE).write_text('{"xvalid": [')
    with pytest.raises(InputError, match="is not a JSON file"):
        load_imagenet16(tmp_path)


def test_the_published_index_file(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imagenet16, "TEST_IMAGES", 6_000)
    published = data_root / "imagenet16" / SPLIT_FILE
    validation, test = read_split(published)
    assert (len(validation), len(test)) == (3_000, 3_000)
    assert validation[:3].tolist() == [1, 2, 3]
    arguments = ["--space", "ImageNet16", "--from", str(published), "--data_root", str(tmp_path)]
    assert download.main(arguments) == 0
    assert (tmp_path / "imagenet16" / SPLIT_FILE).read_bytes() == published.read_bytes()


def test_batches_are_taken_by_their_checksums(tmp_path: Path) -> None:
    """Real ones are not at hand: others are refused, and nothing is put in place."""
    folder = write(tmp_path / "mine")
    (root := tmp_path / "root").mkdir()
    names = {file.name for file in PUBLISHED["ImageNet16"]}
    assert names == {*TRAIN, "val_data", SPLIT_FILE}
    for name in (TRAIN[0], "val_data"):
        place = ["--space", "ImageNet16", "--file", name, "--data_root", str(root)]
        with pytest.raises(InputError, match=r"no address of .* is known.*--from FILE"):
            download.main(place)
        with pytest.raises(InputError, match=r"not the published .*it has md5:"):
            download.main([*place, "--from", str(folder / name)])
    assert not list(root.rglob("*data*"))


@pytest.mark.slow
def test_as_many_images_as_there_really_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imagenet16, "TRAIN_IMAGES", 151_700)
    monkeypatch.setattr(imagenet16, "TEST_IMAGES", 6_000)
    rest = 1_281_167 - 151_700
    for number, name in enumerate([*TRAIN, "val_data"]):
        if name == "val_data":
            labels = [k // 50 + 1 for k in range(50_000)]
        else:
            labels = [k % 120 + 1 for k in range(15_170)]
            labels += [121 + k % 880 for k in range(rest // 10 + (number < rest % 10))]
        images = np.zeros((len(labels), 768), dtype=np.uint8)
        (tmp_path / name).write_bytes(pickle.dumps({"data": images, "labels": labels}))
    indices = [str(k) for k in range(6_000)]
    split = {"xvalid": ["int", indices[:3_000]], "xtest": ["int", indices[3_000:]]}
    (tmp_path / SPLIT_FILE).write_text(json.dumps(split))
    data = load_imagenet16(tmp_path)
    assert [len(p) for p in (data.train, data.validation, data.test)] == [151_700, 3_000, 3_000]
