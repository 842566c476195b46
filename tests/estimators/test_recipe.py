"""Recipes and designs: presets, what overrides them, and hints where a name is wrong."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datasets.batch import GraphBatch
from datasets.registry import get_space
from datasets.spaces.digits101 import Digits101
from datasets.spaces.nb101 import NB101
from estimators import recipe
from estimators.networks import DESIGNS, ENASDesign, NB101Design, NB201Design, load_design
from estimators.store import digest
from estimators.tasks.augmentation import Augmentation
from estimators.tasks.data_sets import DATA_SETS
from estimators.tasks.images import ImageRecipe
from examples.adding_a_space import Ladder
from experiment.errors import InputError
from experiment.precision import Precision

DIGITS = ImageRecipe.load("digits101")
"""By which the table of DIGITS101 was made."""


def test_the_preset_of_digits101() -> None:
    """The committed table was measured with these numbers: to change one makes it another's."""
    assert (DIGITS.epochs, DIGITS.batch_size, DIGITS.learning_rate) == (4, 32, 0.01)
    assert (DIGITS.optimiser, DIGITS.schedule, DIGITS.weight_decay) == ("adamw", "one_cycle", 0.01)
    assert (DIGITS.precision, DIGITS.gradient_clip) == ("float32", None)
    assert DIGITS.augmentation == Augmentation()
    assert load_design("digits101", Digits101()) == NB101Design(8, 3, 1, 0.1)


def test_a_recipe_is_an_optimisation_and_an_augmentation() -> None:
    recipe = dataclasses.replace(
        DIGITS, optimiser="rmsprop", epsilon=1.0, squares_decay=0.8, padding=4, cutout_length=16
    )
    parts = dataclasses.asdict(recipe.optimisation) | dataclasses.asdict(recipe.augmentation)
    shared = dataclasses.asdict(recipe).keys() & parts.keys()
    assert {name: parts[name] for name in shared} == {
        name: getattr(recipe, name) for name in shared
    }
    assert parts.keys() - shared == {"rest_rate"}  # Muon's, which no recipe names


def test_overrides_win_over_the_preset() -> None:
    recipe = ImageRecipe.load(
        "digits101", overrides={"epochs": 9, "flip": True, "batch_size": None}
    )
    assert recipe == dataclasses.replace(DIGITS, epochs=9, flip=True)
    design = load_design("digits101", Digits101(), overrides={"stem_channels": 3})
    assert design == NB101Design(3, 3, 1, 0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rat": 0.1}, "unknown setting 'learning_rat': did you mean 'learning_rate'?"),
        ({"optimiser": "adamv"}, "did you mean 'adam"),
        ({"precision": "float16"}, "the setting 'precision' is 'float16': did you mean 'bfloat16'"),
        ({"epochs": 0}, "must all be positive"),
        ({"epochs": 1.5}, "expected a whole number"),
        ({"learning_rate": float("nan")}, "must all be positive"),
        ({"weight_decay": -1.0}, "weight decay is -1.0"),
        ({"padding": -1}, "expected numbers of pixels"),
        ({"cutout_probability": 2.0}, "expected 0 to 1"),
        ({"auxiliary_weight": -0.1}, "expected 0 or more"),
    ],
)
def test_wrong_settings_are_sentences(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        ImageRecipe.load("digits101", overrides=settings)
    assert message in str(caught.value)


def test_wrong_designs_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown setting 'stem_channel': did you mean"):
        load_design("digits101", NB101(), overrides={"stem_channel": 3})
    with pytest.raises(InputError, match="no network is known for Ladder architectures: there are"):
        load_design("digits101", Ladder())
    with pytest.raises(InputError, match="no preset is called 'digits': did you mean 'digits101'"):
        ImageRecipe.load("digits")
    empty = tmp_path / "empty.toml"
    empty.write_text("[recipe]\nepochs = 3\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"has no table \[network\]"):
        load_design(str(empty), NB101())
    with pytest.raises(InputError, match="the setting 'batch_size' has no value"):
        ImageRecipe.load(str(empty))


@pytest.mark.parametrize("name", ["bfloat16", "float32"])
def test_auto_precision_is_what_the_device_is_fast_in(
    name: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr(recipe, "resolved", lambda given, _: name if given == "auto" else given)
    auto = dataclasses.replace(DIGITS, precision="auto")
    assert auto.on(cpu) == dataclasses.replace(DIGITS, precision=name)
    assert DIGITS.on(cpu) == DIGITS


def test_every_setting_changes_the_digest() -> None:
    """A field that did not would let one measurement stand for another."""
    changes: dict[str, Any] = {
        "optimiser": "sgd",
        "schedule": "cosine",
        "precision": "bfloat16",
        "gradient_clip": 5.0,
        "flip": True,
        "channels_last": False,
        "final_rate": 0.001,
    }
    seen = {digest(dataclasses.asdict(DIGITS))}
    for field in dataclasses.fields(ImageRecipe):
        value = getattr(DIGITS, field.name)
        new = changes[field.name] if field.name in changes else value * 0.5
        if isinstance(value, int) and field.name not in changes:
            new = value + 1
        changed = dataclasses.replace(DIGITS, **{field.name: new})
        seen.add(digest(dataclasses.asdict(changed)))
    assert len(seen) == 1 + len(dataclasses.fields(ImageRecipe))


SMALL: dict[str, Any] = {
    "NB101": NB101Design(4, 2, 1),
    "DIGITS101": NB101Design(4, 3, 2),
    "NB201": NB201Design(3, 2),
    "ENAS": ENASDesign(4),
    "ENAS12": ENASDesign(2, auxiliary=False),
}


@pytest.mark.parametrize("name", list(SMALL))
def test_designs_build_what_they_count(name: str) -> None:
    """The auxiliary head, which only helps a training, is not counted."""
    design = SMALL[name]
    assert type(design) is DESIGNS[get_space(name).family]
    (graph,) = get_space(name).sample(1, np.random.default_rng(0))
    network = design.build(graph, DATA_SETS["digits"])
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    counted = sum(
        weight.numel()
        for part, weight in network.named_parameters()
        if not part.startswith("auxiliary")
    )
    costs = design.costs(GraphBatch.from_graphs([graph]), DATA_SETS["digits"])
    assert costs.parameters.tolist() == [counted]
    assert int(costs.flops) > 0


def test_batch_norm_is_the_designs() -> None:
    design = NB101Design(4, 1, 1, batch_norm_momentum=0.25, batch_norm_epsilon=0.5)
    (graph,) = get_space("NB101").sample(1, np.random.default_rng(0))
    layers = [
        m for m in design.build(graph, DATA_SETS["digits"]).modules() if hasattr(m, "running_mean")
    ]
    assert layers
    assert {(layer.momentum, layer.eps) for layer in layers} == {(0.25, 0.5)}
