from __future__ import annotations

import random
import shutil
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import datasets.downloads.pages
from datasets.downloads.part import part_of
from datasets.downloads.transfer import fetch
from datasets.downloads.web import Connection
from experiment.errors import InputError

Server = Any  # the class is in conftest.py, which cannot be imported
DATA = random.Random(1).randbytes(300_000)
PAGE = b"<!DOCTYPE html><html><head><title>Log in to the network</title></head></html>"
QUICK = Connection(timeout=10.0, retries=2, first_wait=0.01)


def parts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "served",
    [
        {"data": DATA},
        {"data": DATA, "ranges": False, "etag": None},
        {"data": DATA, "chunked": True},
        {"data": DATA, "announced": None, "etag": None},
        {"data": DATA, "status": [500, 503]},
        {"data": b"x"},
    ],
    ids=["whole", "no ranges", "chunked", "no size", "fails twice", "one byte"],
)
def test_a_file_comes_whole(server: Server, tmp_path: Path, served: dict[str, Any]) -> None:
    server.serve("/file", **served)
    part = fetch(f"{server.address}/file", tmp_path / "deep" / "file", QUICK)
    assert part == part_of(tmp_path / "deep" / "file")
    assert part.read_bytes() == served["data"]


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("etag", ['"one"', 'W/"one"', None])
def test_broken_connections_are_continued(
    server: Server, tmp_path: Path, etag: str | None, chunked: bool
) -> None:
    modified = None if etag else "Tue, 01 Sep 2020 10:00:00 GMT"
    server.serve(
        "/file",
        DATA,
        etag=etag,
        modified=modified,
        chunked=chunked,
        breaks=[100_000, 70_000, 50_000, 30_000],
    )
    part = fetch(f"{server.address}/file", tmp_path / "file", QUICK)
    assert part.read_bytes() == DATA
    asked = server.ranges()
    assert asked[:2] == [None, "bytes=100000-"]
    assert len(asked) == 5  # more interruptions than repetitions: progress counts
    conditions = [headers.get("If-Range") for _, headers in server.asked]
    assert conditions == [None, *(4 * ['"one"'] if etag == '"one"' else 4 * [None])]


def test_server_without_ranges_begins_again(server: Server, tmp_path: Path) -> None:
    server.serve("/file", DATA, ranges=False, breaks=[200_000, 100_000])
    assert fetch(f"{server.address}/file", tmp_path / "file", QUICK).read_bytes() == DATA
    server.serve("/file", DATA, ranges=False, breaks=9 * [200_000])
    with pytest.raises(InputError, match=r"ended after 200,000 bytes, 300,000 were announced"):
        fetch(f"{server.address}/file", tmp_path / "other", QUICK)


@pytest.mark.parametrize("honours_if_range", [True, False])
@pytest.mark.parametrize("etags", [('"one"', '"two"'), (None, None)], ids=["ETag", "size"])
def test_file_that_changes_between_two_parts(
    server: Server, tmp_path: Path, etags: tuple[str | None, str | None], honours_if_range: bool
) -> None:
    server.serve("/file", DATA, etag=etags[0], breaks=[120_000, 0, 0])
    with pytest.raises(InputError, match=r"kept in .* continues from there"):
        fetch(f"{server.address}/file", tmp_path / "file", QUICK)
    assert part_of(tmp_path / "file").stat().st_size == 120_000
    other = DATA[::-1] + b"more"
    server.serve("/file", other, etag=etags[1], honours_if_range=honours_if_range)
    assert fetch(f"{server.address}/file", tmp_path / "file", QUICK).read_bytes() == other


def test_file_that_has_become_shorter(server: Server, tmp_path: Path) -> None:
    server.serve("/file", DATA, etag=None, breaks=[200_000])
    with pytest.raises(InputError):
        fetch(f"{server.address}/file", tmp_path / "file", Connection(retries=0))
    server.serve("/file", DATA[:150_000], etag=None)
    assert fetch(f"{server.address}/file", tmp_path / "file", QUICK).read_bytes() == DATA[:150_000]


def test_part_of_another_address_is_not_continued(server: Server, tmp_path: Path) -> None:
    server.serve("/file", DATA, breaks=[200_000])
    with pytest.raises(InputError):
        fetch(f"{server.address}/file", tmp_path / "file", Connection(retries=0))
    server.serve("/other", DATA[::-1])
    assert fetch(f"{server.address}/other", tmp_path / "file", QUICK).read_bytes() == DATA[::-1]


def test_complete_part_needs_no_server(server: Server, tmp_path: Path) -> None:
    server.serve("/file", DATA)
    fetch(f"{server.address}/file", tmp_path / "file", QUICK)
    assert fetch(f"{server.address}/file", tmp_path / "file", QUICK).read_bytes() == DATA
    assert len(server.asked) == 1


def test_size_announced_too_large(server: Server, tmp_path: Path) -> None:
    """Where the server then says that nothing is missing, it has said so twice."""
    server.serve("/file", DATA, announced=50)
    assert fetch(f"{server.address}/file", tmp_path / "file", QUICK).read_bytes() == DATA
    server.serve("/stubborn", DATA, announced=50, ranges=False)
    with pytest.raises(InputError, match=r"300,000 bytes, 300,050 were announced.*3 times"):
        fetch(f"{server.address}/stubborn", tmp_path / "stubborn", QUICK)


def test_a_page_is_not_taken_for_a_file(server: Server, tmp_path: Path) -> None:
    server.serve("/file", PAGE)
    with pytest.raises(InputError, match=r"sent a web page \(Log in to the network\)"):
        fetch(f"{server.address}/file", tmp_path / "file", QUICK)
    assert parts(tmp_path) == []
    assert len(server.asked) == 1


def test_a_page_does_not_cost_what_has_arrived(server: Server, tmp_path: Path) -> None:
    served = server.serve("/file", DATA, breaks=[200_000])
    with pytest.raises(InputError):
        fetch(f"{server.address}/file", tmp_path / "file", Connection(retries=0))
    server.serve("/file", PAGE, ranges=False)
    with pytest.raises(InputError, match="web page"):
        fetch(f"{server.address}/file", tmp_path / "file", QUICK)
    server.files["/file"] = served
    assert fetch(f"{server.address}/file", tmp_path / "file", QUICK).read_bytes() == DATA
    assert server.ranges()[-1] == "bytes=200000-"


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (403, 1), (500, 3), (429, 3)])
def test_refusals(server: Server, tmp_path: Path, status: int, requests: int) -> None:
    server.serve("/file", DATA, status=9 * [status])
    with pytest.raises(InputError, match=rf"answered {status} [\w ]+ \(Sorry\)"):
        fetch(f"{server.address}/file", tmp_path / "file", QUICK)
    assert len(server.asked) == requests
    assert parts(tmp_path) == []


def test_redirections_keep_the_range(server: Server, tmp_path: Path) -> None:
    server.serve("/file", DATA, breaks=[100_000])
    server.serve("/old", b"", location="/file")
    assert fetch(f"{server.address}/old", tmp_path / "file", QUICK).read_bytes() == DATA
    assert server.ranges() == [None, None, "bytes=100000-", "bytes=100000-"]


def test_silent_server(server: Server, tmp_path: Path) -> None:
    server.serve("/file", DATA, breaks=[100_000, 0], hang=True)
    url, impatient = f"{server.address}/file", Connection(timeout=2.0, retries=0)
    with pytest.raises(InputError, match=r"broke \(.*timed out.*\); the first [\d,]+ bytes"):
        fetch(url, tmp_path / "file", impatient)
    patient = Connection(timeout=2.0, retries=1, first_wait=0.01)
    assert fetch(url, tmp_path / "file", patient).read_bytes() == DATA


def test_server_that_never_answers(server: Server, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/file"
        with pytest.raises(InputError, match=r"cannot be reached \(timed out\) \(tried 2 times"):
            fetch(url, tmp_path / "file", Connection(timeout=0.1, retries=1, first_wait=0.01))
    assert parts(tmp_path) == []


def test_no_server(server: Server, tmp_path: Path) -> None:
    address = server.address
    server.shutdown()
    server.server_close()
    with pytest.raises(InputError, match=r"cannot be reached \(.*refused\) \(tried 3 times"):
        fetch(f"{address}/file", tmp_path / "file", QUICK)
    assert parts(tmp_path) == []


def test_compressed_copies_are_refused(server: Server, tmp_path: Path) -> None:
    server.serve("/file", DATA, headers={"Content-Encoding": "gzip"})
    with pytest.raises(InputError, match="encoding 'gzip'"):
        fetch(f"{server.address}/file", tmp_path / "file", QUICK)


def test_full_disk(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.serve("/file", DATA)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=299_999))
    with pytest.raises(InputError, match="299,999 bytes free and 300,000 bytes are needed"):
        fetch(f"{server.address}/file", tmp_path / "file", QUICK)
    assert parts(tmp_path) == []


def test_two_downloads_of_one_file(server: Server, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    server.serve("/file", DATA, breaks=[100_000], hang=True)
    url, target = f"{server.address}/file", tmp_path / "file"
    first = threading.Thread(target=fetch, args=(url, target, QUICK))
    first.start()
    while not (part_of(target).exists() and part_of(target).stat().st_size):
        time.sleep(0.01)
    with pytest.raises(InputError, match="is being written by another download"):
        fetch(url, target, QUICK)
    server.closing.set()
    first.join()
    assert part_of(target).read_bytes() == DATA


@pytest.mark.parametrize("by_environment", [True, False])
def test_proxy(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_environment: bool
) -> None:
    url = "http://far.invalid/file"
    server.serve(url, DATA)
    if by_environment:
        monkeypatch.setenv("http_proxy", server.address)
    connection = Connection(proxy=None if by_environment else server.address)
    assert fetch(url, tmp_path / "file", connection).read_bytes() == DATA
    assert server.asked[0][1]["Host"] == "far.invalid"


# Google Drive.

FORM = """<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>
<form action="/search"><input name="q" value="not this"></form>
<form id="download-form" action="{0}/download" method="get"><input type="submit" value="Download">
<input type="hidden" name="id" value="ID_1-x"><input type="hidden" name="export" value="download">
<input type="hidden" name="confirm" value="t"><input type="hidden" name="uuid" value="u-1">
</form></body></html>"""
LINK = """<html><body><a href="/help">Help</a>
<a id="uc-download-link" href="/uc?export=download&amp;confirm=Tok&amp;id=ID_1-x">anyway</a></body>
</html>"""
QUOTA = """<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head><body>
<p class="uc-error-subcaption">Too many users have viewed this file.</p></body></html>"""


@pytest.fixture
def drive(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(datasets.downloads.pages, "DRIVE", server.address)
    return server


@pytest.mark.parametrize("link", ["/file/d/ID_1-x/view?usp=sharing", "/open?id=ID_1-x"])
def test_drive_form(drive: Server, tmp_path: Path, link: str) -> None:
    drive.serve("/uc?export=download&id=ID_1-x", FORM.format(drive.address).encode())
    confirmed = "/download?id=ID_1-x&export=download&confirm=t&uuid=u-1"
    drive.serve(confirmed, DATA, breaks=[100_000])
    assert fetch(drive.address + link, tmp_path / "file", QUICK).read_bytes() == DATA
    assert [path for path, _ in drive.asked] == 2 * ["/uc?export=download&id=ID_1-x", confirmed]
    assert drive.asked[-1][1]["Range"] == "bytes=100000-"


@pytest.mark.parametrize("with_link", [True, False])
def test_drive_token(drive: Server, tmp_path: Path, with_link: bool) -> None:
    page = LINK if with_link else LINK.replace("confirm=Tok", "by=cookie")
    drive.serve(
        "/uc?export=download&id=ID_1-x",
        page.encode(),
        headers={"Set-Cookie": "download_warning_42=Tok; Path=/uc"},
    )
    query = "confirm=Tok&id=ID_1-x" if with_link else "id=ID_1-x&confirm=Tok"
    drive.serve(f"/uc?export=download&{query}", DATA)
    part = fetch(f"{drive.address}/uc?id=ID_1-x", tmp_path / "file", QUICK)
    assert part.read_bytes() == DATA
    assert drive.asked[-1][1]["Cookie"] == "download_warning_42=Tok"


def test_drive_small_file_comes_at_once(drive: Server, tmp_path: Path) -> None:
    drive.serve("/uc?export=download&id=ID_1-x", DATA, breaks=[100_000])
    part = fetch(f"{drive.address}/uc?id=ID_1-x", tmp_path / "file", QUICK)
    assert part.read_bytes() == DATA
    assert drive.ranges() == [None, None, "bytes=100000-"]


def test_drive_quota_and_endless_questions(drive: Server, tmp_path: Path) -> None:
    served = drive.serve("/uc?export=download&id=ID_1-x", QUOTA.encode())
    expected = r"\(Google Drive - Quota exceeded: Too many users have viewed this file.\) instead"
    with pytest.raises(InputError, match=expected):
        fetch(f"{drive.address}/uc?id=ID_1-x", tmp_path / "file", QUICK)
    served.data = FORM.format(drive.address).encode()
    drive.files["/download?id=ID_1-x&export=download&confirm=t&uuid=u-1"] = served
    with pytest.raises(InputError, match="Virus scan warning"):
        fetch(f"{drive.address}/uc?id=ID_1-x", tmp_path / "file", QUICK)
    assert parts(tmp_path) == []


def test_only_drive_is_asked_twice(server: Server, tmp_path: Path) -> None:
    server.serve("/file", FORM.format(server.address).encode())
    with pytest.raises(InputError, match="sent a web page"):
        fetch(f"{server.address}/file", tmp_path / "file", QUICK)
    assert len(server.asked) == 1
