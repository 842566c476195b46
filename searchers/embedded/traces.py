"""The published protocol: a table of vectors and values, and a budget of simulated seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from experiment.errors import InputError
from searchers.embedded.policy import Trainer, Walk
from searchers.embedded.vectors import check_vectors

Choose = Callable[
    [Sequence[Sequence[int]], np.ndarray, Sequence[Tensor], int, Sequence[np.random.Generator]],
    list[list[int]],
]
"""Rows that runs have measured, their values (R, n), what is open to each, how many, and the
generators → the best rows of each run."""
NB101_OPTIMA = (0.9505542318026224, 0.943175752957662)
"""Highest mean validation and test accuracy on NB101, over three trials each, as published."""


@dataclass(frozen=True)
class EmbeddedTable:
    """What a search by the published protocol sees of each architecture, and is judged by.

    Attributes:
        vectors: **shape** (M, D).
        validation: accuracies, 0 to 1. **Shape** (M,).
        test: accuracies, 0 to 1. **Shape** (M,).
        seconds: of the training. **Shape** (M,).
        optima: highest validation and test accuracy that there are.

    Raises:
        InputError: the shapes do not fit, or a training takes no time.
    """

    vectors: Tensor
    validation: np.ndarray
    test: np.ndarray
    seconds: np.ndarray
    optima: tuple[float, float] = NB101_OPTIMA

    def __post_init__(self) -> None:
        count = len(self.validation)
        check_vectors(self.vectors, count)
        shapes = {values.shape for values in (self.validation, self.test, self.seconds)}
        if shapes != {(count,)} or not (self.seconds > 0).all():
            raise InputError(
                f"a table of {count} architectures needs a validation accuracy, a test accuracy "
                "and positive seconds of each"
            )

    def check_budget(self, seconds: float) -> None:
        """Refuse a budget that no training fits in.

        Raises:
            InputError: the shortest training takes longer.
        """
        shortest = float(self.seconds.min())
        if not seconds >= shortest:
            raise InputError(
                f"the budget of {seconds:,.0f} simulated seconds is shorter than one query: the "
                f"shortest training of the table takes {shortest:,.0f} s"
            )

    def trace(self, chosen: Sequence[int]) -> Trace:
        """What is known after each of some queries, given by their rows."""
        rows = np.asarray(chosen, dtype=int)
        best = np.maximum.accumulate(self.validation[rows])
        # the first of equal ones stays the incumbent
        first = [int(np.argmax(self.validation[rows] == value)) for value in best]
        return Trace(
            rows,
            self.optima[0] - best,
            self.optima[1] - self.test[rows[first]],
            np.cumsum(self.seconds[rows]),
        )

    def trace_within(self, chosen: Sequence[int], budget: float) -> Trace:
        """The same, until a budget of simulated seconds is spent; the last query may exceed it."""
        spent = np.cumsum(self.seconds[np.asarray(chosen, dtype=int)])
        return self.trace(chosen[: int(np.searchsorted(spent, budget)) + 1])


@dataclass(frozen=True)
class Trace:
    """A search, query by query.

    Attributes:
        chosen: rows of the table. **Shape** (n,).
        regret_validation: of the incumbent by validation. **Shape** (n,).
        regret_test: of the same architecture. **Shape** (n,).
        runtime: simulated seconds so far. **Shape** (n,).
    """

    chosen: np.ndarray
    regret_validation: np.ndarray
    regret_test: np.ndarray
    runtime: np.ndarray


def walk_table(
    table: EmbeddedTable,
    walk: Walk,
    trainer: Trainer,
    noise: Iterable[Tensor],
    budget: float,
) -> Trace:
    """Let a policy walk through a table until a budget is spent; the last query may exceed it.

    Args:
        table: that is searched.
        walk: from where it starts, which costs nothing.
        trainer: has the policy, and updates it.
        noise: action − mean of each query. **Shape** (D,) each.
        budget: simulated seconds.

    Raises:
        InputError: the budget is shorter than one query, or no architecture is unvisited.
    """
    table.check_budget(budget)
    chosen: list[int] = []
    spent = 0.0
    for each in noise:
        if spent >= budget:
            break
        step = walk.next_step(trainer.policy, each)
        walk.take(step)
        trainer.add(step)
        trainer.receive(step.row, float(table.validation[step.row]))
        chosen.append(step.row)
        spent += float(table.seconds[step.row])
    trainer.finish()
    return table.trace(chosen)


def improve_tables(
    table: EmbeddedTable,
    choose: Choose,
    generators: Sequence[np.random.Generator],
    budget: float,
    *,
    initial: int = 16,
    batch: int = 5,
) -> list[Trace]:
    """Let several runs choose in rounds until each has spent a budget; the last may exceed it.

    Args:
        table: that is searched.
        choose: the best open rows of each run; DNGO's are
            ``partial(best_rows, table.vectors, settings)``.
        generators: of everything that a run draws.
        budget: simulated seconds.
        initial: random architectures at first.
        batch: architectures a round; published for NB201 is 1.

    Raises:
        InputError: the budget is shorter than one query, or no architecture is left.
    """
    table.check_budget(budget)
    count = len(table.validation)
    chosen = [each.permutation(count)[:initial].tolist() for each in generators]
    is_open = [torch.ones(count, dtype=torch.bool) for _ in generators]
    for rows, mask in zip(chosen, is_open, strict=True):
        mask[rows] = False
    while runs := [run for run, rows in enumerate(chosen) if table.seconds[rows].sum() < budget]:
        known = [chosen[run] for run in runs]
        found = choose(
            known,
            table.validation[np.array(known)],
            [is_open[run] for run in runs],
            batch,
            [generators[run] for run in runs],
        )
        for run, rows in zip(runs, found, strict=True):
            if not rows:
                raise InputError(
                    f"all {count} architectures of the table are measured within the budget: give "
                    "fewer simulated seconds, or a larger table"
                )
            is_open[run][rows] = False
            chosen[run] += rows
    return [table.trace(rows) for rows in chosen]
