from __future__ import annotations

import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.checkpoint import load_checkpoint, save_checkpoint
from experiment.errors import InputError
from experiment.seeding import random_state, restore_random_state, seed_everything


def draws() -> list[float]:
    return [
        random.random(),
        random.gauss(0, 1),
        float(np.random.rand()),  # noqa: NPY002
        torch.rand(1).item(),
    ]


def test_a_seed_fixes_every_generator() -> None:
    seed_everything(7)
    first = draws()
    seed_everything(7)
    assert draws() == first
    seed_everything(8)
    assert all(a != b for a, b in zip(draws(), first, strict=True))


@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.MT19937, np.random.Philox])
def test_random_state_goes_through_a_checkpoint(
    tmp_path: Path, bits: Callable[[int], np.random.BitGenerator]
) -> None:
    ours = np.random.Generator(bits(3))
    torchs = torch.Generator().manual_seed(4)
    seed_everything(5)
    random.gauss(0, 1)  # leaves the second normal of the pair in the state
    ours.integers(9, dtype=np.uint32)  # leaves half of a 64-bit word in the state

    def all_draws() -> list[float]:
        half_word = float(ours.integers(1 << 30, dtype=np.uint32))
        return [*draws(), half_word, ours.random(), torch.rand(1, generator=torchs).item()]

    save_checkpoint(tmp_path / "state", {"random": random_state(ours=ours, torchs=torchs)})
    first = all_draws()
    assert all_draws() != first
    saved = load_checkpoint(tmp_path / "state")["random"]
    restore_random_state(saved, ours=ours, torchs=torchs)
    assert all_draws() == first


class Evil:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (str(self.trace),)


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    trace = tmp_path / "it-ran"
    torch.save({"weights": torch.zeros(2), "extra": Evil(trace)}, tmp_path / "zip.obj")
    (tmp_path / "plain.obj").write_bytes(pickle.dumps({"extra": Evil(trace)}, protocol=2))
    for name in ("zip.obj", "plain.obj"):
        with pytest.raises(InputError, match=name):
            load_checkpoint(tmp_path / name)
    with pytest.raises(InputError, match=r"refused: it holds \w+\.mkdir"):
        load_checkpoint(tmp_path / "zip.obj")
    assert not trace.exists()
    pickle.loads((tmp_path / "plain.obj").read_bytes())  # the bait is real
    assert trace.exists()


def test_checkpoint_round_trip_and_its_failures(tmp_path: Path) -> None:
    path = tmp_path / "c.obj"
    save_checkpoint(path, {"w": torch.arange(1000.0), "step": 3, "nested": {"a": [1, "b", None]}})
    loaded = load_checkpoint(path)
    assert torch.equal(loaded["w"], torch.arange(1000.0))
    assert (loaded["step"], loaded["nested"]) == (3, {"a": [1, "b", None]})
    content = path.read_bytes()
    for length in (0, 1, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match="damaged"):
            load_checkpoint(path)
    torch.save(torch.zeros(3), path)
    with pytest.raises(InputError, match="holds a Tensor, expected a dictionary"):
        load_checkpoint(path)
    with pytest.raises(InputError, match="No such file"):
        load_checkpoint(tmp_path / "absent")
    with pytest.raises(InputError, match="Is a directory"):
        load_checkpoint(tmp_path)


def test_a_failed_save_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "c.obj"
    save_checkpoint(path, {"step": 1})
    with pytest.raises((AttributeError, pickle.PicklingError)):
        save_checkpoint(path, {"step": lambda: 2})
    assert load_checkpoint(path) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


@settings(max_examples=60, deadline=None)
@given(garbage=st.binary(max_size=300), head=st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02"]))
def test_garbage_is_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes, head: bytes
) -> None:
    path = tmp_path_factory.mktemp("garbage") / "g.obj"
    path.write_bytes(head + garbage)
    with pytest.raises(InputError):
        load_checkpoint(path)
