"""A task that is no image classification: training, resuming and measuring know no images."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.objective import Objective
from datasets.registry import get_space
from estimators import recorded
from estimators.from_scratch import FromScratch
from estimators.recipe import Recipe
from estimators.recorded import RecordedTraining
from estimators.store import Store
from estimators.tasks.images import ImageClassification
from estimators.tasks.task import Dimensions, Task
from experiment.checkpoint import load_checkpoint
from models.networks.costs import Costs

NODES, CLASSES = 60, 3
MASKS = {"train": slice(0, 20), "validation": slice(20, 40), "test": slice(40, 60)}
RECIPE = Recipe(
    epochs=6,
    batch_size=1,
    learning_rate=0.05,
    optimiser="adam",
    schedule="constant",
    weight_decay=0.0,
    precision="float32",
)


@dataclass(frozen=True)
class NodeClassification:
    """Tell the communities of one random graph apart; 20 nodes each for training and the rest."""

    seed: int = 0

    def prepare(self, recipe: Recipe, device: torch.device | str) -> Communities:
        generator = torch.Generator().manual_seed(self.seed)
        labels = torch.arange(NODES) % CLASSES
        same = labels[:, None] == labels
        edges = torch.rand(NODES, NODES, generator=generator) < torch.where(same, 0.3, 0.02)
        adjacent = (edges | edges.T | torch.eye(NODES, dtype=torch.bool)).float()
        noise = torch.rand(NODES, 8, generator=generator)
        features = torch.cat([noise, nn.functional.one_hot(labels) * noise[:, :3]], dim=1)
        mean = adjacent / adjacent.sum(1, keepdim=True)
        return Communities(recipe, mean.to(device), features.to(device), labels.to(device))


@dataclass(frozen=True)
class Communities:
    """The graph on a device: all of it is one example, and masks choose nodes."""

    recipe: Recipe
    mean: Tensor
    features: Tensor
    labels: Tensor

    name, unit = "communities", "graphs"
    objective = Objective("cross_entropy", maximise=False, unit="nats")

    @property
    def dimensions(self) -> Dimensions:
        return Dimensions({"channels": self.features.shape[1], "classes": CLASSES})

    def fingerprint(self) -> str:
        return hashlib.sha256(self.mean.numpy().tobytes()).hexdigest()

    def place(self, network: nn.Module) -> None:
        network.to(self.mean.device)

    def examples(self, seed: int, epoch: int) -> list[Communities]:
        return [self]

    def loss(self, network: nn.Module, batch: Any, generator: torch.Generator) -> dict[str, Tensor]:
        mask = MASKS["train"]
        scores = network(self.features, self.mean)[mask]
        return {"loss": nn.functional.cross_entropy(scores, self.labels[mask])}

    @torch.inference_mode()
    def evaluate(self, network: nn.Module, part: str) -> dict[str, float]:
        mask = MASKS[part]
        scores, labels = network.eval()(self.features, self.mean)[mask], self.labels[mask]
        right = (scores.argmax(1) == labels).float().mean()
        loss = nn.functional.cross_entropy(scores, labels)
        return {"cross_entropy": float(loss), "accuracy": float(right)}


class TwoLayers(nn.Module):
    """A graph convolution whose width grows with the architecture's nodes, and another."""

    def __init__(self, width: int, channels: int, classes: int) -> None:
        super().__init__()
        self.hidden, self.scores = nn.Linear(channels, width), nn.Linear(width, classes)
        self.dropout = nn.Dropout(0.2)

    def forward(self, features: Tensor, mean: Tensor) -> Tensor:
        return self.scores(mean @ self.dropout(torch.relu(self.hidden(mean @ features))))


@dataclass(frozen=True)
class Widths:
    """The design of these networks."""

    width: int = 4

    def build(self, graph: ArchitectureGraph, data: Dimensions) -> nn.Module:
        return TwoLayers(self.width * graph.num_nodes, **data.network)

    def costs(self, batch: GraphBatch, data: Dimensions) -> Costs:
        networks = [self.build(graph, data) for graph in batch]
        number = torch.tensor([sum(w.numel() for w in each.parameters()) for each in networks])
        return Costs(number, NODES * number)


def test_both_are_tasks() -> None:
    assert isinstance(NodeClassification(), Task)
    assert isinstance(ImageClassification("digits"), Task)


def estimator(**more: Any) -> FromScratch:
    design: Any = Widths()
    return FromScratch(get_space("DIGITS101"), NodeClassification(), design, RECIPE, **more)


def test_nodes_are_classified_from_scratch(
    cells: dict[str, ArchitectureGraph], tmp_path: Path
) -> None:
    """Metrics come by their names, and the objective is the one that the task says."""
    store = Store(tmp_path / "store.sqlite")
    (found,) = estimator(store=store).measure([cells["first"]])
    assert found.ok
    assert set(found.values) == {
        f"{half}{part}{metric}"
        for half in ("", "halfway_")
        for part in ("validation", "test")
        for metric in ("", "_accuracy")
    }
    assert found.validation == found.values["validation"] < found.values["halfway_validation"]
    assert found.values["test_accuracy"] > 0.5
    assert found.parameters == 12 * 16 + 17 * 3
    settings = estimator().settings
    assert (settings["graphs"], len(settings["graphs_sha256"])) == ("communities", 64)
    assert list(estimator(store=store).measure([cells["first"]])) == [found]


def test_killed_it_resumes_to_the_same_numbers(
    cells: dict[str, ArchitectureGraph], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space, design = get_space("DIGITS101"), Widths()
    prepared = NodeClassification().prepare(RECIPE, "cpu")
    training = RecordedTraining(space, prepared, design, torch.device("cpu"))  # type: ignore[arg-type]
    cell = space.canonical(cells["first"])
    whole = training.train(cell, 1, tmp_path / "whole", resume=False)
    report = recorded.report_epoch

    def die(entry: dict[str, Any], task: Any) -> None:
        report(entry, task)
        if entry["epoch"] == 3:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorded, "report_epoch", die)
        with pytest.raises(KeyboardInterrupt):
            training.train(cell, 1, tmp_path / "killed", resume=False)
    again = training.train(cell, 1, tmp_path / "killed", resume=True)
    assert dataclasses.replace(again, cost_seconds=None) == dataclasses.replace(
        whole, cost_seconds=None
    )
    best, other = (
        load_checkpoint(tmp_path / name / "checkpoints" / "best_weights.pt")
        for name in ("whole", "killed")
    )
    assert all(torch.equal(best[key], other[key]) for key in best)
    lines = (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()
    lowest = min(json.loads(line)["validation"] for line in lines)
    assert whole.values["best_validation"] == lowest  # less is better
    assert "%" not in capsys.readouterr().out
