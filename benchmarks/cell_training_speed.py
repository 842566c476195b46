"""Training images a second of the network of an NB101 cell, against a plain ResNet-18.

    python benchmarks/cell_training_speed.py [--stem_channels 16] [--batch_size 64] [--threads 1]
    python benchmarks/cell_training_speed.py --device cuda --stem_channels 128 --batch_size 256 \
        --batches 50

The ResNet-18 (He et al. 2016, arXiv:1512.03385; its stem a 3×3 convolution, as is usual on CIFAR)
has the width at which its multiply-adds are nearest to the cell's. Both are trained by the same
loop on the same random images of 32×32 pixels, which are shifted, mirrored and cut. Every figure
is the median of several stretches in one process, alternating over networks, precisions and
memory layouts, so that a drift of the machine's speed meets all of them.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from datasets import get_space
from datasets.architecture_files import read_architectures
from datasets.images import ImageData, LabelledImages
from estimators.fitting import training_loop
from estimators.from_scratch import representative
from estimators.networks import NB101Design
from estimators.tasks.data_sets import DATA_SETS
from estimators.tasks.images import ImageRecipe, PreparedImages
from experiment.arguments import best_device, output_file, parser, positive_int
from experiment.environment import describe_environment
from experiment.errors import InputError, run_command
from experiment.files import write_json
from experiment.precision import Precision
from models.networks.layers import Convolution

SIDE = 32
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
CLOSE_ENOUGH = 0.1
"""Largest difference of the two networks' multiply-adds, as a share of the cell's."""


class Block(nn.Module):
    """Two 3×3 convolutions and a shortcut. **Shape** (B, C, H, W) → (B, ``width``, H/s, W/s)."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.first = Convolution(inputs, width, 3, stride=stride, padding=1)
        self.second = Convolution(width, width, 3, padding=1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(2))
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1:
            project = Convolution(inputs, width, 1, stride=stride)
            self.shortcut = nn.Sequential(project, nn.BatchNorm2d(width))

    def forward(self, images: Tensor) -> Tensor:
        """The block's output."""
        hidden = F.relu(self.norms[0](self.first(images)))
        return F.relu(self.norms[1](self.second(hidden)) + self.shortcut(images))


class ResNet18(nn.Module):
    """Stem, four stages of two blocks, classifier. **Shape** (B, 3, H, W) → (B, 10)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        stem = Convolution(3, width, 3, padding=1)
        layers: list[nn.Module] = [stem, nn.BatchNorm2d(width), nn.ReLU()]
        for stage in range(4):
            inputs, outputs = width * 2 ** max(stage - 1, 0), width * 2**stage
            layers += [Block(inputs, outputs, 2 if stage else 1), Block(outputs, outputs, 1)]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(8 * width, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Scores of the classes."""
        return self.classifier(self.features(images).mean(dim=(2, 3)))


def multiply_adds(network: nn.Module) -> int:
    """Multiply-adds of one image, as PyTorch counts them while the network runs."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network.eval()(torch.zeros(1, 3, SIDE, SIDE))
    return counter.get_total_flops() // 2


def resnet_width(wanted: int) -> int:
    """The width of the ResNet-18 whose multiply-adds are nearest to ``wanted``.

    Raises:
        InputError: they differ by more than a tenth.
    """
    # Almost all of them grow with the square of the width.
    guess = round(64 * (wanted / multiply_adds(ResNet18(64))) ** 0.5)
    nearby = range(max(guess - 2, 1), guess + 3)
    width = min(nearby, key=lambda each: abs(multiply_adds(ResNet18(each)) - wanted))
    found = multiply_adds(ResNet18(width))
    if abs(found - wanted) > CLOSE_ENOUGH * wanted:
        raise InputError(
            f"no ResNet-18 has about {wanted:,} multiply-adds, the nearest has {found:,}: "
            "give the cell more --stem_channels"
        )
    return width


def random_images(count: int, device: torch.device) -> ImageData:
    """Images of noise: the time does not depend on what they show."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (count, 3, SIDE, SIDE), dtype=torch.uint8, generator=generator)
    images = LabelledImages(pixels, torch.randint(10, (count,), generator=generator))
    nothing = images.subset(torch.arange(0))
    scale = torch.full((3,), 128.0)
    return ImageData("noise", 10, scale, scale / 2, images, nothing, nothing).to(device)


def rate(make: Callable[[], nn.Module], data: ImageData, recipe: ImageRecipe) -> float:
    """Images a second of a short training."""
    network = make()
    loop = training_loop(network, PreparedImages(data, recipe), seed=0, shown=False)
    loop.run(lambda epoch, means: None)
    return len(data.train) / loop.seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Print and, on request, store the figures."""
    flags = parser("Measure the speed of training the network of a cell.")
    flags.add_argument("--cell", default="best_validation", help="as for train_cell.py")
    flags.add_argument("--stem_channels", type=positive_int, default=16)
    flags.add_argument("--batch_size", type=positive_int, default=64)
    flags.add_argument("--batches", type=positive_int, default=4, help="of a stretch")
    flags.add_argument("--repeats", type=positive_int, default=5)
    flags.add_argument("--threads", type=positive_int, default=1)
    flags.add_argument("--device", default="cpu")
    flags.add_argument("--out", type=output_file, help="JSON file to write")
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    device = best_device(given.device)

    space = get_space("NB101")
    cell = representative(read_architectures(given.cell, space)[0], space)
    data = random_images(given.batch_size * given.batches, device)
    design = NB101Design(given.stem_channels, batch_norm_momentum=0.1)
    own = multiply_adds(design.build(cell, DATA_SETS["cifar10"]))
    width = resnet_width(own)
    networks: dict[str, Callable[[], nn.Module]] = {
        "NB101": lambda: design.build(cell, DATA_SETS["cifar10"]),
        "ResNet-18": lambda: ResNet18(width),
    }
    counts = {name: multiply_adds(make()) for name, make in networks.items()}
    sizes = {"NB101": given.stem_channels, "ResNet-18": width}
    for name, count in counts.items():
        print(f"{name}, width {sizes[name]}: {count / 1e6:,.1f} million multiply-adds an image")

    recipe = ImageRecipe(
        1, given.batch_size, 0.01, "sgd", "constant", 5e-4, padding=4, flip=True, cutout_length=16
    )
    recipes = {
        (precision, layout): dataclasses.replace(
            recipe, precision=precision, channels_last=layout == "channels_last"
        )
        for precision, layout in product(PRECISIONS, ("contiguous", "channels_last"))
    }
    settings = list(product(recipes, networks))
    rates: dict[Any, list[float]] = {setting: [] for setting in settings}
    for repeat in range(given.repeats + 1):
        for kind, name in settings:
            measured = rate(networks[name], data, recipes[kind])
            if repeat:  # the first one warms up
                rates[kind, name].append(measured)
    median = {setting: statistics.median(values) for setting, values in rates.items()}
    best = {name: max(median[kind, name] for kind in recipes) for name in networks}
    rows = []
    for (kind, name), value in median.items():
        values = rates[kind, name]
        row = {
            "network": name,
            "precision": kind[0],
            "layout": kind[1],
            "images_per_second": round(value, 1),
            "spread": [round(min(values), 1), round(max(values), 1)],
            "gflop_per_second": round(6 * counts[name] * value / 1e9, 1),
            "times_resnet": round(value / median[kind, "ResNet-18"], 2),
            "share_of_own_best": round(value / best[name], 2),
        }
        rows.append(row)
        print(row, flush=True)
    if given.out:
        result = {
            "rows": rows,
            "cell": given.cell,
            "multiply_adds": counts,
            "width": sizes,
            "batch_size": given.batch_size,
            "batches": given.batches,
            "repeats": given.repeats,
        }
        write_json(given.out, {**result, "environment": describe_environment(0, device)})
        print(json.dumps({"written": str(given.out)}))
    return 0


if __name__ == "__main__":
    run_command(main)
