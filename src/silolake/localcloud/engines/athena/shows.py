"""SHOW and DESCRIBE: the catalog as text, in Hive's columns of twenty letters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, assert_never

from silolake import sql
from silolake.localcloud.engines.athena.definitions import Place, ddl_failed, needed, place_of
from silolake.localcloud.engines.athena.errors import ErrorType, QueryFailed
from silolake.localcloud.engines.athena.relations import VIEW, Context, owner_of
from silolake.localcloud.engines.athena.rights import Rights
from silolake.localcloud.errors import AwsError

Show = (
    sql.ShowDatabases
    | sql.ShowTables
    | sql.ShowViews
    | sql.ShowPartitions
    | sql.ShowColumns
    | sql.ShowCreateTable
    | sql.ShowCreateView
    | sql.ShowTableProperties
    | sql.Describe
)

_WIDTH = 20
_COLUMNS: Mapping[type, tuple[str, ...]] = {
    sql.ShowDatabases: ("database_name",),
    sql.ShowTables: ("tab_name",),
    sql.ShowViews: ("views",),
    sql.ShowPartitions: ("partition",),
    sql.ShowColumns: ("field",),
    sql.ShowCreateTable: ("createtab_stmt",),
    sql.ShowCreateView: ("Create View",),
    sql.ShowTableProperties: ("prpt_name", "prpt_value"),
    sql.Describe: ("col_name", "data_type", "comment"),
}


def show(rights: Rights, context: Context, statement: Show) -> tuple[tuple[str, ...], list[str]]:
    """The names of the answer's columns, and its lines. Reads only.

    Raises:
        QueryFailed: it is not there, or the caller may not look.
    """
    return _COLUMNS[type(statement)], list(_lines(rights, context, statement))


def _lines(rights: Rights, context: Context, statement: Show) -> Iterable[str]:
    match statement:
        case sql.ShowDatabases():
            return _databases(rights, context, statement.pattern)
        case sql.ShowTables():
            return _tables(rights, context, statement.database, statement.pattern)
        case sql.ShowViews():
            tables = _found_tables(rights, context, statement.database, statement.pattern)
            return [each["Name"] for each in tables if each.get("TableType") == VIEW]
        case sql.ShowPartitions():
            return _partitions(rights, place_of(rights, context, statement.name))
        case sql.ShowColumns():
            table = needed(rights, place_of(rights, context, statement.name))
            return [_padded(each["Name"]) for each in _all_columns(table)]
        case sql.ShowCreateTable():
            return _create_table(needed(rights, place_of(rights, context, statement.name)))
        case sql.ShowCreateView():
            return _create_view(rights, place_of(rights, context, statement.name))
        case sql.ShowTableProperties():
            return _properties(needed(rights, place_of(rights, context, statement.name)), statement.key)
        case sql.Describe():
            return _describe(needed(rights, place_of(rights, context, statement.name)), statement)
        case _:
            assert_never(statement)


def _databases(rights: Rights, context: Context, pattern: str | None) -> list[str]:
    owner = owner_of(rights, context, sql.TableName.of(context.catalog, "-", "-")).catalog
    names = [each["Name"] for each in _pages(rights, "GetDatabases", "DatabaseList", {"CatalogId": owner.account})]
    return [name for name in names if _fits(name, pattern)]


def _tables(rights: Rights, context: Context, database: str | None, pattern: str | None) -> list[str]:
    return [each["Name"] for each in _found_tables(rights, context, database, pattern)]


def _found_tables(rights: Rights, context: Context, database: str | None, pattern: str | None) -> list[dict[str, Any]]:
    name = database or context.database
    if name is None:
        raise sql.SqlRefused("Schema must be specified when session schema is not set", "MISSING_SCHEMA_NAME")
    owner = owner_of(rights, context, sql.TableName.of(context.catalog, name, "-")).catalog
    asked = {"CatalogId": owner.account, "DatabaseName": name}
    try:
        return [each for each in _pages(rights, "GetTables", "TableList", asked) if _fits(each["Name"], pattern)]
    except AwsError as error:
        raise QueryFailed(
            f"FAILED: SemanticException [Error 10072]: Database does not exist: {name}", ErrorType.DDL_FAILED
        ) from error


def _partitions(rights: Rights, place: Place) -> list[str]:
    table = needed(rights, place)
    keys = [each["Name"] for each in table.get("PartitionKeys") or ()]
    if not keys:
        raise ddl_failed(f"Table {place.table} is not a partitioned table")
    asked = {**place.asked, "TableName": place.table, "ExcludeColumnSchema": True}
    found = _pages(rights, "GetPartitions", "Partitions", asked)
    return ["/".join(f"{key}={value}" for key, value in zip(keys, each["Values"], strict=True)) for each in found]


def _describe(table: Mapping[str, Any], statement: sql.Describe) -> Iterator[str]:
    if statement.detail is not None:
        raise sql.SqlNotPlayed(f"DESCRIBE {statement.detail.upper()}")
    columns = _all_columns(table)
    if statement.column is not None:
        columns = [each for each in columns if each["Name"].lower() == statement.column.lower()]
        if not columns:
            raise QueryFailed(f"FAILED: SemanticException Invalid column reference {statement.column}")
    for each in columns:
        yield _column_line(each)
    keys = table.get("PartitionKeys") or ()
    if keys and statement.column is None:
        yield "\t \t "
        yield "# Partition Information\t \t "
        yield _padded("# col_name", 24) + "\t" + _padded("data_type") + "\t" + _padded("comment")
        yield "\t \t "
        for each in keys:
            yield _column_line(each)


def _column_line(column: Mapping[str, str]) -> str:
    parts = (column["Name"], column.get("Type", ""), column.get("Comment") or "")
    return "\t".join(_padded(each) for each in parts)


def _properties(table: Mapping[str, Any], key: str | None) -> list[str]:
    found = dict(sorted((table.get("Parameters") or {}).items()))
    if key is None:
        return [f"{name}\t{value}" for name, value in found.items()]
    return [found.get(key, f"Table {table['DatabaseName']}.{table['Name']} does not have property: {key}")]


def _create_view(rights: Rights, place: Place) -> list[str]:
    table = needed(rights, place)
    if table.get("TableType") != VIEW:
        raise QueryFailed(f"FAILED: {place.table} is a table, not a view: use SHOW CREATE TABLE", ErrorType.DDL_FAILED)
    text = sql.decode_view(table.get("ViewOriginalText") or "")
    return f'CREATE VIEW "{place.table}" AS\n{text.sql}'.split("\n")


def _create_table(table: Mapping[str, Any]) -> Iterator[str]:
    if table.get("TableType") == VIEW:
        raise QueryFailed(f"FAILED: {table['Name']} is a view, not a table: use SHOW CREATE VIEW", ErrorType.DDL_FAILED)
    storage = table.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    yield f"CREATE EXTERNAL TABLE `{table['DatabaseName']}.{table['Name']}`("
    yield from _listed([_defined(each) for each in storage.get("Columns") or ()], ")")
    if table.get("Description"):
        yield f"COMMENT {_quoted(table['Description'])}"
    if table.get("PartitionKeys"):
        yield "PARTITIONED BY ( "
        yield from _listed([_defined(each) for each in table["PartitionKeys"]], ")")
    yield "ROW FORMAT SERDE "
    yield f"  {_quoted(serde.get('SerializationLibrary', ''))} "
    if serde.get("Parameters"):
        yield "WITH SERDEPROPERTIES ( "
        yield from _listed(_pairs(serde["Parameters"]), ") ")
    yield "STORED AS INPUTFORMAT "
    yield f"  {_quoted(storage.get('InputFormat', ''))} "
    yield "OUTPUTFORMAT "
    yield f"  {_quoted(storage.get('OutputFormat', ''))}"
    yield "LOCATION"
    yield f"  {_quoted(storage.get('Location', ''))}"
    yield "TBLPROPERTIES ("
    yield from _listed(_pairs(table.get("Parameters") or {}), ")")


def _listed(items: list[str], end: str) -> Iterator[str]:
    for number, item in enumerate(items, start=1):
        yield f"  {item}{end if number == len(items) else ', '}"
    if not items:
        yield end


def _defined(column: Mapping[str, str]) -> str:
    comment = f" COMMENT {_quoted(column['Comment'])}" if column.get("Comment") else ""
    return f"`{column['Name']}` {column.get('Type', 'string')}{comment}"


def _pairs(found: Mapping[str, str]) -> list[str]:
    return [f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(found.items())]


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _all_columns(table: Mapping[str, Any]) -> list[dict[str, str]]:
    storage = table.get("StorageDescriptor") or {}
    return [*(storage.get("Columns") or ()), *(table.get("PartitionKeys") or ())]


def _padded(text: str, width: int = _WIDTH) -> str:
    return text.ljust(width)


def _fits(name: str, pattern: str | None) -> bool:
    """Hive's patterns: ``*`` stands for any letters, ``|`` for a choice."""
    if pattern is None:
        return True
    choices = (re.escape(each).replace(r"\*", ".*") for each in pattern.lower().split("|"))
    return re.fullmatch("|".join(choices), name) is not None


def _pages(rights: Rights, operation: str, member: str, asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    token: dict[str, str] = {}
    while True:
        answer = rights.ask("glue", operation, {**asked, **token})
        yield from answer[member]
        if "NextToken" not in answer:
            return
        token = {"NextToken": answer["NextToken"]}
