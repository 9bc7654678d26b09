"""What CTAS, INSERT and UNLOAD leave behind: a table's files, by partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import duckdb

from silolake.sql import Column, SqlNotPlayed, SqlRefused, Translation
from silolake.sql.translation.values import text
from silolake.sql.types import Type, quoted

OutputFormat = Literal["PARQUET", "TEXTFILE", "JSON"]
# https://docs.aws.amazon.com/athena/latest/ug/ctas-insert-into.html
MOST_PARTITIONS = 100
_PARQUET_CODECS = {"SNAPPY": "snappy", "GZIP": "gzip", "ZSTD": "zstd", "LZ4": "lz4_raw", "NONE": "uncompressed"}
_TEXT_CODECS = {"GZIP": "gzip", "NONE": "none", "ZSTD": "zstd"}
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where and how rows are written.

    Attributes:
        directory: an empty directory of the caller's; files are named by number.
        partitioned_by: the last columns of the query, in order.
        settings: ``field_delimiter`` for text.
        most_partitions: Athena's limit for CTAS and INSERT; UNLOAD has the same.
    """

    directory: Path
    format: OutputFormat = "PARQUET"
    compression: str = "GZIP"
    partitioned_by: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    most_partitions: int = MOST_PARTITIONS


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One file: where it lies, and the key values of its partition as the catalog keeps them."""

    path: Path
    values: tuple[str | None, ...]
    rows: int
    size: int


def check_writable(columns: Sequence[Column]) -> None:
    """Refuse columns that no Hive table can hold, in Athena's words.

    Raises: SqlRefused.
    """
    seen: set[str] = set()
    for column in columns:
        if column.name.startswith("_col"):
            raise SqlRefused("Column name not specified", "MISSING_COLUMN_NAME")
        if column.name.lower() in seen:
            raise SqlRefused(f"Column name '{column.name}' specified more than once", "DUPLICATE_COLUMN_NAME")
        seen.add(column.name.lower())
        unsupported = _unsupported(column.type)
        if unsupported is not None:
            raise SqlRefused(f"Unsupported Hive type: {unsupported}", "NOT_SUPPORTED")


def _unsupported(kind: Type) -> Type | None:
    if kind.of:
        return next((found for found in map(_unsupported, kind.of) if found is not None), None)
    bad = kind.name in ("unknown", "json", "uuid", "time", "timestamp with time zone") or kind.name.startswith(
        "interval"
    )
    return kind if bad else None


def write(connection: duckdb.DuckDBPyConnection, query: Translation, to: Destination) -> tuple[WrittenFile, ...]:
    """Write a prepared query's rows; a partition with no rows has no file, nor has a table with none.

    Raises: SqlRefused for more partitions than Athena opens; SqlNotPlayed for a codec that is not played.
    """
    options = _options(to)
    columns = ", ".join(
        f"answer.{label} AS {quoted(column.name.lower())}"
        for label, column in zip(query.labels, query.columns, strict=True)
    )
    connection.execute(f"CREATE TEMP TABLE written AS SELECT {columns} FROM ({query.sql}) AS answer")
    names = [column.name.lower() for column in query.columns]
    kept = ", ".join(quoted(name) for name in names if name not in to.partitioned_by)
    if not kept:
        raise SqlRefused("Table must have at least one column that is not a partition column", "SYNTAX_ERROR")
    if not to.partitioned_by:
        return _copied(connection, f"SELECT {kept} FROM written", (), to.directory / "0", options)
    keys = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in to.partitioned_by)
    found = connection.execute(f"SELECT {keys} FROM written GROUP BY ALL ORDER BY ALL").fetchall()
    if len(found) > to.most_partitions:
        raise SqlRefused(
            f"Exceeded limit of {to.most_partitions} open writers for partitions/buckets",
            "HIVE_TOO_MANY_OPEN_PARTITIONS",
        )
    written: list[WrittenFile] = []
    for place, values in enumerate(found):
        same = " AND ".join(
            f"CAST({quoted(name)} AS VARCHAR) IS NOT DISTINCT FROM {text(value) if value is not None else 'NULL'}"
            for name, value in zip(to.partitioned_by, values, strict=True)
        )
        written += _copied(
            connection, f"SELECT {kept} FROM written WHERE {same}", values, to.directory / str(place), options
        )
    return tuple(written)


def _copied(
    connection: duckdb.DuckDBPyConnection, query: str, values: tuple[str | None, ...], path: Path, options: str
) -> tuple[WrittenFile, ...]:
    counted = connection.execute(f"COPY ({query}) TO {text(str(path))} ({options})").fetchone()
    rows = int(counted[0]) if counted else 0
    if not rows:
        path.unlink(missing_ok=True)
        return ()
    return (WrittenFile(path, tuple(values), rows, path.stat().st_size),)


def _options(to: Destination) -> str:
    codecs = _PARQUET_CODECS if to.format == "PARQUET" else _TEXT_CODECS
    codec = codecs.get(to.compression.upper())
    if codec is None:
        raise SqlNotPlayed(f"{to.compression} compression of {to.format}")
    match to.format:
        case "PARQUET":
            return f"FORMAT parquet, COMPRESSION {codec}"
        case "JSON":
            return f"FORMAT json, COMPRESSION {codec}"
        case _:
            delimiter = to.settings.get("field_delimiter", "\x01")
            plain = f"FORMAT csv, DELIM {text(delimiter)}, QUOTE '', ESCAPE '', HEADER false, NULLSTR '\\N'"
            return f"{plain}, COMPRESSION {codec}"
