"""Networks: the graph VAEs, their heads and their decoding."""

from models.accuracy import AccuracyModel
from models.checkpoints import MODELS, build_model, load_model, load_vae
from models.errors import ModelError
from models.loss import PUBLISHED, LossParts, Objective
from models.vae import DGMG, SVGE, GraphVAE, Sizes, SVGEDegrees

__all__ = [
    "DGMG",
    "MODELS",
    "PUBLISHED",
    "SVGE",
    "AccuracyModel",
    "GraphVAE",
    "LossParts",
    "ModelError",
    "Objective",
    "SVGEDegrees",
    "Sizes",
    "build_model",
    "load_model",
    "load_vae",
]
