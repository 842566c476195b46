"""A run in float32 computes nothing in a smaller type, whatever the processor makes of those.

Where bfloat16 is emulated it is many times slower, so that a step of it goes unnoticed on a fast
machine and takes hours on another. The types are seen where PyTorch calls its kernels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch
from torch import nn

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.space import SearchSpace
from estimators.measurement import Measurement
from experiment.optimisation import Optimisation, make_optimisers
from models import MODELS, Embedding, Objective, build_model
from predictors import graph_network
from predictors.ensemble import Ensemble
from predictors.fine_tuned import FineTuned
from predictors.fine_tuning import FineTuning
from predictors.methods import make_predictor
from predictors.predictor import Predictor
from predictors.trained_vae import load_trained_vae
from searchers.domain import Candidates
from searchers.latent.decoding import Modal
from searchers.latent.search import LatentBO
from searchers.latent.space import LatentSpace
from searchers.methods import make_searcher
from searchers.searcher import Searcher
from tests.operations import Operations

OPTIMISERS = get_args(get_type_hints(Optimisation)["optimiser"])


@pytest.fixture(scope="module")
def space() -> SearchSpace:
    return get_space("DIGITS101")


@pytest.fixture(scope="module")
def cells(space: SearchSpace) -> GraphBatch:
    return GraphBatch.cat(space.enumerate())[::20]


def small(name: str, space: SearchSpace) -> Embedding:
    """A model with matrices that Muon fits, which are wider than 16."""
    torch.manual_seed(0)
    sizes = MODELS[name].sizes_type(
        len(space.types), space.max_nodes, node_width=24, graph_width=20, rounds=1
    )
    return build_model(name, sizes)


@pytest.mark.parametrize(
    ("model", "optimiser"),
    [*(("SVGE", name) for name in OPTIMISERS), *((name, "muon") for name in MODELS)],
)
def test_training_and_decoding(
    model: str, optimiser: str, space: SearchSpace, cells: GraphBatch
) -> None:
    vae = small(model, space)
    rule = Optimisation(epochs=1, batch_size=20, learning_rate=1e-3, optimiser=optimiser)  # type: ignore[arg-type]
    optimisers = make_optimisers(vae, rule)
    with Operations() as seen:
        for _ in range(2):
            optimisers.zero_grad()
            vae.loss(cells[:20], Objective()).total.backward()
            optimisers.step()
        vae.eval()
        latent = vae.encode_all(cells[:20])
        with torch.inference_mode():
            vae.decode_greedily(latent.flat)
    assert "aten::addmm" in seen.types[torch.float32]
    assert seen.in_half_precision == set()


def fine_tuned(space: SearchSpace) -> FineTuned:
    """On the shipped weights, which are kept in half precision."""
    settings = dataclasses.replace(FineTuning.preset(), epochs=1)
    return FineTuned(space, load_trained_vae(space), settings, folds=2, shown=False)


PREDICTORS: dict[str, Callable[[SearchSpace], Predictor]] = {
    "gp": partial(make_predictor, method="gp", features=["latents"]),
    "sparse_gp": partial(make_predictor, method="sparse_gp", features=["statistics"]),
    "graph_network": partial(make_predictor, method="graph_network"),
    "svge_head": fine_tuned,
    "ensemble": lambda space: Ensemble(
        [fine_tuned(space), make_predictor(space, "ridge", ["walks"])]
    ),
}


@pytest.mark.parametrize("name", PREDICTORS)
def test_predictors(
    name: str, space: SearchSpace, cells: GraphBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_network, "PASSES", 0)
    monkeypatch.setattr(graph_network, "LEAST_STEPS", 5)
    with Operations() as seen:
        predictor = PREDICTORS[name](space)
        predictor.fit(cells[:24], values(cells[:24]))
        predictor.predict(cells[24:34])
    assert seen.in_half_precision == set()


def latent_bo(domain: Candidates) -> Searcher:
    return LatentBO(
        domain, LatentSpace(load_trained_vae(domain.space), domain.space, domain.graphs, Modal(5))
    )


@pytest.mark.parametrize("make", [partial(make_searcher, "bo"), latent_bo])
def test_searches(
    make: Callable[[Candidates], Searcher], space: SearchSpace, cells: GraphBatch
) -> None:
    with Operations() as seen:
        searcher = make(Candidates(space, cells))
        while len(searcher.observations) < 12:  # 10 are drawn
            asked = searcher.ask(2)
            worth = values(GraphBatch.from_graphs(asked))
            searcher.tell(
                [
                    Measurement(graph, space.hash(graph), "ok", validation=float(value))
                    for graph, value in zip(asked, worth, strict=True)
                ]
            )
    assert seen.in_half_precision == set()


def values(cells: GraphBatch) -> np.ndarray:
    """Convolutions are worth something, and so are edges."""
    worth = (cells.types == 3).sum(1) + 0.1 * cells.adjacency.sum((1, 2))
    return worth.double().numpy() / 10


def test_the_recorder_sees_half_precision() -> None:
    layer, values = nn.Linear(4, 4), torch.randn(2, 4)
    with Operations() as seen:
        layer.weight.detach().half().float()  # to read weights is not to compute
    assert seen.in_half_precision == set()
    with Operations() as seen, torch.autocast("cpu", torch.bfloat16):
        layer(values).sum().backward()
    assert "aten::addmm" in seen.in_half_precision
