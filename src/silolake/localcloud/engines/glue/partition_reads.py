"""Partitions: finding them."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.glue.access import on_table
from silolake.localcloud.engines.glue.bodies import from_text
from silolake.localcloud.engines.glue.catalog import SEPARATOR, body_of, matching
from silolake.localcloud.engines.glue.names import (
    after,
    at_most,
    invalid,
    page_size,
    refuse_unplayed,
    required,
    token_for,
)
from silolake.localcloud.engines.glue.partitions import row_of, sort_key_of, table_of_call
from silolake.localcloud.engines.glue.plays import PLAYS
from silolake.localcloud.engines.glue.predicates import Predicate, compile_predicate


@PLAYS("GetPartition", access=on_table())
def get_partition(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartition.html. Reads only."""
    with call.cloud.store.read() as connection:
        table = table_of_call(connection, call)
        row = row_of(connection, table, required(call.parameters, "PartitionValues"))
        return {"Partition": _partition(table, row)}


@PLAYS("BatchGetPartition", access=on_table())
def batch_get_partition(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_BatchGetPartition.html. Reads only.

    Partitions that do not exist are left out of the answer.
    """
    wanted = required(call.parameters, "PartitionsToGet")
    at_most(wanted, 1000, "partitionsToGet")
    with call.cloud.store.read() as connection:
        table = table_of_call(connection, call)
        rows = (
            connection.execute(
                "SELECT * FROM glue_partitions WHERE table_id = ? AND sort_key = ?",
                (table["id"], sort_key_of(table, each["Values"])),
            ).fetchone()
            for each in wanted
        )
        return {"Partitions": [_partition(table, row) for row in rows if row is not None], "UnprocessedKeys": []}


@PLAYS("GetPartitions", access=on_table(), differs="Partitions come in the order of their values.")
def get_partitions(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html. Reads only."""
    refuse_unplayed(call, "QueryAsOfTime", "TransactionId")
    size, beyond = page_size(call, 1000), after(call.parameters.get("NextToken"))
    with call.cloud.store.read() as connection:
        table = table_of_call(connection, call)
        keys = from_text(table["body"]).get("PartitionKeys") or ()
        predicate = _chosen(call, keys)
        found: list[int] = []
        last = ""
        more = False
        for identity, values in matching(connection, table["id"], predicate, beyond):
            if len(found) == size:
                more = True
                break
            found.append(identity)
            last = SEPARATOR.join(values)
        partitions = [_partition(table, body_of(connection, identity)) for identity in found]
    if call.parameters.get("ExcludeColumnSchema"):
        for partition in partitions:
            partition.get("StorageDescriptor", {}).pop("Columns", None)
    return {"Partitions": partitions} | ({"NextToken": token_for(last)} if more else {})


def _chosen(call: Call, keys: Sequence[Mapping[str, str]]) -> Predicate | None:
    """What the expression and the segment let through; ``None`` where both are absent."""
    expression = call.parameters.get("Expression")
    predicate = compile_predicate(expression, keys) if expression else None
    segment = call.parameters.get("Segment")
    if segment is None:
        return predicate
    number, total = segment["SegmentNumber"], segment["TotalSegments"]
    if not (1 <= total <= 10 and 0 <= number < total):
        raise invalid("SegmentNumber must be below TotalSegments, which is 1 to 10.")

    def test(values: Sequence[str]) -> bool:
        mine = zlib.crc32(SEPARATOR.join(values).encode()) % total == number
        return mine and (predicate is None or predicate(values))

    return Predicate(test, predicate.first_value if predicate else None)


def _partition(table: sqlite3.Row, row: sqlite3.Row) -> dict[str, Any]:
    return {
        **from_text(row["body"]),
        "Values": row["sort_key"].split(SEPARATOR),
        "DatabaseName": table["database"],
        "TableName": table["name"],
        "CreationTime": datetime.fromisoformat(row["created_at"]),
        "CatalogId": table["account"],
    }
