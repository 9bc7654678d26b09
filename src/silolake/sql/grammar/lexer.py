"""A statement as tokens.

Athena reads queries with Trino's grammar and most data definition with Hive's. They differ in
their quotes: in Trino ``"x"`` is a name and a backquote an error, in Hive ``"x"`` is text, a
backquoted word a name, and a backslash escapes.
https://docs.aws.amazon.com/athena/latest/ug/reserved-words.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from silolake.sql.positions import Position
from silolake.sql.refusals import SqlRefused


class Dialect(Enum):
    """Whose grammar reads the text."""

    TRINO = "trino"
    HIVE = "hive"


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    NAME = "quoted name"
    STRING = "string"
    BINARY = "binary"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DOUBLE = "double"
    OPERATOR = "operator"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token; ``value`` is what it means (quotes and escapes gone, words in capitals)."""

    kind: Kind
    text: str
    value: str
    at: Position
    start: int
    end: int


_COMMON = r"""
  (?P<SPACE>\s+|--[^\r\n]*|/\*.*?\*/)
 |(?P<BINARY>[xX]'[^']*')
 |(?P<UNICODE>[uU]&'(?:[^']|'')*')
 |{quotes}
 |(?P<DOUBLE>(?:\d+\.?\d*|\.\d+)[eE][+-]?\d+)
 |(?P<DECIMAL>\d+\.\d*|\.\d+)
 |(?P<DIGITS>\d+[A-Za-z_]\w*)
 |(?P<INTEGER>\d+)
 |(?P<WORD>[^\W\d]\w*)
 |(?P<OPERATOR><>|!=|<=|>=|\|\||->|=>|[=<>+\-*/%()\[\],.;?:{{}}|])
"""
_QUOTES = {
    Dialect.TRINO: r"""(?P<STRING>'(?:[^']|'')*')|(?P<NAME>"(?:[^"]|"")*")|(?P<BACKQUOTE>`(?:[^`]|``)*`)""",
    Dialect.HIVE: r"""(?P<STRING>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<NAME>`(?:[^`]|``)*`)""",
}
_TOKEN = {
    dialect: re.compile(_COMMON.format(quotes=quotes), re.VERBOSE | re.DOTALL) for dialect, quotes in _QUOTES.items()
}
_ESCAPED = re.compile(r"\\([0-7]{3}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}


def tokens(text: str, dialect: Dialect) -> Iterator[Token]:
    """The tokens of a statement, the end last.

    Raises: SqlRefused where no token can be read, and for a backquote in a query.
    """
    place, line, line_start = 0, 1, 0
    pattern = _TOKEN[dialect]
    while place < len(text):
        at = Position(line, place - line_start + 1)
        found = pattern.match(text, place)
        if found is None:
            raise SqlRefused(f"mismatched input {_shown(text[place])}", at=at)
        kind, raw = str(found.lastgroup), found.group()
        if kind != "SPACE":
            yield _token(kind, raw, (at, place, found.end()), dialect)
        newlines = raw.count("\n")
        if newlines:
            line, line_start = line + newlines, place + raw.rfind("\n") + 1
        place = found.end()
    end = Position(line, place - line_start + 1)
    yield Token(Kind.END, "<EOF>", "", end, place, place)


def _token(kind: str, raw: str, span: tuple[Position, int, int], dialect: Dialect) -> Token:
    at, start, end = span
    match kind:
        case "STRING" if dialect is Dialect.TRINO:
            value = raw[1:-1].replace("''", "'")
        case "STRING":
            value = _ESCAPED.sub(_unescaped, raw[1:-1])
        case "UNICODE":
            kind, value = (
                "STRING",
                re.sub(r"\\(\+[0-9a-fA-F]{6}|[0-9a-fA-F]{4}|\\)", _code_point, raw[3:-1].replace("''", "'")),
            )
        case "BINARY":
            value = raw[2:-1].replace(" ", "")
        case "NAME":
            value = raw[1:-1].replace(raw[0] * 2, raw[0])
            if not value:
                raise SqlRefused("Zero-length delimited identifier not allowed", at=at)
        case "BACKQUOTE":
            raise SqlRefused("backquoted identifiers are not supported; use double quotes to quote identifiers", at=at)
        case "DIGITS" if dialect is Dialect.TRINO:
            raise SqlRefused(
                "identifiers must not start with a digit; surround the identifier with double quotes", at=at
            )
        case "DIGITS":
            kind, value = "WORD", raw.upper()
        case "WORD":
            value = raw.upper()
        case _:
            value = raw
    return Token(Kind[kind], raw, value, at, start, end)


def _unescaped(found: re.Match[str]) -> str:
    code = found.group(1)
    if len(code) == 3 and code.isdigit():
        return chr(int(code, 8))
    if len(code) == 5:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, code if code not in "%_" else "\\" + code)


def _code_point(found: re.Match[str]) -> str:
    code = found.group(1)
    return "\\" if code == "\\" else chr(int(code.lstrip("+"), 16))


def _shown(text: str) -> str:
    return "'" + text.replace("\n", "\\n") + "'"
