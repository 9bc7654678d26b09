"""Databases and tables as Athena's clients list them, read from Glue as the caller."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.athena.data_catalogs import need_data_catalog, on_data_catalog
from silolake.localcloud.engines.athena.errors import bad_request
from silolake.localcloud.engines.athena.names import page_size, required
from silolake.localcloud.engines.athena.plays import PLAYS
from silolake.localcloud.engines.athena.rights import forwarded
from silolake.localcloud.errors import AwsError
from silolake.localcloud.paging import page


@PLAYS("ListDatabases", access=on_data_catalog("CatalogName"))
def list_databases(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_ListDatabases.html. Reads only."""
    answer = _ask_glue(
        call,
        "GetDatabases",
        {"MaxResults": page_size(call, 50), "NextToken": call.parameters.get("NextToken")},
    )
    shown = {"DatabaseList": [_database(each) for each in answer["DatabaseList"]]}
    return shown | ({"NextToken": answer["NextToken"]} if "NextToken" in answer else {})


@PLAYS("GetDatabase", access=on_data_catalog("CatalogName"))
def get_database(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_GetDatabase.html. Reads only."""
    name = required(call.parameters, "DatabaseName")
    return {"Database": _database(_ask_glue(call, "GetDatabase", {"Name": name})["Database"])}


@PLAYS("ListTableMetadata", access=on_data_catalog("CatalogName"))
def list_table_metadata(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_ListTableMetadata.html. Reads only."""
    database, size = required(call.parameters, "DatabaseName"), page_size(call, 50)
    try:
        wanted = re.compile(call.parameters.get("Expression") or ".*", re.IGNORECASE)
    except re.error as error:
        raise bad_request(f"Expression is not a regular expression: {error}") from error
    tables: list[dict[str, Any]] = []
    token = None
    while True:
        answer = _ask_glue(call, "GetTables", {"DatabaseName": database, "NextToken": token})
        tables += (each for each in answer["TableList"] if wanted.fullmatch(each["Name"]))
        token = answer.get("NextToken")
        if token is None:
            break
    try:
        shown, following = page(tables, lambda each: str(each["Name"]), call.parameters.get("NextToken"), size)
    except ValueError as error:
        raise bad_request("NextToken is not valid.") from error
    return {"TableMetadataList": [_table(each) for each in shown]} | ({"NextToken": following} if following else {})


@PLAYS("GetTableMetadata", access=on_data_catalog("CatalogName"))
def get_table_metadata(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_GetTableMetadata.html. Reads only."""
    names = {"DatabaseName": required(call.parameters, "DatabaseName"), "Name": required(call.parameters, "TableName")}
    return {"TableMetadata": _table(_ask_glue(call, "GetTable", names)["Table"])}


def _ask_glue(call: Call, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """One of Glue's operations in the catalog of the call, as the caller.

    Raises:
        AwsError: ``MetadataException``, with what Glue said.
    """
    owner = need_data_catalog(call, required(call.parameters, "CatalogName")).catalog
    if owner.region != call.region:
        raise bad_request(f"Data catalog {call.parameters['CatalogName']} is in another Region ({owner.region})")
    caller = forwarded(call.caller)
    asked = {"CatalogId": owner.account, **{name: value for name, value in parameters.items() if value is not None}}
    try:
        return call.cloud.invoke(caller, "glue", operation, asked, call.region)
    except AwsError as error:
        raise AwsError("MetadataException", error.message, 400) from error


def _database(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in ("Name", "Description", "Parameters") if name in found}


def _table(found: Mapping[str, Any]) -> dict[str, Any]:
    storage = found.get("StorageDescriptor") or {}
    parameters = dict(found.get("Parameters") or {})
    serde = storage.get("SerdeInfo") or {}
    # Athena tells what it would need to read the table among the parameters.
    shown = {
        "location": storage.get("Location"),
        "inputformat": storage.get("InputFormat"),
        "outputformat": storage.get("OutputFormat"),
        "serde.serialization.lib": serde.get("SerializationLibrary"),
    }
    parameters |= {name: value for name, value in shown.items() if value}
    kept = {name: found[name] for name in ("Name", "CreateTime", "LastAccessTime", "TableType") if name in found}
    return {
        **kept,
        "Columns": list(storage.get("Columns") or ()),
        "PartitionKeys": list(found.get("PartitionKeys") or ()),
        "Parameters": parameters,
    }
