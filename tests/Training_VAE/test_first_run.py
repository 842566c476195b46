"""The main job: it takes up what is there, and says when that is another one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets import registry
from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark, Metric, NoMeasurementsError
from datasets.latent_files import load_latents
from datasets.spaces.digits101 import Digits101
from experiment.errors import InputError
from Training_VAE import first_run


@pytest.fixture
def small(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Flags of the job without data, and its training made tiny: on cells of at most 4 nodes."""
    flags = ["--config", str(tiny), "--sampled_graphs", "2"]
    monkeypatch.setattr(first_run, "SMALL_FLAGS", [*flags, "--epochs", "2"])
    (tmp_path / "data").mkdir()
    common = ["--out", str(tmp_path / "out"), "--device", "cpu", "--threads", "1"]
    return [*common, "--data_root", str(tmp_path / "data")]


def nothing_measured(name: str, data_root: Path | None) -> Benchmark:
    raise NoMeasurementsError(f"no numbers of {name}")


def times(folder: Path) -> dict[str, int]:
    """When each file was written, but those that every process writes."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.name: path.stat().st_mtime_ns for path in files}


def test_the_job_is_done_once_and_asked_for_again(
    small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert first_run.main(small) == 0
    folder = tmp_path / "out" / "SVGE_DIGITS101"
    before = times(folder)
    assert {
        "latent_map.png",
        "interpolation.png",
        "DIGITS101_latent_epoch2.npz",
        "new_cells.jsonl",
        "new_cells.png",
    } <= before.keys()
    assert len(load_latents(folder / "DIGITS101_latent_epoch2.npz")["hash"]) == 91
    capsys.readouterr()
    assert first_run.main(small) == 0
    assert "trained already" in capsys.readouterr().out
    assert times(folder) == before

    for flags, words in (
        (["--epochs", "3"], "epochs is 2, 3 is requested"),
        (["--seed", "2"], "seed is 1, 2 is requested"),
    ):
        with pytest.raises(InputError, match=f"{words}.*--out"):
            first_run.main([*small, *flags])
    assert times(folder) == before


def test_latents_are_extracted_again_when_accuracies_arrive(
    small: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "get_benchmark", nothing_measured)
    first_run.main(small)
    folder = tmp_path / "out" / "SVGE_DIGITS101"
    before = times(folder)
    assert "metric/validation" not in load_latents(folder / "DIGITS101_latent_epoch2.npz")

    space = Digits101()
    graphs = GraphBatch.cat(space.enumerate(max_nodes=3))
    values = np.linspace(0.1, 0.9, len(graphs))[:, None]
    metric = Metric("validation", "fraction", "invented", values)
    hashes = space.hashes(graphs)
    benchmark = Benchmark(space, "cifar10", graphs, hashes, {"validation": metric}, "invented")
    monkeypatch.setattr(registry, "get_benchmark", lambda *_: benchmark)
    first_run.main(small)
    table = load_latents(folder / "DIGITS101_latent_epoch2.npz")
    assert (~np.isnan(table["metric/validation"])).sum() == len(graphs)
    after = times(folder)
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {
        "DIGITS101_latent_epoch2.npz",
        "latent_map.png",
        "interpolation.png",
        "interpolation.jsonl",
    }
    first_run.main(small)
    assert times(folder) == after
