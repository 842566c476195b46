"""Graph networks as a predictor: what they see, what they learn, and how sure they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.testing import relabelled
from experiment.errors import InputError
from models.graph_regression import GraphRegressors
from predictors import graph_network
from predictors.ensemble import Ensemble
from predictors.graph_network import GraphNetwork
from predictors.predictor import FeaturePredictor
from predictors.processes.regressors import GaussianProcess
from predictors.regressor import Standardised


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too few steps to learn anything."""
    take_steps(monkeypatch, 5)


def take_steps(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    for name in ("LEAST_STEPS", "MOST_STEPS"):
        monkeypatch.setattr(graph_network, name, count)


def cells(count: int, seed: int) -> tuple[GraphBatch, np.ndarray]:
    """NB101 cells, and the number of their 3×3 convolutions plus half of their edges."""
    batch = GraphBatch.from_graphs(get_space("NB101").sample(count, np.random.default_rng(seed)))
    values = (batch.types == 3).sum(dim=1) + 0.5 * batch.adjacency.sum(dim=(1, 2))
    return batch, values.double().numpy()


def test_members_are_separate_networks_that_do_not_see_padding() -> None:
    batch, _ = cells(5, seed=0)
    networks = GraphRegressors(3, num_types=5, descriptors=2).eval()
    numbers = torch.randn(5, 2)
    together = networks(batch, numbers)
    assert together.shape == (3, 5)
    assert len(together[:, 0].unique()) == 3
    for row in range(5):
        alone = GraphBatch.from_graphs([batch.graph(row)])
        for one in (alone, alone.padded(11)):
            outputs = networks(one, numbers[row : row + 1])[:, 0]
            torch.testing.assert_close(outputs, together[:, row])


def test_isomorphic_cells_get_one_prediction() -> None:
    generator = np.random.default_rng(1)
    batch, _ = cells(6, seed=1)
    other = GraphBatch.from_graphs([relabelled(graph, generator) for graph in batch])
    networks = GraphRegressors(2, num_types=5).eval()
    nothing = torch.zeros(6, 0)
    torch.testing.assert_close(networks(batch, nothing), networks(other, nothing))


def test_it_learns_what_it_was_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    take_steps(monkeypatch, 60)
    batch, values = cells(300, seed=2)
    model = GraphNetwork(get_space("NB101"), features=())
    model.fit(batch[:150], values[:150])
    mean, std = model.predict(batch[150:])
    assert kendalltau(mean, values[150:]).statistic > 0.6
    assert (std > 0).all()
    low, high = model.interval(batch[150:], 0.9)
    inside = ((values[150:] >= low) & (values[150:] <= high)).mean()
    assert 0.75 < inside <= 1


def test_the_same_seed_gives_the_same_networks(quick: None) -> None:
    batch, values = cells(40, seed=3)
    outcomes = []
    for seed, noise in ((5, 1), (5, 2), (6, 1)):
        torch.manual_seed(noise)
        model = GraphNetwork(get_space("NB101"), seed=seed)
        model.fit(batch, values)
        outcomes.append(model.predict(batch)[0])
    np.testing.assert_array_equal(outcomes[0], outcomes[1])
    assert (outcomes[0] != outcomes[2]).any()


def test_a_cell_that_computes_nothing_is_predicted(quick: None) -> None:
    space = get_space("NB201")
    nothing = space.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    graphs = [*space.sample(39, np.random.default_rng(0)), nothing]
    model = GraphNetwork(space)
    model.fit(graphs, np.arange(40.0))
    assert np.isfinite(model.predict(graphs)[0]).all()


def test_too_few_labels_are_refused() -> None:
    batch, values = cells(9, seed=4)
    with pytest.raises(InputError, match="9 labels were given, this predictor needs at least 10"):
        GraphNetwork(get_space("NB101")).fit(batch, values)


def test_an_ensemble_is_the_mean_of_its_members(quick: None) -> None:
    space = get_space("NB101")
    batch, values = cells(60, seed=5)
    members = [FeaturePredictor(space, ["statistics"], GaussianProcess()), GraphNetwork(space)]
    both = Ensemble(members)
    both.fit(batch[:40], values[:40])
    for member in members:
        member.fit(batch[:40], values[:40])
    expected = np.mean([member.scores(batch[40:])[0] for member in members], axis=0)
    np.testing.assert_allclose(both.forecast(batch[40:]).scores, expected)
    assert both.least_labels == 10


def test_members_of_an_ensemble_have_one_scale() -> None:
    with pytest.raises(InputError, match="2 members of 2 scales"):
        Ensemble([GaussianProcess(), GaussianProcess(Standardised)])
    with pytest.raises(InputError, match="0 members"):
        Ensemble([])
