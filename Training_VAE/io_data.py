"""The examples of a training with input–output information: labelled pairs, and other cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.io_set import PARTS, IOPart, IOSet
from datasets.io_targets import get_preprocessing
from datasets.space import SearchSpace
from experiment.errors import InputError
from models.io_models import IO_MODELS
from Training_VAE.data import Architectures, load_architectures
from Training_VAE.io_batches import Pairs
from Training_VAE.settings import IOSettings

TRAIN = PARTS[0]
"""The part that is trained on."""

WITHOUT_IMAGES = (TRAIN, "unseen_networks")
"""Parts that differ in their networks; the others matter to models that see images alone."""


@dataclass(frozen=True, eq=False)
class IOData:
    """What is trained on, and what is held out.

    Attributes:
        parts: pairs of networks and images, by the names of :data:`datasets.io_set.PARTS`.
        architectures: all of the space, labelled ones among them.
        unlabelled: without those of the set, seen or not.
    """

    parts: Mapping[str, Pairs]
    architectures: Architectures
    unlabelled: Architectures

    @property
    def held_out(self) -> dict[str, Pairs]:
        """The parts that are not trained on."""
        return {name: pairs for name, pairs in self.parts.items() if name != TRAIN}

    def sizes(self, settings: IOSettings) -> dict[str, int]:
        """Channels in and out, where the model of the settings sees images."""
        if not IO_MODELS[settings.model].sees_images:
            return {}
        train = self.parts[TRAIN]
        return {
            "in_channels": train.inputs[0].shape[1],
            "out_channels": train.targets.shape[-1],
        }


def load_io_data(
    io_set: IOSet,
    settings: IOSettings,
    space: SearchSpace | None = None,
    data_root: Path | None = None,
    seed: int = 1,
) -> IOData:
    """Targets of all parts, and the architectures beside them.

    Args:
        io_set: trained networks and images.
        settings: model and preprocessing.
        space: of the other architectures; default that of the networks.
        data_root: where the space's benchmark is, if it is needed.
        seed: of the split into training and held-out architectures.

    Raises:
        InputError: no such preprocessing, the set has no scalers for it, it has fewer networks or
            images than the settings name, or the space has other architectures than the set.
    """
    space = space or get_space(io_set.space)
    _check_space(io_set, space)
    architectures = load_architectures(space, data_root, seed, settings.cells_up_to)
    sees_images = IO_MODELS[settings.model].sees_images
    chosen = {
        name: _limited(io_set.part(name), settings)
        for name in (PARTS if sees_images else WITHOUT_IMAGES)
    }
    if sees_images:
        get_preprocessing(settings.preprocessing)
        pixels = io_set.pixels()
        parts = {
            name: _image_pairs(part, pixels, settings.preprocessing, space.max_nodes)
            for name, part in chosen.items()
        }
    else:
        parts = {name: _accuracy_pairs(part, space.max_nodes) for name, part in chosen.items()}
    return IOData(parts, architectures, architectures.without(io_set.hashes))


def _check_space(io_set: IOSet, space: SearchSpace) -> None:
    own = get_space(io_set.space)
    largest = int(io_set.graphs.num_nodes.max())
    if own.family != space.family or largest > space.max_nodes:
        raise InputError(
            f"the networks of the IO set are of {own.name}, with up to {largest} nodes, and "
            f"{space.name} has others, with up to {space.max_nodes}: choose a space of the family "
            f"{own.family} that holds them"
        )


def _limited(part: IOPart, settings: IOSettings) -> IOPart:
    """The part without training networks that are not used, and without images in training.

    Held-out images stay, and so do unseen networks.
    """
    if settings.networks is not None and part.networks.start < part.whole.training_networks:
        rows = _first(part.networks, settings.networks, part, "networks")
        part = replace(part, networks=rows)
    if settings.images is not None and part.name == TRAIN:
        part = replace(part, images=_first(part.images, settings.images, part, "images"))
    return part


def _first(rows: slice, count: int, part: IOPart, what: str) -> slice:
    """Those of the rows that are among the first ``count`` of the set."""
    whole = part.whole
    most = whole.training_networks if what == "networks" else whole.seen_images
    if not rows.start < count <= most:
        raise InputError(
            f"the setting {what} is {count}, and the part {part.name} needs {rows.start + 1} to "
            f"{most} of this IO set: give another number, or another set"
        )
    return slice(rows.start, min(rows.stop, count))


def _image_pairs(part: IOPart, pixels: Tensor, preprocessing: str, places: int) -> Pairs:
    targets = torch.from_numpy(part.targets(preprocessing))
    return _checked(Pairs(_padded(part.graphs, places), (pixels[part.images],), targets), part)


def _accuracy_pairs(part: IOPart, places: int) -> Pairs:
    """Test accuracies, fractions; there are no images, and one column of pairs."""
    targets = torch.from_numpy(part.test.astype("float32"))[:, None, None]
    return _checked(Pairs(_padded(part.graphs, places), (), targets), part)


def _checked(pairs: Pairs, part: IOPart) -> Pairs:
    """The pairs, after a check that their targets are numbers."""
    finite = pairs.targets.isfinite().flatten(1).all(1)
    if not finite.all():
        first = part.hashes[int((~finite).nonzero()[0, 0])]
        raise InputError(
            f"the part {part.name} of the IO set has targets that are not finite for "
            f"{int((~finite).sum())} of its {len(finite)} networks, {first} first: build the set "
            "without them"
        )
    return pairs


def _padded(graphs: GraphBatch, places: int) -> GraphBatch:
    """Graphs with so many places; those of a set may have been stored with more."""
    largest = int(graphs.num_nodes.max())
    if graphs.max_nodes > places:
        graphs = GraphBatch(
            graphs.types[:, :largest], graphs.adjacency[:, :largest, :largest], graphs.num_nodes
        )
    return graphs.padded(places)
