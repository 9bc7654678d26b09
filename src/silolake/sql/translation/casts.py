"""CAST and TRY_CAST, strict the way Trino is.

https://trino.io/docs/current/functions/conversion.html
"""

from __future__ import annotations

import re

from silolake.sql import types as t
from silolake.sql.positions import Position
from silolake.sql.refusals import SqlRefused
from silolake.sql.translation.values import Typed, converted, text
from silolake.sql.types import Type, duckdb_type, field_name, is_coercible, quoted

_INTEGER_TEXT = r"[+-]?[0-9]+"
# What Trino reads from text; anything else is an error in CAST and NULL in TRY_CAST.
_STRICT = {
    "tinyint": _INTEGER_TEXT,
    "smallint": _INTEGER_TEXT,
    "integer": _INTEGER_TEXT,
    "bigint": _INTEGER_TEXT,
    "real": r"\s*[+-]?(NaN|Infinity|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)\s*",
    "double": r"\s*[+-]?(NaN|Infinity|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)\s*",
    "decimal": r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?",
    "boolean": r"(?i)t|f|true|false|1|0",
    "date": r"\s*[+-]?[0-9]{1,6}-[0-9]{1,2}-[0-9]{1,2}\s*",
    "timestamp": r"\s*[+-]?[0-9]{4,6}-[0-9]{1,2}-[0-9]{1,2}( ([0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]+)?)?)?)?\s*",
    "time": r"[0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]+)?)?",
    "uuid": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
}
_NUMBERS = ("tinyint", "smallint", "integer", "bigint", "decimal", "real", "double", "boolean")
_SCALARS_OF_JSON = (*_NUMBERS, "varchar", "date", "timestamp")
_TEXT_OF = (
    *_NUMBERS, "varchar", "char", "date", "time", "timestamp", "timestamp with time zone", "json", "uuid",
    "interval day to second", "interval year to month",
)  # fmt: skip
# Source → the targets that Trino casts it to, besides itself and what it is coerced to.
_TARGETS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_NUMBERS, (*_NUMBERS, "varchar", "json")),
    "varchar": (
        *_NUMBERS, "char", "varbinary", "date", "time", "timestamp", "timestamp with time zone", "json", "uuid",
    ),
    "char": (*_NUMBERS, "varchar", "date", "timestamp", "json"),
    "date": ("varchar", "timestamp", "timestamp with time zone", "json"),
    "time": ("varchar",),
    "timestamp": ("varchar", "date", "time", "timestamp with time zone", "json"),
    "timestamp with time zone": ("varchar", "date", "time", "timestamp"),
    "json": (*_SCALARS_OF_JSON, "array", "map", "row"),
    "uuid": ("varchar", "varbinary"),
    "interval day to second": ("varchar",),
    "interval year to month": ("varchar",),
    "array": ("json",),
    "map": ("json",),
    "row": ("json",),
    "unknown": (),
    "varbinary": ("uuid",),
}  # fmt: skip


def is_castable(source: Type, target: Type) -> bool:
    """True where Trino has a CAST from one type to the other."""
    if source.name in ("unknown", target.name) and not (source.of and target.of):
        return True
    if source.name == target.name and source.of:
        return len(source.of) == len(target.of) and all(map(is_castable, source.of, target.of))
    return target.name in _TARGETS.get(source.name, ()) or is_coercible(source, target)


def cast(value: Typed, target: Type, safe: bool, at: Position) -> Typed:
    """CAST(value AS target), or TRY_CAST where ``safe``.

    Raises: SqlRefused for a cast that Trino does not have.
    """
    if not is_castable(value.type, target):
        raise SqlRefused(f"Cannot cast {value.type} to {target}", "TYPE_MISMATCH", at)
    sql = cast_text(value.sql, value.type, target)
    return Typed(target, f"TRY({sql})" if safe and sql != value.sql else sql)


def cast_text(sql: str, source: Type, target: Type) -> str:
    """The text of a cast that exists."""
    if source == target:
        return sql
    match source.name, target.name:
        case "unknown", _:
            return converted(sql, source, target)
        case _, "varchar" | "char" if source.name in _TEXT_OF:
            return _cut(as_text(sql, source), source, target)
        case "varchar" | "char", "timestamp with time zone":
            return f"trino_zoned_from_text({sql})"
        case "varchar" | "char", "json":
            return f"to_json({sql})"
        case "varchar", "varbinary":
            return f"encode({sql})"
        case "varchar" | "char", "timestamp" | "time":
            return _rounded(f"CAST({_strict(sql, target)} AS {duckdb_type(target)})", None, target)
        case "varchar" | "char", _:
            return f"CAST({_strict(sql, target)} AS {duckdb_type(target)})"
        case "real" | "double", "tinyint" | "smallint" | "integer" | "bigint":
            return f"CAST(round({sql}) AS {duckdb_type(target)})"
        case "timestamp with time zone", "timestamp":
            return _rounded(f"trino_local({sql})", source, target)
        case "timestamp with time zone", "date" | "time":
            return f"CAST(trino_local({sql}) AS {duckdb_type(target)})"
        case "timestamp", "timestamp":
            return _rounded(sql, source, target)
        case "json", "varchar":
            return f"json_extract_string({sql}, '$')"
        case "json", "array" | "map" | "row":
            return f"CAST({sql} AS {duckdb_type(target)})"
        case "json", _:
            return f"CAST(json_extract_string({sql}, '$') AS {duckdb_type(target)})"
        case _, "json":
            return f"to_json({_jsonable(sql, source)})"
        case _ if source.of:
            return _nested(sql, source, target)
        case _:
            return converted(sql, source, target)


def as_text(sql: str, source: Type) -> str:
    """A value as CAST to varchar spells it."""
    match source.name:
        case "varchar" | "char":
            return sql
        case "real" | "double":
            return f"trino_float_text({sql})"
        case "timestamp":
            return f"trino_time_text({sql}, {source.precision})"
        case "time":
            return f"trino_clock_text({sql}, {source.precision})"
        case "timestamp with time zone":
            return f"trino_zoned_text({sql}, {source.precision})"
        case "interval day to second":
            return f"trino_day_time_text({sql})"
        case "interval year to month":
            return f"trino_year_month_text({sql})"
        case "json":
            return f"json_extract_string({sql}, '$')"
        case _:
            return f"CAST({sql} AS VARCHAR)"


def _cut(sql: str, source: Type, target: Type) -> str:
    if not target.numbers:
        return sql
    length = target.numbers[0]
    if source.name == "varchar" and source.numbers and source.numbers[0] <= length:
        return sql
    return f"left({sql}, {length})"


def _strict(sql: str, target: Type) -> str:
    return f"trino_strict({sql}, {text(_STRICT[target.name])})"


_FINEST_KEPT = 6


def _rounded(sql: str, source: Type | None, target: Type) -> str:
    finer = source is None or source.precision > target.precision
    if target.name != "timestamp" or not finer or target.precision >= _FINEST_KEPT:
        return sql
    return f"trino_rounded({sql}, {10 ** (_FINEST_KEPT - target.precision)})"


def _jsonable(sql: str, source: Type) -> str:
    return as_text(sql, source) if source.name in ("timestamp", "date") else sql


def _nested(sql: str, source: Type, target: Type) -> str:
    match source.name:
        case "array":
            return f"list_transform({sql}, lambda trino_c: {cast_text('trino_c', source.of[0], target.of[0])})"
        case "map":
            key = cast_text("trino_c.key", source.of[0], target.of[0])
            value = cast_text("trino_c.value", source.of[1], target.of[1])
            entries = f"list_transform(map_entries({sql}), lambda trino_c: {{'key': {key}, 'value': {value}}})"
            return f"map_from_entries({entries})"
        case _:
            fields = (
                f"{quoted(field_name(target, i))} := "
                + cast_text(f"struct_extract({sql}, {text(field_name(source, i))})", source.of[i], target.of[i])
                for i in range(len(target.of))
            )
            return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack({', '.join(fields)}) END"


def literal(type_name: str, written: str, at: Position) -> Typed:
    """DATE '2013-01-01' and its kin.

    Raises: SqlRefused where the text is not a value of the type, or no such type has literals.
    """
    match type_name:
        case "date":
            target = t.DATE
        case "timestamp":
            return _timestamp_literal(written, at)
        case "time":
            fraction = written.partition(".")[2]
            target = Type("time", (len(fraction),))
        case "decimal":
            digits = written.lstrip("+-").replace(".", "")
            fraction = written.partition(".")[2]
            target = t.decimal(max(len(digits.lstrip("0")), len(fraction), 1), len(fraction))
        case "json" | "uuid" | "bigint" | "integer" | "smallint" | "tinyint" | "double" | "real" | "boolean":
            target = Type(type_name)
        case "varchar" | "char":
            return Typed(t.VARCHAR, text(written), written)
        case _:
            raise SqlRefused(f"Unknown type: {type_name}", "TYPE_NOT_FOUND", at)
    if type_name == "json":
        return Typed(target, f"CAST({text(written)} AS JSON)")
    _check(written, target, at)
    return Typed(target, f"CAST({text(written)} AS {duckdb_type(target)})", written)


def _timestamp_literal(written: str, at: Position) -> Typed:
    body, _, zone = _split_zone(written)
    precision = len(body.partition(".")[2])
    _check(body, t.TIMESTAMP, at)
    if zone:
        return Typed(Type("timestamp with time zone", (precision,)), f"trino_zoned_from_text({text(written)})")
    return Typed(Type("timestamp", (precision,)), f"CAST({text(body)} AS TIMESTAMP)", body)


def _split_zone(written: str) -> tuple[str, str, str]:
    parts = written.strip().split(" ")
    if len(parts) > 2:
        return " ".join(parts[:2]), " ", " ".join(parts[2:])
    for sign in ("+", "-"):
        head, found, zone = (parts[1] if len(parts) > 1 else "").partition(sign)
        if found:
            return f"{parts[0]} {head}", "", sign + zone
    return written.strip(), "", ""


def _check(written: str, target: Type, at: Position) -> None:
    if not re.fullmatch(_STRICT[target.name], written):
        raise SqlRefused(f"'{written}' is not a valid {target.name.upper()} literal", "INVALID_LITERAL", at)
