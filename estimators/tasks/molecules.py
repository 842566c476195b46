"""Regression of a number of molecules."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from datasets.molecules import MoleculeData, MoleculeSource, get_molecules
from datasets.molecules.atom_counts import AtomCountFit
from datasets.molecules.graphs import MoleculeBatch, MoleculeGraphs
from datasets.molecules.molecule import ATOM_FEATURES, PAIR_FEATURES, Molecule
from datasets.molecules.smiles import Reader, ReaderName, UnreadableSmilesError, get_reader
from datasets.molecules.sources import get_source
from datasets.molecules.splits import MoleculeSplit, SplitName, split_molecules
from datasets.objective import Objective
from datasets.spaces.notation import excerpt
from estimators.recipe import EarlyStoppedRecipe, Recipe
from estimators.tasks.task import Dimensions, epoch_order
from experiment.checks import shown
from experiment.errors import InputError
from experiment.loop import DivergedError
from experiment.paths import DATA_ROOT_VARIABLE

EVALUATION_BATCH = 500
LOSSES = {
    "mse": nn.functional.mse_loss,
    "mae": nn.functional.l1_loss,
    "huber": nn.functional.smooth_l1_loss,
}


@dataclass(frozen=True)
class MoleculeRecipe(EarlyStoppedRecipe):
    """An :class:`EarlyStoppedRecipe` for molecules.

    It is in float32 because errors are below a percent of the numbers.

    Attributes:
        loss: of the standardised targets.
    """

    loss: Literal["mse", "mae", "huber"] = "mse"

    computed = "molecules are trained on"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss not in LOSSES:
            raise InputError(f"the loss is {self.loss!r}, expected one of {', '.join(LOSSES)}")
        if self.batch_size < 2:
            raise InputError(
                "batches of one molecule have no batch statistics where it has one atom: give a "
                "batch size of at least 2"
            )


@dataclass(frozen=True)
class MoleculeTask:
    """A :class:`~estimators.tasks.task.Task`: predict a number of molecules.

    Attributes:
        name: of the molecules, as for :func:`datasets.molecules.get_molecules`, or a table of
            one's own.
        split: ``random`` or ``scaffold``.
        split_seed: of the split.
        subtract_atom_counts: whether networks are trained on what a least-squares fit of the
            numbers of atoms to the training part leaves; ``None``: where the quantity is additive,
            as an energy is.
        data_root: where the files are looked for.
        reader: of the SMILES; default: RDKit where it is installed.
    """

    name: str | MoleculeSource
    split: SplitName = "random"
    split_seed: int = 0
    subtract_atom_counts: bool | None = None
    data_root: Path | None = None
    reader: ReaderName | None = None

    def prepare(self, recipe: Recipe, device: torch.device | str) -> PreparedMolecules:
        """The molecules on a device.

        Raises:
            InputError: there is no such data or split, its file is absent or damaged; the recipe
                is another task's.
        """
        if not isinstance(recipe, MoleculeRecipe):
            raise InputError(
                f"a {type(recipe).__name__} is given to train on molecules, expected a "
                "MoleculeRecipe: MoleculeRecipe.load(preset) makes one"
            )
        return PreparedMolecules(
            _load(self, str(device), os.environ.get(DATA_ROOT_VARIABLE)), recipe
        )


@lru_cache(maxsize=4)
def _load(task: MoleculeTask, device: str, variable: str | None) -> SplitMolecules:
    """The molecules; ``variable`` decides where they are looked for, so that it is in the key."""
    data = _read(get_source(task.name), task.data_root, task.reader, variable)
    split = split_molecules(data.smiles, task.split, task.split_seed)
    subtract = task.subtract_atom_counts
    subtract = data.source.additive if subtract is None else subtract
    return SplitMolecules.of(data, split, subtract, device)


@lru_cache(maxsize=1)
def _read(
    source: MoleculeSource,
    data_root: Path | None,
    reader: ReaderName | None,
    variable: str | None,
) -> MoleculeData:
    return get_molecules(source, data_root, reader)


@dataclass(frozen=True, eq=False)
class Scale:
    """From the numbers of molecules to what networks are trained on, and back.

    Attributes:
        counts: what the numbers of atoms explain; ``None``: nothing is subtracted.
        mean: of the rest on the training part, in the unit of the numbers.
        std: its standard deviation there.
    """

    counts: AtomCountFit | None
    mean: float
    std: float

    @classmethod
    def fit(cls, molecules: Sequence[Molecule], targets: np.ndarray, subtract: bool) -> Scale:
        """The scale of a training part.

        Raises:
            InputError: all its numbers are the same.
        """
        counts = AtomCountFit.fit(molecules, targets) if subtract else None
        rest = targets - (counts.predict(molecules) if counts else 0.0)
        mean, std = float(rest.mean()), float(rest.std())
        if not std > 1e-9 * max(1.0, float(np.abs(targets).max())):
            raise InputError(
                "all labels to train on are the same, or atom counts explain them: there is "
                "nothing to learn"
            )
        return cls(counts, mean, std)

    def offsets(self, molecules: Sequence[Molecule]) -> np.ndarray:
        """What is added to a network's prediction times ``std``. **Shape** (M,), float64."""
        explained = self.counts.predict(molecules) if self.counts else np.zeros(len(molecules))
        return explained + self.mean


@dataclass(frozen=True, eq=False)
class SplitMolecules:
    """Molecules in three parts, on a device.

    Attributes:
        data: as they were read.
        scale: of the training part.
        graphs: their features.
        targets: standardised. **Shape** (M,), float32.
        parts: numbers of the molecules of ``train``, ``validation`` and ``test``. **Shape** (n,),
            int64, each.
        offsets: of :meth:`Scale.offsets`, on the CPU. **Shape** (M,), float64.
        sha256: of all that a training reads, hexadecimal.
    """

    data: MoleculeData
    scale: Scale
    graphs: MoleculeGraphs
    targets: Tensor
    parts: dict[str, Tensor]
    offsets: np.ndarray
    sha256: str

    @classmethod
    def of(
        cls, data: MoleculeData, split: MoleculeSplit, subtract: bool, device: str
    ) -> SplitMolecules:
        """Fit the scale to the training part, and put everything on a device."""
        train = [data.molecules[row] for row in split.train]
        scale = Scale.fit(train, data.targets[split.train], subtract)
        offsets = scale.offsets(data.molecules)
        targets = torch.from_numpy((data.targets - offsets) / scale.std).float()
        parts = {
            name: torch.from_numpy(getattr(split, name)) for name in ("train", "validation", "test")
        }
        graphs = data.graphs
        digest = hashlib.sha256(np.array([scale.mean, scale.std]).tobytes())
        for tensor in (
            *(graphs.x, graphs.edge_index, graphs.edge_attr, graphs.atoms, graphs.bonds),
            *(targets, *parts.values()),
        ):
            digest.update(repr(tuple(tensor.shape)).encode())
            digest.update(tensor.contiguous().numpy().data)
        return cls(
            data,
            scale,
            graphs.to(device),
            targets.to(device),
            {name: rows.to(device) for name, rows in parts.items()},
            offsets,
            digest.hexdigest(),
        )


@dataclass(frozen=True, eq=False)
class ShuffledMolecules:
    """The training molecules of an epoch.

    Attributes:
        graphs: of all molecules.
        rows: those of the epoch, in their order. **Shape** (n,), int64.
    """

    graphs: MoleculeGraphs
    rows: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: slice) -> MoleculeBatch:
        return self.graphs.take(self.rows[index])


@dataclass(frozen=True, eq=False)
class PreparedMolecules:
    """A :class:`~estimators.tasks.task.PreparedTask` of molecules in memory.

    A network of it takes ``(x, edge_index, edge_attr, batch)`` of a
    :class:`~datasets.molecules.graphs.MoleculeBatch` and returns (B, 1).

    Attributes:
        split: the molecules, on the device to train on.
        recipe: how networks are trained.
    """

    split: SplitMolecules
    recipe: MoleculeRecipe

    unit = "molecules"

    @property
    def name(self) -> str:
        """Of the molecules."""
        return self.split.data.source.name

    @property
    def objective(self) -> Objective:
        """The mean absolute error, or the root of the mean squared one: less is better."""
        source = self.split.data.source
        return Objective(source.metric, maximise=False, unit=source.unit, dataset=source.name)

    @property
    def dimensions(self) -> Dimensions:
        """Features of atoms and bonds; atoms and directed bonds of a molecule in the mean."""
        graphs = self.split.graphs
        return molecule_dimensions(
            round(len(graphs.x) / len(graphs)), round(len(graphs.edge_attr) / len(graphs))
        )

    def fingerprint(self) -> str:
        """SHA-256 of features, targets, their scale, and the split, hexadecimal."""
        return self.split.sha256

    def place(self, network: nn.Module) -> None:
        """Move a network to the device of the molecules."""
        network.to(self.split.targets.device)

    def examples(self, seed: int, epoch: int) -> ShuffledMolecules:
        """The training molecules of an epoch.

        They are whole batches, as :func:`epoch_order` makes them, so that none is one molecule of
        one atom, which has no batch statistics.
        """
        train = self.split.parts["train"]
        order = epoch_order(len(train), self.recipe.batch_size, seed, epoch)
        return ShuffledMolecules(self.split.graphs, train[order.to(train.device)])

    def loss(
        self, network: nn.Module, batch: MoleculeBatch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The recipe's loss of the standardised targets; the objective in its unit."""
        errors_of = LOSSES[self.recipe.loss]
        found, targets = _outputs(network, batch), self.split.targets[batch.rows]
        errors = (found.detach() - targets) * self.split.scale.std
        squared = self.objective.name == "rmse"
        train = errors.square().mean().sqrt() if squared else errors.abs().mean()
        return {"loss": errors_of(found, targets), "train": train}

    def evaluate(self, network: nn.Module, part: str) -> dict[str, float]:
        """``mae`` and ``rmse`` in the unit of the molecules, ``r2``, and the ``loss``.

        Raises:
            DivergedError: a prediction is no finite number.
        """
        rows = self.split.parts[part]
        found = torch.cat(self._outputs(network, self.split.graphs, rows))
        if not bool(found.isfinite().all()):
            raise DivergedError(
                f"a prediction on the {part} molecules is no finite number: try a lower learning "
                "rate or gradient clipping"
            )
        targets = self.split.targets[rows]
        errors = ((found - targets).double() * self.split.scale.std).cpu().numpy()
        numbers = self.split.data.targets[rows.cpu().numpy()]
        variance = float(numbers.var())
        squared = float(np.square(errors).mean())
        return {
            "mae": float(np.abs(errors).mean()),
            "rmse": math.sqrt(squared),
            # One molecule, or equal labels, have no variance that could be explained.
            **({"r2": 1 - squared / variance} if variance else {}),
            "loss": float(LOSSES[self.recipe.loss](found, targets)),
        }

    def predict(self, network: nn.Module, smiles: Sequence[str]) -> np.ndarray:
        """The numbers that a trained network predicts of any molecules, in their unit.

        **Shape** (n,), float64.

        Raises:
            UnreadableSmilesError: a text is no SMILES; the message names it and its place.
            InputError: ``smiles`` is a text itself, or has an entry that is none.
        """
        molecules = _read_all(smiles, get_reader(self.split.data.reader))
        graphs = MoleculeGraphs.of(molecules).to(self.split.targets.device)
        rows = torch.arange(len(graphs), device=self.split.targets.device)
        found = torch.cat(self._outputs(network, graphs, rows)).double().cpu().numpy()
        return found * self.split.scale.std + self.split.scale.offsets(molecules)

    def predictions(self, network: nn.Module, part: str) -> tuple[np.ndarray, np.ndarray]:
        """What a network predicts of a part, and the labels, in their unit. **Shape** (n,) each."""
        rows = self.split.parts[part]
        found = torch.cat(self._outputs(network, self.split.graphs, rows)).double().cpu().numpy()
        places = rows.cpu().numpy()
        predicted = found * self.split.scale.std + self.split.offsets[places]
        return predicted, self.split.data.targets[places]

    @torch.inference_mode()
    def _outputs(self, network: nn.Module, graphs: MoleculeGraphs, rows: Tensor) -> list[Tensor]:
        """What a network gives for molecules, in evaluation mode. **Shape** (b,) a batch."""
        network.eval()
        return [_outputs(network, graphs.take(some)) for some in rows.split(EVALUATION_BATCH)]


def _outputs(network: nn.Module, batch: MoleculeBatch) -> Tensor:
    return network(batch.x, batch.edge_index, batch.edge_attr, batch.batch).squeeze(1)


def _read_all(smiles: Sequence[str], read: Reader) -> list[Molecule]:
    """Molecules of texts; an unreadable one is named with its number."""
    if isinstance(smiles, str):
        raise InputError(f"the SMILES are {shown(smiles)}, expected a list of texts: give [text]")
    molecules = []
    for number, text in enumerate(smiles):
        if not isinstance(text, str):
            raise InputError(f"smiles[{number}] is {shown(text)}, expected a text")
        try:
            molecules.append(read(text))
        except UnreadableSmilesError as error:
            raise UnreadableSmilesError(
                f"smiles[{number}], {excerpt(text)}, is unreadable ({error}): mend it, or leave it "
                "out"
            ) from error
    return molecules


def molecule_dimensions(atoms: int, bonds: int) -> Dimensions:
    """What molecules decide of a network.

    Args:
        atoms: of a molecule; they decide the FLOPs alone, as the bonds do.
        bonds: of a molecule, in both directions.
    """
    network = {"atom_features": ATOM_FEATURES, "bond_features": PAIR_FEATURES, "targets": 1}
    return Dimensions(network, {"atoms": atoms, "bonds": bonds})
