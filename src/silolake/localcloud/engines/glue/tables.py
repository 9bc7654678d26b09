"""Tables of the Data Catalog."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.glue.access import name_in, on_table, on_tables
from silolake.localcloud.engines.glue.bodies import to_text
from silolake.localcloud.engines.glue.catalog import database_row, existing_table, table_of, table_row
from silolake.localcloud.engines.glue.indexes import keep_index
from silolake.localcloud.engines.glue.names import (
    Catalog,
    after,
    at_most,
    catalog_of,
    detail,
    exists,
    folded,
    invalid,
    not_found,
    page_size,
    parameter,
    refuse_unplayed,
    required,
    token_for,
)
from silolake.localcloud.engines.glue.plays import PLAYS
from silolake.localcloud.errors import AwsError, NotPlayed

TABLES_PER_DATABASE = 200_000
"""https://docs.aws.amazon.com/general/latest/gr/glue.html"""

_KEPT = (
    "Description",
    "Owner",
    "LastAccessTime",
    "LastAnalyzedTime",
    "Retention",
    "StorageDescriptor",
    "PartitionKeys",
    "ViewOriginalText",
    "ViewExpandedText",
    "TableType",
    "Parameters",
    "TargetTable",
)
_BY_GLOB = (
    "Expression is tried as a regular expression over the whole name and with * standing for any letters; "
    "AWS documents the first and its clients rely on the second."
)


@PLAYS("CreateTable", access=on_tables(lambda call: (_input_name(call),)))
def create_table(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_CreateTable.html. Writes."""
    refuse_unplayed(call, "OpenTableFormatInput", "TransactionId")
    catalog, database, name = catalog_of(call), parameter(call, "DatabaseName"), _input_name(call)
    body = _body(call, call.parameters["TableInput"])
    now = call.cloud.clock.now().isoformat()
    with call.cloud.store.write() as connection:
        database_row(connection, catalog, database)
        if table_row(connection, catalog, database, name) is not None:
            raise exists("Table already exists.")
        (count,) = connection.execute(
            "SELECT count(*) FROM glue_tables WHERE account = ? AND region = ? AND database = ?",
            (catalog.account, catalog.region, database),
        ).fetchone()
        if count >= TABLES_PER_DATABASE:
            raise AwsError("ResourceNumberLimitExceededException", "Number of tables exceeds the database's limit.")
        connection.execute(
            "INSERT INTO glue_tables (account, region, database, name, version, body, created_by, created_at, "
            "updated_at) VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?)",
            (catalog.account, catalog.region, database, name, to_text(body), call.caller.arn, now, now),
        )
        row = existing_table(connection, catalog, database, name)
        for index in call.parameters.get("PartitionIndexes") or ():
            keep_index(connection, row, index)
    return {}


@PLAYS("GetTable", access=on_table("Name"))
def get_table(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetTable.html. Reads only."""
    refuse_unplayed(call, "QueryAsOfTime", "TransactionId", "AttributesToGet")
    with call.cloud.store.read() as connection:
        row = existing_table(connection, catalog_of(call), parameter(call, "DatabaseName"), parameter(call, "Name"))
    return {"Table": table_of(row)}


@PLAYS("GetTables", access=on_tables(lambda _: ("*",)), differs=_BY_GLOB)
def get_tables(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetTables.html. Reads only."""
    refuse_unplayed(call, "QueryAsOfTime", "TransactionId")
    catalog, database, size = catalog_of(call), parameter(call, "DatabaseName"), page_size(call, 100)
    wanted = _wanted(call.parameters.get("Expression") or "")
    found: list[sqlite3.Row] = []
    with call.cloud.store.read() as connection:
        database_row(connection, catalog, database)
        for row in connection.execute(
            "SELECT * FROM glue_tables WHERE account = ? AND region = ? AND database = ? AND name > ? ORDER BY name",
            (catalog.account, catalog.region, database, after(call.parameters.get("NextToken"))),
        ):
            if any(pattern.fullmatch(row["name"]) for pattern in wanted):
                found.append(row)
            if len(found) > size:
                break
    answer: dict[str, Any] = {"TableList": [_attributes(call, table_of(row)) for row in found[:size]]}
    return answer | ({"NextToken": token_for(found[size - 1]["name"])} if len(found) > size else {})


@PLAYS("UpdateTable", access=on_tables(lambda call: (_updated_name(call),)))
def update_table(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html. Writes.

    ``TableInput`` replaces what was there; the version before is kept unless ``SkipArchive`` says not to.
    """
    refuse_unplayed(call, "TransactionId", "UpdateOpenTableFormatInput", "ViewUpdateAction")
    catalog, database, name = catalog_of(call), parameter(call, "DatabaseName"), _updated_name(call)
    body = to_text(_body(call, required(call.parameters, "TableInput")))
    expected = call.parameters.get("VersionId")
    with call.cloud.store.write() as connection:
        row = existing_table(connection, catalog, database, name)
        if expected is not None and expected != str(row["version"]):
            raise AwsError("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
        if not call.parameters.get("SkipArchive"):
            connection.execute(
                "INSERT INTO glue_table_versions VALUES (?, ?, ?, ?)",
                (row["id"], row["version"], row["body"], row["updated_at"]),
            )
        connection.execute(
            "UPDATE glue_tables SET version = version + 1, body = ?, updated_at = ? WHERE id = ?",
            (body, call.cloud.clock.now().isoformat(), row["id"]),
        )
    return {}


@PLAYS("DeleteTable", access=on_table("Name"))
def delete_table(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_DeleteTable.html. Writes.

    Its versions, partitions, indexes and statistics go with it.
    """
    refuse_unplayed(call, "TransactionId")
    catalog, database, name = catalog_of(call), parameter(call, "DatabaseName"), parameter(call, "Name")
    with call.cloud.store.write() as connection:
        _delete(connection, catalog, database, name)
    return {}


@PLAYS("BatchDeleteTable", access=on_tables(lambda call: _names_to_delete(call)))
def batch_delete_table(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_BatchDeleteTable.html. Writes."""
    refuse_unplayed(call, "TransactionId")
    catalog, database = catalog_of(call), parameter(call, "DatabaseName")
    errors = []
    with call.cloud.store.write() as connection:
        database_row(connection, catalog, database)
        for name in _names_to_delete(call):
            try:
                _delete(connection, catalog, database, name)
            except AwsError as error:
                errors.append({"TableName": name, "ErrorDetail": detail(error)})
    return {"Errors": errors}


def _delete(connection: sqlite3.Connection, catalog: Catalog, database: str, name: str) -> None:
    row = existing_table(connection, catalog, database, name)
    connection.execute("DELETE FROM glue_tables WHERE id = ?", (row["id"],))


def _names_to_delete(call: Call) -> list[str]:
    names = required(call.parameters, "TablesToDelete")
    at_most(names, 100, "tablesToDelete")
    return [folded(name, "tablesToDelete") for name in names]


def _input_name(call: Call) -> str:
    if call.parameters.get("OpenTableFormatInput") is not None:
        raise NotPlayed(f"glue:{call.operation} with OpenTableFormatInput")
    return name_in("TableInput")(call)


def _updated_name(call: Call) -> str:
    """The table that UpdateTable means; it cannot be given another name.

    Raises:
        AwsError: ``InvalidInputException``, ``Name`` and ``TableInput`` differ.
    """
    name = name_in("TableInput")(call)
    if call.parameters.get("Name") is not None and parameter(call, "Name") != name:
        raise invalid(f"Table {call.parameters['Name']} cannot be given another name ({name}).")
    return name


def _body(call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
    for unplayed in ("FederatedTable", "ViewDefinition"):
        if given.get(unplayed) is not None:
            raise NotPlayed(f"glue:{call.operation} with {unplayed}")
    retention = given.get("Retention")
    if retention is not None and retention < 0:
        raise invalid("Retention must not be negative.")
    for key in given.get("PartitionKeys") or ():
        folded(required(key, "Name"), "tableInput.partitionKeys.name")
    target = given.get("TargetTable")
    if target is not None and not (target.get("DatabaseName") and target.get("Name")):
        raise not_found("Target table not found.")
    return {name: given[name] for name in _KEPT if given.get(name) is not None}


def _wanted(expression: str) -> list[re.Pattern[str]]:
    if not expression:
        return [re.compile(".*")]
    found = []
    for pattern in (expression, re.sub(r"(?<!\.)\*", ".*", expression)):
        try:
            found.append(re.compile(pattern, re.IGNORECASE))
        except re.error:
            continue
    if not found:
        raise invalid(f"Unsupported expression '{expression}'")
    return found


def _attributes(call: Call, table: dict[str, Any]) -> dict[str, Any]:
    """The table, or no more of it than ``AttributesToGet`` asks."""
    asked = set(call.parameters.get("AttributesToGet") or ())
    if not asked or "DEFAULT" in asked:
        return table
    if "LATEST_ICEBERG_METADATA" in asked:
        raise NotPlayed("glue:GetTables with AttributesToGet LATEST_ICEBERG_METADATA")
    members = {"NAME": "Name", "TABLE_TYPE": "TableType"}
    return {members[each]: table[members[each]] for each in sorted(asked) if members[each] in table}
