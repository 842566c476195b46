"""Seeds, and the state of every random generator as part of a checkpoint."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch

from experiment.checks import LARGEST, whole_number


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's global and PyTorch's generators (all devices).

    Code of ours takes its own generator; the global ones are for the packages that use them.

    Raises:
        InputError: the seed is larger than PyTorch takes.
    """
    whole_number(seed, "the seed", least=None, most=LARGEST)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    torch.manual_seed(seed)


def random_state(**generators: np.random.Generator | torch.Generator) -> dict[str, Any]:
    """State of the global generators and of those given by name.

    It holds tensors, numbers, strings and dictionaries only, so that it can live in a checkpoint
    that is read with ``weights_only=True``.
    """
    version, words, gauss = random.getstate()
    legacy: dict[str, Any] = np.random.get_state(legacy=False)  # noqa: NPY002
    return {
        "python": {"version": version, "words": torch.tensor(words), "gauss": gauss},
        "numpy": _plain_state(legacy),
        "torch": torch.get_rng_state(),
        "cuda": dict(enumerate(torch.cuda.get_rng_state_all()))
        if torch.cuda.is_available()
        else {},
        "generators": {name: _generator_state(g) for name, g in generators.items()},
    }


def restore_random_state(
    state: dict[str, Any], **generators: np.random.Generator | torch.Generator
) -> None:
    """Put all generators back to a :func:`random_state`.

    Args:
        state: as :func:`random_state` gave it.
        generators: those that were named then; each is set in place.
    """
    python = state["python"]
    random.setstate((python["version"], tuple(python["words"].tolist()), python["gauss"]))
    np.random.set_state(_numpy_state(state["numpy"]))  # noqa: NPY002
    torch.set_rng_state(state["torch"].cpu())
    for device, device_state in state["cuda"].items():
        # A run may resume where there are fewer devices, or none.
        if device < torch.cuda.device_count():
            torch.cuda.set_rng_state(device_state.cpu(), device)
    for name, generator in generators.items():
        saved = state["generators"][name]
        if isinstance(generator, torch.Generator):
            generator.set_state(saved.cpu())
        else:
            generator.bit_generator.state = _numpy_state(saved)


def _generator_state(generator: np.random.Generator | torch.Generator) -> Any:
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    return _plain_state(dict(generator.bit_generator.state))


def _plain_state(state: dict[str, Any]) -> dict[str, Any]:
    """A NumPy bit generator's state with tensors for arrays and text for its 128-bit numbers."""
    plain: dict[str, Any] = {}
    for key, value in state.items():
        if isinstance(value, dict):
            plain[key] = _plain_state(value)
        elif isinstance(value, np.ndarray):
            plain[key] = torch.from_numpy(value.astype(np.uint64).view(np.int64))
        elif isinstance(value, int):
            plain[key] = f"{value:d}"
        else:
            plain[key] = value
    return plain


def _numpy_state(plain: dict[str, Any]) -> dict[str, Any]:
    """The inverse of :func:`_plain_state`."""
    state: dict[str, Any] = {}
    for key, value in plain.items():
        if isinstance(value, dict):
            state[key] = _numpy_state(value)
        elif isinstance(value, torch.Tensor):
            state[key] = value.cpu().numpy().view(np.uint64)
        elif isinstance(value, str) and value.lstrip("-").isdigit():
            state[key] = int(value)
        else:
            state[key] = value
    return state
