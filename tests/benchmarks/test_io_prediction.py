"""The benchmark of predictions from input–output information: who is labelled, who is predicted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestRegressor

from benchmarks import io_prediction
from benchmarks.io_prediction import LABELS, OWN, Task
from datasets import get_benchmark, read_io_set
from datasets.io_files import write_io_set
from datasets.io_set import IOSet
from experiment.errors import InputError
from predictors.features import describe, make_features
from tests.datasets.test_io_set import TRAINING, UNSEEN, contents, recorded


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of networks that the table knows."""
    folder = tmp_path_factory.mktemp("io") / "set"
    benchmark, given = get_benchmark("DIGITS101"), contents()
    drawn = np.random.default_rng(0).permutation(len(benchmark))[: TRAINING + UNSEEN]
    rows = [
        *sorted(drawn[:TRAINING], key=lambda row: benchmark.hashes[row]),
        *sorted(drawn[TRAINING:], key=lambda row: benchmark.hashes[row]),
    ]
    graphs = benchmark.graphs[torch.tensor(rows)]
    write_io_set(folder, replace(given, graphs=graphs, hashes=benchmark.hashes[rows]), recorded())
    return folder


@pytest.fixture(scope="module")
def io_set(folder: Path) -> IOSet:
    return read_io_set(folder)


@pytest.fixture(scope="module")
def task(io_set: IOSet, tmp_path_factory: pytest.TempPathFactory) -> Task:
    return Task("DIGITS101", tmp_path_factory.mktemp("runs"), io_set, None)


@pytest.mark.parametrize("protocol", LABELS)
def test_networks_of_the_set_are_labelled_first(protocol: str, task: Task, io_set: IOSet) -> None:
    known, rest = task.draw(protocol, 8, 0)
    other, _ = task.draw(protocol, 8, 1)
    assert set(task.hashes[known]) < set(io_set.part("train").hashes)
    assert set(known) != set(other)
    assert not set(known) & set(rest)
    assert (task.accuracies[rest] > 0.8).all()
    unseen = set(io_set.part("unseen_networks").hashes)
    if protocol == "recorded":
        assert set(task.hashes[rest]) <= unseen
        with pytest.raises(InputError, match="11 architectures have one"):
            task.draw(protocol, 12, 0)
    else:
        assert not set(task.hashes[rest]) & set(io_set.hashes)
        more, fewer = task.draw(protocol, 40, 0)
        assert len(more) == 40
        assert not set(task.hashes[more]) & unseen
        assert set(fewer) == set(rest) - set(more)


def test_own_outputs_are_those_of_each_network(task: Task, io_set: IOSet) -> None:
    rows = task.vectors("own outputs", 0)
    places = [*task.labelled, *task.unseen]
    assert np.isfinite(rows).all(axis=1).nonzero()[0].tolist() == sorted(places)
    one = io_set.part("unseen_networks").targets("code")[1]
    place = task.hashes.tolist().index(io_set.part("unseen_networks").hashes[1])
    np.testing.assert_allclose(rows[place], [*one.mean(0), *one.std(0)], atol=1e-6)
    accuracies = task.vectors("own accuracy on the seen images", 0)
    assert accuracies[place] == io_set.validation[io_set.training_networks + 1]
    assert set(OWN) == {"own outputs", "own accuracy on the seen images"}


def test_a_row_is_measured_once(
    task: Task, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(io_prediction, "LABELS", {"forest": (40,), "process": (9,)})
    results, picture = tmp_path / "kept.json", tmp_path / "boxes.png"
    flags = ["--io_set", str(folder), "--rows", "one-hots", "--draws", "2"]
    flags += ["--results", str(results), "--out", str(picture)]
    for protocol in ("forest", "process"):
        assert io_prediction.main([protocol, *flags]) == 0
    kept = json.loads(results.read_text())["results"]
    found = kept["DIGITS101 forest"]["one-hots"]["40"]["1"]
    known, rest = task.draw("forest", 40, 1)
    rows = describe(make_features("one_hot", task.space), task.graphs)
    forest = RandomForestRegressor(200, max_features=4, random_state=1)
    predicted = forest.fit(rows[known], task.accuracies[known]).predict(rows[rest])
    assert found["pearson"] == pytest.approx(np.corrcoef(predicted, task.accuracies[rest])[0, 1])
    assert -1 <= kept["DIGITS101 process"]["one-hots"]["9"]["0"]["tau"] <= 1

    before = results.read_bytes()
    assert io_prediction.main(["forest", *flags]) == 0
    assert results.read_bytes() == before
    assert io_prediction.main(["figure", *flags]) == 0
    assert picture.stat().st_size > 10_000
    with pytest.raises(InputError, match="no row is called 'one-hot'"):
        io_prediction.main(["forest", *flags, "--rows", "one-hot"])
    with pytest.raises(InputError, match="train them by"):
        io_prediction.main(["forest", *flags, "--rows", "dense, epoch 10", "--runs", str(tmp_path)])
