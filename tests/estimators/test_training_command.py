"""What flags and presets make of a training."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from typing import Any

import pytest
import torch

from datasets.space import SearchSpace
from datasets.spaces.enas import ENAS
from datasets.spaces.nb101 import NB101
from datasets.spaces.nb201 import NB201
from estimators.commands.training import add_training_flags, image_training, sizes
from estimators.networks import ENASDesign, NB101Design, NB201Design, load_design
from estimators.tasks.images import ImageRecipe
from experiment.arguments import Parser
from experiment.errors import InputError
from experiment.optimisation import Schedule, make_optimisers


def parse(*flags: str) -> Namespace:
    parser = Parser()
    add_training_flags(parser, "test")
    return parser.parse_args(flags)


def settings(recipe: Any, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(recipe, name) for name in names)


def test_published_cell_recipe() -> None:
    recipe = ImageRecipe.load("published", "NB101", "cifar10")
    assert settings(recipe, "optimiser", "learning_rate", "momentum", "epsilon") == (
        "rmsprop",
        0.2,
        0.9,
        1.0,
    )
    assert settings(recipe, "epochs", "batch_size", "weight_decay") == (108, 128, 1e-4)
    assert settings(recipe, "schedule", "final_rate", "gradient_clip") == ("cosine", 0.0, 5.0)
    assert settings(recipe, "precision", "cutout_length") == ("float32", 0)
    imagenet = ImageRecipe.load("published", "NB101", "ImageNet16")
    assert settings(imagenet, "epochs", "batch_size") == (200, 256)
    differing = {"epochs": 200, "batch_size": 256, "padding": 2}
    assert imagenet == dataclasses.replace(recipe, **differing)  # type: ignore[arg-type]


def test_published_recipes_of_the_other_spaces() -> None:
    dong = ImageRecipe.load("published", "NB201", "cifar10")
    assert settings(dong, "optimiser", "learning_rate", "epochs", "batch_size") == (
        "sgd",
        0.1,
        200,
        256,
    )
    assert settings(dong, "weight_decay", "schedule", "padding", "flip") == (
        5e-4,
        "cosine",
        4,
        True,
    )
    pham = ImageRecipe.load("published", "ENAS", "cifar10")
    assert settings(pham, "epochs", "batch_size", "learning_rate", "final_rate") == (
        310,
        100,
        0.05,
        0.001,
    )
    assert settings(pham, "auxiliary_weight", "gradient_clip") == (0.4, 5.0)


def rates(**changed: Any) -> list[float]:
    """The rate that ENAS's published training begins each epoch with, at two steps an epoch."""
    recipe = dataclasses.replace(ImageRecipe.load("published", "ENAS"), **changed)
    optimisers = make_optimisers(torch.nn.Linear(1, 1), recipe.optimisation)
    schedule = Schedule(optimisers, recipe.optimisation, 2)
    found = []
    for _ in range(recipe.epochs):
        found.append(optimisers.learning_rate)
        for _ in range(2):
            optimisers.parts[0].step()
            schedule.after_batch()
    return found


def test_enas_s_rate_falls_in_waves_each_twice_as_long() -> None:
    found = rates()
    assert len(found) == 310
    peaks = [epoch for epoch, rate in enumerate(found) if rate == pytest.approx(0.05)]
    assert peaks == [0, 10, 30, 70, 150]
    lowest = [epoch for epoch in range(309) if found[epoch + 1] > found[epoch]]
    assert lowest == [9, 29, 69, 149]
    assert found[309] == pytest.approx(0.001, rel=0.05)
    assert found[5] == pytest.approx((0.05 + 0.001) / 2)
    assert min(found) >= 0.001


def test_l2_of_the_published_enas_training() -> None:
    """Its loss has 2e-4 times the sum of the squared weights: a gradient of 4e-4 times each."""
    weight = torch.tensor([3.0], requires_grad=True)
    (2e-4 * weight.square().sum()).backward()
    assert weight.grad is not None
    recipe = ImageRecipe.load("published", "ENAS")
    assert float(weight.grad) == pytest.approx(recipe.weight_decay * 3.0)


@pytest.mark.parametrize("config", ["published", "default"])
def test_published_network_sizes(config: str) -> None:
    cell = load_design(config, NB101(), "cifar10")
    assert isinstance(cell, NB101Design)
    assert settings(cell, "stem_channels", "stacks", "cells") == (128, 3, 3)
    momentum = {"published": 0.003, "default": 0.1}
    assert cell.batch_norm_momentum == pytest.approx(momentum[config])
    assert load_design(config, NB201(), "ImageNet16") == NB201Design(16, 5)
    for layers, filters in {6: 96, 12: 256, 7: 96}.items():
        assert load_design(config, ENAS(layers), "cifar10") == ENASDesign(filters)


@pytest.mark.parametrize(
    "space", [NB101(), NB201(), *map(ENAS, (5, 6, 12))], ids=lambda space: space.name
)
@pytest.mark.parametrize("config", ["published", "default"])
def test_small_images_are_shifted_less_and_cut_less(config: str, space: SearchSpace) -> None:
    kind = space.preset_sections[0]
    large = ImageRecipe.load(config, kind, "cifar10")
    small = ImageRecipe.load(config, kind, "ImageNet16")
    assert (large.padding, small.padding) == (4, 2)
    assert small.cutout_length == large.cutout_length / 2


def test_our_recipe_is_complete_for_the_digits() -> None:
    recipe = ImageRecipe.load("digits101", "NB101", "digits")
    assert settings(recipe, "padding", "flip", "cutout_length") == (0, False, 0)


PUBLISHED_COMMAND = (
    "--name cell --data images --data_set cifar10 --batch_size 64 --learning_rate 0.3 "
    "--lr_decay_method COSINE_BY_STEP --learning_rate_min 0.01 --momentum 0.8 "
    "--weight_decay 2e-4 --report_freq 50 --device cuda:0 --epochs 7 --cutout "
    "--cutout_length 12 --cutout_prob 0.5 --grad_clip 4 --val_portion 0.7 --seed 3"
)


@pytest.mark.parametrize("dashed", [False, True])
def test_the_published_flags_say_what_they_said(dashed: bool) -> None:
    words = PUBLISHED_COMMAND.split()
    if dashed:
        words = [w.replace("_", "-") if w.startswith("--") else w for w in words]
    given = parse("--config", "published", *words)
    recipe = image_training(given).recipe(NB101())
    assert settings(recipe, "epochs", "batch_size", "learning_rate", "final_rate") == (
        7,
        64,
        0.3,
        0.01,
    )
    assert settings(recipe, "schedule", "momentum", "weight_decay", "gradient_clip") == (
        "cosine",
        0.8,
        2e-4,
        4.0,
    )
    assert settings(recipe, "cutout_length", "cutout_probability") == (12, 0.5)
    assert settings(given, "report_freq", "val_portion", "seed", "device") == (50, 0.7, 3, "cuda:0")


def test_no_flag_changes_nothing() -> None:
    for config in ("published", "default"):
        asked = image_training(parse("--config", config))
        assert asked.recipe(NB101()) == ImageRecipe.load(config, "NB101", "cifar10")


@pytest.mark.parametrize(
    ("config", "flags", "expected"),
    [
        ("published", [], 0),
        ("published", ["--cutout"], 16),
        ("published", ["--cutout_length", "9"], 0),  # as in the published code
        ("published", ["--cutout", "--cutout-length", "9"], 9),
        ("default", [], 16),
        ("default", ["--cutout"], 16),
        ("default", ["--cutout_length", "9"], 9),
        ("default", ["--no-cutout"], 0),
        ("default", ["--no_cutout", "--cutout_length", "9"], 0),
    ],
)
def test_cutout_is_the_preset_s_unless_it_is_asked_for(
    config: str, flags: list[str], expected: int
) -> None:
    recipe = image_training(parse("--config", config, *flags)).recipe(NB101())
    assert (recipe.cutout_length, recipe.cutout_probability) == (expected, 1.0)


@pytest.mark.parametrize("name", ["ImageNet16", "Imagenet16", "ImageNet16-120"])
def test_every_spelling_of_a_data_set(name: str) -> None:
    assert parse("--data_set", name).data_set == "ImageNet16"


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--data_set", "mnist"], "invalid choice: 'mnist'"),
        (["--lr_decay_method", "STEP"], "invalid choice: 'STEP'"),
        (["--val_portion", "1.5"], "expected a share from 0 to 1"),
        (["--epochs", "0"], "expected at least 1"),
        (["--learning_rate", "nan"], "expected a finite number"),
        (["--cutout_prob", "2"], "expected a share from 0 to 1"),
        (["--seeds", "0"], "expected at least 1"),
        (["--precision", "float16"], "invalid choice: 'float16'"),
        (["--learning_rat", "1"], "did you mean '--learning_rate'"),
    ],
)
def test_a_wrong_flag_is_one_sentence(
    flags: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(*flags)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert why in error
    assert error.count("\n") == 1


def test_sizes_are_toml_values() -> None:
    assert sizes(["stem_channels=32", "keep_probability = 0.5", "auxiliary=false"]) == {
        "stem_channels": 32,
        "keep_probability": 0.5,
        "auxiliary": False,
    }


@pytest.mark.parametrize("text", ["stem_channels", "stem_channels=", "stem_channels=wide", "=3"])
def test_a_size_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=f"--size '{text}' is no size: expected NAME=VALUE"):
        sizes([text])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("channels=8", "unknown setting 'channels': did you mean 'stem_channels'"),
        ("cells=2.5", "'cells' is 2.5"),
    ],
)
def test_a_size_that_the_network_lacks_is_refused(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        load_design("default", NB101(), "cifar10", overrides=sizes([text]))
