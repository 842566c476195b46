"""The digits and the containers of images: the split that is part of a benchmark, bad input."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace

import pytest
import torch

from datasets.images import ImageData, LabelledImages, get_images
from experiment.errors import InputError

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def digits() -> ImageData:
    return get_images("digits")


def test_every_image_is_in_one_part(digits: ImageData) -> None:
    from sklearn.datasets import load_digits

    parts = (digits.train, digits.validation, digits.test)
    assert [len(part) for part in parts] == [800, 497, 500]

    def rows(images: torch.Tensor, labels: torch.Tensor) -> list[tuple[int, ...]]:
        return sorted(
            (*image, label)
            for image, label in zip(images.flatten(1).tolist(), labels.tolist(), strict=True)
        )

    published = load_digits()
    assert rows(
        torch.cat([part.images for part in parts]), torch.cat([part.labels for part in parts])
    ) == rows(torch.from_numpy(published.images).int(), torch.from_numpy(published.target))


def test_the_split_is_the_one_of_the_benchmark(digits: ImageData) -> None:
    """Measured tables rest on it: it may never change."""
    found = {
        name: hashlib.sha256(
            part.images.numpy().tobytes() + part.labels.numpy().tobytes()
        ).hexdigest()[:16]
        for name, part in (("train", digits.train), ("test", digits.test))
    }
    assert found == {"train": "b2d8c9a7b00b4e7c", "test": "829bd924f6b3c709"}


def test_mean_and_deviation_are_those_of_the_training_part(digits: ImageData) -> None:
    pixels = digits.train.images.double()
    assert float(digits.mean) == pytest.approx(float(pixels.mean()))
    assert float(digits.std) == pytest.approx(float(pixels.std(correction=0)))
    assert (digits.in_channels, digits.image_size, digits.num_classes) == (1, 8, 10)
    assert int(pixels.max()) == 16


def test_without_scikit_learn_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(InputError, match=r"scikit-learn.*requirements-core\.txt"):
        get_images("digits")


def test_subset_keeps_the_order_asked_for(digits: ImageData) -> None:
    rows = torch.tensor([5, 2, 2])
    part = digits.train.subset(rows)
    assert torch.equal(part.images[1], digits.train.images[2])
    assert part.labels.tolist() == digits.train.labels[rows].tolist()


def test_images_and_labels_move_together(digits: ImageData) -> None:
    moved = digits.test.to("meta")
    assert (moved.images.device.type, moved.labels.device.type) == ("meta", "meta")
    assert len(moved) == 500


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a second device")
def test_everything_moves(digits: ImageData) -> None:
    moved = digits.to("cuda")
    tensors = [moved.mean, moved.std]
    for part in (moved.train, moved.validation, moved.test):
        tensors += [part.images, part.labels]
    assert {tensor.device.type for tensor in tensors} == {"cuda"}
    assert torch.equal(moved.train.images.cpu(), digits.train.images)


def some(count: int = 4, side: int = 8, channels: int = 1) -> LabelledImages:
    return LabelledImages(
        torch.zeros(count, channels, side, side, dtype=torch.uint8), torch.arange(count) % 10
    )


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (torch.zeros(4, 8, 8, dtype=torch.uint8), torch.zeros(4, dtype=torch.long)),
        (torch.zeros(4, 1, 8, 8), torch.zeros(4, dtype=torch.long)),
        (torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.zeros(3, dtype=torch.long)),
        (torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.zeros(4)),
    ],
)
def test_wrong_images_and_labels_are_refused(images: torch.Tensor, labels: torch.Tensor) -> None:
    with pytest.raises(InputError, match="expected"):
        LabelledImages(images, labels)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_classes": 9}, "label 9 among its .* images, expected 0 to 8"),
        ({"mean": torch.zeros(3)}, "one torch.float32 a channel"),
        ({"std": torch.zeros(1)}, "standard deviation of 0"),
        ({"test": some(side=7)}, r"test images of \(1, 7, 7\), expected \(1, 8, 8\)"),
        ({"validation": some(channels=3)}, "validation images"),
        ({"train": some(0)}, "no training images"),
        (
            {"test": LabelledImages(some(1).images, torch.tensor([-1]))},
            "label -1 among its test images",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    digits: ImageData, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        replace(digits, **changes)  # type: ignore[arg-type]


def test_there_may_be_no_validation(digits: ImageData) -> None:
    assert len(replace(digits, validation=some(0)).validation) == 0
