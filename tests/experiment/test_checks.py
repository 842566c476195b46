"""Checks of arguments: whole numbers, generators, columns of numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from experiment.checks import (
    as_path,
    equally_many,
    numbers,
    random_generator,
    shown,
    truth_value,
    whole_number,
)
from experiment.errors import InputError
from experiment.seeding import seed_everything


@pytest.mark.parametrize("value", [np.int64(3), np.array(3), 3], ids=["int64", "array", "int"])
def test_whole_numbers_of_any_library_are_taken(value: Any) -> None:
    assert whole_number(value, "n") == 3
    assert type(whole_number(value, "n")) is int


@pytest.mark.parametrize("value", [True, np.True_, 3.0, "3", None, [3], 1e300], ids=str)
def test_other_values_are_no_whole_numbers(value: Any) -> None:
    with pytest.raises(InputError, match="expected a whole number"):
        whole_number(value, "n")
    with pytest.raises(InputError, match="default_rng"):
        random_generator(value)


def test_a_number_below_the_least_is_refused() -> None:
    with pytest.raises(InputError, match="n is 2, expected at least 3"):
        whole_number(2, "n", least=3)
    assert whole_number(-2, "n", least=None) == -2


def test_a_number_above_the_most_is_refused() -> None:
    assert whole_number(3, "n", most=3) == 3
    with pytest.raises(InputError, match="n is 4, expected at most 3"):
        whole_number(4, "n", most=3)
    with pytest.raises(InputError, match=r"the seed is 10+, expected at most"):
        seed_everything(10**30)


def test_numbers_come_from_lists_arrays_and_tensors() -> None:
    for values in ([1, 2.5], np.array([1, 2.5]), torch.tensor([1, 2.5])):
        assert numbers(values, "values").tolist() == [1, 2.5]
    for wrong in ("ab", ["a"], {"a": 1}, [[1, 2], [3]], 3, [[1.0]]):
        with pytest.raises(InputError, match="the values"):
            numbers(wrong, "values")


def test_columns_are_equally_long() -> None:
    equally_many(first=[1, 2], second="ab")
    with pytest.raises(InputError, match="2 first ones, 3 others do not fit together"):
        equally_many(first_ones=[1, 2], others=[1, 2, 3])


def test_a_message_shows_a_value_on_one_short_line() -> None:
    assert shown("a\nb") == r"a str ('a\nb')"
    assert len(shown("x" * 1000)) < 80
    assert shown(np.zeros((2, 3))) == "a ndarray of shape (2, 3)"
    assert shown([1, 2]) == "a list of 2"
    assert shown(None) == "a NoneType"


@pytest.mark.parametrize("wrong", ["no", 0, 1, None, "True"])
def test_a_truth_value_is_no_word_and_no_number(wrong: object) -> None:
    with pytest.raises(InputError, match=r"resume is .*, expected True or False"):
        truth_value(wrong, "resume")
    assert truth_value(np.True_, "resume") is True


@pytest.mark.parametrize("wrong", [5, "", ["runs"]])
def test_a_path_is_one(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"run is .*, expected the path of a folder"):
        as_path(wrong, "run")
    assert as_path(None, "run") is None
    assert as_path("runs", "run") == Path("runs")
