"""Tables as DuckDB views over their files: each format read the way its SerDe reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import assert_never

import duckdb

from silolake.athena.faults import QueryFault
from silolake.athena.json_files import json_relation
from silolake.athena.sources import BoundFile, BoundPartition, Source
from silolake.sql import Column
from silolake.sql.translation.values import text
from silolake.sql.types import Type, duckdb_type, quoted

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_HIDDEN = ("$path", "$file_size", "$file_modified_time")
# Beyond so many partitions a join by file name is cheaper to plan than a branch each.
_MOST_BRANCHES = 16
_GZIP = b"\x1f\x8b"


def bind(connection: duckdb.DuckDBPyConnection, source: Source, wanted: Iterable[str]) -> None:
    """Make the view under which a translated query finds this table; only the columns it wants are read.

    Raises: QueryFault where a file does not fit the table.
    """
    relation = Binding(connection, source, tuple(wanted)).sql()
    connection.execute(f"CREATE TEMP VIEW {quoted(source.name.relation)} AS {relation}")


class Binding:
    """Writes one table's view."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, source: Source, wanted: tuple[str, ...]) -> None:
        self.connection, self.source = connection, source
        self.columns = tuple(each for each in source.columns if each.name in wanted)
        self.keys = tuple(each for each in source.partition_keys if each.name in wanted)
        self.hidden = tuple(each for each in _HIDDEN if each in wanted)

    def sql(self) -> str:
        """The view's text."""
        partitions = [each for each in self.source.partitions if any(file.size for file in each.files)]
        if not partitions:
            return self._empty()
        if self.hidden or len(partitions) > _MOST_BRANCHES:
            return self._joined(partitions)
        return " UNION ALL ".join(self._branch(each) for each in partitions)

    def _empty(self) -> str:
        kinds = [*((c.name, c.type) for c in (*self.columns, *self.keys)), *self._hidden_types()]
        listed = ", ".join(f"CAST(NULL AS {duckdb_type(kind)}) AS {quoted(name)}" for name, kind in kinds)
        return f"SELECT {listed or '1 AS nothing'} WHERE false"

    def _hidden_types(self) -> list[tuple[str, Type]]:
        kinds = {
            "$path": Type("varchar"),
            "$file_size": Type("bigint"),
            "$file_modified_time": Type("timestamp with time zone", (3,)),
        }
        return [(name, kinds[name]) for name in self.hidden]

    def _branch(self, partition: BoundPartition) -> str:
        values = dict(zip((key.name for key in self.source.partition_keys), partition.values, strict=True))
        constants = [f"{self._constant(key, values[key.name])} AS {quoted(key.name)}" for key in self.keys]
        files = [file for file in partition.files if file.size]
        relation, columns = self._read(files, with_name=False)
        return f"SELECT {', '.join([*columns, *constants]) or '1 AS nothing'} FROM {relation}"

    def _joined(self, partitions: Sequence[BoundPartition]) -> str:
        places = {key.name: i for i, key in enumerate(self.source.partition_keys)}
        rows = [
            f"({', '.join(self._row(file, partition, places))})"
            for partition in partitions
            for file in partition.files
            if file.size
        ]
        files = [file for partition in partitions for file in partition.files if file.size]
        relation, columns = self._read(files, with_name=True)
        names = ["f", *(f"k{i}" for i in range(len(self.keys))), *(f"h{i}" for i in range(len(self.hidden)))]
        constants = [f"b.k{i} AS {quoted(key.name)}" for i, key in enumerate(self.keys)]
        constants += [f"b.h{i} AS {quoted(name)}" for i, name in enumerate(self.hidden)]
        listed = ", ".join([*columns, *constants]) or "1 AS nothing"
        bound = f"(VALUES {', '.join(rows)}) AS b({', '.join(names)})"
        return f"SELECT {listed} FROM {relation} JOIN {bound} ON filename = b.f"

    def _row(self, file: BoundFile, partition: BoundPartition, places: Mapping[str, int]) -> list[str]:
        values = [text(file.path)]
        values += [self._constant(key, partition.values[places[key.name]]) for key in self.keys]
        for name in self.hidden:
            match name:
                case "$path":
                    values.append(text(file.uri))
                case "$file_size":
                    values.append(f"CAST({file.size} AS BIGINT)")
                case _:
                    stamp = f"TIMESTAMP '{file.modified_at:%Y-%m-%d %H:%M:%S.%f}'" if file.modified_at else "NULL"
                    values.append(f"{{'t': CAST({stamp} AS TIMESTAMP), 'z': 'UTC'}}")
        return values

    def _constant(self, key: Column, value: str | None) -> str:
        if value is None or value == HIVE_NULL:
            return f"CAST(NULL AS {duckdb_type(key.type)})"
        try:
            self.connection.execute(f"SELECT CAST(? AS {duckdb_type(key.type)})", [value]).fetchall()
        except duckdb.ConversionException:
            raise QueryFault(
                "HIVE_INVALID_PARTITION_VALUE",
                f"Invalid partition value '{value}' for {key.type} partition key: {key.name}",
            ) from None
        return f"CAST({text(value)} AS {duckdb_type(key.type)})"

    # --- formats -------------------------------------------------------------------------------

    def _read(self, files: Sequence[BoundFile], with_name: bool) -> tuple[str, list[str]]:
        match self.source.serde.format:
            case "parquet":
                return self._parquet(files, with_name)
            case "text":
                return self._delimited(files, with_name, lenient=True)
            case "csv":
                return self._delimited(files, with_name, lenient=False)
            case "json":
                return json_relation(self.source.serde.settings, self.columns, files, with_name)
            case _:
                assert_never(self.source.serde.format)

    def _parquet(self, files: Sequence[BoundFile], with_name: bool) -> tuple[str, list[str]]:
        named = ", filename=true" if with_name else ""
        relation = f"read_parquet({paths(files)}, union_by_name=true, hive_partitioning=false{named})"
        if not self.columns:
            return relation, []
        try:
            described = self.connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
        except duckdb.InvalidInputException as fault:
            raise QueryFault("HIVE_CANNOT_OPEN_SPLIT", f"Error opening Hive split: {_first_line(fault)}") from fault
        found = {str(name).lower(): (str(name), str(kind)) for name, kind, *_ in described}
        return relation, [self._parquet_column(each, found, files) for each in self.columns]

    def _parquet_column(self, column: Column, found: Mapping[str, tuple[str, str]], files: Sequence[BoundFile]) -> str:
        # A file written before the column was added does not have it; Athena reads NULL.
        if column.name not in found:
            return f"CAST(NULL AS {duckdb_type(column.type)}) AS {quoted(column.name)}"
        name, kind = found[column.name]
        if not fits(kind, column.type):
            raise QueryFault(
                "HIVE_BAD_DATA",
                f"Malformed Parquet file. Field {column.name}'s type {kind} in parquet file {files[0].uri} is "
                f"incompatible with type {column.type} defined in table schema",
            )
        sql = quoted(name)
        if kind == "TIMESTAMP WITH TIME ZONE":
            sql = f"timezone('UTC', {sql})"
        wanted = duckdb_type(column.type)
        return (
            f"{sql} AS {quoted(column.name)}" if kind == wanted else f"CAST({sql} AS {wanted}) AS {quoted(column.name)}"
        )

    def _delimited(self, files: Sequence[BoundFile], with_name: bool, *, lenient: bool) -> tuple[str, list[str]]:
        settings = self.source.serde.settings
        declared = self.source.columns
        columns = ", ".join(f"{text(each.name)}: 'VARCHAR'" for each in declared)
        options = {
            "columns": f"{{{columns}}}",
            "auto_detect": "false",
            "header": "false",
            "null_padding": "true",
            "strict_mode": "false",
            "skip": str(int(settings.get("skip_header", "0") or 0)),
            "delim": text(settings.get("delimiter", ",")),
            "compression": text(compression(files)),
        }
        if lenient:
            options |= {"quote": "''", "escape": text(settings.get("escape", "")), "nullstr": text(settings["null"])}
            if settings.get("escape"):
                # Without quotes DuckDB ignores an escape; a quote that never occurs keeps it at work.
                options["quote"] = "chr(2)"
        else:
            quote, escape = settings.get("quote", '"'), settings.get("escape", "\\")
            # OpenCSV takes a doubled quote and an escaped one; DuckDB takes one of the two.
            options |= {"quote": text(quote), "escape": text(escape if contains(files, escape) else quote)}
            options["nullstr"] = text("\x00")
        if with_name:
            options["filename"] = "true"
        listed = ", ".join(f"{key}={value}" for key, value in options.items())
        convert = lazy_value if lenient else open_csv_value
        collection = settings.get("collection", "\x02")
        return (
            f"read_csv({paths(files)}, {listed})",
            [f"{convert(quoted(c.name), c.type, collection)} AS {quoted(c.name)}" for c in self.columns],
        )


def paths(files: Sequence[BoundFile]) -> str:
    """A list of files as DuckDB reads it."""
    return "[" + ", ".join(text(file.path) for file in files) + "]"


def compression(files: Sequence[BoundFile]) -> str:
    """How text files are packed, told by their first bytes: a blob's name says nothing.

    Raises: QueryFault where packed and plain files lie in one partition.
    """
    kinds = set()
    for file in files:
        with Path(file.path).open("rb") as stream:
            kinds.add("gzip" if stream.read(2) == _GZIP else "none")
    if len(kinds) > 1:
        raise QueryFault("NOT_SUPPORTED", "the local cloud does not play gzip and plain text files in one partition")
    return kinds.pop() if kinds else "none"


def contains(files: Sequence[BoundFile], mark: str) -> bool:
    """True where the mark occurs in any of the files."""
    wanted = mark.encode()
    if not wanted:
        return False
    for file in files:
        with Path(file.path).open("rb") as stream:
            while chunk := stream.read(1 << 20):
                if wanted in chunk:
                    return True
    return False


_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_UNSIGNED = {"UTINYINT": "SMALLINT", "USMALLINT": "INTEGER", "UINTEGER": "BIGINT"}


def fits(found: str, wanted: Type) -> bool:
    """True where Athena reads a Parquet column of one DuckDB type as a column of a Glue type."""
    found = _UNSIGNED.get(found, found)
    match wanted.name:
        case "tinyint" | "smallint" | "integer" | "bigint":
            return found in _INTEGERS
        case "real" | "double":
            return found in ("FLOAT", "DOUBLE") and not (wanted.name == "real" and found == "DOUBLE")
        case "decimal":
            return found.startswith("DECIMAL") or found in _INTEGERS
        case "varchar" | "char":
            return found in ("VARCHAR", "BLOB", "JSON", "UUID") or found.startswith("ENUM")
        case "varbinary":
            return found in ("BLOB", "VARCHAR")
        case "timestamp":
            return found.startswith("TIMESTAMP")
        case "array":
            return found.endswith("[]") and fits(found[:-2], wanted.of[0])
        case "map":
            return found.startswith("MAP(")
        case "row":
            return found.startswith("STRUCT(")
        case _:
            return found == duckdb_type(wanted)


_WHOLE = r"[+-]?[0-9]+"


def lazy_value(sql: str, kind: Type, collection: str) -> str:
    """A LazySimpleSerDe field as a value: what cannot be read is NULL, as an empty field is for all but text."""
    match kind.name:
        case "varchar":
            return sql
        case "char":
            return f"left({sql}, {kind.numbers[0]})"
        case "tinyint" | "smallint" | "integer" | "bigint":
            return f"TRY_CAST(CASE WHEN regexp_full_match({sql}, {text(_WHOLE)}) THEN {sql} END AS {duckdb_type(kind)})"
        case "boolean":
            return f"CASE lower({sql}) WHEN 'true' THEN true WHEN 'false' THEN false END"
        case "date":
            form = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
            return f"TRY_CAST(CASE WHEN regexp_full_match({sql}, {text(form)}) THEN {sql} END AS DATE)"
        case "timestamp":
            form = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2} [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]{1,9})?"
            return f"TRY_CAST(CASE WHEN regexp_full_match({sql}, {text(form)}) THEN {sql} END AS TIMESTAMP)"
        case "varbinary":
            return f"from_base64({sql})"
        case "array" if not kind.of[0].of:
            item = lazy_value("trino_v", kind.of[0], collection)
            return f"list_transform(string_split({sql}, {text(collection)}), lambda trino_v: {item})"
        case "map" | "row" | "array":
            raise QueryFault("NOT_SUPPORTED", f"the local cloud does not play {kind} in LazySimpleSerDe")
        case _:
            return f"TRY_CAST({sql} AS {duckdb_type(kind)})"


def open_csv_value(sql: str, kind: Type, collection: str) -> str:
    """An OpenCSVSerde field as a value: dates are days, timestamps milliseconds since 1970; nonsense is an error.

    https://docs.aws.amazon.com/athena/latest/ug/csv-serde.html
    """
    del collection
    match kind.name:
        case "varchar" | "char":
            return sql
        case "date":
            return f"CAST(DATE '1970-01-01' + CAST({sql} AS INTEGER) AS DATE)"
        case "timestamp":
            return f"make_timestamp(CAST({sql} AS BIGINT) * 1000)"
        case "array" | "map" | "row" | "varbinary":
            raise QueryFault("NOT_SUPPORTED", f"OpenCSVSerde does not support {kind}")
        case _:
            return f"CAST({sql} AS {duckdb_type(kind)})"


def _first_line(fault: duckdb.Error) -> str:
    return str(fault).splitlines()[0]
