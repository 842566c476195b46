"""The data sets that architectures are trained and were measured on, by the names of benchmarks."""

from __future__ import annotations

from estimators.tasks.images import image_dimensions
from estimators.tasks.task import Dimensions


def node_dimensions(num_classes: int, in_features: int) -> Dimensions:
    """What a graph whose nodes are classified decides of a network.

    Args:
        num_classes: classes, or targets, that are predicted of a node.
        in_features: features of a node.
    """
    return Dimensions({"num_classes": num_classes, "in_features": in_features})


DATA_SETS: dict[str, Dimensions] = {
    "digits": image_dimensions(10, in_channels=1, image_size=8),
    "cifar10": image_dimensions(10),
    "cifar10_info_nas": image_dimensions(10),
    "cifar10-valid": image_dimensions(10),
    "cifar100": image_dimensions(100),
    "ImageNet16": image_dimensions(120, image_size=16),
    "ImageNet16-120": image_dimensions(120, image_size=16),
    "cora": node_dimensions(7, 1433),
    "citeseer": node_dimensions(6, 3703),
    "pubmed": node_dimensions(3, 500),
    "cs": node_dimensions(15, 6805),
    "physics": node_dimensions(5, 8415),
    "photo": node_dimensions(8, 745),
    "computers": node_dimensions(10, 767),
    "arxiv": node_dimensions(40, 128),
    "proteins": node_dimensions(112, 8),
}
"""Name → what it decides of a network, which is known without reading it; a new one is a line."""
