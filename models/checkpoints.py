"""Weights on disk, in the published layout, and the models they belong to."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from models.accuracy import AccuracyModel
from models.errors import ModelError
from models.shipped import check_shipped, shipped_weights
from models.vae import DGMG, SVGE, GraphVAE, Origin, Sizes, SVGEDegrees

MODELS: dict[str, type[GraphVAE]] = {model.name: model for model in (SVGE, SVGEDegrees, DGMG)}
"""Graph VAEs by the names that users type."""

DEGREE_TABLE = "Encoder.NodeEmb.InDegrees.weight"
"""The weight that SVGE_degrees has and SVGE lacks; its rows are the largest number of nodes."""

STATE_DICTS = Path(__file__).resolve().parent.parent / "state_dicts"
"""Weights that are shipped or downloaded: where a name is looked for first."""

RUNS = STATE_DICTS.parent / "runs"
"""Where trainings write unless they are told otherwise: where a name is looked for next."""


def build_model(name: str, sizes: Sizes) -> GraphVAE:
    """A model with fresh weights, by name.

    Raises:
        ModelError: no model of that name.
    """
    if not isinstance(name, str) or name not in MODELS:
        raise ModelError(f"no model is called {name!r}: choose one of {', '.join(MODELS)}")
    return MODELS[name](sizes)


def read_state_dict(path: str | Path, device: str | torch.device = "cpu") -> dict[str, Tensor]:
    """Read a ``torch.save``d state dict; nothing but tensors is ever unpickled.

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
        first_line = (str(error).splitlines() or [""])[0][:120]
        raise ModelError(
            f"{path} is not a checkpoint that can be read safely "
            f"({first_line or type(error).__name__}): expected a state dict written by torch.save"
        ) from error
    if not isinstance(content, Mapping) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()
    ):
        raise ModelError(f"{path} holds no state dict: expected names with tensors")
    return dict(content)


def model_name(state: Mapping[str, Tensor]) -> str:
    """Name of the model that a state dict belongs to: one of MODELS, or it with ``_acc``.

    Raises:
        ModelError: it belongs to none of them.
    """
    if "Encoder.NodeEmb.GNNLayers_forward.0.msg.weight" in state:
        name = "SVGE_degrees" if DEGREE_TABLE in state else "SVGE"
    elif "Encoder.NodeEmb.GNNLayers.0.msg.weight" in state:
        name = "DGMG"
    else:
        raise ModelError("the checkpoint has neither SVGE's nor DGMG's weights in it")
    return f"{name}_acc" if "Accuracy.lin_layers.0.weight" in state else name


def infer_sizes(state: Mapping[str, Tensor], max_nodes: int) -> Sizes:
    """Sizes that a state dict was made with; ``max_nodes`` leaves no trace in most.

    Raises:
        ModelError: a weight that tells a size is missing or no matrix, or encoder and decoder
            differ in their rounds.
    """
    num_types, node_width = _matrix_shape(state, "Decoder.generator.nodeInit.NodeInits.weight")
    graph_width, _ = _matrix_shape(state, "Encoder.GraphEmb_mean.f_m.weight")
    rounds = _count_rounds(state, "Encoder")
    decoder_rounds = _count_rounds(state, "Decoder.generator.prop")
    if rounds != decoder_rounds:
        raise ModelError(
            f"the checkpoint has {rounds} rounds of message passing in its encoder and "
            f"{decoder_rounds} in its decoder: expected equally many"
        )
    return Sizes(num_types, max_nodes, node_width, graph_width, rounds)


def infer_head_widths(state: Mapping[str, Tensor]) -> tuple[int, ...]:
    """Widths of the layers of the accuracy head in a state dict, from its input to its output.

    Raises:
        ModelError: it has no head, or a weight of the head is no matrix.
    """
    shapes = [_matrix_shape(state, "Accuracy.lin_layers.0.weight")]
    while (name := f"Accuracy.lin_layers.{len(shapes)}.weight") in state:
        shapes.append(_matrix_shape(state, name))
    return (shapes[0][1], *(outputs for outputs, _ in shapes))


def _matrix_shape(state: Mapping[str, Tensor], name: str) -> tuple[int, int]:
    if name not in state:
        raise ModelError(f"the checkpoint lacks {name}, a weight that tells its sizes")
    if state[name].ndim != 2:
        raise ModelError(
            f"weight {name} has shape {tuple(state[name].shape)}, expected a matrix: "
            "the checkpoint is of another model"
        )
    rows, columns = state[name].shape
    return rows, columns


def _count_rounds(state: Mapping[str, Tensor], part: str) -> int:
    layer = re.compile(re.escape(part) + r"\.NodeEmb\.GNNLayers(?:_forward)?\.(\d+)\.")
    return len({match[1] for key in state if (match := layer.match(key))})


def load_weights(model: GraphVAE | AccuracyModel, state: Mapping[str, Tensor]) -> None:
    """Put a state dict into a model of the same sizes, as float32.

    Raises:
        ModelError: names or shapes differ; the message names the first that does.
    """
    own = model.state_dict()
    for key, value in own.items():
        if key not in state:
            raise ModelError(f"the checkpoint has no weight {key}: it is of another model")
        if state[key].shape != value.shape:
            raise ModelError(
                f"weight {key} has shape {tuple(state[key].shape)}, this model needs "
                f"{tuple(value.shape)}: the checkpoint is of another search space or width"
            )
    surplus = sorted(set(state) - set(own))
    if surplus:
        raise ModelError(f"the checkpoint has a weight {surplus[0]} that this model lacks")
    model.load_state_dict({key: value.float() for key, value in state.items()})


def begin_at(model: GraphVAE, state: Mapping[str, Tensor]) -> None:
    """Give a fresh model the weights of a checkpoint, as the start of a training.

    Weights that the checkpoint lacks may be such that are zero at first and so add nothing:
    ``SVGE_degrees`` can begin at SVGE's weights, and is then the same function.

    Raises:
        ModelError: another name or a shape differs.
    """
    neutral = {key: value for key, value in model.state_dict().items() if not value.any()}
    load_weights(model, {**neutral, **state})


def model_from_state(state: Mapping[str, Tensor], max_nodes: int) -> GraphVAE | AccuracyModel:
    """The model that a state dict belongs to, with its weights, in evaluation mode."""
    name = model_name(state)
    vae = build_model(name.removesuffix("_acc"), infer_sizes(state, max_nodes))
    model = AccuracyModel(vae, infer_head_widths(state)) if name.endswith("_acc") else vae
    load_weights(model, state)
    return model.eval()


def checkpoint_path(folder: str | Path, epoch: int) -> Path:
    """Where the weights of an epoch lie in a folder of ``state_dicts``."""
    return Path(folder) / f"model_checkpoint{epoch}.obj"


def latest_epoch(folder: str | Path) -> int:
    """The highest epoch with a checkpoint in ``folder``.

    Raises:
        ModelError: there is none.
    """
    found = [
        int(match[1])
        for path in Path(folder).glob("model_checkpoint*.obj")
        if (match := re.fullmatch(r"model_checkpoint(\d+)\.obj", path.name))
    ]
    if not found:
        raise ModelError(f"{folder} holds no model_checkpoint<EPOCH>.obj")
    return max(found)


def find_folder(folder_or_name: str | Path) -> Path:
    """The folder of weights that is meant: a path, a name in ``state_dicts/``, or one in ``runs/``.

    The first of these that exists counts, so that a name keeps its meaning whatever is trained.

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
) -> GraphVAE | AccuracyModel:
    """Load trained weights.

    Args:
        folder_or_name: a folder with checkpoints, or its name (``SVGE_NB101``) below
            ``state_dicts/`` or, where it is not there, below ``runs/``.
        epoch: which checkpoint; default the highest.
        max_nodes: nodes of the space's largest architecture, where no ``config.json`` lies beside
            the weights to tell it (published checkpoints); those of SVGE_degrees tell it.

    Returns:
        The model in evaluation mode, on the CPU.

    Raises:
        ModelError: no such folder or checkpoint, it cannot be read, or it is a shipped one with a
            wrong checksum.
    """
    folder = find_folder(folder_or_name)
    path = checkpoint_path(folder, latest_epoch(folder) if epoch is None else epoch)
    check_shipped(path)
    state = read_state_dict(path)
    if max_nodes is None and DEGREE_TABLE in state:
        max_nodes, _ = _matrix_shape(state, DEGREE_TABLE)
    model = model_from_state(state, max_nodes or _stored_max_nodes(folder))
    vae = model.vae if isinstance(model, AccuracyModel) else model
    vae.origin = Origin(folder, _stored_space(folder))
    return model


def load_vae(
    folder_or_name: str | Path, epoch: int | None = None, max_nodes: int | None = None
) -> GraphVAE:
    """:func:`load_model`, without the accuracy head where there is one."""
    model = load_model(folder_or_name, epoch, max_nodes)
    return model.vae if isinstance(model, AccuracyModel) else model


def _stored_space(folder: Path) -> str | None:
    """Name of the search space of the weights in a folder, by what lies beside them."""
    try:
        told = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        told = shipped_weights(folder)
    space = told.get("space") if isinstance(told, dict) else None
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
