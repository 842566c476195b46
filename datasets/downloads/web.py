"""HTTP as downloads need it: proxies, cookies, time limits, and which failures may pass.

The standard library does the work. Proxies are those of the environment (``http_proxy``,
``https_proxy``, ``no_proxy``) unless one is named.
"""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, InvalidURL
from http.cookiejar import CookieJar
from typing import cast
from urllib.parse import urlsplit

from datasets.downloads.pages import is_page, page_title
from experiment.errors import InputError

RANGE_NOT_SATISFIABLE = 416
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that another try may turn into a good one."""
HTML_LIMIT = 1 << 20
"""Bytes of a web page that are looked at."""


class Interrupted(Exception):
    """A failure that may pass, with its reason: worth another try."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach servers.

    Attributes:
        proxy: address of a proxy for everything; without one, the environment's.
        timeout: seconds without a byte after which a connection counts as broken.
        retries: tries that may fail one after the other before the transfer is given up; one
            that brought data does not count.
        first_wait: seconds before the first repetition; each further wait is twice as long.
    """

    proxy: str | None = None
    timeout: float = 60.0
    retries: int = 5
    first_wait: float = 1.0


class Session:
    """Requests that share cookies, as Google Drive's confirmation needs.

    Attributes:
        cookies: what servers have set so far.
    """

    def __init__(self, connection: Connection) -> None:
        self.cookies = CookieJar()
        proxy = connection.proxy
        self._timeout = connection.timeout
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else None),
            urllib.request.HTTPCookieProcessor(self.cookies),
        )

    def get(self, url: str, headers: Mapping[str, str]) -> HTTPResponse:
        """The answer to a request, redirections followed; its body is not read yet.

        An answer 416 (nothing of the file is at that place) is returned like a good one.

        Raises:
            Interrupted: no answer, or one that may be another the next time.
            InputError: the server refuses, or the address is none.
        """
        # What is stored shall be the file itself, not a compressed copy.
        own = {"User-Agent": "datasets.download", "Accept-Encoding": "identity"}
        try:
            request = urllib.request.Request(url, headers={**own, **headers})
            return self._opener.open(request, timeout=self._timeout)
        except urllib.error.HTTPError as error:
            if error.code == RANGE_NOT_SATISFIABLE:
                return cast(HTTPResponse, error)
            with error:
                said = f"{url} answered {error.code} {error.reason}{_quoted_title(error)}"
            if error.code in PASSING:
                raise Interrupted(said) from error
            raise InputError(said) from error
        except (InvalidURL, UnicodeError, ssl.SSLCertVerificationError) as error:
            raise InputError(f"cannot ask for {url}: {error}") from error
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise InputError(f"{url} is not who it claims to be: {reason}") from error
            raise Interrupted(f"{url} cannot be reached ({described(reason)})") from error


def described(error: object) -> str:
    """A failure's reason in words, of errors without any their kind."""
    return str(error) or type(error).__name__


def check_address(url: str, what: str) -> str:
    """``url`` if it is one of HTTP.

    Raises:
        InputError: it is not; the message calls it ``what``.
    """
    try:
        parts = urlsplit(url)
        complete = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        complete = False
    if not complete:
        raise InputError(f"{what} is {url!r}, expected an address http://… or https://…")
    return url


def _quoted_title(error: urllib.error.HTTPError) -> str:
    """What the page that explains a refusal is called."""
    try:
        page = error.read(HTML_LIMIT)
    except (OSError, HTTPException):
        return ""
    title = page_title(page) if is_page(page) else ""
    return f" ({title})" if title else ""
