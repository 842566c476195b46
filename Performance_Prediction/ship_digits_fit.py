"""Fit the process behind the features ``digits`` again, and keep its parameters.

``python Performance_Prediction/ship_digits_fit.py --overwrite`` is due when the table DIGITS101,
the features that describe its cells or the process have changed.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from collections.abc import Sequence

from experiment.arguments import parser
from experiment.errors import run_command
from experiment.files import check_output
from predictors.features.digits_transfer import FIT, fit_digits, write_fit


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and write.

    Raises:
        InputError: the file is there, or cannot be written.
    """
    flags = parser("Fit the process behind the features digits to all cells of DIGITS101.")
    flags.add_argument("--out", type=Path, default=FIT, help="the file to write (%(default)s)")
    flags.add_argument("--overwrite", action="store_true", help="replace the file if it is there")
    given = flags.parse_args(arguments)
    check_output(given.out, ".npz", overwrite=given.overwrite)
    print("Fitting to the 2,832 cells of DIGITS101, some 15 seconds ...", flush=True)
    write_fit(given.out, fit_digits())
    print(f"Wrote {given.out}")
    return 0


if __name__ == "__main__":
    run_command(main)
