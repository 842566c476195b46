"""Searches of a table in eV, where less is better: they minimise, and nothing speaks of percent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.report import __main__ as report
from Bayesian_Optimization import pareto, search
from datasets import get_benchmark
from datasets.benchmark import Benchmark, Metric
from datasets.graph import ArchitectureGraph
from datasets.objective import Objective
from estimators.evaluations import Evaluations
from estimators.measurement import Measurement
from searchers.history import TableTruth
from searchers.limits import Limit
from searchers.loop import Budget, SearchLoop
from searchers.problem import known_rows, table_problem
from searchers.random_search import RandomSearch
from searchers.view import SearcherView


@pytest.fixture(scope="module")
def energies() -> Benchmark:
    """The cells of DIGITS101 with energies about −340 eV in place of accuracies."""
    cells = get_benchmark("DIGITS101")
    metrics = dict(cells.metrics)
    for name in ("validation", "test"):
        values = -250 - 100 * cells.metric(name).values
        metrics[name] = Metric(name, "eV", "made up", values, maximise=False)
    return Benchmark(cells.space, "water", cells.graphs, cells.hashes, metrics, "made up")


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, energies: Benchmark, command: Any) -> Any:
    for module in (search, pareto):
        monkeypatch.setattr(module, "get_benchmark", lambda *_, **__: energies)
    return command


def test_the_lowest_is_looked_for_and_told_in_its_unit(
    tmp_path: Path, commands: Any, energies: Benchmark
) -> None:
    flags = ("--method", "local_search", "--queries", 60, "--log_dir", tmp_path, "--name", "run")
    code, out, err = commands(search.main, *flags)
    assert code == 0
    assert "%" not in out + err
    means = energies.metric("validation").mean()
    assert f"optimum: validation {means.min():.7g} eV" in out
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["optimum"]["validation"] == pytest.approx(means.min())
    best = result["best_observed"]
    assert best["validation"] == pytest.approx(means[energies.row(best["hash"])])
    assert np.mean(means > best["validation"]) > 0.9
    events = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    incumbents = [one["incumbent"]["validation"] for one in events if "incumbent" in one]
    assert incumbents == sorted(incumbents, reverse=True)

    page = tmp_path / "report.html"
    code, _, _ = commands(report.main, tmp_path / "run", "--out", page)
    assert code == 0
    text = page.read_text(encoding="utf-8")
    assert "validation on water, eV, minimised" in text
    assert f"{best['test']:.6g} eV" in text
    assert "accuracy of the incumbent" not in text
    (regret,) = (
        view
        for chart in _data(text)["charts"]
        for view in chart["views"]
        if view["y"]["label"] == "validation regret, eV" and view["name"].endswith("by queries")
    )
    assert np.min(regret["series"][0]["y"]) >= -1e-9
    assert regret["series"][0]["y"][-1] == pytest.approx(best["validation"] - means.min(), abs=1e-3)


def _data(page: str) -> dict[str, Any]:
    start = page.index(">", page.index('type="application/json"')) + 1
    return json.loads(page[start : page.index("</script>", start)])


def test_a_table_without_a_direction_is_minimised_where_the_user_says_so(
    tmp_path: Path, commands: Any, monkeypatch: pytest.MonkeyPatch, energies: Benchmark
) -> None:
    metric = energies.metrics["validation"]
    loss = Metric("validation", "nats", "made up", -metric.values)
    table = Benchmark(
        energies.space, "x", energies.graphs, energies.hashes, {"validation": loss}, "made up"
    )
    monkeypatch.setattr(search, "get_benchmark", lambda *_, **__: table)
    flags = ("--method", "random", "--queries", 12, "--log_dir", tmp_path, "--json")
    _, highest, _ = commands(search.main, *flags, "--name", "up")
    _, lowest, _ = commands(search.main, *flags, "--name", "down", "--minimise")
    up, down = json.loads(highest), json.loads(lowest)
    assert up["optimum"]["validation"] == pytest.approx(loss.mean().max())
    assert down["optimum"]["validation"] == pytest.approx(loss.mean().min())
    assert down["best_observed"]["validation"] < up["best_observed"]["validation"]


def test_the_front_is_of_low_energies(tmp_path: Path, commands: Any, energies: Benchmark) -> None:
    flags = ("--method", "random", "--queries", 40, "--log_dir", tmp_path, "--name", "run")
    code, out, _ = commands(pareto.main, *flags)
    assert code == 0
    assert " eV" in out
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    front = [(one["cost"], one["validation"]) for one in result["front"]]
    assert front == sorted(front)
    assert [value for _, value in front] == sorted((v for _, v in front), reverse=True)
    usual = np.median(energies.metric("validation").mean())
    assert result["reference"]["validation"] == pytest.approx(usual)
    assert 0 < result["share_of_hypervolume"] <= 1
    assert (tmp_path / "run" / "figures" / "front.png").stat().st_size > 5_000


@pytest.fixture
def named_energy(commands: Any, monkeypatch: pytest.MonkeyPatch, energies: Benchmark) -> Benchmark:
    """A table that chooses by ``energy`` in kcal/mol, beside accuracies of the usual names."""
    values = 23.06 * energies.metric("validation").values
    own = Metric("energy", "kcal/mol", "made up", values, maximise=False)
    cells = get_benchmark("DIGITS101")
    table = Benchmark(
        cells.space,
        "water",
        cells.graphs,
        cells.hashes,
        {**cells.metrics, "energy": own},
        "made up",
        chosen_by="energy",
    )
    for module in (search, pareto):
        monkeypatch.setattr(module, "get_benchmark", lambda *_, **__: table)
    return table


def test_a_metric_of_any_name_is_searched_within_a_limit_on_any_other(
    tmp_path: Path, commands: Any, named_energy: Benchmark
) -> None:
    flags: tuple[Any, ...] = ("--method", "local_search", "--queries", 25, "--trial", 1)
    flags += ("--limit", "validation>=0.9", "--log_dir", tmp_path, "--name", "run")
    code, out, err = commands(search.main, *flags)
    assert code == 0
    assert "25 architectures looked up on water (trial 1)" in out
    assert "%" not in out + err
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["objective"] == {
        "name": "energy", "maximise": False, "unit": "kcal/mol", "dataset": "water", "trial": 1,
    }  # fmt: skip
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    best = result["best_observed"]
    row = named_energy.row(best["hash"])
    assert row is not None
    assert best["value"] == named_energy.metric("energy").trial(1)[row]
    assert best["architecture"] == named_energy.space.to_record(named_energy.graphs.graph(row))
    assert named_energy.metric("validation").trial(1)[row] >= 0.9
    means = named_energy.metric("energy").mean()
    allowed = named_energy.metric("validation").mean() >= 0.9
    assert result["optimum"] == {"validation": pytest.approx(means[allowed].min())}

    page = tmp_path / "report.html"
    assert commands(report.main, tmp_path / "run", "--out", page)[0] == 0
    text = page.read_text(encoding="utf-8")
    assert "Search on DIGITS101, water, trial 1: energy, kcal/mol" in text
    assert "accuracy" not in text[: text.index("<script")]


@pytest.mark.parametrize("main", ["surrogate", "front"])
def test_a_metric_of_any_name_is_guessed_and_has_a_front(
    main: str, tmp_path: Path, commands: Any, named_energy: Benchmark
) -> None:
    flags: tuple[Any, ...] = ("--method", "random", "--queries", 20, "--log_dir", tmp_path)
    if main == "front":
        code, out, _ = commands(pareto.main, *flags, "--cost", "validation", "--json")
        assert code == 0
        front = json.loads(out)["front"]
        assert [one["cost"] for one in front] == sorted((o["cost"] for o in front), reverse=True)
        energies = [one["validation"] for one in front]
        assert energies == sorted(energies, reverse=True)
        return
    flags += ("--estimator", "surrogate", "--predictor", "ridge", "--features", "statistics")
    code, out, _ = commands(search.main, *flags, "--labels", 100, "--domain", "table", "--json")
    assert code == 0
    means = named_energy.metric("energy").mean()
    assert means.min() - 300 < json.loads(out)["best_observed"]["value"] < np.median(means)


def test_a_searcher_is_shown_what_it_maximises(energies: Benchmark) -> None:
    problem = table_problem(energies, known_rows(energies), trial=0)
    assert problem.objective == Objective("validation", maximise=False, unit="eV")
    searcher = RandomSearch(problem.domain)
    loop = SearchLoop(
        searcher, Evaluations(problem.estimator), Budget(9), objective=problem.objective
    )
    history = loop.run()
    measured = [step.measurement.validation for step in history.steps]
    assert [each.value for each in searcher.observations] == [-(value or 0) for value in measured]
    assert history.incumbent is not None
    assert history.incumbent.measurement.validation == min(value or 0 for value in measured)
    assert TableTruth(energies).optimum()["test"] == pytest.approx(
        energies.metric("test").mean().min()
    )


def test_a_limit_and_a_direction_go_together() -> None:
    graph = ArchitectureGraph((1, 2, 0), ((0, 1), (1, 2)))
    cheap = Measurement(graph, "a", "ok", validation=-2.5, parameters=10)
    dear = Measurement(graph, "b", "ok", validation=-3.5, parameters=90)
    view = SearcherView(Objective("energy", maximise=False), Limit.parse("parameters<=50"))
    assert (view(cheap).status, view(cheap).validation) == ("ok", 2.5)
    assert (view(dear).status, view(dear).validation) == ("failed", 3.5)
    assert SearcherView()(cheap) is cheap
