"""The experiment on the digits: its candidates, its groups, its figures, going on after a kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datasets import get_benchmark, get_space
from datasets.batch import GraphBatch
from datasets.canonical import canonical_hashes
from estimators.from_scratch import FromScratch
from estimators.networks import load_design
from estimators.store import Store
from estimators.tasks.data_sets import DATA_SETS
from estimators.tasks.images import ImageClassification, ImageRecipe
from experiment.errors import InputError
from experiment.files import read_json
from Extrapolation_Ability import digits_experiment
from Extrapolation_Ability.candidates import best_cells, extensions
from Extrapolation_Ability.digits_experiment import candidates_of, groups_of
from Extrapolation_Ability.digits_summary import groups_figure, summarise, table_lines
from Extrapolation_Ability.ranking import Ranking
from Extrapolation_Ability.surrogates import Prediction, RankingModel


def edges(batch: GraphBatch) -> Prediction:
    """A surrogate that is easily checked: cells with more edges are better."""
    return batch.adjacency.sum(dim=(1, 2)).double().numpy(), None


SURROGATE = RankingModel(edges, {"predictor": "edges", "labels": 0})
RECIPE = ImageRecipe(
    epochs=1,
    batch_size=200,
    learning_rate=0.02,
    optimiser="adamw",
    schedule="one_cycle",
    weight_decay=0.01,
    precision="float32",
)


def test_candidates_have_six_to_eight_nodes_and_grow_from_the_best() -> None:
    benchmark = get_benchmark("DIGITS101")
    found = candidates_of(benchmark, SURROGATE, extend_best=2, random=7, seed=0)
    assert len(set(canonical_hashes(found))) == len(found)
    counts = np.bincount(found.num_nodes.numpy(), minlength=9)
    assert counts[:6].sum() == 0
    six = extensions(best_cells(benchmark, 5, 2))
    assert len(six) <= counts[6] <= len(six) + 7
    assert {*canonical_hashes(six)} < {*canonical_hashes(found)}
    best = six[torch.from_numpy(np.argsort(-edges(six)[0], kind="stable")[:2])]
    assert {*canonical_hashes(extensions(best))} < {*canonical_hashes(found)}
    alone = candidates_of(benchmark, SURROGATE, extend_best=2, random=0, seed=0)
    assert len(found) - len(alone) <= 21


def test_the_groups_are_chosen_as_they_are_called() -> None:
    benchmark = get_benchmark("DIGITS101")
    space = benchmark.space
    candidates = candidates_of(benchmark, SURROGATE, extend_best=1, random=5, seed=0)
    ranking = Ranking.of(space, candidates, edges(candidates))
    groups = groups_of(benchmark, ranking, 3, seed=1)
    assert {name: len(cells) for name, cells in groups.items()} == dict.fromkeys(groups, 3)
    assert edges(groups["predicted"])[0].tolist() == sorted(edges(candidates)[0])[:-4:-1]
    means = benchmark.metric("validation").mean()
    rows = benchmark.rows(space.hashes(groups["table"]))
    assert means[rows].tolist() == sorted(means, reverse=True)[:3]
    design, digits = load_design("digits101", get_space("DIGITS101")), DATA_SETS["digits"]
    most = np.sort(design.costs(candidates, digits).flops)[:-4:-1]
    assert design.costs(groups["largest"], digits).flops.tolist() == most.tolist()
    assert set(ranking.hashes) >= set(space.hashes(groups["random"]).tolist())
    again = groups_of(benchmark, ranking, 3, seed=2)
    assert list(again["random"]) != list(groups["random"])


def cell(name: str, validation: float, test: float, mean: float) -> dict[str, Any]:
    return {"hash": name, "validation": validation, "test": test, "mean": mean}


REPEATS: list[dict[str, Any]] = [
    {
        "groups": {
            "predicted": [cell("a", 0.9, 0.90, 0.99), cell("b", 0.95, 0.96, 0.98)],
            "random": [cell("c", 0.7, 0.71, 0.6), {"hash": "d", "mean": 0.5, "failed": "no"}],
            "largest": [cell("b", 0.95, 0.96, 0.98)],
            "table": [cell("e", 0.93, 0.92, 0.97)],
        }
    },
    {
        "groups": {
            "predicted": [cell("f", 0.97, 0.98, 0.99)],
            "random": [cell("g", 0.6, 0.61, 0.6)],
            "largest": [cell("h", 0.8, 0.82, 0.7)],
            "table": [cell("e", 0.95, 0.94, 0.97)],
        }
    },
]


def test_the_summary_is_that_of_the_measured_accuracies() -> None:
    summary = summarise(REPEATS)
    predicted = summary["predicted"]
    assert predicted["mean"]["values"] == pytest.approx([0.93, 0.98])
    assert predicted["first"]["values"] == [0.90, 0.98]
    assert predicted["chosen"]["values"] == [0.96, 0.98]
    assert predicted["above_best"]["values"] == pytest.approx([0.04, 0.04])
    assert predicted["mean"]["mean"] == pytest.approx(0.955)
    assert predicted["mean"]["std"] == pytest.approx(0.05 / 2**0.5)
    assert summary["table"]["above_best"]["values"] == [0, 0]
    assert summary["random"]["chosen"]["values"] == [0.71, 0.61]
    # a, b, c, e: of six pairs only that of a with b, and that of a with e, are in the wrong order
    assert summary["tau"]["values"] == pytest.approx([(4 - 2) / 6, 1.0])
    assert summary["failed"] == 1
    lines = list(table_lines(summary))
    assert "97.00 ± 1.41" in lines[1]
    assert "+4.00 ± 0.00" in lines[1]
    assert lines[-1] == "1 cells failed and are left out"


def test_the_figure_shows_every_cell_that_was_measured() -> None:
    (axes,) = groups_figure(REPEATS).axes
    drawn = [len(np.asarray(points.get_offsets())) for points in axes.collections]
    assert drawn == [2, 1, 1, 1, 1, 1, 1, 1]
    assert len(axes.get_xticklabels()) == 4


def test_the_command_goes_on_where_it_was_and_comes_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds: list[int] = []

    def quick(seed: int, *, store: Store) -> FromScratch:
        seeds.append(seed)
        design = load_design("digits101", get_space("DIGITS101"))
        images = ImageClassification("digits")
        space = get_space("DIGITS101")
        return FromScratch(space, images, design, RECIPE, seed=seed, store=store)

    def fitted(*arguments: object) -> RankingModel:
        return SURROGATE

    monkeypatch.setattr(digits_experiment, "estimator", quick)
    monkeypatch.setattr(digits_experiment, "fitted", fitted)
    monkeypatch.setattr(digits_experiment, "NODES", (6,))
    flags = ["--seeds", "2", "--top", "1", "--training_seeds", "1", "--extend_best", "1"]
    flags += ["--random", "3", "--out", str(tmp_path / "run")]
    assert digits_experiment.main(flags) == 0
    assert seeds == [1000, 1001]
    result = read_json(tmp_path / "run" / "result.json")
    printed = capsys.readouterr().out
    assert "predicted best" in printed
    assert (tmp_path / "run" / "figures" / "groups.png").stat().st_size > 1000
    for repeat in result["repeats"]:
        for cells in repeat["groups"].values():
            assert all(0 < one["test"] <= 1 for one in cells)
    with pytest.raises(InputError, match="holds a run already: add --resume"):
        digits_experiment.main(flags)

    def refuse(self: object, function: object, item: object) -> Any:
        raise AssertionError("a cell is trained that was measured before")

    monkeypatch.setattr("experiment.engine.InThisProcess.submit", refuse)
    assert digits_experiment.main([*flags, "--resume"]) == 0
    assert read_json(tmp_path / "run" / "result.json") == result
