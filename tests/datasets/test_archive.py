from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from datasets.commands.download import main
from datasets.downloads.archive import check_archive, unpack_checkpoints
from datasets.downloads.part import part_of
from experiment.errors import InputError


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this must not run",)


def saved(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def weights(value: float = 1.0) -> bytes:
    return saved({"Encoder.weight": torch.full((3, 2), value)})


def make(path: Path, members: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in members.items():
                packed.writestr(name, content)
    else:
        with tarfile.open(path, "w:gz") as tape:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tape.addfile(info, io.BytesIO(content))
    return path


GOOD = {
    "state_dicts/SVGE_NB101/model_checkpoint300.obj": weights(),
    "state_dicts/SVGE_acc_ENAS/model_checkpoint100.obj": weights(2.0),
    "state_dicts/.DS_Store": b"what else lies around",
    "__MACOSX/state_dicts/SVGE_NB101/._model_checkpoint300.obj": b"and this",
}


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_checkpoints_come_out_and_nothing_else(tmp_path: Path, kind: str) -> None:
    archive = make(tmp_path / f"weights.{kind}", GOOD)
    check_archive(archive)
    placed = unpack_checkpoints(archive, tmp_path / "out")
    assert placed == [
        tmp_path / "out" / "SVGE_NB101" / "model_checkpoint300.obj",
        tmp_path / "out" / "SVGE_acc_ENAS" / "model_checkpoint100.obj",
    ]
    assert torch.load(placed[1])["Encoder.weight"][0, 0] == 2.0
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert sorted(files) == sorted(placed)
    assert not list((tmp_path / "out").glob(".unpacking*"))


@pytest.mark.parametrize("kind", ["zip", "tgz"])
@pytest.mark.parametrize(
    "name",
    [
        "../SVGE_NB101/model_checkpoint300.obj",
        "/SVGE_NB101/model_checkpoint300.obj",
        "a/../../SVGE_NB101/model_checkpoint300.obj",
        "..\\SVGE_NB101\\model_checkpoint300.obj",
        "C:\\SVGE_NB101\\model_checkpoint300.obj",
    ],
)
def test_paths_out_of_the_folder_are_refused(tmp_path: Path, kind: str, name: str) -> None:
    archive = make(tmp_path / f"weights.{kind}", {**GOOD, name: weights()})
    with pytest.raises(InputError, match="leads out of the folder"):
        unpack_checkpoints(archive, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]


def test_links_are_not_followed(tmp_path: Path) -> None:
    archive = tmp_path / "weights.tar"
    with tarfile.open(archive, "w") as tape:
        link = tarfile.TarInfo("SVGE_NB101/model_checkpoint300.obj")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tape.addfile(link)
    with pytest.raises(InputError, match=r"no <MODEL>_<SPACE>/model_checkpoint"):
        unpack_checkpoints(archive, tmp_path / "out")


def test_what_is_there_stays_unless_asked(tmp_path: Path) -> None:
    archive = make(tmp_path / "weights.zip", GOOD)
    mine = tmp_path / "SVGE_acc_ENAS" / "model_checkpoint100.obj"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        unpack_checkpoints(archive, tmp_path)
    assert mine.read_text() == "mine"
    assert not (tmp_path / "SVGE_NB101").exists()
    unpack_checkpoints(archive, tmp_path, overwrite=True)
    assert mine.read_bytes() == weights(2.0)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"SVGE_NB101/model_checkpoint300.obj": saved(Malicious())}, "only tensors"),
        ({"SVGE_NB101/model_checkpoint300.obj": b"nothing of the kind"}, "bad weights"),
        ({"weights.bin": weights()}, "it holds weights.bin"),
        ({}, "it holds nothing"),
        (
            {f"{top}/SVGE_NB101/model_checkpoint300.obj": weights() for top in "ab"},
            "model_checkpoint300.obj twice",
        ),
    ],
)
def test_bad_content_changes_nothing(
    tmp_path: Path,
    members: dict[str, bytes],
    expected: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    archive = make(tmp_path / "weights.zip", {"SVGE_ENAS/model_checkpoint1.obj": weights()})
    archive = make(archive, members)
    with pytest.raises(InputError, match=expected):
        unpack_checkpoints(archive, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_damage_is_found(tmp_path: Path, kind: str) -> None:
    archive = make(tmp_path / f"weights.{kind}", GOOD)
    content = bytearray(archive.read_bytes())
    content[200] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(InputError, match=r"cannot be unpacked|neither a zip nor a tar"):
        check_archive(archive)
    archive.write_bytes(b"Rar! and what follows")
    with pytest.raises(InputError, match="neither a zip nor a tar archive"):
        check_archive(archive)


def test_command_takes_an_archive_fetched_by_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = make(tmp_path / "weights.zip", GOOD)
    arguments = ["--space", "state_dicts", "--from", str(archive), "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    assert "SVGE_NB101/model_checkpoint300.obj is in place" in capsys.readouterr().out
    assert archive.exists()
    with pytest.raises(InputError, match=r"is there already: --overwrite replaces weights of"):
        main(arguments)
    assert main([*arguments, "--overwrite"]) == 0


def test_command_fetches_and_unpacks(
    server: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = make(tmp_path / "weights.zip", GOOD).read_bytes()
    out = tmp_path / "out"
    server.serve("/weights", content, breaks=[1000])
    arguments = ["--space", "state_dicts", "--url", f"{server.address}/weights", "--out", str(out)]
    assert main(arguments) == 0
    assert sorted(path.name for path in out.iterdir()) == ["SVGE_NB101", "SVGE_acc_ENAS"]
    assert "no checksum is known" in capsys.readouterr().out


def test_archive_of_another_layout_is_kept(server: Any, tmp_path: Path) -> None:
    """It may be of use to the user, who knows better; a damaged one is not."""
    content = make(tmp_path / "weights.zip", {"weights.bin": weights()}).read_bytes()
    server.serve("/weights", content)
    arguments = ["--space", "state_dicts", "--url", f"{server.address}/weights"]
    arguments += ["--out", str(tmp_path / "out")]
    kept = part_of(tmp_path / "out" / "published.archive")
    with pytest.raises(InputError, match=f"unpack it by hand .*kept in '{kept}'"):
        main(arguments)
    assert kept.read_bytes() == content
    server.serve("/other", content[:-100])
    arguments[3] = f"{server.address}/other"
    with pytest.raises(InputError, match="has been removed"):
        main(arguments)
    assert list((tmp_path / "out").iterdir()) == []
