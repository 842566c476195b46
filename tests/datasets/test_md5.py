"""md5 of many texts at once, against hashlib's."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from datasets.spaces.md5 import md5_digests


@pytest.mark.parametrize("rows", [1, 499, 500, 16_385])
@pytest.mark.parametrize("length", [0, 1, 55, 56, 63, 64, 119, 120, 226])
def test_digests_are_those_of_hashlib(rows: int, length: int) -> None:
    generator = np.random.default_rng(length)
    texts = generator.integers(0, 256, size=(rows, length), dtype=np.uint8)
    digests = md5_digests(texts)
    assert digests.shape == (rows, 16)
    for row in {0, rows // 2, rows - 1}:
        assert digests[row].tobytes() == hashlib.md5(texts[row].tobytes()).digest()


def test_no_texts_have_no_digests() -> None:
    assert md5_digests(np.zeros((0, 5), dtype=np.uint8)).shape == (0, 16)
