"""The API of the package nas-bench-graph: the examples of its README run with another import."""

from __future__ import annotations

import pickle
import random
from pathlib import Path

import numpy as np
import pytest

from datasets.graph import ArchitectureError
from datasets.nas_bench_graph import (
    Arch,
    all_archs,
    gnn_list,
    gnn_list_proteins,
    light_read,
    lightread,
    link_list,
    read,
)
from experiment.errors import InputError

OFFICIAL_ORDERS = {
    (0, 0, 0, 2): ([0, 0, 0, 1], "bacd"),
    (0, 0, 0, 3): ([0, 0, 0, 1], "cabd"),
    (0, 0, 1, 0): ([0, 0, 0, 1], "abdc"),
    (0, 0, 2, 0): ([0, 0, 0, 1], "badc"),
    (0, 0, 2, 1): ([0, 0, 1, 2], "bacd"),
    (0, 0, 2, 2): ([0, 0, 1, 1], "bacd"),
    (0, 0, 2, 3): ([0, 0, 1, 3], "bacd"),
    (0, 1, 0, 0): ([0, 0, 0, 1], "acdb"),
    (0, 1, 0, 1): ([0, 0, 1, 1], "acbd"),
    (0, 1, 0, 2): ([0, 0, 1, 3], "acbd"),
    (0, 1, 0, 3): ([0, 0, 1, 2], "acbd"),
    (0, 1, 1, 0): ([0, 0, 1, 1], "adbc"),
    (0, 1, 1, 3): ([0, 1, 1, 2], "acbd"),
    (0, 1, 2, 0): ([0, 0, 1, 3], "adbc"),
    (0, 1, 2, 1): ([0, 1, 1, 2], "abdc"),
}
"""Link → link and order of the operations a, b, c, d after the package's ``regularize()``."""
NAMES = {"a": "gat", "b": "gcn", "c": "gin", "d": "cheb"}


def test_the_examples_of_the_readme() -> None:
    bench = lightread("cora")
    arch = Arch([0, 1, 2, 1], ["gcn", "gin", "fc", "cheb"])
    info = bench[arch.valid_hash()]
    assert set(info) == {"valid_perf", "perf", "latency", "para"}
    assert info["valid_perf"] == pytest.approx(0.79)
    assert info["perf"] == pytest.approx(0.804667, abs=1e-6)
    assert info["para"] == pytest.approx(0.765191)
    assert arch.valid_hash() == 61237
    # The README calls this one the same architecture. It is not: here fc follows cheb, not gin.
    assert Arch([0, 1, 1, 2], ["gcn", "cheb", "gin", "fc"]).valid_hash() == 61327
    assert Arch([0, 1, 1, 2], ["gcn", "gin", "cheb", "fc"]).valid_hash() == 61237


def test_every_architecture_is_in_the_tables() -> None:
    archs = all_archs()
    assert len(archs) == 26_206
    assert [arch.valid_hash() for arch in archs[::211]] == [one.hash_arch() for one in archs[::211]]
    assert sorted(light_read("arxiv")) == [arch.hash_arch() for arch in archs]
    proteins = light_read("proteins")
    for arch in archs[::97]:
        assert arch.ops is not None
        assert (arch.valid_hash() in proteins) == (set(arch.ops) <= set(gnn_list_proteins))


@pytest.mark.parametrize("link", OFFICIAL_ORDERS, ids=str)
def test_links_are_brought_to_the_nine_patterns_as_in_the_package(
    link: tuple[int, int, int, int],
) -> None:
    expected, order = OFFICIAL_ORDERS[link]
    arch = Arch(list(link), list(NAMES.values()))
    regular = arch.regularize()
    assert (regular.link, regular.ops) == (expected, [NAMES[letter] for letter in order])
    assert (arch.link, arch.ops) == (list(link), list(NAMES.values()))  # a copy was changed
    assert regular.valid_hash() == arch.valid_hash()


def test_patterns_stay_as_they_are() -> None:
    for link in link_list:
        regular = Arch(link[:], list(NAMES.values())).regularize()
        assert (regular.link, regular.ops) == (link, list(NAMES.values()))


def test_methods_that_work_in_place() -> None:
    arch = Arch([0, 0, 0, 0], ["skip", "gcn", "gat", "skip"])
    arch.move_skip_op()
    assert (arch.link, arch.ops) == ([0, 1, 2, 2], ["skip", "skip", "gcn", "gat"])
    arch.equalpart_sort()
    assert arch.ops == ["skip", "skip", "gat", "gcn"]
    assert arch.check_isomorph()
    assert not Arch([0, 0, 0, 0], ["skip", "gcn", "gcn", "skip"]).check_isomorph()
    assert Arch([0, 0, 0, 0], ["skip"] * 4).valid_hash() == 88888  # in no table, as officially


def test_random_architectures_depend_on_the_seed_alone() -> None:
    drawn = []
    for seed in (3, 3, 4):
        random.seed(seed)
        arch = Arch()
        arch.random_arch()
        drawn.append((arch.link, arch.ops))
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0][0] in link_list
    assert set(drawn[0][1] or []) <= set(gnn_list)


def test_from_a_key_to_the_architecture() -> None:
    assert str(Arch.from_hash(61237)) == "Arch([0, 1, 1, 2], ['gcn', 'gin', 'cheb', 'fc'])"
    with pytest.raises(ArchitectureError, match="has a digit 9"):
        Arch.from_hash(12349)


def test_bad_architectures_and_names_are_one_sentence() -> None:
    with pytest.raises(ArchitectureError, match="expected four numbers"):
        Arch().valid_hash()
    with pytest.raises(ArchitectureError, match="operation 'mlp' is unknown"):
        Arch([0, 1, 2, 3], ["gcn", "gcn", "gcn", "mlp"]).valid_hash()
    with pytest.raises(InputError, match=r"\[0, 1, 2, 1\] has no number"):
        Arch([0, 1, 2, 1], ["gcn"] * 4).hash_arch()
    with pytest.raises(InputError, match="no data set 'Cora': choose one of cora, citeseer"):
        light_read("Cora")


def test_official_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "cora0.bench"
    curve = [[epoch / 10 + column for column in range(7)] for epoch in range(60)]
    path.write_bytes(pickle.dumps({61237: {"dur": curve, "para": np.float64(0.7)}}, protocol=3))
    bench = read(str(path))
    info = bench[Arch([0, 1, 2, 1], ["gcn", "gin", "fc", "cheb"]).valid_hash()]
    assert info["dur"][50][2] == pytest.approx(7.0)  # epoch 50, performance on the test nodes
    assert info["dur"].shape == (60, 7)
    assert info["para"] == 0.7
    with pytest.raises(InputError, match="cannot read"):
        read(tmp_path / "absent.bench")
