"""The data sets that architectures are trained and were measured on, by the names of benchmarks."""

from __future__ import annotations

from estimators.tasks.images import image_dimensions
from estimators.tasks.task import Dimensions

DATA_SETS: dict[str, Dimensions] = {
    "digits": image_dimensions(10, in_channels=1, image_size=8),
    "cifar10": image_dimensions(10),
    "cifar10_info_nas": image_dimensions(10),
    "cifar10-valid": image_dimensions(10),
    "cifar100": image_dimensions(100),
    "ImageNet16": image_dimensions(120, image_size=16),
    "ImageNet16-120": image_dimensions(120, image_size=16),
}
"""Name → what it decides of a network, which is known without reading it; a new one is a line."""
