"""No input makes anything but a result or one sentence for the user."""

import bz2
import contextlib
import gzip
import io
import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets.batch import GraphBatch
from datasets.benchmark import Metric
from datasets.formats.crc32c import crc32c, masked
from datasets.formats.enas import parse_structures, read_structures
from datasets.formats.nasbench101_records import read_tfrecord
from datasets.formats.nasbench101_tables import read_108_epochs, read_budgets
from datasets.formats.nasbench201_csv import read_csv, read_latencies
from datasets.formats.nasbench201_records import read_nats_folder, read_pth
from datasets.formats.protobuf import MessageError, parse_model_metrics
from datasets.formats.safe_pickle import PickleRefused, read_pickle
from datasets.graph import ArchitectureGraph
from datasets.table import Table, read_header, read_table, write_table
from experiment.errors import InputError

Changes = list[tuple[int, int]]
quick = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
edits = st.lists(
    st.tuples(st.integers(0, 10**6), st.one_of(st.integers(0, 255), st.just(-1))), max_size=6
)
"""Places (taken modulo the length) and what to put there; −1 cuts the file off."""


def edited(content: bytes, changes: list[tuple[int, int]]) -> bytes:
    result = bytearray(content)
    for place, value in changes:
        if not result:
            break
        place %= len(result)
        if value < 0:
            del result[place:]
        else:
            result[place] = value
    return bytes(result)


def only_sentences(read: Callable[[Path], object], path: Path, content: bytes) -> None:
    """Whatever ``read`` makes of a file with this content, it is a result or an InputError."""
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        read(path)


def framed(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return b"".join(part + struct.pack("<I", masked(crc32c(part))) for part in (length, data))


@pytest.fixture(scope="module")
def table_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    graph = ArchitectureGraph((1, 2, 0), ((0, 1), (1, 2)))
    metric = Metric("parameters", "parameters", "size", np.array([[7.0]]))
    graphs, hashes = GraphBatch.from_graphs([graph], 7), np.array(["0" * 32])
    path = tmp_path_factory.mktemp("table") / "t.npz"
    write_table(path, Table("NB101", graphs, hashes, {"parameters": metric}, ""))
    return path.read_bytes()


@quick
@given(text=st.text(alphabet="[],0123456789. \n-e", max_size=200))
def test_structures_text(text: str) -> None:
    with contextlib.suppress(InputError):
        parse_structures(text, burn_in=0)


@quick
@given(changes=edits)
def test_structures_file(tmp_path: Path, changes: Changes) -> None:
    content = b"[[1], [4, 0], [5, 0, 1]], 0.73\n[[0], [0, 0], [0, 0, 0]], 0.5\n"
    only_sentences(lambda p: read_structures(p, 0), tmp_path / "s.txt", edited(content, changes))


@quick
@given(content=st.binary(max_size=200))
def test_any_message(content: bytes) -> None:
    with contextlib.suppress(MessageError):
        parse_model_metrics(content)


@quick
@given(
    content=st.one_of(
        st.binary(max_size=100),
        st.lists(st.binary(max_size=60), max_size=4).map(lambda r: b"".join(map(framed, r))),
    ),
    changes=edits,
)
def test_tfrecord_bytes(tmp_path: Path, content: bytes, changes: Changes) -> None:
    only_sentences(read_tfrecord, tmp_path / "r.tfrecord", edited(content, changes))


json_values = st.one_of(
    st.integers(-1, 200),
    st.text(max_size=40),
    st.sampled_from(["0" * 32, "010001000", "input,conv1x1-bn-relu,output", "CgA=", "CgAKAAoA"]),
    st.none(),
    st.lists(st.integers(), max_size=2),
)


@quick
@given(rows=st.lists(st.lists(json_values, min_size=4, max_size=6), min_size=1, max_size=3))
def test_tfrecord_with_any_json(tmp_path: Path, rows: list[Any]) -> None:
    content = b"".join(framed(json.dumps(row).encode()) for row in rows)
    only_sentences(read_tfrecord, tmp_path / "r.tfrecord", content)


@quick
@given(changes=edits.filter(bool))
def test_table_bytes(tmp_path: Path, table_bytes: bytes, changes: Changes) -> None:
    content = edited(table_bytes, changes)
    only_sentences(read_table, tmp_path / "t.npz", content)
    only_sentences(read_header, tmp_path / "t.npz", content)


headers = st.fixed_dictionaries(
    {},
    optional={
        "format": st.just("nas-table"),
        "version": st.just(1),
        "space": st.text(max_size=3),
        "max_nodes": st.one_of(st.integers(-3, 20), st.text(max_size=2)),
        "description": st.none(),
        "source": st.one_of(st.dictionaries(st.text(max_size=2), st.integers()), st.integers()),
        "columns": st.one_of(
            st.dictionaries(
                st.sampled_from(["parameters", "other"]),
                st.dictionaries(
                    st.sampled_from(["unit", "description", "averaged", "trial_names"]),
                    st.one_of(st.text(max_size=2), st.integers(), st.lists(st.text(max_size=1))),
                ),
            ),
            st.integers(),
        ),
    },
)


@quick
@given(header=headers)
def test_table_headers(tmp_path: Path, table_bytes: bytes, header: dict[str, Any]) -> None:
    with np.load(io.BytesIO(table_bytes)) as archive:
        arrays: dict[str, Any] = dict(archive)
    raw = json.dumps({"format": "nas-table", "version": 1} | header).encode()
    arrays["header"] = np.frombuffer(raw, dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    only_sentences(read_table, tmp_path / "t.npz", buffer.getvalue())


@quick
@given(
    nodes=st.integers(0, 255),
    bits=st.integers(0, 2**32 - 1),
    operations=st.lists(st.integers(-2, 4), min_size=5, max_size=5),
    changes=edits,
)
def test_array_tables(
    tmp_path: Path, nodes: int, bits: int, operations: list[int], changes: Changes
) -> None:
    arrays: dict[str, Any] = {
        "module_hash": np.zeros((1, 16), dtype=np.uint8),
        "n_vertices": np.array([nodes], dtype=np.uint8),
        "adj_bits": np.array([bits], dtype=np.uint32),
        "ops": np.array([operations], dtype=np.int8),
        "trainable_parameters": np.zeros(1, dtype=np.int32),
        "final_training_time_108": np.zeros(1, dtype=np.float32),
    }
    arrays |= {f"val_correct9984_ep{e}": np.zeros(1, dtype=np.uint16) for e in (4, 12, 36, 108)}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    content = edited(buffer.getvalue(), changes)
    only_sentences(read_budgets, tmp_path / "b.npz", content)
    only_sentences(read_108_epochs, tmp_path / "b.npz", content)


@quick
@given(
    lines=st.lists(
        st.lists(
            st.one_of(
                st.text(alphabet='0123456789.,|~+none"\n', max_size=12),
                st.just("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"),
            ),
            min_size=2,
            max_size=3,
        ),
        max_size=3,
    ),
    changes=edits,
)
def test_csv_bytes(tmp_path: Path, lines: list[list[str]], changes: Changes) -> None:
    text = "\n".join(["index,arch_str", *(",".join(line) for line in lines)])
    path = tmp_path / "nb201.csv.gz"
    only_sentences(read_csv, path, gzip.compress(text.encode(), 1))
    only_sentences(read_latencies, path, edited(gzip.compress(text.encode(), 1), changes))


ATOMS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary())
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(st.text(max_size=3), st.integers()), inner, max_size=3),
    ),
    max_leaves=12,
)


@quick
@given(content=st.one_of(st.binary(max_size=80), VALUES.map(pickle.dumps)), changes=edits)
def test_pickle_bytes(content: bytes, changes: Changes) -> None:
    with contextlib.suppress(PickleRefused):
        read_pickle(edited(content, changes))


@quick
@given(
    instructions=st.lists(
        st.sampled_from(list(b"\x80\x02(N}]\x8f)\x85\x86\x87taesuq\x94hR\x93Kb\x81"))
    )
)
def test_pickle_instructions_in_any_order(instructions: list[int]) -> None:
    with contextlib.suppress(PickleRefused):
        read_pickle(bytes([0x80, 2, *instructions, 0x2E]))


def records(value: object) -> object:
    """Something that looks like a file of records, with ``value`` somewhere inside."""
    training = {
        "name": "cifar10",
        "epochs": 1,
        "eval_names": ["x-valid"],
        "eval_acc1es": {"x-valid@0": value},
        "train_times": {0: value},
        "params": value,
        "flop": value,
        "latency": value,
    }
    return {
        "full": {
            "arch_str": "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
            "all_results": {("cifar10", 777): training, ("cifar100", str(value)): training},
        }
    }


@quick
@given(value=VALUES, changes=edits)
def test_pth_bytes(tmp_path: Path, value: Any, changes: Changes) -> None:
    buffer = io.BytesIO()
    torch.save({"arch2infos": {0: records(value), 1: value}}, buffer)
    only_sentences(read_pth, tmp_path / "a.pth", buffer.getvalue())
    only_sentences(read_pth, tmp_path / "a.pth", edited(buffer.getvalue(), changes))


@quick
@given(value=VALUES, changes=edits)
def test_nats_bytes(tmp_path: Path, value: Any, changes: Changes) -> None:
    folder = tmp_path / "NATS"
    folder.mkdir(exist_ok=True)
    for content in (records(value), value):
        raw = edited(bz2.compress(pickle.dumps(content), 1), changes)
        (folder / "000000.pickle.pbz2").write_bytes(raw)
        with contextlib.suppress(InputError):
            read_nats_folder(folder)
