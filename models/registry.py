"""Every model that embeds architectures, by name, and which of them weights belong to."""

from __future__ import annotations

from models.arch2vec import ARCH2VECS
from models.dvae import DVAES
from models.embedding import Embedding, Sizes
from models.errors import ModelError
from models.io_models import IO_MODELS
from models.state_dicts import State
from models.vae import GRAPH_VAES

MODELS: dict[str, type[Embedding]] = {**GRAPH_VAES, **DVAES, **ARCH2VECS, **IO_MODELS}
"""Embeddings by the names that users type; a new one is a class and an entry here."""


def build_model(name: str, sizes: Sizes) -> Embedding:
    """A model with fresh weights, by name.

    Raises:
        ModelError: no model of that name.
    """
    if not isinstance(name, str) or name not in MODELS:
        raise ModelError(f"no model is called {name!r}: choose one of {', '.join(MODELS)}")
    return MODELS[name](sizes)


def model_class(state: State) -> type[Embedding]:
    """The class that recognises a state dict as its own.

    Raises:
        ModelError: none does.
    """
    for cls in MODELS.values():
        if cls.recognises(state):
            return cls
    raise ModelError(
        f"the checkpoint has the weights of no model that is known here ({', '.join(MODELS)}) in it"
    )
