"""The tasks of declared problems: their data, recipe, metrics, and how networks are sized."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from datasets.citation_graphs import NODE_GRAPHS, PLANETOID
from datasets.citation_graphs.splits import NodeSplitName
from datasets.fixed_network import FixedNetwork
from datasets.images import IMAGE_DATA
from datasets.molecules import MoleculeSource
from datasets.molecules.smiles import ReaderName
from datasets.molecules.sources import SOURCES, Metric
from datasets.molecules.splits import SplitName
from datasets.registry import SPACES
from datasets.space import SearchSpace
from estimators.by_data_set import NODE_RECIPES
from estimators.networks import (
    BY_DATA_SET,
    DESIGNS,
    Design,
    GINEDesign,
    MPNNBaselineDesign,
    load_design,
)
from estimators.node_designs import GATDesign, GCNDesign
from estimators.recipe import Recipe
from estimators.tasks.images import ImageClassification, ImageRecipe
from estimators.tasks.molecules import LOSSES, MoleculeRecipe, MoleculeTask
from estimators.tasks.nodes import NodeRecipe, NodeTask
from experiment.checks import LARGEST_OF_32_BITS, shown, whole_number
from experiment.config import nearest, resolve
from experiment.errors import InputError
from searchers.declared.tables import resolved

MOLECULES, DIGITS = "molecules", "digits101"
HAND_MADE: dict[str, type[Design]] = {
    "GINE": GINEDesign,
    "MPNN_baseline": MPNNBaselineDesign,
    "GCN": GCNDesign,
    "GAT": GATDesign,
}
"""Networks made by hand, each the only member of its space, and their sizes."""


@dataclass(frozen=True)
class MoleculeData:
    """Which molecules, and how they are split and prepared.

    Attributes:
        data: a name of ``docs/molecules.md``, or any name of one's own table, which ``file`` and
            ``labels`` make it.
        split: ``random`` or ``scaffold``.
        split_seed: of the split that the search is made on.
        subtract_atom_counts: whether what atom counts explain is subtracted; default: where the
            quantity is additive.
        reader: of the SMILES.
        file: one's own table; a relative path is below the current folder.
        labels: its column of numbers.
        smiles: its column of SMILES.
        unit: of the numbers.
        metric: by which networks are compared.
        preset: of the recipe.
    """

    data: str
    split: SplitName = "random"
    split_seed: int = 0
    subtract_atom_counts: bool | None = None
    reader: ReaderName | None = None
    file: Path | None = None
    labels: str | None = None
    smiles: str = "smiles"
    unit: str | None = None
    metric: Metric = "rmse"
    preset: str = MOLECULES

    def __post_init__(self) -> None:
        if self.file is None and self.data not in SOURCES:
            raise InputError(
                f"no molecules are called {self.data!r}: {nearest(self.data, _data())}"
            )
        if self.file is not None and self.labels is None:
            raise InputError(f"which column of {str(self.file)!r} has the numbers? give labels")
        whole_number(self.split_seed, "task.split_seed", most=LARGEST_OF_32_BITS)

    def task(self, data_root: Path | None) -> MoleculeTask:
        """What networks are trained on."""
        source: str | MoleculeSource = self.data
        if self.file is not None and self.labels is not None:
            place = (str(self.file.resolve()),)
            source = MoleculeSource(
                self.data, place, (self.labels,), self.unit, self.metric, self.smiles
            )
        return MoleculeTask(
            *(source, self.split, self.split_seed, self.subtract_atom_counts),
            data_root=data_root,
            reader=self.reader,
        )

    def on_split(self, seed: int) -> MoleculeData:
        """The same with another split."""
        return replace(self, split_seed=seed)

    def recipe(self, space: SearchSpace, settings: Mapping[str, Any]) -> MoleculeRecipe:
        """The recipe of the preset with the problem's settings on top.

        One's own table takes the preset's general settings, also where it has the name of a table
        of ours, whose settings are for other numbers.
        """
        sections = (self.data,) if self.file is None else ()
        return MoleculeRecipe.load(self.preset, *sections, overrides=dict(settings))

    def design(self, space: SearchSpace, settings: Mapping[str, Any]) -> Design:
        """Sizes of the networks: their defaults with the problem's on top."""
        return resolve(design_class(space), {}, settings)


@dataclass(frozen=True)
class ImageData:
    """Which images.

    Attributes:
        data: a name of ``datasets.images``: ``digits``, ``cifar10``, ``ImageNet16``.
        train_share: share of the images that is trained on, where one can choose.
        preset: of recipe and network; default: ``digits101`` for the digits, else ``default``.
    """

    data: str
    train_share: float | None = None
    preset: str | None = None

    def __post_init__(self) -> None:
        if self.data not in IMAGE_DATA:
            raise InputError(f"no images are called {self.data!r}: {nearest(self.data, _data())}")

    def task(self, data_root: Path | None) -> ImageClassification:
        """What networks are trained on."""
        return ImageClassification(self.data, data_root=data_root, train_share=self.train_share)

    def on_split(self, seed: int) -> ImageData:
        """The same: there is one split of the images."""
        return self

    def recipe(self, space: SearchSpace, settings: Mapping[str, Any]) -> ImageRecipe:
        """The recipe of the preset with the problem's settings on top."""
        sections = (space.preset_sections[0], self.data)
        return ImageRecipe.load(self._preset, *sections, overrides=dict(settings))

    def design(self, space: SearchSpace, settings: Mapping[str, Any]) -> Design:
        """Sizes of the networks: those of the preset with the problem's on top."""
        return load_design(self._preset, space, self.data, overrides=dict(settings))

    @property
    def _preset(self) -> str:
        return self.preset or (DIGITS if self.data == "digits" else "default")


@dataclass(frozen=True)
class NodeData:
    """Which graph, whose nodes are classified.

    Attributes:
        data: a name of ``docs/citation_graphs.md``.
        split: ``public`` or ``random``; default: the public one, where there is one.
        split_seed: of a random split.
        normalise: whether the features of a node are divided by their sum.
        preset: of the recipe.
    """

    data: str
    split: NodeSplitName | None = None
    split_seed: int = 0
    normalise: bool = True
    preset: str = NODE_RECIPES

    def __post_init__(self) -> None:
        if self.data not in NODE_GRAPHS:
            raise InputError(f"no graph is called {self.data!r}: {nearest(self.data, _data())}")
        whole_number(self.split_seed, "task.split_seed", most=LARGEST_OF_32_BITS)

    def task(self, data_root: Path | None) -> NodeTask:
        """What networks are trained on."""
        usual: NodeSplitName = "public" if self.data in PLANETOID else "random"
        split = self.split or usual
        return NodeTask(self.data, split, self.split_seed, data_root, self.normalise)

    def on_split(self, seed: int) -> NodeData:
        """The same with another random split; there is one public split."""
        return replace(self, split_seed=seed)

    def recipe(self, space: SearchSpace, settings: Mapping[str, Any]) -> NodeRecipe:
        """The recipe of the preset with the problem's settings on top."""
        sections = (space.preset_sections[0], self.data)
        return NodeRecipe.load(self.preset, *sections, overrides=dict(settings))

    def design(self, space: SearchSpace, settings: Mapping[str, Any]) -> Design:
        """Sizes of the networks: those of the benchmark, or their defaults, with these on top."""
        if space.family not in BY_DATA_SET:
            return resolve(design_class(space), {}, settings)
        preset = BY_DATA_SET[space.family]
        return load_design(preset, space, self.data, overrides=dict(settings))


TaskPart = MoleculeData | ImageData | NodeData


@dataclass(frozen=True)
class TaskKind:
    """What is common to the tasks of one kind.

    Attributes:
        settings: of the table ``[task]``.
        prepared: those of its settings that belong into the table ``[preprocessing]``.
        recipe: how networks are trained.
        metrics: of the validation part → whether more is better.
        losses: that may be chosen.
        in_unit: metrics that have the unit of the task's objective.
    """

    settings: type[TaskPart]
    prepared: tuple[str, ...]
    recipe: type[Recipe]
    metrics: Mapping[str, bool]
    losses: tuple[str, ...]
    in_unit: tuple[str, ...]


KINDS: tuple[TaskKind, ...] = (
    TaskKind(
        MoleculeData,
        ("subtract_atom_counts", "reader"),
        MoleculeRecipe,
        {"loss": False, "mae": False, "rmse": False, "r2": True},
        tuple(LOSSES),
        ("mae", "rmse"),
    ),
    TaskKind(ImageData, (), ImageRecipe, {"accuracy": True}, ("cross_entropy",), ("accuracy",)),
    TaskKind(
        NodeData,
        ("normalise",),
        NodeRecipe,
        {"loss": False, "accuracy": True},
        ("cross_entropy",),
        ("accuracy",),
    ),
)
"""Every kind; a new one is a class with the methods of :class:`MoleculeData`, and an entry."""


def kind_of(part: TaskPart) -> TaskKind:
    """The kind of a task."""
    return next(kind for kind in KINDS if isinstance(part, kind.settings))


def read_task(table: Mapping[str, Any], preprocessing: Mapping[str, Any]) -> TaskPart:
    """The task of the tables ``[task]`` and ``[preprocessing]``.

    Raises:
        InputError: there are no such data, or an unknown or wrong setting.
    """
    data = table.get("data")
    if not isinstance(data, str):
        raise InputError(f"task.data is {data!r}, expected a name: {nearest('', _data())}")
    if data not in _data() and "file" not in table:
        raise InputError(
            f"no data are called {data!r}: {nearest(data, _data())}; a table of your own needs "
            "'file' and 'labels' in [task]"
        )
    kind = _kind_of_table(table)
    resolved(kind.settings, "task", table)  # what is wrong later is in the other table
    for key in preprocessing:
        if key not in kind.prepared:
            known = nearest(key, list(kind.prepared)) if kind.prepared else "there are none"
            raise InputError(
                f"in the table [preprocessing]: unknown setting {key!r} of {data}: {known}"
            )
    return resolved(kind.settings, "preprocessing", {**table, **preprocessing})


def _kind_of_table(table: Mapping[str, Any]) -> TaskKind:
    """The kind of a ``[task]``; with a ``file`` it is a table of molecules."""
    molecules, images, nodes = KINDS
    data = table["data"]
    if "file" in table:
        return molecules
    return images if data in IMAGE_DATA else nodes if data in NODE_GRAPHS else molecules


def _data() -> list[str]:
    return [*SOURCES, *IMAGE_DATA, *NODE_GRAPHS]


def named_space(name: str, **options: Any) -> SearchSpace:
    """The space of a name, such as ``MPNN``, with its options, or of a network made by hand.

    Raises:
        InputError: there is none, or it has no such option.
    """
    if not isinstance(name, str):
        raise InputError(f"the name of the space is {shown(name)}, expected a text")
    if name in HAND_MADE:
        maker: Callable[..., SearchSpace] = partial(FixedNetwork, name)
    elif name in SPACES:
        module, attribute = SPACES[name]
        maker = getattr(import_module(module), attribute)
    else:
        raise InputError(f"no space is called {name!r}: {nearest(name, [*SPACES, *HAND_MADE])}")
    known = list(inspect.signature(maker).parameters)
    for key in options:
        if key not in known:
            valid = nearest(key, known) if known else "it has none"
            raise InputError(f"the space {name} has no option {key!r}: {valid}")
    return maker(**options)


def design_class(space: SearchSpace) -> type[Design]:
    """How the networks of a space are sized.

    Raises:
        InputError: no network is known for it.
    """
    found = space.entry({**DESIGNS, **HAND_MADE}, None)
    if found is None:
        raise InputError(
            f"no network is known for {space.name}: there are {', '.join(HAND_MADE)}, and those "
            f"of the families {', '.join(DESIGNS)}"
        )
    return found
