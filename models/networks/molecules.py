"""Where messages go in a batch of molecules, in the order that makes them cheap."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.errors import ModelError


@dataclass(frozen=True, slots=True, eq=False)
class Molecules:
    """Atoms and bonds of a batch; every atom also has a bond to itself, whose features are zero.

    Few bonds differ in their features: what is computed of these is computed once a kind. Bonds
    are sorted by their kind, so that those of one kind are one slice.

    Attributes:
        sources: atom that a message comes from. **Shape** (E,), int64.
        targets: atom that it goes to. **Shape** (E,), int64.
        kinds: the features of bonds, each once. **Shape** (U, F).
        counts: bonds of each kind, U of them.
        molecule: of each atom, ascending. **Shape** (N,), int64.
        slot: number of each atom in its molecule. **Shape** (N,), int64.
        real: which atoms are no padding. **Shape** (N,), bool.
        size: number of molecules.
    """

    sources: Tensor
    targets: Tensor
    kinds: Tensor
    counts: list[int]
    molecule: Tensor
    slot: Tensor
    real: Tensor
    size: int

    @classmethod
    def of(
        cls, edge_index: Tensor, edge_attr: Tensor, batch: Tensor, real: Tensor | None = None
    ) -> Molecules:
        """Bring bonds into order.

        Args:
            edge_index: from and to which atom a bond leads. **Shape** (2, E).
            edge_attr: its features. **Shape** (E, F).
            batch: number of the molecule of each atom, ascending. **Shape** (N,).
            real: which atoms are no padding; default: all. **Shape** (N,), bool.
        """
        atoms = torch.arange(len(batch), device=batch.device)
        ends = torch.cat([edge_index, atoms.expand(2, -1)], dim=1)
        features = torch.cat([edge_attr, edge_attr.new_zeros(len(batch), edge_attr.shape[1])])
        kinds, kind = distinct_rows(features)
        ends = ends[:, kind.argsort(stable=True)]
        size = int(batch[-1]) + 1 if len(batch) else 0
        first = torch.searchsorted(batch, torch.arange(size, device=batch.device))
        return cls(
            ends[0],
            ends[1],
            kinds,
            torch.bincount(kind, minlength=len(kinds)).tolist(),
            batch,
            atoms - first[batch],
            torch.ones_like(batch, dtype=torch.bool) if real is None else real,
            size,
        )

    def dense(self, values: Tensor, most_atoms: int) -> Tensor:
        """What belongs to the atoms of each molecule side by side, zeros behind it.

        **Shape**: values (N, d) → (B, ``most_atoms``, d).

        Raises:
            ModelError: a molecule has more atoms.
        """
        check_most_atoms(self.slot, most_atoms)
        places = values.new_zeros(self.size, most_atoms, values.shape[1])
        places[self.molecule, self.slot] = values
        return places


def padded(
    x: Tensor, edge_index: Tensor, edge_attr: Tensor, batch: Tensor, most_atoms: int
) -> tuple[Tensor, Molecules]:
    """Molecules of ``most_atoms`` atoms each; those that are not real have zeros for features.

    **Shape**: x (N, D) → (B · ``most_atoms``, D).

    Raises:
        ModelError: a molecule has more atoms.
    """
    size = int(batch[-1]) + 1 if len(batch) else 0
    molecules = torch.arange(size, device=batch.device)
    slot = torch.arange(len(batch), device=batch.device)
    slot = slot - torch.searchsorted(batch, molecules)[batch]
    check_most_atoms(slot, most_atoms)
    place = batch * most_atoms + slot
    features = x.new_zeros(size * most_atoms, x.shape[1]).index_copy(0, place, x)
    real = torch.zeros(len(features), dtype=torch.bool, device=x.device).index_fill(0, place, True)
    owner = molecules.repeat_interleave(most_atoms)
    return features, Molecules.of(place[edge_index], edge_attr, owner, real)


def distinct_rows(values: Tensor) -> tuple[Tensor, Tensor]:
    """Each row once, and which of them every row is.

    ``torch.unique(dim=0)`` compares rows one by one, which takes as long as a layer does. Here rows
    are told apart by one number each, a sum with irrational weights; where two that differ have the
    same number, PyTorch decides.

    **Shape**: (E, F) → (U, F), (E,).
    """
    weights = torch.arange(2, values.shape[1] + 2, dtype=torch.float64, device=values.device).sqrt()
    # A product with a vector may sum rows in different orders, and equal rows to unequal numbers.
    _, which = (values * weights).sum(dim=1).unique(return_inverse=True)
    rows = torch.arange(len(values), device=values.device)
    first = rows.new_zeros(int(which.max()) + 1 if len(values) else 0).scatter_(0, which, rows)
    distinct = values[first]
    if torch.equal(distinct[which], values):
        return distinct, which
    return values.unique(dim=0, return_inverse=True)


def check_most_atoms(slot: Tensor, most_atoms: int) -> None:
    """Make sure that every molecule has a place for each of its atoms.

    Raises:
        ModelError: one has more atoms.
    """
    if len(slot) and (atoms := int(slot.max()) + 1) > most_atoms:
        raise ModelError(
            f"a molecule has {atoms} atoms, the network has places for {most_atoms}: give "
            "most_atoms, or choose a gather that does not depend on the order of atoms"
        )
