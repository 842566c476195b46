"""A graph whose nodes have features and classes, and which nodes are trained on."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from experiment.checks import shown
from experiment.errors import InputError

NO_CLASS = -1
"""The label of a node whose class is not known."""
SPARSE = 0.1
"""Features of which fewer are not zero are kept by rows: those of Citeseer (0.9 %) times a matrix
of width 16 to 256, with the gradient, take a quarter to a tenth of the time of dense ones."""


@dataclass(frozen=True, slots=True, eq=False)
class NodeSplit:
    """Numbers of nodes, each in at most one part. **Shape** (n,), int64, each.

    Attributes:
        train: what is trained on.
        validation: what networks are chosen by.
        test: what is reported.

    Raises:
        InputError: a part is empty, or a node is in two.
    """

    train: Tensor
    validation: Tensor
    test: Tensor

    def __post_init__(self) -> None:
        for name, part in self.parts.items():
            if part.ndim != 1 or part.dtype != torch.int64:
                raise InputError(
                    f"the {name} nodes are {part.dtype} of shape {tuple(part.shape)}, expected "
                    "torch.int64 numbers of nodes"
                )
            if not len(part):
                raise InputError(
                    f"the split has no {name} nodes, expected at least one in each part: give "
                    "another mask"
                )
        numbers, counts = torch.cat(list(self.parts.values())).unique(return_counts=True)
        if bool((counts > 1).any()):
            twice = int(numbers[counts > 1][0])
            raise InputError(f"node {twice} is in the split twice, expected each at most once")

    @property
    def parts(self) -> dict[str, Tensor]:
        """Name → nodes."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @classmethod
    def of_masks(cls, train: Tensor, validation: Tensor, test: Tensor) -> NodeSplit:
        """The split of three masks. **Shape** (N,), bool, each."""
        return cls(*(mask.nonzero().squeeze(1) for mask in (train, validation, test)))


@dataclass(frozen=True, slots=True, eq=False)
class NodeGraph:
    """A graph to train a network on that classifies nodes.

    Attributes:
        name: what users call it.
        features: **Shape** (N, F), float32, dense or by compressed sparse rows.
        edges: source and target of each; both directions of an undirected one. **Shape** (2, E),
            int64.
        labels: class of each node, or :data:`NO_CLASS`. **Shape** (N,), int64.
        public: the published split, where there is one.

    Raises:
        InputError: the parts do not fit together.
    """

    name: str
    features: Tensor
    edges: Tensor
    labels: Tensor
    public: NodeSplit | None = None

    def __post_init__(self) -> None:
        nodes = self.labels.shape[:1]
        if self.features.ndim != 2 or self.features.shape[:1] != nodes:
            raise InputError(
                f"{self.name} has features of shape {tuple(self.features.shape)} and labels of "
                f"shape {tuple(self.labels.shape)}, expected (N, F) and (N,)"
            )
        if self.features.dtype != torch.float32 or self.labels.dtype != torch.int64:
            raise InputError(
                f"{self.name} has features of {self.features.dtype} and labels of "
                f"{self.labels.dtype}, expected torch.float32 and torch.int64"
            )
        if self.edges.ndim != 2 or len(self.edges) != 2 or self.edges.dtype != torch.int64:
            raise InputError(
                f"{self.name} has edges of shape {tuple(self.edges.shape)} and type "
                f"{self.edges.dtype}, expected (2, E) and torch.int64"
            )
        _check_range(self.edges, 0, len(self), f"{self.name} has an edge at node")
        if self.public is not None:
            for part in self.public.parts.values():
                _check_range(part, 0, len(self), f"the split of {self.name} has the node")
        if not bool(_entries(self.features).isfinite().all()):
            raise InputError(f"{self.name} has a feature that is no finite number")
        if not bool((self.labels >= 0).any()):
            raise InputError(f"{self.name} has no node whose class is known")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def num_classes(self) -> int:
        """Classes that are distinguished."""
        return int(self.labels.max()) + 1

    @property
    def in_features(self) -> int:
        """Features of a node."""
        return self.features.shape[1]

    @property
    def isolated(self) -> Tensor:
        """Nodes without an edge. **Shape** (n,), int64."""
        alone = torch.ones(len(self), dtype=torch.bool)
        alone[self.edges.flatten()] = False
        return alone.nonzero().squeeze(1)

    @classmethod
    def of(cls, name: str, data: Any) -> NodeGraph:
        """The graph of a ``torch_geometric.data.Data``, with the split of its masks, if any.

        Args:
            name: what it is called.
            data: with ``x``, ``edge_index``, ``y``, and maybe ``train_mask``, ``val_mask`` and
                ``test_mask``.

        Raises:
            InputError: something is missing, or the parts do not fit together.
        """
        for part in ("x", "edge_index", "y"):
            found = getattr(data, part, None)
            if found is None:
                raise InputError(f"the data of {name} have no {part}, expected x, edge_index and y")
            if not isinstance(found, Tensor) or found.is_complex():
                raise InputError(
                    f"the {part} of {name} is {shown(found)}, expected real numbers in a tensor"
                )
        masks: dict[str, Any] = {
            part: getattr(data, f"{part}_mask", None) for part in ("train", "val", "test")
        }
        public = None
        if all(mask is not None for mask in masks.values()):
            for part, mask in masks.items():
                _check_mask(mask, len(data.y), f"the {part}_mask of {name}")
            public = NodeSplit.of_masks(*masks.values())
        return cls(name, by_rows(data.x.float()), data.edge_index, data.y.flatten(), public)


def by_rows(features: Tensor) -> Tensor:
    """The same by compressed sparse rows, if few are not zero."""
    if features.layout is not torch.strided:
        return compressed(features)
    if not features.numel():
        return features
    share = int(features.count_nonzero()) / features.numel()
    return compressed(features) if share < SPARSE else features


def compressed(features: Tensor) -> Tensor:
    """The same by compressed sparse rows. **Shape** (N, F), dense or by places."""
    _silence()
    return features.to_sparse_csr()


@lru_cache(maxsize=1)
def _silence() -> None:
    """Trigger PyTorch's one-time warning about sparse rows here, where it is ignored."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.zeros(1, 1).to_sparse_csr()


def row_normalised(features: Tensor) -> Tensor:
    """Features divided by the sum of each row's absolute values; rows of zeros stay as they are.

    A sum of positive and negative features may be near zero, and would blow the row up.

    **Shape** (N, F) → (N, F), in the same layout.
    """
    if features.layout is torch.strided:
        sums = features.abs().sum(1, keepdim=True)
        return features / torch.where(sums == 0, 1, sums)
    starts, values = features.crow_indices(), features.values()
    rows = torch.repeat_interleave(torch.arange(len(starts) - 1), starts.diff())
    sums = torch.zeros(len(starts) - 1).index_add(0, rows, values.abs())
    scaled = values / torch.where(sums == 0, 1, sums)[rows]
    return with_entries(features, scaled)


def with_entries(features: Tensor, entries: Tensor) -> Tensor:
    """Compressed sparse rows with other numbers in the same places. **Shape** (N, F), (n,)."""
    _silence()
    return torch.sparse_csr_tensor(
        features.crow_indices(),
        features.col_indices(),
        entries,
        features.shape,
        check_invariants=False,  # checked when the places were made
    )


def _entries(features: Tensor) -> Tensor:
    return features if features.layout is torch.strided else features.values()


def _check_mask(mask: Any, nodes: int, said: str) -> None:
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.shape != (nodes,):
        kind = f" of {mask.dtype}" if isinstance(mask, Tensor) else ""
        raise InputError(
            f"{said} is {shown(mask)}{kind}, expected a truth value for each of the {nodes} nodes"
        )


def _check_range(numbers: Tensor, low: int, end: int, said: str) -> None:
    wrong = numbers[(numbers < low) | (numbers >= end)]
    if len(wrong):
        raise InputError(f"{said} {int(wrong[0])}, expected {low} to {end - 1}")
