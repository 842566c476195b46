"""The weights that are shipped are there, are the ones that were measured, and reproduce it."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from datasets import get_benchmark, get_space
from datasets.batch import GraphBatch
from datasets.labels import LabelledSet
from experiment.files import sha256
from experiment.paths import REPOSITORY_ROOT
from models import WithHeads, load_model, load_vae
from models.checkpoints import STATE_DICTS, read_state_dict
from models.shipped import MANIFEST, read_manifest
from predictors.fine_tuned import head_outputs, read_scale
from predictors.quality import Quality
from Training_VAE.data import load_architectures
from Training_VAE.evaluation import greedy_reconstruction
from Training_VAE.model_card import model_card
from Training_VAE.surrogate_card import surrogate_card

ENTRIES = read_manifest(STATE_DICTS)
VAES = {
    f"{model}_{space}"
    for model in ("SVGE", "arch2vec_masked", "arch2vec_directed")
    for space in ("NB101", "NB201", "NAS_BENCH_GRAPH")
} | {"SVGE_ENAS", "SVGE_degrees_NB101", "DGMG_NB101", "NGAE_ENAS"}
SURROGATES = {"SVGE_acc_ENAS", "SVGE_acc_NB101"}
"""What git keeps in ``state_dicts/``."""
MEGABYTES = 55
SAMPLE = 300
"""Held-out graphs that are reconstructed again."""
CERTAINLY_HELD_OUT = 0.095
"""Of a large space, graphs among the first 9.5 % of the split's order are held out: its tenth ends
at 10 %, give or take 0.05 %."""

shipped = pytest.mark.parametrize("name", sorted(ENTRIES))
vaes = pytest.mark.parametrize("name", sorted(VAES))
surrogates = pytest.mark.parametrize("name", sorted(SURROGATES))


@shipped
def test_file_is_the_one_that_was_measured(name: str) -> None:
    entry, folder = ENTRIES[name], STATE_DICTS / name
    file = folder / entry["file"]
    assert file.stat().st_size == entry["bytes"]
    assert sha256(file) == entry["sha256"]
    state = read_state_dict(file)
    types = {str(weight.dtype) for weight in state.values() if weight.is_floating_point()}
    assert types == {f"torch.{entry['precision']}"}
    assert all(torch.isfinite(weight).all() for weight in state.values())
    model = load_model(name, max_nodes=get_space(entry["space"]).max_nodes)
    assert (f"{model.name}_{entry['space']}", model.name) == (name, entry["model"])
    assert sum(weight.numel() for weight in model.parameters()) == entry["parameters"]


@shipped
def test_what_lies_beside_it_says_the_same(name: str) -> None:
    entry, folder = ENTRIES[name], STATE_DICTS / name
    config = json.loads((folder / "config.json").read_text())
    assert config["settings"] == entry["settings"]
    assert config["seed"] == entry["seed"]
    assert config["shipped"]["trained_epochs"] == entry["trained_epochs"]
    curve = (folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in curve] == [*range(1, entry["trained_epochs"] + 1)]
    card = surrogate_card if name in SURROGATES else model_card
    assert (folder / "README.md").read_text() == card(name, entry)
    assert entry["commit"]
    words = shlex.split(entry["command"])
    assert not any(Path(word.rpartition("=")[2]).is_absolute() for word in words)


@vaes
def test_a_vae_tells_its_split_and_knows_its_largest_architecture(name: str) -> None:
    config = json.loads((STATE_DICTS / name / "config.json").read_text())
    assert config["split"] == ENTRIES[name]["data"]["split"]
    assert load_vae(name).sizes.max_nodes == get_space(ENTRIES[name]["space"]).max_nodes


@surrogates
def test_a_surrogate_predicts_held_out_architectures_as_recorded(
    name: str, data_root: Path
) -> None:
    entry = ENTRIES[name]
    space = get_space(entry["space"])
    data, benchmark = entry["data"], get_benchmark(entry["space"], data_root)
    known = LabelledSet.of(benchmark, [data["metric"]])
    labels, held_out = known.draw_beside_held_out(data["labels"], entry["seed"])
    if labels.fingerprint != data["labels_sha256"]:
        pytest.skip(f"{benchmark.description} is not the data that {name} learnt from")
    model = load_model(name, max_nodes=space.max_nodes)
    assert isinstance(model, WithHeads)
    outputs = head_outputs(model, held_out.graphs)
    predicted = read_scale(STATE_DICTS / name).back(outputs)
    quality = Quality.of(predicted, held_out.truths()["validation"])
    recorded = entry["metrics"]["held_out"]["validation"]
    assert quality.kendall_tau == pytest.approx(recorded["kendall_tau"], abs=1e-3)
    assert quality.rmse == pytest.approx(recorded["rmse"], rel=1e-2)


def test_all_together_are_small() -> None:
    assert ENTRIES.keys() == VAES | SURROGATES
    assert sum(entry["bytes"] for entry in ENTRIES.values()) < MEGABYTES * 1e6


def test_git_keeps_what_is_shipped_and_nothing_else(tmp_path: Path) -> None:
    """By the rules of ``.gitignore``, in a repository of its own."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    rules = (REPOSITORY_ROOT / ".gitignore").read_text()
    (tmp_path / ".gitignore").write_text(rules)
    kept = {"state_dicts/README.md", f"state_dicts/{MANIFEST}"}
    described = ("README.md", "config.json", "metrics.jsonl")
    for name in VAES:
        kept |= {f"state_dicts/{name}/{file}" for file in (*described, "model_checkpoint300.obj")}
    for name in SURROGATES:
        weights = ("model_checkpoint100.obj", "targets.json")
        kept |= {f"state_dicts/{name}/{file}" for file in (*described, *weights)}
    own = {
        "state_dicts/SVGE_NB101/model_checkpoint50.obj",
        "state_dicts/SVGE_NB101/NB101_latent_epoch300.npz",
        "state_dicts/SVGE_NB101/figures/README.md",
        "state_dicts/SVGE_acc_NB201/model_checkpoint100.obj",
        "state_dicts/SVGE_acc_NB101/model_checkpoint300.obj.part",
        "state_dicts/DGMG_ENAS/model_checkpoint300.obj",
        "state_dicts/published/SVGE_NB101/model_checkpoint300.obj",
        "state_dicts/published.zip",
        "runs/SVGE_NB101/model_checkpoint300.obj",
    }
    for path in kept | own:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    listed = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-files", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(listed.stdout.split()) - {".gitignore"} == kept


def held_out_sample(entry: dict[str, Any], request: pytest.FixtureRequest) -> GraphBatch:
    """Some of the graphs that a training held out, without splitting a large space for it."""
    space, data = get_space(entry["space"]), entry["data"]
    if data["architectures"] < 100_000:
        root = None if "enumerated" in data["source"] else request.getfixturevalue("data_root")
        architectures = load_architectures(space, root, data["split_seed"], data["cells_up_to"])
        assert architectures.split.fingerprint == data["split"]
        return architectures.test[:SAMPLE]
    graphs = space.sample_batch(SAMPLE * 15, np.random.default_rng(0))
    names = [f"{data['split_seed']}:{name}".encode() for name in space.hashes(graphs).tolist()]
    places = [int.from_bytes(hashlib.sha256(name).digest()) / 2**256 for name in names]
    rows = np.flatnonzero(np.array(places) < CERTAINLY_HELD_OUT)[:SAMPLE]
    assert len(rows) == SAMPLE
    return graphs[torch.from_numpy(rows)]


@vaes
def test_held_out_graphs_come_back_at_the_recorded_rate(
    name: str, request: pytest.FixtureRequest
) -> None:
    entry = ENTRIES[name]
    graphs = held_out_sample(entry, request)
    recorded = entry["metrics"]["reconstruction"]["greedy"]
    for way, share in greedy_reconstruction(load_vae(name), graphs).items():
        if way == "graphs":
            continue
        # A rate of one would forbid a single failure, which rounding elsewhere may bring.
        rate = min(recorded[way], 1 - 1 / recorded["graphs"])
        assert binomtest(round(share * len(graphs)), len(graphs), rate).pvalue > 1e-6, way
