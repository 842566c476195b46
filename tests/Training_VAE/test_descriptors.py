"""Heads for descriptors: what they learn, that they are linear, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datasets import get_space
from datasets.batch import GraphBatch
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT
from models import Head, WithHeads, build_model, load_model
from models.checkpoints import model_from_state, stored_state
from models.dvae_heads import LogisticHead
from predictors.features import describe, make_features
from Training_VAE import train_arch2vec, train_ngae, train_svge
from Training_VAE.data import Architectures, load_architectures
from Training_VAE.head_targets import HeadTargets, targets_of
from Training_VAE.settings import TrainingSettings, load_settings
from Training_VAE.shipping import FinishedRun

pytestmark = pytest.mark.usefixtures("small_evaluation")
SPACE = "DIGITS101"
FEATURES = ("costs", "statistics")
SECTIONS = {"SVGE": "training", "arch2vec_masked": "arch2vec", "DVAE": "ngae", "NGAE": "ngae"}
COMMANDS = {
    "SVGE": train_svge.main,
    "arch2vec_masked": train_arch2vec.main,
    "DVAE": train_ngae.main,
}


def settings(model: str = "SVGE", **changes: Any) -> TrainingSettings:
    return load_settings(
        "default", SPACE, {"limit": 200, "descriptors": FEATURES, **changes}, SECTIONS[model]
    )


@pytest.fixture(scope="module")
def architectures() -> Architectures:
    return load_architectures(get_space(SPACE), None, seed=1)


def flags_of(model: str, folder: Path, *more: str) -> list[str]:
    flags = ["--model", model, "--data_search_space", SPACE, "--log_dir", str(folder)]
    small = ["--epochs", "2", "--limit", "64", "--batch_size", "32", "--precision", "float32"]
    return [*flags, *small, "--seed", "1", "--threads", "1", *more]


def train(model: str, folder: Path, *more: str) -> Path:
    assert COMMANDS[model](flags_of(model, folder, *more)) == 0
    return folder / f"{model}_{SPACE}"


def test_targets_are_shares_of_the_training_graphs_range(architectures: Architectures) -> None:
    targets = targets_of("SVGE", settings(), architectures, None)
    assert targets is not None
    rows = architectures.train_rows[:200]
    found = targets.targets(rows).double().numpy()
    assert found.min(0) == pytest.approx(np.zeros(found.shape[1]), abs=1e-6)
    assert found.max(0) == pytest.approx(np.ones(found.shape[1]), abs=1e-6)

    columns = []
    graphs = architectures.graphs[torch.from_numpy(rows)]
    for feature in FEATURES:
        own = describe(make_features(feature, architectures.space), graphs)
        columns.append(own[:, np.ptp(own, axis=0) > 0])
    wanted = np.concatenate(columns, axis=1)
    wanted = (wanted - wanted.min(0)) / np.ptp(wanted, axis=0)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    features = [name.rpartition("_")[0] for name in targets.scales]
    assert features == [
        f for f, c in zip(FEATURES, columns, strict=True) for _ in range(c.shape[1])
    ]


def test_weights_of_descriptors_add_up(architectures: Architectures) -> None:
    targets = targets_of("SVGE", settings(descriptor_weight=3.0), architectures, None)
    assert targets is not None
    weights = dict(targets.weights)
    assert weights.pop("embedding") == 1
    assert weights.keys() == targets.scales.keys()
    assert sum(weights.values()) == pytest.approx(3)
    assert targets_of("SVGE", settings(descriptors=()), architectures, None) is None


@pytest.mark.parametrize("model", list(COMMANDS))
def test_heads_are_linear_and_come_back_from_disk(
    model: str, tmp_path: Path, architectures: Architectures
) -> None:
    sizes = ["--hs", "16"] if model == "DVAE" else []
    folder = train(model, tmp_path, "--descriptors", *FEATURES, *sizes)
    loaded = load_model(folder)
    assert isinstance(loaded, WithHeads)
    held_out = architectures.test[:20]
    flat = loaded.embedding.encode_all(held_out).flat
    for head in loaded.heads.values():
        assert isinstance(head, Head)
        (layer,) = head.layers
        torch.testing.assert_close(head(flat), (flat @ layer.weight.T + layer.bias)[:, 0])
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert result["heads"].keys() == loaded.heads.keys()
    shipped = FinishedRun.read(folder).half_precision()  # without the heads
    assert shipped.keys() == stored_state(loaded.embedding).keys()


def test_heads_for_descriptors_are_linear_on_ngae(architectures: Architectures) -> None:
    """Beside its own, which end in a sigmoid."""
    given = settings("NGAE")
    targets = HeadTargets.of(("complexity",), architectures, given, None)
    vae = build_model("NGAE", given.sizes(architectures.space, "NGAE"))
    loaded = model_from_state(stored_state(targets.on(vae)), architectures.space.max_nodes)
    assert isinstance(loaded, WithHeads)
    assert isinstance(loaded.heads["complexity"], LogisticHead)
    flat = 100 * torch.randn(20, vae.latent_width)
    for name in loaded.heads.keys() - {"complexity"}:
        head = loaded.heads[name]
        assert isinstance(head, Head)
        (layer,) = head.layers
        torch.testing.assert_close(head(flat), (flat @ layer.weight.T + layer.bias)[:, 0])


def test_without_a_weight_the_vae_is_trained_as_without_heads(tmp_path: Path) -> None:
    same = ["--dropout", "0"]  # its random numbers come after those of fresh heads
    alone = load_model(train("arch2vec_masked", tmp_path / "alone", *same))
    more = [*same, "--descriptors", "costs", "--descriptor_weight", "0"]
    beside = load_model(train("arch2vec_masked", tmp_path / "beside", *more))
    assert isinstance(beside, WithHeads)
    torch.testing.assert_close(dict(beside.embedding.state_dict()), dict(alone.state_dict()))


def test_heads_change_the_vae(architectures: Architectures) -> None:
    """The gradient of the heads' errors reaches the encoder."""
    given = settings("SVGE")
    targets = targets_of("SVGE", given, architectures, None)
    assert targets is not None
    torch.manual_seed(0)
    model = targets.on(build_model("SVGE", given.sizes(architectures.space)))
    batch = targets.examples(architectures, 16)
    found = model.loss(
        batch.graphs, batch.targets, given.objective, weights=targets.weights | {"embedding": 0.0}
    )
    found.total.backward()
    encoder = [p.grad for n, p in model.embedding.named_parameters() if n.startswith("Encoder.")]
    assert any(gradient is not None and gradient.any() for gradient in encoder)


def test_a_killed_training_resumes_to_the_same_numbers(
    tmp_path: Path, killed_after: Callable[..., None]
) -> None:
    more = ["--descriptors", "costs"]
    whole = train("arch2vec_masked", tmp_path / "whole", *more)
    killed = flags_of("arch2vec_masked", tmp_path / "killed", *more)
    killed_after(1, REPOSITORY_ROOT / "Training_VAE" / "train_arch2vec.py", *killed)
    resumed = train("arch2vec_masked", tmp_path / "killed", *more, "--resume")
    assert numbers(resumed / "metrics.jsonl") == numbers(whole / "metrics.jsonl")
    ours, theirs = (load_model(folder).state_dict() for folder in (whole, resumed))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def numbers(path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        {k: v for k, v in line.items() if k not in ("graphs_per_second", "seconds")}
        for line in lines
    ]


def test_what_no_head_can_learn_is_refused(architectures: Architectures) -> None:
    one = GraphBatch.cat([architectures.graphs[:1]] * len(architectures.graphs))
    same = Architectures(architectures.space, one, architectures.hashes, architectures.split)
    with pytest.raises(InputError, match="the feature costs is the same for all 200 training"):
        HeadTargets.of((), same, settings(descriptors=("costs",)), None)
    with pytest.raises(InputError, match="fresh_graphs draws architectures without"):
        HeadTargets.of((), architectures, settings(fresh_graphs=True), None)
    with pytest.raises(InputError, match="no descriptor is called 'cost': did you mean 'costs'"):
        settings(descriptors=("cost",))
    for weight in (-1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="the setting descriptor_weight"):
            settings(descriptor_weight=weight)
    with pytest.raises(InputError, match="has no heads for descriptors"):
        load_settings("info_nas", SPACE, {"descriptors": ("costs",)}, "io")
