"""The training loop: it learns, and a killed run resumes to the same bits."""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from experiment import loop as loop_module
from experiment.checkpoint import load_checkpoint, save_checkpoint
from experiment.errors import InputError
from experiment.loop import TrainingLoop
from experiment.optimisation import Optimisation


class Killed(Exception):
    """Stands for a kill at any moment."""


def examples(epoch: int) -> Tensor:
    generator = torch.Generator().manual_seed(epoch)
    return torch.randn(50, 4, generator=generator)


def make_loop(
    path: Path, settings: Optimisation, die_at: int | None = None, model: nn.Module | None = None
) -> TrainingLoop:
    torch.manual_seed(0)
    trained = model or nn.Sequential(
        nn.Linear(4, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1)
    )
    steps = 0

    def loss(batch: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        nonlocal steps
        steps += 1
        if steps == die_at:
            raise Killed
        noise = torch.randn(len(batch), generator=generator)
        error = (trained(batch)[:, 0] - batch.sum(1) + 0.1 * noise).square().mean()
        return {"loss": error, "double": 2 * error}

    return TrainingLoop(trained, settings, examples, loss, seed=3, checkpoint=path)


def settings(schedule: str = "one_cycle", **given: Any) -> Optimisation:
    fixed: dict[str, Any] = {"epochs": 4, "batch_size": 8, "learning_rate": 0.01}
    return Optimisation(**{**fixed, "schedule": schedule, **given})


Log = list[tuple[int, dict[str, float]]]


def run(loop: TrainingLoop) -> Log:
    log: Log = []
    loop.run(lambda epoch, means: log.append((epoch, means)))
    return log


def without_time(log: Log) -> Log:
    timed = ("seconds", "graphs_per_second")
    return [(epoch, {k: v for k, v in means.items() if k not in timed}) for epoch, means in log]


@cache
def uninterrupted(optimiser: str, schedule: str) -> tuple[Log, dict[str, Tensor]]:
    """What a training that nobody kills logs, and its last weights."""
    with TemporaryDirectory() as folder:
        chosen = settings(schedule, optimiser=optimiser, first_cycle=1)
        whole = make_loop(Path(folder) / "whole.pt", chosen)
        return run(whole), whole.model.state_dict()


@pytest.mark.parametrize(
    ("optimiser", "schedule"),
    [
        *product(["adam", "adamw", "muon"], ["one_cycle", "plateau", "constant"]),
        *product(["sgd", "rmsprop"], ["cosine", "cosine_restarts"]),
        ("heavy_ball", "cosine_by_epoch"),
    ],
)
@pytest.mark.parametrize("die_at", [1, 5, 7, 8, 20, 28])
def test_killed_run_resumes_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, schedule: str, optimiser: str, die_at: int
) -> None:
    chosen = settings(schedule, optimiser=optimiser, first_cycle=1)
    expected, weights = uninterrupted(optimiser, schedule)

    monkeypatch.setattr(loop_module, "CHECKPOINT_SECONDS", 0.0)
    killed = make_loop(tmp_path / "killed.pt", chosen, die_at)
    log: Log = []
    with pytest.raises(Killed):
        killed.run(lambda epoch, means: log.append((epoch, means)))
    resumed = make_loop(tmp_path / "killed.pt", chosen)
    assert resumed.resume() == (die_at > 1)
    resumed.run(lambda epoch, means: log.append((epoch, means)))

    assert without_time(log) == without_time(expected)
    for key, value in weights.items():
        assert torch.equal(value, resumed.model.state_dict()[key])


def test_without_a_checkpoint_it_trains_to_the_same_bits(tmp_path: Path) -> None:
    kept, unkept = (
        TrainingLoop(model, settings(), examples, mean_loss(model), 3, checkpoint)
        for model, checkpoint in ((linear(), tmp_path / "last.pt"), (linear(), None))
    )
    assert without_time(run(kept)) == without_time(run(unkept))
    assert not unkept.resume()
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(4, 1)


def mean_loss(model: nn.Module) -> Any:
    return lambda batch, generator: {"loss": model(batch).square().mean()}


def test_training_lowers_the_loss_and_reports_means(tmp_path: Path) -> None:
    log = run(make_loop(tmp_path / "last.pt", settings(epochs=20, learning_rate=0.05)))
    assert [epoch for epoch, _ in log] == list(range(1, 21))
    assert log[-1][1]["loss"] < 0.2 * log[0][1]["loss"]
    for _, means in log:
        assert means["double"] == pytest.approx(2 * means["loss"])
        assert means["graphs_per_second"] > 0


def test_epoch_means_weigh_the_short_last_batch_by_its_size(tmp_path: Path) -> None:
    model = nn.Linear(4, 1)
    with torch.no_grad():
        model.weight.zero_()
        model.bias.zero_()
    loop = make_loop(tmp_path / "l.pt", settings(epochs=1, learning_rate=1e-12), model=model)
    loop.loss = lambda batch, _: {"loss": model(batch).sum() + batch.sum(1).mean()}
    (_, means), *_ = run(loop)
    assert means["loss"] == pytest.approx(float(examples(0).sum(1).mean()), abs=1e-5)


def test_published_plateau_lowers_the_rate_after_ten_bad_epochs(tmp_path: Path) -> None:
    model = nn.Linear(4, 1)
    loop = make_loop(tmp_path / "l.pt", settings("plateau", epochs=13), model=model)
    loop.loss = lambda batch, _: {"loss": 0 * model(batch).sum() + 1.0}
    rates = [means["learning_rate"] for _, means in run(loop)]
    assert rates[:12] == [0.01] * 12
    assert rates[12] == pytest.approx(0.001)


def test_one_cycle_rises_to_the_given_rate_and_ends_near_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = make_loop(tmp_path / "l.pt", settings(epochs=10))
    rates: list[float] = []
    step = loop.schedule.after_batch

    def step_and_look() -> None:
        step()
        rates.append(loop.optimisers.learning_rate)

    monkeypatch.setattr(loop.schedule, "after_batch", step_and_look)
    run(loop)
    assert max(rates) == pytest.approx(0.01, rel=1e-3)
    assert rates[-1] < 1e-6


def test_a_checkpoint_that_is_no_loops_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "l.pt"
    run(make_loop(path, settings(epochs=1)))
    state = load_checkpoint(path)
    for name in ("model", "random", "epoch", "device"):
        save_checkpoint(path, {key: value for key, value in state.items() if key != name})
        with pytest.raises(InputError, match=f"no checkpoint to go on from, it lacks '{name}'"):
            make_loop(path, settings(epochs=1)).resume()
    save_checkpoint(path, state)
    assert make_loop(path, settings(epochs=1)).resume()


def test_a_checkpoint_of_another_kind_of_device_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "l.pt"
    run(make_loop(path, settings(epochs=1)))
    save_checkpoint(path, {**load_checkpoint(path), "device": "cuda"})
    with pytest.raises(InputError, match=r"written on cuda.*resume with --device cuda"):
        make_loop(path, settings(epochs=1)).resume()


def test_loss_that_is_no_number_ends_the_run_in_one_sentence(tmp_path: Path) -> None:
    model = nn.Linear(4, 1)
    loop = make_loop(tmp_path / "l.pt", settings(), model=model)
    loop.loss = lambda batch, _: {"loss": model(batch).sum() * float("nan")}
    with pytest.raises(InputError, match="lower learning rate"):
        run(loop)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch_size": 0}, {"learning_rate": 0.0}])
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="positive"):
        settings(**wrong)
