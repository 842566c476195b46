"""Look one architecture up.

``python -m datasets.query --space NB101 --hash H`` or ``--arch '{"matrix": …, "ops": …}'``
"""

from __future__ import annotations

import math
from typing import Any

from datasets.benchmark import Benchmark
from datasets.spaces.notation import excerpt
from experiment.errors import run_command
from experiment.files import plain


def look_up(
    benchmark: Benchmark, *, hash_: str | None = None, arch: str | None = None
) -> dict[str, Any]:
    """The answer for one architecture, given by its hash or its notation, ready for JSON.

    Accuracies are objects with their ``mean`` and ``trials`` (empty where only the mean is
    known), other metrics are means. What was not measured of a known architecture is ``None``.

    Raises:
        ArchitectureError: the notation is no member of the space.
        InputError: neither is given, or what is given as a hash is none.
    """
    graph = None if arch is None else benchmark.space.parse(arch)
    hash = benchmark.hash_of(hash_ if graph is None else graph)  # type: ignore[arg-type]
    row = benchmark.row(hash)
    answer: dict[str, Any] = {
        "space": benchmark.space.name,
        "dataset": benchmark.dataset,
        "hash": hash,
        "known": row is not None,
    }
    if row is None:
        return answer
    answer["architecture"] = benchmark.space.to_record(benchmark.graphs.graph(row))
    record = benchmark.query(hash)
    for key, metric in benchmark.metrics.items():
        mean = float(metric.mean()[row])
        if metric.unit == "fraction":
            trials = [] if metric.averaged else record.metrics[key].tolist()
            answer[key] = {"mean": mean, "trials": trials}
        else:
            whole = metric.unit == "parameters" and math.isfinite(mean)
            answer[key] = int(mean) if whole else mean
    return plain(answer)


def describe(answer: dict[str, Any], benchmark: Benchmark, name: str | None = None) -> str:
    """The answer as text for people.

    Args:
        answer: of :func:`look_up`.
        benchmark: that was asked.
        name: of the architecture as the user gave it; default: its hash.
    """
    given = answer["hash"] if name is None else f"{excerpt(name)}, hash {answer['hash']}"
    head = f"{answer['space']} on {answer['dataset']}, architecture {given}"
    if not answer["known"]:
        return f"{head}: not measured in this source. {benchmark.description}"
    lines = [head, f"  {benchmark.space.format(benchmark.graphs.graph(_row(benchmark, answer)))}"]
    lines += [
        f"  {key}: {_value(answer[key], metric.unit)}: {metric.description}"
        for key, metric in benchmark.metrics.items()
    ]
    return "\n".join([*lines, benchmark.description])


def _value(value: Any, unit: str) -> str:
    """One entry of an answer with its unit."""
    mean = value["mean"] if isinstance(value, dict) else value
    if mean is None:
        return "not measured"
    if not isinstance(value, dict):
        return f"{mean} {unit}"
    trials = ", ".join(f"{100 * trial:.3f}" for trial in value["trials"])
    return f"{100 * mean:.3f} % ({f'trials {trials}' if trials else 'mean over the trials'})"


def _row(benchmark: Benchmark, answer: dict[str, Any]) -> int:
    row = benchmark.row(str(answer["hash"]))
    assert row is not None  # the answer says that it is known
    return row


if __name__ == "__main__":
    from datasets.commands.query import main

    run_command(main)
