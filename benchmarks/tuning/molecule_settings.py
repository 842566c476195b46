"""How networks of MPNN are trained on QM7: what settings of the recipe are worth.

    python benchmarks/tuning/molecule_settings.py 'sum' 'sum learning_rate=1e-3' --epochs 20

A candidate is an architecture of :data:`ARCHITECTURES` and what differs from the preset
``configs/molecules.toml``; ``dropout`` is one of the network. It is trained for ``--epochs`` of its
schedule, unless it names ``epochs`` itself, on the training part of split 0 with a seed that no
reported number uses. Kept is the least mean absolute error of the validation part over the epochs,
in kcal/mol. No test part is looked at. What ``benchmarks/results/tuning_molecules.json`` has is not
trained again.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.tuning.choosing import measure_all, place
from datasets import FixedNetwork, get_space
from datasets.space import SearchSpace
from estimators.by_curve import ByCurve, CurveScore
from estimators.networks import Design, GINEDesign, MPNNDesign
from estimators.tasks.molecules import MoleculeRecipe, MoleculeTask
from experiment.arguments import output_file, parser, positive_int
from experiment.config import nearest
from experiment.errors import InputError, run_command

DATA = "qm7"
MEMBERS = {
    "sum": "const,1 sum,gru,3 32,elu " * 3 + "sum_atoms 0:3 3:6 6:9",
    "attention": "gat,4 mean,gru,2 16,tanh " * 3 + "attention32 0:3 3:6 6:9",
}
"""Of MPNN, made by hand."""
ARCHITECTURES = {**MEMBERS, "GINE": None}
"""Those, and the hand-made network beside the space."""


def settings_of(candidate: str) -> tuple[str, dict[str, Any]]:
    """Architecture and settings of a candidate.

    Raises:
        InputError: there is no such architecture, or a setting has no value.
    """
    name, *changes = candidate.split()
    if name not in ARCHITECTURES:
        raise InputError(f"no architecture {name!r}: {nearest(name, list(ARCHITECTURES))}")
    settings: dict[str, Any] = {}
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise InputError(f"{change!r} is no setting=value")
        try:
            settings |= tomllib.loads(change)
        except tomllib.TOMLDecodeError:
            settings[key] = value
    return name, settings


def measure(candidate: str, seed: int) -> dict[str, float]:
    """Train one candidate; its figures."""
    name, settings = settings_of(candidate)
    sizes = {key: settings.pop(key) for key in ("dropout",) if key in settings}
    text = ARCHITECTURES[name]
    space: SearchSpace = get_space("MPNN") if text else FixedNetwork(name)
    design: Design = MPNNDesign(**sizes) if text else GINEDesign()
    graph = space.parse(text) if text else FixedNetwork.member
    recipe = MoleculeRecipe.load("molecules", DATA, overrides=settings)
    score = CurveScore("val_mae", "min")
    estimator = ByCurve(space, MoleculeTask(DATA), design, recipe, score, seed=seed)
    (found,) = estimator.measure([graph])
    if found.validation is None:
        raise InputError(f"{candidate!r} cannot be trained: {found.reason}")
    return {"validation": found.validation}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, and print a row for each candidate."""
    flags = parser("Compare settings of trainings on QM7.")
    flags.add_argument("candidates", nargs="+", help="architecture, or 'sum setting=value …'")
    flags.add_argument("--epochs", type=positive_int, default=20, help="of a training")
    flags.add_argument("--out", type=output_file, default=place("molecules"), help="keeps all")
    given = flags.parse_args(arguments)
    torch.set_num_threads(1)
    asked = [with_epochs(each, given.epochs) for each in given.candidates]
    for candidate in asked:
        settings_of(candidate)
    runs = measure_all(given.out, DATA, asked, 1, measure)
    for candidate, seeds in runs.items():
        for figures in seeds.values():
            shown = "  ".join(f"{key} {value:.3g}" for key, value in figures.items())
            print(f"{candidate:<60} {shown}")
    return 0


def with_epochs(candidate: str, epochs: int) -> str:
    """The candidate, with the number of epochs unless it names one itself."""
    name, *changes = candidate.split()
    own = any(change.startswith("epochs=") for change in changes)
    return " ".join([name, *([] if own else [f"epochs={epochs}"]), *changes])


if __name__ == "__main__":
    run_command(main)
