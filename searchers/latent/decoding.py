"""How points of a latent space become architectures.

Each decoding gives the members of the space that a point decodes to, the most probable first. A
search takes the next one where the first is known or outside its domain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch, Legality
from models.ranking import best_first, rank_within
from searchers.domain import Candidates
from searchers.latent.standardised import StandardisedLatents

MEMBERS = 10
"""Different members of the space that are kept of a point."""


class Masks(Enum):
    """Whether a decoder may only build what can still become a member of the space."""

    LEGAL = "legal"
    NONE = "none"

    def of(self, legality: Legality) -> Legality | None:
        """The masks that the decoder is given."""
        return legality if self is Masks.LEGAL else None


@dataclass(frozen=True)
class Decoded:
    """The members of a space that some points decode to.

    Attributes:
        graphs: point after point, the most probable of each first, none twice for a point.
        hashes: the space's hash of each. **Shape** (M,), strings.
        point: the point that each belongs to. **Shape** (M,), int64.
        rank: its place among the members of its point, from 0 on. **Shape** (M,), int64.
        members: share of a point's decodings that are members. **Shape** (B,).
    """

    graphs: GraphBatch
    hashes: np.ndarray
    point: np.ndarray
    rank: np.ndarray
    members: np.ndarray

    def __len__(self) -> int:
        return len(self.hashes)

    def __getitem__(self, rows: np.ndarray) -> Decoded:
        """Some of the members; positions."""
        graphs = self.graphs[torch.from_numpy(rows)]
        return Decoded(graphs, self.hashes[rows], self.point[rows], self.rank[rows], self.members)

    def only(self, accepted: Callable[[str], bool]) -> Decoded:
        """The accepted ones, by their hashes, each once: first choices first, then second ones."""
        order = np.lexsort((self.point, self.rank))
        kept: dict[str, int] = {}
        for row in order.tolist():
            hash = str(self.hashes[row])
            if hash not in kept and accepted(hash):
                kept[hash] = row
        return self[np.fromiter(kept.values(), dtype=np.int64, count=len(kept))]


class Decoding(Protocol):
    """A way from points to architectures."""

    def __call__(
        self,
        latents: StandardisedLatents,
        points: Tensor,
        masks: Masks,
        generator: torch.Generator,
    ) -> Decoded:
        """The members that the points decode to. **Shape** (B, G), standardised."""
        ...


@dataclass(frozen=True)
class Modal:
    """What most of n decodings agree on, up to isomorphism, then what the next most do.

    Attributes:
        decodings: n; the published experiment has 500. One is a decoding as it comes.
    """

    decodings: int = 500

    def __call__(
        self,
        latents: StandardisedLatents,
        points: Tensor,
        masks: Masks,
        generator: torch.Generator,
    ) -> Decoded:
        """Decode every point n times, and count."""
        legality = latents.space.legality()
        found = latents.model.decode_many(
            latents.to_model(points), self.decodings, masks.of(legality), generator
        )
        member = torch.as_tensor(legality.is_member(found.graphs.to("cpu")))
        graphs = found.graphs.to("cpu")[member]
        return ranked(
            graphs,
            legality.hashes(graphs),
            found.latent.cpu()[member],
            found.count.cpu()[member].double(),
            len(points),
            self.decodings,
        )


@dataclass(frozen=True)
class MostProbable:
    """The architectures that are most probable in all directions together, and nothing drawn.

    Attributes:
        kept: how many of each point.
        widest: how far the search goes for a proof (:meth:`models.Embedding.most_probable`);
            what it finds without one is very likely right.
    """

    kept: int = MEMBERS
    widest: int = 64

    def __call__(
        self,
        latents: StandardisedLatents,
        points: Tensor,
        masks: Masks,
        generator: torch.Generator,
    ) -> Decoded:
        """Search the tree of what can be decoded."""
        legality = latents.space.legality()
        found = latents.model.most_probable(
            latents.to_model(points), self.kept, masks.of(legality), self.widest
        )
        value = found.log_probability.flatten().cpu()
        graphs = found.graphs.to("cpu")
        real = value.isfinite() & (graphs.num_nodes > 0)
        latent = torch.arange(len(points)).repeat_interleave(self.kept)
        member = real.clone()
        member[real] = torch.as_tensor(legality.is_member(graphs[real]))
        graphs = graphs[member]
        probability = value[member].exp()
        return ranked(
            graphs, legality.hashes(graphs), latent[member], probability, len(points), 1.0
        )


class Nearest:
    """The candidates whose own latents are nearest to a point.

    For a table that holds so small a part of its space that hardly any decoding is in it.

    Args:
        candidates: the candidate set.
        kept: how many of each point.
    """

    def __init__(self, candidates: Candidates, kept: int = MEMBERS) -> None:
        self.candidates = candidates
        self.kept = min(kept, len(candidates))
        self._latents: Tensor | None = None

    def __call__(
        self,
        latents: StandardisedLatents,
        points: Tensor,
        masks: Masks,
        generator: torch.Generator,
    ) -> Decoded:
        """Look the nearest ones up; all latents are computed the first time."""
        if self._latents is None:
            self._latents = latents.encode(self.candidates.graphs)
        rows = torch.cdist(points, self._latents).topk(self.kept, largest=False).indices
        flat = rows.flatten().cpu()
        return Decoded(
            self.candidates.graphs[flat],
            self.candidates.hashes[flat.numpy()],
            np.repeat(np.arange(len(points)), self.kept),
            np.tile(np.arange(self.kept), len(points)),
            np.ones(len(points)),
        )


def ranked(
    graphs: GraphBatch,
    hashes: np.ndarray,
    latent: Tensor,
    weight: Tensor,
    points: int,
    whole: float,
) -> Decoded:
    """Join isomorphic members of a point, and put the weightiest of each point first.

    Of equal ones the first in the order of the hashes is taken.

    Args:
        graphs: members, some of them isomorphic.
        hashes: the space's hash of each. **Shape** (M,).
        latent: the point of each. **Shape** (M,).
        weight: how often, or how probably, it was decoded. **Shape** (M,), float64.
        points: how many there are, B.
        whole: what the weights of a point add up to, had all decodings been members.
    """
    members = torch.zeros(points, dtype=torch.float64).index_add_(0, latent, weight) / whole
    distinct, label = np.unique(hashes, return_inverse=True)
    key, group = (latent * max(len(distinct), 1) + torch.from_numpy(label)).unique(
        return_inverse=True
    )
    total = torch.zeros(len(key), dtype=torch.float64).index_add_(0, group, weight)
    first = torch.full((len(key),), len(hashes)).scatter_reduce_(
        0, group, torch.arange(len(hashes)), "amin"
    )
    order = best_first(total, latent[first])
    rank = rank_within(latent[first[order]])
    order, rank = order[rank < MEMBERS], rank[rank < MEMBERS]
    chosen = first[order]
    return Decoded(
        graphs[chosen],
        hashes[chosen.numpy()],
        latent[chosen].numpy(),
        rank.numpy(),
        members.numpy(),
    )
