"""How fast arch2vec is trained and encodes a whole space, by preset.

    python benchmarks/arch2vec_speed.py [--threads 1] [--repeats 5] [--out FILE.json]

A figure is the median of timed stretches, which alternate over spaces and presets so that a drift
of the machine's speed meets all of them. Training steps are those of ``train_arch2vec.py`` at the
preset's batch size; the whole space is encoded once, after a warm-up.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets import get_space
from datasets.batch import GraphBatch
from experiment.arguments import output_file, parser, positive_int
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json
from experiment.optimisation import make_optimisers
from models import Embedding, build_model
from Training_VAE.settings import Arch2vecSettings, load_settings

PRESETS = ("published", "info_nas", "default", "directed")
SPACES = ("NB201", "NB101")
PUBLISHED = 2_300
"""Graphs a second of the published code on NB201 in batches of 32 on two cores, float32, measured
elsewhere."""
STRETCH = 4096
"""Graphs in a timed stretch."""


def make_stretch(preset: str, space_name: str) -> tuple[Embedding, Callable[[], None]]:
    """A model, and training steps over :data:`STRETCH` uniform architectures."""
    settings = load_settings(preset, space_name, {}, "arch2vec")
    assert isinstance(settings, Arch2vecSettings)
    space = get_space(space_name)
    graphs = space.sample_batch(STRETCH, np.random.default_rng(0))
    model = build_model(settings.model, settings.sizes(space, settings.model)).train()
    optimisers = make_optimisers(model, settings.optimisation)
    size = settings.batch_size

    def stretch() -> None:
        for first in range(0, STRETCH, size):
            optimisers.zero_grad()
            model.loss(graphs[first : first + size], settings.objective).total.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), settings.gradient_clip or np.inf)
            optimisers.step()

    return model, stretch


def seconds(call: Callable[[], object]) -> float:
    """That a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main(arguments: Sequence[str] | None = None) -> int:
    """Print and, on request, store the figures."""
    flags = parser("Measure the speed of arch2vec.")
    flags.add_argument("--threads", type=positive_int, default=1)
    flags.add_argument("--repeats", type=positive_int, default=5)
    flags.add_argument("--out", type=output_file, help="JSON file to write")
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    rows = []
    for space_name in SPACES:
        made = {preset: make_stretch(preset, space_name) for preset in PRESETS}
        for _, stretch in made.values():
            stretch()
        times: dict[str, list[float]] = {preset: [] for preset in PRESETS}
        for _ in range(given.repeats):
            for preset, (_, stretch) in made.items():
                times[preset].append(seconds(stretch))
        whole = GraphBatch.cat(get_space(space_name).enumerate())
        for preset, (model, _) in made.items():
            model.eval().encode_all(whole[:STRETCH])
            rates = [STRETCH / each for each in times[preset]]
            rate = statistics.median(rates)
            row = {
                "space": space_name,
                "preset": preset,
                "graphs_per_second": rate,
                "spread": [min(rates), max(rates)],
                "times_published": rate / PUBLISHED if space_name == "NB201" else None,
                "whole_space_seconds": seconds(partial(model.encode_all, whole)),
            }
            rows.append(row)
            print(row, flush=True)
    if given.out:
        result = {"rows": rows, "threads": given.threads}
        write_json(given.out, {**result, "environment": describe_environment(0)})
    return 0


if __name__ == "__main__":
    run_command(main)
