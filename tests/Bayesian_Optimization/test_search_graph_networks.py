"""Searches of NAS-Bench-Graph, on what comes with the project alone."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from analysis.report.__main__ import main as report
from Bayesian_Optimization import pareto, search
from datasets import get_benchmark, get_space
from estimators import OneShotRecipe, by_data_set
from experiment.paths import REPOSITORY_ROOT
from searchers import WholeSpace
from searchers import search as search_by_function
from searchers.problem import one_shot_problem, training_problem

SPACE = "NAS_BENCH_GRAPH"


@pytest.fixture(autouse=True)
def no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty data root."""
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("NAS_DATA_ROOT", str(tmp_path / "data"))


def run(command: Any, log_dir: Path, *flags: object) -> dict[str, Any]:
    code, out, err = command(
        search.main, "--space", SPACE, "--log_dir", log_dir, "--json", *flags
    )  # fmt: skip
    assert (code, err) == (0, "")
    return dict(json.loads(out))


@pytest.mark.parametrize("method", ["random", "evolution", "local_search", "bo"])
def test_searchers_need_no_data(method: str, tmp_path: Path, command: Any) -> None:
    flags = ("--dataset", "proteins", "--method", method, "--queries", 10, "--initial", 6)
    found = [run(command, tmp_path / str(k), *flags) for k in range(2)]
    assert found[0]["best_observed"] == found[1]["best_observed"]
    assert found[0]["queries"] == 10
    assert found[0]["share_known"] == 1.0
    assert found[0]["optimum"]["validation"] == pytest.approx(0.85333, abs=1e-5)
    table = get_benchmark(SPACE, dataset="proteins")
    best = found[0]["best_observed"]
    assert best["validation"] == table.query(best["hash"]).metrics["validation"][0]
    rows = list(csv.DictReader(next((tmp_path / "0").glob("*/queries.csv")).open()))
    assert len({row["hash"] for row in rows}) == 10


def test_a_report_shows_the_networks(tmp_path: Path, command: Any) -> None:
    run(command, tmp_path / "runs", "--dataset", "proteins", "--method", "random", "--queries", 5)
    runs = [str(path) for path in (tmp_path / "runs").iterdir()]
    assert report([*runs, "--out", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert SPACE in page
    assert "proteins" in page
    assert '"label": "arma"' in page or '"label":"arma"' in page  # drawn, with its operations


def test_fronts_and_limits_of_its_costs(tmp_path: Path, command: Any) -> None:
    limited = run(
        command, tmp_path, "--dataset", "proteins", "--method", "evolution", "--queries", 12,
        "--initial", 4, "--limit", "parameters<=600000",
    )  # fmt: skip
    table = get_benchmark(SPACE, dataset="proteins")
    assert table.query(limited["best_observed"]["hash"]).metrics["parameters"][0] <= 600_000
    code, out, err = command(
        pareto.main, "--space", SPACE, "--dataset", "proteins", "--cost", "latency_seconds",
        "--queries", 12, "--initial", 6, "--log_dir", tmp_path / "front", "--json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert json.loads(out)["front"]


def test_a_function_of_ones_own(tmp_path: Path) -> None:
    """The whole space, by the notation that its objective reads."""
    space = get_space(SPACE)
    result = search_by_function(
        space, lambda graph: space.format(graph).count("gcn"), 60, method="evolution", seed=1
    )
    assert result.best.value is not None
    assert result.best.value >= 3


def test_the_objective_is_no_cost(tmp_path: Path, command: Any) -> None:
    code, out, err = command(
        pareto.main, "--space", SPACE, "--cost", "validation", "--queries", 5,
        "--log_dir", tmp_path / "runs",
    )  # fmt: skip
    assert (code, out) == (2, "")
    assert "--cost validation is the objective itself" in err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--dataset", "mnist"), "was not measured on 'mnist': choose one of cora"),
        (("--estimator", "train"), "there is no ind.cora.x below"),
        (("--estimator", "train", "--dataset", "digits"), "Network is no network for images"),
        (("--estimator", "train", "--dataset", "arxiv"), "nothing is trained on 'arxiv'"),
        (("--split_seed", 1), "--split_seed belongs to --estimator train or one_shot"),
        (
            ("--estimator", "train", "--dataset", "digits", "--split_seed", 1),
            "the digits have one split",
        ),
        (("--trial", 1), "only the mean over the trials is known"),
    ],
)
def test_what_there_is_not_is_one_sentence(
    flags: tuple[object, ...], sentence: str, tmp_path: Path, command: Any
) -> None:
    code, out, err = command(
        search.main, "--space", SPACE, "--method", "random", "--queries", 5,
        "--log_dir", tmp_path / "runs", *flags,
    )  # fmt: skip
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


@pytest.fixture
def short_trainings(tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two epochs on Cora."""
    if not (data_root / "planetoid" / "ind.cora.x").is_file():
        pytest.skip("the raw files of Planetoid are not here")
    monkeypatch.setenv("NAS_DATA_ROOT", str(data_root))
    preset = tmp_path / "short.toml"
    text = (REPOSITORY_ROOT / "configs" / "citation.toml").read_text(encoding="utf-8")
    preset.write_text(text.replace("epochs = 300", "epochs = 2"), encoding="utf-8")
    monkeypatch.setattr(by_data_set, "NODE_RECIPES", str(preset))


def test_a_random_split_is_another_training(
    tmp_path: Path, command: Any, short_trainings: None
) -> None:
    flags = ("--space", "SINGLE_PATH", "--estimator", "train", "--method", "random")
    found = {}
    splits = {"public": (), "first": ("--split_seed", 0), "second": ("--split_seed", 7)}
    for name, split in splits.items():
        run(command, tmp_path / name, *flags, *split, "--queries", 1)
        (folder,) = (tmp_path / name).iterdir()
        config = json.loads((folder / "config.json").read_text())
        found[config.get("split_seed")] = config["training"]["graphs_sha256"]
    assert list(found) == [None, 0, 7]
    assert len(set(found.values())) == 3
    code, out, err = command(
        search.main, "--log_dir", tmp_path / "runs", *flags, "--queries", 1,
        "--split_seed", 2**32,
    )  # fmt: skip
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "seed of the split" in err


def test_shared_weights_are_trained_on_the_random_split(data_root: Path) -> None:
    if not (data_root / "planetoid" / "ind.cora.x").is_file():
        pytest.skip("the raw files of Planetoid are not here")
    domain, recipe = WholeSpace(get_space("SINGLE_PATH")), OneShotRecipe.load("one_shot")
    shared = one_shot_problem(domain, recipe, data_root=data_root, split_seed=7)
    whole = training_problem(domain, data_root=data_root, split_seed=7)
    public = one_shot_problem(domain, recipe, data_root=data_root)
    assert shared.settings["split_seed"] == 7
    assert shared.settings["training"] == whole.settings["training"]
    assert shared.settings["training"] != public.settings["training"]


@pytest.mark.parametrize(
    ("space", "method"),
    [
        (SPACE, "random"),
        ("GRAPHNAS_MICRO", "evolution"),
        ("SINGLE_PATH", "local_search"),
        ("AUTOATTEND", "evolution"),
    ],
)
def test_networks_are_trained_on_cora_and_resumed(
    space: str,
    method: str,
    tmp_path: Path,
    command: Any,
    short_trainings: None,
) -> None:
    """What is trained is not trained again."""
    flags = ("--space", space, "--dataset", "cora", "--estimator", "train", "--method", method)
    first = run(command, tmp_path / "runs", *flags, "--queries", 2, "--initial", 2)
    assert first["queries"] == 2
    best = first["best_observed"]
    assert 0 < best["validation"] < 1
    (folder,) = (tmp_path / "runs").iterdir()
    config = json.loads((folder / "config.json").read_text())
    assert (config["dataset"], config["training"]["graphs"]) == ("cora", "cora")
    assert config["training"]["recipe"]["epochs"] == 2
    code, out, err = command(
        search.main, "--log_dir", tmp_path / "runs", *flags, "--queries", 2, "--initial", 2,
        "--resume", "--json",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out)["best_observed"]["validation"] == best["validation"]
    assert "2 of 2 queries are there already" in err
