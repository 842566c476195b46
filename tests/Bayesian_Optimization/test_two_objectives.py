"""Searches under a limit, and for the front between accuracy and cost."""

from __future__ import annotations

import json
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm

from Bayesian_Optimization import pareto, search
from datasets import get_benchmark
from datasets.benchmark import Metric
from datasets.objective import ACCURACY, Objective
from estimators.evaluations import Evaluations
from estimators.measurement import Measurement
from experiment.errors import InputError
from predictors.processes import candidates
from predictors.processes.hyperparameters import Adam
from searchers.domain import Candidates, WholeSpace
from searchers.evolution import RegularisedEvolution
from searchers.front import Reference, front
from searchers.limits import Limit, cost, measured_cost, table_costs
from searchers.loop import Budget, SearchLoop
from searchers.marginals import Marginals
from searchers.random_search import RandomSearch
from searchers.two_objectives import (
    ConstrainedImprovement,
    HypervolumeImprovement,
    Targets,
)

PRICE = Objective("price", maximise=False)
BOTH = (ACCURACY, PRICE)
EVOLUTION = ("--method", "evolution")


def price(_: int, graph: Any) -> dict[str, float]:
    """A cost that grows with what makes a cell accurate."""
    return {"price": 2.0 * graph.types.count(3) + len(graph.edges)}


@pytest.fixture
def estimator(cells: Candidates, formula: Any) -> Any:
    return formula(cells.space, details=price)


@pytest.fixture(autouse=True)
def _short_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of the steps that hyperparameters are fitted in by default."""
    monkeypatch.setattr(candidates, "OPTIMISER", Adam(30))


def prices(cells: Candidates) -> np.ndarray:
    return np.array([price(0, graph)["price"] for graph in cells.graphs])


def test_a_limit_makes_failures_of_what_costs_too_much(cells: Candidates, estimator: Any) -> None:
    limit = Limit(PRICE, 6)
    loop = SearchLoop(RegularisedEvolution(cells), Evaluations(estimator), Budget(60), limit=limit)
    history = loop.run()
    spent = [cost(step.measurement, "price") or 0 for step in history.steps]
    assert max(spent) > 6
    assert history.incumbent is not None
    assert (cost(history.incumbent.measurement, "price") or 0) <= 6
    for one, observed in zip(spent, loop.searcher.observations, strict=True):
        assert (observed.value is None) == (one > 6)
    assert all(step.measurement.ok for step in history.steps)


def test_constrained_improvement_finds_the_best_within_the_limit(
    cells: Candidates, estimator: Any
) -> None:
    limit = Limit(PRICE, 8)
    allowed = prices(cells) <= 8
    values = np.array([estimator.value(graph) for graph in cells.graphs])
    loop = SearchLoop(
        ConstrainedImprovement(cells, limit),
        Evaluations(estimator),
        Budget(40, 5),
        limit=limit,
    )
    history = loop.run()
    assert history.incumbent is not None
    assert history.incumbent.value == values[allowed].max() < values.max()


def test_hypervolume_is_ahead_of_random(cells: Candidates, estimator: Any) -> None:
    values = np.array([estimator.value(graph) for graph in cells.graphs])
    reference = Reference.of(values, prices(cells), BOTH)
    reached = {}
    for kind, searcher in (
        ("guided", HypervolumeImprovement(cells, PRICE)),
        ("random", RandomSearch(cells)),
    ):
        history = SearchLoop(searcher, Evaluations(estimator), Budget(40, 5)).run()
        measured = [step.measurement for step in history.steps]
        accuracies = np.array([one.validation for one in measured])
        costs = np.array([cost(one, "price") for one in measured])
        reached[kind] = reference.hypervolume(accuracies, costs)
    best = reference.hypervolume(values, prices(cells))
    assert reached["random"] < reached["guided"] <= best
    assert reached["guided"] > 0.9 * best


def test_hyperparameters_are_fitted_once_the_labels_have_grown(
    cells: Candidates, estimator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the first labels, so that a search that receives all of them at once fits the same."""
    fitted: list[int] = []
    fit = candidates.CandidateGP.fit

    def counted(self: Any, rows: list[int], targets: np.ndarray) -> None:
        fitted.append(len(rows))
        fit(self, rows, targets)

    monkeypatch.setattr(candidates.CandidateGP, "fit", counted)
    searcher, resumed = (HypervolumeImprovement(cells, PRICE, refits=1.2) for _ in range(2))
    measured = list(estimator.measure(searcher.ask(10)))
    searcher.tell(measured)
    for _ in range(5):
        found = list(estimator.measure(searcher.ask(1)))
        searcher.tell(found)
        measured += found
    assert fitted == [10, 10, 12, 12, 14, 14]  # both processes, of 10 to 14 labels
    resumed.tell(measured)
    assert resumed.ask(1) == searcher.ask(1)
    assert fitted[6:] == [14, 14]


def test_front_and_hypervolume_of_three_points() -> None:
    accuracies, costs = np.array([0.9, 0.8, 0.7, 0.85]), np.array([4.0, 2.0, 1.0, 5.0])
    assert front(accuracies, costs, BOTH).tolist() == [2, 1, 0]
    area = 0.1 * (6 - 4) + 0.1 * (6 - 2) + 0.2 * (6 - 1)
    reference = Reference(0.5, 6.0, BOTH)
    assert reference.hypervolume(accuracies, costs) == pytest.approx(area)
    assert reference.hypervolume(np.array([]), np.array([])) == 0


@pytest.mark.parametrize("directions", [(False, False), (False, True), (True, True)])
def test_a_front_is_the_same_in_any_direction(directions: tuple[bool, bool]) -> None:
    accuracies, costs = np.array([0.9, 0.8, 0.7, 0.85]), np.array([4.0, 2.0, 1.0, 5.0])
    first, second = (Objective(name, each) for name, each in zip("ab", directions, strict=True))
    turned = first.sign * accuracies, -second.sign * costs
    assert front(*turned, (first, second)).tolist() == [2, 1, 0]
    expected = Reference.of(accuracies, costs, BOTH)
    found = Reference.of(*turned, (first, second))
    assert (found.value, found.cost) == (first.sign * expected.value, -second.sign * expected.cost)
    assert found.hypervolume(*turned) == expected.hypervolume(accuracies, costs) > 0


def test_a_cost_of_which_more_is_better_is_searched_as_its_negative(
    cells: Candidates, formula: Any
) -> None:
    proposed = []
    for sign in (-1, 1):
        estimator = formula(
            cells.space,
            details=lambda k, graph, sign=sign: {"price": -sign * price(k, graph)["price"]},
        )
        searcher = HypervolumeImprovement(cells, Objective("price", sign > 0))
        history = SearchLoop(searcher, Evaluations(estimator), Budget(20, 5)).run()
        proposed.append([step.measurement.hash for step in history.steps])
    assert proposed[0] == proposed[1]
    assert len(proposed[0]) == 20


def test_a_limit_from_below() -> None:
    throughput = Limit.parse("throughput >= 20")
    assert throughput.objective.maximise
    assert throughput.keeps(np.array([19.0, 20.0, 21.0, np.nan])).tolist() == [
        False,
        True,
        True,
        False,
    ]
    graph = get_benchmark("DIGITS101").graphs.graph(0)
    slow, fast = (
        Measurement(graph, "x", "ok", validation=0.9, details={"throughput": each})
        for each in (19.0, 20.0)
    )
    assert throughput(slow).reason == "its throughput is 19, allowed is at least 20"
    assert throughput(fast) is fast


def test_a_cost_has_a_direction_and_a_unit() -> None:
    table = get_benchmark("DIGITS101")
    assert measured_cost("parameters", table) == Objective("parameters", maximise=False)
    assert measured_cost("cost_seconds", table) == Objective("cost_seconds", False, "seconds")
    assert measured_cost("cost_seconds") == measured_cost("cost_seconds", table)


def test_marginals_are_the_distributions_they_are_given() -> None:
    posterior = Marginals().posterior(torch.tensor([[[1.0, -2.0, 0.5, 3.0]]]))
    assert posterior.mean.tolist() == [[[1.0, -2.0]]]
    assert posterior.variance.tolist() == [[[0.25, 9.0]]]


def test_constrained_improvement_is_improvement_times_probability(cells: Candidates) -> None:
    class Two:
        observed = torch.tensor([[0.0, -1.0], [2.0, 3.0]], dtype=torch.float64)
        mean = torch.tensor([[1.0, 0.5]], dtype=torch.float64)
        std = torch.tensor([[0.5, 2.0]], dtype=torch.float64)

    scale = Targets(np.array([[0.1, 1.0], [0.9, 2.0], [0.5, 3.0]]), 0.5)
    limit = Limit(PRICE, 2.0)
    found = ConstrainedImprovement(cells, limit).gain(Two(), scale)  # type: ignore[arg-type]
    z = (1.0 - 0.0) / 0.5
    improvement = 0.5 * (z * norm.cdf(z) + norm.pdf(z))
    assert found.exp().item() == pytest.approx(improvement * norm.cdf((0.0 - 0.5) / 2.0), rel=1e-6)


def test_targets_forget_how_bad_the_bad_ones_are() -> None:
    values = np.array([[0.1, 1.0], [0.86, 2.0], [0.9, 3.0], [0.94, 4.0]])
    other = values.copy()
    other[0, 0] = 0.4
    assert np.allclose(Targets(values, 0.9)(values), Targets(other, 0.9)(other))
    assert np.allclose(Targets(values, 0.9)(values).std(axis=0), 1)


def test_the_costs_of_a_table_are_those_of_its_measurements() -> None:
    table = get_benchmark("DIGITS101")
    from estimators.lookup import LookUp

    (found,) = LookUp(table).measure([table.graphs.graph(70)])
    for name in ("parameters", "flops", "cost_seconds"):
        assert table_costs(table, name)[70] == pytest.approx(cost(found, name), abs=0.5)
    for name, same, factor in (("mflops", "flops", 1e-6), ("training_seconds", "cost_seconds", 1)):
        assert table_costs(table, name)[70] == pytest.approx(factor * table_costs(table, same)[70])
        expected = cost(found, same)
        assert expected is not None
        assert cost(found, name) == pytest.approx(factor * expected)
        assert measured_cost(name) == measured_cost(name, table)
    with pytest.raises(InputError, match=r"has no metric 'weight': it has .* called flops\)$"):
        table_costs(table, "weight")
    marked = copy(table)
    marked.metrics = {
        **table.metrics,
        "uniform_sample": Metric("uniform_sample", "flag", "", np.ones((len(table), 1))),
    }
    assert cost(found, "test") == table_costs(marked, "test")[70]
    with pytest.raises(InputError, match="has no metric 'uniform_sample'"):
        table_costs(marked, "uniform_sample")


@pytest.mark.parametrize(
    "text", ["parameters", "parameters<5", "parameters<=", "a b<=5", "x<=nan", "x=>5"]
)
def test_refuses_what_is_no_limit(text: str) -> None:
    with pytest.raises(InputError, match="is no limit: expected NAME<=NUMBER"):
        Limit.parse(text)


def test_a_cost_that_was_not_measured_is_beyond_every_limit(cells: Candidates) -> None:
    one = Measurement(cells.graphs.graph(0), "x", "ok", validation=0.9)
    assert Limit.parse("flops <= 1e6")(one).reason == "its flops was not measured"


def test_needs_a_list(cells: Candidates) -> None:
    with pytest.raises(InputError, match="ranks every candidate"):
        HypervolumeImprovement(WholeSpace(cells.space), PRICE)


def test_the_command_keeps_the_limit(tmp_path: Path, command: Any) -> None:
    code, out, _ = command(
        search.main, *EVOLUTION, "--queries", 30, "--limit", "parameters<=4000",
        "--log_dir", tmp_path, "--name", "run", "--json",
    )  # fmt: skip
    assert code == 0
    result = json.loads(out)
    table = get_benchmark("DIGITS101")
    allowed = table_costs(table, "parameters") <= 4000
    means = table.metric("validation").mean()
    assert result["optimum"]["validation"] == pytest.approx(means[allowed].max())
    row = table.row(result["best_observed"]["hash"])
    assert allowed[row]
    code, out, _ = command(
        search.main, *EVOLUTION, "--queries", 12, "--limit", "parameters<=1",
        "--log_dir", tmp_path,
    )  # fmt: skip
    assert code == 0
    assert "none of them is allowed" in out


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("--limit", "latency.moon<=3"), "has no metric 'latency.moon'"),
        (("--method", "constrained_improvement"), "needs a limit"),
        (("--limit", "weight<=3", "--estimator", "train"), "a training has no cost 'weight'"),
        (("--limit", "flops<=3", "--estimator", "surrogate"), "leave --limit out"),
    ],
)
def test_refuses_limits_that_cannot_be_kept(
    flags: tuple[str, ...], expected: str, tmp_path: Path, command: Any
) -> None:
    code, _, err = command(search.main, *flags, "--log_dir", tmp_path / "runs")
    assert code == 2
    assert expected in err
    assert not (tmp_path / "runs").exists()


def test_the_command_leaves_a_front(tmp_path: Path, command: Any) -> None:
    flags = ("--queries", 30, "--batch", 10, "--log_dir", tmp_path, "--name", "run")
    code, out, _ = command(pareto.main, *flags, "--json")
    assert code == 0
    result = json.loads(out)
    table = get_benchmark("DIGITS101")
    costs, means = table_costs(table, "parameters"), table.metric("validation").mean()
    found = result["front"]
    assert [one["cost"] for one in found] == sorted(one["cost"] for one in found)
    assert [one["validation"] for one in found] == sorted(one["validation"] for one in found)
    for one in found:
        row = table.row(one["hash"])
        assert (one["cost"], one["validation"]) == (costs[row], pytest.approx(means[row]))
    assert 0 < result["share_of_hypervolume"] <= 1
    assert (tmp_path / "run" / "figures" / "front.png").stat().st_size > 5_000
    code, _, err = command(pareto.main, *flags, "--method", "random", "--resume")
    assert code == 2
    assert "another experiment" in err


def test_the_command_searches_by_gradients(tmp_path: Path, command: Any) -> None:
    code, out, _ = command(
        pareto.main, "--method", "scalarised_ascent", "--queries", 16, "--batch", 3,
        "--log_dir", tmp_path, "--name", "run", "--json",
    )  # fmt: skip
    assert code == 0
    assert 0 < json.loads(out)["share_of_hypervolume"] <= 1


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("scalarised_ascent", "--cost", "training_seconds"), "known only once it is measured"),
        (("scalarised_ascent", "--weights", "SVGE_NB201"), "were trained on NB201"),
        (("hypervolume", "--weights", "SVGE_NB101"), "'hypervolume' reads no weights"),
        (("random", "--weights", "SVGE_NB101"), "'random' reads no weights"),
    ],
)
def test_refuses_searches_for_a_front_that_cannot_be(
    flags: tuple[str, ...], expected: str, tmp_path: Path, command: Any
) -> None:
    code, _, err = command(pareto.main, "--method", *flags, "--log_dir", tmp_path / "runs")
    assert code == 2
    assert expected in err
    assert not (tmp_path / "runs").exists()


def test_names_of_latencies_are_named(data_root: Path) -> None:
    table = get_benchmark("NB201", data_root)
    with pytest.raises(InputError, match=r"latency_seconds, latency\.<device>, such as latency\.p"):
        table_costs(table, "latency_pixel3")


def test_latencies_are_costs(data_root: Path, tmp_path: Path, command: Any) -> None:
    code, out, _ = command(
        pareto.main, "--space", "NB201", "--cost", "latency.pixel3", "--method", "random",
        "--queries", 20, "--data_root", data_root, "--log_dir", tmp_path, "--json",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out)["reference"]["cost"] == pytest.approx(36.7665)
