"""AutoGL's four tutorials: one's own space, estimator and algorithm, and a search on Cora."""

from __future__ import annotations

import dataclasses
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from Bayesian_Optimization.search_flags import check_flags, make_parser
from datasets.testing import check_space
from estimators import Evaluations, FromScratch, NodeTask
from estimators.tasks.nodes import SplitNodes
from examples.depth_first import DepthFirst
from examples.own_estimator import FewSteps
from examples.two_layers import SPACE, TwoLayers
from experiment.paths import REPOSITORY_ROOT
from searchers import Budget, SearchHistory, SearchLoop, WholeSpace
from searchers.methods import ONLY_WITH
from tests.estimators.test_node_task import GRAPH, RECIPE

EXAMPLES = ("two_layers", "own_estimator", "depth_first", "search_cora")


@pytest.fixture
def nodes() -> SplitNodes:
    return NodeTask(GRAPH).prepare(RECIPE, "cpu").nodes


def test_the_space_keeps_its_promises() -> None:
    check_space(SPACE)
    assert SPACE.size == 4


def test_every_architecture_has_a_network(nodes: SplitNodes) -> None:
    inputs, order = nodes.features.to_dense(), torch.randperm(len(GRAPH))
    places = order.argsort()
    for graph in SPACE.sample(8, np.random.default_rng(0)):
        network = TwoLayers(graph, inputs.shape[1], 3).eval()
        found = network(inputs, nodes.edges)
        assert torch.allclose(found.exp().sum(1), torch.ones(len(GRAPH)), atol=1e-5)
        permuted = network(inputs[order], places[nodes.edges])
        assert torch.allclose(permuted, found[order], atol=1e-4)


def test_the_estimator_infers_metrics_and_loss(nodes: SplitNodes) -> None:
    estimator = FewSteps(nodes)
    network = TwoLayers(SPACE.parse("gcn gcn"), nodes.features.shape[1], 3).eval()
    metrics, loss = estimator.infer(network, "validation")
    scores = network(nodes.features, nodes.edges)[nodes.parts["validation"]]
    labels = nodes.labels[nodes.parts["validation"]]
    assert metrics["accuracy"] == pytest.approx((scores.argmax(1) == labels).double().mean())
    assert loss.item() == pytest.approx(-scores[torch.arange(30), labels].mean().item(), rel=1e-5)


def test_depth_first_measures_everything_once_and_keeps_the_best(nodes: SplitNodes) -> None:
    searcher = DepthFirst(WholeSpace(SPACE), initial=1)
    history = SearchLoop(searcher, Evaluations(FewSteps(nodes)), Budget(10)).run()
    values = [step.measurement.validation for step in history.steps]
    assert len({step.measurement.hash for step in history.steps}) == len(values) == 4
    assert history.incumbent is not None
    assert history.incumbent.value == max(value for value in values if value is not None)
    proposed = [SPACE.format(graph) for graph in searcher.propose(4, np.random.default_rng(0))]
    assert proposed == ["gcn gcn", "gcn gat_8", "gat_8 gcn", "gat_8 gat_8"]


def test_the_search_on_cora_runs(
    data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not (data_root / "planetoid" / "ind.cora.x").is_file():
        pytest.skip("the raw files of Planetoid are not here")
    monkeypatch.setenv("NAS_DATA_ROOT", str(data_root))
    whole = FromScratch.__init__

    def shorter(self: Any, space: Any, task: Any, design: Any, recipe: Any) -> None:
        small = dataclasses.replace(design, hidden=8)
        whole(self, space, task, small, dataclasses.replace(recipe, epochs=2))

    def kept(self: SearchLoop) -> SearchHistory:
        histories.append(run(self))
        return histories[-1]

    histories: list[SearchHistory] = []
    run = SearchLoop.run
    monkeypatch.setattr(SearchLoop, "run", kept)
    monkeypatch.setattr(FromScratch, "__init__", shorter)
    runpy.run_path(str(REPOSITORY_ROOT / "examples" / "search_cora.py"))["main"]()
    assert [each.queries for each in histories] == [4]
    assert "GraphNASMicroNetwork" in capsys.readouterr().out


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_short(name: str) -> None:
    text = (REPOSITORY_ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 50


@pytest.mark.parametrize(("name", "code"), [(EXAMPLES[0], 0), (EXAMPLES[1], 0), (EXAMPLES[2], 2)])
def test_an_example_is_a_script_of_its_own(name: str, code: int, tmp_path: Path) -> None:
    """From any folder; where Cora is absent, the last one says so in a sentence."""
    script = REPOSITORY_ROOT / "examples" / f"{name}.py"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=environment | {"NAS_DATA_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert ("ind.cora.x" in done.stderr) is (code == 2)


def test_commands_of_the_page_are_understood(blocks: Any) -> None:
    commands = [
        shlex.split(line) for line in "".join(blocks("citation_search.md", "bash")).splitlines()
    ]
    assert len(commands) == 4
    for words in commands:
        check_flags(make_parser().parse_args(words[3:]))


def test_the_page_says_what_goes_with_what() -> None:
    text = (REPOSITORY_ROOT / "docs" / "citation_search.md").read_text(encoding="utf-8")
    rows = [line.split("|")[2:4] for line in text.splitlines() if line.startswith("| ")]
    told = {name: cells[1] for cells in rows for name in re.findall(r"`(\w+)`", cells[0])}
    for method, estimators in ONLY_WITH.items():
        assert re.findall(r"`(\w+)`", told[method]) == list(estimators)
    for method in ("rl", "graphnas_rl", "random", "bo"):
        assert told[method].strip() == "all"
    assert all(f"examples/{name}.py" in text for name in EXAMPLES)
