"""Who is split off, and who is trained, as the released code of info-NAS chooses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.io_networks import NetworkRows, labelled_rows, published_split
from experiment.errors import InputError
from experiment.files import read_json

HASHES = np.array([f"{7 * row % 100:02x}" for row in range(100)])


@pytest.fixture(scope="module")
def expected(fixtures_root: Path) -> dict[str, Any]:
    path = fixtures_root / "infonas_NB101" / "io_preprocessing.json"
    return read_json(path)["expected"]


def test_the_published_order_of_the_data_set(expected: dict[str, Any]) -> None:
    order = expected["dataset_order"]
    ascending = np.array([f"{row:02d}" for row in range(order["graphs"])])
    split = published_split(ascending, order["seed"])
    assert (split.train.tolist(), split.held_out.tolist()) == (order["train"], order["valid"])


def test_the_published_choice(expected: dict[str, Any]) -> None:
    choice = expected["labelled_choice"]
    names = np.array([*choice["train"], *choice["valid"]])
    parts = NetworkRows(*np.split(np.arange(len(names)), [len(choice["train"])]))
    chosen = choice["train_chosen"], choice["valid_chosen"]
    drawn = labelled_rows(parts, len(chosen[0]), len(chosen[1]), choice["seed"])
    assert (names[drawn.train].tolist(), names[drawn.held_out].tolist()) == chosen
    fewer = labelled_rows(parts, 2, 1, choice["seed"])  # the first of those that are drawn
    assert names[fewer.train].tolist() == chosen[0][:2]
    assert names[fewer.held_out].tolist() == chosen[1][:1]


def test_the_order_of_the_rows_makes_no_difference() -> None:
    split, turned = published_split(HASHES), published_split(HASHES[::-1])
    assert HASHES[split.train].tolist() == HASHES[::-1][turned.train].tolist()
    assert sorted([*split.train, *split.held_out]) == list(range(100))
    assert max(HASHES[split.train]) < min(HASHES[split.held_out])
    assert published_split(HASHES, seed=2).train.tolist() != split.train.tolist()


def test_what_is_refused() -> None:
    split = published_split(HASHES)
    with pytest.raises(InputError, match=r"91 training networks were asked for .* has 90"):
        labelled_rows(split, 91, 1)
    with pytest.raises(InputError, match=r"11 held-out networks were asked for .* has 10"):
        labelled_rows(split, 1, 11)
    with pytest.raises(InputError, match="the number of held-out networks is 0"):
        labelled_rows(split, 1, 0)
    with pytest.raises(InputError, match="two rows"):
        published_split(np.array(["a", "b", "a"]))
