"""Ranges of hyper-parameters, and the space of architectures with them."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from datasets.graph import ArchitectureError
from datasets.hyperparameters import Range, among, between, read_range
from datasets.registry import get_space
from datasets.spaces.configured import ConfiguredArchitecture, ConfiguredSpace, parts_of
from experiment.errors import InputError

RANGES = {
    "learning_rate": between(1e-4, 1e-2, log=True),
    "batch_size": among(16, 32),
    "optimiser": among("adam", "sgd"),
}


@pytest.fixture(scope="module")
def space() -> ConfiguredSpace:
    return ConfiguredSpace(get_space("NB201"), RANGES)


@pytest.fixture(scope="module")
def member(space: ConfiguredSpace) -> ConfiguredArchitecture:
    (found,) = space.sample(1, np.random.default_rng(0))
    assert isinstance(found, ConfiguredArchitecture)
    return found


def test_ranges_have_their_ends_and_ascend() -> None:
    for span in (between(1e-4, 1e-2, log=True), between(0.0, 1.0), between(1, 1000, log=True)):
        assert list(span.values) == sorted(set(span.values))
    rates = between(1e-4, 1e-2, log=True).values
    assert (rates[0], rates[-1], len(rates)) == (1e-4, 1e-2, 65)
    assert rates[32] == pytest.approx(1e-3)
    assert between(2, 5).values == (2, 3, 4, 5)
    assert among(64, 32) == Range((32, 64))
    assert str(among("adam", "sgd")) == "adam, sgd"


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"low": 1e-2, "high": 1e-3}, "ends reversed"),
        ({"low": 0, "high": 1, "log": True}, "expected more than 0"),
        ({"low": 1}, "needs 'high'"),
        ({"low": 1, "hgh": 2}, "did you mean 'high'"),
        ({"choices": []}, "at least one"),
        ({"choices": ["a", "a"]}, "each once"),
        ({"choices": 3}, "expected a list"),
        ({"low": "a", "high": 2}, "expected a number"),
    ],
)
def test_wrong_ranges_are_refused(table: dict[str, object], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_range("x", table)


def test_members_are_written_and_read_back(
    space: ConfiguredSpace, member: ConfiguredArchitecture
) -> None:
    assert space.is_legal(member)
    assert space.parse(space.format(member)) == member
    assert space.parse(json.dumps(space.to_record(member))) == member
    assert pickle.loads(pickle.dumps(member)) == member
    assert space.canonical(member) == member
    inner, plain, values = parts_of(space, member)
    assert inner.is_legal(plain)
    assert list(values) == list(RANGES)
    assert parts_of(inner, plain) == (inner, plain, {})


def test_hashes_tell_hyperparameters_apart(
    space: ConfiguredSpace, member: ConfiguredArchitecture
) -> None:
    near = space.neighbours(member)
    names = {space.hash(graph) for graph in near}
    assert len(names) == len(near) == 24 + 64 + 1 + 1  # operations, rates, batch sizes, optimisers
    assert space.hash(member) not in names
    assert all(map(space.is_legal, near))


def test_what_is_no_member_is_refused(
    space: ConfiguredSpace, member: ConfiguredArchitecture
) -> None:
    assert space.why_illegal(member.plain) == "it has no hyper-parameters"
    with pytest.raises(ArchitectureError, match="batch_size is 17"):
        space.configure(member.plain, {**dict(member.chosen), "batch_size": 17})
    with pytest.raises(ArchitectureError, match="expected learning_rate"):
        space.parse(get_space("NB201").format(member.plain) + " with {}")
    with pytest.raises(ArchitectureError, match="no JSON object"):
        space.parse("nonsense with more")
    with pytest.raises(InputError, match="no lists"):
        next(space.enumerate())
