"""Algorithms on a citation graph: equal seconds, one price for a training, one rule of choice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import citation_algorithms as compared
from benchmarks.kept_trainings import Record
from datasets import NodeGraph
from datasets.space import SearchSpace
from estimators import FromScratch, GraphNASMicroDesign, NodeRecipe, NodeTask
from estimators.shared_weights import SharedWeights
from experiment.paths import REPOSITORY_ROOT
from searchers.shared_weights.choosing import ChoosingWeights


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, ring: NodeGraph) -> None:
    """Trainings of few epochs on the made-up graph, and supernets of few steps."""

    def training_on(dataset: str, space: SearchSpace, seed: int, data_root: Any) -> FromScratch:
        recipe = NodeRecipe.load("citation", overrides={"epochs": 2})
        return FromScratch(space, NodeTask(ring), GraphNASMicroDesign(4), recipe, seed=seed)

    def small(method: str, training: FromScratch, epochs: int) -> SharedWeights:
        usual = make_weights(method, training, min(epochs, 5))
        fewer = {"paths": 2, "hidden": 4, "updates": 1}
        changes = {name: fewer.get(name, value) for name, value in vars(usual.recipe).items()}
        recipe = type(usual.recipe)(**changes)
        return type(usual)(training, recipe)

    make_weights = compared.make_weights
    monkeypatch.setattr(compared, "training_on", training_on)
    monkeypatch.setattr(compared, "make_weights", small)


def run(out: Path, *words: str) -> dict[str, Any]:
    assert compared.main(["run", "--results", str(out), *words]) == 0
    return json.loads(out.read_text())["results"]


def test_what_is_kept_is_charged_and_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "kept.json"
    words = ["--methods", "random", "SPOS", "--seeds", "2", "--seconds", "1"]
    first = run(out, *words)
    methods = first["searches"]["cora"]["1"]
    assert list(methods) == ["random", "SPOS"]
    for runs in methods.values():
        assert set(runs) == {"0", "1"}
        assert all(found["seconds"] >= 1 for found in runs.values())
    monkeypatch.setattr(compared, "searched", lambda *_: pytest.fail("searched again"))
    assert run(out, *words) == first
    shown = capsys.readouterr().out
    assert "| `random` | 2 | " in shown
    assert "| `SPOS` | 2 | " in shown
    assert "100 of them: " in shown


@pytest.mark.parametrize("method", compared.ONE_SHOT)
def test_the_best_by_shared_weights_are_trained_and_the_best_training_is_chosen(
    method: str, tmp_path: Path
) -> None:
    out = tmp_path / "kept.json"
    results = run(out, "--methods", method, "--seeds", "1", "--seconds", "1")
    found = results["searches"]["cora"]["1"][method]["0"]
    made = results["trainings"]["cora"]
    chosen = max(made.values(), key=lambda each: each["validation"])
    assert found["validation"] == chosen["validation"]
    assert len(made) == found["trainings"] <= found["supernet"]["ranked"]
    assert results["epochs"]["cora"][method]["seconds"] > 0
    assert found["seconds"] >= found["choosing_seconds"] >= found["supernet"]["seconds"]
    # Kept with its number of epochs, the supernet ranks alike again.
    space = compared.get_space(compared.MICRO)
    weights = compared.make_weights(
        method, compared.training_on("cora", space, 0, None), found["supernet"]["epochs"]
    )
    assert isinstance(weights, ChoosingWeights) == (method != compared.SPOS)
    ranked = {
        each.hash: each.values["validation"]
        for each in weights.measure([space.parse(row["architecture"]) for row in made.values()])
    }
    order = [ranked[hash] for hash in made]
    assert order == sorted(order, reverse=True)


def test_a_supernet_has_as_many_epochs_as_fit_its_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    made = compared.make_weights

    def noted(method: str, training: FromScratch, epochs: int) -> SharedWeights:
        asked.append(epochs)
        return made(method, training, epochs)

    monkeypatch.setattr(compared, "make_weights", noted)
    record = Record(tmp_path / "kept.json")
    record.put(("epochs", "cora"), "darts", {"seconds": 0.01})
    run(record.path, "--methods", "darts", "--seeds", "1", "--seconds", "3")
    assert asked == [200]


def test_presets_keep_their_share_of_epochs_before_a_choice() -> None:
    space = compared.get_space(compared.MICRO)
    training = compared.training_on("cora", space, 0, None)
    assert compared.CHOOSING["enas"].recipe.load("enas").epochs == 60
    assert vars(compared.make_weights("enas", training, 3).recipe)["warmup_epochs"] == 1
    assert vars(compared.make_weights("darts", training, 5).recipe)["warmup_epochs"] == 1


def test_the_page_has_what_is_kept() -> None:
    page = (REPOSITORY_ROOT / "docs" / "citation_graphs.md").read_text(encoding="utf-8")
    for line in compared.lines(json.loads(compared.KEPT.read_text())["results"]):
        assert line in page
