"""Databases of the Data Catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.glue.access import name_in, on_catalog, on_database, on_whole_database
from silolake.localcloud.engines.glue.bodies import from_text, to_text
from silolake.localcloud.engines.glue.catalog import database_of, database_row
from silolake.localcloud.engines.glue.names import (
    after,
    catalog_of,
    exists,
    folded,
    page_size,
    parameter,
    required,
    token_for,
)
from silolake.localcloud.engines.glue.plays import PLAYS
from silolake.localcloud.errors import AwsError, NotPlayed

DATABASES_PER_ACCOUNT = 10_000
"""https://docs.aws.amazon.com/general/latest/gr/glue.html"""

_KEPT = ("Description", "LocationUri", "Parameters", "CreateTableDefaultPermissions", "TargetDatabase")
_EVERYONE_IAM_ALLOWS = [
    {"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}
]


@PLAYS("CreateDatabase", access=on_database(name_in("DatabaseInput")))
def create_database(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_CreateDatabase.html. Writes."""
    catalog = catalog_of(call)
    name = name_in("DatabaseInput")(call)
    body = _body(call, call.parameters["DatabaseInput"])
    row = (catalog.account, catalog.region, name)
    with call.cloud.store.write() as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM glue_databases WHERE account = ? AND region = ?", row[:2]
        ).fetchone()
        if count >= DATABASES_PER_ACCOUNT:
            raise AwsError("ResourceNumberLimitExceededException", "Number of databases exceeds the account's limit.")
        found = connection.execute(
            "INSERT OR IGNORE INTO glue_databases VALUES (?, ?, ?, ?, ?, ?)",
            (*row, to_text(body), call.cloud.clock.now().isoformat(), to_text(call.parameters.get("Tags") or {})),
        )
        if not found.rowcount:
            raise exists("Database already exists.")
    return {}


@PLAYS("GetDatabase", access=on_database(lambda call: parameter(call, "Name")))
def get_database(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetDatabase.html. Reads only."""
    with call.cloud.store.read() as connection:
        return {"Database": database_of(database_row(connection, catalog_of(call), parameter(call, "Name")))}


@PLAYS("GetDatabases", access=on_database(lambda _: "*"))
def get_databases(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetDatabases.html. Reads only."""
    if call.parameters.get("ResourceShareType") in ("FOREIGN", "FEDERATED"):
        raise NotPlayed(f"glue:GetDatabases with ResourceShareType {call.parameters['ResourceShareType']}")
    catalog, size = catalog_of(call), page_size(call, 100)
    with call.cloud.store.read() as connection:
        rows = connection.execute(
            "SELECT * FROM glue_databases WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?",
            (catalog.account, catalog.region, after(call.parameters.get("NextToken")), size + 1),
        ).fetchall()
    answer: dict[str, Any] = {"DatabaseList": [database_of(row) for row in rows[:size]]}
    if call.parameters.get("AttributesToGet") == ["NAME"]:
        answer["DatabaseList"] = [{"Name": row["name"]} for row in rows[:size]]
    return answer | ({"NextToken": token_for(rows[size - 1]["name"])} if len(rows) > size else {})


@PLAYS("UpdateDatabase", access=on_database(lambda call: parameter(call, "Name")))
def update_database(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateDatabase.html. Writes.

    ``DatabaseInput`` replaces what was there.
    """
    catalog, name = catalog_of(call), parameter(call, "Name")
    given = required(call.parameters, "DatabaseInput")
    new_name = folded(required(given, "Name"), "databaseInput.name")
    if new_name != name:
        raise NotPlayed("glue:UpdateDatabase giving the database another name")
    with call.cloud.store.write() as connection:
        kept = from_text(database_row(connection, catalog, name)["body"])
        body = _body(call, given)
        if "CreateTableDefaultPermissions" not in given:
            body["CreateTableDefaultPermissions"] = kept["CreateTableDefaultPermissions"]
        connection.execute(
            "UPDATE glue_databases SET body = ? WHERE account = ? AND region = ? AND name = ?",
            (to_text(body), catalog.account, catalog.region, name),
        )
    return {}


@PLAYS("DeleteDatabase", access=on_whole_database, differs="The tables in it are gone at once; on AWS, in time.")
def delete_database(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_DeleteDatabase.html. Writes."""
    catalog, name = catalog_of(call), parameter(call, "Name")
    with call.cloud.store.write() as connection:
        database_row(connection, catalog, name)
        connection.execute(
            "DELETE FROM glue_databases WHERE account = ? AND region = ? AND name = ?",
            (catalog.account, catalog.region, name),
        )
    return {}


@PLAYS("GetCatalogImportStatus", access=on_catalog)
def get_catalog_import_status(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetCatalogImportStatus.html. Reads only.

    There was never an Athena catalog here to import: every account began with Glue's.
    """
    return {"ImportStatus": {"ImportCompleted": True}}


def _body(call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
    if given.get("FederatedDatabase") is not None:
        raise NotPlayed(f"glue:{call.operation} with FederatedDatabase")
    body = {name: given[name] for name in _KEPT if given.get(name) is not None}
    return {"CreateTableDefaultPermissions": _EVERYONE_IAM_ALLOWS, **body}
