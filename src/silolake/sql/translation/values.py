"""What an expression comes to: its Trino type and its DuckDB text."""

from __future__ import annotations

from dataclasses import dataclass

from silolake.sql import types as t
from silolake.sql.types import Type, duckdb_type, field_name, quoted


@dataclass(frozen=True, slots=True)
class Typed:
    """An expression, translated.

    Attributes:
        type: its Trino type.
        sql: its DuckDB text, safe to stand inside any other.
        constant: the value of a plain literal, where a function must know it while translating.
    """

    type: Type
    sql: str
    constant: str | int | None = None


def text(value: str) -> str:
    """A string literal as DuckDB reads it."""
    return "'" + value.replace("'", "''") + "'"


def coerce(value: Typed, target: Type) -> Typed:
    """A value brought to a type that Trino brings it to unasked; the text changes only where DuckDB's must."""
    source = value.type
    if source == target:
        return value
    return Typed(target, converted(value.sql, source, target), value.constant)


def converted(sql: str, source: Type, target: Type) -> str:
    """The text of a value of one type, made one of another that holds it whole."""
    if source.name == "unknown" and target.name == "timestamp with time zone":
        # DuckDB forgets the field types of a NULL struct.
        return "trino_instant(CAST(NULL AS TIMESTAMP), 'UTC')"
    if source.name == "unknown":
        return f"CAST({sql} AS {duckdb_type(target)})"
    if target.name == "timestamp with time zone":
        if source.name == target.name:
            return sql
        return f"trino_instant(CAST({sql} AS TIMESTAMP), 'UTC')"
    if source.name == "array" and target.name == "array":
        if duckdb_type(source) == duckdb_type(target):
            return sql
        return f"list_transform({sql}, lambda trino_c: {converted('trino_c', source.of[0], target.of[0])})"
    if source.name == "row" and target.name == "row":
        return _row(sql, source, target)
    if duckdb_type(source) == duckdb_type(target):
        return sql
    return f"CAST({sql} AS {duckdb_type(target)})"


def _row(sql: str, source: Type, target: Type) -> str:
    if duckdb_type(source) == duckdb_type(target):
        return sql
    fields = (
        f"{quoted(field_name(target, i))} := "
        + converted(f"struct_extract({sql}, {text(field_name(source, i))})", source.of[i], target.of[i])
        for i in range(len(target.of))
    )
    return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack({', '.join(fields)}) END"


def instant(value: Typed) -> str:
    """What to compare of a value: of a timestamp with time zone, its instant."""
    return f"trino_t({value.sql})" if value.type == t.TIMESTAMP_TZ or "time zone" in value.type.name else value.sql
