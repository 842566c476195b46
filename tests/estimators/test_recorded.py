"""Trainings in folders: what they leave, and how they go on."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from datasets import get_space
from datasets.architecture_files import NAMED
from datasets.batch import GraphBatch
from datasets.objective import ACCURACY, Objective
from estimators import recorded
from estimators.fitting import measure
from estimators.measurement import Measurement
from estimators.networks import NB101Design
from estimators.recorded import RecordedTraining, summary
from estimators.tasks import images as image_task
from estimators.tasks.images import PreparedImages
from experiment import checkpoint, files
from experiment.errors import InputError
from models.networks.costs import nb101_costs
from tests.estimators.small_trainings import (
    CELL,
    RECIPE,
    TIMES,
    Killed,
    die_at,
    images,
    lines,
    same,
    training,
    weights,
    without_times,
)


def test_a_measurement_has_the_figures_of_the_network(
    finished: tuple[Path, Measurement],
) -> None:
    folder, measurement = finished
    assert measurement.status == "ok"
    costs = nb101_costs(
        GraphBatch.from_graphs([CELL]),
        num_classes=4,
        in_channels=3,
        image_size=8,
        stem_channels=4,
        stacks=2,
        cells=1,
    )
    assert measurement.parameters == int(costs.parameters[0])
    assert measurement.flops == int(costs.flops[0])
    assert measurement.hash == get_space("NB101").hash(CELL)
    assert measurement.cost_seconds == lines(folder)[-1]["seconds"]
    assert json.loads((folder / "result.json").read_text()) == {
        key: value for key, value in measurement.figures().items() if key != "reason"
    }


def test_the_curve_has_what_a_reader_needs(finished: tuple[Path, Measurement]) -> None:
    folder, measurement = finished
    curve = lines(folder)
    assert [one["epoch"] for one in curve] == [1, 2, 3]
    always = {"epoch", "loss", "train", "learning_rate", "validation", *TIMES}
    assert all(always <= one.keys() for one in curve)
    assert ["test" in one for one in curve] == [True, False, True]  # half-way and at the end
    assert curve[-1]["loss"] < curve[0]["loss"]
    best = max(curve, key=lambda one: one["validation"])
    assert measurement.details == {
        "train": curve[-1]["train"],
        "halfway_validation": curve[0]["validation"],
        "halfway_test": curve[0]["test"],
        "best_validation": best["validation"],
        "best_epoch": best["epoch"],
    }


def test_the_configuration_is_all_that_decides_the_numbers(
    finished: tuple[Path, Measurement],
) -> None:
    config = json.loads((finished[0] / "config.json").read_text())
    assert config["recipe"] == dataclasses.asdict(RECIPE)
    assert config["network"]["stem_channels"] == 4
    assert config["architecture"] == get_space("NB101").to_record(CELL)
    assert (config["seed"], config["images"]) == (1, "brightness")
    assert config["images_sha256"] == images().fingerprint()


@pytest.mark.parametrize(
    ("name", "figure"), [("best_weights.pt", "best_validation"), ("last_weights.pt", "validation")]
)
def test_weights_give_the_accuracy_that_was_recorded(
    finished: tuple[Path, Measurement], name: str, figure: str
) -> None:
    folder, measurement = finished
    task = PreparedImages(images(), RECIPE)
    network = training().design.build(CELL, task.dimensions)
    network.load_state_dict(weights(folder, name))
    expected = {**measurement.figures(), **measurement.details}[figure]
    assert measure(network, task)["validation"] == expected


def test_best_weights_are_those_of_the_best_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[dict[str, torch.Tensor]] = []
    validated = [0.2, 0.9, 0.9, 0.5]

    def measured(network: nn.Module, *_: object) -> dict[str, float]:
        states.append({key: value.clone() for key, value in network.state_dict().items()})
        return {"validation": validated[len(states) - 1], "test": 0.1}

    monkeypatch.setattr(recorded, "measure", measured)
    recipe = dataclasses.replace(RECIPE, epochs=4)
    measurement = training(recipe).train(CELL, 0, tmp_path / "run", resume=False)
    assert measurement.details["best_epoch"] == 2  # the first of equal ones
    assert same(weights(tmp_path / "run", "best_weights.pt"), states[1])
    assert same(weights(tmp_path / "run", "last_weights.pt"), states[3])
    assert not same(states[1], states[3])


def test_without_validation_the_last_weights_are_the_best(tmp_path: Path) -> None:
    measurement = training(data=images(validation=0)).train(CELL, 0, tmp_path / "run", False)
    assert measurement.validation is None
    assert measurement.test is not None
    assert set(measurement.details) == {"train", "halfway_test"}
    assert all(
        "validation" not in one or one["validation"] is None for one in lines(tmp_path / "run")
    )
    assert same(
        weights(tmp_path / "run", "best_weights.pt"), weights(tmp_path / "run", "last_weights.pt")
    )
    assert summary([measurement], ACCURACY).startswith("test ")


def test_a_seed_gives_the_same_numbers_and_another_others(
    tmp_path: Path, finished: tuple[Path, Measurement]
) -> None:
    again = training().train(CELL, 1, tmp_path / "again", resume=False)
    assert dataclasses.replace(again, cost_seconds=None) == dataclasses.replace(
        finished[1], cost_seconds=None
    )
    training().train(CELL, 2, tmp_path / "other", resume=False)
    assert without_times(lines(tmp_path / "again")) == without_times(lines(finished[0]))
    assert without_times(lines(tmp_path / "other")) != without_times(lines(finished[0]))


@pytest.mark.parametrize(
    ("module", "function", "count"),
    [
        (image_task, "normalise", 6),
        (recorded, "measure", 2),
        (recorded, "save_checkpoint", 1),
        (recorded, "report_epoch", 2),
        (recorded, "read_json", 1),
        (files.os, "replace", 2),
        (files.os, "fsync", 7),
        (checkpoint.torch, "save", 4),
    ],
)
def test_a_killed_training_goes_on_to_the_same_numbers(
    tmp_path: Path,
    finished: tuple[Path, Measurement],
    module: Any,
    function: str,
    count: int,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, function, die_at(count, getattr(module, function)))
        with pytest.raises(Killed):
            training().train(CELL, 1, tmp_path / "run", resume=False)
    torch.manual_seed(12345)  # whatever the process did before
    measurement = training().train(CELL, 1, tmp_path / "run", resume=True)
    assert measurement.status == "ok"
    folder, undisturbed = finished
    assert without_times(lines(tmp_path / "run")) == without_times(lines(folder))
    assert dict(measurement.figures(), cost_seconds=0) == dict(
        undisturbed.figures(), cost_seconds=0
    )
    for name in ("best_weights.pt", "last_weights.pt"):
        assert same(weights(tmp_path / "run", name), weights(folder, name))
    assert not [path for path in tmp_path.rglob("*") if files.PARTIAL in path.name]


def test_a_finished_run_is_only_read(
    finished: tuple[Path, Measurement], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, measurement = finished

    def never(*_: object, **__: object) -> None:
        raise AssertionError("it is trained again")

    monkeypatch.setattr(recorded, "training_loop", never)
    assert training().train(CELL, 1, folder, resume=True) == measurement


def test_a_run_that_is_there_is_not_touched_without_resume(
    finished: tuple[Path, Measurement],
) -> None:
    with pytest.raises(InputError, match="holds a run already: add --resume"):
        training().train(CELL, 1, finished[0], resume=False)


@pytest.mark.parametrize(
    "other",
    [
        training(dataclasses.replace(RECIPE, learning_rate=0.06)),
        training(data=images(validation=20)),
        training(design=NB101Design(stem_channels=5, stacks=2, cells=1)),
    ],
)
def test_another_experiment_in_the_folder_is_refused(
    finished: tuple[Path, Measurement], other: RecordedTraining
) -> None:
    before = (finished[0] / "config.json").read_text()
    with pytest.raises(InputError, match="holds another experiment"):
        other.train(CELL, 1, finished[0], resume=True)
    assert (finished[0] / "config.json").read_text() == before


def test_products_are_in_the_recipe_s_precision_and_layout(
    tmp_path: Path, finished: tuple[Path, Measurement], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()
    convolve = nn.Conv2d.forward

    def watched(module: nn.Conv2d, values: torch.Tensor) -> torch.Tensor:
        result = convolve(module, values)
        innermost = result.is_contiguous(memory_format=torch.channels_last)
        seen.add((result.dtype, innermost, module.weight.dtype))
        return result

    monkeypatch.setattr(nn.Conv2d, "forward", watched)
    recipe = dataclasses.replace(RECIPE, precision="bfloat16", epochs=1)
    measurement = training(recipe).train(CELL, 1, tmp_path / "half", resume=False)
    assert measurement.status == "ok"
    assert seen == {(torch.bfloat16, True, torch.float32)}
    loss = lines(tmp_path / "half")[0]["loss"]
    assert loss != lines(finished[0])[0]["loss"]
    assert math.isclose(loss, lines(finished[0])[0]["loss"], rel_tol=0.05)
    seen.clear()
    plain = dataclasses.replace(recipe, precision="float32", channels_last=False)
    training(plain).train(CELL, 1, tmp_path / "plain", resume=False)
    assert {(dtype, weight) for dtype, _, weight in seen} == {(torch.float32, torch.float32)}
    assert (torch.float32, False, torch.float32) in seen


def test_what_is_printed_is_for_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training(report_every=2).train(CELL, 0, tmp_path / "run", resume=False)
    printed, errors = capsys.readouterr()
    assert errors == ""
    assert "\r" not in printed
    assert "\x1b" not in printed
    heads = [line.split("loss")[0].split() for line in printed.splitlines()]
    assert heads == [
        word.split()
        for epoch in (1, 2, 3)
        for word in (f"epoch {epoch} step 2", f"epoch {epoch}/3")
    ]
    assert printed.splitlines()[-1].endswith("0.0 min left")


def test_without_a_frequency_there_is_a_line_an_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training().train(NAMED["nb101_cell"]["svge_8_nodes"], 0, tmp_path / "run", resume=False)
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_summary_is_over_those_that_ended() -> None:
    one = Measurement(CELL, "x", "ok", validation=0.5, test=0.4)
    two = Measurement(CELL, "x", "ok", validation=0.7, test=0.6)
    bad = Measurement(CELL, "x", "failed", "diverged")
    assert summary([one], ACCURACY) == "validation 50.00 %, test 40.00 % (trainings: 1)"
    std = 100 * math.sqrt(0.02)
    assert summary([one, bad, two], ACCURACY) == (
        f"validation 60.00 ± {std:.2f} %, test 50.00 ± {std:.2f} % (trainings: 2, 1 failed)"
    )
    error = Objective("mean_absolute_error", maximise=False, unit="kcal/mol")
    assert summary([one], error) == "validation 0.5 kcal/mol, test 0.4 kcal/mol (trainings: 1)"
