"""Fit a predictor on measured architectures, and judge it on others or predict new ones.

From the repository root::

    PYTHONPATH=$PWD python Performance_Prediction/fit_predictor.py --space NB201 --labels 156

is fitted to 156 random architectures and predicts all others of the table. Tables of how good that
was, ``predictions.csv`` and a figure are left in a folder of ``runs/predictors/``. With
``--architectures FILE --out FILE`` it predicts the architectures of a file instead.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

import itertools
import json
import re
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.figures import save_figure
from analysis.prediction_figure import predicted_against_measured
from datasets import get_benchmark, get_space
from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from datasets.commands.measurement_flags import (
    USUAL,
    add_measurement_flags,
    check_measurement_flags,
    file_measurements,
)
from datasets.labels import PREDICTOR_LABELS, LabelledSet
from datasets.objective import Objective
from datasets.registry import BENCHMARKS, SPACES, default_dataset, latency_choices
from datasets.source_record import announce, source_entries
from datasets.space import SearchSpace
from estimators.networks import module_lines
from experiment.arguments import Parser, non_negative_int, parser, positive_int
from experiment.errors import InputError, run_command
from experiment.files import plain, read_json
from experiment.run import RunFolder
from experiment.schema import Stage
from experiment.seeding import seed_everything
from experiment.threads import use_threads
from Performance_Prediction.architecture_lines import Line, read_lines
from Performance_Prediction.judging import (
    CROSS_VALIDATED,
    HELD_OUT,
    cross_validated,
    described,
    fitted,
    held_out,
    result_lines,
)
from Performance_Prediction.prediction_files import check_place, write_records
from Performance_Prediction.whole_space import check_enumerable, rank_space
from predictors.defaults import defaults_of
from predictors.features.background import NEW, background_tables, of_dataset
from predictors.methods import METHODS, SCALES, make_predictor, resolve_method
from predictors.predictor import Predictor

SHOWN = 10
"""Architectures of a ranking that are printed."""
RUNS = ROOT / "runs" / "predictors"


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Fit a predictor on measured architectures; judge it on others or predict new.")
    flags.add_argument("--space", required=True, choices=list(SPACES), help="the search space")
    flags.add_argument(
        "--method", help=f"{', '.join(METHODS)} (default: the suite's choice for the space)"
    )
    flags.add_argument(
        "--features",
        nargs="+",
        help="what describes an architecture, names of predictors/features with commas or blanks "
        "between them (default: the suite's choice for the space)",
    )
    flags.add_argument(
        "--scale", default="ranks", choices=list(SCALES), help="learn ranks, or values as they are"
    )
    flags.add_argument(
        "--weights", help="folder or name of the trained VAE whose latents are wanted"
    )
    flags.add_argument(
        "--label", help=f"metric that it is fitted to (default: the table's, {USUAL})"
    )
    flags.add_argument(
        "--target",
        help="metric to be judged by (default: test where there is one and --label is an accuracy "
        "too, else --label)",
    )
    flags.add_argument(
        "--labels",
        type=positive_int,
        help=f"architectures to learn from, drawn at random (default: {PREDICTOR_LABELS}; all of a "
        "file)",
    )
    add_measurement_flags(flags)
    flags.add_argument(
        "--dataset", help="data set, where there are several (NB201, NAS_BENCH_GRAPH)"
    )
    flags.add_argument(
        "--architectures",
        type=Path,
        help="file with architectures to predict, one a line, or a CSV with a column architecture",
    )
    flags.add_argument(
        "--candidates",
        choices=["all"],
        help="rank the whole space: print the first ones, write all into --out",
    )
    flags.add_argument(
        "--out",
        type=Path,
        help="file for their predictions, CSV or JSON lines by its ending, .csv or .jsonl "
        "(default: printed)",
    )
    flags.add_argument("--overwrite", action="store_true", help="replace --out where it is there")
    flags.add_argument(
        "--resume", action="store_true", help="reuse the result of a run that is there already"
    )
    flags.add_argument("--name", help="name of the run's folder (default: made of the settings)")
    flags.add_argument("--log_dir", type=Path, default=RUNS, help="where the run's folder lies")
    flags.add_argument("--json", action="store_true", help="print the result as one JSON object")
    flags.add_argument(
        "--data_root",
        type=Path,
        help="folder with ENAS/, nasbench101/ … (default: NAS_DATA_ROOT, else datasets/)",
    )
    flags.add_argument("--seed", type=non_negative_int, default=1, help="of the draw and the fit")
    flags.add_argument("--threads", type=positive_int, help="CPU threads of PyTorch")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, then judge or predict."""
    given = make_parser().parse_args(arguments)
    use_threads(given.threads)
    seed_everything(given.seed)
    if given.features is not None:
        given.features = [name for word in given.features for name in word.split(",") if name]
    space = get_space(given.space)
    _check_places(given)
    _name_dataset(given, space)

    def make() -> Predictor:
        return make_predictor(
            space,
            given.method,
            given.features,
            scale=SCALES[given.scale],
            seed=given.seed,
            weights=given.weights,
        )

    make()  # refuses what there is not, before anything is read
    if given.candidates is not None:
        check_enumerable(space)
    wanted = None
    if given.architectures is not None:
        wanted = read_lines(given.architectures, space, given.arch_form, given.data_root)
    labels = _labels(given, space)
    printed = wanted is not None and given.out is None  # predictions, alone
    announce([labels.benchmark], json=given.json, aside=printed)
    judged = wanted is None and given.candidates is None
    metrics = dict.fromkeys([labels.target, labels.label] if judged else [labels.label])
    measured = LabelledSet.of(labels.benchmark, metrics, minimise=given.minimise)
    known, rest = measured.draw(_amount(given), given.seed)
    _, features = resolve_method(
        defaults_of(space).inside, given.method, given.features, known.label
    )
    given.features = list(features) or None
    if wanted is not None:
        _predict(given, fitted(make, known), wanted, known.label)
    elif given.candidates is not None:
        _rank(given, make, labels, known)
    elif len(rest) or labels.file:
        _judge(given, make, labels, known, rest)
    else:
        raise InputError(
            f"all {len(known)} measured architectures are learnt from, none is left to predict: "
            "give fewer --labels, or others by --architectures FILE"
        )
    return 0


def _name_dataset(given: Namespace, space: SearchSpace) -> None:
    """Name the data set of the labels in features that have to leave it out."""
    _, features = resolve_method(defaults_of(space).inside, given.method, given.features)
    own = given.labels_file is None and given.space in BENCHMARKS
    dataset = given.dataset or (default_dataset(given.space) if own else None)
    named = of_dataset(features, dataset or NEW)
    if named != features:
        given.features = list(named)


def _check_places(given: Namespace) -> None:
    """Refuse what cannot be written, and flags that do not go together, before the work begins."""
    if given.candidates is not None and given.architectures is not None:
        raise InputError("--candidates ranks the whole space, --architectures a file: give one")
    if given.out is not None and given.architectures is None and given.candidates is None:
        raise InputError(
            "--out is for the predictions of --architectures FILE or --candidates all: name that "
            "too"
        )
    if given.out is not None:
        check_place(given.out, given.overwrite, (given.labels_file, given.architectures))
    if given.dataset is not None and given.labels_file is not None:
        raise InputError("--dataset chooses among a benchmark's, --labels_file is none: give one")
    check_measurement_flags(given, also=given.architectures)
    if given.label and given.value_column and given.label != given.value_column:
        raise InputError(
            f"--label {given.label} and --value_column {given.value_column} both say what is "
            "learnt: give one"
        )


def _amount(given: Namespace) -> int | None:
    """How many labels to draw, ``None`` for all."""
    return given.labels or (None if given.labels_file else PREDICTOR_LABELS)


@dataclass(frozen=True)
class Labels:
    """Where labels come from.

    Attributes:
        benchmark: a table's, or that of a file.
        label: the metric that the predictor is fitted to.
        target: the metric that predictions are judged by.
        file: what says which file it is, for the run's configuration; empty for a table.
    """

    benchmark: Benchmark
    label: str
    target: str
    file: dict[str, Any]


def _labels(given: Namespace, space: SearchSpace) -> Labels:
    """The benchmark, or the user's own file."""
    if given.labels_file is not None:
        named = given.value_column or given.label
        others = [] if given.target is None else [given.target]
        found = file_measurements(given, space, named, others)
        file = {
            "labels_file": str(given.labels_file),
            "labels_file_sha256": found.sha256,
            "arch_form": given.arch_form,
            "columns": [*found.arch_columns, found.value_column, *found.others],
        }
        label = found.value_column
        return Labels(found.benchmark(given.unit), label, given.target or label, file)
    metrics = [name for name in (given.label, given.target) if name is not None]
    latencies = latency_choices(space.name, metrics)
    benchmark = get_benchmark(space.name, given.data_root, dataset=given.dataset, **latencies)
    label = given.label or benchmark.chosen_by
    return Labels(benchmark, label, given.target or _usual_target(benchmark, label), {})


def _usual_target(benchmark: Benchmark, label: str) -> str:
    """What is reported of architectures, where the label is of its unit; else the label itself."""
    reported = benchmark.reported
    if reported is None or benchmark.objective(reported).unit != benchmark.objective(label).unit:
        return label
    return reported


def _rank(
    given: Namespace,
    make: Callable[[], Predictor],
    labels: Labels,
    known: LabelledSet,
) -> None:
    """Rank the whole space, print the first ones, and write all where a file is named."""
    settings = _settings(given, known, labels, HELD_OUT)
    stream = sys.stderr if given.json else sys.stdout
    print(described(settings), file=stream, flush=True)
    predictor = fitted(make, known)
    ranked = rank_space(known.space, predictor, known.label, labels.benchmark, given.data_root)
    if given.out is not None:
        write_records(given.out, ranked.records())
    direction = "highest" if known.label.maximise else "lowest"
    place = "" if given.out is None else f" in {given.out}"
    print(
        f"{len(ranked):,} architectures of {known.space.name} by predicted {known.label.name}, "
        f"the {direction} first{place}",
        file=stream,
    )
    judged = ranked.unseen(known.hashes)
    if judged.architectures:
        print(f"measured architectures that it was not fitted to: {judged}", file=stream)
    else:
        print("not evaluated here: the same command without --candidates does that", file=stream)
    if given.json:
        first = list(itertools.islice(ranked.records(), SHOWN))
        out = None if given.out is None else str(given.out)
        print(json.dumps(plain({"architectures": len(ranked), "out": out, "first": first})))
    else:
        print("\n".join(ranked.first(SHOWN)))
        best = ranked.graphs.graph(int(ranked.order[0]))
        print(f"the network of the first:\n{module_lines(known.space, best)}")


def _predict(
    given: Namespace, predictor: Predictor, lines: Sequence[Line], label: Objective
) -> None:
    """Write or print the lines of a file with ``mean`` and ``std`` added, in its order."""
    graphs = GraphBatch.from_graphs([line.graph for line in lines])
    means, stds = predictor.predict(graphs)
    records = [
        {**line.record, "mean": value, "std": std}
        for line, value, std in zip(lines, means.tolist(), stds.tolist(), strict=True)
    ]
    best = "highest" if label.maximise else "lowest"
    order = f"in the order of {given.architectures}, not ranked: the {best} mean is the best"
    if given.out is None:
        for record in records:
            print(json.dumps(plain(record), ensure_ascii=False))
        print(f"{len(records):,} predictions {order}", file=sys.stderr)
        return
    columns = list(dict.fromkeys(name for record in records for name in record))
    write_records(given.out, records, columns)
    if given.json:
        print(json.dumps({"architectures": len(records), "out": str(given.out)}))
    else:
        print(f"predictions of {len(records):,} architectures in {given.out}, {order}")


def _judge(
    given: Namespace,
    make: Callable[[], Predictor],
    labels: Labels,
    known: LabelledSet,
    rest: LabelledSet,
) -> None:
    """Predict held-out architectures, and record the quality in the run's folder."""
    judged = HELD_OUT if len(rest) else CROSS_VALIDATED
    settings = _settings(given, known, labels, judged)
    place = given.log_dir / (given.name or _name(settings))
    run = RunFolder.check(place, settings, given.seed, given.resume)
    if run.has_result:
        _tell(given, run, read_json(run.path / "result.json"))
        return
    if judged == HELD_OUT:
        judgement = held_out(make, known, rest)
    else:
        judgement = cross_validated(make, known, given.seed)
    result = {**settings, **judgement.result()}
    run = RunFolder.start(place, settings, given.seed, given.resume)
    write_records(run.path / "predictions.csv", judgement.records())
    measured = judgement.measured
    figure = predicted_against_measured(
        judgement.predictions.mean,
        measured.values[measured.target.name],
        objectives=(measured.label, measured.target),
        title=f"{known.source}: {settings['method']}, {len(known):,} labels",
    )
    save_figure(figure, run.figures / "predicted.png")
    run.save_result(result)
    _tell(given, run, result)


def _tell(given: Namespace, run: RunFolder, result: Mapping[str, Any]) -> None:
    """Print a result, and where it is."""
    if given.json:
        print(json.dumps(plain(result)))
    else:
        print("\n".join(result_lines(plain(result))))
        print(f"{run.path}/predictions.csv, result.json, figures/predicted.png")


def _settings(given: Namespace, known: LabelledSet, labels: Labels, judged: str) -> dict[str, Any]:
    """All that decides the numbers."""
    method, features = resolve_method(defaults_of(known.space).inside, given.method, given.features)
    return {
        "source": known.source,
        **labels.file,
        "space": known.space.name,
        "stage": Stage.PREDICTION,
        "method": method,
        "features": list(features),
        "scale": given.scale,
        "weights": given.weights,
        "label": labels.label,
        "target": labels.target,
        "objective": plain(known.label),
        "objectives": {name: plain(each) for name, each in known.objectives.items()},
        "judged": judged,
        "labels": len(known),
        "labelled": known.fingerprint,
        "sources": source_entries([labels.benchmark, *background_tables(features, known.space)]),
    }


def _name(settings: Mapping[str, Any]) -> str:
    """A folder's name; what a column's name has that a folder's cannot becomes a dash."""
    words = [settings["source"].replace(" on ", "_"), settings["method"], *settings["features"]]
    words += [settings["scale"], settings["label"], str(settings["labels"])]
    return re.sub(r"[^\w.+-]+", "-", "_".join([*words, settings["labelled"][:8]]))


if __name__ == "__main__":
    run_command(main)
