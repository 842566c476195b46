"""Checkpoints: written whole, read without running anything."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import Any

import torch

from experiment.errors import InputError
from experiment.files import atomic_path


def save_checkpoint(path: str | Path, payload: dict[str, Any]) -> None:
    """Write ``payload`` (tensors, numbers, strings and containers of them) atomically.

    Raises:
        InputError: it could not be written; an older checkpoint of that name is untouched.
    """
    # In memory first: PyTorch's own writer hides why a write failed, a full disk for one.
    buffer = io.BytesIO()
    torch.save(payload, buffer)
    with atomic_path(path) as partial:
        partial.write_bytes(buffer.getbuffer())


def load_checkpoint(path: str | Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a checkpoint onto ``device``; nothing but tensors and plain values is accepted.

    Raises:
        InputError: the file is absent, truncated, no checkpoint, or holds an object whose
            reading would run code.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot read the checkpoint {str(path)!r}: {error.strerror or error}"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the pickle's protocol, before the refusal
            payload = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    # Broken bytes make the unpickler fail in any way there is; none of them is ours to mend.
    except Exception as error:
        refused = re.search(r"GLOBAL ([\w.]+)", str(error))
        if refused:
            raise InputError(
                f"the checkpoint {str(path)!r} was refused: it holds {refused.group(1)}, and only "
                "tensors and plain values are read, because other objects can run code"
            ) from error
        raise InputError(
            f"{str(path)!r} is no checkpoint or a damaged one ({len(content)} bytes): "
            "fetch or write it again"
        ) from error
    if not isinstance(payload, dict):
        raise InputError(
            f"the checkpoint {str(path)!r} holds a {type(payload).__name__}, "
            "expected a dictionary of tensors"
        )
    return payload
