"""The searches over the latent space of trained models, as they are taken by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from datasets.batch import GraphBatch
from predictors.trained_vae import load_trained_vae
from searchers.domain import Candidates, Domain
from searchers.known_costs import Costs, published_parameters
from searchers.latent.decoding import Decoding, Masks, Modal
from searchers.latent.scalarised import ScalarisedAscent
from searchers.latent.search import GradientAscent, LatentBO
from searchers.latent.space import LatentSpace

SPANNING = 4096
"""Architectures whose latents span the box of a search; from a larger domain they are drawn."""
DECODINGS = 100
"""Decodings of each point, enough to rank the architectures that it decodes to."""


def latent_bo(
    domain: Domain, seed: int = 0, initial: int = 10, weights: str | Path | None = None
) -> LatentBO:
    """Bayesian optimisation over the latents of a trained model, see :func:`trained_latents`."""
    latents = trained_latents(domain, weights=weights)
    return LatentBO(domain, latents, seed=seed, initial=initial)


def gradient_ascent(
    domain: Domain, seed: int = 0, initial: int = 10, weights: str | Path | None = None
) -> GradientAscent:
    """Gradient ascent over the latents of a trained model, see :func:`trained_latents`."""
    latents = trained_latents(domain, weights=weights)
    return GradientAscent(domain, latents, seed=seed, initial=initial)


def scalarised_ascent(
    domain: Domain,
    seed: int = 0,
    initial: int = 10,
    weights: str | Path | None = None,
    costs: Costs | None = None,
    trade_offs: Sequence[float] | None = None,
) -> ScalarisedAscent:
    """Gradient ascent over the latents of a trained model, for the front of value and cost.

    Args:
        domain: the candidate set.
        seed: of everything that is drawn.
        initial: random architectures to begin with.
        weights: see :func:`trained_latents`.
        costs: what an architecture costs; default: the parameters of the published networks.
        trade_offs: λ of the proposals in turn; default: spread over the front.

    Raises:
        InputError: what networks of the space cost is not known, or a λ is below zero.
        ModelError: see :func:`trained_latents`.
    """
    return ScalarisedAscent(
        domain,
        trained_latents(domain, weights=weights),
        costs or published_parameters(domain.space),
        spanning(domain),
        trade_offs=trade_offs,
        seed=seed,
        initial=initial,
    )


def trained_latents(
    domain: Domain,
    decoding: Decoding | None = None,
    masks: Masks = Masks.LEGAL,
    weights: str | Path | None = None,
) -> LatentSpace:
    """The latent space of a trained model, measured on a part of a domain.

    Args:
        domain: the candidate set.
        decoding: how a point becomes an architecture; default: what most of some decodings agree
            on.
        masks: whether a decoder may only build members.
        weights: folder or name of the model; default: the shipped one of the domain's space.

    Raises:
        InputError: the weights are of another space.
        ModelError: there are no such weights, or they cannot be read.
    """
    model = load_trained_vae(domain.space, weights)
    return LatentSpace(model, domain.space, spanning(domain), decoding or Modal(DECODINGS), masks)


def spanning(domain: Domain) -> GraphBatch:
    """Architectures of a domain, the same for every search of it."""
    generator = np.random.default_rng(0)
    if not isinstance(domain, Candidates):
        graphs = domain.sample(SPANNING, generator)
        return GraphBatch.from_graphs(graphs, domain.space.max_nodes)
    rows = np.sort(generator.permutation(len(domain))[:SPANNING])
    return domain.graphs[torch.from_numpy(rows)]
