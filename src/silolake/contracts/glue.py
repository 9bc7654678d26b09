"""A contract as a Glue table: the input that ``glue:CreateTable`` and ``AWS::Glue::Table`` take.

https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from silolake.contracts.contract import Column, Contract
from silolake.errors import RoomError

Zone = Literal["raw", "processed"]

# https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html: a comment has at most 255 characters, on one line.
_COMMENT = 255


def glue_table(contract: Contract, zone: Zone, location: str | Mapping[str, object]) -> dict[str, Any]:
    """The table of a contract in a zone's database.

    Args:
        contract: the contract.
        zone: ``raw`` is the delivery's CSV, every column a text; ``processed`` is Parquet, typed and partitioned.
        location: ``s3://…/``, or the CloudFormation function that makes it.

    Raises:
        RoomError: for a table format that is not made here.
    """
    if contract.table_format != "parquet":
        told = f"a table of format {contract.table_format} is not made by a template"
        raise RoomError(contract.path, contract.line, told, "State tableFormat: parquet.")
    storage = _csv(contract) if zone == "raw" else _parquet(contract)
    partitions = () if zone == "raw" else contract.partitions
    table: dict[str, Any] = {
        "Name": contract.name,
        "Owner": contract.owner,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {
            "EXTERNAL": "TRUE",
            "classification": "csv" if zone == "raw" else "parquet",
            "contract": contract.name,
            "contract_version": contract.version,
            **({"skip.header.line.count": "1"} if zone == "raw" else {}),
        },
        "PartitionKeys": [_column(column, column.type.glue) for column in partitions],
        "StorageDescriptor": {**storage, "Location": location},
    }
    if contract.description:
        table["Description"] = contract.description
    return table


def _column(column: Column, spelled: str) -> dict[str, Any]:
    said = " ".join(column.description.split())[:_COMMENT]
    return {"Name": column.name, "Type": spelled, **({"Comment": said} if said else {})}


def _parquet(contract: Contract) -> dict[str, Any]:
    return {
        "Columns": [_column(column, column.type.glue) for column in contract.stored],
        "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "SerdeInfo": {
            "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
            "Parameters": {"serialization.format": "1"},
        },
    }


def _csv(contract: Contract) -> dict[str, Any]:
    # OpenCSVSerde understands quoted fields, which LazySimpleSerDe does not; both read every column as a string here.
    # https://docs.aws.amazon.com/athena/latest/ug/csv-serde.html
    return {
        "Columns": [_column(column, "string") for column in contract.delivered],
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "SerdeInfo": {
            "SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde",
            "Parameters": {"separatorChar": ",", "quoteChar": '"', "escapeChar": "\\"},
        },
    }
