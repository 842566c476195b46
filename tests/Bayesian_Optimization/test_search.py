"""The command: runs, folders, resuming, and bad input."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Bayesian_Optimization import pareto, search
from datasets import get_space
from datasets.batch import GraphBatch
from datasets.convert import write_text
from datasets.graph import ArchitectureGraph
from datasets.spaces.enas import ENAS
from experiment.paths import REPOSITORY_ROOT
from models.networks.costs import enas_costs
from searchers.domain import Candidates, WholeSpace
from searchers.methods import default_method

EVOLUTION = ("--method", "evolution")
"""A searcher that proposes at once."""


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def without_times(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    times = ("seconds", "elapsed_seconds")
    return [{k: v for k, v in one.items() if k not in times} for one in events]


def test_looks_up_and_leaves_a_folder(tmp_path: Path, command: Any) -> None:
    code, out, err = command(
        search.main, "--method", "local_search", "--queries", 40, "--trial", 0,
        "--log-dir", tmp_path, "--name", "run", "--json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    folder = tmp_path / "run"
    result = json.loads(out)
    assert result == json.loads((folder / "result.json").read_text())
    assert result["queries"] == 40
    assert result["share_known"] == 1.0
    assert result["recommended"] is None
    assert result["optimum"]["validation"] == pytest.approx(0.974514, abs=1e-6)
    events = lines(folder)
    assert [one["event"] for one in events[:4]] == ["asked", "measured", "asked", "measured"]
    measured = [one for one in events if one["event"] == "measured"]
    assert [one["query"] for one in measured] == list(range(1, 41))
    best = max(measured, key=lambda one: one["validation"])
    assert result["best_observed"]["hash"] == best["hash"]
    assert result["best_observed"]["query"] == best["query"]
    assert result["simulated_seconds"] == pytest.approx(sum(m["cost_seconds"] for m in measured))
    rows = list(csv.DictReader((folder / "queries.csv").open()))
    assert [row["hash"] for row in rows] == [one["hash"] for one in measured]
    assert json.loads(rows[0]["architecture"])["ops"] == measured[0]["architecture"]["ops"]
    assert (folder / "figures" / "incumbent.png").stat().st_size > 5_000
    config = json.loads((folder / "config.json").read_text())
    assert {k: config[k] for k in ("stage", "method", "space", "trial", "seed")} == {
        "stage": "search", "method": "local_search", "space": "DIGITS101", "trial": 0, "seed": 0,
    }  # fmt: skip


def test_ranks_a_list_and_walks_where_there_is_none(cells: Candidates) -> None:
    assert default_method(cells) == "bo"
    assert default_method(cells, "weights") == "latent_bo"
    assert default_method(WholeSpace(get_space("ENAS"))) == "latent_bo"
    assert default_method(WholeSpace(ENAS(9))) == "evolution"  # no model of it is shipped


def test_says_what_it_found(tmp_path: Path, command: Any) -> None:
    code, out, _ = command(search.main, "--queries", 12, *EVOLUTION, "--log_dir", tmp_path)
    assert code == 0
    assert "12 architectures looked up" in out
    assert "optimum: validation 97.451 %" in out


@pytest.mark.parametrize("more", [(), ("--batch", 4), ("--asynchronous", 3)])
def test_goes_on_after_any_line(tmp_path: Path, command: Any, more: tuple[Any, ...]) -> None:
    flags = (*EVOLUTION, "--queries", 18, "--log_dir", tmp_path, "--seed", 3, *more)
    command(search.main, *flags, "--name", "whole")
    whole = lines(tmp_path / "whole")
    content = (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines(keepends=True)
    for kept in (0, 1, 8, len(content)):
        name = f"cut{kept}"
        folder = shutil.copytree(tmp_path / "whole", tmp_path / name)
        (folder / "metrics.jsonl").write_text("".join(content[:kept]) + '{"event": "mea')
        code, _, err = command(search.main, *flags, "--name", name, "--resume")
        reused = sum('"measured"' in line for line in content[:kept])
        said = f"{folder}: {reused} of 18 queries are there already and are not repeated\n"
        assert (code, err) == (0, said if reused else "")
        assert without_times(lines(folder)) == without_times(whole)


def test_a_killed_search_measures_nothing_twice(
    tmp_path: Path, killed_after: Callable[..., None], command: Any
) -> None:
    """Real training, ended by SIGKILL in the middle; what it goes on to is what was to come."""
    flags = [
        "--estimator", "train", *EVOLUTION, "--queries", "6", "--initial", "2",
        "--log_dir", str(tmp_path), "--name", "killed",
    ]  # fmt: skip
    killed_after(7, REPOSITORY_ROOT / "Bayesian_Optimization" / "search.py", *flags)
    before = [one for one in lines(tmp_path / "killed") if one["event"] == "measured"]
    assert len(before) == 3
    assert command(search.main, *flags, "--resume")[0] == 0
    events = lines(tmp_path / "killed")
    measured = [one for one in events if one["event"] == "measured"]
    assert measured[: len(before)] == before
    assert len({one["hash"] for one in measured}) == len(measured) == 6
    assert all(one["status"] == "ok" and one["cost_seconds"] > 0 for one in measured)
    asked = [name for one in events if one["event"] == "asked" for name in one["names"]]
    assert asked == [one["hash"] for one in measured]


def test_the_printed_network_is_the_one_that_was_trained(tmp_path: Path, command: Any) -> None:
    flags = ("--estimator", "train", "--method", "random", "--queries", 2, "--log_dir", tmp_path)
    code, out, _ = command(search.main, *flags, "--name", "run")
    assert code == 0
    best = json.loads((tmp_path / "run" / "result.json").read_text())["best_observed"]
    assert best["network"] in out
    session: dict[str, Any] = {}
    exec(best["network"], session)
    (trained,) = [
        one
        for one in lines(tmp_path / "run")
        if one["event"] == "measured" and one["hash"] == best["hash"]
    ]
    weights = session["network"].parameters()
    assert sum(one.numel() for one in weights) == trained["parameters"]


def test_guesses_are_labelled_as_such(tmp_path: Path, command: Any) -> None:
    code, out, _ = command(
        search.main, *EVOLUTION, "--estimator", "surrogate", "--predictor", "ridge", "--features",
        "statistics", "--labels", 60, "--queries", 15, "--log_dir", tmp_path, "--name", "run",
    )  # fmt: skip
    assert code == 0
    assert "guessed by a surrogate" in out
    assert "guessed validation" in out
    assert "guessed true" not in out
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["estimator"] == "surrogate"
    assert (config["predictor"], config["labels"]) == ("ridge", 60)
    measured = [one for one in lines(tmp_path / "run") if one["event"] == "measured"]
    assert all(one["details"]["predicted_deviation"] > 0 for one in measured)
    assert all(one["test"] is None for one in measured)
    assert measured[-1]["incumbent"]["true_test"] > 0.5


def test_begins_with_a_file_of_architectures(
    tmp_path: Path, command: Any, cells: Candidates
) -> None:
    space = cells.space
    start = [cells.graphs.graph(row) for row in (5, 1500)]
    (tmp_path / "start.jsonl").write_text(
        "".join(write_text(space, "nni", one) + "\n" for one in start)
    )
    flags = (*EVOLUTION, "--queries", 6, "--initial", 3, "--log_dir", tmp_path, "--name", "run")
    start_file = ("--start", tmp_path / "start.jsonl", "--arch_form", "nni")
    code, _, _ = command(search.main, *flags, *start_file)
    assert code == 0
    events = lines(tmp_path / "run")
    assert events[0]["names"] == [space.hash(one) for one in start]


@pytest.mark.parametrize("command_of", [search, pareto], ids=["search", "pareto"])
def test_few_queries_are_all_random(command_of: Any, tmp_path: Path, command: Any) -> None:
    """The default initial design is no larger than the budget; one that was given has to fit."""
    flags = ("--method", "random", "--queries", 5, "--log_dir", tmp_path, "--name", "run")
    assert command(command_of.main, *flags)[0] == 0
    assert json.loads((tmp_path / "run" / "config.json").read_text())["initial"] == 5
    code, _, err = command(command_of.main, *flags, "--name", "other", "--initial", 6)
    assert code == 2
    assert "initial is 6, more than queries, 5" in err


def enas_data(folder: Path, graphs: list[ArchitectureGraph]) -> Path:
    """A data root with measured ENAS networks; the first 1,000 lines are skipped."""
    (folder / "data" / "ENAS").mkdir(parents=True)
    rows = [f"{ENAS(6).to_layers(graph)}, 0.7{k}" for k, graph in enumerate(graphs)]
    table = folder / "data" / "ENAS" / "final_structures6.txt"
    table.write_text("\n".join([rows[0]] * 1000 + rows) + "\n")
    return folder / "data"


def test_hashes_to_begin_with_are_found_below_the_data_root(tmp_path: Path, command: Any) -> None:
    """A space too large for a list: its hashes are those of the table alone."""
    space = ENAS(6)
    graphs = space.sample(3, np.random.default_rng(0))
    (tmp_path / "start.txt").write_text(space.hash(graphs[1]) + "\n")
    code, _, err = command(
        search.main, *EVOLUTION, "--space", "ENAS", "--queries", 2, "--log_dir", tmp_path, "--name",
        "run", "--start", tmp_path / "start.txt", "--arch_form", "hash", "--data_root",
        enas_data(tmp_path, graphs),
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert lines(tmp_path / "run")[0]["names"] == [space.hash(graphs[1])]


def test_costs_that_a_table_lacks_are_counted(tmp_path: Path, command: Any) -> None:
    """ENAS's files have accuracies alone; limits and fronts go by the published networks."""
    graphs = ENAS(6).sample(9, np.random.default_rng(0))
    costs = enas_costs(GraphBatch.from_graphs(graphs))
    flags = ("--space", "ENAS", "--queries", 9, "--log_dir", tmp_path)
    data = ("--data_root", enas_data(tmp_path, graphs))
    middle = int(costs.parameters.median())
    limit = ("--limit", f"parameters<={middle}", "--method", "random", "--name", "limited")
    assert command(search.main, *flags, *data, *limit)[0] == 0
    measured = [one for one in lines(tmp_path / "limited") if one["event"] == "measured"]
    assert sorted(one["parameters"] for one in measured) == sorted(costs.parameters.tolist())
    result = json.loads((tmp_path / "limited" / "result.json").read_text())
    best = max(k for k in range(9) if costs.parameters[k] <= middle)
    assert result["best_observed"]["hash"] == ENAS(6).hash(graphs[best])
    front = ("--cost", "flops", "--method", "random", "--name", "front")
    assert command(pareto.main, *flags, *data, *front)[0] == 0
    found = json.loads((tmp_path / "front" / "result.json").read_text())["front"]
    assert {one["cost"] for one in found} <= set(map(float, costs.flops.tolist()))


BAD: dict[str, tuple[tuple[Any, ...], str]] = {
    "more to begin with than there are": (
        ("--initial", 3000, "--queries", 2000),
        "initial is 3000, more than the 2532 architectures",
    ),
    "more queries than there are": (("--queries", 4000), "queries is 4000, more than the 2532"),
    "more to begin with than queries": (("--initial", 20, "--queries", 9), "more than queries, 9"),
    "no such trial": (("--trial", 7), "trials 0 to 2"),
    "a word for a trial": (("--trial", "best"), "expected mean or a number"),
    "an unknown data set": (("--dataset", "cifar10"), "measured on digits only"),
    "a flag of another estimator": (("--labels", 50), "--labels belongs to --estimator surrogate"),
    "a store without training": (("--store", "x.sqlite"), "belongs to --estimator train"),
    "a trial of a surrogate": (("--estimator", "surrogate", "--trial", 1), "a surrogate guesses"),
    "too many labels": (
        ("--estimator", "surrogate", "--labels", 5000),
        "5000 labels are more than the",
    ),
    "batches that do not wait": (("--asynchronous", 2, "--batch", 3), "leave --batch out"),
    "training by a table": (("--estimator", "train", "--domain", "table"), "needs no table"),
    "no file to start from": (("--start", "nowhere.jsonl"), "there is no file"),
}


@pytest.mark.parametrize(("flags", "expected"), BAD.values(), ids=BAD)
def test_refuses_bad_input_in_one_sentence(
    flags: tuple[Any, ...], expected: str, tmp_path: Path, command: Any
) -> None:
    code, out, err = command(search.main, *flags, "--log_dir", tmp_path / "runs")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert expected in err
    assert not (tmp_path / "runs").exists()


def test_refuses_a_start_that_repeats_itself(
    tmp_path: Path, command: Any, cells: Candidates
) -> None:
    graph = cells.graphs.graph(900)
    text = cells.space.format(graph) + "\n"
    (tmp_path / "start.jsonl").write_text(text + "\n" + text)
    code, _, err = command(search.main, "--start", tmp_path / "start.jsonl", "--log_dir", tmp_path)
    assert code == 2
    assert "error: line 3 of" in err
    assert "is the same as line 1 of" in err
    assert err.count('(\'{"matrix": ') == 2


def test_refuses_another_experiments_folder(tmp_path: Path, command: Any) -> None:
    flags = (*EVOLUTION, "--queries", 5, "--initial", 2, "--log_dir", tmp_path, "--name", "run")
    command(search.main, *flags)
    before = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    for more, expected in (
        ((), "add --resume"),
        (("--resume", "--method", "random"), "another experiment: its 'method'"),
        (("--resume", "--trial", 1), "its 'trial'"),
    ):
        code, _, err = command(search.main, *flags, *more)
        assert code == 2
        assert expected in err
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == before


def test_says_which_line_of_a_run_is_broken(tmp_path: Path, command: Any) -> None:
    flags = (*EVOLUTION, "--queries", 5, "--initial", 2, "--log_dir", tmp_path, "--name", "run")
    command(search.main, *flags)
    log = tmp_path / "run" / "metrics.jsonl"
    changed = log.read_text().splitlines(keepends=True)
    changed[3] = '{"event": "measured", "hash": "?"}\n'
    log.write_text("".join(changed))
    code, _, err = command(search.main, *flags, "--resume")
    assert code == 2
    assert "line 4 of metrics.jsonl" in err
