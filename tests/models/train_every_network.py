"""Trains every kind of network for a step, and evaluates it.

A script: what a broken kernel does to the heap is to end this process, and not the tests'.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np
import torch
from torch import nn

from benchmarks.cell_training_speed import ResNet18
from datasets.images import ImageData, LabelledImages
from datasets.registry import SPACES, get_space
from estimators.fitting import fit
from estimators.from_scratch import representative
from estimators.networks import ENASDesign, NB101Design, NB201Design, check_data, load_design
from estimators.tasks.images import ImageRecipe, PreparedImages, image_dimensions
from experiment.errors import InputError
from predictors.small_networks import SMALL_NETWORKS
from predictors.zero_cost import all_scores
from tests.operations import Operations

WIDTHS = {"default": 2, "digits101": 4}
"""Preset → channels of the first images: fewer than 8, where a kernel of PyTorch was broken."""
WIDTH_OF = {NB101Design: "stem_channels", NB201Design: "channels", ENASDesign: "filters"}
SIDE = 8
BATCH = 12


def random_images(channels: int) -> ImageData:
    """As many as a training step and an evaluation need."""
    generator = torch.Generator().manual_seed(0)

    def part(n: int) -> LabelledImages:
        pixels = torch.randint(256, (n, channels, SIDE, SIDE), generator=generator)
        labels = torch.randint(10, (n,), generator=generator)
        return LabelledImages(pixels.to(torch.uint8), labels)

    colour = torch.full((channels,), 128.0)
    return ImageData("random", 10, colour, colour / 2, part(BATCH), part(4), part(4))


def trained_networks() -> Iterator[tuple[str, nn.Module, ImageRecipe]]:
    """The networks of all spaces by all presets, but for their width, and a recipe of one step."""
    for preset, width in WIDTHS.items():
        for name in SPACES:
            space = get_space(name)
            try:
                design = load_design(preset, space)
                sections = (*space.preset_sections, "CIFAR-10")
                recipe = ImageRecipe.load(preset, *sections, overrides=ONE_STEP)
                check_data(design, image_dimensions(10), "images")
            except InputError:  # a preset has no recipe for every space, graph networks no images
                continue
            (graph,) = space.sample(1, np.random.default_rng(1))
            small = dataclasses.replace(design, **{WIDTH_OF[type(design)]: width})
            network = small.build(representative(graph, space), image_dimensions(10))
            yield f"{name}, {preset}, {width} channels", network, recipe
    yield "ResNet-18, 4 channels", ResNet18(4), recipe


ONE_STEP = {"epochs": 1, "batch_size": BATCH, "precision": "float32", "cutout_length": 0}
IMAGES = random_images(3)


def main() -> None:
    """Print a line for each network, and then what was found, as JSON."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with Operations() as operations:
        for name, network, recipe in trained_networks():
            print(name, flush=True)
            fit(network, PreparedImages(IMAGES, recipe), seed=0)
        for kind in SMALL_NETWORKS.values():
            print(f"scores at initialisation of {kind.name}", flush=True)
            (cell,) = get_space(kind.name).sample(1, np.random.default_rng(1))
            chosen = kind.representative(cell)
            assert chosen is not None
            images = IMAGES.train.images.float()
            all_scores(kind.build(chosen, 3, 10), images, IMAGES.train.labels)
    found = {
        "convolutions": operations.convolutions,
        "strided": sorted(operations.strided),
        "half": sorted(operations.in_half_precision),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
