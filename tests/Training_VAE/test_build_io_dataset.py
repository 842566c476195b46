"""The command that builds a set of input–output information."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets import get_images, get_space, read_io_set
from datasets.batch import GraphBatch
from datasets.images import cifar10
from datasets.io_networks import labelled_rows, published_split
from experiment.paths import REPOSITORY_ROOT
from Training_VAE.build_io_dataset import SOURCES, main

Said = Callable[..., tuple[int, str, str]]
SMALL = ("--networks", 2, "--unseen_networks", 1, "--unseen_images", 20, "--epochs", 1)


def test_it_builds_and_says_what(command: Said, tmp_path: Path) -> None:
    given = ("--out", tmp_path / "io", *SMALL, "--seed", 4, "--engine", "here")
    code, out, _ = command(main, *given)
    assert code == 0
    assert "unseen_images_valid: 1 networks × 20 images = 20" in out
    assert "32 features; 0 networks failed" in out
    io_set = read_io_set(tmp_path / "io")
    hashes = get_space("DIGITS101").hashes(GraphBatch.cat(get_space("DIGITS101").enumerate()))
    rows = labelled_rows(published_split(hashes, 4), 2, 1, 4)
    expected = [*sorted(hashes[rows.train]), *hashes[rows.held_out]]
    assert io_set.hashes.tolist() == expected
    assert io_set.settings["recipe"]["epochs"] == 1
    assert io_set.settings["chosen"] == {"seed": 4, "train": 2, "unseen": 1}

    code, _, error = command(main, *given, "--training_seed", 1)
    assert (code, error.count("\n")) == (2, 1)
    assert "other settings (seed is 0 there and 1 here)" in error


CIFAR_SIZED = """
[network.DIGITS101]
stem_channels = 4
stacks = 2
cells = 1
batch_norm_momentum = 0.1
"""


def test_cifar_images_by_the_published_recipe(
    command: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A made-up CIFAR-10 of 120 images and narrow networks: all else is as published."""
    monkeypatch.setattr(cifar10, "BATCH_SIZE", 20)
    monkeypatch.setattr(cifar10, "KEPT_OUT", 20)
    generator = np.random.default_rng(0)
    (tmp_path / "cifar").mkdir()
    for name in (*cifar10.TRAIN_BATCHES, cifar10.TEST_BATCH):
        pixels = generator.integers(256, size=(20, 3072), dtype=np.uint8)
        content = {"data": pixels, "labels": [row % 10 for row in range(20)]}
        (tmp_path / "cifar" / name).write_bytes(pickle.dumps(content))
    published = (REPOSITORY_ROOT / "configs" / "info_nas.toml").read_text()
    recipe = published[published.index("[recipe]") :]
    (tmp_path / "small.toml").write_text(CIFAR_SIZED + recipe)
    source = replace(SOURCES["cifar10_info_nas"], config=str(tmp_path / "small.toml"))
    monkeypatch.setitem(SOURCES, "cifar10_info_nas", source)

    images = ("--data_set", "cifar10_info_nas", "--data", tmp_path / "cifar")
    given = ("--out", tmp_path / "io", "--engine", "here", *SMALL, *images)
    code, out, error = command(main, *given)
    assert (code, error) == (0, "")
    assert "8 features; 0 networks failed" in out
    io_set = read_io_set(tmp_path / "io")
    data = get_images("cifar10_info_nas", tmp_path / "cifar")
    assert (io_set.images[: io_set.seen_images] == data.validation.images.numpy()).all()
    assert (io_set.images[io_set.seen_images :] == data.test.images.numpy()).all()
    assert io_set.settings["networks"] == "NASBenchPyTorchDesign"
    assert io_set.settings["recipe"]["optimiser"] == "heavy_ball"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--networks", 3000), "3,000 training networks were asked for and the space has 2,278"),
        (("--seed", 2**32), "the seed is 4294967296, expected at most 4294967295"),
        (("--unseen_images", 501), "501 unseen images were asked for and digits has 500"),
        (("--data_set", "cifar10_info_nas", "--data", "nowhere"), "there is no cifar-10-batches"),
        (("--networks", 0), "expected at least 1"),
        (("--networks", 1), "1 training networks and 77 unseen ones"),
    ],
    ids=["networks", "seed", "images", "no files", "none", "one"],
)
def test_bad_flags_are_one_sentence(
    command: Said, tmp_path: Path, flags: tuple[object, ...], said: str
) -> None:
    code, _, error = command(main, "--out", tmp_path / "io", "--engine", "here", *flags)
    assert (code, error.count("\n")) == (2, 1)
    assert said in error
    assert not (tmp_path / "io" / "features.npy").exists()
