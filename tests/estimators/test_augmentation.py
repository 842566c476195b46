"""Augmentation: what each change does to known images, and how often."""

from __future__ import annotations

import pytest
import torch

from estimators.tasks.augmentation import Augmentation, cutout, flip, normalise, pad_crop
from experiment.errors import InputError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbered(batch: int, channels: int = 2, height: int = 6, width: int = 8) -> torch.Tensor:
    """Images without two equal pixels, and without a 0."""
    count = batch * channels * height * width
    return torch.arange(1.0, count + 1).reshape(batch, channels, height, width)


def test_normalised_images_have_mean_0_and_deviation_1() -> None:
    images = torch.randint(256, (50, 3, 8, 8), dtype=torch.uint8, generator=generator())
    pixels = images.double()
    mean = pixels.mean((0, 2, 3)).float()
    std = pixels.std((0, 2, 3), correction=0).float()
    result = normalise(images, mean, std)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(result.std((0, 2, 3), correction=0), torch.ones(3))


def test_normalisation_is_by_channel() -> None:
    images = torch.tensor([10, 20], dtype=torch.uint8).reshape(1, 2, 1, 1)
    result = normalise(images, torch.tensor([12.0, 0.0]), torch.tensor([4.0, 10.0]))
    assert result.flatten().tolist() == [-0.5, 2.0]


def test_flip_leaves_an_image_or_mirrors_it() -> None:
    images = numbered(400)
    result = flip(images, generator())
    mirrored = (result == images.flip(-1)).flatten(1).all(1)
    same = (result == images).flatten(1).all(1)
    assert bool((mirrored ^ same).all())
    assert 150 < int(mirrored.sum()) < 250  # five standard deviations of Binomial(400, 1/2)


def test_a_crop_is_a_window_of_the_padded_image() -> None:
    images, padding = numbered(300), 2
    padded = torch.nn.functional.pad(images, (padding,) * 4)
    result = pad_crop(images, generator(), padding)
    assert result.shape == images.shape
    seen = []
    for k in range(len(images)):
        seen.append(
            [
                (top, left)
                for top in range(2 * padding + 1)
                for left in range(2 * padding + 1)
                if torch.equal(padded[k, :, top : top + 6, left : left + 8], result[k])
            ]
        )
    assert all(len(places) == 1 for places in seen)
    # 300 draws of 25 places: each is missed with probability 5e-6, so all must come up
    assert len({places[0] for places in seen}) == 25


def test_cutout_is_one_square_clipped_at_the_border() -> None:
    images, length = numbered(500), 4
    result = cutout(images, generator(), length)
    centres = set()
    for before, after in zip(images, result, strict=True):
        gone = (after == 0).all(0)
        assert torch.equal(after, torch.where(gone, 0.0, before))
        rows, columns = gone.any(1).nonzero().flatten(), gone.any(0).nonzero().flatten()
        assert int(gone.sum()) == len(rows) * len(columns)  # a rectangle
        for places, size in ((rows, 6), (columns, 8)):
            low, high = int(places.min()), int(places.max())
            assert len(places) == high - low + 1
            assert len(places) == length or low == 0 or high == size - 1
            assert length // 2 <= len(places) <= length
        centres.add((int(rows.max()), int(columns.max())))
    assert len(centres) > 20


def test_cutout_takes_the_area_that_the_formula_gives() -> None:
    """Mean over the centres of the clipped length, squared: rows and columns are independent."""
    size, length = 32, 16
    clipped = [min(c + 8, size) - max(c - 8, 0) for c in range(size)]
    expected = (sum(clipped) / size) ** 2
    result = cutout(torch.ones(4000, 1, size, size), generator(), length)
    assert float((result == 0).sum()) / 4000 == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_cutout_changes_as_many_images_as_asked(probability: float) -> None:
    result = cutout(torch.ones(2000, 1, 8, 8), generator(), 2, probability)
    changed = float((result == 0).flatten(1).any(1).float().mean())
    assert changed == pytest.approx(probability, abs=0.05 * (0 < probability < 1))


EVERYTHING = Augmentation(padding=2, flip=True, cutout_length=3)


def test_the_same_generator_gives_the_same_images() -> None:
    images = numbered(20)
    first = EVERYTHING(images, generator(3))
    assert torch.equal(EVERYTHING(images, generator(3)), first)
    assert not torch.equal(EVERYTHING(images, generator(4)), first)


def test_equal_images_are_changed_differently() -> None:
    result = EVERYTHING(numbered(1).expand(30, -1, -1, -1), generator())
    assert len({tuple(image.flatten().tolist()) for image in result}) > 25


def test_images_that_come_are_left_alone() -> None:
    images = numbered(20)
    EVERYTHING(images, generator())
    assert torch.equal(images, numbered(20))


def test_nothing_is_done_by_default() -> None:
    images, numbers = numbered(5), generator()
    before = numbers.get_state()
    assert torch.equal(Augmentation()(images, numbers), images)
    assert torch.equal(numbers.get_state(), before)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float64])
def test_type_and_layout_stay(kind: torch.dtype) -> None:
    images = numbered(4).to(kind).contiguous(memory_format=torch.channels_last)
    result = EVERYTHING(images, generator())
    assert result.dtype == kind
    assert result.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    "wrong", [{"padding": -1}, {"cutout_length": -1}, {"cutout_probability": 1.5}]
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="expected"):
        Augmentation(**wrong)  # type: ignore[arg-type]
