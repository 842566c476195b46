"""The fine-tuning command: files, resuming, published flags and weights, bad input.

DIGITS101 is its space: its table comes with the project.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from analysis.report import __main__ as report
from datasets import get_benchmark, get_space
from datasets.benchmarks.sources import TABLE_VARIABLE
from datasets.labels import LabelledSet
from datasets.objective import Objective
from experiment.errors import InputError
from experiment.run import RunFolder
from Extrapolation_Ability.surrogates import fine_tuned
from models import ModelError, Sizes, WithHeads, build_model, load_model, load_vae
from models.checkpoints import checkpoint_path
from Performance_Prediction.train_surrogate_model import main
from predictors.fine_tuned import head_outputs, read_scale
from predictors.quality import Quality


def weights(folder: Path, name: str = "SVGE", types: int = 5) -> Path:
    """A folder with small random weights, named as trained ones are."""
    torch.manual_seed(0)
    sizes = Sizes(types, 8, node_width=12, graph_width=56)
    folder.mkdir(parents=True)
    torch.save(build_model(name, sizes).state_dict(), checkpoint_path(folder, 7))
    (folder / "config.json").write_text(json.dumps({"sizes": dataclasses.asdict(sizes)}))
    return folder


@pytest.fixture
def flags(tmp_path: Path) -> list[str]:
    """A training of a second: 40 labels, three epochs."""
    start = weights(tmp_path / "start")
    common = ["--data_search_space", "DIGITS101", "--device", "cpu", "--threads", "1"]
    small = ["--sample_amount", "40", "--epochs", "3", "--save_interval", "2"]
    return [*common, *small, "--path_state_dict", str(start), "--log_dir", str(tmp_path / "out")]


def numbers(folder: Path) -> list[dict[str, Any]]:
    timed = ("seconds", "graphs_per_second")
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in timed} for line in lines]


def test_run_leaves_weights_that_load_and_predict_what_was_reported(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*flags, "--epochs", "12"]) == 0
    folder = tmp_path / "out" / "SVGE_acc_DIGITS101"
    left = {path.name for path in folder.glob("model_checkpoint*.obj")}
    assert left == {f"model_checkpoint{epoch}.obj" for epoch in range(2, 13, 2)}
    model = load_model(folder)
    assert isinstance(model, WithHeads)
    assert model.name == "SVGE_acc"

    known = LabelledSet.of(get_benchmark("DIGITS101"), ["validation"])
    _, held_out = known.draw_beside_held_out(40, seed=1)
    predicted = read_scale(folder).back(head_outputs(model, held_out.graphs))
    result = json.loads((folder / "result.json").read_text())
    for metric in ("validation", "test"):
        quality = Quality.of(predicted, held_out.truths()[metric])
        assert result["held_out"][metric] == pytest.approx(dataclasses.asdict(quality))
    errors = [entry["error"] for entry in numbers(folder)]
    assert errors[-1] < 0.9 * errors[0]
    assert "Kendall τ" in capsys.readouterr().out


@pytest.mark.parametrize("more", [[], ["--config", "published"]], ids=["default", "published"])
def test_killed_run_resumes_to_identical_weights_and_metrics(
    flags: list[str], tmp_path: Path, more: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = [*flags, *more]
    main([*flags, "--log_dir", str(tmp_path / "whole")])
    log = RunFolder.log

    def killed(run: RunFolder, entry: dict[str, Any]) -> None:
        log(run, entry)
        if entry["epoch"] == 2:  # its line is written, its checkpoint is not
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "log", killed)
        with pytest.raises(KeyboardInterrupt):
            main(flags)
    main([*flags, "--resume"])
    whole, resumed = (tmp_path / name / "SVGE_acc_DIGITS101" for name in ("whole", "out"))
    assert len(numbers(whole)) == 3
    assert numbers(whole) == numbers(resumed)
    for epoch in (2, 3):
        first, second = (load_model(each, epoch).state_dict() for each in (whole, resumed))
        assert all(torch.equal(value, second[key]) for key, value in first.items())


def test_published_settings_train_the_decoder_and_ours_do_not(
    flags: list[str], tmp_path: Path
) -> None:
    start = load_model(tmp_path / "start").state_dict()
    key = "Decoder.generator.nodes.f_s_1.weight"
    for config, moved in (("default", False), ("published", True)):
        out = tmp_path / config
        main([*flags, "--log_dir", str(out), "--config", config])
        trained = load_vae(out / "SVGE_acc_DIGITS101").state_dict()
        assert torch.equal(trained[key], start[key]) is not moved
        assert ("reconstruction" in numbers(out / "SVGE_acc_DIGITS101")[0]) is moved


def test_published_flags_and_checkpoints_work(
    flags: list[str], tmp_path: Path, fixtures_root: Path
) -> None:
    """Weights with a head and without a configuration; one epoch of the published width."""
    for model in ("SVGE", "DGMG"):
        start = fixtures_root / f"{model}_acc_NB101"
        published = ["--model", f"{model}_acc", "--name", "Train_PP", "--test", "1", "--seed", "2"]
        begin = ["--path-state-dict", str(start), "--checkpoint", "100"]
        main([*flags, *published, *begin, "--epochs", "1", "--loss", "ranking"])
        folder = tmp_path / "out" / f"{model}_acc_DIGITS101"
        assert load_model(folder, 1).name == f"{model}_acc"
        assert json.loads((folder / "config.json").read_text())["metric"] == "test"


def test_quality_leaves_unknown_truths_out_and_has_no_order_without_differences() -> None:
    truth = np.array([0.1, np.nan, 0.3, 0.2])
    quality = Quality.of(np.array([1.1, 9.0, 1.3, 1.2]), truth)
    assert dataclasses.astuple(quality) == pytest.approx((3, 1.0, 1.0, 1.0, 1.0))
    assert np.isnan(Quality.of(np.ones(4), truth).kendall_tau)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--sample_amount", "5000"], "5000 labels are more than the .* not held out"),
        (["--sample_amount", "4"], "too few to learn from"),
        (["--model", "DGMG_acc"], "are SVGE's, DGMG_acc begins at DGMG's"),
        (["--data_search_space", "NB201"], "5 node types, NB201 has 7"),
        (["--config", "nonsense"], "no preset is called 'nonsense'"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(
    flags: list[str], tmp_path: Path, more: list[str], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        main([*flags, *more])
    assert not (tmp_path / "out").exists()


def test_weights_that_are_not_there(flags: list[str]) -> None:
    with pytest.raises(ModelError, match="no checkpoint"):
        main([*flags, "--checkpoint", "8"])
    with pytest.raises(ModelError, match="no weights at"):
        main([*flags, "--path_state_dict", "nowhere"])


def test_shipped_weights_are_not_trained_beside(flags: list[str], tmp_path: Path) -> None:
    entry = {"file": "model_checkpoint100.obj", "sha256": "0", "bytes": 1}
    (tmp_path / "out").mkdir()
    manifest = {"weights": {"SVGE_acc_DIGITS101": entry}}
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="weights that are shipped"):
        main(flags)


def test_a_run_is_not_overwritten(flags: list[str]) -> None:
    main(flags)
    with pytest.raises(InputError, match="add --resume"):
        main(flags)
    with pytest.raises(InputError, match=r"its 'settings\.loss' is 'mse', this run's is"):
        main([*flags, "--loss", "ranking", "--resume"])


def test_a_space_without_data_is_told_of(
    flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv(TABLE_VARIABLE, str(empty))
    with pytest.raises(InputError, match="NB101"):
        main([*flags, "--data_search_space", "NB101", "--data_root", str(empty)])
    assert not (tmp_path / "out").exists()


def test_a_head_learns_a_loss_of_ones_own(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run says what is better, for whatever ranks by the head later."""
    space = get_space("DIGITS101")
    cells = space.sample(60, np.random.default_rng(0))
    rows = [{**space.to_record(cell), "loss": cell.num_nodes + 0.5} for cell in cells]
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    own = ["--labels_file", str(file), "--value_column", "loss", "--minimise", "--unit", "nat"]
    assert main([*flags, *own, "--sample_amount", "30"]) == 0
    folder = tmp_path / "out" / "SVGE_acc_DIGITS101"
    config = json.loads((folder / "config.json").read_text())
    objective = {"name": "loss", "maximise": False, "unit": "nat", "dataset": "mine.jsonl"}
    assert config["objective"] == {**objective, "trial": None}
    assert config["sample_amount"] == 30
    assert set(json.loads((folder / "result.json").read_text())["held_out"]) == {"loss"}
    assert "loss on mine.jsonl of held-out architectures: Kendall τ" in capsys.readouterr().out
    page = tmp_path / "page.html"
    assert report.main([str(folder), "--out", str(page)]) == 0
    assert "with loss on mine.jsonl of held-out architectures" in page.read_text("utf-8")
    ranking = fine_tuned("SVGE_acc", space, folder, None, torch.device("cpu"))
    assert ranking.objective == Objective("loss", maximise=False, unit="nat")
    with pytest.raises(InputError, match="add --labels_file"):
        main([*flags, "--minimise"])
