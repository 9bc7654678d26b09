"""What makes a query fail while it runs, in Athena's words.

DuckDB's errors are its own; each is told again the way Trino tells it, with its error code.
https://trino.io/docs/current/language/ · https://docs.aws.amazon.com/athena/latest/ug/troubleshooting-athena.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

import duckdb

from silolake.errors import SilolakeError


class QueryFault(SilolakeError):
    """A query that began and could not end.

    Attributes:
        code: Trino's error code, such as ``DIVISION_BY_ZERO``.
        problem: what happened, in Trino's words.
        error_category: Athena's ``ErrorCategory``: 1 the system's, 2 the user's.
    """

    def __init__(self, code: str, problem: str, error_category: int = 2) -> None:
        super().__init__(code, problem, error_category)
        self.code, self.problem, self.error_category = code, problem, error_category

    def __str__(self) -> str:
        return f"{self.code}: {self.problem}"


class QueryCancelled(SilolakeError):
    """Somebody stopped the query."""

    def __str__(self) -> str:
        return "Query was cancelled"


_TYPES = {
    "INT8": "TINYINT", "INT16": "SMALLINT", "INT32": "INT", "INT64": "BIGINT", "INT128": "BIGINT", "BOOL": "BOOLEAN",
    "FLOAT": "REAL",
}  # fmt: skip


def _name(duckdb_type: str) -> str:
    return _TYPES.get(duckdb_type, duckdb_type)


_Teller = Callable[[re.Match[str]], tuple[str, str]]
_TOLD: tuple[tuple[re.Pattern[str], _Teller], ...] = (
    (
        re.compile(r'Error when converting column "(.*?)". Could not convert string "(.*?)" to ', re.DOTALL),
        lambda m: (
            "HIVE_BAD_DATA",
            f"Error parsing field value '{m[2]}' for field {m[1]}: For input string: \"{m[2]}\"",
        ),
    ),
    (
        re.compile(r"""Could not convert string ['"]!!([A-Z_]+): (.*?)['"] to """, re.DOTALL),
        lambda m: (m[1], m[2]),
    ),
    (
        re.compile(r"""Could not convert string ['"]!?(.*?)['"] to (\w+(?:\(\d+,\d+\))?)""", re.DOTALL),
        lambda m: ("INVALID_CAST_ARGUMENT", f"Cannot cast '{m[1]}' to {_name(m[2])}"),
    ),
    (
        re.compile(r'invalid date field format: "!?(.*?)",', re.DOTALL),
        lambda m: ("INVALID_CAST_ARGUMENT", f"Value cannot be cast to date: {m[1]}"),
    ),
    (
        re.compile(r'invalid timestamp field format: "!?(.*?)",', re.DOTALL),
        lambda m: ("INVALID_CAST_ARGUMENT", f"Value cannot be cast to timestamp: {m[1]}"),
    ),
    (
        re.compile(r"(?:date|timestamp|time) field value out of range: \"!?(.*?)\"", re.DOTALL),
        lambda m: ("INVALID_CAST_ARGUMENT", f"Value cannot be cast to date: {m[1]}"),
    ),
    (
        re.compile(r'Could not parse string "(.*?)" according to format', re.DOTALL),
        lambda m: ("INVALID_FUNCTION_ARGUMENT", f'Invalid format: "{m[1]}"'),
    ),
    (re.compile(r"Division by zero"), lambda m: ("DIVISION_BY_ZERO", "Division by zero")),
    (
        re.compile(r"with value (\S+) can't be cast .*? type (\w+)", re.DOTALL),
        lambda m: ("NUMERIC_VALUE_OUT_OF_RANGE", f"Out of range for {_name(m[2]).lower()}: {m[1]}"),
    ),
    (
        re.compile(r"Overflow in (\w+) of (\w+) \((.*?)\)"),
        lambda m: ("NUMERIC_VALUE_OUT_OF_RANGE", f"{_name(m[2]).lower()} {m[1]} overflow: {m[3]}"),
    ),
    (
        re.compile(r"More than one row returned by a subquery"),
        lambda m: ("SUBQUERY_MULTIPLE_ROWS", "Scalar sub-query has returned multiple rows"),
    ),
    (
        re.compile(r"Map keys must be unique"),
        lambda m: ("INVALID_FUNCTION_ARGUMENT", "Duplicate map keys are not allowed"),
    ),
    (
        re.compile(r"Malformed JSON.*?Input: \"(.*?)\"", re.DOTALL),
        lambda m: ("INVALID_FUNCTION_ARGUMENT", f"Cannot convert value to JSON: '{m[1]}'"),
    ),
    (
        re.compile(r"JSON transform error in file \"(.*?)\", in line (\d+): (.*?)(?: Try setting|$)", re.DOTALL),
        lambda m: ("HIVE_BAD_DATA", f"Error parsing line {m[2]} of {m[1]}: {m[3]}"),
    ),
    (
        re.compile(r"Malformed JSON in file \"(.*?)\".*?(?:line|record) (\d+)", re.DOTALL),
        lambda m: ("HIVE_CURSOR_ERROR", f"Row is not a valid JSON Object - line {m[2]} of {m[1]}"),
    ),
    (
        re.compile(r"quoted new lines"),
        lambda m: ("HIVE_BAD_DATA", "OpenCSVSerde does not support embedded line breaks in CSV files"),
    ),
    (
        re.compile(r"invalid (?:perl operator|escape sequence): (\S+)"),
        lambda m: ("NOT_SUPPORTED", f"the local cloud does not play {m[1]} in a regular expression"),
    ),
)


def told(error: duckdb.Error) -> SilolakeError:
    """A DuckDB error as Athena tells it."""
    text = str(error)
    if isinstance(error, duckdb.InterruptException):
        return QueryCancelled()
    if isinstance(error, duckdb.OutOfMemoryException):
        return QueryFault("EXCEEDED_LOCAL_MEMORY_LIMIT", "Query exhausted resources at this scale factor")
    for pattern, tell in _TOLD:
        found = pattern.search(text)
        if found is not None:
            return QueryFault(*tell(found))
    return QueryFault("GENERIC_INTERNAL_ERROR", text.split("\n\n")[0].strip(), error_category=1)
