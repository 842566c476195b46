"""The latent space as a place to search in, and the searches over it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from datasets import get_space
from datasets.batch import GraphBatch
from experiment.errors import InputError
from models import Embedding
from models.decodings import modal
from predictors.trained_vae import load_trained_vae
from searchers.domain import Candidates
from searchers.latent.acquisition import ThompsonSampling
from searchers.latent.decoding import (
    Decoding,
    Masks,
    Modal,
    MostProbable,
    Nearest,
)
from searchers.latent.search import FirstChoices, GradientAscent, LatentBO
from searchers.latent.space import LatentSpace
from searchers.latent.surrogates import LatentSurrogate, Sparse
from searchers.latent.trust_region import TrustRegion
from searchers.searcher import Searcher


@pytest.fixture(scope="module")
def vae(cells: Candidates) -> Embedding:
    return load_trained_vae(cells.space)


@pytest.fixture(scope="module")
def latents(vae: Embedding, cells: Candidates) -> LatentSpace:
    return LatentSpace(vae, cells.space, cells.graphs, Modal(20))


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def test_points_are_standardised_and_fill_their_box(
    latents: LatentSpace, vae: Embedding, cells: Candidates
) -> None:
    points = latents.encode(cells.graphs)
    np.testing.assert_allclose(points.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(points.std(0, correction=0), 1, atol=1e-6)
    assert latents.box.holds(points).all()
    assert ((points == latents.box.lower) | (points == latents.box.upper)).any(0).all()
    np.testing.assert_allclose(
        latents.to_model(points), vae.encode_all(cells.graphs).mean, atol=1e-5
    )


def test_an_encoded_cell_decodes_to_itself(latents: LatentSpace, cells: Candidates) -> None:
    points = latents.encode(cells.graphs[:100])
    found = latents.decode(points, generator())
    first = found[np.flatnonzero(found.rank == 0)]
    own = cells.hashes[:100][first.point]
    assert (first.hashes == own).mean() > 0.9
    assert found.members.min() > 0.5


@pytest.mark.parametrize("decoding", [Modal(1), Modal(20), MostProbable(3)], ids=str)
@pytest.mark.parametrize("masks", list(Masks))
def test_every_way_gives_members_first_choices_first(
    decoding: Decoding, masks: Masks, vae: Embedding, cells: Candidates
) -> None:
    latents = LatentSpace(vae, cells.space, cells.graphs[:200], decoding, masks)
    points = latents.encode(cells.graphs[100:200:25]) + 0.1
    found, again = (latents.decode(points, generator()) for _ in range(2))
    assert found.hashes.tolist() == again.hashes.tolist()
    assert cells.space.legal(found.graphs).all()
    assert found.hashes.tolist() == cells.space.hashes(found.graphs).tolist()
    pairs = list(zip(found.point.tolist(), found.hashes.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    for point in set(found.point.tolist()):
        ranks = found.rank[found.point == point]
        assert ranks.tolist() == list(range(len(ranks)))
    if masks is Masks.LEGAL and not isinstance(decoding, MostProbable):
        assert (found.members > 0).all()


def test_the_first_choice_is_the_modal_decoding(vae: Embedding, cells: Candidates) -> None:
    latents = LatentSpace(vae, cells.space, cells.graphs[:200], Modal(50))
    points = latents.box.uniform(12, torch.Generator().manual_seed(1))
    source = torch.Generator().manual_seed(5)
    found = Modal(50)(latents, points, Masks.LEGAL, source)
    legality = cells.space.legality()
    source = torch.Generator().manual_seed(5)
    reference = modal(vae.decode_many(latents.to_model(points), 50, legality, source), legality)
    firsts = {
        int(p): str(h)
        for p, h, r in zip(found.point, found.hashes, found.rank, strict=True)
        if r == 0
    }
    for point, (graph, members) in enumerate(zip(reference.graphs, reference.members, strict=True)):
        assert firsts[point] == cells.space.hash(graph)
        assert found.members[point] == pytest.approx(int(members) / 50)


def test_the_nearest_of_a_list_is_nearest(latents: LatentSpace, cells: Candidates) -> None:
    few = Candidates(cells.space, cells.graphs[:300])
    points = latents.encode(few.graphs[40:45])
    found = Nearest(few, kept=4)(latents, points, Masks.LEGAL, torch.Generator())
    assert found.hashes[found.rank == 0].tolist() == few.hashes[40:45].tolist()
    own = latents.encode(few.graphs)
    distances = (own - points[2]).norm(dim=1).sort().values[:4]
    ours = (latents.encode(found[np.flatnonzero(found.point == 2)].graphs) - points[2]).norm(dim=1)
    np.testing.assert_allclose(ours, distances, atol=1e-5)


def test_what_is_wanted_comes_once_and_first_choices_first(
    latents: LatentSpace, cells: Candidates
) -> None:
    points = latents.encode(cells.graphs[:20]).repeat(2, 1)
    found = latents.decode(points, generator())
    unwanted = str(found.hashes[3])
    kept = found.only(lambda name: name != unwanted)
    assert unwanted not in kept.hashes
    assert len(set(kept.hashes.tolist())) == len(kept)
    assert (np.diff(kept.rank) >= 0).all()


def test_a_latent_space_refuses_what_does_not_fit(vae: Embedding, cells: Candidates) -> None:
    other = get_space("NB201")
    graphs = GraphBatch.from_graphs(other.sample(5, generator()), other.max_nodes)
    with pytest.raises(InputError, match="were trained on NB101, not on NB201"):
        LatentSpace(vae, other, graphs)
    with pytest.raises(InputError, match="1 architectures, expected 2"):
        LatentSpace(vae, cells.space, cells.graphs[:1])
    nb101 = LatentSpace(vae, get_space("NB101"), cells.graphs[:50])
    with pytest.raises(InputError, match="the latent space is of NB101, the search of DIGITS101"):
        LatentBO(cells, nb101)


def run(searcher: Searcher, estimator: Any, queries: int, batch: int = 1) -> list[float]:
    while len(searcher.observations) < queries:
        searcher.tell(list(estimator.measure(searcher.ask(batch))))
    return [each.value or 0.0 for each in searcher.observations]


SEARCHES: dict[str, Any] = {
    "default": LatentBO,
    "published": lambda cells, latents, **flags: LatentBO(
        cells,
        latents,
        choice=FirstChoices(),
        surrogate=LatentSurrogate(cells.space, Sparse()),
        **flags,
    ),
    "joined": lambda cells, latents, **flags: LatentBO(
        cells,
        latents,
        surrogate=LatentSurrogate(cells.space, features=("one_hot",)),
        region=TrustRegion(),
        **flags,
    ),
    "thompson": partial(LatentBO, acquisition=ThompsonSampling(200)),
    "gradient": GradientAscent,
}


@pytest.mark.parametrize("name", list(SEARCHES))
def test_searches_climb_and_ask_for_nothing_twice(
    name: str, cells: Candidates, latents: LatentSpace, formula: Any
) -> None:
    chosen: list[float] = []
    for seed in range(3):
        estimator = formula(cells.space)
        search = SEARCHES[name](cells, latents, seed=seed, initial=8)
        chosen += run(search, estimator, 20, batch=4)[8:]
        assert len(set(estimator.asked)) == len(estimator.asked)
    usual = np.mean([estimator.value(graph) for graph in cells.graphs])
    assert np.mean(chosen) > usual + 0.01


def test_gradient_ascent_walks_uphill_on_its_surrogate(
    cells: Candidates, latents: LatentSpace, formula: Any
) -> None:
    searcher = GradientAscent(cells, latents, initial=12, steps=4, stride=0.05)
    run(searcher, formula(cells.space), 12)
    searcher.ask()
    assert searcher.state is not None
    start = searcher.state.points
    steps = [start, *searcher.walk(searcher.state, start).split(len(start))]
    heights = [searcher.state.fitted.on_latents.mean(points).mean().item() for points in steps]
    assert heights == sorted(heights)
    assert heights[-1] > heights[0]


def test_what_is_pending_is_not_asked_for_again_and_moves_the_search(
    cells: Candidates, latents: LatentSpace, formula: Any
) -> None:
    searcher = LatentBO(cells, latents, initial=8)
    run(searcher, formula(cells.space), 8)
    first, second = searcher.ask(2), searcher.ask(2)
    hashes = [cells.space.hash(graph) for graph in [*first, *second]]
    assert len(set(hashes)) == 4


def test_equal_values_teach_nothing_and_random_cells_are_asked_for(
    cells: Candidates, latents: LatentSpace, formula: Any
) -> None:
    searcher = LatentBO(cells, latents, initial=4)
    run(searcher, formula(cells.space, validation=0.5), 8, batch=2)
    assert searcher.recommend() is None
    assert len(searcher.ask(2)) == 2


def test_it_recommends_by_what_it_expects_not_by_one_lucky_value(
    cells: Candidates, latents: LatentSpace, formula: Any
) -> None:
    """Of a sixth of the cells, one bad one is told to be the best by a little."""
    estimator = formula(cells.space)
    worst = min(cells.graphs[:400], key=estimator.value)
    lucky = cells.space.hash(worst)
    best = max(estimator.value(graph) for graph in cells.graphs[:400])

    def told(_: int, graph: Any) -> float:
        return best + 0.001 if cells.space.hash(graph) == lucky else estimator.value(graph)

    searcher = LatentBO(cells, latents)
    searcher.tell(list(formula(cells.space, validation=told).measure(list(cells.graphs[:400]))))
    assert searcher.incumbent is not None
    assert searcher.incumbent.hash == lucky
    recommended = searcher.recommend()
    assert recommended is not None
    assert estimator.value(recommended.architecture) > best - 0.02
