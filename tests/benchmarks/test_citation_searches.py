"""Searches on citation graphs: what is charged, chosen by validation alone, and kept once."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch_geometric.data import Data

from benchmarks import citation_searches as compared
from benchmarks.kept_trainings import KeptTrainings, Record
from datasets import NodeGraph, get_space
from datasets.space import SearchSpace
from estimators import FromScratch, GraphNASMicroDesign, NodeRecipe, NodeTask

MICRO = "GRAPHNAS_MICRO"


def made_up() -> NodeGraph:
    """A ring of 30 nodes of two classes."""
    generator = torch.Generator().manual_seed(0)
    nodes = torch.arange(30)
    edges = torch.stack([nodes, nodes.roll(1)])
    labels = nodes // 15
    features = torch.rand(30, 6, generator=generator) + labels[:, None] * torch.arange(6) / 9
    data = Data(x=features, edge_index=torch.cat([edges, edges.flip(0)], dim=1), y=labels)
    data.train_mask, data.val_mask, data.test_mask = (nodes % 3 == part for part in range(3))
    return NodeGraph.of("made up", data)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of few epochs on the made-up graph, in the place of those on Cora."""
    graph = made_up()

    def training_on(dataset: str, space: SearchSpace, seed: int, data_root: Any) -> FromScratch:
        recipe = NodeRecipe.load("citation", overrides={"epochs": 2})
        return FromScratch(space, NodeTask(graph), GraphNASMicroDesign(4), recipe, seed=seed)

    monkeypatch.setattr(compared, "training_on", training_on)
    monkeypatch.setattr(compared, "NodeTask", lambda dataset, data_root: NodeTask(graph))
    monkeypatch.setattr(compared, "TUNED_EPOCHS", 2)


def run(out: Path, *words: str) -> dict[str, Any]:
    common = ["--datasets", "cora", "--seconds", "1", "--results", str(out)]
    assert compared.main(["run", *common, *words]) == 0
    return json.loads(out.read_text())["results"]


def test_choices_are_the_best_by_validation(small: None, tmp_path: Path) -> None:
    results = run(tmp_path / "kept.json", "--parts", "found", "--fresh", "2")
    rows = results["found"]["cora"]["1"]
    assert set(rows) == {MICRO, compared.TUNED}
    for name, row in rows.items():
        trained = results["trainings"]["cora"][name].values()
        assert row["validation"] == max(each.get("validation", 0) for each in trained)
        assert row["trainings"] == len(trained)
        assert row["seconds"] >= 1
    choices = {rows[MICRO]["choice"], rows[compared.TUNED]["choice"], compared.GCN}
    assert set(results["fresh"]["cora"]) == choices
    assert all(set(runs) == {"100", "101"} for runs in results["fresh"]["cora"].values())


def test_what_is_kept_is_charged_and_not_trained_again(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "kept.json"
    words = ["--parts", "algorithms", "--methods", "random", "evolution", "--seeds", "2"]
    first = run(out, *words)
    methods = first["algorithms"]["cora"][MICRO]["1"]
    assert all(set(runs) == {"0", "1"} for runs in methods.values())
    monkeypatch.setattr(compared, "search", lambda *_: pytest.fail("searched again"))
    assert run(out, *words) == first
    shown = capsys.readouterr().out
    assert "− random, validation: " in shown
    assert "100 of them: " in shown


def test_a_kept_training_costs_what_it_took(small: None, tmp_path: Path) -> None:
    record, space = Record(tmp_path / "kept.json"), get_space(MICRO)
    training = compared.training_on("cora", space, 0, None)
    trainings = KeptTrainings(training, record, ("trainings",))
    graph = space.parse("gcn sage add tanh 1:3 1:4")
    (made,) = trainings.measure([graph])
    again = KeptTrainings(training, Record(record.path), ("trainings",))
    (read,) = again.measure([graph])
    assert read == made
    assert again.spent == 0 < trainings.spent == made.cost_seconds
    first = record.of("trainings")[made.hash]
    first["seconds"] = 50.0  # as much as the budget: a search that proposes it alone would end
    found = compared.search(trainings, "random", 0, 0.01)
    assert found["trainings"] == 1


def test_settings_of_a_gat_begin_with_the_published_one_and_differ() -> None:
    several = [compared.in_words(each) for each in itertools.islice(compared.settings(0), 50)]
    assert len(set(several)) == 50
    assert "hidden 8, heads 8, dropout 0.6, learning_rate 0.005" in several[0]
