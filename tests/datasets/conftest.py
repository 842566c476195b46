"""Shared by the tests of architectures and spaces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from datasets.graph import ArchitectureGraph
from datasets.testing import random_dag as drawn_dag
from datasets.testing import relabelled

Relabel = Callable[[ArchitectureGraph, np.random.Generator], ArchitectureGraph]


@pytest.fixture(scope="session")
def relabel() -> Relabel:
    """Put a graph's nodes into a random topological order."""
    return relabelled


@pytest.fixture(scope="session")
def random_dag() -> Callable[..., ArchitectureGraph]:
    """Draw a labelled DAG; few types and regular edges make symmetric ones likely."""
    return drawn_dag
