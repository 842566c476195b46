"""Families of search spaces, and where presets keep what is particular to a space."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from datasets import get_space
from datasets.registry import SPACES
from datasets.space import SearchSpace
from datasets.spaces.enas import ENAS
from datasets.spaces.nb101 import NB101
from estimators.networks import load_design
from examples.adding_a_space import Ladder
from predictors.defaults import defaults_of
from predictors.features import make_features
from searchers.defaults import search_defaults

FAMILIES = {
    "NB101": "nb101_cell",
    "DIGITS101": "nb101_cell",
    "NB201": "nb201_cell",
    "ENAS": "enas_macro",
    "ENAS12": "enas_macro",
    "NAS_BENCH_GRAPH": "nas_bench_graph",
    "MPNN": "mpnn",
    "SINGLE_PATH": "single_path",
    "GRAPHNAS_MICRO": "graphnas_micro",
    "GRAPHNAS_MACRO": "graphnas_macro",
    "GASSO": "gasso",
    "AUTOATTEND": "autoattend",
    "AUTOATTEND_POOL1": "autoattend_pool1",
}


class SmallCells(NB101):
    """A user's part of NAS-Bench-101."""

    name = "SmallCells"
    max_nodes = 4


@pytest.mark.parametrize("name", list(SPACES))
def test_spaces_say_what_kind_their_architectures_are(name: str) -> None:
    space = get_space(name)
    assert space.family == FAMILIES[name]
    assert pickle.loads(pickle.dumps(space)).family == space.family


@pytest.mark.parametrize(
    ("space", "family"),
    [(Ladder(), "Ladder"), (SmallCells(), "nb101_cell"), (ENAS(3), "enas_macro")],
)
def test_a_users_space_is_of_its_own_family_or_of_its_parents(
    space: SearchSpace, family: str
) -> None:
    assert space.family == family


def test_presets_know_a_space_by_its_name_or_by_its_parents() -> None:
    sections = {"DIGITS101": ("DIGITS101",), "ENAS": ("ENAS",), "ENAS12": ("ENAS", "12")}
    assert {name: get_space(name).preset_sections for name in sections} == sections
    assert Ladder().preset_sections == ("Ladder",)
    assert SmallCells().preset_sections == ("NB101",)
    assert ENAS(4).preset_sections == ("ENAS", "4")


def test_a_part_of_a_space_has_all_that_its_family_has() -> None:
    space, parent = SmallCells(), NB101()
    assert load_design("digits101", space) == load_design("digits101", parent)
    assert defaults_of(space) == defaults_of(parent)
    assert search_defaults(space) == search_defaults(parent)
    cells = space.sample_batch(4, np.random.default_rng(0))
    for name in defaults_of(space).beyond.features:
        of_part, of_whole = (make_features(name, one)(cells) for one in (space, parent))
        assert np.array_equal(of_part, of_whole), name


def test_what_was_chosen_for_a_space_wins_over_its_family() -> None:
    table = {"nb101_cell": 1, "DIGITS101": 2, "Ladder": 3}
    spaces = [NB101(), get_space("DIGITS101"), SmallCells(), Ladder(), ENAS(3)]
    assert [space.entry(table, 0) for space in spaces] == [1, 2, 1, 3, 0]
