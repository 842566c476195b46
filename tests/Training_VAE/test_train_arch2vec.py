"""The command that trains arch2vec: ours, and as the released code trains."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from experiment.errors import InputError
from models import load_vae
from Training_VAE import train_arch2vec, train_svge
from Training_VAE.settings import Arch2vecSettings, load_settings

SETTINGS = """
[arch2vec]
model = "{model}"
node_width = 12
graph_width = 4
rounds = 2
mlp_layers = 2
dropout = 0.1
beta = {beta}
alpha = 0.5
edge_reduction = "{edges}"
kl_reduction = "{divergence}"
noise_scale = 1.0
epochs = 2
batch_size = 16
learning_rate = 1e-3
optimiser = "adam"
schedule = "constant"
precision = "float32"
limit = 64
"""
OURS = {"beta": 0.01, "edges": "sum", "divergence": "mean"}
PUBLISHED = {"beta": 1.0, "edges": "mean", "divergence": "places"}


def train(folder: Path, preset: str, *more: str) -> Path:
    """Train on DIGITS101, which is small; the run's folder."""
    path = folder / "preset.toml"
    path.write_text(preset)
    flags = ["--data_search_space", "DIGITS101", "--config", str(path), "--log_dir", str(folder)]
    common = ["--device", "cpu", "--threads", "1", "--sampled_graphs", "2", "--save_interval", "1"]
    assert train_arch2vec.main([*flags, *common, *more]) == 0
    (run,) = (path.parent for path in folder.glob("*/config.json"))
    return run


@pytest.mark.parametrize("model", ["arch2vec_masked", "arch2vec_directed"])
def test_a_run_has_our_measures_and_the_published_ones(model: str, tmp_path: Path) -> None:
    run = train(tmp_path, SETTINGS.format(model=model, **OURS))
    assert run.name == f"{model}_DIGITS101"
    result = json.loads((run / "result.json").read_text())
    own = result["arch2vec"]
    for name in ("acc_ops", "acc_adj", "members", "published_validity", "published_uniqueness"):
        assert 0 <= own[name] <= 1
    assert result["prior"]["masked"]["validity"] == 1
    assert load_vae(run).name == model


def test_the_released_code_stays_in_evaluation_mode_after_its_first_epoch(tmp_path: Path) -> None:
    """Batch statistics are those of the first epoch, and the weights go on."""
    preset = SETTINGS.format(model="arch2vec", **PUBLISHED)
    run = train(tmp_path, preset + "train_mode_epochs = 1\nsame_batches = true\n")
    first, second = (torch.load(run / f"model_checkpoint{epoch}.obj") for epoch in (1, 2))
    statistics = [key for key in first if "running" in key or "num_batches" in key]
    assert len(statistics) == 12
    assert all(torch.equal(first[key], second[key]) for key in statistics)
    assert not torch.equal(first["fc1.weight"], second["fc1.weight"])


def test_the_weight_of_the_divergence_rises_in_the_warm_up() -> None:
    settings = load_settings("default", "NB201", {"beta": 0.04}, "arch2vec")
    assert isinstance(settings, Arch2vecSettings)
    assert settings.kl_warmup == 0.5
    betas = [settings.objective_at(share).beta for share in (0.0, 0.25, 0.5, 1.0)]
    assert betas == [0.0, 0.02, 0.04, 0.04]
    with pytest.raises(InputError, match="kl_warmup is 2"):
        load_settings("default", "NB201", {"kl_warmup": 2.0}, "arch2vec")


def test_commands_train_their_own_models(capsys: pytest.CaptureFixture[str]) -> None:
    for command, model in ((train_svge, "arch2vec"), (train_arch2vec, "SVGE")):
        with pytest.raises(SystemExit) as caught:
            command.main(["--model", model])
        assert caught.value.code == 2
        assert model in capsys.readouterr().err
