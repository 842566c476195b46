import hashlib
from pathlib import Path

import numpy as np
import pytest

from datasets.splits import split_fingerprint, split_rows
from experiment.errors import InputError
from experiment.files import read_json

FROZEN_TEST = [6, 18]
FROZEN_FINGERPRINT = "98e8847fe7faca327e9667bee6be594281f2a855ada330874c548c4a9cb51235"


def names(n: int) -> np.ndarray:
    return np.array([hashlib.md5(str(k).encode()).hexdigest() for k in range(n)])


def test_parts_are_disjoint_complete_and_of_the_asked_size() -> None:
    split = split_rows(names(1234))
    assert len(split.test) == 123
    assert np.array_equal(np.sort(np.concatenate([split.train, split.test])), np.arange(1234))
    assert np.array_equal(np.flatnonzero(split.parts()), split.test)


def test_split_is_the_stated_rule_and_stays_what_it_was() -> None:
    hashes = names(20)
    expected = sorted(
        range(20), key=lambda k: hashlib.sha256(f"7:{hashes[k]}".encode()).hexdigest()
    )
    assert split_rows(hashes, seed=7).test.tolist() == sorted(expected[:2])
    # Fixed for ever: another machine, Python or NumPy must find the same rows.
    assert split_rows(hashes, seed=7).test.tolist() == FROZEN_TEST
    assert split_rows(hashes, seed=7).fingerprint == FROZEN_FINGERPRINT


def test_order_of_the_rows_does_not_matter() -> None:
    hashes = names(500)
    shuffled = np.random.default_rng(0).permutation(hashes)
    a, b = split_rows(hashes, seed=3), split_rows(shuffled, seed=3)
    assert set(hashes[a.test]) == set(shuffled[b.test])
    assert a.fingerprint == b.fingerprint


def test_seeds_differ_and_the_fingerprint_tells() -> None:
    hashes = names(500)
    a, b = split_rows(hashes, seed=1), split_rows(hashes, seed=2)
    assert set(a.test) != set(b.test)
    assert a.fingerprint != b.fingerprint
    assert a.fingerprint == split_fingerprint(hashes, a.test)


def test_repeated_architectures_and_impossible_shares_are_refused() -> None:
    with pytest.raises(InputError, match="merge"):
        split_rows(np.array(["aa", "bb", "aa"]))
    with pytest.raises(InputError, match="share"):
        split_rows(names(3), test_share=1.5)


def test_stored_split_names_its_rows(tmp_path: Path) -> None:
    split = split_rows(names(50))
    split.save(tmp_path / "split.json")
    stored = read_json(tmp_path / "split.json")
    assert stored["test"] == split.test.tolist()
    assert stored["rows"] == 50
    assert stored["fingerprint"] == split.fingerprint
