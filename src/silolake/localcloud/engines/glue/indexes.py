"""Partition indexes: kept and told. They change no answer, and partitions are quick without them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.glue.access import on_table
from silolake.localcloud.engines.glue.bodies import from_text, to_text
from silolake.localcloud.engines.glue.catalog import existing_table
from silolake.localcloud.engines.glue.names import (
    catalog_of,
    exists,
    folded,
    invalid,
    not_found,
    parameter,
    required,
)
from silolake.localcloud.engines.glue.plays import PLAYS
from silolake.localcloud.errors import AwsError

INDEXES_PER_TABLE = 3
"""https://docs.aws.amazon.com/glue/latest/dg/partition-indexes.html"""

_AT_ONCE = "An index is ACTIVE at once, and filtering does not depend on it."


@PLAYS("CreatePartitionIndex", access=on_table(), differs=_AT_ONCE)
def create_partition_index(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_CreatePartitionIndex.html. Writes."""
    with call.cloud.store.write() as connection:
        keep_index(connection, _table(connection, call), required(call.parameters, "PartitionIndex"))
    return {}


@PLAYS("GetPartitionIndexes", access=on_table(), differs=_AT_ONCE)
def get_partition_indexes(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitionIndexes.html. Reads only."""
    with call.cloud.store.read() as connection:
        table = _table(connection, call)
        rows = connection.execute(
            "SELECT name, keys FROM glue_partition_indexes WHERE table_id = ? ORDER BY name", (table["id"],)
        ).fetchall()
    types = {key["Name"]: key.get("Type", "string") for key in from_text(table["body"]).get("PartitionKeys", ())}
    return {
        "PartitionIndexDescriptorList": [
            {
                "IndexName": row["name"],
                "Keys": [{"Name": key, "Type": types.get(key, "string")} for key in from_text(row["keys"])],
                "IndexStatus": "ACTIVE",
            }
            for row in rows
        ]
    }


@PLAYS("DeletePartitionIndex", access=on_table())
def delete_partition_index(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_DeletePartitionIndex.html. Writes."""
    name = parameter(call, "IndexName")
    with call.cloud.store.write() as connection:
        table = _table(connection, call)
        found = connection.execute(
            "DELETE FROM glue_partition_indexes WHERE table_id = ? AND name = ?", (table["id"], name)
        )
        if not found.rowcount:
            raise not_found(f"Index with the given indexName : {name} does not exist")
    return {}


def keep_index(connection: sqlite3.Connection, table: sqlite3.Row, index: Mapping[str, Any]) -> None:
    """Keep an index of a table. Writes.

    Raises:
        AwsError: it names what is no partition key, exists already, or is one too many.
    """
    name, keys = folded(required(index, "IndexName"), "indexName"), list(required(index, "Keys"))
    known = {key["Name"] for key in from_text(table["body"]).get("PartitionKeys", ())}
    if not keys or not set(keys) <= known:
        raise invalid(f"Index keys {keys} are not partition keys of table {table['name']}.")
    held = connection.execute(
        "SELECT name, keys FROM glue_partition_indexes WHERE table_id = ?", (table["id"],)
    ).fetchall()
    if any(row["name"] == name or from_text(row["keys"]) == keys for row in held):
        raise exists("Index with the given name or keys already exists.")
    if len(held) >= INDEXES_PER_TABLE:
        raise AwsError("ResourceNumberLimitExceededException", f"A table has at most {INDEXES_PER_TABLE} indexes.")
    connection.execute("INSERT INTO glue_partition_indexes VALUES (?, ?, ?)", (table["id"], name, to_text(keys)))


def _table(connection: sqlite3.Connection, call: Call) -> sqlite3.Row:
    return existing_table(connection, catalog_of(call), parameter(call, "DatabaseName"), parameter(call, "TableName"))
