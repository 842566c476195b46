"""The likelihood that is printed of a run is that of its own evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import dvae_likelihood
from experiment.files import read_json
from Training_VAE import train_ngae


def test_it_is_what_the_evaluation_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = ["--model", "DVAE", "--data_search_space", "DIGITS101"]
    small = ["--epochs", "1", "--limit", "64", "--hs", "8", "--nz", "4", "--sampled_graphs", "5"]
    alike = ["--precision", "float32", "--threads", "1"]
    train_ngae.main([*named, *small, *alike, "--log_dir", str(tmp_path)])
    folder = tmp_path / "DVAE_DIGITS101"
    capsys.readouterr()
    assert dvae_likelihood.main([*named, str(folder)]) == 0
    nll = read_json(folder / "result.json")["dvae"]["nll"]
    assert capsys.readouterr().out == f"{folder}: −log p {nll:.4f} nats\n"
