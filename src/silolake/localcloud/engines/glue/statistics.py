"""Column statistics of tables and of partitions: kept and told; Athena's answers do not rest on them."""

from __future__ import annotations

import sqlite3
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.glue.access import on_table
from silolake.localcloud.engines.glue.bodies import from_text, to_text
from silolake.localcloud.engines.glue.names import at_most, detail, not_found, required
from silolake.localcloud.engines.glue.partitions import row_of, table_of_call
from silolake.localcloud.engines.glue.plays import PLAYS

_OWNER = "table_id = ? AND partition_key = ?"


def get_statistics(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetColumnStatisticsForTable.html. Reads only."""
    names = required(call.parameters, "ColumnNames")
    at_most(names, 100, "columnNames")
    found, errors = [], []
    with call.cloud.store.read() as connection:
        owner = _owner(connection, call)
        for name in names:
            row = connection.execute(
                f"SELECT body FROM glue_column_statistics WHERE {_OWNER} AND column_name = ?", (*owner, name)
            ).fetchone()
            if row is None:
                missing = not_found(f"Column {name} has no statistics.")
                errors.append({"ColumnName": name, "Error": detail(missing)})
            else:
                found.append(from_text(row["body"]))
    return {"ColumnStatisticsList": found, "Errors": errors}


def update_statistics(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateColumnStatisticsForTable.html. Writes."""
    given = required(call.parameters, "ColumnStatisticsList")
    at_most(given, 25, "columnStatisticsList")
    errors = []
    with call.cloud.store.write() as connection:
        owner = _owner(connection, call)
        columns = _columns(connection, call)
        for each in given:
            if each["ColumnName"] not in columns:
                missing = not_found(f"Column {each['ColumnName']} not found.")
                errors.append({"ColumnStatistics": each, "Error": detail(missing)})
                continue
            connection.execute(
                "INSERT OR REPLACE INTO glue_column_statistics VALUES (?, ?, ?, ?)",
                (*owner, each["ColumnName"], to_text(each)),
            )
    return {"Errors": errors}


def delete_statistics(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_DeleteColumnStatisticsForTable.html. Writes."""
    name = required(call.parameters, "ColumnName")
    with call.cloud.store.write() as connection:
        found = connection.execute(
            f"DELETE FROM glue_column_statistics WHERE {_OWNER} AND column_name = ?",
            (*_owner(connection, call), name),
        )
        if not found.rowcount:
            raise not_found(f"Column {name} has no statistics.")
    return {}


def _owner(connection: sqlite3.Connection, call: Call) -> tuple[int, str]:
    """The ids under which the table's or the partition's statistics lie."""
    table = table_of_call(connection, call)
    if call.operation.endswith("ForTable"):
        return table["id"], ""
    return table["id"], row_of(connection, table, required(call.parameters, "PartitionValues"))["sort_key"]


def _columns(connection: sqlite3.Connection, call: Call) -> set[str]:
    body = from_text(table_of_call(connection, call)["body"])
    columns = (body.get("StorageDescriptor") or {}).get("Columns") or ()
    return {column["Name"] for column in (*columns, *(body.get("PartitionKeys") or ()))}


# The permission is not the operation's own name: AWS says so in each operation's page.
for _thing in ("Table", "Partition"):
    PLAYS(f"GetColumnStatisticsFor{_thing}", access=on_table(action=f"Get{_thing}"))(get_statistics)
    PLAYS(f"UpdateColumnStatisticsFor{_thing}", access=on_table(action=f"Update{_thing}"))(update_statistics)
    PLAYS(f"DeleteColumnStatisticsFor{_thing}", access=on_table(action=f"Delete{_thing}"))(delete_statistics)
