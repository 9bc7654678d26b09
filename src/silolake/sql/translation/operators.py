"""What Trino's operators do to values of each type.

https://trino.io/docs/current/functions/math.html · https://trino.io/docs/current/functions/decimal.html ·
https://trino.io/docs/current/functions/datetime.html
"""

from __future__ import annotations

from silolake.sql import types as t
from silolake.sql.positions import Position
from silolake.sql.refusals import SqlRefused
from silolake.sql.translation.values import Typed, coerce, instant
from silolake.sql.types import Type, as_decimal, common_type, decimal, duckdb_type

_INTERVALS = ("interval day to second", "interval year to month")
_TIMES = ("date", "timestamp", "timestamp with time zone", "time")
_SMALL = 18


def refuse(operator: str, left: Type, right: Type, at: Position) -> SqlRefused:
    """``Cannot apply operator: varchar = integer``."""
    return SqlRefused(f"Cannot apply operator: {left} {operator} {right}", "TYPE_MISMATCH", at)


def compared(operator: str, left: Typed, right: Typed, at: Position) -> Typed:
    """``=``, ``<`` and their kin, after bringing both to one type.

    Raises: SqlRefused where the types have none in common, or no order.
    """
    common = common_type(left.type, right.type)
    if common is None or (operator not in ("=", "<>", "IS DISTINCT FROM") and not common.is_orderable):
        raise refuse(operator, left.type, right.type, at)
    a, b = aligned(left, common), aligned(right, common)
    return Typed(t.BOOLEAN, f"({a} {operator} {b})")


def aligned(value: Typed, common: Type) -> str:
    """A value ready to be compared with others of a common type."""
    if value.type.is_numeric and common.is_numeric and "real" not in (value.type.name, common.name):
        return value.sql
    if {value.type.name, common.name} <= {"date", "timestamp"}:
        return value.sql
    return instant(coerce(value, common))


def arithmetic(operator: str, left: Typed, right: Typed, at: Position) -> Typed:
    """``+ - * / %`` over numbers, dates and intervals.

    Raises: SqlRefused where Trino has no such operator.
    """
    if left.type.name == "unknown":
        left = coerce(left, right.type if right.type.is_numeric else t.INTEGER)
    if right.type.name == "unknown":
        right = coerce(right, left.type if left.type.is_numeric else t.DAY_TO_SECOND)
    if left.type.is_numeric and right.type.is_numeric:
        return _numbers(operator, left, right)
    found = _times(operator, left, right)
    if found is None:
        raise refuse(operator, left.type, right.type, at)
    return found


def _numbers(operator: str, left: Typed, right: Typed) -> Typed:
    common = common_type(left.type, right.type)
    assert common is not None
    if common.name == "decimal":
        return _decimals(operator, left, right)
    a, b = coerce(left, common).sql, coerce(right, common).sql
    if common.is_integral and operator == "/":
        return Typed(common, f"({a} // {b})")
    return Typed(common, f"({a} {operator} {b})")


def _decimals(operator: str, left: Typed, right: Typed) -> Typed:
    a, b = as_decimal(left.type), as_decimal(right.type)
    whole = max(a.precision - a.scale, b.precision - b.scale)
    match operator:
        case "+" | "-":
            result = decimal(whole + max(a.scale, b.scale) + 1, max(a.scale, b.scale))
        case "*":
            result = decimal(a.precision + b.precision, a.scale + b.scale)
        case "/":
            result = decimal(a.precision + b.scale + max(b.scale - a.scale, 0), max(a.scale, b.scale))
            return Typed(result, _quotient(left, right, result))
        case _:
            scale = max(a.scale, b.scale)
            result = decimal(min(b.precision - b.scale, a.precision - a.scale) + scale, scale)
    x, y = _wide(left, result), _wide(right, result)
    return Typed(result, f"CAST(({x} {operator} {y}) AS {duckdb_type(result)})")


def _wide(value: Typed, result: Type) -> str:
    kind = as_decimal(value.type)
    # DuckDB gives a product the width of its operands' storage and overflows; a wide operand prevents it.
    width = t.MOST_DIGITS if result.precision > _SMALL else _SMALL
    return f"CAST({value.sql} AS DECIMAL({max(width, kind.precision)},{kind.scale}))"


def _quotient(left: Typed, right: Typed, result: Type) -> str:
    # decimal / decimal is exact in Trino, rounded half up; DuckDB would divide doubles.
    a, b = as_decimal(left.type), as_decimal(right.type)
    shift = result.scale - a.scale + b.scale
    numerator = f"({_unscaled(left)} * CAST('1{'0' * shift}' AS HUGEINT))"
    quotient = f"trino_quotient({numerator}, {_unscaled(right)})"
    if result.scale == 0:
        return f"CAST({quotient} AS {duckdb_type(result)})"
    unit = f"CAST('0.{'0' * (result.scale - 1)}1' AS DECIMAL({result.scale},{result.scale}))"
    return f"CAST(CAST({quotient} AS DECIMAL(38,0)) * {unit} AS {duckdb_type(result)})"


def _unscaled(value: Typed) -> str:
    kind = as_decimal(value.type)
    if kind.scale == 0:
        return f"CAST({value.sql} AS HUGEINT)"
    return f"CAST(replace(CAST(CAST({value.sql} AS {duckdb_type(kind)}) AS VARCHAR), '.', '') AS HUGEINT)"


def _times(operator: str, left: Typed, right: Typed) -> Typed | None:
    a, b = left.type.name, right.type.name
    match operator:
        case "+" if a in _INTERVALS and b in _TIMES:
            return _times("+", right, left)
        case "+" | "-" if a in _TIMES and b in _INTERVALS:
            return shifted(left, f"{operator} {right.sql}", right.type)
        case "+" | "-" if a == b and a in _INTERVALS:
            return Typed(left.type, f"({left.sql} {operator} {right.sql})")
        case "-" if a == b == "date":
            return Typed(t.DAY_TO_SECOND, f"to_days(CAST({left.sql} - {right.sql} AS INTEGER))")
        case "-" if a in _TIMES and b in _TIMES and "time" not in (a, b):
            common = common_type(left.type, right.type)
            assert common is not None
            return Typed(t.DAY_TO_SECOND, f"({instant(coerce(left, common))} - {instant(coerce(right, common))})")
        case "*" if a in _INTERVALS and right.type.is_integral:
            return Typed(left.type, f"({left.sql} * {right.sql})")
        case "*" if b in _INTERVALS and left.type.is_integral:
            return Typed(right.type, f"({right.sql} * {left.sql})")
        case "/" if a in _INTERVALS and right.type.is_integral:
            return Typed(left.type, f"({left.sql} / {right.sql})")
        case _:
            return None


def shifted(value: Typed, change: str, interval: Type | None = None) -> Typed:
    """A date or time moved by ``+ interval``; a date stays a date, and a zone's clock is respected."""
    match value.type.name:
        case "date":
            return Typed(t.DATE, f"CAST({value.sql} {change} AS DATE)")
        case "timestamp with time zone":
            # Days and shorter move the instant; months move the clock on the wall.
            if interval is not None and interval.name == "interval year to month":
                return Typed(value.type, f"trino_relocal(trino_local({value.sql}) {change}, {value.sql})")
            return Typed(value.type, f"trino_instant(trino_t({value.sql}) {change}, trino_z({value.sql}))")
        case "timestamp":
            precision = max(value.type.precision, 3) if interval and interval.name == _INTERVALS[0] else None
            kind = Type("timestamp", (precision,)) if precision is not None else value.type
            return Typed(kind, f"({value.sql} {change})")
        case _:
            return Typed(value.type, f"({value.sql} {change})")


def concatenated(left: Typed, right: Typed, at: Position) -> Typed:
    """``||`` over text, binary and arrays.

    Raises: SqlRefused for anything else.
    """
    a, b = left.type, right.type
    if a.name == "array" or b.name == "array":
        return _arrays(left, right, at)
    if a.name == b.name == "varbinary":
        return Typed(t.VARBINARY, f"({left.sql} || {right.sql})")
    for side in (a, b):
        if not side.is_text and side.name != "unknown":
            raise SqlRefused(
                f"Unexpected parameters ({a}, {b}) for function concat. Expected: concat(E, array(E)) E, "
                "concat(array(E)) E, concat(array(E), E) E, concat(char(x), char(y)), concat(varbinary), "
                "concat(varchar)",
                "TYPE_MISMATCH", at,
            )  # fmt: skip
    return Typed(t.VARCHAR, f"({coerce(left, t.VARCHAR).sql} || {coerce(right, t.VARCHAR).sql})")


def _arrays(left: Typed, right: Typed, at: Position) -> Typed:
    def lifted(value: Typed) -> Typed:
        return value if value.type.name == "array" else Typed(t.array(value.type), f"[{value.sql}]")

    a, b = lifted(left), lifted(right)
    common = common_type(a.type, b.type)
    if common is None:
        raise refuse("||", left.type, right.type, at)
    return Typed(common, f"({coerce(a, common).sql} || {coerce(b, common).sql})")
