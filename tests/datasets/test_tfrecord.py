import base64
import json
import struct
from pathlib import Path

import numpy as np
import pytest

from datasets import get_benchmark
from datasets.formats.crc32c import crc32c, crc32c_many, masked, masked_many
from datasets.formats.nasbench101_records import read_tfrecord
from datasets.formats.protobuf import MessageError, parse_model_metrics
from datasets.formats.tfrecord import read_records
from datasets.spaces.nb101_hash import module_hash
from experiment.errors import InputError


def framed(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return (
        length
        + struct.pack("<I", masked(crc32c(length)))
        + data
        + struct.pack("<I", masked(crc32c(data)))
    )


def evaluation(seconds: float, train: float, validation: float, test: float) -> bytes:
    numbers = zip(range(1, 6), (0.0, seconds, train, validation, test), strict=True)
    body = b"".join(bytes([n << 3 | 1]) + struct.pack("<d", v) for n, v in numbers)
    return b"\x0a" + bytes([len(body)]) + body


def training(validation: float = 0.5, parameters: int = 300) -> bytes:
    halves = [evaluation(0, 0.1, 0.1, 0.1), evaluation(5, 0.3, 0.25, 0.2)]
    varint = bytes([parameters & 0x7F | 0x80, parameters >> 7])
    return b"".join([*halves, evaluation(10, 0.75, validation, 0.25), b"\x10" + varint])


CELL = ("010001000", "input,conv1x1-bn-relu,output")
CELL_HASH = module_hash(np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]]), [-1, 1, -2])


def record(
    module_hash: str = CELL_HASH,
    epochs: int = 108,
    cell: tuple[str, str] = CELL,
    metrics: bytes | None = None,
) -> bytes:
    encoded = base64.b64encode(training() if metrics is None else metrics).decode()
    return json.dumps([module_hash, epochs, *cell, encoded]).encode()


def written(path: Path, *records: bytes) -> Path:
    path.write_bytes(b"".join(map(framed, records)))
    return path


def test_checksum_of_known_strings() -> None:
    # RFC 3720, appendix B.4, and the usual check value.
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_many_checksums_are_the_single_ones() -> None:
    generator = np.random.default_rng(0)
    strings = [generator.bytes(n) for n in (0, 1, 7, 400, 3, 400, 0, 65)]
    many = crc32c_many(strings)
    assert many.tolist() == [crc32c(s) for s in strings]
    assert masked_many(many).tolist() == [masked(crc32c(s)) for s in strings]


def test_records_come_back_in_order(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    records = [generator.bytes(int(n)) for n in generator.integers(0, 60, size=9000)]
    assert list(read_records(written(tmp_path / "r.tfrecord", *records))) == records


def test_sample_is_what_tensorflow_reads(data_root: Path) -> None:
    tensorflow = pytest.importorskip("tensorflow")
    path = data_root / "nasbench101" / "nasbench_only108_sample.tfrecord"
    theirs = tensorflow.data.TFRecordDataset(str(path)).as_numpy_iterator()
    ours = read_records(path)
    assert all(a == b for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        (5, r"record 2 at byte 56: the file is cut off inside the record's length"),
        (30, r"record 2 at byte 56: the file is cut off, the record needs 44 more bytes and 18"),
    ],
)
def test_cut_off_file_names_the_record(tmp_path: Path, cut: int, expected: str) -> None:
    path = written(tmp_path / "r.tfrecord", bytes(40), bytes(40))
    path.write_bytes(path.read_bytes()[: 56 + cut])
    with pytest.raises(InputError, match=expected):
        list(read_records(path))


@pytest.mark.parametrize(
    ("byte", "expected"), [(56, "length does not match"), (56 + 12 + 7, "data does not match")]
)
def test_flipped_bit_names_the_record(tmp_path: Path, byte: int, expected: str) -> None:
    path = written(tmp_path / "r.tfrecord", bytes(40), bytes(40), bytes(40))
    content = bytearray(path.read_bytes())
    content[byte] ^= 4
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"record 2 at byte 56: .*{expected}"):
        list(read_records(path))


def test_metrics_message_is_decoded() -> None:
    metrics = parse_model_metrics(training(validation=0.9, parameters=8_000))
    assert metrics.parameters == 8_000
    assert len(metrics.evaluations) == 3
    last = metrics.evaluations[2]
    assert (last.training_seconds, last.train, last.validation, last.test) == (10, 0.75, 0.9, 0.25)


def test_message_with_unknown_fields_and_left_out_ones() -> None:
    unknown = b"\x1a\x02hi" + b"\x25" + bytes(4) + b"\x28\x05"
    assert parse_model_metrics(unknown).evaluations == ()
    assert parse_model_metrics(b"\x0a\x00").evaluations[0].validation == 0.0
    minus_one = b"\x10" + b"\xff" * 9 + b"\x01"
    assert parse_model_metrics(minus_one).parameters == -1


@pytest.mark.parametrize("message", [b"\x0a\x05abc", b"\x10", b"\x10" + b"\xff" * 10, b"\x03"])
def test_broken_message_is_refused(message: bytes) -> None:
    with pytest.raises(MessageError):
        parse_model_metrics(message)


def test_repeats_and_budgets_become_columns(tmp_path: Path) -> None:
    path = written(
        tmp_path / "r.tfrecord",
        record(metrics=training(validation=0.25)),
        record(epochs=36, metrics=training(validation=0.75)),
        record(metrics=training(validation=0.5)),
    )
    table = read_tfrecord(path)
    assert table.hashes.tolist() == [CELL_HASH]
    assert table.columns["cifar10/108/validation"].values.tolist() == [[0.25, 0.5]]
    assert table.columns["cifar10/36/validation"].values.tolist() == [[0.75]]
    assert table.columns["cifar10/108/halfway_test"].values.tolist() == [[0.2, 0.2]]
    assert table.columns["parameters"].values.tolist() == [[300]]
    assert table.graphs.graph(0).types == (1, 2, 0)


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (b"not json", "no JSON"),
        (b'["a", 1]', r"expected the list \[hash, epochs"),
        (record(module_hash="xyz"), "no module hash"),
        (record(epochs=5), "5 epochs"),
        (record(metrics=b"\x0a\x05abc"), "no ModelMetrics message"),
        (record(metrics=evaluation(1, 0, 0, 0)), "1 evaluations, expected 3"),
        (record(metrics=training(validation=1.5)), "fractions from 0 to 1"),
        (record(module_hash="0" * 32), "not those of module hash"),
        (record("1" * 32, cell=("0111", "input,output")), "on or below its diagonal"),
        (record("1" * 32, cell=("010", "input,output")), "do not make a cell"),
        (record("1" * 32, cell=("0100", "input,sep3")), "are not NB101's"),
        (record("1" * 32, cell=("0000", "input,output")), "not those of module hash"),
    ],
)
def test_bad_record_is_named(tmp_path: Path, bad: bytes, expected: str) -> None:
    path = written(tmp_path / "r.tfrecord", record(), bad)
    with pytest.raises(InputError, match=f"record 2: .*{expected}"):
        read_tfrecord(path)


def test_empty_and_missing_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.tfrecord").touch()
    with pytest.raises(InputError, match="no records"):
        read_tfrecord(tmp_path / "empty.tfrecord")
    with pytest.raises(InputError, match="cannot read"):
        read_tfrecord(tmp_path / "absent.tfrecord")


ONE_CELL = {
    "module_hash": np.frombuffer(bytes.fromhex(CELL_HASH), dtype=np.uint8)[None],
    "n_vertices": np.array([3], dtype=np.uint8),
    "adj_bits": np.array([0b101], dtype=np.uint32),
    "ops": np.array([[1, -1, -1, -1, -1]], dtype=np.int8),
    "trainable_parameters": np.array([300], dtype=np.int32),
    "final_training_time_108": np.ones(1),
    **{f"val_correct9984_ep{e}": np.array([2496], dtype=np.uint16) for e in (4, 12, 36, 108)},
}
"""``CELL`` as the published arrays of four budgets have it."""


def test_records_of_a_short_budget_win_over_the_arrays_under_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_TABLE_DIR", str(tmp_path / "tables"))
    folder = tmp_path / "nasbench101"
    folder.mkdir()
    np.savez(folder / "nb101_multibudget_val.npz", **ONE_CELL)  # type: ignore[arg-type]
    written(folder / "nasbench_only108.tfrecord", record())
    arrays_alone = get_benchmark("NB101", tmp_path, epochs=4)
    assert arrays_alone.metric("validation").values.tolist() == [[0.25]]
    assert not (tmp_path / "tables").exists()  # the official name tells that there is no use in it

    copy = written(folder / "my_copy.tfrecord", record(), record(metrics=training(0.75)))
    assert "test" not in get_benchmark("NB101", tmp_path, epochs=4).metrics
    copy.unlink()
    written(folder / "everything.tfrecord", record(epochs=4), record(epochs=4), record())
    for _ in range(2):  # read, then from the table kept
        records = get_benchmark("NB101", tmp_path, epochs=4)
        assert records.metric("validation").values.tolist() == [[0.5, 0.5]]
    # For 108 epochs the official name comes first.
    assert get_benchmark("NB101", tmp_path).metric("validation").values.shape == (1, 1)
    assert "only108" in get_benchmark("NB101", tmp_path).description


def test_no_source_of_a_budget_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_TABLE_DIR", str(tmp_path / "tables"))
    (tmp_path / "nasbench101").mkdir()
    written(tmp_path / "nasbench101" / "nasbench_only108.tfrecord", record())
    for source in (None, "nasbench_only108"):
        with pytest.raises(InputError, match="no 'cifar10/36/validation' for NB101"):
            get_benchmark("NB101", tmp_path, epochs=36, source=source)
