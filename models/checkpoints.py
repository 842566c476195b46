"""Weights on disk, in the published layout, and the models they belong to."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from models.embedding import Embedding, Origin
from models.errors import ModelError
from models.heads import ACCURACY, Head, WithHeads, head_type, parts_of
from models.registry import MODELS, model_class
from models.shipped import check_shipped, shipped_weights
from models.state_dicts import State

STATE_DICTS = Path(__file__).resolve().parent.parent / "state_dicts"
"""Weights that are shipped or downloaded: where a name is looked for first."""

RUNS = STATE_DICTS.parent / "runs"
"""Default folder of trainings, where a name is looked for next."""


class Stored(NamedTuple):
    """What a checkpoint holds.

    Attributes:
        state: the weights.
        options: the sizes that no weight tells (``model_kwargs``), where there are any.
    """

    state: dict[str, Tensor]
    options: dict[str, Any]


def read_state_dict(path: str | Path, device: str | torch.device = "cpu") -> dict[str, Tensor]:
    """The weights of :func:`read_stored`.

    Raises:
        ModelError: as there.
    """
    return read_stored(path, device).state


def read_stored(path: str | Path, device: str | torch.device = "cpu") -> Stored:
    """Read a ``torch.save``d state dict, or the ``model_state`` of a dictionary with one.

    Nothing but tensors and plain numbers and texts is ever unpickled.

    Raises:
        ModelError: the file is absent, damaged, or holds anything but tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"there is no checkpoint {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the pickle's protocol, before the refusal
            content = torch.load(path, map_location=device, weights_only=True)
    # Damaged bytes make the unpickler fail in any way there is; none of them is ours to mend.
    except Exception as error:
        first_line = (str(error).splitlines() or [""])[0].split(". ")[0][:120]
        raise ModelError(
            f"{path} is not a checkpoint that can be read safely "
            f"({first_line or type(error).__name__}): expected a state dict written by torch.save"
        ) from error
    options: Any = {}
    if isinstance(content, Mapping) and isinstance(content.get("model_state"), Mapping):
        options = content.get("model_kwargs", {})
        content = content["model_state"]  # arch2vec's files have the optimiser's state beside it
    if not isinstance(content, Mapping) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()
    ):
        raise ModelError(f"{path} holds no state dict: expected names with tensors")
    if not isinstance(options, Mapping):
        raise ModelError(
            f"{path} has model_kwargs that are a {type(options).__name__}: expected names with "
            "values"
        )
    return Stored(dict(content), dict(options))


def stored_state(model: Embedding | WithHeads) -> dict[str, Tensor]:
    """A model's weights under the names that they have on disk.

    Those of an embedding are its own. A head's begin with its published name
    (``Head.stored_names``), or else with ``heads.<name>.``.
    """
    embedding, heads = parts_of(model)
    published = head_type(embedding).stored_names
    state = dict(embedding.state_dict())
    for name, head in heads.items():
        prefix = published.get(name, f"heads.{name}")
        state |= {f"{prefix}.{key}": value for key, value in head.state_dict().items()}
    return state


def split_heads(state: State) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
    """The weights of the embedding in a stored state, and of each head by its name."""
    kinds = {head_type(model) for model in MODELS.values()}
    published = {key: name for kind in kinds for name, key in kind.stored_names.items()}
    own: dict[str, Tensor] = {}
    heads: dict[str, dict[str, Tensor]] = {}
    for key, value in state.items():
        first, _, rest = key.partition(".")
        if first == "heads":
            name, _, rest = rest.partition(".")
            heads.setdefault(name, {})[rest] = value
        elif first in published:
            heads.setdefault(published[first], {})[rest] = value
        else:
            own[key] = value
    return own, heads


def model_from_state(state: State, max_nodes: int) -> Embedding | WithHeads:
    """The model that stored weights belong to, in evaluation mode.

    Args:
        state: the weights, as :func:`stored_state` names them.
        max_nodes: nodes of the space's largest architecture.

    Raises:
        ModelError: they are no model's, lack a size, or do not fit together.
    """
    own, heads = split_heads(state)
    embedding = model_class(state).from_state(own, max_nodes)
    if not heads:
        return embedding
    made = {name: _make_head(embedding, name, part) for name, part in heads.items()}
    return WithHeads(embedding, made).eval()


def _make_head(embedding: Embedding, name: str, state: State) -> Head:
    """A head of the embedding's type, or the plain one that its weights' names tell."""
    kind = Head if f"{Head.layer_name(0)}.weight" in state else head_type(embedding)
    try:
        return kind.from_state(state)
    except ModelError as error:
        raise ModelError(f"of the head for {name}, {error}") from error


SUFFIXES = (".obj", ".pth")
"""Endings of the weights' files: SVGe's, which ours have as well, and D-VAE's and NGAE's."""


def checkpoint_path(folder: str | Path, epoch: int) -> Path:
    """Where the weights of an epoch lie in a folder of ``state_dicts``, or will be written."""
    paths = [Path(folder) / f"model_checkpoint{epoch}{suffix}" for suffix in SUFFIXES]
    return next((path for path in paths if path.exists()), paths[0])


def latest_epoch(folder: str | Path) -> int:
    """The highest epoch with a checkpoint in ``folder``.

    Raises:
        ModelError: there is none.
    """
    found = [
        int(match[1])
        for path in Path(folder).glob("model_checkpoint*")
        if path.suffix in SUFFIXES and (match := re.fullmatch(r"model_checkpoint(\d+)", path.stem))
    ]
    if not found:
        raise ModelError(f"{folder} holds no model_checkpoint<EPOCH>{' or '.join(SUFFIXES)}")
    return max(found)


def find_folder(folder_or_name: str | Path) -> Path:
    """The folder of weights that is meant: a path, a name in ``state_dicts/``, or one in ``runs/``.

    The first of these that exists counts, so that trainings do not change the meaning of a name.

    Raises:
        ModelError: there is none of them.
    """
    if not isinstance(folder_or_name, str | Path) or not str(folder_or_name):
        raise ModelError(
            f"the weights are named by {folder_or_name!r}, expected a folder or a name such as "
            "SVGE_NB101"
        )
    for place in (Path(), STATE_DICTS, RUNS):
        if (place / folder_or_name).is_dir():
            return place / folder_or_name
    known = {
        path.parent.name
        for place in (STATE_DICTS, RUNS)
        for path in place.glob("*/model_checkpoint*.obj")
    }
    raise ModelError(
        f"no weights at {folder_or_name}: expected a folder, or one of "
        f"{', '.join(sorted(known)) or 'none yet'} in {STATE_DICTS.name}/ and {RUNS.name}/"
    )


def load_model(
    folder_or_name: str | Path, epoch: int | None = None, max_nodes: int | None = None
) -> Embedding | WithHeads:
    """Load trained weights.

    Args:
        folder_or_name: a folder with checkpoints, or its name (``SVGE_NB101``) below
            ``state_dicts/`` or, where it is not there, below ``runs/``; or a single file.
        epoch: which checkpoint; default the highest.
        max_nodes: nodes of the space's largest architecture, where no ``config.json`` lies beside
            the weights to tell it (published checkpoints); those of SVGE_degrees tell it.

    Returns:
        The model in evaluation mode, on the CPU.

    Raises:
        ModelError: no such folder or checkpoint, it cannot be read, or it is a shipped one with a
            wrong checksum.
    """
    folder, path = _find_checkpoint(folder_or_name, epoch)
    check_shipped(path)
    state, options = read_stored(path)
    own, _ = split_heads(state)
    try:
        known = max_nodes or model_class(state).max_nodes_of(own)
        model = model_from_state(state, known or _stored_max_nodes(folder))
    except ModelError as error:
        raise ModelError(f"{path} cannot be loaded: {error}") from error
    embedding, _ = parts_of(model)
    embedding.set_options(options)
    embedding.origin = Origin(folder, _stored_space(folder))
    return model


def _find_checkpoint(given: str | Path, epoch: int | None) -> tuple[Path, Path]:
    """The folder and the file that are meant by a file, a folder or a name."""
    if isinstance(given, str | Path) and Path(given).is_file():
        return Path(given).parent, Path(given)
    folder = find_folder(given)
    return folder, checkpoint_path(folder, latest_epoch(folder) if epoch is None else epoch)


def load_vae(
    folder_or_name: str | Path, epoch: int | None = None, max_nodes: int | None = None
) -> Embedding:
    """:func:`load_model`, without the heads where there are any."""
    embedding, _ = parts_of(load_model(folder_or_name, epoch, max_nodes))
    return embedding


def load_with_heads(
    folder_or_name: str | Path,
    epoch: int | None = None,
    max_nodes: int | None = None,
    head: str = ACCURACY,
) -> WithHeads:
    """:func:`load_model`, where it has to have a head.

    Args:
        folder_or_name: as of :func:`load_model`, like what follows.
        epoch: which checkpoint.
        max_nodes: nodes of the space's largest architecture.
        head: name of a head that is needed.

    Raises:
        ModelError: as :func:`load_model`, or there is no such head.
    """
    model = load_model(folder_or_name, epoch, max_nodes)
    if not isinstance(model, WithHeads) or head not in model.heads:
        raise ModelError(
            f"the weights in {str(find_folder(folder_or_name))!r} are {model.name}'s, which "
            f"predicts no {head}: name weights with a head for it"
        )
    return model


def _stored_space(folder: Path) -> str | None:
    """Name of the search space of the weights in a folder, by what lies beside them."""
    try:
        record = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        record = shipped_weights(folder)
    space = record.get("space") if isinstance(record, dict) else None
    return space if isinstance(space, str) else None


def _stored_max_nodes(folder: Path) -> int:
    path = folder / "config.json"
    try:
        max_nodes = json.loads(path.read_bytes())["sizes"]["max_nodes"]
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        max_nodes = None
    if not isinstance(max_nodes, int):
        raise ModelError(
            f"{path} does not tell the space's largest number of nodes (sizes.max_nodes): "
            "give max_nodes"
        )
    return max_nodes
