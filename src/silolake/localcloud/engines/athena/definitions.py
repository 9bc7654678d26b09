"""Data definition: what Athena has Hive do in the Glue catalog, done as the caller.

https://docs.aws.amazon.com/athena/latest/ug/ddl-reference.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from silolake import sql
from silolake.localcloud.engines.athena.errors import ErrorType, QueryFailed
from silolake.localcloud.engines.athena.names import DEFAULT_CATALOG
from silolake.localcloud.engines.athena.relations import VIEW, Context, find_table, owner_of
from silolake.localcloud.engines.athena.rights import Rights
from silolake.localcloud.engines.athena.storage import described
from silolake.localcloud.engines.glue.names import Catalog
from silolake.localcloud.errors import AwsError

_TASK = "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
_BATCH = 100
_DELETED_AT_ONCE = 25


@dataclass(frozen=True, slots=True)
class Place:
    """A table that a statement defines: whose catalog, and its names there."""

    owner: Catalog
    database: str
    table: str

    @property
    def asked(self) -> dict[str, str]:
        """The parameters that name the table's database."""
        return {"CatalogId": self.owner.account, "DatabaseName": self.database}


def place_of(rights: Rights, context: Context, name: sql.TableName) -> Place:
    """Where a statement's table is.

    Raises:
        SqlRefused: no database is named.
        QueryFailed: the caller may not use the catalog.
    """
    full = name.within(context.catalog, context.database)
    if full.database is None:
        raise sql.SqlRefused("Schema must be specified when session schema is not set", "MISSING_SCHEMA_NAME")
    return Place(owner_of(rights, context, full).catalog, full.database, full.table)


def ddl_failed(message: str) -> QueryFailed:
    """A definition that Hive would not carry out."""
    return QueryFailed(_TASK + message, ErrorType.DDL_FAILED)


def existing(rights: Rights, place: Place) -> dict[str, Any] | None:
    """A table as Glue tells it, or ``None``; a database that is not there fails the query."""
    try:
        name = sql.TableName.of(DEFAULT_CATALOG, place.database, place.table)
        return find_table(rights, place.owner, name)
    except sql.SqlRefused as refused:
        raise QueryFailed(
            f"FAILED: SemanticException [Error 10072]: Database does not exist: {place.database}", ErrorType.DDL_FAILED
        ) from refused


def needed(rights: Rights, place: Place) -> dict[str, Any]:
    """A table that must be there."""
    found = existing(rights, place)
    if found is None:
        raise QueryFailed(
            f"FAILED: SemanticException [Error 10001]: Table not found {place.table}", ErrorType.DDL_FAILED
        )
    return found


def create_table(rights: Rights, context: Context, statement: sql.CreateExternalTable) -> None:
    """CREATE EXTERNAL TABLE. Writes."""
    place = place_of(rights, context, statement.name)
    if existing(rights, place) is not None:
        if statement.if_not_exists:
            return
        raise ddl_failed(f"AlreadyExistsException(message:Table {place.table} already exists)")
    if statement.location is None:
        raise QueryFailed("FAILED: SemanticException table location can not be null", ErrorType.DDL_FAILED)
    parameters = {"EXTERNAL": "TRUE", **dict(statement.properties)}
    given = {
        "Name": place.table,
        "TableType": "EXTERNAL_TABLE",
        "StorageDescriptor": described(statement),
        "PartitionKeys": [column_input(each) for each in statement.partitioned_by],
        "Parameters": parameters,
        **({"Description": statement.comment} if statement.comment else {}),
    }
    rights.ask("glue", "CreateTable", {**place.asked, "TableInput": given})


def drop_table(rights: Rights, context: Context, statement: sql.DropTable | sql.DropView) -> None:
    """DROP TABLE, or DROP VIEW. Writes; the data stays where it is."""
    place = place_of(rights, context, statement.name)
    found = existing(rights, place)
    if found is None:
        if statement.if_exists:
            return
        what = "View" if isinstance(statement, sql.DropView) else "Table"
        raise QueryFailed(
            f"FAILED: SemanticException [Error 10001]: {what} not found {place.table}", ErrorType.DDL_FAILED
        )
    is_view = found.get("TableType") == VIEW
    if isinstance(statement, sql.DropView) and not is_view:
        raise QueryFailed(f"FAILED: {place.table} is a table, not a view: use DROP TABLE", ErrorType.DDL_FAILED)
    rights.ask("glue", "DeleteTable", {**place.asked, "Name": place.table})


def create_database(rights: Rights, context: Context, statement: sql.CreateDatabase) -> None:
    """CREATE DATABASE. Writes."""
    given = {
        "Name": statement.name,
        **({"Description": statement.comment} if statement.comment else {}),
        **({"LocationUri": statement.location} if statement.location else {}),
        **({"Parameters": dict(statement.properties)} if statement.properties else {}),
    }
    owner = _catalog(rights, context, statement.name)
    try:
        rights.ask("glue", "CreateDatabase", {"CatalogId": owner.account, "DatabaseInput": given})
    except AwsError as error:
        if error.code != "AlreadyExistsException":
            raise ddl_failed(error.message) from error
        if not statement.if_not_exists:
            raise ddl_failed(f"Database {statement.name} already exists") from error


def drop_database(rights: Rights, context: Context, statement: sql.DropDatabase) -> None:
    """DROP DATABASE; with tables in it only by CASCADE. Writes."""
    owner = _catalog(rights, context, statement.name)
    asked = {"CatalogId": owner.account}
    try:
        tables = rights.ask("glue", "GetTables", {**asked, "DatabaseName": statement.name})["TableList"]
        if tables and not statement.cascade:
            raise ddl_failed(
                f"InvalidOperationException(message:Database {statement.name} is not empty. One or more tables exist.)"
            )
        rights.ask("glue", "DeleteDatabase", {**asked, "Name": statement.name})
    except AwsError as error:
        if error.code != "EntityNotFoundException":
            raise ddl_failed(error.message) from error
        if not statement.if_exists:
            raise QueryFailed(
                f"FAILED: SemanticException [Error 10072]: Database does not exist: {statement.name}",
                ErrorType.DDL_FAILED,
            ) from error


def add_partitions(rights: Rights, context: Context, statement: sql.AddPartitions) -> None:
    """ALTER TABLE … ADD PARTITION. Writes."""
    place = place_of(rights, context, statement.name)
    table = needed(rights, place)
    inputs = [partition_input(table, _values(table, each), each.location) for each in statement.partitions]
    register(rights, place, inputs, if_not_exists=statement.if_not_exists)


def register(rights: Rights, place: Place, inputs: Sequence[Mapping[str, Any]], *, if_not_exists: bool) -> None:
    """Add partitions to a table. Writes.

    Raises:
        QueryFailed: one of them is there already, and must not be.
    """
    for first in range(0, len(inputs), _BATCH):
        asked = {**place.asked, "TableName": place.table, "PartitionInputList": list(inputs[first : first + _BATCH])}
        for error in rights.ask("glue", "BatchCreatePartition", asked)["Errors"]:
            if error["ErrorDetail"]["ErrorCode"] != "AlreadyExistsException":
                raise ddl_failed(error["ErrorDetail"]["ErrorMessage"])
            if not if_not_exists:
                raise ddl_failed(
                    f"AlreadyExistsException(message:Partition already exists: {error['PartitionValues']})"
                )


def drop_partitions(rights: Rights, context: Context, statement: sql.DropPartitions) -> None:
    """ALTER TABLE … DROP PARTITION. Writes; the data stays where it is."""
    place = place_of(rights, context, statement.name)
    table = needed(rights, place)
    doomed = [{"Values": _values(table, each)} for each in statement.partitions]
    for first in range(0, len(doomed), _DELETED_AT_ONCE):
        part = doomed[first : first + _DELETED_AT_ONCE]
        asked = {**place.asked, "TableName": place.table, "PartitionsToDelete": part}
        missing = rights.ask("glue", "BatchDeletePartition", asked)["Errors"]
        if missing and not statement.if_exists:
            raise ddl_failed(f"Partition not found: {missing[0]['PartitionValues']}")


def add_columns(rights: Rights, context: Context, statement: sql.AddColumns) -> None:
    """ALTER TABLE … ADD COLUMNS or REPLACE COLUMNS. Writes."""
    place = place_of(rights, context, statement.name)
    given = _input(needed(rights, place))
    storage = dict(given["StorageDescriptor"])
    made = [column_input(each) for each in statement.columns]
    taken = [each["Name"].lower() for each in (given.get("PartitionKeys") or ())]
    if not statement.replace:
        made = [*storage.get("Columns", ()), *made]
    names = taken + [each["Name"].lower() for each in made]
    if len(set(names)) < len(names):
        raise ddl_failed("Duplicate column name: " + next(each for each in names if names.count(each) > 1))
    _update(rights, place, {**given, "StorageDescriptor": {**storage, "Columns": made}})


def set_properties(rights: Rights, context: Context, statement: sql.SetTableProperties) -> None:
    """ALTER TABLE … SET TBLPROPERTIES. Writes."""
    place = place_of(rights, context, statement.name)
    given = _input(needed(rights, place))
    _update(rights, place, {**given, "Parameters": {**given.get("Parameters", {}), **dict(statement.properties)}})


def set_location(rights: Rights, context: Context, statement: sql.SetLocation) -> None:
    """ALTER TABLE … [PARTITION (…)] SET LOCATION. Writes."""
    place = place_of(rights, context, statement.name)
    table = needed(rights, place)
    if statement.partition is None:
        given = _input(table)
        storage = {**given["StorageDescriptor"], "Location": statement.location}
        _update(rights, place, {**given, "StorageDescriptor": storage})
        return
    values = _values(table, statement.partition)
    asked = {
        **place.asked,
        "TableName": place.table,
        "PartitionValueList": values,
        "PartitionInput": partition_input(table, values, statement.location),
    }
    try:
        rights.ask("glue", "UpdatePartition", asked)
    except AwsError as error:
        raise ddl_failed(error.message) from error


def column_input(column: sql.ColumnDefinition) -> dict[str, str]:
    """A column as Glue takes it."""
    return {
        "Name": column.name.lower(),
        "Type": column.type,
        **({"Comment": column.comment} if column.comment is not None else {}),
    }


def partition_input(table: Mapping[str, Any], values: Sequence[str], location: str | None) -> dict[str, Any]:
    """A partition as Glue takes it: the table's storage, at a place of its own."""
    storage = dict(table.get("StorageDescriptor") or {})
    keys = [each["Name"] for each in table.get("PartitionKeys") or ()]
    folder = "/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))
    storage["Location"] = location or f"{storage.get('Location', '').rstrip('/')}/{folder}"
    return {"Values": list(values), "StorageDescriptor": storage}


def _values(table: Mapping[str, Any], spec: sql.PartitionSpec) -> list[str]:
    given = {key.lower(): value for key, value in spec.values}
    keys = [each["Name"].lower() for each in table.get("PartitionKeys") or ()]
    if set(given) != set(keys) or not keys:
        raise QueryFailed(
            f"FAILED: SemanticException partition spec {given} doesn't contain all ({len(keys)}) partition columns",
            ErrorType.DDL_FAILED,
        )
    return [given[key] for key in keys]


def _catalog(rights: Rights, context: Context, database: str) -> Catalog:
    return owner_of(rights, context, sql.TableName.of(context.catalog, database, "-")).catalog


_INPUT = (
    "Name",
    "Description",
    "Owner",
    "Retention",
    "StorageDescriptor",
    "PartitionKeys",
    "ViewOriginalText",
    "ViewExpandedText",
    "TableType",
    "Parameters",
)


def _input(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: table[name] for name in _INPUT if name in table}


def _update(rights: Rights, place: Place, given: Mapping[str, Any]) -> None:
    rights.ask("glue", "UpdateTable", {**place.asked, "TableInput": dict(given)})
