"""The versions of a table: its present one, and those that updates left behind."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.glue.access import on_table
from silolake.localcloud.engines.glue.bodies import from_text
from silolake.localcloud.engines.glue.catalog import existing_table, table_of
from silolake.localcloud.engines.glue.names import (
    after,
    at_most,
    catalog_of,
    detail,
    invalid,
    not_found,
    page_size,
    parameter,
    required,
    token_for,
)
from silolake.localcloud.engines.glue.plays import PLAYS
from silolake.localcloud.errors import AwsError


@PLAYS("GetTableVersion", access=on_table())
def get_table_version(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetTableVersion.html. Reads only."""
    with call.cloud.store.read() as connection:
        table = _table(connection, call)
        wanted = call.parameters.get("VersionId")
        if wanted is None or wanted == str(table["version"]):
            return {"TableVersion": _present(table)}
        row = connection.execute(
            "SELECT * FROM glue_table_versions WHERE table_id = ? AND version = ?", (table["id"], _number(wanted))
        ).fetchone()
    if row is None:
        raise not_found("Table version not found.")
    return {"TableVersion": _past(table, row)}


@PLAYS("GetTableVersions", access=on_table())
def get_table_versions(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetTableVersions.html. Reads only; newest first."""
    size, token = page_size(call, 100), after(call.parameters.get("NextToken"))
    with call.cloud.store.read() as connection:
        table = _table(connection, call)
        before = _number(token) if token else table["version"]
        rows = connection.execute(
            "SELECT * FROM glue_table_versions WHERE table_id = ? AND version < ? ORDER BY version DESC LIMIT ?",
            (table["id"], before, size + 1),
        ).fetchall()
    found = [_past(table, row) for row in rows]
    if not token:
        found.insert(0, _present(table))
    answer: dict[str, Any] = {"TableVersions": found[:size]}
    return answer | ({"NextToken": token_for(found[size - 1]["VersionId"])} if len(found) > size else {})


@PLAYS("DeleteTableVersion", access=on_table())
def delete_table_version(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_DeleteTableVersion.html. Writes."""
    with call.cloud.store.write() as connection:
        _delete(connection, _table(connection, call), required(call.parameters, "VersionId"))
    return {}


@PLAYS("BatchDeleteTableVersion", access=on_table())
def batch_delete_table_version(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_BatchDeleteTableVersion.html. Writes."""
    versions = required(call.parameters, "VersionIds")
    at_most(versions, 100, "versionIds")
    errors = []
    with call.cloud.store.write() as connection:
        table = _table(connection, call)
        for version in versions:
            try:
                _delete(connection, table, version)
            except AwsError as error:
                errors.append({"TableName": table["name"], "VersionId": version, "ErrorDetail": detail(error)})
    return {"Errors": errors}


def _delete(connection: sqlite3.Connection, table: sqlite3.Row, version: str) -> None:
    if version == str(table["version"]):
        raise invalid("Cannot delete the table's latest version.")
    found = connection.execute(
        "DELETE FROM glue_table_versions WHERE table_id = ? AND version = ?", (table["id"], _number(version))
    )
    if not found.rowcount:
        raise not_found("Table version not found.")


def _table(connection: sqlite3.Connection, call: Call) -> sqlite3.Row:
    return existing_table(connection, catalog_of(call), parameter(call, "DatabaseName"), parameter(call, "TableName"))


def _number(version: str) -> int:
    if not version.isascii() or not version.isdigit():
        raise invalid(f"Version id {version} is not valid.")
    return int(version)


def _present(table: sqlite3.Row) -> dict[str, Any]:
    return {"Table": table_of(table), "VersionId": str(table["version"])}


def _past(table: sqlite3.Row, row: sqlite3.Row) -> dict[str, Any]:
    version = str(row["version"])
    shown = {name: value for name, value in table_of(table).items() if name in _ITS_OWN}
    updated_at = datetime.fromisoformat(row["updated_at"])
    return {
        "Table": {**from_text(row["body"]), **shown, "UpdateTime": updated_at, "VersionId": version},
        "VersionId": version,
    }


_ITS_OWN = ("Name", "DatabaseName", "CreateTime", "CreatedBy", "CatalogId", "IsRegisteredWithLakeFormation")
