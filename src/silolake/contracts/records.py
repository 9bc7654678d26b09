"""A CSV text cut into records, each with the physical line it begins on, and the lines that are no records.

Fields are separated by commas and may be quoted; a quoted field may hold commas, quotes (doubled) and line breaks
(RFC 4180). What cannot be read is one fault, and reading goes on with the line after the one where it began.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

# Bytes that are not UTF-8 are kept as lone surrogates, so that what is quarantined is what was delivered.
_KEPT = "surrogateescape"
_KEPT_BYTE = re.compile("[\udc80-\udcff]")

BrokenRule = Literal["fields", "quotes", "utf-8", "nul"]


class Record(NamedTuple):
    """A record: its first physical line, from 1, the line after its last, and its fields as delivered."""

    line: int
    after: int
    fields: list[str]


class Broken(NamedTuple):
    """What is no record: where it begins, the line after it, which rule it breaks, and its text as delivered."""

    line: int
    after: int
    rule: BrokenRule
    text: str


class Delivery:
    """A delivered CSV file, its lines in hand.

    Args:
        data: the file's bytes; a byte order mark of UTF-8 is passed over.
    """

    def __init__(self, data: bytes) -> None:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", _KEPT)
        lines = list(io.StringIO(text, newline=""))
        while lines and not lines[-1].strip("\r\n"):
            lines.pop()
        self._lines = lines
        self._is_clean = "\0" not in text and not _KEPT_BYTE.search(text)

    def records(self, width: int | None = None, after: int = 1) -> Iterator[Record | Broken]:
        """The records from a line on, in order.

        Args:
            width: how many fields a record has; any number where it is not said.
            after: the physical line to begin with.
        """
        for found in self._cut(after - 1):
            if isinstance(found, Record):
                rule = self._fault(found, width)
                if rule:
                    yield Broken(found.line, found.after, rule, "".join(self._lines[found.line - 1 : found.after - 1]))
                    continue
            yield found

    def text(self, line: int, after: int) -> bytes:
        """The physical lines from one to before another, as delivered."""
        return "".join(self._lines[line - 1 : after - 1]).encode("utf-8", _KEPT)

    def _cut(self, start: int) -> Iterator[Record | Broken]:
        lines = self._lines
        while start < len(lines):
            reader = csv.reader(map(lines.__getitem__, range(start, len(lines))), strict=True)
            done = start
            try:
                for fields in reader:
                    after = start + reader.line_num
                    yield Record(done + 1, after + 1, fields)
                    done = after
                return
            except csv.Error:
                yield Broken(done + 1, done + 2, "quotes", lines[done])
                start = done + 1

    def _fault(self, record: Record, width: int | None) -> BrokenRule | None:
        if not self._is_clean:
            if any("\0" in text for text in record.fields):
                return "nul"
            if any(_KEPT_BYTE.search(text) for text in record.fields):
                return "utf-8"
        return "fields" if width is not None and len(record.fields) != width else None


def readable(text: str, longest: int = 200) -> str:
    """A delivered text as a receipt shows it: what cannot be printed is spelled out, what is long is cut short.

    >>> readable("caf\\udce9\\n")
    'caf\\\\xe9\\\\n'
    """
    shown = "".join(_spelled(each) for each in text[: longest + 1])
    return shown if len(text) <= longest else shown[:longest] + "…"


def _spelled(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character if character.isprintable() else character.encode("unicode_escape").decode()
