"""Data catalogs: other accounts' Glue catalogs, registered under a name. ``AwsDataCatalog`` is one's own.

https://docs.aws.amazon.com/athena/latest/ug/data-sources-glue-cross-account.html
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from silolake.localcloud.call import Access, AccessOf, Call
from silolake.localcloud.engines.athena.errors import bad_request
from silolake.localcloud.engines.athena.names import (
    DEFAULT_CATALOG,
    data_catalog_arn,
    page_size,
    required,
    tags_of,
)
from silolake.localcloud.engines.athena.plays import PLAYS
from silolake.localcloud.engines.athena.workgroups import on_everything
from silolake.localcloud.engines.glue.names import Catalog
from silolake.localcloud.errors import NotPlayed
from silolake.localcloud.paging import page

_NAME = re.compile(r"[A-Za-z0-9_@-]{1,256}")
_UNREGISTERED = re.compile(r"glue:arn:aws:glue:(?P<region>[\w-]+):(?P<account>\d{12}):catalog")


@dataclass(frozen=True, slots=True)
class DataCatalog:
    """A catalog as queries name it.

    Attributes:
        name: as it was registered; names compare without regard to case.
        catalog: whose Glue catalog it stands for.
        is_registered: whether it was, and so needs ``athena:GetDataCatalog``.
    """

    name: str
    catalog: Catalog
    is_registered: bool
    description: str = ""


def find_data_catalog(connection: sqlite3.Connection, account: str, region: str, name: str) -> DataCatalog | None:
    """The catalog that a name means to an account's queries, or ``None``. Reads only.

    A catalog that was never registered can be named by its ARN, ``glue:arn:aws:glue:<region>:<account>:catalog``.
    """
    if name.lower() == DEFAULT_CATALOG.lower():
        return DataCatalog(DEFAULT_CATALOG, Catalog(account, region), is_registered=False)
    if matched := _UNREGISTERED.fullmatch(name):
        return DataCatalog(name, Catalog(matched["account"], matched["region"]), is_registered=False)
    row = connection.execute(
        "SELECT * FROM athena_data_catalogs WHERE account = ? AND region = ? AND name = ? COLLATE NOCASE",
        (account, region, name),
    ).fetchone()
    return _data_catalog(row) if row else None


def on_data_catalog(parameter: str = "Name") -> AccessOf:
    """The access of an operation on the data catalog that a parameter names."""

    def access(call: Call) -> Iterable[Access]:
        arn = data_catalog_arn(call.account, call.region, required(call.parameters, parameter))
        return (Access(f"athena:{call.operation}", arn, call.account),)

    return access


def need_data_catalog(call: Call, name: str) -> DataCatalog:
    """A catalog that a call names. Reads only.

    Raises:
        AwsError: ``InvalidRequestException``, there is none.
    """
    with call.cloud.store.read() as connection:
        found = find_data_catalog(connection, call.account, call.region, name)
    if found is None:
        raise bad_request(f"Data catalog {name} was not found")
    return found


@PLAYS("CreateDataCatalog", access=on_data_catalog())
def create_data_catalog(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_CreateDataCatalog.html. Writes."""
    name, parameters = required(call.parameters, "Name"), _parameters(call)
    if not _NAME.fullmatch(name):
        raise bad_request(f"Data catalog name {name} is not valid: letters, digits and _ @ -")
    with call.cloud.store.write() as connection:
        if find_data_catalog(connection, call.account, call.region, name) is not None:
            raise bad_request(f"Data catalog {name} already exists")
        connection.execute(
            "INSERT INTO athena_data_catalogs VALUES (?, ?, ?, ?, ?, ?)",
            (
                call.account,
                call.region,
                name,
                call.parameters.get("Description") or "",
                json.dumps(parameters),
                json.dumps(tags_of(call.parameters.get("Tags"))),
            ),
        )
        made = find_data_catalog(connection, call.account, call.region, name)
    return {"DataCatalog": _shown(made) if made else {}}


@PLAYS("GetDataCatalog", access=on_data_catalog())
def get_data_catalog(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_GetDataCatalog.html. Reads only."""
    return {"DataCatalog": _shown(need_data_catalog(call, call.parameters["Name"]))}


@PLAYS("ListDataCatalogs", access=on_everything)
def list_data_catalogs(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_ListDataCatalogs.html. Reads only."""
    with call.cloud.store.read() as connection:
        rows = connection.execute(
            "SELECT name FROM athena_data_catalogs WHERE account = ? AND region = ?", (call.account, call.region)
        ).fetchall()
    names = [DEFAULT_CATALOG, *(row["name"] for row in rows)]
    try:
        shown, token = page(names, str, call.parameters.get("NextToken"), page_size(call, 50))
    except ValueError as error:
        raise bad_request("NextToken is not valid.") from error
    summaries = [{"CatalogName": name, "Type": "GLUE", "Status": "CREATE_COMPLETE"} for name in shown]
    return {"DataCatalogsSummary": summaries} | ({"NextToken": token} if token else {})


@PLAYS("UpdateDataCatalog", access=on_data_catalog())
def update_data_catalog(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_UpdateDataCatalog.html. Writes."""
    parameters = _parameters(call)
    with call.cloud.store.write() as connection:
        found = _registered(call)
        connection.execute(
            "UPDATE athena_data_catalogs SET parameters = ?, description = ? "
            "WHERE account = ? AND region = ? AND name = ?",
            (
                json.dumps(parameters),
                call.parameters.get("Description", found.description),
                call.account,
                call.region,
                found.name,
            ),
        )
    return {}


@PLAYS("DeleteDataCatalog", access=on_data_catalog())
def delete_data_catalog(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_DeleteDataCatalog.html. Writes."""
    with call.cloud.store.write() as connection:
        found = _registered(call)
        connection.execute(
            "DELETE FROM athena_data_catalogs WHERE account = ? AND region = ? AND name = ?",
            (call.account, call.region, found.name),
        )
    return {"DataCatalog": _shown(found)}


def _registered(call: Call) -> DataCatalog:
    found = need_data_catalog(call, call.parameters["Name"])
    if not found.is_registered:
        raise bad_request(f"Data catalog {found.name} cannot be changed or deleted")
    return found


def _parameters(call: Call) -> dict[str, str]:
    kind = required(call.parameters, "Type")
    if kind != "GLUE":
        raise NotPlayed(f"athena:{call.operation} of type {kind}")
    given: Mapping[str, str] = call.parameters.get("Parameters") or {}
    account = given.get("catalog-id", "")
    if set(given) != {"catalog-id"}:
        raise bad_request("A data catalog of type GLUE has one parameter, catalog-id.")
    if not re.fullmatch(r"\d{12}", account):
        if ":" in account or "/" in account:
            raise NotPlayed(f"athena:{call.operation} of a catalog other than an account's own ({account})")
        raise bad_request(f"catalog-id {account} is not an account id")
    return {"catalog-id": account}


def _data_catalog(row: sqlite3.Row) -> DataCatalog:
    account = json.loads(row["parameters"])["catalog-id"]
    return DataCatalog(row["name"], Catalog(account, row["region"]), True, row["description"])


def _shown(found: DataCatalog) -> dict[str, Any]:
    return {
        "Name": found.name,
        "Description": found.description,
        "Type": "GLUE",
        "Parameters": {"catalog-id": found.catalog.account},
        "Status": "CREATE_COMPLETE",
    }
