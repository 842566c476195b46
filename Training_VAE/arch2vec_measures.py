"""The measures that arch2vec's published code reports, as it counts them.

``acc_ops``, ``acc_adj``, ``mean_corr_adj`` and ``mean_fal_pos_adj`` compare all places of a graph,
padding included. *Validity* and *uniqueness* are of argmax decodings of 10,000 points around the
training means. Both differ from ours: on NB101 a cell of fewer than seven nodes cannot be valid, on
NB201 the edges are not looked at, and isomorphic graphs count as one only if their matrices have
one hash (``docs/protocols.md``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch
from datasets.nasbench.model_spec import ModelSpec
from datasets.space import SearchSpace
from datasets.spaces.nb101_cells import MAX_EDGES
from datasets.spaces.nb101_hash import module_hash
from models.arch2vec import Arch2vec
from models.arch2vec_loss import operations

PRIOR_POINTS = 10_000
"""Points that the published code decodes."""

CHUNK = 500
"""Held-out graphs whose shares are computed together: the published shares are of such chunks,
weighed by their sizes, and the means over edges depend on it."""


@dataclass(frozen=True)
class Decoded:
    """Argmax decodings: of every place, and without an end.

    Attributes:
        operations: column of X at every place. **Shape** (B, N).
        edges: Â > 0.5 above the diagonal. **Shape** (B, N, N), bool.
    """

    operations: Tensor
    edges: Tensor

    @classmethod
    def of(cls, model: Arch2vec, z: Tensor) -> Decoded:
        """Decode latents. **Shape** z (B, N, D)."""
        with torch.no_grad():
            columns, edges = model.decoder(z)
        return cls(columns.argmax(-1), edges.triu(1) > 0)


@torch.no_grad()
def accuracies(model: Arch2vec, graphs: GraphBatch) -> dict[str, float]:
    """The four measures of reconstruction from the means.

    ``acc_ops``: places whose argmax column is the right one, column 0 being right for padding.
    ``acc_adj``: entries above the diagonal that are right. ``mean_corr_adj`` and
    ``mean_fal_pos_adj``: mean probability of an edge where there is one, and where there is none.

    Args:
        model: in evaluation mode.
        graphs: held-out architectures.
    """
    sums: dict[str, float] = {}
    for first in range(0, len(graphs), CHUNK):
        part = graphs[first : first + CHUNK].padded(model.sizes.max_nodes)
        columns, edges = model.decoder(model.encode(part).mean)
        upper = torch.ones_like(part.adjacency[0]).triu(1)
        right = operations(part, model.sizes.num_types).to(torch.uint8).argmax(-1)
        probability = edges.sigmoid()
        shares = {
            "acc_ops": (columns.argmax(-1) == right).double().mean(),
            "mean_corr_adj": probability[part.adjacency].mean(),
            "mean_fal_pos_adj": probability[~part.adjacency & upper].mean(),
            "acc_adj": ((probability > 0.5) == part.adjacency)[:, upper].double().mean(),
        }
        for name, share in shares.items():
            sums[name] = sums.get(name, 0.0) + float(share) * len(part)
    return {name: total / len(graphs) for name, total in sums.items()}


@dataclass(frozen=True)
class PositionPrior:
    """A Gaussian for each place: mean and sample standard deviation of the training means.

    Attributes:
        mean: **shape** (N, D).
        std: **shape** (N, D).
    """

    mean: Tensor
    std: Tensor

    @classmethod
    def fit(cls, means: Tensor) -> PositionPrior:
        """**Shape** (B, N, D)."""
        return cls(means.mean(0), means.std(0))

    def points(self, noise: Tensor) -> Tensor:
        """Points of the prior. **Shape** noise (P, N, D) → (P, N, D)."""
        return noise * self.std + self.mean


def fingerprint(decoded: Decoded, number: int, columns: int) -> str:
    """What one decoding counts as: NAS-Bench-101's hash of its matrix, nothing pruned."""
    rows = torch.eye(columns)[decoded.operations[number].cpu()].tolist()
    return module_hash(decoded.edges[number].cpu().numpy().astype(int), rows)


def published_validity(space: SearchSpace) -> Callable[[Decoded], np.ndarray] | None:
    """What the published code counts as valid in a space; ``None`` where it has no such rule."""
    return space.entry(VALIDITY, None)


def _valid_nb101(decoded: Decoded) -> np.ndarray:
    """Cells that NAS-Bench-101's checks let pass: pruned, first input and place 7 output."""
    names = ("input", *["operation"] * 3, "output")
    valid = np.zeros(len(decoded.operations), dtype=bool)
    for number, columns in enumerate(decoded.operations.tolist()):
        spec = ModelSpec(
            decoded.edges[number].cpu().numpy().astype(int), [names[each] for each in columns]
        )
        if not spec.valid_spec or spec.matrix is None or spec.ops is None:
            continue
        first, *inner, last = spec.ops
        valid[number] = (
            (first, last) == ("input", "output")
            and set(inner) <= {"operation"}
            and spec.matrix.sum() <= MAX_EDGES
        )
    return valid


def _valid_nb201(decoded: Decoded) -> np.ndarray:
    """First input, last output, operations at nodes 2 to 6; node 1 and the edges do not count."""
    columns = decoded.operations
    inner = (columns[:, 2:-1] > 0) & (columns[:, 2:-1] < 6)
    valid = (columns[:, 0] == 0) & (columns[:, -1] == 6) & inner.all(1)
    return valid.cpu().numpy()


VALIDITY: Mapping[str, Callable[[Decoded], np.ndarray]] = {
    "nb101_cell": _valid_nb101,
    "nb201_cell": _valid_nb201,
}
"""By family of spaces: the published rule of validity."""


def prior_measures(
    model: Arch2vec,
    space: SearchSpace,
    graphs: GraphBatch,
    generator: torch.Generator,
    points: int = PRIOR_POINTS,
) -> dict[str, Any]:
    """Argmax decodings of prior points: as published, and true members.

    ``members`` is the share that are members of the space, read up to the first output;
    ``member_uniqueness`` the distinct ones among them, up to isomorphism.

    Args:
        model: in evaluation mode.
        space: that it was trained on.
        graphs: whose means set the prior.
        generator: of the points.
        points: how many.
    """
    prior = PositionPrior.fit(model.encode_all(graphs).mean)
    noise = torch.randn(points, *model.latent_shape, generator=generator, device=model.device)
    z = prior.points(noise)
    graphs = model.decode_greedily(z.flatten(1)).to("cpu")
    member = space.legal(graphs)
    hashes = space.hashes(graphs[torch.from_numpy(member)])
    result: dict[str, Any] = {
        "points": points,
        "members": float(member.mean()),
        "member_uniqueness": len(set(hashes.tolist())) / max(len(hashes), 1),
    }
    rule = published_validity(space)
    if rule is not None:
        decoded = Decoded.of(model, z)
        valid = np.flatnonzero(rule(decoded)).tolist()
        prints = {fingerprint(decoded, each, model.sizes.num_types) for each in valid}
        result |= {
            "published_validity": len(valid) / points,
            "published_uniqueness": len(prints) / (len(valid) + 1e-8),
        }
    return result
