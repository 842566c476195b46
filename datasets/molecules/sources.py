"""The files of labelled molecules: where they are, their columns, units and known faults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from experiment import paths
from experiment.config import nearest
from experiment.errors import InputError

Metric = Literal["mae", "rmse"]


@dataclass(frozen=True)
class MoleculeSource:
    """A table of SMILES and a number each.

    Attributes:
        name: of the data set.
        files: paths below the data root, the first that exists is read; an absolute path is one's
            own file.
        labels: names of the column of the numbers, the first that the file has is read.
        unit: of the numbers; ``None`` for one without.
        metric: by which networks are compared: mean absolute error, or root of the mean squared
            error. Less is better.
        smiles: name of the column of the SMILES.
        additive: whether the quantity is roughly a sum over atoms, as an energy is.
        warning: what a user has to know of the numbers, in one sentence.
    """

    name: str
    files: tuple[str, ...]
    labels: tuple[str, ...]
    unit: str | None
    metric: Metric = "rmse"
    smiles: str = "smiles"
    additive: bool = False
    warning: str = ""

    def __post_init__(self) -> None:
        for field in ("files", "labels"):
            given = getattr(self, field)
            object.__setattr__(self, field, (given,) if isinstance(given, str) else tuple(given))
        if self.metric not in get_args(Metric):
            raise InputError(f"the metric is {self.metric!r}, expected mae or rmse")


SHIFTED = (
    "the labels of the common QM7 table belong to other molecules from row 5,460 on (they are "
    "shifted by 2, later 4 rows): compare with printed numbers by it, and train on 'qm7', whose "
    "labels are right"
)
SOURCES = {
    source.name: source
    for source in (
        MoleculeSource(
            "qm7",
            ("molecules_aligned/qm7_aligned.csv",),
            ("u0_atom",),
            "kcal/mol",
            metric="mae",
            additive=True,
        ),
        MoleculeSource(
            "qm7_published",
            ("molecules/qm7.csv",),
            ("u0_atom",),
            "kcal/mol",
            metric="mae",
            additive=True,
            warning=SHIFTED,
        ),
        # The second name of a file and of a column is that of MoleculeNet's own.
        MoleculeSource(
            "esol",
            ("molecules/esol.csv", "molecules/delaney-processed.csv"),
            ("logSolubility", "measured log solubility in mols per litre"),
            "log10(mol/L)",
        ),
        MoleculeSource(
            "freesolv",
            ("molecules/freesolv.csv", "molecules/SAMPL.csv"),
            ("freesolv", "expt"),
            "kcal/mol",
        ),
        MoleculeSource(
            "lipo", ("molecules/lipo.csv", "molecules/Lipophilicity.csv"), ("lipo", "exp"), "log D"
        ),
    )
}
"""Name → table."""


def get_source(name: str | MoleculeSource) -> MoleculeSource:
    """The table of a name; one of one's own is passed through.

    Raises:
        InputError: there is none of that name.
    """
    if isinstance(name, MoleculeSource):
        return name
    if not isinstance(name, str) or name not in SOURCES:
        raise InputError(
            f"no molecules are called {name!r}: {nearest(str(name), list(SOURCES))} "
            "(a table of your own is a MoleculeSource)"
        )
    return SOURCES[name]


def find_file(source: MoleculeSource, data_root: str | Path | None) -> Path:
    """The file of a table.

    Args:
        source: the table.
        data_root: as for :func:`experiment.paths.data_root`.

    Raises:
        InputError: it is not there.
    """
    root = paths.data_root(data_root)
    for file in source.files:
        if (place := root / file).is_file():
            return place
        if Path(file).is_absolute():
            what = "is a folder" if place.is_dir() else "is not there"
            raise InputError(
                f"the file of {source.name}, {file!r}, {what}: give the path of a table"
            )
    raise InputError(
        f"there is no {' and no '.join(source.files)} below {str(root)!r}: put the file of "
        f"{source.name} there (docs/molecules.md says where it is from)"
    )
