"""Optimisers: which parameters each one fits, and the steps that Muon takes."""

from __future__ import annotations

import math
from typing import Literal, get_args, get_type_hints

import pytest
import torch
from torch import nn

from experiment.errors import InputError
from experiment.optimisation import (
    Optimisation,
    Schedule,
    hidden_matrices,
    make_optimisers,
)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.ModuleDict(
        {
            "embedding": nn.Embedding(40, 30),
            "hidden": nn.Linear(30, 20),
            "cell": nn.GRUCell(20, 24),
            "narrow": nn.Linear(24, 3),
        }
    )


def test_muon_fits_hidden_matrices_and_adamw_the_rest() -> None:
    model = network()
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    matrices = {names[id(parameter)] for parameter in hidden_matrices(model)}
    assert matrices == {"hidden.weight", "cell.weight_ih", "cell.weight_hh"}

    optimisers = make_optimisers(model, Optimisation(1, 8, 0.01, optimiser="muon"))
    fitted = [
        names[id(parameter)]
        for part in optimisers.parts
        for group in part.param_groups
        for parameter in group["params"]
    ]
    assert sorted(fitted) == sorted(names.values())
    assert [type(part).__name__ for part in optimisers.parts] == ["Muon", "AdamW"]


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "muon"])
def test_every_parameter_is_fitted_once_without_hidden_matrices(optimiser: str) -> None:
    model = nn.Linear(4, 1)
    optimisers = make_optimisers(model, Optimisation(1, 8, 0.01, optimiser=optimiser))  # type: ignore[arg-type]
    before = [parameter.detach().clone() for parameter in model.parameters()]
    model(torch.ones(1, 4)).sum().backward()
    optimisers.step()
    assert all((a != b).all() for a, b in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize("optimiser", get_args(get_type_hints(Optimisation)["optimiser"]))
def test_weight_decay_reaches_every_parameter_of_every_optimiser(optimiser: str) -> None:
    def sizes_after_a_step(decay: float) -> list[float]:
        model = network()
        settings = Optimisation(1, 8, 0.01, optimiser=optimiser, weight_decay=decay)  # type: ignore[arg-type]
        optimisers = make_optimisers(model, settings)
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimisers.step()
        return [float(parameter.detach().norm()) for parameter in model.parameters()]

    before = [float(parameter.detach().norm()) for parameter in network().parameters()]
    assert sizes_after_a_step(0.0) == before
    assert all(a < b for a, b in zip(sizes_after_a_step(0.1), before, strict=True))


def test_muon_step_is_nearly_orthogonal_and_of_adamw_size() -> None:
    model = nn.Linear(64, 32, bias=False)
    rate = 0.01
    optimisers = make_optimisers(
        model, Optimisation(1, 8, rate, optimiser="muon", weight_decay=0.0)
    )
    before = model.weight.detach().clone()
    model.weight.grad = torch.randn(32, 64, generator=torch.Generator().manual_seed(1))
    optimisers.step()
    step = (before - model.weight).detach()
    singular = torch.linalg.svdvals(step) / (0.2 * 64**0.5 * rate)
    assert ((singular > 0.5) & (singular < 1.5)).all()


def test_rates_of_both_parts_keep_their_ratio() -> None:
    settings = Optimisation(
        2, 8, 0.01, optimiser="muon", schedule="one_cycle", rest_rate=0.25, warmup=0.5
    )
    model = network()
    optimisers = make_optimisers(model, settings)
    schedule = Schedule(optimisers, settings, batches=4)
    rates = []
    for _ in range(8):
        optimisers.step()
        schedule.after_batch()
        first, second = (part.param_groups[0]["lr"] for part in optimisers.parts)
        assert second == pytest.approx(0.25 * first)
        rates.append(optimisers.learning_rate)
    assert max(rates) == pytest.approx(0.01, rel=0.05)
    assert rates[-1] < 1e-3 * max(rates)


def rates_of(settings: Optimisation, batches: int) -> list[float]:
    """The rate of every step."""
    model = nn.Linear(2, 1)
    optimisers = make_optimisers(model, settings)
    schedule = Schedule(optimisers, settings, batches)
    rates = []
    for _ in range(settings.epochs * batches):
        rates.append(optimisers.learning_rate)
        model(torch.ones(1, 2)).sum().backward()
        optimisers.step()
        schedule.after_batch()
    return rates


def test_cosine_is_half_a_wave_down_to_the_final_rate() -> None:
    settings = Optimisation(5, 8, 0.2, optimiser="sgd", schedule="cosine", final_rate=0.02)
    rates = rates_of(settings, batches=4)
    expected = [0.02 + 0.09 * (1 + math.cos(math.pi * step / 20)) for step in range(20)]
    assert rates == pytest.approx(expected)


def test_cosine_by_epoch_changes_between_epochs_alone() -> None:
    settings = Optimisation(
        3, 8, 0.2, optimiser="heavy_ball", schedule="cosine_by_epoch", final_rate=0.02
    )
    rates = rates_of(settings, batches=4)
    wave = [0.02 + 0.09 * (1 + math.cos(math.pi * epoch / 3)) for epoch in range(3)]
    assert rates == pytest.approx([rate for rate in wave for _ in range(4)])


def test_a_stable_rate_decays_in_the_second_half() -> None:
    settings = Optimisation(2, 8, 0.2, optimiser="sgd", schedule="stable_decay")
    rates = rates_of(settings, batches=4)
    assert rates == pytest.approx([0.2] * 5 + [0.15, 0.1, 0.05])


def test_restarts_double_the_waves() -> None:
    settings = Optimisation(
        7, 8, 0.05, optimiser="sgd", schedule="cosine_restarts", first_cycle=1, final_rate=0.001
    )
    rates = rates_of(settings, batches=3)
    restarts = [step for step, rate in enumerate(rates) if rate == 0.05]
    assert restarts == [0, 3, 9]  # waves of 1, 2 and 4 epochs


@pytest.mark.parametrize(
    ("optimiser", "moved"),
    # velocities 1 and 1.9; each of Nesterov's steps looks ahead by momentum times velocity
    [("sgd", (1 + 0.9) + (1 + 0.9 * 1.9)), ("heavy_ball", 1 + 1.9)],
)
def test_sgd_has_nesterovs_momentum_or_polyaks(
    optimiser: Literal["sgd", "heavy_ball"], moved: float
) -> None:
    weight = nn.Parameter(torch.tensor([1.0]))
    model = nn.Module()
    model.weight = weight
    settings = Optimisation(1, 1, 0.1, optimiser=optimiser, momentum=0.9, weight_decay=0.0)
    optimisers = make_optimisers(model, settings)
    for _ in range(2):
        weight.grad = torch.ones(1)
        optimisers.step()
    assert weight.item() == pytest.approx(1 - 0.1 * moved)


def test_rmsprop_divides_by_the_root_plus_epsilon() -> None:
    weight = nn.Parameter(torch.tensor([0.0]))
    model = nn.Module()
    model.weight = weight
    settings = Optimisation(
        1, 1, 0.2, optimiser="rmsprop", epsilon=1.0, squares_decay=0.9, weight_decay=0.0
    )
    weight.grad = torch.full((1,), 2.0)
    make_optimisers(model, settings).step()
    assert weight.item() == pytest.approx(-0.2 * 2 / (math.sqrt(0.1 * 4) + 1))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("final_rate", 0.2),
        ("first_cycle", 0),
        ("weight_decay", -1e-4),
        ("epsilon", math.nan),
        ("momentum", 1.0),
        ("squares_decay", -0.1),
        ("gradient_clip", 0.0),
    ],
)
def test_impossible_settings_are_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match="expected"):
        Optimisation(1, 8, 0.1, **{name: value})  # type: ignore[arg-type]


def test_a_warm_up_of_one_step_is_none() -> None:
    settings = Optimisation(2, 8, 0.01, schedule="one_cycle", warmup=0.2)
    rates = rates_of(settings, batches=2)  # with the last rate five places, 0.2 of them are one
    assert rates[0] == max(rates)
    assert rates == sorted(rates, reverse=True)
