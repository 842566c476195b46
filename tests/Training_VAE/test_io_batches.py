"""Batches of labelled pairs and unlabelled graphs: their order, their rows, their pairs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datasets import get_space
from experiment.errors import InputError
from Training_VAE.io_batches import (
    SAMPLINGS,
    Batch,
    Blocks,
    MixedEpoch,
    Mixture,
    Pairs,
    in_blocks,
    row_batches,
)
from Training_VAE.settings import IOSettings, load_settings


def settings(**changes: Any) -> IOSettings:
    loaded = load_settings("info_nas", "CIFAR10", changes, "io")
    assert isinstance(loaded, IOSettings)
    return loaded


def pairs(networks: int = 6, images: int = 5) -> Pairs:
    """Targets are the numbers of network and image."""
    cells = get_space("DIGITS101").sample_batch(networks, np.random.default_rng(0))
    pixels = torch.arange(images).float()[:, None, None, None].expand(-1, 1, 2, 2)
    numbers = torch.cartesian_prod(torch.arange(networks), torch.arange(images))
    return Pairs(cells, (pixels,), numbers.float().view(networks, images, 2))


def batches(epoch: MixedEpoch) -> list[Batch]:
    size = len(epoch) // len(epoch.order)
    return [epoch[start : start + size] for start in range(0, len(epoch), size)]


def kinds(epoch: MixedEpoch) -> str:
    return "".join("U" if each.targets is None else "L" for each in batches(epoch))


def labelled_targets(epoch: MixedEpoch) -> torch.Tensor:
    return torch.cat([each.targets for each in batches(epoch) if each.targets is not None])


def test_the_published_order_is_that_of_the_published_code(fixtures_root: Path) -> None:
    content = json.loads((fixtures_root / "infonas_NB101" / "io_preprocessing.json").read_text())
    cases = content["expected"]["interleaving"]
    assert len(cases) == 3
    for case in cases:
        size, passes = case["batch_size"], case["repeat_unlabeled"]
        chosen = settings(
            batch_size=size,
            block_labelled=case["k"],
            coefficient=case["coef_k"],
            unlabelled_passes=passes,
        )
        of_a_pass = -(-case["unlabelled_items"] // size)
        blocks = Blocks.of(chosen, case["labelled_networks"], of_a_pass)
        assert blocks.unlabelled == case["unlabelled_per_block"]
        labelled = -(-case["labelled_items"] // size)
        order = in_blocks(labelled, of_a_pass * passes, blocks, np.random.default_rng(0))
        assert "".join("UL"[each] for each in order.astype(int)) == case["sequence"]


def test_the_published_numbers_of_batches() -> None:
    """608 networks, 1,000 images and the unlabelled nine tenths of NB101, in batches of 32."""
    assert Blocks.of(settings(), 608, 11_896) == Blocks(300, 206)
    order = in_blocks(19_000, 11_896, Blocks(300, 206), np.random.default_rng(0))
    assert (len(order), order.sum(), order[-1600:].all()) == (30_896, 19_000, True)
    assert not order[-1601]
    digits = load_settings("info_nas", "digits", {}, "io")
    assert isinstance(digits, IOSettings)
    assert Blocks.of(digits, 608, 1) == Blocks(200, 133)


@pytest.mark.parametrize("name", SAMPLINGS)
@pytest.mark.parametrize(("labelled", "unlabelled"), [(7, 3), (3, 7), (4, 4), (1, 9), (5, 1)])
def test_every_order_has_every_batch(name: str, labelled: int, unlabelled: int) -> None:
    def order(seed: int) -> np.ndarray:
        return SAMPLINGS[name](labelled, unlabelled, Blocks(2, 1), np.random.default_rng(seed))

    found = order(0)
    assert (len(found), found.sum()) == (labelled + unlabelled, labelled)
    assert (found == order(0)).all()
    if name == "evenly":
        rarer = np.flatnonzero(found == (labelled <= unlabelled))
        assert len(rarer) < 2 or np.ptp(np.diff(rarer)) <= 1


def test_orders_differ_and_a_block_may_lack_unlabelled_batches() -> None:
    generator = np.random.default_rng(0)
    found = {
        name: "".join("UL"[each] for each in sampling(6, 3, Blocks(2, 1), generator).astype(int))
        for name, sampling in SAMPLINGS.items()
    }
    assert found["blocks"] == "LLULLULLU"
    assert found["evenly"] == "ULLULLULL"
    assert found["shuffled"] not in (found["blocks"], found["evenly"])
    assert in_blocks(4, 2, Blocks(2, 0), generator).tolist() == [True] * 4 + [False] * 2


def test_rows_are_drawn_pass_by_pass() -> None:
    drawn = row_batches(7, 3, None, 2, (1, 2))
    assert [len(each) for each in drawn] == [3, 3, 1, 3, 3, 1]
    for first in (0, 3):
        assert sorted(np.concatenate(drawn[first : first + 3])) == list(range(7))
    assert not np.array_equal(drawn[0], drawn[3])
    counted = row_batches(7, 3, 4, 1, (1, 2))
    assert all(np.array_equal(*both) for both in zip(counted, drawn[:4], strict=True))


def test_a_batch_has_the_targets_and_images_of_its_pairs() -> None:
    rows = np.array([0, 7, 29, 7])
    whole = pairs()
    batch = whole.batch(rows)
    assert batch.targets is not None
    assert batch.targets.tolist() == [[0, 0], [1, 2], [5, 4], [1, 2]]
    assert batch.inputs[0][:, 0, 0, 0].tolist() == [0, 2, 4, 2]
    assert list(batch.graphs) == [whole.graphs.graph(row) for row in (0, 1, 5, 1)]


def test_an_epoch_is_a_function_of_seed_and_number() -> None:
    cells = get_space("DIGITS101").sample_batch(20, np.random.default_rng(1))
    chosen = settings(batch_size=4, block_labelled=3, block_unlabelled=2)
    mixture = Mixture(pairs(), cells, chosen, seed=3)
    epoch = mixture(0)
    assert kinds(epoch) == "LLLUULLLUULLU"
    assert len(epoch) == 13 * 4
    found = labelled_targets(epoch)
    assert sorted(map(tuple, found.tolist())) == [(a, i) for a in range(6) for i in range(5)]
    assert epoch.labelled_share == 30 / 50
    assert torch.equal(labelled_targets(Mixture(pairs(), cells, chosen, seed=3)(0)), found)
    assert not torch.equal(labelled_targets(mixture(1)), found)
    assert not torch.equal(labelled_targets(Mixture(pairs(), cells, chosen, seed=4)(0)), found)
    limited = Mixture(pairs(), cells, replace(chosen, labelled_batches=9, unlabelled_batches=2), 3)
    assert kinds(limited(0)) == "LLLUULLLLLL"


def test_mixtures_that_cannot_be_are_refused() -> None:
    cells = get_space("DIGITS101").sample_batch(5, np.random.default_rng(1))
    with pytest.raises(InputError, match="no order of batches is called 'nightly'"):
        Mixture(pairs(), cells, settings(sampling="nightly"), 1)
    with pytest.raises(InputError, match="30 labelled pairs and 0 unlabelled"):
        Mixture(pairs(), cells[:0], settings(), 1)
    with pytest.raises(InputError, match="6 labelled networks are fewer than a batch"):
        Mixture(pairs(), cells, settings(), 1)(0)
    for name in ("block_labelled", "labelled_batches", "unlabelled_batches", "unlabelled_passes"):
        with pytest.raises(InputError, match=f"{name} is 0"):
            settings(**{name: 0})
    with pytest.raises(InputError, match="coefficient -1"):
        settings(coefficient=-1.0)
