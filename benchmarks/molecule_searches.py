"""Declared searches on molecules: what they find, beside networks and models made without one.

    python benchmarks/molecule_searches.py qm7 qm7_bo qm7_member qm7_from_member esol freesolv
    python benchmarks/molecule_searches.py by_hand overhead baselines
    python benchmarks/molecule_searches.py table

Every search is a declared problem (``docs/problem.md``) of three layers of MPNN in a folder of
``runs/molecule_searches/``, or of ``--runs``: what was killed resumes, and what has ended is only
read. Networks are
trained by the preset ``configs/molecules.toml``, and no weights of attention are dropped, which
``benchmarks/tuning/molecule_settings.py`` chose by validation. In a search a training has 20
epochs, and its value is the metric of the validation part at the end.

``qm7``: aligned labels; aging evolution of 20 with tournaments of 5, 60 evaluations on split 0. The
five best are trained for 100 epochs on splits and with seeds 0, 1, 2; the weights of the best
validation are tested once. The row of the search is the one with the best mean validation. The
hand-made GINE has the same full trainings. ``qm7_bo``: the same with ``bo`` in the stead of
evolution. ``qm7_member``: full trainings of ``sum``, a member of MPNN made by hand.
``qm7_from_member``: evolution as before, which measures that member first. The three were added
when evolution had missed the goal.

``esol``: ``random``, ``evolution`` (of 10, tournaments of 3) and ``bo``, 40 evaluations, with the
seeds below ``--seeds`` for the search and its trainings, on split 0. The incumbents of all runs are
compared at equal seconds of training and choosing, up to those of the shortest run. The best of
each run is trained for 60 epochs on splits and with seeds 0, 1, 2.

``freesolv``: evolution as on ESOL; its best of each seed, the best of ESOL's evolution of the same
seed, and that run's first, random architecture, all trained fully on the three splits of FreeSolv.

``by_hand``: full trainings of the GINE and of ``sum`` on splits and with seeds 0, 1, 2 of ESOL and
FreeSolv.

``overhead``: a search on QM7 with ``--workers``: 12 random architectures for 4 epochs each. Idle is
a worker that reads no data, trains and measures nothing. Until the first result it starts; after
its last result it has nothing more to do; the rest of its idle time is the driver's.

``baselines``: ridge on atom counts, and boosted trees on counts of atoms, bonds and rings, without
and with fingerprints, on the test parts of splits 0, 1, 2 (``benchmarks/molecule_baselines.py``).

Of the molecules in the tests on splits 1 and 2 most were in the search's split 0 (``search_split``
is the test there, by which nothing was chosen). Differences are paired, by split or by seed, with
95 % intervals by Student's t. Wall times are those of the machine as it was.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread, paired_difference
from benchmarks.molecule_baselines import baselines
from benchmarks.prediction import kept, note_machine
from benchmarks.tuning.molecule_settings import MEMBERS
from benchmarks.worker_time import workers_of
from experiment.arguments import output_file, parser, positive_int
from experiment.engine import InThisProcess
from experiment.errors import run_command
from experiment.files import read_json, write_json
from experiment.run import CONFIG, RunFolder
from experiment.threads import use_threads
from searchers.declared.problem import NASProblem
from searchers.declared.run import run_problem
from searchers.declared.top_k import Finalist, FullTraining

RUNS = ROOT / "runs" / "molecule_searches"
RESULTS = ROOT / "benchmarks" / "results" / "molecule_searches.json"
SPLITS = (0, 1, 2)
SEEDS = 5
"""Of the searches on ESOL and FreeSolv."""
METHODS = ("random", "evolution", "bo")
EPOCHS = 20
"""Of a training in a search."""
FULL = {"qm7": 100, "esol": 60, "freesolv": 60}
METRICS = {"qm7": "mae", "esol": "rmse", "freesolv": "rmse"}
EVOLUTION = {"name": "evolution", "population": 20, "tournament": 5, "seed": 0}
"""On QM7."""
SHARES = (0.25, 0.5, 1.0)
"""Of the seconds of the shortest run, after which incumbents are compared."""


def problem(data: str, given: Any, **changes: Any) -> NASProblem:
    """A search of MPNN on the molecules ``data``; tables in ``changes`` take the place of these."""
    tables = {
        "task": {"data": data, "split_seed": SPLITS[0]},
        "space": {"name": "MPNN"},
        "hyperparameters": {"epochs": FULL[data], "dropout": 0.0},
        "objective": f"-val_{METRICS[data]}",
        "fidelity": {"epochs": EPOCHS},
        "callbacks": {"log": False},
        "engine": {"name": "here"},
        "top_k": {"k": 1, "repeats": len(SPLITS)},
    }
    return NASProblem.read({**tables, **changes}, given.data_root)


def searched(declared: NASProblem, folder: Path) -> tuple[Path, list[dict[str, Any]]]:
    """Search in a folder, or read the search that has ended there; the rows of its best."""
    if not (folder / "top_k.json").is_file():
        print(
            f"{folder.name}: {declared.budget.evaluations} evaluations", file=sys.stderr, flush=True
        )
        run_problem(declared, folder, resume=(folder / CONFIG).is_file(), quiet=True)
    return folder, read_json(folder / "top_k.json")["rows"]


def errors_of(folder: Path, rank: int = 1, part: str = "test") -> list[float]:
    """The error of each full training on a part, by split."""
    places = [folder / "top_k" / str(rank) / f"repeat_{split}" for split in SPLITS]
    return [float(read_json(place / "result.json")[part]) for place in places]


def hours_of(folder: Path) -> float:
    """The hours of all full trainings together."""
    places = folder.glob("top_k/*/repeat_*/result.json")
    return sum(float(read_json(place)["cost_seconds"]) for place in places) / 3600


def spread_of(values: Sequence[float]) -> dict[str, Any]:
    """Mean, deviation, and the values."""
    return {**asdict(Spread.of(values)), "values": list(values)}


def difference_of(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, Any] | None:
    """The paired difference with its interval."""
    first, second = ({str(k): v for k, v in enumerate(each)} for each in (ours, theirs))
    found = paired_difference(first, second)
    return None if found is None else asdict(found)


def qm7(given: Any, folder: str, **search: Any) -> dict[str, Any]:
    """A search on aligned QM7, as ``search`` says, and what is beside it."""
    declared = problem(
        "qm7",
        given,
        budget={"evaluations": 60},
        search=search,
        engine={"name": "processes", "workers": given.workers},
        top_k={"k": 5, "repeats": len(SPLITS)},
    )
    place, rows = searched(declared, given.runs / folder)
    by_hand = trained_gine("qm7", given)
    chosen = read_json(place / "result.json")["chosen"]
    best, gine = errors_of(place, chosen), errors_of(by_hand)
    return {
        "best": rows,
        "chosen": chosen,
        "test": spread_of(best),
        "search_split": best[0],
        "GINE": spread_of(gine),
        "GINE, validation": spread_of(errors_of(by_hand, part="validation")),
        "difference_to_GINE": difference_of(best, gine),
        "full_training_hours": hours_of(place),
        "workers": workers_of(place),
    }


def trained_gine(data: str, given: Any) -> Path:
    """The folder of the full trainings of the hand-made GINE."""
    alone = problem(
        data,
        given,
        space={"name": "GINE"},
        hyperparameters={"epochs": FULL[data]},
        budget={"evaluations": 1},
    )
    return searched(alone, given.runs / f"{data}_gine")[0]


def qm7_member(given: Any) -> dict[str, Any]:
    """What the search could have found: a network of the space that was made by hand."""
    declared = problem("qm7", given, budget={"evaluations": 1})
    place = given.runs / "qm7_member"
    tests = in_full(declared, MEMBERS["sum"], place)
    return {
        "test": spread_of(tests),
        "validation": spread_of(errors_of(place, part="validation")),
    }


def small(method: str, seed: int) -> dict[str, Any]:
    """The tables of a search of 40 evaluations."""
    sizes = {"population": 10, "tournament": 3} if method == "evolution" else {}
    return {
        "budget": {"evaluations": 40},
        "search": {"name": method, "seed": seed, **sizes},
    }


def esol(given: Any) -> dict[str, Any]:
    """Three methods on ESOL."""
    folders: dict[str, list[Path]] = {method: [] for method in METHODS}
    for seed in range(given.seeds):
        for method in METHODS:
            declared = problem("esol", given, **small(method, seed))
            folders[method].append(searched(declared, given.runs / f"esol_{method}_{seed}")[0])
    curves = {method: [incumbents(each) for each in found] for method, found in folders.items()}
    end = min(seconds[-1] for found in curves.values() for seconds, _ in found)
    moments = {
        f"{share:g}": {
            method: [value_at(curve, share * end) for curve in found]
            for method, found in curves.items()
        }
        for share in SHARES
    }
    winners = {
        method: [float(np.mean(errors_of(each))) for each in found]
        for method, found in folders.items()
    }
    return {
        "seconds": end,
        "incumbents": {
            share: {method: spread_of(values) for method, values in found.items()}
            for share, found in moments.items()
        },
        "differences_to_random": {
            share: {name: difference_of(found[name], found["random"]) for name in METHODS[1:]}
            for share, found in moments.items()
        },
        "test": {method: spread_of(values) for method, values in winners.items()},
        "search_split": {
            method: spread_of([errors_of(each)[0] for each in found])
            for method, found in folders.items()
        },
        "test_differences_to_random": {
            name: difference_of(winners[name], winners["random"]) for name in METHODS[1:]
        },
    }


def incumbents(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of training and choosing after each evaluation, and the best value until then."""
    seconds, values, spent = [], [], 0.0
    for line in RunFolder(folder).read_metrics():
        if line["event"] == "asked":
            spent += line["seconds"]
            continue
        spent += line["cost_seconds"] or 0.0
        seconds.append(spent)
        values.append(np.inf if line["validation"] is None else line["validation"])
    return np.array(seconds), np.minimum.accumulate(values)


def value_at(curve: tuple[np.ndarray, np.ndarray], seconds: float) -> float:
    """The incumbent's value after so many seconds."""
    ends, values = curve
    return float(values[max(int(np.searchsorted(ends, seconds, side="right")) - 1, 0)])


def freesolv(given: Any) -> dict[str, Any]:
    """Whether ESOL's best architectures are good ones of FreeSolv, too."""
    found: dict[str, list[float]] = {"its own best": [], "ESOL's best": [], "a random one": []}
    for seed in range(given.seeds):
        declared = problem("freesolv", given, **small("evolution", seed))
        folder, _ = searched(declared, given.runs / f"freesolv_evolution_{seed}")
        found["its own best"].append(float(np.mean(errors_of(folder))))
        source = problem("esol", given, **small("evolution", seed))
        folder, rows = searched(source, given.runs / f"esol_evolution_{seed}")
        first = RunFolder(folder).read_metrics()[0]["architectures"][0]["arch"]
        for name, text in (("ESOL's best", rows[0]["architecture"]), ("a random one", first)):
            kind = "best" if name[0] == "E" else "random"
            place = given.runs / f"freesolv_{kind}_of_esol_{seed}"
            found[name].append(float(np.mean(in_full(declared, text, place))))
    own = found["its own best"]
    return {
        "test": {name: spread_of(values) for name, values in found.items()},
        "differences_to_its_own": {
            name: difference_of(values, own) for name, values in found.items() if values is not own
        },
    }


def by_hand(given: Any) -> dict[str, Any]:
    """The two networks made by hand, which were chosen on QM7, on the two smaller sets."""
    found = {}
    for data in ("esol", "freesolv"):
        declared = problem(data, given, budget={"evaluations": 1})
        found[data] = {
            "GINE": spread_of(errors_of(trained_gine(data, given))),
            "sum": spread_of(in_full(declared, MEMBERS["sum"], given.runs / f"{data}_member")),
        }
    return found


def in_full(declared: NASProblem, architecture: str, folder: Path) -> list[float]:
    """The test of an architecture on each split, after full trainings of the problem."""
    work = FullTraining(
        *(declared.searched, declared.task, declared.data_root, declared.design),
        *(declared.recipe, folder / "top_k"),
    )
    graph = declared.searched.parse(architecture)
    with InThisProcess() as engine:
        for split in SPLITS:
            engine.submit(work, Finalist(graph, 1, split)).result()
    return errors_of(folder)


def simpler(given: Any) -> dict[str, Any]:
    """What ridge and boosted trees reach on the same splits."""
    return {
        data: {
            name: spread_of(values)
            for name, values in baselines(data, SPLITS, given.data_root).items()
        }
        for data in METRICS
    }


def overhead(given: Any) -> dict[str, Any]:
    """What a search with several workers costs beside training."""
    declared = problem(
        "qm7",
        given,
        budget={"evaluations": 12},
        search={"name": "random", "seed": 0},
        fidelity={"epochs": 4},
        engine={"name": "processes", "workers": given.workers},
        top_k={"k": 0},
    )
    folder = given.runs / f"overhead_{given.workers}"
    run_problem(declared, folder, resume=(folder / CONFIG).is_file(), quiet=True)
    return workers_of(folder)


PARTS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "qm7": partial(qm7, folder="qm7", **EVOLUTION),
    "qm7_bo": partial(qm7, folder="qm7_bo", name="bo", seed=0),
    "qm7_member": qm7_member,
    "qm7_from_member": partial(qm7, folder="qm7_from_member", start=[MEMBERS["sum"]], **EVOLUTION),
    "esol": esol,
    "freesolv": freesolv,
    "by_hand": by_hand,
    "overhead": overhead,
    "baselines": simpler,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is missing, and print a table."""
    flags = parser("Searches on molecules, beside networks and models made without one.")
    flags.add_argument("parts", nargs="+", choices=[*PARTS, "table"], help="what is measured")
    flags.add_argument("--workers", type=positive_int, default=2, help="of qm7, qm7_bo, overhead")
    flags.add_argument("--seeds", type=positive_int, default=SEEDS, help="of esol, freesolv")
    flags.add_argument("--data_root", type=Path, help="folder with molecules_aligned/ …")
    flags.add_argument("--runs", type=Path, default=RUNS, help="folder of the searches")
    flags.add_argument("--out", type=output_file, default=RESULTS, help="file that keeps all")
    given = flags.parse_args(arguments)
    use_threads(1)
    for part in PARTS:
        if part in given.parts:
            found = PARTS[part](given)
            record = kept(given.out)  # now: another part may have ended meanwhile
            note_machine(record, part, record["results"].get(part, {}))
            record["results"][part] = found
            write_json(given.out, record)
    for line in table(kept(given.out)["results"]):
        print(line)
    return 0


def table(results: Mapping[str, Any]) -> list[str]:
    """What is kept, for people."""
    lines = []
    for part, found in results.items():
        lines += [f"{part}:", *(f"  {name}: {text}" for name, text in _texts(found))]
    return lines


def _texts(found: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """The spreads and differences among nested results."""
    texts = []
    for name, value in found.items():
        if not isinstance(value, Mapping):
            if isinstance(value, float):
                texts.append((f"{prefix}{name}", f"{value:.4g}"))
        elif "std" in value:
            texts.append((f"{prefix}{name}", f"{value['mean']:.4g} ± {value['std']:.2g}"))
        elif "low" in value:
            shown = f"{value['mean']:+.3g} [{value['low']:+.3g}, {value['high']:+.3g}]"
            texts.append((f"{prefix}{name}", shown))
        else:
            texts += _texts(value, f"{prefix}{name}, ")
    return texts


if __name__ == "__main__":
    run_command(main)
