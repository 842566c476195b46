"""Choosing among candidates: what is kept, compared and said."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.tuning.choosing import FIRST_SEED, measure_all, own_half, verdict


def test_a_half_is_always_the_same_and_no_more_than_a_half() -> None:
    rows = own_half(101)
    assert len(rows) == len(set(rows.tolist())) == 50
    np.testing.assert_array_equal(rows, own_half(101))


def test_a_stopped_choice_goes_on_where_it_was(tmp_path: Path) -> None:
    called: list[tuple[str, int]] = []

    def measure(name: str, seed: int) -> dict[str, float]:
        if len(called) == 3:
            raise KeyboardInterrupt
        called.append((name, seed))
        return {"score": float(len(name) + seed)}

    path = tmp_path / "kept.json"
    try:
        measure_all(path, "a task", ["x", "yy"], 2, measure)
    except KeyboardInterrupt:
        stopped = list(called)
    called.clear()
    runs = measure_all(path, "a task", ["x", "yy"], 2, measure)
    assert stopped == [("x", FIRST_SEED), ("yy", FIRST_SEED), ("x", FIRST_SEED + 1)]
    assert called == [("yy", FIRST_SEED + 1)]
    assert runs["yy"][str(FIRST_SEED + 1)] == {"score": 2.0 + FIRST_SEED + 1}


def test_the_best_of_the_seeds_that_all_have_is_chosen() -> None:
    runs = {
        "old": {"100": {"tau": 0.5}, "101": {"tau": 0.9}},
        "new": {"100": {"tau": 0.6}},
    }
    lines = verdict("t", runs, "old", largest=True)
    assert lines[0] == "t, 1 seeds:"
    assert "new" in lines[1]
    assert lines[2].startswith("  * old")
    assert lines[-1].endswith("is not the first: new")
    assert verdict("t", runs, "old", largest=False)[-1].endswith("confirmed")
    assert "no seed" in verdict("t", {"a": {"1": {"s": 1.0}}, "b": {}}, "a", largest=True)[0]
