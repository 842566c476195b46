"""Trainings in folders: what they leave, how they go on, and how they fail."""

from __future__ import annotations

import dataclasses
import errno
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from datasets import get_space
from datasets.architecture_files import NAMED
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.images import ImageData, LabelledImages
from estimators import fitting, recorded
from estimators.fitting import Accuracies, accuracy
from estimators.measurement import Measurement
from estimators.networks import NB101Design
from estimators.recipe import Recipe
from estimators.recorded import RecordedTraining, summary
from experiment import checkpoint, files
from experiment.checkpoint import load_checkpoint, save_checkpoint
from experiment.errors import InputError
from models.networks.costs import nb101_costs

CPU = torch.device("cpu")
CELL = ArchitectureGraph((1, 3, 2, 0), ((0, 1), (0, 2), (1, 3), (2, 3)))
TIMES = ("seconds", "images_per_second")
RECIPE = Recipe(
    epochs=3,
    batch_size=20,
    learning_rate=0.05,
    optimiser="sgd",
    schedule="constant",
    weight_decay=1e-3,
    padding=1,
    flip=True,
    cutout_length=3,
    precision="float32",
)


def images(validation: int = 30) -> ImageData:
    """Noise whose brightness tells its class."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(4, (100 + validation,), generator=generator)
    noise = torch.randint(100, (len(labels), 3, 8, 8), generator=generator)
    everything = LabelledImages((noise + 50 * labels[:, None, None, None]).to(torch.uint8), labels)
    train, held_out, test = (
        everything.subset(rows) for rows in torch.arange(len(labels)).split([60, validation, 40])
    )
    scale = torch.full((3,), 100.0)
    return ImageData("brightness", 4, scale, scale, train, held_out, test)


def training(recipe: Recipe = RECIPE, **changed: Any) -> RecordedTraining:
    fixed: dict[str, Any] = {
        "space": get_space("NB101"),
        "data": images(),
        "design": NB101Design(stem_channels=4, stacks=2, cells=1, batch_norm_momentum=0.1),
        "recipe": recipe,
        "device": CPU,
    }
    return RecordedTraining(**{**fixed, **changed})


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def without_times(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in one.items() if key not in TIMES} for one in entries]


def weights(folder: Path, name: str) -> dict[str, torch.Tensor]:
    return load_checkpoint(folder / "checkpoints" / name)


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Measurement]:
    """A run that nothing disturbed, and what it gave."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    return folder, training().train(CELL, 1, folder, resume=False)


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
    network = training().design.build(CELL, images())
    network.load_state_dict(weights(folder, name))
    expected = {**measurement.figures(), **measurement.details}[figure]
    assert accuracy(network, images(), images().validation, RECIPE) == expected


def test_best_weights_are_those_of_the_best_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[dict[str, torch.Tensor]] = []
    validated = [0.2, 0.9, 0.9, 0.5]

    def measured(network: nn.Module, *_: object) -> float:
        states.append({key: value.clone() for key, value in network.state_dict().items()})
        return validated[len(states) - 1]

    monkeypatch.setattr(recorded, "accuracy", measured)
    monkeypatch.setattr(
        recorded, "accuracies", lambda *given: Accuracies(measured(*given), test=0.1)
    )
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
    assert summary([measurement]).startswith("test ")


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


class Killed(BaseException):
    """Stands for a kill: nothing of ours may catch it."""


def die_at(count: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, which dies when it is called for the ``count``-th time."""
    calls = 0

    def dying(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count:
            raise Killed
        return function(*given, **named)

    return dying


@pytest.mark.parametrize(
    ("module", "function", "count"),
    [
        (fitting, "normalise", 6),
        (recorded, "accuracy", 1),
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


def test_a_loss_that_is_no_number_is_a_kept_failure(tmp_path: Path) -> None:
    wild = training(dataclasses.replace(RECIPE, learning_rate=1e30))
    measurement = wild.train(CELL, 0, tmp_path / "run", resume=False)
    assert measurement.status == "failed"
    assert "the loss is nan in epoch 1" in measurement.reason
    assert measurement.validation is measurement.test is None
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result == {"status": "failed", "reason": measurement.reason}
    assert wild.train(CELL, 0, tmp_path / "run", resume=True) == measurement


def test_channels_that_do_not_divide_are_a_kept_failure(tmp_path: Path) -> None:
    narrow = training(design=NB101Design(stem_channels=2, stacks=1, cells=1))
    edges = ((0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4))
    cell = ArchitectureGraph((1, 3, 3, 3, 0), edges)
    measurement = narrow.train(cell, 0, tmp_path / "run", resume=False)
    assert measurement.status == "failed"
    assert "2 channels cannot be divided among the 3 vertices" in measurement.reason
    assert (tmp_path / "run" / "result.json").exists()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("12 GiB"),
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_a_lack_of_memory_fails_and_is_tried_again(
    tmp_path: Path, finished: tuple[Path, Measurement], error: Exception
) -> None:
    def short(*_: object, **__: object) -> None:
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NB101Design, "build", short)
        measurement = training().train(CELL, 1, tmp_path / "run", resume=False)
    assert measurement.status == "failed"
    assert measurement.reason.startswith("the memory is too short for its training: ")
    again = training().train(CELL, 1, tmp_path / "run", resume=True)
    assert again.test == finished[1].test


def test_a_defect_is_no_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(NB101Design, "build", broken)
    with pytest.raises(RuntimeError, match="multiplied"):
        training().train(CELL, 1, tmp_path / "run", resume=False)
    assert not (tmp_path / "run" / "result.json").exists()


@pytest.mark.parametrize("unlucky", ["last.pt", "best_weights.pt", "result.json", "metrics.jsonl"])
def test_a_full_disk_is_told_and_nothing_is_half_written(
    tmp_path: Path, finished: tuple[Path, Measurement], unlucky: str
) -> None:
    replace, fsync = os.replace, os.fsync
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def no_room(source: Path, target: Path) -> None:
        if Path(target).name == unlucky:
            raise full
        replace(source, target)

    def no_flush(handle: int) -> None:
        if Path(os.readlink(f"/proc/self/fd/{handle}")).name == unlucky:
            raise full
        fsync(handle)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files.os, "replace", no_room)
        patch.setattr(files.os, "fsync", no_flush)
        with pytest.raises(InputError, match=f"cannot write .*{unlucky}'.*No space left on device"):
            training().train(CELL, 1, tmp_path / "run", resume=False)
    assert not [path for path in tmp_path.rglob("*") if files.PARTIAL in path.name]
    for checkpoints in (tmp_path / "run" / "checkpoints").iterdir():
        load_checkpoint(checkpoints)
    assert training().train(CELL, 1, tmp_path / "run", resume=True).test == finished[1].test
    assert without_times(lines(tmp_path / "run")) == without_times(lines(finished[0]))


@pytest.mark.parametrize("harm", ["device", "damage"])
def test_a_checkpoint_that_cannot_be_gone_on_with_is_no_measurement(
    tmp_path: Path, harm: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorded, "report_epoch", die_at(2, recorded.report_epoch))
        with pytest.raises(Killed):
            training().train(CELL, 1, tmp_path / "run", resume=False)
    path = tmp_path / "run" / "checkpoints" / "last.pt"
    if harm == "device":
        save_checkpoint(path, {**load_checkpoint(path), "device": "cuda"})
    else:
        path.write_bytes(path.read_bytes()[:100])
    message = "resume with --device cuda" if harm == "device" else "is no checkpoint or a damaged"
    with pytest.raises(InputError, match=message):
        training().train(CELL, 1, tmp_path / "run", resume=True)
    assert not (tmp_path / "run" / "result.json").exists()


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
    assert summary([one]) == "validation 50.00 %, test 40.00 % (trainings: 1)"
    deviation = 100 * math.sqrt(0.02)
    assert summary([one, bad, two]) == (
        f"validation 60.00 ± {deviation:.2f} %, test 50.00 ± {deviation:.2f} % "
        "(trainings: 2, 1 failed)"
    )
