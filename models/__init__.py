"""Networks: what embeds architectures (encoders and decoders), and heads on it."""

from models.accuracy import AccuracyModel
from models.checkpoints import load_model, load_vae
from models.embedding import Embedding, Sizes
from models.errors import ModelError
from models.latent import Latent
from models.loss import PUBLISHED, LossParts, Objective
from models.registry import MODELS, build_model
from models.vae import DGMG, SVGE, GraphVAE, SVGEDegrees

__all__ = [
    "DGMG",
    "MODELS",
    "PUBLISHED",
    "SVGE",
    "AccuracyModel",
    "Embedding",
    "GraphVAE",
    "Latent",
    "LossParts",
    "ModelError",
    "Objective",
    "SVGEDegrees",
    "Sizes",
    "build_model",
    "load_model",
    "load_vae",
]
