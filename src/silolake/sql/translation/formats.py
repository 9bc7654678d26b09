"""Date formats: MySQL's (``date_format``) and Joda's (``format_datetime``), as DuckDB's strftime reads them.

https://trino.io/docs/current/functions/datetime.html
"""

from __future__ import annotations

import re

from silolake.sql.positions import Position
from silolake.sql.refusals import SqlNotPlayed, SqlRefused

_MYSQL = {
    "a": "%a", "b": "%b", "c": "%-m", "d": "%d", "e": "%-d", "f": "%f", "H": "%H", "h": "%I", "I": "%I", "i": "%M",
    "j": "%j", "k": "%-H", "l": "%-I", "M": "%B", "m": "%m", "p": "%p", "r": "%I:%M:%S %p", "S": "%S", "s": "%S",
    "T": "%H:%M:%S", "v": "%V", "W": "%A", "x": "%G", "Y": "%Y", "y": "%y", "%": "%%",
}  # fmt: skip
_MYSQL_ABSENT = "DUuVwX"
_JODA = {
    "y": (("%Y", 4), ("%y", 2)), "Y": (("%Y", 4), ("%y", 2)), "x": (("%G", 4),),
    "M": (("%B", 4), ("%b", 3), ("%m", 2), ("%-m", 1)),
    "d": (("%d", 2), ("%-d", 1)), "D": (("%j", 3), ("%-j", 1)), "e": (("%u", 1),), "E": (("%A", 4), ("%a", 1)),
    "a": (("%p", 1),), "H": (("%H", 2), ("%-H", 1)), "h": (("%I", 2), ("%-I", 1)), "m": (("%M", 2), ("%-M", 1)),
    "s": (("%S", 2), ("%-S", 1)), "S": (("%g", 3),), "w": (("%V", 1),),
}  # fmt: skip
_JODA_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")


def mysql(pattern: str, at: Position) -> str:
    """A ``date_format`` pattern for strftime.

    Raises: SqlRefused for the specifiers that Trino does not support.
    """

    def one(found: re.Match[str]) -> str:
        letter = found.group(1)
        if letter in _MYSQL_ABSENT:
            raise SqlRefused(f"%{letter} not supported in date format string", "INVALID_FUNCTION_ARGUMENT", at)
        return _MYSQL.get(letter, letter)

    return re.sub(r"%(.)", one, pattern, flags=re.DOTALL)


def joda(pattern: str, at: Position) -> str:
    """A ``format_datetime`` pattern for strftime.

    Raises: SqlNotPlayed for letters that strftime has no word for.
    """
    parts: list[str] = []
    for found in _JODA_TOKEN.finditer(pattern):
        quoted, letter = found.group(1), found.group(2)
        if letter is not None:
            parts.append(_joda_letter(letter, len(found.group()), at))
        elif quoted is not None:
            parts.append((quoted.replace("''", "'") or "'").replace("%", "%%"))
        else:
            parts.append(found.group().replace("%", "%%"))
    return "".join(parts)


def _joda_letter(letter: str, count: int, at: Position) -> str:
    for specifier, least in _JODA.get(letter, ()):
        if count >= least:
            return specifier
    if letter in ("y", "Y"):
        return "%Y"
    raise SqlNotPlayed(f"the letter {letter * count!r} in a date pattern", at)
