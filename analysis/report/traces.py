"""Searches as curves: the incumbent after every query, and its spread over the seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from analysis.report.runs import Run
from datasets.objective import ACCURACY, Objective
from experiment.errors import InputError

PROTOCOL = (
    "space",
    "dataset",
    "estimator",
    "trial",
    "predictor",
    "features",
    "labels",
    "training",
    "candidates",
    "limit",
    "objective",
    "known",
)
"""Settings that searches must share to be drawn into one chart."""
NOT_A_VARIANT = ("stage", "method", "seed", "queries", *PROTOCOL)
"""Settings that do not tell one way of searching from another."""
LATENCY = "latency."
"""Begins the names of latencies among the details of a measurement; they are in milliseconds."""
TOLERANCE = 1e-9
"""How far from the best a value may lie that counts as equal to it, as a share of the best where
that is above 1."""
TIMES = 200
"""Points of a curve over time."""


@dataclass(frozen=True)
class Trace:
    """What one search did.

    Attributes:
        run: its folder.
    """

    run: Run

    @cached_property
    def objective(self) -> Objective:
        """What was looked for."""
        return Objective.read(self.run.config)

    @cached_property
    def lines(self) -> list[dict[str, Any]]:
        """What was measured and cost a query, in order.

        Raises:
            InputError: a line does not say what was measured.
        """
        found = [line for line in self.run.metrics if line.get("query") is not None]
        for line in found:
            if "hash" not in line:
                raise InputError(
                    f"query {line['query']} in {str(self.run.path / 'metrics.jsonl')!r} has no "
                    "'hash' of what was measured: it is no run of Bayesian_Optimization/search.py"
                )
        return found

    @cached_property
    def unknown(self) -> int:
        """Proposed architectures that cost no query, as they are not in the table."""
        measured = sum(line.get("event") == "measured" for line in self.run.metrics)
        return measured - len(self.lines)

    @property
    def queries(self) -> int:
        """How many there were."""
        return len(self.lines)

    @property
    def has_truth(self) -> bool:
        """Whether the true means of a table are known."""
        last = self._last_incumbent()
        return last.get("true_validation") is not None

    def incumbent(self, metric: str, *, true: bool) -> np.ndarray:
        """A figure of the incumbent after every query, NaN where there is none. **Shape** (Q,).

        Args:
            metric: ``validation`` or ``test``.
            true: the mean over all trials, instead of what the search was shown.
        """
        key = f"true_{metric}" if true else metric
        found = [(line.get("incumbent") or {}).get(key) for line in self.lines]
        return np.array([np.nan if value is None else value for value in found], dtype=np.float64)

    def figure(self, name: str) -> np.ndarray:
        """A figure of what every query measured, NaN where there is none. **Shape** (Q,)."""
        found = [line.get(name) for line in self.lines]
        return np.array([np.nan if value is None else value for value in found], dtype=np.float64)

    def costs(self) -> list[str]:
        """Names of what is known of the architectures' costs, see :meth:`cost`."""
        details = dict.fromkeys(name for line in self.lines for name in line.get("details") or {})
        latencies = [name for name in details if name.startswith(LATENCY)]
        return list(dict.fromkeys(["parameters", *latencies, *self.limit]))

    def cost(self, name: str) -> np.ndarray:
        """A cost of every query's architecture, NaN where it is not known. **Shape** (Q,)."""
        found = [_cost(line, name) for line in self.lines]
        return np.array([np.nan if value is None else value for value in found], dtype=np.float64)

    @cached_property
    def limit(self) -> dict[str, tuple[Objective, float]]:
        """The cost that was limited, its direction and bound; empty without a limit."""
        written = str(self.run.config.get("limit") or "")
        sign = ">=" if ">=" in written else "<="
        name, _, bound = written.partition(sign)
        cost = Objective(name.strip(), maximise=sign == ">=")
        return {cost.name: (cost, float(bound))} if bound else {}

    def price(self, name: str) -> Objective:
        """A cost as an objective: minimised, unless the run has a lower bound on it."""
        return self.limit[name][0] if name in self.limit else Objective(name, maximise=False)

    def allowed(self) -> list[dict[str, Any]]:
        """The queries whose architectures keep the limit; all, where there is none."""
        return [
            line
            for line in self.lines
            if all(
                (found := _cost(line, name)) is not None and not cost.better(bound, found)
                for name, (cost, bound) in self.limit.items()
            )
        ]

    def improvements(self) -> list[int]:
        """Positions of the queries that found a new incumbent."""
        hashes = [(line.get("incumbent") or {}).get("hash") for line in self.lines]
        return [k for k, hash in enumerate(hashes) if hash and (not k or hashes[k - 1] != hash)]

    def queries_to(self, value: float, *, true: bool) -> int | None:
        """Queries until the incumbent's value is as good as ``value``; ``None``: it never is."""
        ahead = self.objective.sign * (self.incumbent("validation", true=true) - value)
        reached = np.flatnonzero(ahead >= -TOLERANCE * max(1.0, abs(value)))
        return int(reached[0]) + 1 if len(reached) else None

    def choosing_seconds(self) -> float:
        """What choosing took, all batches together."""
        return sum(line.get("seconds") or 0.0 for line in self.run.metrics if "names" in line)

    def _last_incumbent(self) -> dict[str, Any]:
        found = [line["incumbent"] for line in self.lines if line.get("incumbent")]
        return found[-1] if found else {}


@dataclass(frozen=True)
class Spread:
    """A curve over several runs. All of **shape** (K,).

    Attributes:
        x: queries, or hours.
        median: of the runs that got so far.
        low: their lower quartile.
        high: their upper quartile.
        mean: of them.
        std: sample standard deviation, NaN for one run.
        runs: how many got so far.
    """

    x: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    runs: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, curves: np.ndarray) -> Spread:
        """Of curves, NaN where one has no value. **Shape** (K,) and (runs, K)."""
        runs = np.isfinite(curves).sum(axis=0)
        kept = runs > 0
        x, curves, runs = x[kept], curves[:, kept], runs[kept]
        if not len(x):
            return cls(*[x.astype(np.float64)] * 7)
        low, median, high = np.nanquantile(curves, (0.25, 0.5, 0.75), axis=0)
        mean = np.nanmean(curves, axis=0)
        total = np.nansum((curves - mean) ** 2, axis=0)
        std = np.sqrt(total / np.where(runs > 1, runs - 1, np.nan))
        return cls(x, median, low, high, mean, std, runs)

    def regret(self, best: float, objective: Objective = ACCURACY) -> Spread:
        """What the curve lacks to ``best``, in percentage points or the objective's unit."""
        edges = (self.high, self.low) if objective.maximise else (self.low, self.high)
        factor = objective.scale * objective.sign
        median, low, high, mean = (
            factor * (best - values) for values in (self.median, *edges, self.mean)
        )
        return Spread(self.x, median, low, high, mean, objective.scale * self.std, self.runs)


@dataclass(frozen=True)
class Contestant:
    """One way of searching, with all its seeds.

    Attributes:
        label: the method, and what tells it from others of the same method.
        traces: a run each, by seed.
    """

    label: str
    traces: Sequence[Trace]

    @property
    def first(self) -> Trace:
        """The run with the lowest seed."""
        return self.traces[0]

    def over_queries(self, metric: str, *, true: bool) -> Spread:
        """The incumbent after every query."""
        curves = [trace.incumbent(metric, true=true) for trace in self.traces]
        length = max(map(len, curves))
        padded = [np.pad(each, (0, length - len(each)), constant_values=np.nan) for each in curves]
        return Spread.of(np.arange(1, length + 1), np.array(padded))

    def over_time(self, metric: str, *, true: bool) -> Spread:
        """The incumbent after so many simulated hours, up to the end of each run."""
        times = [trace.figure("simulated_seconds") for trace in self.traces]
        every = np.unique(np.concatenate(times))
        every = every[np.isfinite(every)]
        grid = every[np.linspace(0, len(every) - 1, min(TIMES, len(every))).astype(int)]
        curves = []
        for trace, seconds in zip(self.traces, times, strict=True):
            values = trace.incumbent(metric, true=true)
            position = np.searchsorted(seconds, grid, side="right") - 1
            inside = (position >= 0) & (grid <= np.nanmax(seconds))
            curves.append(np.where(inside, values[position.clip(0)], np.nan))
        return Spread.of(grid / 3600, np.array(curves))


def _cost(line: Mapping[str, Any], name: str) -> float | None:
    """A cost among the figures of a measurement, or else among its details."""
    return line[name] if name in line else (line.get("details") or {}).get(name)


def contests(runs: Sequence[Run]) -> list[list[Run]]:
    """Searches by what they have in common: one list for each protocol, in the order given."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        key = repr([run.config.get(name) for name in PROTOCOL])
        groups.setdefault(key, []).append(run)
    return list(groups.values())


def contestants(runs: Sequence[Run]) -> list[Contestant]:
    """The ways of searching among runs of one protocol; runs without a query are left out."""
    traces = [trace for trace in map(Trace, runs) if trace.queries]
    differing = _differing([trace.run for trace in traces])
    groups: dict[str, list[Trace]] = {}
    for trace in traces:
        config = trace.run.config
        method = str(config.get("method"))
        varied = [f"{name} {_brief(config.get(name))}" for name in differing.get(method, ())]
        groups.setdefault(", ".join([method, *varied]), []).append(trace)
    return [
        Contestant(label, sorted(group, key=lambda trace: trace.run.config.get("seed") or 0))
        for label, group in groups.items()
    ]


def _differing(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Method → the settings in which its runs differ."""
    by_method: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        by_method.setdefault(str(run.config.get("method")), []).append(run.config)
    found = {}
    for method, configs in by_method.items():
        names = dict.fromkeys(name for config in configs for name in config)
        found[method] = [
            name
            for name in names
            if name not in NOT_A_VARIANT and len({repr(config.get(name)) for config in configs}) > 1
        ]
    return found


def _brief(value: Any) -> str:
    """A setting in a few words."""
    return f"of {len(value)}" if isinstance(value, list | dict) else str(value)
