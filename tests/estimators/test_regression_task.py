"""A second task from end to end: regression of rows, by a mean absolute error that is minimised."""

from __future__ import annotations

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
from estimators.from_scratch import FromScratch
from estimators.networks import Design
from estimators.recipe import Recipe
from estimators.store import Store
from estimators.tasks.images import ImageClassification
from estimators.tasks.task import Dimensions, epoch_order
from experiment.errors import InputError
from models.networks.costs import Costs
from models.networks.families import NetworkFamily

ROWS = torch.randn(80, 3, generator=torch.Generator().manual_seed(0))
TARGETS = ROWS.abs().sum(1, keepdim=True)
PARTS = {"train": slice(0, 40), "validation": slice(40, 60), "test": slice(60, 80)}
RECIPE = Recipe(10, 10, 0.02, "adam", "constant", 0.0, precision="float32")


class TwoLayers(nn.Sequential):
    """The hidden layer is wider for an architecture of more nodes."""

    def __init__(self, graph: ArchitectureGraph, *, inputs: int, targets: int, width: int) -> None:
        hidden = width * graph.num_nodes
        super().__init__(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, targets))


def costs(batch: GraphBatch, *, inputs: int, targets: int, width: int) -> Costs:
    hidden = width * batch.num_nodes
    return Costs(hidden * (inputs + 1) + (hidden + 1) * targets, hidden * (inputs + targets))


@dataclass(frozen=True)
class HiddenLayer(Design):
    family, counted = NetworkFamily(TwoLayers, costs), ("width",)
    width: int = 8


@dataclass(frozen=True)
class Sums:
    """The sum of a row's absolute values. Its data are in memory: prepared, it is the same."""

    recipe: Recipe = RECIPE
    name, unit = "sums", "rows"
    objective = Objective("mean_absolute_error", maximise=False, unit="kcal/mol")
    dimensions = Dimensions({"inputs": 3, "targets": 1})

    def prepare(self, recipe: Recipe, device: torch.device | str) -> Sums:
        return Sums(recipe)

    def fingerprint(self) -> str:
        return "sums of absolute values"

    def place(self, network: nn.Module) -> None:
        network.to(ROWS.device)

    def examples(self, seed: int, epoch: int) -> torch.utils.data.TensorDataset:
        order = epoch_order(40, self.recipe.batch_size, seed, epoch)
        return torch.utils.data.TensorDataset(ROWS[order], TARGETS[order])

    def loss(self, network: nn.Module, batch: Any, generator: torch.Generator) -> dict[str, Tensor]:
        return {"loss": nn.functional.l1_loss(network(batch[0]), batch[1])}

    @torch.inference_mode()
    def evaluate(self, network: nn.Module, part: str) -> dict[str, float]:
        errors = network.eval()(ROWS[PARTS[part]]) - TARGETS[PARTS[part]]
        return {self.objective.name: float(errors.abs().mean())}


def test_rows_are_regressed_from_scratch_and_kept(
    cells: dict[str, ArchitectureGraph], tmp_path: Path
) -> None:
    def estimator(**more: Any) -> FromScratch:
        return FromScratch(get_space("DIGITS101"), Sums(), HiddenLayer(), RECIPE, **more)

    wanted = [cells["first"], cells["third"]]
    store = Store(tmp_path / "store.sqlite")
    first = next(estimator(store=store).measure(wanted))  # and no further
    resumed = list(estimator(store=store).measure(wanted))
    assert resumed[0] == first  # with its seconds: it was not trained again
    whole = list(estimator().measure(wanted))
    assert [one.values for one in resumed] == [one.values for one in whole]
    median = TARGETS[PARTS["train"]].median()
    for one in resumed:
        assert one.validation == one.values["validation"] < one.values["halfway_validation"]
        assert one.values["test"] < 0.5 * float((TARGETS[PARTS["test"]] - median).abs().mean())
        assert one.parameters == 8 * one.architecture.num_nodes * 5 + 1


def test_images_need_a_recipe_for_images() -> None:
    with pytest.raises(InputError, match="a Recipe is given to train on images, expected an Image"):
        ImageClassification("digits").prepare(RECIPE, "cpu")
