"""The configuration of the public ``nasbench`` package: how every cell of the table was trained.

Names and values are the defaults of ``nasbench/lib/config.py`` in google-research/nasbench.
"""

from __future__ import annotations

from typing import Any

from datasets.spaces.nb101 import NB101
from datasets.spaces.nb101_cells import OPERATION_TYPES

AVAILABLE_OPS = tuple(NB101.types[kind] for kind in OPERATION_TYPES)
"""Operations between input and output, in the order in which module hashes number them."""


def build_config() -> dict[str, Any]:
    """A new dictionary of all settings, which the caller may change."""
    return {
        # Data files, needed to train only.
        "train_data_files": [],
        "valid_data_file": "",
        "test_data_file": "",
        "sample_data_file": "",
        "data_format": "channels_last",
        "num_labels": 10,
        # Limits of the space.
        "module_vertices": NB101.max_nodes,
        "max_edges": NB101.max_edges,
        "available_ops": list(AVAILABLE_OPS),
        # The network and its training.
        "stem_filter_size": 128,
        "num_stacks": 3,
        "num_modules_per_stack": 3,
        "batch_size": 256,
        "train_epochs": 108,
        "train_seconds": 4.0 * 60 * 60,
        "learning_rate": 0.1,
        "lr_decay_method": "COSINE_BY_STEP",
        "momentum": 0.9,
        "weight_decay": 1e-4,
        "max_attempts": 5,
        "intermediate_evaluations": ["0.5"],
        "num_repeats": 3,
        # The hardware that it was trained on.
        "use_tpu": True,
        "tpu_iterations_per_loop": 100,
        "tpu_num_shards": 2,
    }
