"""The uniqueness benchmark: what it keeps, what it chooses, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import uniqueness
from benchmarks.uniqueness import SWEEP, TRADE_OFF, Measurements, Setting
from benchmarks.uniqueness_figure import uniqueness_figure
from benchmarks.uniqueness_summary import DISTINCT, EXACT, SAMPLED, VALID, recommended, summaries
from experiment.errors import InputError
from models import Sizes, build_model
from models.checkpoints import checkpoint_path

QUANTITIES = ("uniqueness", "validity", "novelty", "distinct_points", "agreement")


def decodings(
    seed: int, temperature: float, prior: str = "diagonal", scale: float = 1.0, **values: float
) -> dict:
    measured = {**dict.fromkeys(QUANTITIES, 1.0), **values}
    return {
        "seed": seed,
        "prior": prior,
        "prior_scale": scale,
        "temperature": temperature,
        **measured,
    }


def weights(folder: str, exact: float, drawn: list[dict]) -> dict[str, Any]:
    found = [
        {"temperature": t, "greedy": {"forward": 0.5, "joint": exact}, "sampled": {"share": share}}
        for t, share in ((1.0, SAMPLED), (2.0, SAMPLED), (3.0, SAMPLED - 1e-6))
    ]
    return {
        "folder": folder,
        "epoch": 3,
        "sha256": folder,
        "noise_scale": 0.01,
        "beta": 0.005,
        "reconstruction": found,
        "decodings": drawn,
    }


def test_summary_is_mean_and_spread_over_the_seeds() -> None:
    drawn = [
        decodings(1, 1.0, uniqueness=0.6),
        decodings(1, 2.0, uniqueness=0.9),
        decodings(2, 1.0, uniqueness=0.8),
    ]
    cold, hot = summaries([weights("a", 0.9, drawn)])
    assert (cold.temperature, cold.seeds, hot.temperature, hot.seeds) == (1.0, 2, 2.0, 1)
    assert cold.uniqueness.mean == pytest.approx(0.7)
    assert cold.uniqueness.std == pytest.approx(0.02**0.5)
    assert hot.uniqueness.std == 0
    assert (cold.greedy, cold.sampled) == (0.9, SAMPLED)


def test_recommended_reconstructs_and_is_valid() -> None:
    inexact = weights("inexact", EXACT - 1e-6, [decodings(1, 1.0, uniqueness=0.99)])
    exact = weights(
        "exact",
        EXACT,
        [
            decodings(1, 1.0, uniqueness=0.5, validity=VALID),
            decodings(1, 2.0, uniqueness=0.9, validity=VALID - 1e-6),
            decodings(1, 3.0, uniqueness=0.9),
            decodings(1, 1.0, prior="full", uniqueness=0.8),
            decodings(1, 1.0, scale=0.5, uniqueness=0.6, distinct_points=DISTINCT),
            decodings(1, 1.0, scale=0.25, uniqueness=0.7, distinct_points=DISTINCT - 1e-6),
        ],
    )
    best = recommended(summaries([inexact, exact]))
    assert best is not None
    assert (best.folder, best.prior, best.prior_scale) == ("exact", "diagonal", 0.5)
    assert recommended(summaries([inexact])) is None


def test_figure_shows_all_weights_and_the_priors_of_the_first() -> None:
    first = [decodings(1, 1.0), decodings(1, 2.0), decodings(1, 1.0, prior="box")]
    first += [decodings(1, 2.0, scale=0.5)]
    lines = summaries([weights("a", 1.0, first), weights("b", 0.9, [decodings(1, 1.0)])])
    greedy, sampled, priors = uniqueness_figure(lines, lines[0]).axes
    assert len(greedy.containers) == len(sampled.containers) == 3
    assert [text.get_text() for text in priors.get_yticklabels()] == ["diagonal × 1", "box × 1"]


def test_measurements_of_a_file_are_gone_on_with(tmp_path: Path) -> None:
    path, head = tmp_path / "result.json", {"space": "ENAS", "protocol": {"decodings": 10}}
    results = Measurements(path, head)
    for name in ("one", "two"):
        results.begin({"sha256": name})
        results.add("decodings", {"seed": 1, "of": name})
    again = Measurements(path, head)
    again.begin({"sha256": "two"})
    assert again.has("decodings", seed=1)
    assert not again.has("decodings", seed=2)
    again.add("decodings", {"seed": 2, "of": "two"})
    kept = json.loads(path.read_text())["weights"]
    assert [entry["sha256"] for entry in kept] == ["two", "one"]
    assert [len(entry["decodings"]) for entry in kept] == [2, 1]
    with pytest.raises(InputError, match="another model, space or protocol"):
        Measurements(path, {**head, "protocol": {"decodings": 11}})


def test_every_setting_is_there_once() -> None:
    assert SWEEP[: len(TRADE_OFF)] == TRADE_OFF
    assert len(set(SWEEP)) == len(SWEEP)
    assert TRADE_OFF[0] == Setting()


def test_command_measures_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    folder = tmp_path / "SVGE_NB201"
    folder.mkdir()
    state = build_model("SVGE", Sizes(7, 8, 12, 8, 1)).state_dict()
    torch.save(state, checkpoint_path(folder, 1))
    monkeypatch.setattr(uniqueness, "SWEEP", (Setting(), Setting(prior="box")))
    flags = ["--weights", str(folder), "--data_search_space", "NB201", "--points", "3"]
    flags += ["--seeds", "1", "2", "--device", "cpu", "--out", str(tmp_path / "u.json")]
    assert uniqueness.main(flags) == 0
    first = json.loads((tmp_path / "u.json").read_text())
    assert [line["seeds"] for line in first["summary"]] == [2, 2]
    assert first["recommended"] is None
    assert (tmp_path / "u.png").read_bytes().startswith(b"\x89PNG")

    def refuse(*given: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(uniqueness, "decode_prior", refuse)
    monkeypatch.setattr(uniqueness, "reconstruct", refuse)
    assert uniqueness.main(flags) == 0
    assert json.loads((tmp_path / "u.json").read_text())["weights"] == first["weights"]
    assert "recommended: nothing" in capsys.readouterr().out
