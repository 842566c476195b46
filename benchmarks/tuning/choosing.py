"""Choosing one of several settings by a rule that is fixed before anything is measured.

A *task* measures a candidate with a seed, on architectures, labels or starts that no reported
number uses. Every measurement is kept as it comes, so that a run that was stopped goes on where it
was; the candidate with the best mean score is the choice, and :func:`verdict` says whether it is
what the suite does today.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.prediction import RESULTS, kept, note_machine
from experiment.files import write_json
from experiment.progress import progress
from Training_VAE.settings import TrainingSettings, load_settings

FIRST_SEED = 100
"""Reported runs have the seeds from 0 on, at most 20 of them."""

Scores = dict[str, float]
"""Name of a quantity → its value in one run. The first one decides."""
Measure = Callable[[str, int], Scores]
"""Measures the candidate of this name with this seed."""


def settings_of(candidate: str, space: str, section: str) -> TrainingSettings:
    """The settings that ``preset key=value …`` names.

    Args:
        candidate: a preset, and what differs from it.
        space: name of the search space.
        section: table of the preset.

    Raises:
        InputError: something is no preset, no setting, or no value.
    """
    preset, *changes = candidate.split()
    overrides: dict[str, Any] = {}
    for change in changes:
        name, _, value = change.partition("=")
        try:
            overrides |= tomllib.loads(f"{name} = {value}")
        except tomllib.TOMLDecodeError:
            overrides[name] = value
    return load_settings(preset, space, overrides, section)


def own_half(rows: int) -> np.ndarray:
    """The rows of a table that settings are chosen on: a random half. **Shape** (rows // 2,)."""
    order = np.random.default_rng(FIRST_SEED).permutation(rows)
    return np.sort(order[: rows // 2])


def measure_all(
    path: Path, task: str, candidates: Sequence[str], seeds: int, measure: Measure
) -> dict[str, dict[str, Scores]]:
    """Measure what is not kept yet, seed by seed.

    Args:
        path: file that keeps the measurements of all tasks.
        task: what is chosen, and how many labels or queries it has.
        candidates: names.
        seeds: how many, from :data:`FIRST_SEED` on.
        measure: called for what is missing.

    Returns:
        Candidate → seed → scores, with everything that is kept of the task.
    """
    wanted = [(seed, name) for seed in range(FIRST_SEED, FIRST_SEED + seeds) for name in candidates]
    for seed, name in progress(wanted, task, "runs"):
        record = kept(path)
        runs = record["results"].setdefault(task, {}).setdefault(name, {})
        if str(seed) not in runs:
            note_machine(record, f"{task}: {name}", runs)
            runs[str(seed)] = measure(name, seed)
            write_json(path, record)
    return dict(kept(path)["results"][task])


def means(runs: Mapping[str, Mapping[str, Scores]], candidate: str) -> Scores:
    """Of each quantity over the seeds that every candidate has been measured with."""
    common = set.intersection(*(set(each) for each in runs.values()))
    rows = [scores for seed, scores in runs[candidate].items() if seed in common]
    if not rows:
        return {}
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def verdict(
    task: str, runs: Mapping[str, Mapping[str, Scores]], today: str, *, largest: bool
) -> list[str]:
    """The candidates, best first, and whether the best one is today's.

    Args:
        task: what is chosen.
        runs: candidate → seed → scores.
        today: the candidate that the suite takes today.
        largest: whether a larger score is better.
    """
    scores = {name: means(runs, name) for name in runs}
    scores = {name: each for name, each in scores.items() if each}
    if not scores:
        return [f"{task}: no seed has been measured with every candidate"]
    first = next(iter(next(iter(scores.values()))))
    order = sorted(scores, key=lambda name: scores[name][first], reverse=largest)
    common = set.intersection(*(set(each) for each in runs.values()))
    lines = [f"{task}, {len(common)} seeds:"]
    for name in order:
        shown = ", ".join(f"{key} {value:.4g}" for key, value in scores[name].items())
        lines.append(f"  {'*' if name == today else ' '} {name:<55} {shown}")
    same = order[0] == today
    lines.append(
        f"  today's setting (*) is {'confirmed' if same else f'not the first: {order[0]}'}"
    )
    return lines


def place(name: str) -> Path:
    """Where the measurements of a script are kept."""
    return RESULTS / f"tuning_{name}.json"
