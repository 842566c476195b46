"""A family of the user's own: one entry a library, and it is trained, costed and searched."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.batch import GraphBatch
from datasets.registry import BENCHMARKS, SPACES
from estimators.from_scratch import FromScratch
from estimators.networks import DESIGNS, load_design, module_lines
from estimators.tasks.images import ImageClassification, ImageRecipe
from examples import ladder_networks
from examples.adding_a_space import Ladder
from examples.ladder_networks import LadderDesign, LadderImageNetwork, ladder_costs
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT
from models.networks.families import NETWORKS
from predictors.defaults import DEFAULTS
from predictors.features import describe, make_features
from predictors.methods import make_predictor
from predictors.predictor import FeaturePredictor
from searchers.candidate_bo import CandidateBO
from searchers.defaults import SEARCH_DEFAULTS
from searchers.domain import Candidates
from searchers.methods import make_searcher

SPACE = Ladder()
TABLES = (SPACES, BENCHMARKS, NETWORKS, DESIGNS, DEFAULTS, SEARCH_DEFAULTS)


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """Ladder and its family are known during a test, and unknown to others."""
    ladder_networks.register()
    yield
    for table in TABLES:
        table.pop("Ladder")


def some(n: int) -> GraphBatch:
    return SPACE.sample_batch(n, np.random.default_rng(0))


def test_networks_are_trained_from_scratch() -> None:
    design = load_design("digits101", SPACE, overrides={"width": 16})
    assert design == LadderDesign(16)
    recipe = ImageRecipe.load("digits101", overrides={"epochs": 1})
    (graph,) = some(1)
    (one,) = FromScratch(SPACE, ImageClassification("digits"), design, recipe).measure([graph])
    assert one.ok, one.reason
    assert one.validation is not None
    assert one.validation > 0.2  # of ten classes
    built = LadderImageNetwork(graph, in_channels=1, width=16)
    assert one.parameters == sum(weights.numel() for weights in built.parameters())


def test_costs_are_features_of_its_architectures() -> None:
    batch = some(5)
    rows = describe(make_features("costs", SPACE), batch)
    networks = [LadderImageNetwork(graph) for graph in batch]
    counted = [sum(weights.numel() for weights in one.parameters()) for one in networks]
    assert np.exp(rows[:, 0]) == pytest.approx(counted)
    assert ladder_costs(batch).parameters.tolist() == counted


def test_its_defaults_are_taken() -> None:
    predictor = make_predictor(SPACE)
    assert isinstance(predictor, FeaturePredictor)
    assert [each.name for each in predictor.features] == ["statistics", "costs"]
    searcher = make_searcher("bo", Candidates(SPACE, some(30)), seed=0)
    assert isinstance(searcher, CandidateBO)
    assert searcher.features == ("statistics", "costs")


def test_lines_build_its_network() -> None:
    (graph,) = some(1)
    session: dict[str, object] = {}
    exec(module_lines(SPACE, graph, LadderDesign(8)), session)
    network = session["network"]
    assert isinstance(network, LadderImageNetwork)
    assert network(torch.zeros(2, 3, 8, 8)).shape == (2, 10)


def test_lines_of_the_script_import_what_another_process_can(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = "ladder_networks.py Bayesian_Optimization.search --space Ladder --estimator train"
    flags = ["--queries", "1", "--log_dir", str(tmp_path), "--name", "own"]
    monkeypatch.setattr(sys, "argv", [*command.split(), *flags])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(REPOSITORY_ROOT / "examples/ladder_networks.py"), run_name="__main__")
    assert ended.value.code == 0
    lines = capsys.readouterr().out.split("the network of the best:\n")[1].splitlines()[:3]
    assert lines[:2] == [
        "from examples.adding_a_space import Ladder",
        "from examples.ladder_networks import LadderImageNetwork",
    ]
    session: dict[str, object] = {}
    exec("\n".join(lines), session)
    assert isinstance(session["network"], LadderImageNetwork)


def test_a_search_trains_its_networks(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    flags = ["--space", "Ladder", "--estimator", "train", "--queries", "8", "--initial", "6"]
    command = ["Bayesian_Optimization.search", *flags, "--log_dir", str(tmp_path), "--name", "own"]
    assert ladder_networks.main(command) == 0
    result = json.loads((tmp_path / "own" / "result.json").read_text())
    assert result["queries"] == 8
    assert "LadderImageNetwork(" in capsys.readouterr().out


def test_another_space_has_none_of_it() -> None:
    class Other(Ladder):
        name = "Other"

    with pytest.raises(InputError, match="no network is known for Other architectures"):
        load_design("digits101", Other())
    with pytest.raises(InputError, match="what networks of Other cost is not known"):
        make_features("costs", Other())
