"""Web pages that come instead of a file: Google Drive's questions, and those of no use.

Drive answers a request for a large file with a page that warns that it was not scanned for
viruses. Its "download anyway" has had two forms: a link with a token ``confirm`` (the token also
in a cookie ``download_warning…``), and later a form ``download-form`` whose hidden fields ``id``,
``export``, ``confirm`` and ``uuid`` go to another host. Both are understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html.parser import HTMLParser
from http.cookiejar import Cookie
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

DRIVE = "https://drive.google.com"
_PAGE = re.compile(rb"\s*(<!doctype html|<html|<head|<body|<\?xml|<!--)", re.IGNORECASE)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def is_page(head: bytes) -> bool:
    """Whether a file that begins like this is a web page."""
    return _PAGE.match(head.removeprefix(_BYTE_ORDER_MARK)) is not None


def page_title(page: bytes) -> str:
    """Title of a page, with what Google Drive says on one that refuses; empty without any."""
    parsed = _parse(page)
    return ": ".join(" ".join(text.split()) for text in (parsed.title, parsed.caption) if text)


def drive_address(url: str) -> str | None:
    """The address to download from that belongs to any link to a file on Google Drive.

    Links of the forms ``/file/d/ID/view``, ``/open?id=ID`` and ``/uc?id=ID`` are known. Returns
    ``None`` for what is no such link.
    """
    parts = urlsplit(url)
    if parts.netloc != urlsplit(DRIVE).netloc:
        return None
    in_path = re.match(r"/file/d/([\w-]+)", parts.path)
    identity = in_path[1] if in_path else dict(parse_qsl(parts.query)).get("id")
    if identity is None:
        return None
    return f"{DRIVE}/uc?{urlencode({'export': 'download', 'id': identity})}"


def confirmed_address(page: bytes, address: str, cookies: Iterable[Cookie]) -> str | None:
    """Where a page of Google Drive's leads to "download anyway"; ``None`` if it does not.

    Args:
        page: what came instead of the file.
        address: where it came from.
        cookies: those that are set.
    """
    parsed = _parse(page)
    if parsed.form_action is not None:
        return _with_query(urljoin(address, parsed.form_action), parsed.form_fields)
    if parsed.confirm_link is not None:
        return urljoin(address, parsed.confirm_link)
    for cookie in cookies:
        if cookie.name.startswith("download_warning") and cookie.value:
            return _with_query(address, {"confirm": cookie.value})
    return None


def _with_query(address: str, fields: dict[str, str]) -> str:
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query, keep_blank_values=True)) | fields
    return parts._replace(query=urlencode(query)).geturl()


def _parse(page: bytes) -> _Page:
    parsed = _Page()
    parsed.feed(page.decode("utf-8", errors="replace"))
    return parsed


class _Page(HTMLParser):
    """Title, refusal, form and link of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self.caption = ""
        self.form_action: str | None = None
        self.form_fields: dict[str, str] = {}
        self.confirm_link: str | None = None
        self._inside: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "title":
            self._inside = "title"
        elif "uc-error-subcaption" in given.get("class", ""):
            self._inside = "caption"
        elif tag == "form":
            if given.get("id") in ("download-form", "downloadForm"):
                self.form_action = given.get("action", "")
                self._inside = "form"
        elif tag == "input" and self._inside == "form" and given.get("name"):
            self.form_fields[given["name"]] = given.get("value", "")
        elif tag == "a" and re.search(r"[?&]confirm=", given.get("href", "")):
            self.confirm_link = given["href"]

    def handle_endtag(self, tag: str) -> None:
        if self._inside != "form" or tag == "form":
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title += data
        elif self._inside == "caption":
            self.caption += data
