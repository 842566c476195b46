"""Rank architectures beyond the space that a surrogate knows, and train the best of them.

From the repository root::

    PYTHONPATH=$PWD python Extrapolation_Ability/eval_extrapolation.py \
        --data_search_space NB101 --path_state_dict state_dicts/SVGE_acc_NB101/ --checkpoint 100

ranks the published candidates by a fine-tuned model, ``--predictor default`` by the suite's own
predictor, fitted on measured architectures. ``--train_top 3 --data_set digits`` trains the first
three on the digits, in minutes. Everything is left in ``runs/extrapolation/<name>_<SPACE>/``.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

import hashlib
import json
from argparse import Namespace
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from analysis.figures import gallery, save_figure
from datasets import get_benchmark, get_space
from datasets.architecture_files import read_named
from datasets.batch import GraphBatch
from datasets.commands.measurement_flags import (
    add_measurement_flags,
    check_measurement_flags,
    file_measurements,
)
from datasets.objective import Objective
from datasets.registry import SPACES
from datasets.source_record import announce, source_entries
from datasets.space import SearchSpace
from estimators.commands.training import add_training_flags, prepare
from estimators.fitting import PARTS
from estimators.from_scratch import representative
from estimators.measurement import Measurement
from estimators.networks import module_lines
from estimators.recorded import RecordedTraining
from estimators.series import Series
from experiment.arguments import Parser, best_device, parser, positive_int
from experiment.errors import EXIT_BAD_INPUT, InputError, run_command
from experiment.files import plain
from experiment.run import RunFolder
from experiment.schema import Stage
from experiment.threads import use_threads
from Extrapolation_Ability.candidate_flags import (
    CELL_FLAGS,
    EXTENDED,
    NETWORK_FLAGS,
    add_cell_flags,
    add_network_flags,
    add_random_flag,
)
from Extrapolation_Ability.candidates import Keep
from Extrapolation_Ability.families import beyond, extended_spaces
from Extrapolation_Ability.ranking import Ranking, line_of
from Extrapolation_Ability.surrogates import RankingModel, fine_tuned, fitted
from models import MODELS
from models.heads import surrogate_name

RUNS = ROOT / "runs" / "extrapolation"


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Rank architectures beyond the space that a surrogate knows; train the best.")
    flags.add_argument(
        "--model",
        default="SVGE_acc",
        choices=[surrogate_name(name) for name in MODELS],
        help="the model",
    )
    flags.add_argument(
        "--data_search_space", default="NB101", choices=list(SPACES), help="space that it knows"
    )
    flags.add_argument(
        "--path_state_dict",
        type=Path,
        help="folder of the fine-tuned weights (default: <MODEL>_<SPACE> in state_dicts/, else in "
        "runs/)",
    )
    flags.add_argument(
        "--checkpoint",
        type=positive_int,
        help="epoch of the weights (default: the last one; published weights have 100)",
    )
    flags.add_argument(
        "--predictor",
        metavar="METHOD",
        help="instead of a model, a method fitted on measured architectures: default, or the name "
        "of one as in Performance_Prediction/fit_predictor.py",
    )
    flags.add_argument("--features", nargs="+", help="features of an architecture")
    flags.add_argument(
        "--labels",
        type=positive_int,
        help="measured architectures it is fitted on (default: all of DIGITS101, else 1,000)",
    )
    add_measurement_flags(flags)
    flags.add_argument(
        "--candidates",
        type=Path,
        help="a file with one a line (default: made as the flags below say)",
    )
    add_cell_flags(flags)
    add_network_flags(flags)
    add_random_flag(flags)
    flags.add_argument("--top", type=positive_int, default=10, help="how many to print and draw")
    flags.add_argument("--json", action="store_true", help="print them as one JSON object a line")
    flags.add_argument("--train_top", type=positive_int, metavar="K", help="train the first K")
    add_training_flags(flags, "extrapol")
    flags.set_defaults(log_dir=RUNS)
    return flags


def candidates_of(
    given: Namespace, space: SearchSpace, surrogate: RankingModel
) -> tuple[SearchSpace, GraphBatch]:
    """The candidates by the flags, each once, and the space that they are written in.

    Raises:
        InputError: the file or the flags are wrong.
        ArchitectureError: a line of the file is none; the message says which.
    """
    kind = beyond(space)
    foreign = set(CELL_FLAGS + NETWORK_FLAGS) - set(kind.flags)
    if wrong := [f"--{name}" for name in sorted(foreign) if getattr(given, name)]:
        raise InputError(f"{wrong[0]} makes no {space.name} candidates: leave it out")
    if given.candidates is None:
        assert kind.make is not None, "only what can be extended comes here"
        return kind.make(given, space, best_of(surrogate, given.extend_best or EXTENDED))
    if not given.candidates.is_file():
        raise InputError(f"there is no file of candidates {str(given.candidates)!r}")
    named = read_named(str(given.candidates), space, given.data_root, given.arch_form)
    return kind.read(named, space)


def best_of(surrogate: RankingModel, count: int) -> Keep:
    """Chooses those that a surrogate predicts to be the best."""

    def keep(cells: GraphBatch) -> GraphBatch:
        order = surrogate.best_first(cells)
        return cells[torch.from_numpy(order[:count].copy())]

    return keep


def train(
    ranking: Ranking, training: RecordedTraining, given: Namespace, folder: Path
) -> list[dict[str, Any]]:
    """Train every architecture with every seed; trainings that ended before are only read.

    Returns:
        The records of the ranking, each with what was ``measured``.
    """
    with redirect_stdout(sys.stderr if given.json else sys.stdout):
        series = Series(range(given.seed, given.seed + given.seeds), folder, given.resume)
        records = []
        for record, graph in zip(ranking.records(), ranking.graphs, strict=True):
            measured = []
            for seed in series.seeds:
                place = series.place(record["hash"], seed)
                print(f"rank {record['rank']}, seed {seed}, in {place}", flush=True)
                one = representative(graph, ranking.space)
                measured.append(training.train(one, seed, place, series.resume))
            figures = measured_figures(measured, training.task.objective)
            records.append({**record, "measured": figures})
        print("\n".join(_comparison(records, ranking.objective)))
    return records


def measured_figures(trainings: Sequence[Measurement], objective: Objective) -> dict[str, Any]:
    """Means over the seeds of the trainings that did not fail.

    Args:
        trainings: of one architecture.
        objective: what was measured, which need not be what was predicted.
    """
    good = [one for one in trainings if one.ok]
    found: dict[str, Any] = {"data_set": objective.dataset, "objective": plain(objective)}
    found |= {"trained": len(good), "failed": len(trainings) - len(good)}
    for name in PARTS:
        values = [value for one in good if (value := getattr(one, name)) is not None]
        if values:
            found[name] = float(np.mean(values))
    if good:
        found |= {"parameters": good[0].parameters, "flops": good[0].flops}
    else:
        found["reason"] = trainings[0].reason
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Rank, write, draw, and train the best on request."""
    given = make_parser().parse_args(arguments)
    use_threads(given.threads)
    space = get_space(given.data_search_space)
    if given.candidates is None and not beyond(space).extends(space):
        raise InputError(
            f"candidates beyond {space.name} are not made here, only beyond "
            f"{', '.join(extended_spaces())}: name a file with one architecture a line by "
            "--candidates"
        )
    surrogate = surrogate_of(given, space)
    announce(surrogate.tables, json=given.json)
    written, candidates = candidates_of(given, space, surrogate)
    prediction = surrogate.predict(candidates)
    ranking = Ranking.of(written, candidates, prediction, surrogate.objective)
    with redirect_stdout(sys.stderr if given.json else sys.stdout):
        training = prepare(written, given) if given.train_top else None
    place = given.log_dir / f"{given.name}_{space.name}"
    run = RunFolder.start(place, configuration(ranking, surrogate), given.seed, given.resume)
    ranking.write(run.path)
    top = ranking[: given.top]
    if not given.json:
        print(f"{len(ranking):,} candidates, the best {len(top)} by {_named(surrogate)}:")
        print("\n".join(top.describe()))
        print(f"the network of the first:\n{_network(ranking, training)}")
    records = list(top.records())
    if training is not None:
        trained = train(ranking[: given.train_top], training, given, run.path / "trainings")
        records = trained + records[len(trained) :]
    run.save_result({"candidates": len(ranking), "top": records})
    captions = [_caption(record, ranking.objective) for record in records[: len(top)]]
    title = f"The best of {len(ranking):,} candidates beyond {space.name}"
    picture = save_figure(
        gallery(list(top.graphs), space.types, captions, title=title), run.figures / "top.png"
    )
    if given.json:
        print("\n".join(json.dumps(line_of(record)) for record in records))
    else:
        print(f"{run.path / 'ranking.jsonl'}, ranking.csv, result.json\n{picture}")
    failed = sum(record["measured"]["failed"] for record in records if "measured" in record)
    return EXIT_BAD_INPUT if failed else 0


def surrogate_of(given: Namespace, space: SearchSpace) -> RankingModel:
    """What the flags ask to rank by: a fine-tuned model, or a fitted predictor.

    Raises:
        InputError: there is no such model, method, features or labels.
    """
    check_measurement_flags(given, also=given.candidates)
    if given.minimise and given.labels_file is None:
        raise InputError("--minimise describes a file of measurements: add --labels_file")
    if given.predictor is None and given.labels_file is not None:
        raise InputError("--labels_file is what a predictor is fitted to: add --predictor default")
    if given.predictor is None:
        device = best_device(given.device)
        return fine_tuned(given.model, space, given.path_state_dict, given.checkpoint, device)
    method = None if given.predictor == "default" else given.predictor
    file: dict[str, Any] = {}
    if given.labels_file is None:
        benchmark = get_benchmark(space.name, given.data_root)
        objective = benchmark.objective()
    else:
        found = file_measurements(given, space, given.value_column)
        benchmark = found.benchmark(given.unit)
        objective = replace(benchmark.objective(), maximise=not given.minimise)
        file = {"labels_file": str(given.labels_file), "labels_file_sha256": found.sha256}
    fit = fitted(
        benchmark,
        method,
        given.features,
        given.labels,
        given.seed,
        given.path_state_dict,
        objective,
    )
    return replace(fit, settings=fit.settings | file)


def configuration(ranking: Ranking, surrogate: RankingModel) -> dict[str, Any]:
    """What decides the ranking's numbers, for the run's folder."""
    hashes = "".join(sorted(ranking.hashes.tolist()))
    return {
        "stage": Stage.EXTRAPOLATION,
        "space": ranking.space.name,
        "surrogate": surrogate.settings,
        "objective": surrogate.objective,
        "sources": source_entries(surrogate.tables),
        "candidates": len(ranking),
        "candidates_sha256": hashlib.sha256(hashes.encode()).hexdigest(),
    }


def _network(ranking: Ranking, training: RecordedTraining | None) -> str:
    """The lines that build the network of the first: the one that is trained, if one is."""
    first = ranking.graphs.graph(0)
    if training is None:
        return module_lines(ranking.space, first)
    graph = representative(first, ranking.space)
    return module_lines(ranking.space, graph, training.design, training.task.dimensions)


def _named(surrogate: RankingModel) -> str:
    settings = surrogate.settings
    if "model" in settings:
        return f"{settings['model']}, epoch {settings['checkpoint']}"
    method = f"{settings['predictor']} on {', '.join(settings['features']) or 'graphs'}"
    objective = surrogate.objective
    better = "" if objective.maximise else ", lower is better"
    labels = f"{settings['labels']:,} {objective.name} labels{objective.where}"
    return f"the predictor {method}, fitted on {labels}{better}"


def _caption(record: dict[str, Any], objective: Objective) -> str:
    measured = record.get("measured", {})
    test = ""
    if "test" in measured:
        trained = Objective.read(measured)
        test = f"\ntest{trained.where} {trained.text(measured['test'])}"
    return f"predicted {objective.text(record['mean'])}{test}"


def _comparison(records: Sequence[dict[str, Any]], objective: Objective) -> list[str]:
    """A line for each that was trained: what was predicted and what was measured."""
    lines = ["rank     predicted  validation      test  hash"]
    for record in records:
        found = record["measured"]
        trained = Objective.read(found)
        shown = [f"{trained.text(found.get(key)):>10}" for key in PARTS]
        predicted = objective.text(record["mean"])
        line = f"{record['rank']:>4} {predicted:>13}  {'  '.join(shown)}  {record['hash']}"
        lines.append(line + (f"  {found['failed']} failed" if found["failed"] else ""))
    return lines


if __name__ == "__main__":
    run_command(main)
