"""REINFORCE and DNGO over the vectors of an embedding."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, norm

from Bayesian_Optimization import search
from datasets import get_space
from experiment.errors import InputError
from models import stored_state
from models.arch2vec import Arch2vec, GINSizes
from models.checkpoints import checkpoint_path
from predictors.trained_vae import load_trained_vae
from searchers.domain import Candidates, WholeSpace
from searchers.embedded.dngo import DNGO, PUBLISHED_DNGO, DNGOSettings, published_improvement
from searchers.embedded.network import NetworkSettings, fit_networks
from searchers.embedded.policy import (
    PUBLISHED_POLICY,
    DiscountedAdvantage,
    FixedBaseline,
    Policy,
    PolicySettings,
    Trainer,
    Unvisited,
    Walk,
    log_probabilities,
)
from searchers.embedded.regression import (
    BayesianLinearRegression,
    Spectrum,
    evidence_of_theta,
    fit_precisions,
    log_evidence,
    published_evidence,
)
from searchers.embedded.reinforce import Reinforce
from searchers.embedded.vectors import embedding_vectors, standardised, unscaled
from searchers.testing import Formula, check_exhausted, check_resumed, check_uninformative
from Training_VAE import verify_search

SHORT = 3
"""Queries of an episode, so that a check of ten queries sees updates."""


def vectors_of(candidates: Candidates) -> torch.Tensor:
    """Vectors that say something of the formula, and noise. **Shape** (B, 4)."""
    estimator = Formula(candidates.space)
    values = torch.tensor([estimator.value(graph) for graph in candidates.graphs])
    noise = torch.randn(len(candidates), 3, generator=torch.Generator().manual_seed(0))
    return torch.cat([values[:, None] * 10, noise], 1)


def reinforce(settings: PolicySettings, domain: Candidates, seed: int, initial: int) -> Reinforce:
    return Reinforce(domain, vectors_of(domain), settings, seed=seed, initial=initial)


def dngo(settings: DNGOSettings, domain: Candidates, seed: int, initial: int) -> DNGO:
    return DNGO(domain, vectors_of(domain), settings, seed=seed, initial=initial)


SHORT_EPISODES = PolicySettings(hidden=8, episode=SHORT)
PUBLISHED_SHORT = PolicySettings(8, SHORT, credit=PUBLISHED_POLICY.credit, scaling=unscaled)
OF_OTHER_SETTINGS = {
    "reinforce, short episodes": partial(reinforce, SHORT_EPISODES),
    "reinforce, published": partial(reinforce, PUBLISHED_SHORT),
    "dngo, published": partial(dngo, PUBLISHED_DNGO),
}
DEPENDING_ON_SETTINGS = (check_resumed, check_uninformative, check_exhausted)


@pytest.mark.parametrize("check", DEPENDING_ON_SETTINGS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", list(OF_OTHER_SETTINGS))
def test_keeps_a_promise_with_other_settings(name: str, check: Any, cells: Candidates) -> None:
    check(OF_OTHER_SETTINGS[name], cells)


# The published outputs.


def test_published_searches_give_the_published_numbers(fixtures_root: Path, tmp_path: Path) -> None:
    source = fixtures_root / "arch2vec_NB101" / "search.json"
    found = verify_search.compare(source)
    assert len(found) == 16
    assert [each for each in found if not each.passed] == []
    content = json.loads(source.read_text())
    content["reinforce"]["expected"]["chosen"][3] += 1
    content["dngo"]["expected"]["mean"][2] += 1e-7
    (tmp_path / "search.json").write_text(json.dumps(content))
    differ = [
        each.name for each in verify_search.compare(tmp_path / "search.json") if not each.passed
    ]
    assert differ == ["chosen (reinforce)", "mean (dngo)"]
    del content["dngo"]["network"]
    (tmp_path / "search.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="there is no 'network'"):
        verify_search.compare(tmp_path / "search.json")


# Bayesian linear regression.


@pytest.mark.parametrize("count", [6, 40])
def test_the_regression_is_the_gaussian_process_that_it_is_equal_to(count: int) -> None:
    """Weights of variance 1/α make targets of covariance ΦΦᵀ/α + I/β."""
    generator = np.random.default_rng(0)
    basis, tests = generator.normal(size=(count, 15)), generator.normal(size=(4, 15))
    targets, alpha, beta = generator.normal(size=count), 0.7, 5.0
    covariance = basis @ basis.T / alpha + np.eye(count) / beta
    spectrum = Spectrum.of(basis, targets)
    expected = multivariate_normal(np.zeros(count), covariance).logpdf(targets)
    assert log_evidence(spectrum, alpha, beta) == pytest.approx(expected, rel=1e-9)
    cross = tests @ basis.T / alpha
    gain = np.linalg.solve(covariance, cross.T).T
    prior = (tests**2).sum(1) / alpha + 1 / beta
    fitted = BayesianLinearRegression.condition(basis, targets, alpha, beta)
    mean, variance = fitted.predict(torch.from_numpy(tests))
    np.testing.assert_allclose(mean, gain @ targets, rtol=1e-9)
    np.testing.assert_allclose(variance, prior - (gain * cross).sum(1), rtol=1e-9)
    _, weights, log_determinant = spectrum.terms(alpha, beta)
    residual = targets - basis @ fitted.mean
    published = (
        15 / 2 * math.log(alpha) + count / 2 * (math.log(beta) - math.log(2 * math.pi))
        - beta / 2 * np.linalg.norm(residual) - alpha / 2 * fitted.mean @ fitted.mean
        - np.log(math.exp(log_determinant) + 1e-10) / 2
    )  # fmt: skip
    assert weights == pytest.approx(fitted.mean @ fitted.mean)
    assert published_evidence(spectrum, alpha, beta) == pytest.approx(published, rel=1e-9)


def test_the_precisions_are_those_that_the_data_were_drawn_with() -> None:
    generator = np.random.default_rng(1)
    basis = generator.normal(size=(2_000, 60))
    weights = generator.normal(scale=0.5, size=60)
    targets = basis @ weights + generator.normal(scale=0.1, size=2_000)
    spectrum = Spectrum.of(basis, targets)
    alpha, beta = fit_precisions(spectrum, log_evidence, generator)
    assert alpha == pytest.approx(1 / (weights @ weights / 60), rel=0.05)
    assert beta == pytest.approx(100, rel=0.1)
    assert evidence_of_theta(log_evidence, spectrum, np.array([0.0, -10.1])) == -math.inf


def test_the_network_is_fitted_as_by_automatic_differentiation() -> None:
    generator = np.random.default_rng(0)
    inputs, targets = generator.normal(size=(23, 3)), generator.normal(size=23)
    settings = NetworkSettings(units=5, epochs=4)
    # beside another run, on which it does not depend
    both = np.stack([inputs[::-1], inputs]), np.stack([targets, targets])
    generators = [np.random.default_rng(seed) for seed in (8, 7)]
    fitted = fit_networks(*both, settings, generators)[1]
    drawn = np.random.default_rng(7)
    first = drawn.uniform(-1, 1, 20) / math.sqrt(3)
    second = drawn.uniform(-1, 1, 6) / math.sqrt(5)
    hidden = torch.nn.Linear(3, 5)
    net = torch.nn.Sequential(hidden, torch.nn.Tanh(), torch.nn.Linear(5, 1)).double()
    net.load_state_dict(
        {
            "0.weight": torch.from_numpy(first[:15].reshape(5, 3)),
            "0.bias": torch.from_numpy(first[15:]),
            "2.weight": torch.from_numpy(second[None, :5]),
            "2.bias": torch.from_numpy(second[5:]),
        }
    )
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(4):
        order = drawn.permutation(23)
        for rows in (order[:10], order[10:20]):  # three labels are no batch
            optimiser.zero_grad()
            errors = net(torch.from_numpy(inputs[rows]))[:, 0] - torch.from_numpy(targets[rows])
            errors.square().mean().backward()
            optimiser.step()
    np.testing.assert_allclose(fitted.weight, hidden.weight.detach(), rtol=1e-9)
    np.testing.assert_allclose(fitted.bias, hidden.bias.detach(), rtol=1e-9)


def test_the_published_improvement_takes_the_variance_for_the_deviation() -> None:
    mean, variance = np.array([0.9, 0.96]), np.array([0.04, 0.01])
    u = (mean - 0.95) / variance
    expected = variance * (norm.pdf(u) + u * norm.cdf(u))
    std = torch.from_numpy(variance).sqrt()
    found = published_improvement(torch.from_numpy(mean), std, 0.95, np.random.default_rng())
    np.testing.assert_allclose(found, expected, rtol=1e-9)


# The policy.


def test_the_nearest_unvisited_is_the_nearest_by_distance() -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(300, 5, generator=generator)
    unvisited, gone = Unvisited(vectors), set[int]()
    for point in torch.randn(300, 5, generator=generator):
        distance = (vectors - point).norm(dim=1)
        distance[list(gone)] = torch.inf
        row = unvisited.nearest(point)
        assert row == int(distance.argmin())
        gone.add(row)
        unvisited.visit(row)
    with pytest.raises(InputError, match="all 300 architectures are visited"):
        unvisited.nearest(point)


def test_credit_of_actions_by_hand() -> None:
    seen = torch.tensor([0.5, 1.5])  # mean 1, standard deviation 0.5
    rewards = torch.tensor([1.5, math.nan, 0.5])
    credit = DiscountedAdvantage(0.5)(rewards, seen)
    torch.testing.assert_close(credit, torch.tensor([1 + 0.25 * -1, 0.5 * -1, -1]))
    assert not DiscountedAdvantage()(rewards, seen[:1]).any()  # all rewards are equal
    fixed = FixedBaseline(0.5)(rewards, seen)
    torch.testing.assert_close(fixed, torch.tensor([1.0, 0.0, 0.0]))


def test_log_probabilities_are_those_of_a_normal_distribution() -> None:
    policy = Policy.seeded(3, 4, seed=0)
    states, actions = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(1))
    carry, expected = None, []
    for state, action in zip(states, actions, strict=True):
        mean, carry = policy(state, carry)
        expected.append(torch.distributions.Normal(mean, 1).log_prob(action).sum())
    torch.testing.assert_close(log_probabilities(policy, states, actions), torch.stack(expected))


def test_a_policy_learns_where_rewards_are_high() -> None:
    """Rewards rise along the first coordinate: the mean of the actions follows."""
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(5_000, 2, generator=generator)
    settings = PolicySettings(hidden=16)
    policy = Policy.seeded(2, 16, seed=0)
    walk, trainer = Walk(vectors, settings.episode), Trainer(policy, settings)
    walk.visit(0)
    reached = []
    for noise in torch.randn(800, 2, generator=generator):
        step = walk.next_step(policy, noise)
        walk.take(step)
        trainer.add(step)
        trainer.receive(step.row, float(vectors[step.row, 0]))
        reached.append(vectors[step.row])
    assert len(trainer.updates) == 50
    last = torch.stack(reached)[-160:].mean(0)
    assert last[0] > 0.5
    assert abs(last[1]) < last[0] / 2


def test_every_episode_updates_the_policy_whatever_batch_divides_it(cells: Candidates) -> None:
    asked = []
    for batch in (1, 4):
        searcher = reinforce(PolicySettings(hidden=8, episode=8), cells, 0, 4)
        estimator = Formula(cells.space)
        searcher.tell(list(estimator.measure([cells.graphs.graph(row) for row in range(4)])))
        for _ in range(40 // batch):
            searcher.tell(list(estimator.measure(searcher.ask(batch))))
        asked.append(estimator.asked)
        assert len(searcher.updates) == 5
        assert all(each.loss for each in searcher.updates)
    assert asked[0] == asked[1]


def test_dngo_finds_the_best_by_vectors_that_tell_of_them(cells: Candidates) -> None:
    estimator = Formula(cells.space)
    searcher = dngo(DNGOSettings(), cells, 0, 10)
    for _ in range(30):
        searcher.tell(list(estimator.measure(searcher.ask())))
    assert searcher.incumbent is not None
    assert searcher.incumbent.value == max(estimator.value(graph) for graph in cells.graphs)


# Vectors, names and flags.


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """Folder of a small arch2vec for the cells of DIGITS101."""
    space = get_space("DIGITS101")
    torch.manual_seed(0)
    model = Arch2vec(GINSizes(len(space.types), space.max_nodes, 12, 6))
    folder = tmp_path / "arch2vec"
    folder.mkdir()
    torch.save(stored_state(model), checkpoint_path(folder, 1))
    return folder


def test_the_vectors_are_short_ones_of_any_embedding(trained: Path, cells: Candidates) -> None:
    few = Candidates(cells.space, cells.graphs[:50])
    vectors = embedding_vectors(few, trained)
    assert vectors.shape == (50, 6)
    model = load_trained_vae(few.space, trained)
    means = model.encode_all(few.graphs).mean
    torch.testing.assert_close(vectors, means.mean(1))
    flat = embedding_vectors(few)
    assert flat.shape == (50, load_trained_vae(few.space).latent_width)
    scaled = standardised(torch.cat([vectors, torch.ones(50, 1)], 1))
    torch.testing.assert_close(scaled[:, :-1].std(0, correction=0), torch.ones(6))
    assert not scaled[:, -1].any()


@pytest.mark.parametrize("searcher", [Reinforce, DNGO])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda vectors: vectors[1:], r"shape \(2531, 4\), expected \(2532, D\)"),
        (lambda vectors: vectors[:, 0], r"a Tensor of shape \(2532,\), expected a tensor"),
        (lambda vectors: vectors[:, :0], r"shape \(2532, 0\)"),
        (lambda vectors: vectors / 0, "not finite"),
        (lambda vectors: vectors.long(), "expected a tensor of numbers"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(
    searcher: type[Any], change: Callable[[torch.Tensor], torch.Tensor], message: str,
    cells: Candidates,
) -> None:  # fmt: skip
    with pytest.raises(InputError, match=message):
        searcher(cells, change(torch.ones(len(cells), 4)))


@pytest.mark.parametrize("searcher", [Reinforce, DNGO])
def test_a_whole_space_is_no_list_of_vectors(searcher: type[Any], cells: Candidates) -> None:
    with pytest.raises(InputError, match="give Candidates"):
        searcher(WholeSpace(cells.space), torch.ones(4, 4))


@pytest.mark.parametrize("method", ["reinforce", "dngo"])
def test_the_command_searches_by_any_weights(
    method: str, trained: Path, tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    flags = ["--space", "DIGITS101", "--method", method, "--initial", 6, "--weights"]
    code, _, error = command(search.main, *flags, trained, "--queries", 12, "--log_dir", tmp_path)
    assert code == 0, error
    code, _, error = command(search.main, *flags, "SVGE_NB201", "--queries", 12)
    assert (code, error.count("\n")) == (2, 1)
    assert "NB201" in error
