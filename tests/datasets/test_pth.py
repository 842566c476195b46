import bz2
import collections
import os
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datasets.formats.nasbench201_records import read_nats_folder, read_pth
from datasets.formats.safe_pickle import PickleRefused, read_pickle
from experiment.errors import InputError

PTH = "nasbench201/NAS-Bench-201-three-records.pth"
NATS = "nasbench201/NATS-tss-v1_0-3ffb9-simple-three-records"


class Attack:
    """Makes a folder when it is unpickled by something careless."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, -1, 255, 256, 65_536, -(2**40), 2**80], "b": (None, True, False)},
        [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], {}, ""],
        {("key", 3): 1.5, "ünï": b"bytes" * 100, "long": "x" * 300},
        [float(k) for k in range(2000)],
    ],
)
def test_plain_data_is_what_python_reads(value: object, protocol: int) -> None:
    text = pickle.dumps(value, protocol=protocol)
    assert read_pickle(text) == (value, len(text))


def test_sets_and_shared_parts() -> None:
    shared = [1, 2]
    again, _ = read_pickle(pickle.dumps([shared, shared, {1, 2, 3}], protocol=4))
    assert again == [[1, 2], [1, 2], {1, 2, 3}]
    assert again[0] is again[1]


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    "number", [np.float64(1.5), np.float32(0.25), np.int64(-3), np.bool_(True)]
)
def test_numpy_numbers_become_plain_ones(number: Any, protocol: int) -> None:
    content = collections.OrderedDict([("x", number)])
    again, _ = read_pickle(pickle.dumps(content, protocol=protocol))
    assert again == {"x": number.item()}
    assert type(again["x"]) is type(number.item())


def test_several_pickles_in_a_row() -> None:
    text = pickle.dumps("first", 2) + pickle.dumps("second", 2)
    first, place = read_pickle(text)
    assert (first, read_pickle(text, place)[0]) == ("first", "second")


def test_forgotten_parts_do_not_come_back() -> None:
    content = [{"keep": 1, "drop": k} for k in range(3)]
    again, _ = read_pickle(pickle.dumps(content), forget=lambda part: part.pop("drop", None))
    assert again == [{"keep": 1}] * 3


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_code_is_refused_and_not_run(tmp_path: Path, protocol: int) -> None:
    folder = tmp_path / "made"
    with pytest.raises(PickleRefused):
        read_pickle(pickle.dumps({"x": Attack(str(folder))}, protocol=protocol))
    assert not folder.exists()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\x80\x02",
        b"\x80\x02}q\x05.",
        b"\x80\x02K\x01K\x02.",
        b"\x80\x02(X\xff\xff\xff\xffab.",
        b"\x80\x02cnumpy\ndtype\n(X\x01\x00\x00\x00Otr\x00\x00\x00\x00R.",
        b"\x80\x02cnumpy\ndtype\nX\x02\x00\x00\x00O8\x85R.",
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00zip\x86R.",
        b"\x80\x09N.",
        b"\x80\x02Nh\x07.",
    ],
)
def test_damaged_pickle_is_refused(text: bytes) -> None:
    with pytest.raises(PickleRefused):
        read_pickle(text)


def test_pth_agrees_with_the_official_package(data_root: Path) -> None:
    package = pytest.importorskip("nas_201_api")
    content = torch.load(data_root / PTH, weights_only=False)  # the package's own call is too old
    official = package.NASBench201API(content, verbose=False)
    table = read_pth(data_root / PTH)
    compared = 0
    for row, index in enumerate(official.evaluated_indexes):
        for epochs, schedule in ((200, "200"), (12, "12")):
            results = official.query_by_index(index, hp=schedule)
            for (dataset, seed), result in results.all_results.items():
                for evaluated in result.get_eval_set():
                    column = table.columns[f"{dataset}/{epochs}/{evaluated}"]
                    trial = column.trial_names.index(f"seed {seed}")
                    theirs = result.get_eval(evaluated)["accuracy"] / 100
                    assert column.values[row, trial] == theirs
                    compared += 1
                seconds = table.columns[f"{dataset}/{epochs}/training_seconds"]
                trial = seconds.trial_names.index(f"seed {seed}")
                theirs = result.get_train()["all_time"]
                assert seconds.values[row, trial] == pytest.approx(theirs, rel=1e-12)
            for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
                cost = official.get_cost_info(index, dataset, hp="200")
                assert table.columns[f"{dataset}/mflops"].values[row, 0] == pytest.approx(
                    cost["flops"]
                )
                assert table.columns[f"{dataset}/parameters"].values[row, 0] == pytest.approx(
                    cost["params"] * 1e6
                )
    assert compared == 3 * (3 * (2 + 1 + 3 + 3) + (2 * 2 + 1 + 3 + 3))


def test_folder_and_file_hold_the_same(data_root: Path) -> None:
    file, folder = read_pth(data_root / PTH), read_nats_folder(data_root / NATS)
    assert list(file.columns) == list(folder.columns)
    assert file.hashes.tolist() == folder.hashes.tolist()
    for name, column in file.columns.items():
        np.testing.assert_array_equal(column.values, folder.columns[name].values)


def test_records_agree_with_the_table_of_means(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datasets import get_benchmark

    monkeypatch.setenv("NAS_TABLE_DIR", str(tmp_path))
    for dataset in ("cifar10", "cifar10-valid", "cifar100", "ImageNet16-120"):
        for epochs in (200, 12):
            choices = {"dataset": dataset, "epochs": epochs}
            few = get_benchmark("NB201", data_root, source="other_pth", **choices)
            all_ = get_benchmark("NB201", data_root, source="nb201", **choices)
            rows = np.array([all_.row(name) for name in few.hashes.tolist()])
            assert rows.tolist() == [0, 11, 284]
            for name in set(few.metrics) & set(all_.metrics) - {"latency_seconds"}:
                np.testing.assert_allclose(
                    few.metric(name).mean(), all_.metric(name).mean()[rows], atol=1e-6
                )


def test_older_torch_format_is_read(data_root: Path, tmp_path: Path) -> None:
    content = torch.load(data_root / PTH, weights_only=False)
    path = tmp_path / "old.pth"
    torch.save(content, path, _use_new_zipfile_serialization=False)
    old, new = read_pth(path), read_pth(data_root / PTH)
    for name, column in new.columns.items():
        np.testing.assert_array_equal(column.values, old.columns[name].values)


def test_wrong_pth_is_one_sentence(tmp_path: Path) -> None:
    infos: dict[str, Any] = {"full": {"arch_str": "", "all_results": {("cifar10", 1e999): {}}}}
    for name, content in (
        ("weights", {"layer": torch.zeros(3)}),
        ("else", {"arch2infos": 3}),
        ("names", {"arch2infos": {0: infos, None: infos}}),
    ):
        torch.save(content, tmp_path / name)
        with pytest.raises(InputError, match=f"{name}' cannot be read: it"):
            read_pth(tmp_path / name)
    torch.save({"arch2infos": {0: infos}}, tmp_path / "seed")
    with pytest.raises(InputError, match="architecture 0, schedule 'full' is not as it should be"):
        read_pth(tmp_path / "seed")
    (tmp_path / "text").write_text("not a pickle")
    with pytest.raises(InputError, match="cannot be read"):
        read_pth(tmp_path / "text")
    with pytest.raises(InputError, match="cannot be read"):
        read_pth(tmp_path / "absent")
    (tmp_path / "empty").touch()
    with pytest.raises(InputError, match="cannot be read"):
        read_pth(tmp_path / "empty")


def test_pth_that_wants_to_run_code_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    for new_format in (True, False):
        torch.save(
            {"arch2infos": {0: Attack(str(folder))}},
            tmp_path / "evil.pth",
            _use_new_zipfile_serialization=new_format,
        )
        with pytest.raises(InputError, match=r"asks for posix.mkdir.*nothing was run"):
            read_pth(tmp_path / "evil.pth")
    assert not folder.exists()


def test_damaged_pth_does_not_match_its_checksum(data_root: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.pth"
    shutil.copyfile(data_root / PTH, path)
    with zipfile.ZipFile(path) as archive:
        place = archive.infolist()[0].header_offset + 2_000_000
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="checksum"):
        read_pth(path)


def test_damaged_folder_is_one_sentence(data_root: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no files like 000000"):
        read_nats_folder(tmp_path)
    folder = tmp_path / "NATS"
    folder.mkdir()
    for number, text in (("000000", b"BZh9garbage"), ("000001", bz2.compress(b"}."))):
        for old in folder.iterdir():
            old.unlink()
        (folder / f"{number}.pickle.pbz2").write_bytes(text)
        with pytest.raises(InputError, match="cannot be read"):
            read_nats_folder(folder)
    with bz2.open(folder / "000001.pickle.pbz2", "wb") as file:
        pickle.dump(Attack(str(tmp_path / "made")), file)
    with pytest.raises(InputError, match=r"asks for posix.mkdir"):
        read_nats_folder(folder)
    assert not (tmp_path / "made").exists()
