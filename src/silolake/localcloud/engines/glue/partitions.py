"""Partitions: making, changing and removing them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.glue.access import on_table
from silolake.localcloud.engines.glue.bodies import from_text, to_text
from silolake.localcloud.engines.glue.catalog import SEPARATOR, existing_table
from silolake.localcloud.engines.glue.names import (
    at_most,
    catalog_of,
    detail,
    exists,
    invalid,
    not_found,
    parameter,
    required,
)
from silolake.localcloud.engines.glue.plays import PLAYS
from silolake.localcloud.errors import AwsError

_KEPT = ("StorageDescriptor", "Parameters", "LastAccessTime", "LastAnalyzedTime")


@PLAYS("CreatePartition", access=on_table())
def create_partition(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_CreatePartition.html. Writes."""
    given = required(call.parameters, "PartitionInput")
    with call.cloud.store.write() as connection:
        _create(connection, call, table_of_call(connection, call), given)
    return {}


@PLAYS("BatchCreatePartition", access=on_table())
def batch_create_partition(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html. Writes."""
    inputs = required(call.parameters, "PartitionInputList")
    at_most(inputs, 100, "partitionInputList")
    errors = []
    with call.cloud.store.write() as connection:
        table = table_of_call(connection, call)
        for given in inputs:
            try:
                _create(connection, call, table, given)
            except AwsError as error:
                errors.append({"PartitionValues": given.get("Values") or [], "ErrorDetail": detail(error)})
    return {"Errors": errors}


@PLAYS("UpdatePartition", access=on_table())
def update_partition(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_UpdatePartition.html. Writes.

    ``PartitionInput`` replaces what was there, and may give the partition other values.
    """
    with call.cloud.store.write() as connection:
        _update(connection, table_of_call(connection, call), call.parameters)
    return {}


@PLAYS("BatchUpdatePartition", access=on_table())
def batch_update_partition(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_BatchUpdatePartition.html. Writes."""
    entries = required(call.parameters, "Entries")
    at_most(entries, 100, "entries")
    errors = []
    with call.cloud.store.write() as connection:
        table = table_of_call(connection, call)
        for entry in entries:
            try:
                _update(connection, table, entry)
            except AwsError as error:
                errors.append({"PartitionValueList": entry["PartitionValueList"], "ErrorDetail": detail(error)})
    return {"Errors": errors}


@PLAYS("DeletePartition", access=on_table())
def delete_partition(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_DeletePartition.html. Writes."""
    with call.cloud.store.write() as connection:
        _delete(connection, table_of_call(connection, call), required(call.parameters, "PartitionValues"))
    return {}


@PLAYS("BatchDeletePartition", access=on_table())
def batch_delete_partition(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_BatchDeletePartition.html. Writes."""
    doomed = required(call.parameters, "PartitionsToDelete")
    at_most(doomed, 25, "partitionsToDelete")
    errors = []
    with call.cloud.store.write() as connection:
        table = table_of_call(connection, call)
        for each in doomed:
            try:
                _delete(connection, table, each["Values"])
            except AwsError as error:
                errors.append({"PartitionValues": each["Values"], "ErrorDetail": detail(error)})
    return {"Errors": errors}


def table_of_call(connection: sqlite3.Connection, call: Call) -> sqlite3.Row:
    """The row of the table that a call's ``DatabaseName`` and ``TableName`` mean. Reads only.

    Raises:
        AwsError: ``EntityNotFoundException``.
    """
    return existing_table(connection, catalog_of(call), parameter(call, "DatabaseName"), parameter(call, "TableName"))


def sort_key_of(table: sqlite3.Row, values: Sequence[str] | None) -> str:
    """Where a partition of these values is kept.

    Raises:
        AwsError: ``InvalidInputException``, they are not one for each partition key.
    """
    keys = from_text(table["body"]).get("PartitionKeys") or ()
    if not values or len(values) != len(keys):
        raise invalid("The number of partition keys do not match the number of partition values")
    for key, value in zip(keys, values, strict=True):
        if not value or len(value) > 1024 or SEPARATOR in value:
            raise invalid(f"The value of partition key {key['Name']} must have 1 to 1024 printable letters.")
    return SEPARATOR.join(values)


def row_of(connection: sqlite3.Connection, table: sqlite3.Row, values: Sequence[str]) -> sqlite3.Row:
    """The row of one partition. Reads only.

    Raises:
        AwsError: ``EntityNotFoundException``.
    """
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM glue_partitions WHERE table_id = ? AND sort_key = ?", (table["id"], sort_key_of(table, values))
    ).fetchone()
    if row is None:
        raise not_found("Cannot find partition.")
    return row


def _create(connection: sqlite3.Connection, call: Call, table: sqlite3.Row, given: Mapping[str, Any]) -> None:
    found = connection.execute(
        "INSERT OR IGNORE INTO glue_partitions (table_id, sort_key, body, created_at) VALUES (?, ?, ?, ?)",
        (table["id"], sort_key_of(table, given.get("Values")), _body(given), call.cloud.clock.now().isoformat()),
    )
    if not found.rowcount:
        raise exists("Partition already exists.")


def _update(connection: sqlite3.Connection, table: sqlite3.Row, entry: Mapping[str, Any]) -> None:
    row = row_of(connection, table, required(entry, "PartitionValueList"))
    given = required(entry, "PartitionInput")
    sort_key = sort_key_of(table, given["Values"]) if given.get("Values") else row["sort_key"]
    try:
        connection.execute(
            "UPDATE glue_partitions SET sort_key = ?, body = ? WHERE id = ?", (sort_key, _body(given), row["id"])
        )
    except sqlite3.IntegrityError as error:
        raise exists("Partition already exists.") from error
    if sort_key != row["sort_key"]:
        _forget_statistics(connection, row)


def _delete(connection: sqlite3.Connection, table: sqlite3.Row, values: Sequence[str]) -> None:
    row = row_of(connection, table, values)
    connection.execute("DELETE FROM glue_partitions WHERE id = ?", (row["id"],))
    _forget_statistics(connection, row)


def _forget_statistics(connection: sqlite3.Connection, row: sqlite3.Row) -> None:
    connection.execute(
        "DELETE FROM glue_column_statistics WHERE table_id = ? AND partition_key = ?",
        (row["table_id"], row["sort_key"]),
    )


def _body(given: Mapping[str, Any]) -> str:
    return to_text({name: given[name] for name in _KEPT if given.get(name) is not None})
