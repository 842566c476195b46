"""The main job's steps on this processor, on one without AVX-512, and with a core taken away.

    python benchmarks/any_machine.py [--repeats 3] [--out benchmarks/results/any_machine_NAME.json]

A step is what the main job repeats: a training step of the VAE, greedy decoding, the fit of a
predictor, the training of a cell, a proposal of a search. Every one is timed with one thread and
with two, in turns, in a process of its own: as it is, and with the environment variables that let
a newer x86 processor run the kernels of one with AVX2 alone; by itself, and beside a process that
keeps one core busy. The ratios are medians over the repeats of one process, of wall-clock time
and of processor time. On a machine that does other work, read the latter, and repeat.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np
import torch

from datasets import get_space
from datasets.batch import GraphBatch
from estimators.from_scratch import FromScratch
from estimators.measurement import Measurement
from estimators.networks import load_design
from estimators.tasks.images import ImageClassification, ImageRecipe
from experiment.arguments import output_file, parser, positive_int
from experiment.environment import describe_environment
from experiment.errors import InputError, run_command
from experiment.files import write_json
from experiment.optimisation import make_optimisers
from models import build_model
from predictors.methods import make_predictor
from predictors.trained_vae import load_trained_vae
from searchers.domain import Candidates
from searchers.methods import make_searcher
from Training_VAE.settings import load_settings

SPACE = "DIGITS101"
AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
THREADS = (1, 2)
LABELS, DECODED, OBSERVED = 100, 200, 20
Times = dict[str, dict[str, list[float]]]
"""Step → ``wall_1``, ``wall_2``, ``cpu_1``, ``cpu_2``: seconds with so many threads, by repeat."""


def training_steps() -> Callable[[], object]:
    """Two steps of the main job's VAE training."""
    space = get_space(SPACE)
    settings = load_settings("default", SPACE, {}).resolved(torch.device("cpu"))
    model = build_model("SVGE", settings.sizes(space))
    model.compute_dtype = settings.compute_dtype(torch.device("cpu"))
    optimisers = make_optimisers(model, settings.optimisation)
    drawn = space.sample(settings.batch_size, np.random.default_rng(0))
    batch = GraphBatch.from_graphs(drawn, space.max_nodes)

    def run() -> None:
        for _ in range(2):
            optimisers.zero_grad()
            model.loss(batch, settings.objective).total.backward()
            optimisers.step()

    return run


def greedy_decoding() -> Callable[[], object]:
    """What the shipped weights decode of the latents of some cells."""
    space = get_space(SPACE)
    model = load_trained_vae(space)
    cells = space.sample(DECODED, np.random.default_rng(0))
    latents = model.encode_all(GraphBatch.from_graphs(cells, space.max_nodes)).flat
    return lambda: model.decode_greedily(latents)


def predictor_fit() -> Callable[[], object]:
    """A Gaussian process on the default features."""
    graphs, values = labelled(LABELS)
    return lambda: make_predictor(
        get_space(SPACE), "gp", ["statistics", "walks", "paths", "costs"]
    ).fit(graphs, values)


def cell_training() -> Callable[[], object]:
    """The network of one cell on the digits, by the preset of the main job."""
    space = get_space(SPACE)
    recipe, design = ImageRecipe.load("digits101"), load_design("digits101", get_space(SPACE))
    estimator = FromScratch(space, ImageClassification("digits"), design, recipe)
    cells = space.sample(1, np.random.default_rng(0))
    return lambda: list(estimator.measure(cells))


def search_step() -> Callable[[], object]:
    """What ``bo`` proposes after some measurements."""
    graphs, values = labelled(10 * OBSERVED)
    space = get_space(SPACE)

    def run() -> None:
        candidates = Candidates(space, graphs)
        searcher = make_searcher("bo", candidates, initial=OBSERVED)
        worth = dict(zip(candidates.hashes, values, strict=True))
        cells = searcher.ask(OBSERVED)
        hashes = [space.hash(cell) for cell in cells]
        searcher.tell(
            [
                Measurement(cell, name, "ok", validation=float(worth[name]))
                for cell, name in zip(cells, hashes, strict=True)
            ]
        )
        searcher.ask(1)

    return run


def labelled(count: int) -> tuple[GraphBatch, np.ndarray]:
    """Cells of the space, and a value that grows with their convolutions and edges."""
    graphs = GraphBatch.cat(get_space(SPACE).enumerate())
    graphs = graphs[:: len(graphs) // count][:count]
    values = (graphs.types == 3).sum(1) + 0.1 * graphs.adjacency.sum((1, 2))
    return graphs, values.double().numpy() / 10


STEPS: dict[str, Callable[[], Callable[[], object]]] = {
    "training_steps": training_steps,
    "greedy_decoding": greedy_decoding,
    "predictor_fit": predictor_fit,
    "cell_training": cell_training,
    "search_step": search_step,
}
"""Name → what prepares a step and returns it."""


def timed(names: Sequence[str], repeats: int) -> Times:
    """Times of the steps in this process; one and two threads take turns."""
    torch.manual_seed(0)
    result: Times = {}
    for name in names:
        run = STEPS[name]()
        run()  # builds what a process builds once
        times: dict[str, list[float]] = {}
        for _ in range(repeats):
            for threads in THREADS:
                torch.set_num_threads(threads)
                wall, cpu = time.perf_counter(), time.process_time()
                run()
                times.setdefault(f"wall_{threads}", []).append(time.perf_counter() - wall)
                times.setdefault(f"cpu_{threads}", []).append(time.process_time() - cpu)
        result[name] = times
    return result


def in_a_process(names: Sequence[str], repeats: int, variables: Mapping[str, str]) -> Times:
    """:func:`timed` in a process with more environment variables.

    Raises:
        InputError: the process failed.
    """
    command = [sys.executable, __file__, "--child", "--repeats", str(repeats), "--steps", *names]
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise InputError(f"the steps failed with {dict(variables)}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def busy_core() -> Iterator[None]:
    """A process beside the block that never waits."""
    beside = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        beside.kill()
        beside.wait()


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Median of the ratios of two series of times, to three digits."""
    pairs = zip(above, below, strict=True)
    return float(f"{statistics.median(a / b for a, b in pairs):.3g}")


def summary(runs: Mapping[str, Times]) -> dict[str, dict[str, float]]:
    """The ratios, by step.

    Args:
        runs: the times of ``native`` and, where they were measured, of ``avx2`` and
            ``native_busy``.

    Returns:
        Step → ``avx2_wall`` and ``avx2_cpu`` (time with AVX2 alone, in that of this processor, one
        thread), ``two_threads`` and ``two_threads_busy`` (wall-clock time with two threads, in
        that with one; the second beside a busy core).
    """
    ratios: dict[str, dict[str, float]] = {}
    for step, native in runs["native"].items():
        found = {"two_threads": ratio(native["wall_2"], native["wall_1"])}
        if "avx2" in runs:
            for clock in ("wall", "cpu"):
                slower = runs["avx2"][step][f"{clock}_1"]
                found[f"avx2_{clock}"] = ratio(slower, native[f"{clock}_1"])
        if "native_busy" in runs:
            busy = runs["native_busy"][step]
            found["two_threads_busy"] = ratio(busy["wall_2"], busy["wall_1"])
        ratios[step] = found
    return ratios


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the ratios and, on request, keep them and the times."""
    flags = parser("Time the main job's steps as they are, with AVX2 alone, and on a busy machine.")
    flags.add_argument("--repeats", type=positive_int, default=3, help="of each step")
    flags.add_argument("--steps", nargs="+", choices=list(STEPS), default=list(STEPS))
    flags.add_argument("--native_only", action="store_true", help="leave the emulation out")
    flags.add_argument("--quiet_only", action="store_true", help="keep no core busy")
    flags.add_argument("--child", action="store_true", help="print times alone, as JSON")
    flags.add_argument("--out", type=output_file, help="JSON file to write")
    given = flags.parse_args(arguments)
    if given.child:
        print(json.dumps(timed(given.steps, given.repeats)))
        return 0
    runs = {"native": in_a_process(given.steps, given.repeats, {})}
    if not given.native_only:
        runs["avx2"] = in_a_process(given.steps, given.repeats, AVX2)
    if not given.quiet_only:
        with busy_core():
            runs["native_busy"] = in_a_process(given.steps, given.repeats, {})
    ratios = summary(runs)
    for step, found in ratios.items():
        print(f"{step:<16}", "  ".join(f"{name} {value}" for name, value in found.items()))
    if given.out:
        result = {"ratios": ratios, "times": runs, "environment": describe_environment(0)}
        write_json(given.out, result)
    return 0


if __name__ == "__main__":
    run_command(main)
