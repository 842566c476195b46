"""The Gaussian process over a list, the criteria, and the searches that use them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from botorch.acquisition import LogExpectedImprovement
from botorch.models import SingleTaskGP
from scipy.stats import norm

from datasets import get_benchmark, get_space
from datasets.objective import Objective
from estimators.lookup import LookUp
from experiment.errors import InputError
from predictors.processes.candidates import CandidateGP, CandidatePosterior
from predictors.processes.conditioning import condition, fit
from predictors.processes.hyperparameters import Adam, Hyperparameters
from predictors.regressor import FeatureMatrix, NormalScores
from predictors.standardised_features import StandardisedFeatures
from predictors.trees import BoostedTrees
from searchers import candidate_bo
from searchers.candidate_bo import CandidateBO, PredictorSearch, last_refit
from searchers.criteria import CRITERIA, log_expected_improvement
from searchers.defaults import usual_features
from searchers.domain import Candidates, WholeSpace

ROWS = list(range(0, 60, 2))
NOTHING = np.random.default_rng(0)


@pytest.fixture(scope="module")
def digits() -> Candidates:
    table = get_benchmark("DIGITS101")
    return Candidates(table.space, table.graphs, table.hashes)


@pytest.fixture
def descriptions() -> list[FeatureMatrix]:
    generator = np.random.default_rng(1)
    return [
        FeatureMatrix(generator.normal(size=(60, 3)), ard=True),
        FeatureMatrix(generator.normal(size=(60, 12))),
    ]


def targets(descriptions: list[FeatureMatrix], rows: list[int]) -> np.ndarray:
    return np.sin(descriptions[0].rows[rows, 0]) + descriptions[1].rows[rows, 0] / 2


@pytest.fixture
def process(descriptions: list[FeatureMatrix]) -> CandidateGP:
    """Fitted to every second candidate."""
    process = CandidateGP(descriptions)
    process.fit(ROWS, targets(descriptions, ROWS))
    return process


def posterior(process: CandidateGP, rows: list[int], known: np.ndarray) -> CandidatePosterior:
    return process.posterior(process.condition(rows, known))


def test_is_the_process_of_the_predictors(
    process: CandidateGP, descriptions: list[FeatureMatrix]
) -> None:
    known = targets(descriptions, ROWS)
    found = posterior(process, ROWS, known)

    joined = StandardisedFeatures(descriptions)
    rows = torch.from_numpy(joined(descriptions))
    hyperparameters = Hyperparameters(joined.widths, joined.ard)
    fit(hyperparameters, rows[ROWS], torch.from_numpy(known), Adam(120))
    exact = condition(*hyperparameters.fitted(), rows[ROWS], torch.from_numpy(known))
    mean, variance = exact.mean_and_variance(rows)
    assert torch.allclose(found.mean, mean, atol=1e-3)
    assert torch.allclose(found.std.square(), variance, atol=1e-3)
    all_means, all_variances = process.mean_and_variance(process.condition(ROWS, known))
    assert torch.allclose(all_means.double(), mean, atol=1e-3)
    assert torch.allclose(all_variances.double(), variance, atol=1e-3)


def test_a_fantasy_is_conditioning_on_the_mean(
    process: CandidateGP, descriptions: list[FeatureMatrix]
) -> None:
    known = targets(descriptions, ROWS)
    fantasised = posterior(process, ROWS, known)
    means = [float(fantasised.mean[row]) for row in (1, 7)]
    fantasised.fantasize_means(torch.tensor([1, 7]))
    conditioned = posterior(process, [*ROWS, 1, 7], np.array([*known, *means]))
    assert torch.allclose(fantasised.mean, conditioned.mean, atol=2e-3)
    assert torch.allclose(fantasised.std, conditioned.std, atol=2e-3)
    one_by_one = posterior(process, ROWS, known)
    for rows in ([7], [], [1]):
        one_by_one.fantasize_means(torch.tensor(rows, dtype=torch.long))
    assert torch.allclose(one_by_one.std, fantasised.std, atol=1e-4)


def test_some_candidates_are_expected_as_among_all(
    process: CandidateGP, descriptions: list[FeatureMatrix]
) -> None:
    conditioned = process.condition(ROWS, targets(descriptions, ROWS))
    whole, part = process.posterior(conditioned), torch.tensor([3, 59, 8])
    some = process.posterior(conditioned, part)
    assert torch.allclose(some.mean, whole.mean[part], atol=1e-5)
    assert torch.allclose(some.std, whole.std[part], atol=1e-5)


def test_with_many_labels_the_process_is_sparse_and_close_to_the_exact_one(
    digits: Candidates, cheap_models: None
) -> None:
    """Its work grows with the labels, and no longer with their number cubed."""
    descriptions = digits.describe(["statistics", "walks"])
    exact, sparse = CandidateGP(descriptions), CandidateGP(descriptions, exact=60)
    values = get_benchmark("DIGITS101").metric("validation").mean()
    rows = np.random.default_rng(0).choice(len(digits), 120, replace=False).tolist()
    known = NormalScores(values[rows])(values[rows])
    exact.fit(rows[::2], known[::2])
    sparse.fit(rows, known)  # to every second one, as those are 60
    one, other = exact.condition(rows, known), sparse.condition(rows, known)
    assert other.noise == one.noise
    assert (len(one.basis), len(other.basis)) == (120, 60)
    whole, narrowed = exact.posterior(one), sparse.posterior(other)
    assert np.corrcoef(whole.mean, narrowed.mean)[0, 1] > 0.98
    assert 1 <= (narrowed.std / whole.std).mean() < 1.3


def test_hyperparameters_are_chosen_anew_ever_more_rarely() -> None:
    """After every tenth measurement at first; then eight times while their number doubles."""
    chosen = [last_refit(n) for n in range(1, 4097)]
    assert chosen[:512] == [n // 10 * 10 for n in range(1, 513)]
    assert (np.diff(chosen) >= 0).all()
    assert all(0 <= n - last < max(n / 8, 10) for n, last in enumerate(chosen, start=1))
    assert len({last for last in chosen if 1024 <= last < 2048}) == 8


def test_log_expected_improvement_is_botorchs() -> None:
    x = torch.linspace(0, 1, 6).double()[:, None]
    model = SingleTaskGP(x, torch.sin(5 * x))
    points = torch.linspace(-0.2, 1.2, 9).double()[:, None]
    with torch.no_grad():
        posterior = model.posterior(points)
        wanted = LogExpectedImprovement(model, best_f=0.5)(points[:, None])
    mean, std = posterior.mean[:, 0], posterior.variance[:, 0].sqrt()
    found = log_expected_improvement(mean, std, 0.5, NOTHING)
    assert torch.allclose(found, wanted, atol=1e-6)


def test_log_expected_improvement_far_below_the_best_still_tells_candidates_apart() -> None:
    mean = torch.tensor([-40.0, -20.0, 0.0, 3.0]).double()
    found = log_expected_improvement(mean, torch.ones(4).double(), 0.0, NOTHING)
    assert torch.isfinite(found).all()
    assert (found.diff() > 0).all()
    plain = mean * torch.from_numpy(norm.cdf(mean)) + torch.from_numpy(norm.pdf(mean))
    assert np.allclose(found[2:].exp().numpy(), plain[2:].numpy())


@pytest.mark.parametrize("name", list(CRITERIA))
def test_a_better_and_no_less_certain_candidate_is_wanted_more(name: str) -> None:
    mean = torch.tensor([0.0, 50.0]).double()
    wanted = CRITERIA[name](mean, torch.ones(2).double(), 0.0, np.random.default_rng(3))
    assert wanted[1] > wanted[0]


def test_finds_the_best_cells_of_the_digits_sooner_than_chance(digits: Candidates) -> None:
    table = get_benchmark("DIGITS101")
    search = CandidateBO(digits, ["statistics", "walks"], seed=1)
    while len(search.observations) < 40:
        search.tell(list(LookUp(table).measure(search.ask(10))))
    values = table.metric("validation").mean()
    best = search.incumbent
    assert best is not None
    assert best.value is not None
    assert (values > best.value).sum() < 25  # of 2,532: 40 random cells reach that one run in three
    recommended = search.recommend()
    assert recommended is not None
    assert recommended.hash in {o.hash for o in search.observations}


def test_looks_at_a_shortlist_where_the_list_is_long(
    digits: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidate_bo, "WHOLE", 1_000)
    monkeypatch.setattr(candidate_bo, "SHORTLIST", 300)
    table = get_benchmark("DIGITS101")
    search = CandidateBO(digits, ["statistics"], seed=1)
    search.tell(list(LookUp(table).measure(search.ask(10))))
    asked = search.ask(5)
    assert len({digits.space.hash(graph) for graph in asked}) == 5
    assert len(search._shortlist) == 300


def test_with_noise_the_posterior_mean_recommends_better_than_luck(
    cells: Candidates, formula: Any
) -> None:
    gains = []
    for seed in range(5):
        search = CandidateBO(cells, ["statistics"], seed=seed, initial=60)
        measured = list(formula(cells.space).measure(search.ask(60)))
        noise = np.random.default_rng(seed).normal(scale=0.03, size=60)
        search.tell(
            [
                replace(each, validation=each.validation + error)
                for each, error in zip(measured, noise, strict=True)
            ]
        )
        true = {each.hash: each.validation for each in measured}
        recommended, incumbent = search.recommend(), search.incumbent
        assert recommended is not None
        assert incumbent is not None
        gains.append(true[recommended.hash] - true[incumbent.hash])
    assert np.mean(gains) > 0


def test_a_search_over_a_list_refuses_an_open_space() -> None:
    with pytest.raises(InputError, match="the domain is all of ENAS: give Candidates"):
        CandidateBO(WholeSpace(get_space("ENAS")), ["statistics"])


def test_a_predictor_with_too_few_labels_leaves_the_choice_to_chance(digits: Candidates) -> None:
    search = PredictorSearch(digits, ["statistics"], BoostedTrees, initial=5)
    table = get_benchmark("DIGITS101")
    search.tell(list(LookUp(table).measure(search.ask(5))))
    assert len(search.ask(3)) == 3


def test_equal_values_leave_the_choice_to_chance(digits: Candidates) -> None:
    search = CandidateBO(digits, ["statistics"], initial=3)
    table = get_benchmark("DIGITS101")
    measured = LookUp(table).measure(search.ask(3))
    search.tell([type(m)(m.architecture, m.hash, "ok", validation=0.5) for m in measured])
    assert search.recommend() is None
    assert len(search.ask(2)) == 2


def test_what_was_fitted_to_accuracies_describes_for_accuracies_alone() -> None:
    space = get_space("NB101")
    assert "digits" in usual_features(space)
    for other in (Objective(unit="eV"), Objective(maximise=False, unit="fraction"), Objective()):
        assert usual_features(space, other) == ("statistics", "walks")
