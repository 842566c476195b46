"""Quality of a graph VAE: reconstruction, validity, uniqueness, novelty.

Every count is defined where it is made. An architecture is *exact* when it is isomorphic to the
one that was encoded, and *valid* when it is a member of the space (NB101: after pruning dangling
nodes, as the official table does). SVGe's sampled decodings are the union of both
directions; of greedy decodings, each direction, the union and the best of them are reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch, Legality
from datasets.canonical import canonical_hashes
from experiment.progress import progress
from models import DVAE, Embedding, Objective
from models.arch2vec import Arch2vec
from models.decodings import Decodings, modal
from models.nearest import decode_to_nearest
from Training_VAE.arch2vec_measures import accuracies, prior_measures
from Training_VAE.data import Architectures
from Training_VAE.prior import PRIORS

LATENTS = 1000
"""Latents decoded between two steps of the progress bar."""

SEARCHED = 100
"""Latents that are searched between two steps: a model that has learnt little takes a second each;
more would leave a log without a line for minutes."""

WIDEST = 64
"""Prefixes kept a latent in the search for the most probable decoding: enough for a model that
reconstructs, and an end for one that does not."""


@dataclass(frozen=True)
class Protocol:
    """How much is measured; the defaults are the published numbers.

    Attributes:
        encodings: noisy latents of each graph.
        decodings: sampled decodings of each noisy latent, and of each prior point.
        prior_points: latents drawn from the prior.
        sampled_graphs: held-out graphs used where decodings are sampled or searched for (greedy
            decoding uses all of them).
        latent_graphs: training graphs whose latents set the prior's mean and standard deviation.
        noise_scale: of the latent noise in training.
        prior: kind of the prior, one of ``Training_VAE.prior.PRIORS``.
        prior_scale: what the prior is stretched by.
        temperature: of the decoder, see :meth:`models.Embedding.tempered`.
    """

    encodings: int = 10
    decodings: int = 10
    prior_points: int = 1000
    sampled_graphs: int = 1000
    latent_graphs: int = 20_000
    noise_scale: float = 0.01
    prior: str = "diagonal"
    prior_scale: float = 1.0
    temperature: float = 1.0


def evaluate(
    model: Embedding,
    architectures: Architectures,
    protocol: Protocol,
    seed: int,
    graphs: GraphBatch | None = None,
) -> dict[str, Any]:
    """All measures of a model on the held-out graphs, as a JSON object.

    Args:
        model: the trained VAE.
        architectures: what it was trained on, and what was held out.
        protocol: how much is measured.
        seed: of the noise, the prior points and the sampled decodings.
        graphs: to be reconstructed instead of the held-out ones; random in their order.
    """
    model.eval()
    if protocol.temperature != 1:
        model = model.tempered(protocol.temperature)
    generator = torch.Generator(model.device).manual_seed(seed)
    test = (architectures.test if graphs is None else graphs).to(model.device)
    with progress(None, f"decoding {len(test):,} held-out graphs greedily"):
        greedy = greedy_reconstruction(model, test)
    searched = {}
    if model.ranks_decodings:
        searched = {
            "most_probable": searched_reconstruction(model, test[: protocol.sampled_graphs]),
            "nearest": nearest_reconstruction(model, test),
        }
    own = {}
    if isinstance(model, Arch2vec):
        encoded = architectures.train[: protocol.latent_graphs].to(model.device)
        own["arch2vec"] = {
            **accuracies(model, test),
            **prior_measures(model, architectures.space, encoded, generator),
        }
    if isinstance(model, DVAE):
        own["dvae"] = {"nll": mean_nll(model, test)}
    return {
        "held_out_graphs": len(test),
        "training_graphs": len(architectures.split.train),
        "temperature": protocol.temperature,
        "reconstruction": {
            "greedy": greedy,
            **searched,
            "sampled_training_noise": sampled_reconstruction(
                model, test, protocol, protocol.noise_scale, generator
            ),
            "sampled_unit_noise": sampled_reconstruction(model, test, protocol, 1.0, generator),
        },
        "prior": {
            "unmasked": prior_decodings(model, architectures, protocol, None, generator),
            "masked": prior_decodings(
                model, architectures, protocol, architectures.space.legality(), generator
            ),
        },
        **own,
    }


def mean_nll(model: DVAE, graphs: GraphBatch) -> float:
    """Mean of −log p(graph | mean of its latent) in nats, as D-VAE's published code counts it.

    A graph of fewer nodes than the model has places also pays for those that it lacks.
    """
    charged = Objective(missing_nodes="charged")
    total = 0.0
    with torch.no_grad():
        for first in range(0, len(graphs), LATENTS):
            part = graphs[first : first + LATENTS]
            total += float(model.reconstruction(model.encode(part).mean, part, charged).sum())
    return total / max(len(graphs), 1)


def exact_matches(decoded: GraphBatch, wanted: GraphBatch) -> np.ndarray:
    """Which graphs are isomorphic to the wanted ones. **Shape** (B,), bool."""
    nodes = max(decoded.max_nodes, wanted.max_nodes)
    decoded, wanted = decoded.to("cpu").padded(nodes), wanted.to("cpu").padded(nodes)
    same = (decoded.types == wanted.types).all(1)
    same &= (decoded.adjacency == wanted.adjacency).flatten(1).all(1)
    exact = same.numpy()
    rest = torch.from_numpy(np.flatnonzero(~exact))
    hashes = zip(canonical_hashes(decoded[rest]), canonical_hashes(wanted[rest]), strict=True)
    exact[rest.numpy()] = [a == b for a, b in hashes]
    return exact


def greedy_reconstruction(model: Embedding, graphs: GraphBatch) -> dict[str, Any]:
    """Share of graphs whose latent mean decodes greedily to the graph itself.

    One share for each of :meth:`models.Embedding.greedy_decodings`, the last being that of
    ``decode_greedily``. ``forward`` and ``reverse`` are SVGe's two directions, ``union`` joins
    them as published, and ``joint`` is the most probable of these three.
    """
    named = model.greedy_decodings(model.encode_all(graphs).flat)
    shares = {name: float(exact_matches(part, graphs).mean()) for name, part in named.items()}
    return {"graphs": len(graphs), **shares}


def searched_reconstruction(model: Embedding, graphs: GraphBatch) -> dict[str, Any]:
    """Share of graphs that are the most probable decoding of their latent mean.

    The search is :meth:`models.Embedding.most_probable`, for SVGe in both directions together;
    ``proved`` is the share of latents for which it is certain that nothing is more probable.
    """
    exact, proved = 0, 0
    with progress(len(graphs), "searching", "graphs") as bar:
        for first in range(0, len(graphs), SEARCHED):
            part = graphs[first : first + SEARCHED]
            found = model.most_probable(model.encode_all(part).flat, widest=WIDEST)
            exact += int(exact_matches(found.best, part).sum())
            proved += int(found.proved.sum())
            bar.advance(len(part))
    count = max(len(graphs), 1)
    return {"graphs": len(graphs), "share": exact / count, "proved": proved / count}


def nearest_reconstruction(model: Embedding, graphs: GraphBatch) -> dict[str, Any]:
    """Share of graphs found by decoding their latent mean and encoding what comes out again.

    See :func:`models.nearest.decode_to_nearest`. No greedy count: the encoder has its say.
    """
    exact = 0
    with progress(len(graphs), "decoding to the nearest", "graphs") as bar:
        for first in range(0, len(graphs), SEARCHED):
            part = graphs[first : first + SEARCHED]
            decoded = decode_to_nearest(model, model.encode_all(part).flat, widest=WIDEST)
            exact += int(exact_matches(decoded, part).sum())
            bar.advance(len(part))
    return {"graphs": len(graphs), "share": exact / max(len(graphs), 1)}


def sampled_reconstruction(
    model: Embedding,
    graphs: GraphBatch,
    protocol: Protocol,
    noise_scale: float,
    generator: torch.Generator,
) -> dict[str, Any]:
    """Share of exact decodings over noisy latents (``encodings`` a graph) and sampled decodings."""
    graphs = graphs[: protocol.sampled_graphs]
    latent = model.encode_all(graphs)
    noisy = [latent.sample(noise_scale, generator).flatten(1) for _ in range(protocol.encodings)]
    z = torch.stack(noisy, 1).flatten(0, 1)
    decoded = decode_all(model, z, protocol.decodings, None, generator, "reconstructing")
    wanted = graphs[decoded.latent // protocol.encodings]
    exact = exact_matches(decoded.graphs, wanted)
    count = decoded.count.cpu().numpy()
    return {
        "graphs": len(graphs),
        "decodings": int(count.sum()),
        "noise_scale": noise_scale,
        "share": float(count[exact].sum() / count.sum()),
    }


def prior_decodings(
    model: Embedding,
    architectures: Architectures,
    protocol: Protocol,
    legality: Legality | None,
    generator: torch.Generator,
) -> dict[str, Any]:
    """Validity, uniqueness and novelty of sampled decodings of prior points.

    *Validity*: share of valid decodings. *Uniqueness*: distinct among the valid. *Novelty*: share
    of the valid that are no training graph. Both up to isomorphism, and as raw graphs.

    Uniqueness counts both the differences among decodings of one point, from the decoder's
    uncertainty, and those among points. ``agreement`` and ``distinct_points`` separate the two: the
    share of a point's decodings that are its most frequent valid architecture, and how many
    different ones of these there are, by the number of points.
    """
    train = architectures.train
    latents = model.encode_all(train[: protocol.latent_graphs].to(model.device)).flat
    prior = PRIORS[protocol.prior].fit(latents, protocol.prior_scale)
    z = prior.sample(protocol.prior_points, generator)
    decoded = decode_all(model, z, protocol.decodings, legality, generator, "decoding the prior")

    space = architectures.space
    frequent = modal(decoded, space.legality())
    decodable = frequent.count > 0
    modes = space.hashes(frequent.graphs[decodable]).tolist()
    graphs, count = decoded.graphs.to("cpu"), decoded.count.cpu().numpy()
    member = space.legal(graphs)
    valid, times = graphs[torch.from_numpy(member)], count[member]
    trained = set(architectures.hashes[architectures.split.train].tolist())
    hashes = space.hashes(valid).tolist()
    raw, raw_trained = raw_keys(valid), set(raw_keys(train))
    total = max(int(times.sum()), 1)

    def share(of: Iterable[bool]) -> float:
        return float(times[np.fromiter(of, dtype=bool, count=len(times))].sum() / total)

    return {
        "prior": protocol.prior,
        "prior_scale": protocol.prior_scale,
        "decodings": int(count.sum()),
        "validity": float(times.sum() / count.sum()),
        "with_dangling_nodes": share(dangling(valid).tolist()),
        "uniqueness": len(set(hashes)) / total,
        "uniqueness_raw": len(set(raw)) / total,
        "novelty": share(hash not in trained for hash in hashes),
        "novelty_raw": share(key not in raw_trained for key in raw),
        "distinct_points": len(set(modes)) / len(z),
        "agreement": float(frequent.count.sum() / count.sum()),
    }


def decode_all(
    model: Embedding,
    z: Tensor,
    n: int,
    legality: Legality | None,
    generator: torch.Generator,
    description: str,
) -> Decodings:
    """:meth:`models.Embedding.decode_many` with progress. **Shape** z (B, F)."""
    parts = []
    with progress(len(z) * n, description, "decodings") as bar:
        for part in z.split(LATENTS):
            parts.append(model.decode_many(part, n, legality, generator))
            bar.advance(len(part) * n)
    return Decodings.cat(parts)


def raw_keys(graphs: GraphBatch) -> list[bytes]:
    """Bytes that are equal for graphs with the same nodes and edges in the same order."""
    nodes = graphs.num_nodes.tolist()
    types = graphs.types.to(torch.uint8).numpy()
    edges = graphs.adjacency.numpy()
    return [types[b, :n].tobytes() + edges[b, :n, :n].tobytes() for b, n in enumerate(nodes)]


def dangling(graphs: GraphBatch) -> Tensor:
    """Which graphs have a node without an edge into it or out of it. **Shape** (B,), bool.

    The first node needs none into it, the last none out of it. A valid NB101 graph with such a
    node counts as the cell that is left when it is pruned.
    """
    mask = graphs.node_mask()
    places = torch.arange(graphs.max_nodes)
    first = places == 0
    last = places == graphs.num_nodes[:, None] - 1
    no_way_in = ~graphs.adjacency.any(1) & mask & ~first
    no_way_out = ~graphs.adjacency.any(2) & mask & ~last
    return (no_way_in | no_way_out).any(1)
