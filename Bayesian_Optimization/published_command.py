"""What ``bo.py``, ``bo_nb101.py`` and ``bo_nb201.py`` share: flags, seeds, folders, last words."""

from __future__ import annotations

import json
import time
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from analysis.figures import latent_map, save_figure
from Bayesian_Optimization.published import (
    DRAWS,
    Experiment,
    PublishedMethod,
    PublishedSettings,
    divided,
    perform,
)
from datasets import get_benchmark
from datasets.benchmark import Benchmark
from datasets.labels import PUBLISHED_SEARCH_LABELS
from datasets.objective import Objective
from datasets.source_record import announce, source_entries
from experiment.arguments import (
    Parser,
    add_common,
    best_device,
    positive_int,
    share,
)
from experiment.errors import InputError
from experiment.files import plain
from experiment.paths import REPOSITORY_ROOT
from experiment.run import RunFolder
from experiment.schema import Stage
from experiment.threads import use_threads
from models import MODELS, Embedding, load_vae
from predictors.trained_vae import check_vae
from searchers.domain import Candidates, WholeSpace
from searchers.latent.decoding import Decoding, Masks, Modal, Nearest
from searchers.latent.space import LatentSpace
from searchers.problem import known_rows, surrogate_problem, table_problem

RUNS = REPOSITORY_ROOT / "runs" / "bo"
ESTIMATORS = ("table", "surrogate")


def add_cell_flags(flags: Parser, space: str) -> None:
    """Add what the commands for spaces of cells have, in the published spelling.

    Args:
        flags: the parser.
        space: name of the search space.
    """
    add_published_flags(flags, space)
    flags.add_argument("--model_name", default="SVGE", choices=list(MODELS), help="the VAE")
    flags.add_argument("--data_type", default=space, choices=[space], help="the space")
    flags.add_argument("--log_dir", type=Path, help="folder of the runs (default: runs/bo)")
    flags.add_argument(
        "--saved_log_dir",
        dest="weights",
        type=Path,
        help="folder of the weights (default: those that are shipped)",
    )


def add_published_flags(flags: Parser, space: str) -> None:
    """Add what all three commands have.

    Args:
        flags: the parser.
        space: name of the search space.
    """
    flags.add_argument("--BO_rounds", type=positive_int, default=10, help="rounds")
    flags.add_argument("--BO_batch_size", type=positive_int, default=50, help="points of a round")
    flags.add_argument(
        "--checkpoint", type=positive_int, help="epoch of the weights (default: the last one)"
    )
    flags.add_argument(
        "--sample_dist",
        default="uniform",
        choices=list(DRAWS),
        help="how random points of the training box are drawn",
    )
    flags.add_argument(
        "--random_baseline",
        action="store_true",
        help="search by random points of the same box as well, in a folder of its own",
    )
    flags.add_argument(
        "--share",
        type=share,
        default=1.0,
        help="part of the training architectures that the labelled ones are drawn from",
    )
    flags.add_argument(
        "--keep", type=positive_int, default=1000, help="labelled architectures to begin with"
    )
    flags.add_argument(
        "--decodings", type=positive_int, default=500, help="of each point; most of them decide"
    )
    flags.add_argument(
        "--inducing", type=positive_int, default=500, help="points of the sparse Gaussian process"
    )
    flags.add_argument(
        "--no_masks", action="store_true", help="let the decoder build what is no member, too"
    )
    flags.add_argument(
        "--estimator",
        default="table",
        choices=ESTIMATORS,
        help="measured values only, or the guesses of a predictor fitted to measured ones, of "
        "anything in the space",
    )
    flags.add_argument(
        "--labels",
        type=positive_int,
        default=PUBLISHED_SEARCH_LABELS,
        help="measured architectures that --estimator surrogate is fitted to",
    )
    flags.add_argument("--seeds", type=positive_int, default=1, help="runs, with --seed and on")
    flags.add_argument("--resume", action="store_true", help="resume killed runs")
    flags.add_argument("--json", action="store_true", help="print the results as JSON")
    add_common(flags)
    flags.set_defaults(space=space, dataset=None, method=PublishedMethod.EI, log_dir=RUNS)
    flags.set_defaults(random_as_train=False, random_as_test=False, vis_2d=False)


def run_published(given: Namespace) -> int:
    """Run every seed, and the baseline on request."""
    use_threads(given.threads)
    started = time.perf_counter()
    experiment, settings = make_experiment(given)
    if not given.json:
        print(
            f"{len(experiment.table):,} measured architectures of {given.space}, "
            f"{len(experiment.train):,} of them span the box "
            f"({time.perf_counter() - started:.1f} s)",
            flush=True,
        )
    methods = [given.method, *([PublishedMethod.RANDOM] if given.random_baseline else [])]
    for seed in range(given.seed, given.seed + given.seeds):
        for method in methods:
            words = [given.space, given.dataset, given.model_name, method.value, f"seed{seed}"]
            place = given.log_dir / "_".join(word for word in words if word)
            config = {**settings, "method": f"published_{method.value}"}
            run = RunFolder.start(place, config, seed, given.resume, given.device)
            result = perform(experiment, method, seed, run, given.json)
            if given.vis_2d:
                draw_map(experiment, run)
            print_result(given, method, result, place, experiment.problem.objective)
    return 0


def make_experiment(given: Namespace) -> tuple[Experiment, dict[str, Any]]:
    """Experiment of the flags, and its configuration.

    Raises:
        InputError: the weights do not fit the space, or there are no measurements.
        ModelError: there are no such weights, or they cannot be read.
    """
    benchmark = get_benchmark(given.space, given.data_root, dataset=given.dataset)
    given.device = str(best_device(given.device))
    model = load_weights(given, benchmark)
    table = known_rows(benchmark)
    train, test = divided(table)
    settings = PublishedSettings(
        rounds=given.BO_rounds,
        batch=given.BO_batch_size,
        labelled=given.keep,
        share=given.share,
        inducing=given.inducing,
        draw=given.sample_dist,
        random_as_train=given.random_as_train,
        random_as_test=given.random_as_test,
    )
    if given.estimator == "surrogate":
        problem = surrogate_problem(benchmark, WholeSpace(benchmark.space), labels=given.labels)
    else:
        problem = table_problem(benchmark, table)
    latents = LatentSpace(
        model,
        benchmark.space,
        table.graphs[torch.from_numpy(train)],
        decoding_of(given, table),
        Masks.NONE if given.no_masks else Masks.LEGAL,
    )
    config = {
        "stage": Stage.SEARCH,
        "preset": "published",
        "space": given.space,
        "dataset": benchmark.dataset,
        "estimator": given.estimator,
        "objective": problem.objective,
        "queries": settings.labelled + settings.rounds * settings.batch,
        "initial": settings.labelled,
        "batch": settings.batch,
        "model": model.name,
        "weights": str(given.weights or f"{given.model_name}_{given.space}"),
        "decoding": type(latents.decoding).__name__,
        "decodings": given.decodings,
        "masks": latents.masks.value,
        "settings": asdict(settings),
        "problem": problem.settings,
        "sources": source_entries([benchmark]),
    }
    announce([benchmark], json=given.json)
    return Experiment(problem, table, latents, train, test, settings), config


def load_weights(given: Namespace, benchmark: Benchmark) -> Embedding:
    """The VAE that is named, or the shipped one of that name and space.

    Raises:
        InputError: it is another model, or of another space or size.
        ModelError: there are no such weights, or they cannot be read.
    """
    if given.model_name not in MODELS:
        raise InputError(
            f"no model is called {given.model_name!r}: choose one of {', '.join(MODELS)}"
        )
    weights = given.weights or f"{given.model_name}_{given.space}"
    model = load_vae(weights, given.checkpoint, benchmark.space.max_nodes)
    check_vae(model, benchmark.space)
    if model.name != given.model_name:
        raise InputError(
            f"the weights {str(weights)!r} are those of {model.name}, not of {given.model_name}: "
            "name the model that they belong to"
        )
    for flag, found in (("hs", model.sizes.node_width), ("nz", model.sizes.graph_width)):
        wanted = getattr(given, flag, None)
        if wanted not in (None, found):
            raise InputError(
                f"--{flag} {wanted} was given, the weights have {found}: leave the flag out, "
                "sizes are read from the weights"
            )
    return model.to(given.device)


def decoding_of(given: Namespace, table: Candidates) -> Decoding:
    """How points become architectures.

    Of a space like ENAS, with 19,020 of its 1.5 billion architectures measured, hardly any
    decoding was measured, so that with measured values a point decodes to the nearest
    measured architecture.
    """
    if given.estimator == "table" and not table.space.is_enumerable:
        return Nearest(table)
    return Modal(given.decodings)


def draw_map(experiment: Experiment, run: RunFolder) -> None:
    """Draw the labelled and the chosen architectures into a map of the latents."""
    objective = experiment.problem.objective
    lines = [line for line in run.read_metrics() if line.get("query")]
    hashes = np.array([line["hash"] for line in lines])
    # Only what the table knows: architectures beyond it are not kept as graphs.
    rows = [experiment.table.row_of[hash] for hash in hashes if experiment.table.holds(hash)]
    known = {line["hash"]: line["validation"] for line in lines}
    graphs = experiment.table.graphs[torch.tensor(rows, dtype=torch.long)]
    values = np.array([known[experiment.table.hashes[row]] for row in rows], dtype=np.float64)
    figure = latent_map(
        experiment.latents.encode(graphs).numpy(),
        values,
        label=objective.quantity + objective.where,
        title=f"{run.config['space']}: what was labelled and chosen",
    )
    save_figure(figure, run.figures / "latents.png")


def print_result(
    given: Namespace,
    method: PublishedMethod,
    result: dict[str, Any],
    place: Path,
    objective: Objective,
) -> None:
    """Print the best architectures of a run and where its files are."""
    if given.json:
        print(json.dumps(plain({"method": method.value, "folder": place, **result})))
        return
    what = "guessed by a surrogate" if given.estimator == "surrogate" else "measured"
    last = result["rounds"][-1] if result["rounds"] else None
    best = result["best_observed"]

    def text(value: float) -> str:
        return objective.text(value, 3)

    lines = [
        f"{method.value}: best {what}{objective.where} {text(best['validation'])}, "
        f"query {best['query']:,} of {result['queries']:,}, in {result['seconds']:.0f} s"
    ]
    if last:
        test = "" if last["test"] is None else f", whose test value is {text(last['test'])}"
        lines.append(
            f"  best chosen {text(last['best'])}{test}; mean of the last round {text(last['mean'])}"
        )
    print("\n".join([*lines, f"  {place}/result.json, rounds.csv, queries.csv"]), flush=True)
