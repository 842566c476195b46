"""The published experiment, on a small table; its commands; the summary of several seeds."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm, pearsonr

from Bayesian_Optimization import bo, bo_nb101, bo_nb201, summarize
from Bayesian_Optimization.published import (
    Experiment,
    PublishedMethod,
    PublishedSettings,
    SurrogateFit,
    divided,
    perform,
)
from datasets import get_benchmark
from datasets.objective import Objective
from experiment.errors import InputError
from experiment.run import RunFolder
from predictors.trained_vae import load_trained_vae
from searchers.domain import Candidates
from searchers.latent.decoding import Modal
from searchers.latent.space import LatentSpace
from searchers.problem import known_rows, table_problem

SMALL = PublishedSettings(rounds=2, batch=4, labelled=30, inducing=20)


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    benchmark = get_benchmark("DIGITS101")
    table = known_rows(benchmark)
    train, test = divided(table)
    latents = LatentSpace(
        load_trained_vae(benchmark.space),
        benchmark.space,
        table.graphs[torch.from_numpy(train)],
        Modal(10),
    )
    return Experiment(table_problem(benchmark, table), table, latents, train, test, SMALL)


def configuration(method: PublishedMethod) -> dict[str, Any]:
    return {
        "stage": "search",
        "preset": "published",
        "space": "DIGITS101",
        "dataset": "digits",
        "estimator": "table",
        "objective": Objective("validation", unit="fraction", dataset="digits"),
        "model": "SVGE",
        "method": f"published_{method.value}",
        **{"queries": 20, "initial": 10, "batch": 5},
    }


def begin(
    path: Path, method: PublishedMethod = PublishedMethod.EI, seed: int = 1, resume: bool = False
) -> RunFolder:
    return RunFolder.start(path, configuration(method), seed, resume)


@pytest.fixture(scope="module")
def done(experiment: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of expected improvement and one of random points."""
    folder = tmp_path_factory.mktemp("bo")
    for method in (PublishedMethod.EI, PublishedMethod.RANDOM):
        place = folder / f"DIGITS101_SVGE_{method.value}_seed1"
        perform(experiment, method, 1, begin(place, method))
    return folder


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_run_labels_then_chooses_round_after_round(experiment: Experiment, done: Path) -> None:
    run = done / "DIGITS101_SVGE_ei_seed1"
    result = json.loads((run / "result.json").read_text())
    assert result["queries"] == 38
    assert result["unknown"] == 0
    asked = [line for line in lines(run) if line["event"] == "asked"]
    assert [len(line["names"]) for line in asked] == [30, 4, 4]
    hashes = [hash for line in asked for hash in line["names"]]
    assert len(set(hashes)) == 38
    train = set(experiment.table.hashes[experiment.train].tolist())
    assert set(hashes[:30]) <= train

    benchmark: Any = experiment.problem.truth.benchmark  # type: ignore[union-attr]
    validation, test = (benchmark.metric(each).mean() for each in ("validation", "test"))
    chosen = [benchmark.row(hash) for hash in hashes[30:]]
    last = result["rounds"][1]
    assert last["mean"] == pytest.approx(validation[chosen[4:]].mean())
    best = chosen[int(np.argmax(validation[chosen]))]
    assert last["best"] == pytest.approx(validation[best])
    assert last["test"] == pytest.approx(test[best])
    assert last["incumbent"] == result["best_observed"]["validation"]
    assert {"rmse", "log_likelihood", "pearson"} <= set(last)
    with (run / "rounds.csv").open(newline="") as handle:
        assert [row["queries"] for row in csv.DictReader(handle)] == ["34", "38"]


def test_the_baseline_begins_alike_and_has_no_surrogate(done: Path) -> None:
    guided, random = (lines(done / f"DIGITS101_SVGE_{method}_seed1") for method in ("ei", "random"))
    assert guided[0]["names"] == random[0]["names"]
    result = json.loads((done / "DIGITS101_SVGE_random_seed1" / "result.json").read_text())
    assert result["queries"] == 38
    assert result["recommended"] is None
    assert "rmse" not in result["rounds"][0]


def test_a_killed_run_goes_on_to_the_same_end(
    experiment: Experiment, done: Path, tmp_path: Path
) -> None:
    whole = done / "DIGITS101_SVGE_ei_seed1"
    place = tmp_path / "killed"
    shutil.copytree(whole, place)
    (place / "result.json").unlink()
    text = (whole / "metrics.jsonl").read_text().splitlines(keepends=True)
    (place / "metrics.jsonl").write_text("".join(text[:34]) + text[34][:20])
    (place / "quality.json").write_text(
        json.dumps({"30": json.loads((whole / "quality.json").read_text())["30"]})
    )
    with pytest.raises(InputError, match="add --resume"):
        begin(place)
    perform(experiment, PublishedMethod.EI, 1, begin(place, resume=True))

    def told(run: Path) -> list[Any]:
        return [(each["event"], each.get("hash"), each.get("names")) for each in lines(run)]

    assert told(place) == told(whole)
    ours, theirs = (json.loads((run / "quality.json").read_text()) for run in (place, whole))
    assert ours == theirs


@pytest.mark.parametrize("method", [PublishedMethod.PREDICTOR, PublishedMethod.GRADIENT])
def test_points_can_be_chosen_by_the_prediction_alone(
    method: PublishedMethod, experiment: Experiment, tmp_path: Path
) -> None:
    one = replace(experiment, settings=replace(SMALL, rounds=1, draw="normal"))
    result = perform(one, method, 1, begin(tmp_path / "run", method))
    assert result["queries"] == 34


def test_random_points_can_be_learnt_from_and_judged_on(experiment: Experiment) -> None:
    settings = replace(SMALL, random_as_train=True, random_as_test=True, labelled=10)
    one = replace(experiment, settings=settings)
    start = one.start(1)
    hashes = [one.table.space.hash(graph) for graph in start]
    assert len(set(hashes)) == 10
    assert hashes != [one.table.space.hash(graph) for graph in one.start(2)]
    held_out = one.held_out(1)
    assert len(held_out.graphs) == len(held_out.values) > 5
    plain = experiment.held_out(1)
    rows = [experiment.table.row_of[hash] for hash in one.table.space.hashes(plain.graphs)]
    assert set(rows) <= set(experiment.test.tolist())


def test_more_labels_than_there_are_are_refused(experiment: Experiment) -> None:
    one = replace(experiment, settings=replace(SMALL, labelled=5_000))
    with pytest.raises(InputError, match="5000 labelled architectures were requested, there are"):
        one.start(1)


def test_quality_is_counted_in_deviations_of_what_was_measured() -> None:
    generator = np.random.default_rng(0)
    truth = generator.normal(0.9, 0.02, 200)
    mean = truth + generator.normal(0, 0.01, 200)
    variance = np.full(200, 0.01**2)
    quality = SurrogateFit.of(mean, variance, truth)
    assert quality.rmse == pytest.approx(np.sqrt(np.mean((mean - truth) ** 2)) / truth.std())
    assert quality.pearson == pytest.approx(pearsonr(mean, truth)[0])
    density = norm.logpdf(truth, mean, 0.01).mean() + np.log(truth.std())
    assert quality.log_likelihood == pytest.approx(density)


def test_the_summary_is_the_mean_over_the_seeds(done: Path, command: Any, tmp_path: Path) -> None:
    place = tmp_path / "bo"
    shutil.copytree(done, place)
    other = place / "DIGITS101_SVGE_ei_seed2"
    shutil.copytree(place / "DIGITS101_SVGE_ei_seed1", other)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "seed": 2}))
    result = json.loads((other / "result.json").read_text())
    result["rounds"][0]["best"] += 0.1
    (other / "result.json").write_text(json.dumps(result))

    arguments = ["--space", "DIGITS101", "--log_dir", place, "--json"]
    code, out, _ = command(summarize.main, *arguments)
    assert code == 0
    rows = [json.loads(line) for line in out.splitlines()]
    (first,) = [row for row in rows if row["method"] == "published_ei" and row["round"] == 1]
    assert first["seeds"] == 2
    assert first["best"] == pytest.approx(result["rounds"][0]["best"] - 0.05)
    assert first["best_deviation"] == pytest.approx(0.05 * 2**0.5)
    (random,) = [row for row in rows if row["method"] == "published_random" and row["round"] == 2]
    assert random["rmse"] is None
    assert (place / "summary_DIGITS101.png").stat().st_size > 10_000
    with (place / "summary_DIGITS101.csv").open(newline="") as handle:
        assert len(list(csv.DictReader(handle))) == len(rows) == 4
    code, out, _ = command(summarize.main, *arguments[:-1], "--out", tmp_path / "own")
    assert (code, "published_ei" in out) == (0, True)
    code, _, err = command(summarize.main, *arguments[:-1], "--out", tmp_path / "own")
    assert (code, "--overwrite" in err) == (2, True)

    (other / "config.json").write_text(json.dumps({**config, "model": "DGMG"}))
    code, _, err = command(summarize.main, *arguments)
    assert (code, "'model' differs" in err) == (2, True)
    code, _, err = command(summarize.main, "--space", "NB201", "--log_dir", place)
    assert (code, "there are no runs of NB201" in err) == (2, True)


@pytest.mark.parametrize(
    ("main", "flags", "message"),
    [
        (bo.main, ["--grad-ascent"], "give --predictor as well"),
        (bo.main, ["--model", "DGMG", "--bidirectional"], "DGMG works in one direction"),
        (bo.main, ["--data_name", "final_structures5"], "final_structures6"),
        (bo_nb101.main, ["--BO-rounds", "0"], "expected at least 1"),
        (bo_nb201.main, ["--sample_dist", "cauchy"], "uniform"),
    ],
)
def test_flags_that_mean_nothing_are_refused(
    main: Any, flags: list[str], message: str, command: Any
) -> None:
    code, _, err = command(main, *flags)
    assert code == 2
    assert message in err


def test_the_published_flags_work_in_both_spellings() -> None:
    given = bo.make_parser().parse_args(
        ["--BO_rounds", "5", "--BO-batch-size", "7", "--save-appendix", "x", "--res_dir", "y"]
    )
    assert (given.BO_rounds, given.BO_batch_size) == (5, 7)
    assert (given.weights, given.log_dir) == (Path("x"), Path("y"))
    words = (
        "--model_name SVGE --data_type NB101 --checkpoint 300 --log_dir res/ --saved-log-dir z "
        "--share 1 --keep 10 --sample_dist normal --random_baseline --device cpu"
    )
    given = bo_nb101.make_parser().parse_args(words.split())
    assert (given.keep, given.weights, given.random_baseline) == (10, Path("z"), True)


def test_weights_of_another_space_or_size_are_refused(
    data_root: Path, command: Any, tmp_path: Path
) -> None:
    start = ["--data_root", data_root, "--log_dir", tmp_path]
    code, _, err = command(bo_nb201.main, *start, "--saved_log_dir", "state_dicts/SVGE_NB101")
    assert (code, "trained on NB101, not on NB201" in err) == (2, True)
    code, _, err = command(bo_nb201.main, *start, "--saved_log_dir", tmp_path / "nowhere")
    assert code == 2
    assert err.startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_the_command_on_nb201(data_root: Path, command: Any, tmp_path: Path) -> None:
    flags = "--BO_rounds 1 --BO_batch_size 3 --keep 20 --decodings 20 --random_baseline --json"
    start = ["--data_root", data_root, "--log_dir", tmp_path, "--dataset", "cifar100"]
    code, out, _ = command(bo_nb201.main, *start, *flags.split())
    assert code == 0
    guided, random = (json.loads(line) for line in out.splitlines())
    assert guided["queries"] == random["queries"] == 23
    assert guided["optimum"]["validation"] == pytest.approx(0.73493, abs=1e-5)
    assert (tmp_path / "NB201_cifar100_SVGE_ei_seed1" / "queries.csv").exists()
    code, _, err = command(bo_nb201.main, *start, *flags.split())
    assert (code, "add --resume" in err) == (2, True)
    code, out, _ = command(bo_nb201.main, *start, *flags.split(), "--resume")
    assert json.loads(out.splitlines()[0])["rounds"] == guided["rounds"]


def test_divided_keeps_the_held_out_apart(experiment: Experiment) -> None:
    train, test = divided(experiment.table)
    assert isinstance(experiment.table, Candidates)
    assert len(train) + len(test) == len(experiment.table)
    assert not set(train.tolist()) & set(test.tolist())
    assert len(test) == pytest.approx(0.1 * len(experiment.table), abs=1)
