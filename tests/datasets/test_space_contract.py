"""Every registered search space keeps the promises of ``datasets.testing``.

A new space is tested by its registration alone. That the checks find faults is tested with the
example of a space, in ``tests/examples``.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import get_space
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.registry import SPACES
from datasets.space import SearchSpace
from datasets.testing import CHECKS, read_or_refused
from experiment.errors import InputError

ALL: dict[str, SearchSpace] = {name: get_space(name) for name in SPACES}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ALL)
def test_space_keeps_its_promises(name: str, check: Callable[[SearchSpace], None]) -> None:
    check(ALL[name])


def test_unknown_name_is_refused() -> None:
    with pytest.raises(InputError, match="choose one of ENAS"):
        get_space("NB301")


@pytest.mark.parametrize("name", ALL)
def test_non_members_are_refused_with_the_reason(name: str) -> None:
    lonely = ArchitectureGraph((1, 0), ())
    assert not ALL[name].is_legal(lonely)
    with pytest.raises(ArchitectureError, match=f"not an architecture of {ALL[name].name}: "):
        ALL[name].check(lonely)


KEYS = st.sampled_from(["arch", "matrix", "ops"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=12,
)


@settings(deadline=None)  # a busy machine is no defect
@given(
    st.sampled_from(sorted(ALL)),
    st.text() | st.text(alphabet='0123456789 []{}",|+~-', max_size=80) | JSON.map(json.dumps),
)
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    read_or_refused(ALL[name], text)


@settings(deadline=None)  # the first sample of NB101 enumerates it
@given(st.sampled_from(sorted(ALL)), st.data())
def test_damaged_notation_is_read_or_refused(name: str, data: st.DataObject) -> None:
    space = ALL[name]
    seed = data.draw(st.integers(0, 20))
    text = space.format(space.sample(1, np.random.default_rng(seed))[0])
    place = data.draw(st.integers(0, len(text)))
    removed = data.draw(st.integers(0, 3))
    read_or_refused(space, text[:place] + data.draw(st.text(max_size=2)) + text[place + removed :])
