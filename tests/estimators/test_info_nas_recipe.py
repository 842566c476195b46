"""The recipe by which info-NAS trained its networks, against plain PyTorch."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from datasets import get_space
from datasets.images import ImageData, LabelledImages
from estimators.fitting import training_loop
from estimators.networks import NASBenchPyTorchDesign
from estimators.tasks.augmentation import normalise
from estimators.tasks.data_sets import DATA_SETS
from estimators.tasks.images import ImageRecipe, PreparedImages
from experiment.config import load_preset, resolve
from models.networks.nb101 import NB101Network

CELL = get_space("NB101").parse(
    '{"matrix": [[0,1,1,0,0],[0,0,0,1,0],[0,0,0,0,1],[0,0,0,0,1],[0,0,0,0,0]],'
    ' "ops": ["input", "conv3x3-bn-relu", "maxpool3x3", "conv1x1-bn-relu", "output"]}'
)


def design(**overrides: Any) -> NASBenchPyTorchDesign:
    return resolve(NASBenchPyTorchDesign, load_preset("info_nas", "network", "NB101"), overrides)


def network_of(**overrides: Any) -> NB101Network:
    network = design(**overrides).build(CELL, DATA_SETS["cifar10_info_nas"])
    assert isinstance(network, NB101Network)
    return network


def images(count: int) -> ImageData:
    generator = torch.Generator().manual_seed(0)

    def part(count: int) -> LabelledImages:
        return LabelledImages(
            torch.randint(256, (count, 3, 8, 8), generator=generator).to(torch.uint8),
            torch.randint(10, (count,), generator=generator),
        )

    mean, std = torch.full((3,), 120.0), torch.full((3,), 60.0)
    return ImageData("made up", 10, mean, std, part(count), part(4), part(4))


def test_published_settings() -> None:
    recipe = ImageRecipe.load("info_nas")
    assert (recipe.epochs, recipe.batch_size, recipe.learning_rate) == (12, 128, 0.025)
    assert (recipe.momentum, recipe.weight_decay, recipe.gradient_clip) == (0.9, 1e-4, 5.0)
    assert (recipe.padding, recipe.flip, recipe.cutout_length) == (4, True, 0)
    network = network_of()
    assert network.classifier.dense.in_features == 512
    norms = [each for each in network.modules() if isinstance(each, nn.BatchNorm2d)]
    assert {(norm.momentum, norm.eps) for norm in norms} == {(0.1, 1e-5)}


def test_initial_weights() -> None:
    torch.manual_seed(0)
    network = network_of(stem_channels=32)
    spread = [
        float(each.weight.detach().std())
        / math.sqrt(2 / (each.kernel_size[0] ** 2 * each.out_channels))
        for each in network.modules()
        if isinstance(each, nn.Conv2d) and each.weight.numel() > 2_000
    ]
    assert len(spread) > 8
    np.testing.assert_allclose(spread, 1, rtol=0.08)
    assert float(network.classifier.dense.weight.detach().std()) == pytest.approx(0.01, rel=0.1)
    assert not network.classifier.dense.bias.any()


def test_first_steps_are_those_of_plain_pytorch() -> None:
    """Two epochs of two batches; then the rate has fallen once."""
    recipe = ImageRecipe.load("info_nas", overrides={"batch_size": 6, "epochs": 2})
    data = images(12)
    torch.manual_seed(1)
    network = network_of(stem_channels=4, cells=1, stacks=2)
    by_hand = copy.deepcopy(network)
    task = PreparedImages(data, recipe)
    loop = training_loop(network, task, seed=3, shown=False)
    loop.run(lambda epoch, means: None)

    by_hand.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.SGD(by_hand.parameters(), 0.025, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=2)
    generator = torch.Generator().manual_seed(3)
    norms = []
    for epoch in range(2):
        shuffled = task.examples(3, epoch)
        for start in (0, 6):
            batch = shuffled[start : start + 6]
            pixels = normalise(batch.images, data.mean, data.std)
            scores = by_hand(recipe.augmentation(pixels, generator))
            optimiser.zero_grad()
            functional.cross_entropy(scores, batch.labels).backward()
            norms.append(float(nn.utils.clip_grad_norm_(by_hand.parameters(), 5.0)))
            optimiser.step()
        schedule.step()
    assert min(norms) > 0
    for (name, found), expected in zip(
        network.state_dict().items(), by_hand.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6, msg=name)
