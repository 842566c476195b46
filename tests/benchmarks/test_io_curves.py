"""The benchmark of trainings with input–output information: what is kept, told and drawn."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import io_curves
from benchmarks.io_embeddings import EMBEDDINGS, SEEDS
from datasets.io_files import write_io_set
from datasets.io_targets import PREPROCESSINGS
from experiment.errors import InputError
from models import load_vae
from tests.datasets.test_io_set import contents, recorded
from Training_VAE import evaluation, io_training

FEW = ["--epochs", "2", "--batch_size", "8", "--labelled_batches", "3"]
FEW += ["--unlabelled_batches", "2", "--cells_up_to", "4", "--save_interval", "1"]


def test_a_variant_is_trained_once_and_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(io_training, "CURVE_POINTS", 20)
    monkeypatch.setattr(io_training, "PRIOR_POINTS", 30)
    protocol = evaluation.Protocol(2, 20, 5, 2, 200)
    monkeypatch.setattr("Training_VAE.train_io.protocol_of", lambda given: protocol)
    monkeypatch.setitem(io_curves.VARIANTS, "published", FEW)
    write_io_set(tmp_path / "set", contents(), recorded())
    runs, results = tmp_path / "runs", tmp_path / "kept.json"
    common = ["--results", str(results), "--runs", str(runs)]
    training = ["train", "--io_set", str(tmp_path / "set"), "--seeds", "1", "2", *common]
    assert io_curves.main(training) == 0
    kept = json.loads(results.read_text())["results"]["published"]
    assert set(kept) == {"1", "2"}
    assert kept["1"]["curves"]["unseen_networks"] != kept["2"]["curves"]["unseen_networks"]
    part = kept["1"]["parts"]["unseen_networks"]
    assert len(kept["1"]["curves"]["unseen_networks"]) == 2
    assert kept["1"]["curves"]["unseen_networks"][-1] == pytest.approx(part["loss"], abs=1e-4)
    assert part["ratio"] == pytest.approx(part["loss"] / part["baseline"])

    before = results.read_bytes()
    assert io_curves.main(training) == 0
    assert results.read_bytes() == before  # nothing is trained twice
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| pub")]
    assert f"| {part['ratio']:.3f} " in rows[-1]
    picture = tmp_path / "curves.png"
    assert io_curves.main(["figure", "--out", str(picture), *common]) == 0
    assert picture.stat().st_size > 10_000
    together = tmp_path / "compared.png"
    assert io_curves.main(["compare", "--out", str(together), *common]) == 0
    assert together.stat().st_size > 10_000
    assert io_curves.main(["sources", "--io_set", str(tmp_path / "set"), *common]) == 0
    assert set(json.loads(results.read_text())["sources"]) == set(PREPROCESSINGS)
    with pytest.raises(InputError, match="no runs of 'top_k'"):
        io_curves.main(["figure", "--variant", "top_k", "--out", str(picture), *common])

    for row in ("orig", "dense", "arch2vec, same batches"):
        embedding = EMBEDDINGS["DIGITS101"][f"{row}, epoch 10"]
        with pytest.raises(InputError, match="no weights of epoch 10: train them"):
            embedding.weights(runs, 0)
        early = replace(embedding, epoch=1)
        first, again = early.weights(runs, 0), early.weights(runs, SEEDS)
        assert first == again
        assert first != early.weights(runs, 1)
        assert load_vae(first).name == ("io_dense" if row == "dense" else "arch2vec")


def test_sources_of_targets() -> None:
    generator = np.random.default_rng(0)
    networks, images = generator.normal(size=(9, 1, 2)), generator.normal(size=(1, 7, 2))
    of_networks = np.broadcast_to(networks, (9, 7, 2))
    found = io_curves.shares(of_networks[:6], of_networks[6:])
    assert found == {
        "image": pytest.approx(1),
        "network": pytest.approx(0),
        "both": pytest.approx(0),
    }
    of_images = np.broadcast_to(images, (9, 7, 2))
    found = io_curves.shares(of_images[:6], of_images[6:])
    assert found["image"] == pytest.approx(0, abs=1e-12)
    assert found["network"] == pytest.approx(1)
    added = networks + images - images.mean(1)
    assert io_curves.shares(added[:6], added[6:])["both"] == pytest.approx(0, abs=1e-12)
