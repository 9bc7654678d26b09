"""Databases and tables of the Glue catalog.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_Glue.html
"""

from __future__ import annotations

from typing import Any

from silolake.localcloud.engines.cloudformation.types.kinds import (
    Act,
    ResourceType,
    answering_id,
    asks,
    found_by,
    removed_by,
)
from silolake.localcloud.engines.cloudformation.types.shapes import Keyed

_GONE = ("EntityNotFoundException",)
_COLUMNS = [{"Name!": str, "Type": str, "Comment": str}]
_STORAGE = {
    "Columns": _COLUMNS,
    "Location": str,
    "InputFormat": str,
    "OutputFormat": str,
    "Compressed": bool,
    "NumberOfBuckets": int,
    "SerdeInfo": {"Name": str, "SerializationLibrary": str, "Parameters": Keyed(str)},
    "BucketColumns": [str],
    "SortColumns": [{"Column!": str, "SortOrder!": int}],
    "Parameters": Keyed(str),
    "StoredAsSubDirectories": bool,
}
_DATABASE_INPUT = {
    "Name": str,
    "Description": str,
    "LocationUri": str,
    "Parameters": Keyed(str),
    "TargetDatabase": {"CatalogId": str, "DatabaseName": str, "Region": str},
}
_TABLE_INPUT = {
    "Name!": str,
    "Description": str,
    "Owner": str,
    "Retention": int,
    "StorageDescriptor": _STORAGE,
    "PartitionKeys": _COLUMNS,
    "ViewOriginalText": str,
    "ViewExpandedText": str,
    "TableType": str,
    "Parameters": Keyed(str),
    "TargetTable": {"CatalogId": str, "DatabaseName": str, "Name": str, "Region": str},
}


def _database_name(act: Act) -> str:
    if "DatabaseName" in act.wanted:
        return str(act.wanted["DatabaseName"])
    return act.name("DatabaseInput.Name", 255, lower=True)


def _database(operation: str) -> Any:
    def ask(act: Act) -> None:
        given = {**act.wanted["DatabaseInput"], "Name": act.physical_id}
        name = {"Name": act.physical_id} if operation == "glue:UpdateDatabase" else {}
        act.ask(operation, {"CatalogId": act.wanted["CatalogId"], "DatabaseInput": given, **name})

    return ask


DATABASE = ResourceType(
    name="AWS::Glue::Database",
    shape={"CatalogId!": str, "DatabaseInput!": _DATABASE_INPUT, "DatabaseName": str},
    identify=_database_name,
    create=answering_id(_database("glue:CreateDatabase")),
    update=_database("glue:UpdateDatabase"),
    find=found_by(asks("glue:GetDatabase", "CatalogId", Name="@id"), *_GONE),
    delete=removed_by(asks("glue:DeleteDatabase", "CatalogId", Name="@id"), *_GONE),
    replaced_by=("CatalogId", "DatabaseName", "DatabaseInput.Name"),
)

TABLE = ResourceType(
    name="AWS::Glue::Table",
    shape={"CatalogId!": str, "DatabaseName!": str, "TableInput!": _TABLE_INPUT},
    identify=lambda act: str(act.wanted["TableInput"]["Name"]),
    create=answering_id(asks("glue:CreateTable", "CatalogId", "DatabaseName", "TableInput")),
    update=asks("glue:UpdateTable", "CatalogId", "DatabaseName", "TableInput"),
    find=found_by(asks("glue:GetTable", "CatalogId", "DatabaseName", Name="@id"), *_GONE),
    delete=removed_by(asks("glue:DeleteTable", "CatalogId", "DatabaseName", Name="@id"), *_GONE),
    replaced_by=("CatalogId", "DatabaseName", "TableInput.Name"),
)
