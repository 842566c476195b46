"""Searches on citation graphs: what is charged, chosen by validation alone, and kept once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import citation_searches as compared
from benchmarks import citation_sides as sides
from benchmarks.citation_sides import GAT, MACRO, MICRO, SIDES, CandidateTrainings
from benchmarks.kept_trainings import KeptTrainings, Record
from datasets import FixedNetwork, NodeGraph, get_space
from datasets.spaces.configured import parts_of
from estimators import FromScratch, GATDesign, GraphNASMicroDesign, NodeRecipe, NodeTask
from estimators.by_curve import chosen_settings
from estimators.tasks.data_sets import DATA_SETS
from experiment.errors import InputError
from searchers.methods import make_searcher
from searchers.problem import whole_space


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, ring: NodeGraph) -> None:
    """Trainings of few epochs on the made-up graph, in the place of those on Cora."""
    for module in (compared, sides):
        monkeypatch.setattr(module, "NodeTask", lambda dataset, data_root: NodeTask(ring))
    monkeypatch.setattr(sides, "EPOCHS", 2)


def run(out: Path, *words: str) -> dict[str, Any]:
    common = ["--datasets", "cora", "--seconds", "1", "--results", str(out)]
    assert compared.main(["run", *common, *words]) == 0
    return json.loads(out.read_text())["results"]


def test_all_sides_are_chosen_by_the_same_rule(small: None, tmp_path: Path) -> None:
    words = ["--fresh", "2", "--spaces", MICRO]
    results = run(tmp_path / "kept.json", *words)
    rows = results["found"]["cora"]["1"]
    assert set(rows) == {GAT, MICRO}
    for name, row in rows.items():
        seeds = results["candidates"]["cora"][name]
        searched = [each for each in seeds["0"].values() if "validation" in each]
        order = sorted(searched, key=lambda each: -each["validation"])
        best = [each["architecture"] for each in order[: compared.FINALISTS]]
        assert list(row["finalists"]) == best
        for choice, mean in row["finalists"].items():
            again = [
                each["validation"]
                for seed in range(1, row["final"]["seeds"] + 1)
                for each in seeds[str(seed)].values()
                if each["architecture"] == choice
            ]
            assert len(again) == row["final"]["seeds"]
            assert mean == pytest.approx(sum(again) / len(again), abs=1e-4)
        assert row["validation"] == max(row["finalists"].values())
        assert row["choice"] == best[row["rank"] - 1]
        assert row["finalists"][row["choice"]] == row["validation"]
        assert row["search"]["seconds"] >= 2 / 3 - 0.05  # rounded
        assert row["seconds"] >= 1 - 0.05
    choices = {rows[MICRO]["choice"], rows[GAT]["choice"], *compared.BY_HAND}
    assert set(results["fresh"]["cora"]) == choices
    assert all(set(runs) == {"100", "101"} for runs in results["fresh"]["cora"].values())


def test_a_comparison_that_was_cut_off_trains_what_is_missing(small: None, tmp_path: Path) -> None:
    out, words = tmp_path / "kept.json", ["--fresh", "1", "--spaces", MICRO]
    whole = run(out, *words)
    content = json.loads(out.read_text())
    trained = content["results"]["candidates"]["cora"][GAT]
    del content["results"]["found"]["cora"]["1"][GAT]
    del content["results"]["fresh"]["cora"]["GCN"]
    last = max(trained, key=int)
    trained[last].popitem()
    out.write_text(json.dumps(content))
    again = run(out, *words)
    assert list(again["fresh"]["cora"]["GCN"]) == ["100"]
    before, after = (each["found"]["cora"]["1"] for each in (whole, again))
    assert after[MICRO] == before[MICRO]
    assert after[GAT]["search"] == before[GAT]["search"]
    assert list(after[GAT]["finalists"]) == list(before[GAT]["finalists"])
    with pytest.raises(InputError, match=r"by another evolution than \[5, 2\]: give another file"):
        run(out, *words, "--population", "5", "--tournament", "2")


def test_candidates_are_trained_by_their_settings(small: None) -> None:
    side = SIDES[MICRO]
    settings = {"hidden": 16, "hidden_dropout": 0.4, "dropout": 0.5, "learning_rate": 0.02}
    settings |= {"weight_decay": 1e-3, "patience": 100}
    graph = side.space.configure(side.architectures.parse("gcn sage add tanh 1:3 1:4"), settings)
    (found,) = CandidateTrainings(side, "cora", 4).measure([graph])
    task = compared.NodeTask("cora", data_root=None)
    own = {"epochs": 2, "learning_rate": 0.02, "weight_decay": 1e-3, "patience": 100}
    design, recipe = GraphNASMicroDesign(16, 0.5, 0.4), NodeRecipe.load("citation", overrides=own)
    plain = FromScratch(side.architectures, task, design, recipe, seed=4)
    (alone,) = plain.measure([graph.plain])
    assert (found.validation, found.test) == (alone.validation, alone.test)
    assert found.hash == side.space.hash(graph) != alone.hash


def test_a_network_larger_than_every_gat_is_a_failure_without_seconds(small: None) -> None:
    side = SIDES[MACRO]
    notation = "gat sum elu heads_16 width_256 gat sum identity heads_16"
    graph = side.space.configure(side.architectures.parse(notation), sides.PUBLISHED)
    (found,) = CandidateTrainings(side, "cora", 0).measure([graph])
    assert not found.ok
    assert found.cost_seconds is None
    assert found.reason.endswith("parameters are more than the largest GAT's 2822")


def test_macro_begins_with_the_published_gat() -> None:
    (first,) = SIDES[MACRO].first()
    (by_hand,) = SIDES[GAT].first()
    counted = []
    for side, graph in ((SIDES[MACRO], first), (SIDES[GAT], by_hand)):
        _, plain, settings = parts_of(side.space, graph)
        recipe = NodeRecipe.load("citation")
        trained, design = chosen_settings(recipe, side.design, settings)
        counted.append((sides._parameters(design, plain, DATA_SETS["cora"]), trained))
    assert counted[0] == counted[1]
    assert counted[1][0] == sides._parameters(GATDesign(), FixedNetwork.member, DATA_SETS["cora"])


def test_a_kept_training_costs_what_it_took(ring: NodeGraph, tmp_path: Path) -> None:
    record, space = Record(tmp_path / "kept.json"), get_space(MICRO)
    recipe = NodeRecipe.load("citation", overrides={"epochs": 2})
    training = FromScratch(space, NodeTask(ring), GraphNASMicroDesign(4), recipe)
    trainings = KeptTrainings(training, record, ("trainings",))
    graph = space.parse("gcn sage add tanh 1:3 1:4")
    (made,) = trainings.measure([graph])
    again = KeptTrainings(training, Record(record.path), ("trainings",))
    (read,) = again.measure([graph])
    assert read == made
    assert again.spent == 0 < trainings.spent == made.cost_seconds
    first = record.of("trainings")[made.hash]
    first["seconds"] = 50.0  # as much as the budget: a search that proposes it alone would end
    searcher = make_searcher("random", whole_space(space), 0, 10)
    chosen: dict[str, float] = {}
    _, found = compared.search(trainings, searcher, 0.01, chosen)
    assert found["trainings"] == len(chosen) == 1


def test_a_choice_costs_what_is_kept_of_it(ring: NodeGraph, tmp_path: Path) -> None:
    space = get_space(MICRO)
    recipe = NodeRecipe.load("citation", overrides={"epochs": 2})
    training = FromScratch(space, NodeTask(ring), GraphNASMicroDesign(4), recipe)
    trainings = KeptTrainings(training, Record(tmp_path / "kept.json"), ("trainings",))
    searcher = make_searcher("random", whole_space(space), 0, 10)
    chosen = {"0": 0.0, "1": 500.0}
    measured, found = compared.search(trainings, searcher, 400, chosen)
    assert len(measured) == 2
    assert found["choosing_seconds"] == 500.0
