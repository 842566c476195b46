"""Cells decoded from the latent space: new ones, trained on the digits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from datasets import get_space
from experiment.errors import InputError
from Training_VAE import new_cells, train_svge
from Training_VAE.trained import load_trained, trained_architectures


@pytest.fixture(scope="module")
def folder(tiny_settings: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A barely trained VAE of the cells of at most 4 nodes."""
    out = tmp_path_factory.mktemp("runs")
    (out / "tiny.toml").write_text(tiny_settings)
    preset = str(out / "tiny.toml")
    flags = ["--data_search_space", "DIGITS101", "--config", preset, "--log_dir", str(out)]
    train_svge.main([*flags, "--epochs", "1", "--device", "cpu", "--sampled_graphs", "2"])
    return out / "SVGE_DIGITS101"


def decoded(folder: Path, count: int, seed: int) -> list[str]:
    trained = load_trained("SVGE", "DIGITS101", folder, None, torch.device("cpu"))
    architectures = trained_architectures(trained, None, 1)
    cells = new_cells.new_cells(trained, architectures, count, seed)
    known = set(architectures.hashes[architectures.split.train].tolist())
    hashes = [trained.space.hash(cell) for cell in cells]
    assert len(set(hashes)) == count
    assert not set(hashes) & known
    assert all(trained.space.is_legal(cell) for cell in cells)
    return hashes


def test_cells_are_members_new_and_each_once(folder: Path) -> None:
    first = decoded(folder, 4, seed=1)
    assert decoded(folder, 4, seed=1) == first
    assert decoded(folder, 4, seed=2) != first


def test_more_cells_than_the_points_decode_to_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match=r"1,280 points .* cells .* 2000 were requested"):
        decoded(folder, 2000, seed=1)


def test_the_command_trains_and_records_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--data_search_space", "DIGITS101", "--path_state_dict", str(folder)]
    assert new_cells.main([*flags, "--count", "2", "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    lines = (folder / "new_cells.jsonl").read_text().splitlines()
    space = get_space("DIGITS101")
    for line in lines:
        record = json.loads(line)
        assert record["hash"] == space.hash(space.parse(line))
        assert record["status"] == "ok"
        assert 0.1 < record["test"] <= 1
        assert f"test {100 * record['test']:.2f} %" in printed
    assert len(lines) == 2
    assert (folder / "figures" / "new_cells.png").stat().st_size > 1000


def test_other_spaces_have_no_cells() -> None:
    with pytest.raises(InputError, match=r"ENAS are no cells .* NB101 and DIGITS101"):
        new_cells.main(["--data_search_space", "ENAS"])
