"""What one delivered text is by a column's rules: a value, no value, or the first rule it breaks."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from silolake.contracts.contract import Column, Limits
from silolake.contracts.types import ColumnType
from silolake.contracts.values import NUMBER, WHOLE, moment, read_date, read_timestamp

Value = str | bool | int | float | Decimal | date | datetime
Rule = Literal[
    "required",
    "type",
    "enum",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
]

_LONGEST_FLOAT = 3.4028234663852886e38


@dataclass(frozen=True, slots=True)
class Breaks:
    """The rule that a text breaks."""

    rule: Rule


def reader_of(column: Column, null_values: tuple[str, ...]) -> Callable[[str], Value | Breaks | None]:
    """A function that reads one text of a column.

    Args:
        column: whose type and limits count.
        null_values: the spellings of no value.
    """
    parse = _parser(column.type, column.zoned)
    checks = tuple(_checks(column.limits, column.type))
    is_needed = column.required or bool(column.key_position)

    def read(text: str) -> Value | Breaks | None:
        if text in null_values:
            return Breaks("required") if is_needed else None
        try:
            value = parse(text)
        except ValueError:
            return Breaks("type")
        for rule, holds in checks:
            if not holds(text, value):
                return Breaks(rule)
        return value

    return read


def _parser(kind: ColumnType, zoned: bool) -> Callable[[str], Value]:
    match kind.kind:
        case "string":
            return str
        case "boolean":
            return _boolean
        case "integer":
            return lambda text: _integer(text, kind.bits)
        case "number":
            return lambda text: _number(text, _LONGEST_FLOAT if kind.glue == "float" else math.inf)
        case "decimal":
            return lambda text: _decimal(text, kind)
        case "date":
            return read_date
        case "timestamp":
            return lambda text: read_timestamp(text, zoned)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _integer(text: str, bits: int) -> int:
    # No integer column holds more than 19 digits; longer texts are not even read.
    if len(text) > 20 or not WHOLE.fullmatch(text):
        raise ValueError(text)
    value = int(text)
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise ValueError(text)
    return value


def _number(text: str, longest: float) -> float:
    if not NUMBER.fullmatch(text):
        raise ValueError(text)
    value = float(text)
    if math.isinf(value) or abs(value) > longest:
        raise ValueError(text)
    return value


def _decimal(text: str, kind: ColumnType) -> Decimal:
    if len(text) > 60 or not NUMBER.fullmatch(text):
        raise ValueError(text)
    value = Decimal(text)
    fits = Decimal(10) ** (kind.precision - kind.scale)
    exponent = value.normalize().as_tuple().exponent
    if abs(value) >= fits or not isinstance(exponent, int) or -exponent > kind.scale:
        raise ValueError(text)
    return value


Check = Callable[[str, Value], bool]


def _checks(limits: Limits, kind: ColumnType) -> Iterator[tuple[Rule, Check]]:
    if limits.allowed:
        allowed = frozenset(_parser(kind, False)(word) for word in limits.allowed)
        yield "enum", lambda text, value: value in allowed
    bounds: tuple[tuple[Rule, object, Callable[[Value, Value], bool]], ...] = (
        ("minimum", limits.minimum, lambda value, bound: value >= bound),  # type: ignore[operator]
        ("maximum", limits.maximum, lambda value, bound: value <= bound),  # type: ignore[operator]
        ("exclusiveMinimum", limits.exclusive_minimum, lambda value, bound: value > bound),  # type: ignore[operator]
        ("exclusiveMaximum", limits.exclusive_maximum, lambda value, bound: value < bound),  # type: ignore[operator]
    )
    for rule, said, holds in bounds:
        if said is not None:
            yield rule, _bounded(_bound(said, kind), holds)
    if limits.multiple_of is not None:
        step = Decimal(str(limits.multiple_of))
        yield "multipleOf", lambda text, value: Decimal(text) % step == 0
    if limits.min_length is not None:
        shortest = limits.min_length
        yield "minLength", lambda text, value: len(text) >= shortest
    if limits.max_length is not None:
        longest = limits.max_length
        yield "maxLength", lambda text, value: len(text) <= longest
    if limits.pattern is not None:
        search = re.compile(ecma(limits.pattern), re.ASCII).search
        yield "pattern", lambda text, value: search(text) is not None


def _bounded(bound: Value, holds: Callable[[Value, Value], bool]) -> Check:
    return lambda text, value: holds(value, bound)


def _bound(said: object, kind: ColumnType) -> Value:
    match kind.kind:
        case "date":
            return read_date(str(said))
        case "timestamp":
            return moment(str(said))
        case "decimal":
            return Decimal(str(said))
        case _:
            return said if isinstance(said, (int, float)) else str(said)


_PIECE = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\$", re.DOTALL)


def ecma(pattern: str) -> str:
    r"""A contract's pattern in Python's spelling.

    ODCS patterns are ECMA-262's, where ``$`` is the end of the text; Python's also stands before a last line break.

    >>> ecma(r"^[A-Z$]{3}\$?$")
    '^[A-Z$]{3}\\$?\\Z'
    """
    return _PIECE.sub(lambda found: r"\Z" if found.group() == "$" else found.group(), pattern)
