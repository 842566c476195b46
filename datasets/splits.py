"""Seeded splits into training and test rows, the same on every machine.

The rule: sort the architectures by the SHA-256 of ``"<seed>:<hash>"``, both in ASCII; the first
share of them, rounded to the nearest row (a half rounds up), is the test part. It depends on no
random generator and not on the order of the rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

import numpy as np

from experiment.checks import whole_number
from experiment.errors import InputError
from experiment.files import write_json

TEST_SHARE = 0.1
"""The published split: 90 % to train on, 10 % held out."""


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of a table, ascending, each in exactly one part.

    Attributes:
        train: rows to train on. **Shape** (n − k,), int64.
        test: held-out rows. **Shape** (k,), int64.
        fingerprint: SHA-256 of which architecture is in which part, in any order: two
            runs with the same fingerprint held out the same architectures.
        seed: what the split was made with.
    """

    train: np.ndarray
    test: np.ndarray
    fingerprint: str
    seed: int

    def parts(self) -> np.ndarray:
        """0 for a training row, 1 for a test row. **Shape** (n,), uint8."""
        parts = np.zeros(len(self.train) + len(self.test), dtype=np.uint8)
        parts[self.test] = 1
        return parts

    def save(self, path: Path) -> None:
        """Store the split with a run, as JSON."""
        write_json(
            path,
            {
                "seed": self.seed,
                "fingerprint": self.fingerprint,
                "rows": len(self.train) + len(self.test),
                "test": self.test.tolist(),
            },
        )


def split_rows(hashes: np.ndarray, seed: int = 1, test_share: float = TEST_SHARE) -> Split:
    """Split architectures by the module's rule.

    Args:
        hashes: the space's hash of each row, all different. **Shape** (n,), strings.
        seed: number of the split.
        test_share: share to hold out, 0 to 1.

    Raises:
        InputError: two rows have the same hash, or the share is none.
    """
    seed = whole_number(seed, "seed")
    if not isinstance(test_share, Real) or not 0 <= test_share <= 1:
        raise InputError(f"the test share is {test_share}, expected a number from 0 to 1")
    hashes = np.asarray(hashes, dtype=np.str_)
    strings = hashes.tolist()
    if len(set(strings)) != len(strings):
        raise InputError("an architecture stands on two rows: merge them before splitting")
    digests = [hashlib.sha256(f"{seed}:{hash}".encode("ascii")).digest() for hash in strings]
    order = np.array(sorted(range(len(strings)), key=digests.__getitem__), dtype=np.int64)
    held_out = int(len(strings) * test_share + 0.5)
    test, train = np.sort(order[:held_out]), np.sort(order[held_out:])
    return Split(train, test, split_fingerprint(hashes, test), seed)


def split_fingerprint(hashes: np.ndarray, test: np.ndarray) -> str:
    """SHA-256 of the sorted hashes, each followed by "1" if it is held out and "0" if not.

    **Shape**: hashes (n,), test (k,) row numbers.
    """
    held_out = np.zeros(len(hashes), dtype=int)
    held_out[test] = 1
    rows = zip(hashes.tolist(), held_out.tolist(), strict=True)
    lines = sorted(f"{name} {part}\n" for name, part in rows)
    return hashlib.sha256("".join(lines).encode("ascii")).hexdigest()
