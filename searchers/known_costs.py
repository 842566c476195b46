"""Costs that are known before an architecture is measured, such as the parameters of a network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from datasets.pruning import prune_batch
from datasets.space import SearchSpace
from experiment.errors import InputError
from predictors.features.costs import cost_formula
from searchers.criteria import log_expected_gain
from searchers.limits import COLUMNS, COUNTED, table_costs

Costs = Callable[[GraphBatch], np.ndarray]
"""What architectures cost; less is better. **Shape** (B,), float64."""


def published_parameters(space: SearchSpace) -> Costs:
    """The parameters of the networks that the space's paper trains.

    Raises:
        InputError: no network family is known for the space.
    """
    formula = cost_formula(space)
    if formula is None:
        raise InputError(
            f"what networks of {space.name} cost is not known: give the costs of its architectures "
            "as a function of a batch, or choose a method that needs none"
        )

    def parameters(graphs: GraphBatch) -> np.ndarray:
        return formula(prune_batch(graphs.to("cpu"))).parameters.double().numpy()

    return parameters


def counted_costs(benchmark: Benchmark, name: str) -> Costs:
    """A cost of the rows of a table that follows from the architecture alone.

    Args:
        benchmark: the table.
        name: of the cost, see :func:`searchers.limits.table_costs`.

    Raises:
        InputError: the cost is known only once it is measured, or the table has no such metric.
    """
    if COLUMNS.get(name, name) not in COUNTED:
        raise InputError(
            f"the cost {name!r} is known only once it is measured, and this search needs it "
            f"before: choose {' or '.join(COUNTED)}, or --method hypervolume"
        )
    values = table_costs(benchmark, name)
    return lambda graphs: values[benchmark.rows(benchmark.space.hashes(graphs))]


def log_hypervolume_improvement(
    mean: Tensor,
    std: Tensor,
    costs: Tensor,
    front: tuple[Tensor, Tensor],
    worst: tuple[float, float],
) -> Tensor:
    """Logarithm of the expected gain in hypervolume, where values are normal and costs are known.

    An architecture of cost c and value v adds ∫ max(0, v − f(x)) dx over the costs x from c to the
    worst, where f(x) is the highest value on the front at a cost of x or less. f is a staircase:
    the expectation is the sum of the widths of its steps times the expected improvements on their
    heights: the expected hypervolume improvement (Emmerich, Deutz & Klinkenberg 2011) with one
    uncertain quantity.

    Args:
        mean: of each value. **Shape** (B,).
        std: its standard deviation. **Shape** (B,).
        costs: **shape** (B,).
        front: values and costs of the front, the lowest cost first. **Shape** (k,) each.
        worst: value and cost that the hypervolume is counted from; no member of the front has a
            lower value or a higher cost.

    Returns:
        **Shape** (B,); −∞ where nothing can be gained.
    """
    values, members = front
    heights = torch.cat([values.new_tensor([worst[0]]), values])
    begins = torch.cat([values.new_tensor([-torch.inf]), members])
    ends = torch.cat([members, values.new_tensor([worst[1]])])
    widths = (ends - torch.maximum(begins, costs[:, None])).clamp(min=0)
    gains = log_expected_gain(mean[:, None] - heights, std[:, None])
    return torch.logsumexp(gains + widths.log(), dim=1)
