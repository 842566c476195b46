"""The error for input that a model cannot work with."""

from __future__ import annotations


class ModelError(ValueError):
    """A checkpoint, latent or batch that does not fit the model, in one sentence."""

    exit_code = 2
