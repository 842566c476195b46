"""Optimisers: which parameters each one fits, and the steps that Muon takes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

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
