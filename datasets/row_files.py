"""Text files with a record a row: CSV of any common dialect, JSON lines, or one JSON array.

What spreadsheets and other programs write is read as it is: a byte-order mark, UTF-16, Windows
and old Macintosh line ends, commas, semicolons or tabs, quotes, line breaks within quotes, blank
rows. Every row knows the physical line that it begins on, so that a message can name it.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datasets.spaces.notation import excerpt
from experiment.errors import InputError

DELIMITERS = (",", ";", "\t")
ARCHITECTURE = ("architecture", "arch")
"""Names by which a CSV file of architectures is recognised: those of the project's own files."""
JSON_ROWS = (
    'one object a line with an architecture and what was measured, such as {"arch": …, "value": …},'
    " or an array of such objects"
)
"""What a JSON file of measurements should be, for messages."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # The mark of UTF-32 begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One record.

    Attributes:
        line: physical line that it begins on, from 1 on.
        fields: column → value; text in a CSV file, any JSON value otherwise.
    """

    line: int
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RowFile:
    """The records of one file.

    Attributes:
        path: of the file.
        columns: every name that a row has, in the order of the file; those without a name, such
            as the index that pandas writes, are left out.
        rows: blank ones are left out.
        has_header: whether a first row names the columns, as in a CSV file.
        sha256: of the file's bytes, hexadecimal.
    """

    path: Path
    columns: tuple[str, ...]
    rows: list[Row]
    has_header: bool
    sha256: str

    def place(self, row: Row) -> str:
        """Where a row is, for messages."""
        return f"line {row.line} of {str(self.path)!r}"

    def without(self, column: str, values: Collection[Any]) -> RowFile:
        """The same without the rows that have one of these values in a column."""
        kept = [row for row in self.rows if row.fields.get(column) not in values]
        return replace(self, rows=kept)


def read_rows(path: Path) -> RowFile:
    """Read a file; JSON where its first character is a brace or a bracket, CSV otherwise.

    The first row of a CSV file names its columns.

    Raises:
        InputError: the file cannot be read, is no such text, or is empty; a row has other fields
            than the header, or is no JSON object. The message names the line.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    text = decode(content, path)
    start = text.lstrip()[:1]
    json_readers = {"": _nothing, "{": _json_lines, "[": _json_array}
    read = json_readers.get(start, _csv)
    rows = list(read(text, path))
    if not rows:
        raise InputError(f"{str(path)!r} holds no records, expected one a row")
    columns = dict.fromkeys(name for row in rows for name in row.fields)
    checksum = hashlib.sha256(content).hexdigest()
    return RowFile(Path(path), tuple(columns), rows, start not in json_readers, checksum)


def decode(content: bytes, path: Path) -> str:
    """The text of a file: UTF-8, or what its byte-order mark says, which is left out.

    Raises:
        InputError: it is no such text; the message names the line.
    """
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            f"line {line} of {str(path)!r} is no {encoding.removesuffix('-sig').upper()} text: "
            "save the file as CSV or JSON lines in UTF-8"
        ) from error
    if "\0" in text:
        raise InputError(
            f"{str(path)!r} has zero bytes, as binary files and UTF-16 without a byte-order mark "
            "have: save it as CSV or JSON lines in UTF-8"
        )
    return text


def split_lines(text: str) -> list[str]:
    """The physical lines; ``splitlines`` would also split within JSON strings."""
    return re.split(r"\r\n|\r|\n", text)


def file_lines(path: Path) -> list[tuple[str, str]]:
    """:func:`text_lines` of a file; of a CSV file with a column of :data:`ARCHITECTURE` its fields.

    Raises:
        InputError: it cannot be read, is no text, or has blank lines alone.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read architectures from {str(path)!r}: {error}") from error
    text, source = decode(content, path), repr(str(path))
    header = _header(text)
    for name in ARCHITECTURE:
        if name in header:
            return [(f"line {row.line} of {source}", row.fields[name]) for row in _csv(text, path)]
    return text_lines(text, source)


def _header(text: str) -> list[str]:
    """The first row of a text, if it is CSV."""
    delimiter, lines = _delimiter(text)
    try:
        rows = _csv_rows(text, delimiter, None)
        return next((fields for line, fields in rows if any(fields) and line > lines), [])
    except InputError:
        return []


def text_lines(text: str, source: str) -> list[tuple[str, str]]:
    """Lines with an architecture each, behind the place of each: ``line 3 of 'mine.txt'``.

    Args:
        text: blank lines in it are left out.
        source: where it is from, for messages.

    Raises:
        InputError: there is no line, or all of it is one JSON value with several architectures.
    """
    if (form := _one_value(text)) is not None:
        raise InputError(f"{source} is {form}, expected one architecture a line")
    numbered = enumerate(split_lines(text), start=1)
    found = [(f"line {number} of {source}", line.strip()) for number, line in numbered]
    found = [(place, line) for place, line in found if line]
    if not found:
        raise InputError(f"{source} holds no architectures, expected one a line")
    return found


def _one_value(text: str) -> str | None:
    """What a text is that is one JSON value, and no lines with an architecture each.

    A list of lists or of operations in one line is an architecture in some forms.
    """
    stripped = text.strip()
    if stripped[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError):
        return None
    kind = "object" if isinstance(value, dict) else "array"
    if (over := len(split_lines(stripped))) > 1:
        return f"one JSON {kind} over {over} lines"
    if kind == "array" and any(_is_architecture(each) for each in value):
        return "a JSON array of architectures"
    return None


def _is_architecture(value: Any) -> bool:
    """Whether an entry of a list is more than the name of an operation or a number."""
    return isinstance(value, dict) or (isinstance(value, str) and bool(re.search(r"[\s|{]", value)))


def _nothing(text: str, path: Path) -> Iterator[Row]:
    return iter(())


def _csv(text: str, path: Path) -> Iterator[Row]:
    delimiter, lines = _delimiter(text)
    header: list[str] | None = None
    for line, fields in _csv_rows(text, delimiter, path):
        if not any(fields) or line <= lines:
            continue
        if header is None:
            header = fields
            _check_header(header, line, path)
            continue
        # Some programs end every row, but not the header, with a delimiter.
        extra = fields[len(header) :]
        if len(fields) < len(header) or any(extra):
            raise InputError(
                f"line {line} of {str(path)!r} has {len(fields)} fields, the header has "
                f"{len(header)}: {', '.join(header)}; put fields with {delimiter!r} in quotes"
            )
        named = zip(header, fields, strict=False)
        yield Row(line, {name: field for name, field in named if name})


def _csv_rows(text: str, delimiter: str, path: Path | None) -> Iterator[tuple[int, list[str]]]:
    """Each row's first line, and its fields without the blanks around them."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    line = 1
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise InputError(
                f"line {line} of {str(path)!r} is no CSV ({error}): a field with quotes or line "
                "breaks stands in quotes, and quotes within it are doubled"
            ) from error
        if fields is None:
            return
        yield line, [field.strip() for field in fields]
        line = reader.line_num + 1


def _delimiter(text: str) -> tuple[str, int]:
    """What separates the columns, and how many lines at the top only say so (Excel's ``sep=;``).

    It is the delimiter by which the first rows have as many fields as the header, and most.
    """
    if named := re.match(r"sep=(.)(?:\r\n|\r|\n)", text):
        return named[1], 1
    found = []
    for delimiter in DELIMITERS:
        lengths = _first_lengths(text, delimiter)
        alike = sum(length == lengths[0] for length in lengths)
        found.append((lengths[0] > 1, alike / len(lengths), lengths[0], delimiter))
    return max(found, key=lambda each: each[:3])[3], 0


def _first_lengths(text: str, delimiter: str, most: int = 20) -> list[int]:
    """How many fields the first rows have."""
    lengths: list[int] = []
    try:
        for _, fields in _csv_rows(text, delimiter, None):
            if any(fields):
                lengths.append(len(fields))
            if len(lengths) == most:
                break
    except InputError:  # raised with its line when the rows are read
        pass
    return lengths or [0]


def _check_header(header: list[str], line: int, path: Path) -> None:
    twice = [name for name, count in Counter(header).items() if name and count > 1]
    if twice:
        raise InputError(
            f"two columns of {str(path)!r} are called {twice[0]!r} (line {line}: "
            f"{', '.join(header)}): rename one"
        )


def _json_lines(text: str, path: Path) -> Iterator[Row]:
    for line, one in enumerate(split_lines(text), start=1):
        if one.strip():
            try:
                record = json.loads(one, object_pairs_hook=_unique)
            except (ValueError, RecursionError) as error:
                if (form := _one_value(text)) is not None:
                    raise InputError(f"{str(path)!r} is {form}, expected {JSON_ROWS}") from error
                raise InputError(
                    f"line {line} of {str(path)!r} is no JSON ({error}): expected one object a line"
                ) from error
            yield _record(line, record, one, path)


def _json_array(text: str, path: Path) -> Iterator[Row]:
    decoder = json.JSONDecoder(object_pairs_hook=_unique)
    position, line, separator = text.index("[") + 1, 1, "["
    counted = 0
    while True:
        position = _skip_blanks(text, position)
        line += _line_ends(text, counted, position)
        counted = position
        if text.startswith("]", position):
            break
        if separator != "[":
            if not text.startswith(",", position):
                raise _broken_array(line, path)
            position = _skip_blanks(text, position + 1)
            line += _line_ends(text, counted, position)
            counted = position
        try:
            record, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise _broken_array(line, path) from error
        yield _record(line, record, text[position:end], path)
        position, separator = end, ","
    if text[position + 1 :].strip():
        raise _broken_array(line, path)


def _skip_blanks(text: str, position: int) -> int:
    found = re.compile(r"\s*").match(text, position)
    return found.end() if found else position


def _line_ends(text: str, start: int, end: int) -> int:
    return len(re.findall(r"\r\n|\r|\n", text[start:end]))


def _broken_array(line: int, path: Path) -> InputError:
    return InputError(
        f"line {line} of {str(path)!r} is no JSON: expected one array of objects, "
        "or one object a line"
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        twice = next(name for name, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} stands there twice")
    return record


def _record(line: int, record: Any, text: str, path: Path) -> Row:
    if not isinstance(record, dict):
        raise InputError(
            f"line {line} of {str(path)!r} is {excerpt(text.strip())}, expected {JSON_ROWS}"
        )
    return Row(line, record)
