"""From an architecture to a predicted value and its standard deviation.

``docs/api.md`` says what each name is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiment.exports import exports

if TYPE_CHECKING:
    from predictors.defaults import DEFAULTS, Choice, Defaults, defaults_of
    from predictors.ensemble import Ensemble
    from predictors.features import FEATURES, describe, make_features
    from predictors.features.features import Features, active_subgraph
    from predictors.fine_tuning import FineTuningRun
    from predictors.graph_network import GraphNetwork
    from predictors.linear import Ridge
    from predictors.methods import METHODS, Method, PredictorSpec, make_predictor
    from predictors.predictor import FeaturePredictor, Predictor
    from predictors.processes.regressors import GaussianProcess, SparseGaussianProcess
    from predictors.quality import Quality
    from predictors.regressor import FeatureMatrix, Forecast, NormalScores, Regressor, Standardised
    from predictors.standardised_features import StandardisedFeatures
    from predictors.trained_vae import load_trained_vae
    from predictors.trees import BoostedTrees
    from predictors.zero_cost import gradient_norm, naswot, snip, synflow
else:
    __all__, __getattr__, __dir__ = exports(
        __name__,
        {
            "defaults": ["DEFAULTS", "Choice", "Defaults", "defaults_of"],
            "ensemble": ["Ensemble"],
            "features": ["FEATURES", "describe", "make_features"],
            "features.features": ["Features", "active_subgraph"],
            "fine_tuning": ["FineTuningRun"],
            "graph_network": ["GraphNetwork"],
            "linear": ["Ridge"],
            "methods": ["METHODS", "Method", "PredictorSpec", "make_predictor"],
            "predictor": ["FeaturePredictor", "Predictor"],
            "processes.regressors": ["GaussianProcess", "SparseGaussianProcess"],
            "quality": ["Quality"],
            "regressor": ["FeatureMatrix", "Forecast", "NormalScores", "Regressor", "Standardised"],
            "standardised_features": ["StandardisedFeatures"],
            "trained_vae": ["load_trained_vae"],
            "trees": ["BoostedTrees"],
            "zero_cost": ["gradient_norm", "naswot", "snip", "synflow"],
        },
    )
