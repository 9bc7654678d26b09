"""CTAS, INSERT and UNLOAD: rows written as a table's files, in S3, as the caller.

https://docs.aws.amazon.com/athena/latest/ug/ctas-insert-into.html
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from silolake import athena, sql
from silolake.athena.writing import OutputFormat
from silolake.localcloud.engines.athena.definitions import (
    Place,
    ddl_failed,
    existing,
    partition_input,
    place_of,
    register,
)
from silolake.localcloud.engines.athena.errors import ErrorType, QueryFailed
from silolake.localcloud.engines.athena.outputs import Outputs
from silolake.localcloud.engines.athena.properties import TABLE_PROPERTIES, UNLOAD_PROPERTIES, Properties
from silolake.localcloud.engines.athena.relations import VIEW, Context, Named, columns_of
from silolake.localcloud.engines.athena.rights import Rights
from silolake.localcloud.engines.athena.storage import descriptor_for, serde_of
from silolake.localcloud.engines.athena.storage import place as s3_place
from silolake.localcloud.engines.glue.predicates import NULL_VALUE
from silolake.localcloud.errors import AwsError
from silolake.sql.types import duckdb_type, is_coercible, quoted

_SPECIAL = re.compile(r"""[\x00-\x1f\x7f"#%'*/:=?\\{\[\]^]""")
_SUFFIXES = {"JSON": ".gz", "TEXTFILE": ".gz"}

Write = Callable[[sql.Translation, athena.Destination], Sequence[athena.WrittenFile]]
"""Writes a query's rows into a directory, the tables it reads bound."""


@dataclass(frozen=True, slots=True)
class Writing:
    """What a statement that writes needs of its query.

    Attributes:
        named: what its query reads.
        write: writes its rows into a directory.
        directory: an empty directory of the query's own.
        outputs: the way to S3.
        location: the workgroup's place for results, without a slash at its end.
        is_enforced: whether the workgroup forbids other places.
        query: the query's id.
    """

    rights: Rights
    context: Context
    named: Named
    write: Write
    directory: Path
    outputs: Outputs
    location: str
    is_enforced: bool
    query: str

    def translated(self, query: sql.Query) -> sql.Translation:
        """The query in DuckDB's words."""
        return sql.translate(query, self.named.relations, self.context.catalog, self.context.database)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        rows: how many.
        uris: each object.
    """

    rows: int
    uris: tuple[str, ...]


def create_table_as(writing: Writing, statement: sql.CreateTableAs) -> Written:
    """CREATE TABLE AS. Writes."""
    place = place_of(writing.rights, writing.context, statement.name)
    if existing(writing.rights, place) is not None:
        if statement.if_not_exists:
            return Written(0, ())
        raise sql.SqlRefused(
            f"Table '{statement.name.within(writing.context.catalog, writing.context.database)}' already exists",
            "TABLE_ALREADY_EXISTS",
        )
    given = Properties.of(statement.properties, TABLE_PROPERTIES)
    if given.location and writing.is_enforced:
        raise QueryFailed(
            "The Create Table As Select query failed because it was submitted with an 'external_location' property to "
            "an Athena Workgroup that enforces a centralized output location for all queries. Please remove the "
            "'external_location' property and resubmit the query.",
            ErrorType.REJECTED,
        )
    found = writing.translated(statement.query)
    athena.check_writable(found.columns)
    keys = _partition_columns(found.columns, given.partitioned_by)
    location = _folder(given.location or f"{writing.location}/tables/{writing.query}")
    _require_empty(writing.rights, location, f"Target directory for table '{place.database}.{place.table}'")
    files: Sequence[athena.WrittenFile] = ()
    if statement.with_data:
        files = writing.write(found, _destination(writing, given))
    uris = [_put(writing, location, given, each) for each in files]
    columns = [{"Name": each.name.lower(), "Type": sql.to_glue(each.type)} for each in found.columns]
    count = len(columns) - len(keys)
    table = {
        "Name": place.table,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "has_encrypted_data": "false", **given.table_parameters},
        "PartitionKeys": columns[count:],
        "StorageDescriptor": {
            **descriptor_for(given.format, given.serde_settings),
            "Columns": columns[:count],
            "Location": location,
        },
    }
    try:
        writing.rights.ask("glue", "CreateTable", {**place.asked, "TableInput": table})
    except AwsError as error:
        raise ddl_failed(error.message) from error
    if keys:
        _register(writing.rights, place, table, [(each.values, location) for each in files])
    return Written(sum(each.rows for each in files), tuple(uris))


def insert_into(writing: Writing, statement: sql.InsertInto) -> Written:
    """INSERT INTO. Writes."""
    place = place_of(writing.rights, writing.context, statement.name)
    table = existing(writing.rights, place)
    full = statement.name.within(writing.context.catalog, writing.context.database)
    if table is None:
        raise sql.SqlRefused(f"Table '{full}' does not exist", "TABLE_NOT_FOUND")
    if table.get("TableType") == VIEW:
        raise sql.SqlRefused("Inserting into views is not supported", "NOT_SUPPORTED")
    columns, keys = columns_of(table)
    found = _fitted(writing.translated(statement.query), (*columns, *keys), statement.columns, full)
    given = Properties.of_table(table, serde_of(table), tuple(key.name for key in keys))
    files = writing.write(found, _destination(writing, given))
    home = (table.get("StorageDescriptor") or {}).get("Location") or ""
    locations = _locations(writing.rights, place, table, files)
    uris = []
    for each in files:
        own = locations.get(_kept(each.values))
        uris.append(_put(writing, _folder(home), given, each, own))
    if keys:
        fresh = [(each.values, _folder(home)) for each in files if _kept(each.values) not in locations]
        _register(writing.rights, place, table, fresh)
    return Written(sum(each.rows for each in files), tuple(uris))


def unload(writing: Writing, statement: sql.Unload) -> Written:
    """UNLOAD. Writes."""
    given = Properties.of(statement.properties, UNLOAD_PROPERTIES)
    found = writing.translated(statement.query)
    athena.check_writable(found.columns)
    _partition_columns(found.columns, given.partitioned_by)
    location = _folder(statement.location)
    _require_empty(writing.rights, location, "Target directory for UNLOAD")
    files = writing.write(found, _destination(writing, given))
    return Written(sum(each.rows for each in files), tuple(_put(writing, location, given, each) for each in files))


def _destination(writing: Writing, given: Properties) -> athena.Destination:
    return athena.Destination(
        writing.directory,
        cast("OutputFormat", given.format),
        given.compression,
        given.partitioned_by,
        {"field_delimiter": given.delimiter},
    )


def _partition_columns(columns: Sequence[sql.Column], keys: tuple[str, ...]) -> tuple[str, ...]:
    if keys and tuple(each.name.lower() for each in columns[-len(keys) :]) != keys:
        raise sql.SqlRefused(
            "Partition keys must be the last columns in the table and in the same order as the table properties: "
            f"[{', '.join(keys)}]",
            "HIVE_COLUMN_ORDER_MISMATCH",
        )
    return keys


def _fitted(
    found: sql.Translation, columns: tuple[sql.Column, ...], named: tuple[str, ...], table: sql.TableName
) -> sql.Translation:
    """The query's rows as rows of the table: its columns' order and types, NULL where the statement names none."""
    by_name = {each.name: each for each in columns}
    wanted = tuple(each.lower() for each in named) or tuple(by_name)
    for name in wanted:
        if name not in by_name:
            raise sql.SqlRefused(f"Insert column name does not exist in target table: {name}", "COLUMN_NOT_FOUND")
    kinds = tuple(by_name[name].type for name in wanted)
    given = tuple(each.type for each in found.columns)
    if len(kinds) != len(given) or not all(map(is_coercible, given, kinds)):
        raise sql.SqlRefused(
            f"Insert query has mismatched column types: Table: [{', '.join(map(str, kinds))}], "
            f"Query: [{', '.join(map(str, given))}]",
            "TYPE_MISMATCH",
        )
    rows = sql.coerced(found, kinds, wanted)
    listed = ", ".join(
        f"written.{quoted(each.name)}"
        if each.name in wanted
        else f"CAST(NULL AS {duckdb_type(each.type)}) AS {quoted(each.name)}"
        for each in columns
    )
    labels = tuple(quoted(each.name) for each in columns)
    return sql.Translation(f"SELECT {listed} FROM ({rows.sql}) AS written", columns, labels, found.reads)


def _locations(
    rights: Rights, place: Place, table: Mapping[str, Any], files: Sequence[athena.WrittenFile]
) -> dict[tuple[str, ...], str]:
    """Where the partitions lie that are in the catalog already."""
    if not table.get("PartitionKeys") or not files:
        return {}
    asked = [{"Values": list(_kept(each.values))} for each in files]
    found = rights.ask("glue", "BatchGetPartition", {**place.asked, "TableName": place.table, "PartitionsToGet": asked})
    return {
        tuple(each["Values"]): _folder((each.get("StorageDescriptor") or {}).get("Location") or "")
        for each in found["Partitions"]
    }


def _register(
    rights: Rights,
    place: Place,
    table: Mapping[str, Any],
    found: Sequence[tuple[tuple[str | None, ...], str]],
) -> None:
    names = [each["Name"] for each in table["PartitionKeys"]]
    inputs = [
        partition_input(table, _kept(values), home + _path(names, values)) for values, home in dict(found).items()
    ]
    register(rights, place, inputs, if_not_exists=True)


def _kept(values: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(NULL_VALUE if value is None else value for value in values)


def _path(keys: Sequence[str], values: Sequence[str | None]) -> str:
    """``flight_month=2013-01/``, escaped as Hive escapes it."""
    pairs = zip(keys, _kept(values), strict=True)
    return "".join(f"{key}={_SPECIAL.sub(lambda m: f'%{ord(m[0]):02X}', value)}/" for key, value in pairs)


def _put(writing: Writing, home: str, given: Properties, file: athena.WrittenFile, own: str | None = None) -> str:
    folder = own or home + _path(given.partitioned_by, file.values)
    at = writing.rights.cloud.clock.now()
    suffix = _SUFFIXES.get(given.format, "") if given.compression == "GZIP" else ""
    uri = f"{folder}{at:%Y%m%d_%H%M%S}_00000_{writing.query[:5]}_{uuid.uuid4()}{suffix}"
    with file.path.open("rb") as body:
        writing.outputs.put(uri, body)
    return uri


def _require_empty(rights: Rights, location: str, what: str) -> None:
    bucket, prefix = s3_place(location)
    if rights.keys_under(bucket, prefix):
        raise sql.SqlRefused(
            f"{what} already exists: {location}. You may need to manually clean the data at location '{location}' "
            "before retrying. Athena will not delete data in your account.",
            "HIVE_PATH_ALREADY_EXISTS",
        )


def _folder(location: str) -> str:
    return location if location.endswith("/") else location + "/"
