"""Training with input–output information: who moves when, resuming, measures, what is refused."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from datasets import get_space, read_io_set
from datasets.io_files import write_io_set
from datasets.io_set import IOSet
from experiment import loop
from experiment.errors import InputError
from experiment.run import SOURCES
from models import load_vae
from models.arch2vec import Arch2vec
from models.io_models import IOModel
from predictors.features import make_features
from searchers.domain import Candidates
from searchers.embedded.vectors import embedding_vectors
from tests.datasets.test_io_set import contents, recorded
from Training_VAE import evaluation, io_training, train_io
from Training_VAE.evaluation import Protocol
from Training_VAE.io_batches import Batch, Pairs
from Training_VAE.io_data import IOData, load_io_data
from Training_VAE.io_measures import baseline_errors, compared, errors_of, mean_target
from Training_VAE.io_training import IOTraining
from Training_VAE.settings import IOSettings, load_settings

SMALL = {
    "epochs": 2,
    "batch_size": 8,
    "labelled_batches": 4,
    "unlabelled_batches": 3,
    "node_width": 12,
    "graph_width": 4,
    "rounds": 1,
    "start_channels": 2,
    "dense_size": 6,
    "n_hidden": 5,
    "cells_up_to": 4,
}
FEW = Protocol(2, 20, 5, 2, 200)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("io") / "set"
    write_io_set(folder, contents(), recorded())
    return folder


@pytest.fixture
def io_set(folder: Path) -> IOSet:
    return read_io_set(folder)


@pytest.fixture(autouse=True)
def _few_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count decodings of few points: the counting itself is tested elsewhere."""
    monkeypatch.setattr(io_training, "CURVE_POINTS", 20)
    monkeypatch.setattr(io_training, "PRIOR_POINTS", 30)
    few = partial(evaluation.prior_measures, points=30)
    monkeypatch.setattr(evaluation, "prior_measures", few)


def settings(**changes: Any) -> IOSettings:
    loaded = load_settings("info_nas", "digits", {**SMALL, **changes}, "io")
    assert isinstance(loaded, IOSettings)
    return loaded


def prepared(io_set: IOSet, **changes: Any) -> tuple[IOTraining, IOData]:
    chosen = settings(**changes)
    data = load_io_data(io_set, chosen)
    return IOTraining(data, chosen, 1, CPU, None), data


def trained(io_set: IOSet, folder: Path, **changes: Any) -> IOModel:
    resume, record = changes.pop("resume", False), changes.pop("record", {})
    chosen = settings(**changes)
    return io_training.train_io(
        name="test",
        settings=chosen,
        data=load_io_data(io_set, chosen),
        record=record,
        folder=folder,
        device=CPU,
        seed=1,
        save_interval=1,
        protocol=FEW,
        resume=resume,
    )


def weights(training: IOTraining) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in training.trained.named_parameters()}


def moved(training: IOTraining, before: dict[str, Tensor]) -> set[str]:
    """First two names of the parameters that are no longer what they were."""
    return {
        ".".join(key.split(".")[:2])
        for key, value in training.trained.named_parameters()
        if not torch.equal(value, before[key])
    }


def step(training: IOTraining, batch: Batch) -> None:
    training.loop._step(batch)


def test_each_kind_of_batch_moves_its_own_weights(io_set: IOSet) -> None:
    """Both optimisers have moments of the autoencoder, which only their own steps change."""
    training, data = prepared(io_set)
    training.trained.train()
    unlabelled = Batch(data.unlabelled.train[:8].padded(5))
    labelled = data.parts["train"].batch(np.arange(8) * 5)

    before = weights(training)
    step(training, unlabelled)
    reference = {key for key in moved(training, before) if key.startswith("reference.")}
    assert moved(training, before) == reference | {"model.vae_model"}
    assert reference
    before = weights(training)
    step(training, labelled)
    assert {"model.vae_model", "model.process_z", "model.dense_list"} <= moved(training, before)
    step(training, labelled)
    shared = training.model.vae_model.get_parameter("fc1.weight")
    steps = [
        float(optimiser.parts[0].state[shared]["step"])
        for optimiser in (training.optimisers.autoencoder, training.optimisers.everything)
    ]
    assert steps == [1, 2]
    (own,) = training.optimisers.reference
    assert training.trained.reference is not None
    copied = training.trained.reference.get_parameter("fc1.weight")
    assert float(own.parts[0].state[copied]["step"]) == 3


@pytest.mark.parametrize("model", ["io_dense", "io_concat"])
def test_the_loss_of_a_batch_is_that_of_its_parts(model: str, io_set: IOSet) -> None:
    sizes = {"loss_vae_weight": 0.5, "dropout": 0.0, "noise_scale": 1e-9}
    training, data = prepared(io_set, model=model, **sizes)
    training.trained.eval()
    batch = data.parts["train"].batch(np.arange(8) * 5)
    found = training.loss(batch, torch.Generator())
    predicting, objective = training.model, training.settings.objective
    latent = predicting.encode(batch.graphs)
    outputs = predicting.outputs(latent.mean, *batch.inputs)
    assert batch.targets is not None
    error = (outputs - batch.targets).abs().mean()
    vae = predicting.vae_model.loss(batch.graphs, objective).total
    torch.testing.assert_close(found["train"], error)
    torch.testing.assert_close(found["vae_loss"], vae)
    # The reference has the same start, and so the same loss before anything is trained.
    torch.testing.assert_close(found["reference_loss"], vae)
    torch.testing.assert_close(found["loss"], 0.5 * vae + error + vae)
    without = training.loss(Batch(batch.graphs), torch.Generator())
    torch.testing.assert_close(without["loss"], vae + vae)
    assert "train" not in without


def test_labelled_networks_leave_the_unlabelled_ones(io_set: IOSet) -> None:
    data = load_io_data(io_set, settings(cells_up_to=5))
    all_of, rest = data.architectures, data.unlabelled
    assert len(all_of.graphs) == 2_532
    assert len(rest.graphs) == 2_532 - len(io_set)
    assert not set(rest.hashes) & set(io_set.hashes)
    held_out = set(all_of.hashes[all_of.split.test])
    assert set(rest.hashes[rest.split.test]) == held_out - set(io_set.hashes)
    assert len(rest.split.train) + len(rest.split.test) == len(rest.graphs)
    larger = load_io_data(io_set, settings(cells_up_to=4), get_space("NB101"))
    assert larger.parts["train"].graphs.max_nodes == 7


def test_fewer_networks_and_images(io_set: IOSet) -> None:
    whole = load_io_data(io_set, settings()).parts
    fewer = load_io_data(io_set, settings(networks=5, images=3)).parts
    assert fewer["train"].targets.shape[:2] == (5, 3)
    assert (fewer["train"].targets == whole["train"].targets[:5, :3]).all()
    both = [fewer[f"unseen_images_{name}"].targets for name in ("valid", "test")]
    of_five = torch.cat([whole[f"unseen_images_{name}"].targets for name in ("valid", "test")])[:5]
    assert (torch.cat(both) == of_five).all()
    for name in ("unseen_networks", "unseen_both"):
        assert (fewer[name].targets == whole[name].targets).all()
    for changes in ({"networks": 12}, {"networks": 1}, {"images": io_set.seen_images + 1}):
        with pytest.raises(InputError, match=r"the setting (networks|images) is \d+, and the part"):
            load_io_data(io_set, settings(**changes))


def numbers(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if "second" not in key} for line in lines]


@pytest.mark.parametrize("model", ["io_dense", "io_accuracy"])
def test_a_killed_training_resumes_to_the_same_numbers(
    model: str, io_set: IOSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the middle of the second epoch, after a checkpoint."""
    source = [{"path": "here", "sha256": "1"}]
    whole = trained(io_set, tmp_path / "whole", model=model, record={SOURCES: source})
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
    loss = IOTraining.loss
    steps = iter(range(100))

    def dying(self: IOTraining, batch: Batch, generator: torch.Generator) -> Any:
        if next(steps) == 10:
            raise KeyboardInterrupt
        return loss(self, batch, generator)

    with monkeypatch.context() as patch:
        patch.setattr(IOTraining, "loss", dying)
        with pytest.raises(KeyboardInterrupt):
            trained(io_set, tmp_path / "killed", model=model, record={SOURCES: source})
    assert len(numbers(tmp_path / "killed")) == 1
    other = {SOURCES: [{"path": "here", "sha256": "2"}]}
    with pytest.raises(InputError, match="used other measured numbers"):
        trained(io_set, tmp_path / "killed", model=model, resume=True, record=other)
    moved_away = {SOURCES: [{"path": "elsewhere", "sha256": "1"}]}
    resumed = trained(io_set, tmp_path / "killed", model=model, resume=True, record=moved_away)
    assert numbers(tmp_path / "killed") == numbers(tmp_path / "whole")
    state = resumed.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in whole.state_dict().items())
    for name in ("", "orig", "reference"):
        ours, theirs = (load_vae(tmp_path / run / name).state_dict() for run in ("whole", "killed"))
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_run_has_its_curves_and_three_embeddings(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preset = tmp_path / "preset.toml"
    changes = {"activation": "sigmoid"}
    known = {key: value for key, value in vars(settings(**changes)).items() if value is not None}
    lines = [f"{key} = {json.dumps(value)}" for key, value in known.items()]
    preset.write_text("\n".join(["[io]", *lines]))
    flags = ["--io_set", str(folder), "--config", str(preset), "--log_dir", str(tmp_path)]
    flags += ["--device", "cpu", "--threads", "1", "--sampled_graphs", "2", "--save_interval", "1"]
    assert train_io.main(flags) == 0
    run = tmp_path / "io_dense_DIGITS101"
    curves = numbers(run)
    assert [line["epoch"] for line in curves] == [1, 2]
    for line in curves:
        for part in ("train", "unseen_networks", "unseen_images_test", "unseen_both"):
            assert line[part] > 0
        for vae in ("orig", "reference"):
            for measure in ("acc_ops", "acc_adj", "published_validity", "member_uniqueness"):
                assert 0 <= line[vae][measure] <= 1
    result = json.loads((run / "result.json").read_text())
    for part in result["parts"].values():
        low, high = part["loss_interval"]
        assert low <= part["loss"] <= high
    assert "mean target" in capsys.readouterr().out

    space = get_space("DIGITS101")
    domain = Candidates(space, space.sample_batch(6, np.random.default_rng(0)))
    vectors = {name: embedding_vectors(domain, run / name) for name in ("", "orig", "reference")}
    assert [each.shape for each in vectors.values()] == [(6, 16), (6, 4), (6, 4)]
    model, original = load_vae(run, 2), load_vae(run / "orig", 2)
    assert isinstance(model, IOModel)
    assert isinstance(original, Arch2vec)
    assert model.model_kwargs == {"activation": "sigmoid", "dropout": 0.5}
    means = model.encode_all(domain.graphs).mean
    assert torch.equal(original.encode_all(domain.graphs).mean, means)
    assert torch.equal(vectors["orig"], means.mean(1))
    assert torch.equal(vectors[""].relu(), model.process_z(means))
    for name, wanted in vectors.items():
        features = make_features("graph_vectors", space, run / name)
        assert np.array_equal(features(domain.graphs), wanted.double().numpy())


def test_errors_are_those_of_each_pair(io_set: IOSet) -> None:
    training, data = prepared(io_set)
    training.trained.eval()
    pairs = data.parts["unseen_both"]
    errors = errors_of(training.model, pairs, "l1")
    assert errors.shape == pairs.targets.shape[:2]
    batch = pairs.batch(np.array([errors.shape[1] + 1]))
    assert batch.targets is not None
    z = training.model.encode(batch.graphs).mean
    expected = (training.model.outputs(z, *batch.inputs) - batch.targets).abs().mean()
    torch.testing.assert_close(errors[1, 1], expected)


def test_the_baseline_is_the_distance_to_the_mean_target() -> None:
    cells = get_space("DIGITS101").sample_batch(2, np.random.default_rng(0))
    targets = torch.tensor([[[0.0, 4.0]], [[2.0, 8.0]]])
    pairs = Pairs(cells, (), targets)
    mean = mean_target(pairs)
    assert mean.tolist() == [1, 6]
    assert baseline_errors(mean, pairs, "l1").tolist() == [[1.5], [1.5]]
    assert baseline_errors(mean, pairs, "mse").tolist() == [[2.5], [2.5]]


def test_intervals_know_that_pairs_of_a_network_are_not_independent() -> None:
    generator = torch.Generator().manual_seed(0)
    by_network = torch.rand(40, 1, generator=generator).expand(40, 500)
    by_pair = by_network.flatten()[torch.randperm(20_000, generator=generator)].view(40, 500)
    baseline = torch.full((40, 500), 2.0)
    found = [compared(errors, baseline, seed=0) for errors in (by_network, by_pair)]
    widths = [np.diff(np.array(each["loss_interval"]))[0] for each in found]
    assert widths[0] > 8 * widths[1]
    std = float(by_network[:, 0].std()) / 40**0.5
    assert 0.8 < widths[0] / (2 * 1.96 * std) < 1.2
    assert found[0]["baseline"] == 2
    assert np.allclose(found[0]["baseline_interval"], 2)
    assert found[0]["ratio"] == pytest.approx(float(by_network.mean()) / 2)
    assert compared(baseline * 0.5, baseline, 1)["ratio_interval"] == pytest.approx([0.5, 0.5])


def test_what_does_not_fit_is_refused(folder: Path, io_set: IOSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="NB201 has others"):
        load_io_data(io_set, settings(), get_space("NB201"))
    features = io_set.features.copy()
    features[3, 1, 2] = np.nan
    with pytest.raises(InputError, match=r"train of the IO set has targets .* 1 of its 11"):
        load_io_data(dataclasses.replace(io_set, features=features), settings())
    accuracies = io_set.test * np.nan
    with pytest.raises(InputError, match="11 of its 11 networks"):
        load_io_data(dataclasses.replace(io_set, test=accuracies), settings(model="io_accuracy"))
    with pytest.raises(InputError, match="no preprocessing is called 'none'"):
        load_io_data(io_set, settings(preprocessing="none"))
    flags = ["--log_dir", str(tmp_path / "runs"), "--device", "cpu"]
    with pytest.raises(InputError, match="there is no IO set"):
        train_io.main(["--io_set", str(tmp_path), *flags])
    with pytest.raises(InputError, match=r"no table \[io\]"):
        train_io.main(["--io_set", str(folder), "--config", "default", *flags])
    with pytest.raises(InputError, match="are left to train"):
        train_io.main(["--io_set", str(folder), "--cells_up_to", "2", *flags])
    assert not (tmp_path / "runs").exists()
