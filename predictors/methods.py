"""Predictors by the names that users type, and the default for a space."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from datasets.objective import ACCURACY, SHARE, Objective
from datasets.space import SearchSpace
from experiment.checks import shown, whole_number
from experiment.config import nearest
from experiment.errors import InputError
from predictors.defaults import Choice, defaults_of
from predictors.predictor import FeaturePredictor, Predictor
from predictors.regressor import NormalScores, Regressor, Scale, Standardised, check_scale

SCALES: dict[str, type[Scale]] = {"ranks": NormalScores, "values": Standardised}
"""Name → scale of the targets: the ranks of the values, or the values."""


@dataclass(frozen=True)
class PredictorSpec:
    """Specifies a predictor.

    Attributes:
        space: the search space.
        features: keys of ``predictors.features.FEATURES``.
        scale: what it learns.
        seed: of everything that is drawn.
        weights: folder or name of a trained VAE; ``None`` for the shipped one.
    """

    space: SearchSpace
    features: tuple[str, ...]
    scale: type[Scale]
    seed: int
    weights: str | Path | None

    def extrapolating(self) -> PredictorSpec:
        """The same with those features alone that extrapolate."""
        from predictors.features import feature_kind

        names = tuple(name for name in self.features if feature_kind(name).extrapolates)
        return replace(self, features=names)

    def described(self, regressor: Regressor) -> FeaturePredictor:
        """A regressor on these features."""
        return FeaturePredictor(self.space, self.features, regressor, self.weights)


@dataclass(frozen=True)
class Method:
    """A way to predict.

    Attributes:
        make: makes the predictor.
        features: what it reads where the user names no features; ``None`` for the space's
            default, and no names for a method that reads the graphs alone and takes no features.
        weights: whether it starts from a trained VAE, with any features.
    """

    make: Callable[[PredictorSpec], Predictor]
    features: tuple[str, ...] | None = None
    weights: bool = False


def _gp(spec: PredictorSpec) -> Predictor:
    from predictors.processes.regressors import GaussianProcess

    return spec.described(GaussianProcess(spec.scale, spec.seed))


def _sparse_gp(spec: PredictorSpec) -> Predictor:
    from predictors.processes.regressors import SparseGaussianProcess

    return spec.described(SparseGaussianProcess(spec.scale, spec.seed))


def _trees(spec: PredictorSpec) -> Predictor:
    from predictors.trees import BoostedTrees

    return spec.described(BoostedTrees(spec.scale, spec.seed))


def _ridge(spec: PredictorSpec) -> Predictor:
    from predictors.linear import Ridge

    return spec.described(Ridge(spec.scale, spec.seed))


def _graph_network(spec: PredictorSpec) -> Predictor:
    from predictors.graph_network import GraphNetwork

    return GraphNetwork(spec.space, spec.features, spec.scale, spec.seed)


def _ensemble(spec: PredictorSpec) -> Predictor:
    """Half a Gaussian process and boosted trees on all features, half graph networks."""
    from predictors.ensemble import Ensemble
    from predictors.processes.regressors import GaussianProcess
    from predictors.trees import BoostedTrees

    settings = (spec.scale, spec.seed)
    described = spec.described(Ensemble([GaussianProcess(*settings), BoostedTrees(*settings)]))
    return Ensemble([described, _graph_network(spec.extrapolating())])


def _feature_ensemble(spec: PredictorSpec) -> Predictor:
    """The mean of regressors on the same features: it takes a second, not the ten of a network."""
    from predictors.ensemble import Ensemble
    from predictors.linear import Ridge
    from predictors.processes.regressors import GaussianProcess
    from predictors.trees import BoostedTrees

    settings = (spec.scale, spec.seed)
    kinds = (GaussianProcess, Ridge, BoostedTrees)
    return spec.described(Ensemble([kind(*settings) for kind in kinds]))


def _trend_ensemble(spec: PredictorSpec) -> Predictor:
    """A Gaussian process on all features; ridge regression and graph networks on some of them.

    Far from the labels, a Gaussian process reverts to their mean and trees saturate; linear models
    and graph networks extrapolate.
    """
    from predictors.ensemble import Ensemble

    process = _gp(spec)  # first: it refuses features that there are not
    extrapolating = spec.extrapolating()
    if not extrapolating.features:
        raise InputError(
            f"a trend needs features that extrapolate, {', '.join(spec.features)} do not: "
            "add statistics"
        )
    return Ensemble([process, _ridge(extrapolating), _graph_network(extrapolating)])


def _transfer(spec: PredictorSpec) -> Predictor:
    from predictors.transfer import TransferProcess, transfer_prior

    prior = transfer_prior(spec.space, spec.features)
    return spec.described(TransferProcess(prior, spec.scale, spec.seed))


def _svge_head(spec: PredictorSpec) -> Predictor:
    from predictors.fine_tuned import FineTuned
    from predictors.trained_vae import load_trained_vae

    vae = load_trained_vae(spec.space, spec.weights)
    return FineTuned(spec.space, vae, scale=spec.scale, seed=spec.seed)


METHODS: dict[str, Method] = {
    "gp": Method(_gp),
    "sparse_gp": Method(_sparse_gp),
    "trees": Method(_trees),
    "ridge": Method(_ridge),
    "graph_network": Method(_graph_network, features=("statistics",)),
    "svge_head": Method(_svge_head, features=(), weights=True),
    "ensemble": Method(_ensemble),
    "feature_ensemble": Method(_feature_ensemble),
    "trend_ensemble": Method(_trend_ensemble),
    "transfer": Method(_transfer, features=("statistics", "other_datasets")),
}
"""Every method, by its name; a new one is a function above and a line here."""

OF_A_VAE = frozenset({"latents", "graph_vectors"})
"""Features that trained weights make."""
OF_ACCURACIES = ("digits",)
"""Features that were fitted to accuracies of another task. Beside 100 labels of NB101's training
time they cost a Gaussian process on statistics and walks 0.04 of Kendall's τ."""


def make_predictor(
    space: SearchSpace,
    method: str | None = None,
    features: Sequence[str] | None = None,
    *,
    scale: type[Scale] | None = None,
    seed: int = 0,
    weights: str | Path | None = None,
) -> Predictor:
    """A predictor, not yet fitted.

    Args:
        space: the search space.
        method: a key of :data:`METHODS`; ``None`` for the space's default.
        features: keys of ``predictors.features.FEATURES``; ``None`` for the method's own, or the
            space's default.
        scale: of the targets; ``None`` for ranks.
        seed: of everything that is drawn.
        weights: folder or name of a trained VAE, for latents or a fine-tuned head.

    Raises:
        InputError: unknown names, features that the method or the space does not take, or
            weights that nothing would read.
        ModelError: there are no such weights, or they cannot be read.
    """
    name, described_by = resolve_method(defaults_of(space).inside, method, features)
    chosen = METHODS[name]
    if weights is not None and not chosen.weights and not OF_A_VAE.intersection(described_by):
        raise InputError(
            f"the method {name!r} on {', '.join(described_by)} reads no weights: name none, "
            f"or add the features {' or '.join(map(repr, sorted(OF_A_VAE)))}"
        )
    seed = whole_number(seed, "seed")
    scale = NormalScores if scale is None else check_scale(scale)
    return chosen.make(PredictorSpec(space, described_by, scale, seed, weights))


def suited(features: Sequence[str], objective: Objective) -> tuple[str, ...]:
    """Features without :data:`OF_ACCURACIES`, where the objective is no accuracy."""
    accuracy = objective.maximise and objective.unit == SHARE
    return tuple(each for each in features if accuracy or each not in OF_ACCURACIES)


def resolve_method(
    usual: Choice,
    method: str | None,
    features: Sequence[str] | None,
    objective: Objective = ACCURACY,
) -> Choice:
    """The method and the features, with defaults for those that were not named.

    Args:
        usual: what is taken by default, one of :func:`predictors.defaults.defaults_of`.
        method: a key of :data:`METHODS`, or ``None``.
        features: keys of ``predictors.features.FEATURES``, or ``None``.
        objective: what is predicted; :data:`OF_ACCURACIES` are features by default of accuracies
            alone, which are maximised shares.

    Raises:
        InputError: there is no such method, or it does not take features.
    """
    name = usual.method if method is None else method
    if not isinstance(name, str) or name not in METHODS:
        raise InputError(f"no method is called {name!r}: {nearest(str(name), list(METHODS))}")
    own = METHODS[name].features
    if features is None and own is not None:
        return Choice(name, own)
    if features is None:
        return Choice(name, suited(usual.features, objective))
    if own == ():
        raise InputError(f"the method {name!r} reads graphs, no features: name none")
    if isinstance(features, str) or not isinstance(features, Iterable):
        raise InputError(
            f"the features are {shown(features)}, expected a list of names such as ['statistics']"
        )
    features = list(features)
    if not features:
        raise InputError("no features were named: name one at least, or leave the choice out")
    if wrong := [each for each in features if not isinstance(each, str)]:
        raise InputError(f"among the features is {shown(wrong[0])}, expected names")
    return Choice(name, tuple(dict.fromkeys(features)))
