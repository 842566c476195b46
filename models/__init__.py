"""Networks: what embeds architectures (encoders and decoders), and heads on it."""

from models.checkpoints import load_model, load_vae
from models.embedding import Embedding, Sizes
from models.errors import ModelError
from models.heads import Head, WithHeads
from models.latent import Latent
from models.loss import PUBLISHED, LossParts, Objective
from models.registry import MODELS, build_model
from models.vae import DGMG, SVGE, GraphVAE, SVGEDegrees

__all__ = [
    "DGMG",
    "MODELS",
    "PUBLISHED",
    "SVGE",
    "Embedding",
    "GraphVAE",
    "Head",
    "Latent",
    "LossParts",
    "ModelError",
    "Objective",
    "SVGEDegrees",
    "Sizes",
    "WithHeads",
    "build_model",
    "load_model",
    "load_vae",
]
