"""Fit a predictor on measured architectures, and judge it on others or predict new ones.

From the repository root::

    PYTHONPATH=$PWD python Performance_Prediction/fit_predictor.py --space NB201 --labels 156

learns from 156 random architectures and predicts all others of the table. Tables of how good that
was, ``predictions.csv`` and a figure are left in a folder of ``runs/predictors/``. With
``--architectures FILE --out FILE`` it predicts the architectures of a file instead.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

import csv  # noqa: E402
import dataclasses  # noqa: E402
import json  # noqa: E402
import time  # noqa: E402
from argparse import Namespace  # noqa: E402
from collections.abc import Mapping, Sequence  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402

from analysis.figures import save_figure  # noqa: E402
from analysis.prediction_figure import predicted_against_measured  # noqa: E402
from datasets import get_benchmark, get_space  # noqa: E402
from datasets.batch import GraphBatch  # noqa: E402
from datasets.registry import SPACES  # noqa: E402
from datasets.space import SearchSpace  # noqa: E402
from experiment.arguments import Parser, non_negative_int, parser, positive_int  # noqa: E402
from experiment.errors import InputError, run_command  # noqa: E402
from experiment.files import atomic_path, plain, read_json  # noqa: E402
from experiment.run import RunFolder  # noqa: E402
from experiment.seeding import seed_everything  # noqa: E402
from Performance_Prediction.lines import Line, read_lines  # noqa: E402
from Performance_Prediction.quality import Quality  # noqa: E402
from Performance_Prediction.task import LABELS, Measured, divide, of_benchmark, of_file  # noqa: E402
from predictors.methods import METHODS, SCALES, choice, make_predictor  # noqa: E402
from predictors.predictor import Predictor  # noqa: E402
from predictors.regressor import Forecast  # noqa: E402

SHARES = (0.5, 0.9)
"""Intervals whose coverage is reported."""
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
    flags.add_argument("--label", default="validation", help="metric to learn from")
    flags.add_argument(
        "--target", help="metric to be judged by (default: test where there is one, else --label)"
    )
    flags.add_argument(
        "--labels",
        type=positive_int,
        help=f"architectures to learn from, drawn at random (default: {LABELS}; all of a file)",
    )
    flags.add_argument(
        "--labels_file",
        type=Path,
        help="measurements of one's own instead of the benchmark's, one JSON object a line",
    )
    flags.add_argument("--dataset", help="data set, where there are several (NB201)")
    flags.add_argument(
        "--architectures", type=Path, help="file with architectures to predict, one a line"
    )
    flags.add_argument("--out", type=Path, help="file for their predictions (default: printed)")
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
    if given.threads:
        torch.set_num_threads(given.threads)
    seed_everything(given.seed)
    if given.features is not None:
        given.features = [name for word in given.features for name in word.split(",") if name]
    space = get_space(given.space)
    _check_places(given)
    predictor = make_predictor(
        space,
        given.method,
        given.features,
        scale=SCALES[given.scale],
        seed=given.seed,
        weights=given.weights,
    )
    wanted = None if given.architectures is None else read_lines(given.architectures, space)
    measured = _measured(given, space, judged=wanted is None)
    known, rest = divide(measured, _amount(given), given.seed)
    if wanted is None and not len(rest):
        raise InputError(
            f"all {len(known)} measured architectures are learnt from, none is left to predict: "
            "give fewer --labels, or others by --architectures FILE"
        )
    if wanted is None and (run := _run_folder(given, known)).has_result:
        return _tell(given, run, read_json(run.path / "result.json"))
    started = time.perf_counter()
    predictor.fit(known.graphs, known.values[given.label])
    fit_seconds = time.perf_counter() - started
    if wanted is None:
        _judge(given, predictor, known, rest, fit_seconds)
    else:
        _predict(given, predictor, wanted)
    return 0


def _check_places(given: Namespace) -> None:
    """Refuse what cannot be written, before the work begins."""
    if given.out is not None and given.architectures is None:
        raise InputError("--out is for the predictions of --architectures FILE: name that too")
    if given.out is not None and given.out.exists() and not given.overwrite:
        raise InputError(f"{str(given.out)!r} is there already: add --overwrite or choose --out")
    if given.dataset is not None and given.labels_file is not None:
        raise InputError("--dataset chooses among a benchmark's, --labels_file is none: give one")


def _amount(given: Namespace) -> int | None:
    """How many labels to draw, ``None`` for all."""
    return given.labels or (None if given.labels_file else LABELS)


def _measured(given: Namespace, space: SearchSpace, judged: bool) -> Measured:
    """What there is to learn from and, where it is ``judged`` on the rest, the target as well.

    The target that is meant where none was named is put into ``given``.
    """
    if given.labels_file is not None:
        given.target = given.target or given.label
        metrics = [given.target, given.label] if judged else [given.label]
        return of_file(given.labels_file, space, list(dict.fromkeys(metrics)))
    choices = {} if given.dataset is None else {"dataset": given.dataset}
    benchmark = get_benchmark(space.name, given.data_root, **choices)
    given.target = given.target or ("test" if "test" in benchmark.metrics else given.label)
    metrics = [given.target, given.label] if judged else [given.label]
    return of_benchmark(benchmark, list(dict.fromkeys(metrics)))


def _predict(given: Namespace, predictor: Predictor, lines: Sequence[Line]) -> None:
    """Write or print the lines of a file with ``mean`` and ``std`` added."""
    graphs = GraphBatch.from_graphs([line.graph for line in lines])
    mean, deviation = predictor.predict(graphs)
    texts = [
        json.dumps(plain({**line.record, "mean": value, "std": doubt}), ensure_ascii=False) + "\n"
        for line, value, doubt in zip(lines, mean.tolist(), deviation.tolist(), strict=True)
    ]
    if given.out is None:
        sys.stdout.writelines(texts)
        return
    with atomic_path(given.out) as partial:
        partial.write_text("".join(texts), encoding="utf-8")
    if given.json:
        print(json.dumps({"architectures": len(texts), "out": str(given.out)}))
    else:
        print(f"predictions of {len(texts):,} architectures in {given.out}")


def _judge(
    given: Namespace, predictor: Predictor, known: Measured, rest: Measured, fit_seconds: float
) -> None:
    """Predict the rest, and leave how good that was in the run's folder."""
    started = time.perf_counter()
    forecast = predictor.forecast(rest.graphs)
    predict_seconds = time.perf_counter() - started
    settings, place = _settings(given, known), _run_folder(given, known).path
    result = {
        **settings,
        "predicted": len(rest),
        "quality": {
            name: dataclasses.asdict(Quality.of(forecast.mean, truth))
            for name, truth in rest.values.items()
        },
        "coverage": _coverage(forecast, rest.values[given.label]),
        "fit_seconds": fit_seconds,
        "predict_seconds": predict_seconds,
    }
    run = RunFolder.start(place, settings, given.seed, given.resume)
    _write_table(run.path / "predictions.csv", forecast, rest)
    title = f"{rest.source}: {settings['method']}, {len(known):,} labels"
    truth = rest.values[given.target]
    names = (given.label, given.target)
    figure = predicted_against_measured(forecast.mean, truth, names=names, title=title)
    save_figure(figure, run.figures / "predicted.png")
    run.save_result(result)
    _tell(given, run, result)


def _run_folder(given: Namespace, known: Measured) -> RunFolder:
    """Where the result goes.

    Raises:
        InputError: a run is there and is not to be resumed, or it has other settings.
    """
    settings = _settings(given, known)
    place = given.log_dir / (given.name or _name(settings))
    return RunFolder.check(place, settings, given.seed, given.resume)


def _tell(given: Namespace, run: RunFolder, result: Mapping[str, Any]) -> int:
    """Print a result, and where it is."""
    if given.json:
        print(json.dumps(plain(result)))
    else:
        print("\n".join(_report(result)))
        print(f"{run.path}/predictions.csv, result.json, figures/predicted.png")
    return 0


def _settings(given: Namespace, known: Measured) -> dict[str, Any]:
    """All that decides the numbers."""
    method, features = choice(known.space, given.method, given.features)
    return {
        "source": known.source,
        "space": known.space.name,
        "method": method,
        "features": list(features),
        "scale": given.scale,
        "weights": given.weights,
        "label": given.label,
        "target": given.target,
        "labels": len(known),
        "labelled": known.fingerprint(given.label),
    }


def _name(settings: Mapping[str, Any]) -> str:
    words = [settings["source"].replace(" on ", "_"), settings["method"], *settings["features"]]
    words += [settings["scale"], settings["label"], str(settings["labels"]), settings["labelled"]]
    return "_".join([*words[:-1], words[-1][:8]])


def _coverage(forecast: Forecast, truth: np.ndarray) -> dict[str, float]:
    """What share of the metric that was learnt each interval holds."""
    held = {}
    for share in SHARES:
        low, high = forecast.interval(share)
        held[f"{share:.0%}"] = float(np.mean((low <= truth) & (truth <= high)))
    return held


def _report(result: Mapping[str, Any]) -> list[str]:
    """What was done, a table with a line a metric, and how well doubt is calibrated."""
    features = " + ".join(result["features"]) or "graphs"
    lines = [
        f"{result['method']} on {features}, {result['labels']:,} {result['label']} labels of "
        f"{result['source']}, {result['predicted']:,} others predicted "
        f"({result['fit_seconds']:.1f} s to fit, {result['predict_seconds']:.1f} s to predict)",
        f"{'against':<12}{'Kendall τ':>11}{'Spearman ρ':>12}{'Pearson r':>11}{'RMSE':>9}",
    ]
    lines += [
        f"{name:<12}{one['kendall_tau']:>11.4f}{one['spearman_rho']:>12.4f}"
        f"{one['pearson_r']:>11.4f}{one['rmse']:>9.4f}"
        for name, one in result["quality"].items()
    ]
    held = ", ".join(f"{name} ones {share:.1%}" for name, share in result["coverage"].items())
    return [*lines, f"intervals that hold the {result['label']} value: {held}"]


def _write_table(path: Path, forecast: Forecast, rest: Measured) -> None:
    """A line an architecture: what was predicted, and what was measured."""
    columns = {"hash": rest.hashes, "architecture": [*map(rest.space.format, rest.graphs)]}
    columns |= {"mean": forecast.mean, "std": forecast.deviation}
    for share in SHARES:
        low, high = forecast.interval(share)
        columns |= {f"low_{share * 100:.0f}": low, f"high_{share * 100:.0f}": high}
    columns |= rest.values
    with atomic_path(path) as partial, partial.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


if __name__ == "__main__":
    run_command(main)
