"""Reading a delivery's texts as values: what spelling each type has.

Whole numbers have no point, no exponent, no blanks; dates and times are ISO 8601; true and false are those two words.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from silolake.contracts.types import ColumnType

WHOLE = re.compile(r"[-+]?\d+", re.ASCII)
NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
TIMESTAMP = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[-+]\d{2}:?\d{2})?", re.ASCII)


def read_date(text: str) -> date:
    """A date of the calendar.

    Raises:
        ValueError: for any other spelling than ``2013-01-31``, or a day that never was.
    """
    if not DATE.fullmatch(text):
        raise ValueError(text)
    return date.fromisoformat(text)


def read_timestamp(text: str, zoned: bool) -> datetime:
    """A moment as UTC without a zone, to the millisecond, which is what Athena reads from Parquet.

    Args:
        text: such as ``2013-01-01T10:00:00Z``.
        zoned: whether the spelling carries its offset from UTC; one that does not agree is a fault.

    Raises:
        ValueError: for any other spelling, or a moment that never was.

    >>> read_timestamp("2013-01-01T05:00:00-05:00", zoned=True)
    datetime.datetime(2013, 1, 1, 10, 0)
    """
    found = TIMESTAMP.fullmatch(text)
    if not found or (found[3] is not None) != zoned:
        raise ValueError(text)
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC).replace(tzinfo=None) if zoned else moment
    except OverflowError:
        raise ValueError(text) from None


def bound_fault(kind: ColumnType, value: int | float | str) -> str | None:
    """Why a bound does not suit a type, or nothing."""
    match kind.kind:
        case "date":
            reads = read_date
        case "timestamp":
            return None if isinstance(value, str) and _is_moment(value) else f"{value!r} is not an ISO 8601 moment"
        case "integer":
            return None if isinstance(value, int) else f"{value!r} is not a whole number"
        case _:
            return None
    try:
        reads(str(value))
    except ValueError:
        return f"{value!r} is not an ISO 8601 date"
    return None


def _is_moment(text: str) -> bool:
    try:
        moment(text)
    except ValueError:
        return False
    return True


def moment(text: str) -> datetime:
    """A bound's moment as UTC without a zone; without an offset it is UTC already.

    Raises:
        ValueError: where it is no moment.
    """
    found = TIMESTAMP.fullmatch(text)
    return read_timestamp(text, zoned=bool(found and found[3]))
