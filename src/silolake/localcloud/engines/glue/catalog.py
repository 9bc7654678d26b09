"""The catalog's rows, for this engine's operations and for engines that ask without a call."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from silolake.iam import Policy, PolicyKind, compile_policy
from silolake.localcloud.engines.glue.bodies import from_text
from silolake.localcloud.engines.glue.names import Catalog, not_found
from silolake.localcloud.engines.glue.predicates import Predicate, compile_predicate

SEPARATOR = "\x1f"

_IN_DATABASE = "account = ? AND region = ? AND database = ?"


@dataclass(frozen=True, slots=True)
class PartitionRow:
    """One partition as Athena needs it.

    Attributes:
        values: one for each partition key, in the keys' order.
        location: where its objects lie; empty where the partition names no place.
        storage_descriptor: its own, by the API's names.
        parameters: its own.
    """

    values: tuple[str, ...]
    location: str
    storage_descriptor: dict[str, Any]
    parameters: dict[str, str]


def catalog_policy(connection: sqlite3.Connection, account: str, region: str) -> Policy | None:
    """The resource policy of an account's catalog, compiled; ``None`` where it has none. Reads only."""
    row = connection.execute(
        "SELECT body FROM glue_resource_policies WHERE account = ? AND region = ?", (account, region)
    ).fetchone()
    return compiled(row["body"], Catalog(account, region).arn) if row else None


def compiled(text: str, arn: str) -> Policy:
    """A catalog policy, ready to decide.

    Raises:
        PolicyMalformed: it is not a policy.
    """
    return compile_policy(text, PolicyKind.RESOURCE, f"resource policy of {arn}")


def find_database(connection: sqlite3.Connection, account: str, region: str, name: str) -> dict[str, Any] | None:
    """A database as ``GetDatabase`` answers it, or ``None``. Reads only."""
    row = connection.execute(
        "SELECT * FROM glue_databases WHERE account = ? AND region = ? AND name = ?", (account, region, name.lower())
    ).fetchone()
    return database_of(row) if row else None


def databases(connection: sqlite3.Connection, account: str, region: str) -> Iterator[dict[str, Any]]:
    """Every database of a catalog, by name. Reads only."""
    for row in connection.execute(
        "SELECT * FROM glue_databases WHERE account = ? AND region = ? ORDER BY name", (account, region)
    ):
        yield database_of(row)


def find_table(
    connection: sqlite3.Connection, account: str, region: str, database: str, table: str
) -> dict[str, Any] | None:
    """A table as ``GetTable`` answers it, or ``None``. Reads only."""
    row = table_row(connection, Catalog(account, region), database.lower(), table.lower())
    return table_of(row) if row else None


def tables(connection: sqlite3.Connection, account: str, region: str, database: str) -> Iterator[dict[str, Any]]:
    """Every table of a database, by name. Reads only."""
    for row in connection.execute(
        f"SELECT * FROM glue_tables WHERE {_IN_DATABASE} ORDER BY name",
        (account, region, database.lower()),
    ):
        yield table_of(row)


def partitions(
    connection: sqlite3.Connection, catalog: Catalog, database: str, table: str, expression: str = ""
) -> Iterator[PartitionRow]:
    """The partitions of a table that an expression in Glue's filter language lets through. Reads only.

    Args:
        catalog: whose table it is.
        expression: ``flight_month = '2013-01'``; all where it is empty.

    Raises:
        AwsError: ``EntityNotFoundException``, or ``InvalidInputException`` for the expression.
    """
    row = table_row(connection, catalog, database.lower(), table.lower())
    if row is None:
        raise not_found(f"Table {table} not found.")
    keys = from_text(row["body"]).get("PartitionKeys", ())
    predicate = compile_predicate(expression, keys) if expression else None
    for found in matching(connection, row["id"], predicate, ""):
        body = from_text(body_of(connection, found[0])["body"])
        described = body.get("StorageDescriptor") or {}
        yield PartitionRow(found[1], described.get("Location", ""), described, body.get("Parameters") or {})


def matching(
    connection: sqlite3.Connection, table_id: int, predicate: Predicate | None, beyond: str
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Row id and values of each partition that passes, in order. Reads only, and of the index alone.

    Args:
        predicate: ``None`` lets all pass.
        beyond: the sort key after which to begin.
    """
    first, last = "", "\U0010ffff"
    if predicate is not None and predicate.first_value is not None:
        first, last = predicate.first_value, predicate.first_value + SEPARATOR + last
    rows = connection.execute(
        "SELECT id, sort_key FROM glue_partitions "
        "WHERE table_id = ? AND sort_key > ? AND sort_key >= ? AND sort_key < ? ORDER BY sort_key",
        (table_id, beyond, first, last),
    )
    for identity, sort_key in rows:
        values = tuple(sort_key.split(SEPARATOR))
        if predicate is None or predicate(values):
            yield identity, values


def body_of(connection: sqlite3.Connection, partition_id: int) -> sqlite3.Row:
    """A partition's row, by its id. Reads only."""
    row: sqlite3.Row = connection.execute("SELECT * FROM glue_partitions WHERE id = ?", (partition_id,)).fetchone()
    return row


def table_row(connection: sqlite3.Connection, catalog: Catalog, database: str, table: str) -> sqlite3.Row | None:
    """A table's row by its folded names, or ``None``. Reads only."""
    row: sqlite3.Row | None = connection.execute(
        f"SELECT * FROM glue_tables WHERE {_IN_DATABASE} AND name = ?",
        (catalog.account, catalog.region, database, table),
    ).fetchone()
    return row


def database_row(connection: sqlite3.Connection, catalog: Catalog, database: str) -> sqlite3.Row:
    """A database's row by its folded name. Reads only.

    Raises:
        AwsError: ``EntityNotFoundException``.
    """
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM glue_databases WHERE account = ? AND region = ? AND name = ?",
        (catalog.account, catalog.region, database),
    ).fetchone()
    if row is None:
        raise not_found(f"Database {database} not found.")
    return row


def existing_table(connection: sqlite3.Connection, catalog: Catalog, database: str, table: str) -> sqlite3.Row:
    """A table's row by its folded names. Reads only.

    Raises:
        AwsError: ``EntityNotFoundException``, of the database or of the table.
    """
    row = table_row(connection, catalog, database, table)
    if row is None:
        database_row(connection, catalog, database)
        raise not_found(f"Table {table} not found.")
    return row


def database_of(row: sqlite3.Row) -> dict[str, Any]:
    """A row as ``GetDatabase`` answers it."""
    return {
        **from_text(row["body"]),
        "Name": row["name"],
        "CreateTime": datetime.fromisoformat(row["created_at"]),
        "CatalogId": row["account"],
    }


def table_of(row: sqlite3.Row) -> dict[str, Any]:
    """A row as ``GetTable`` answers it."""
    return {
        "Retention": 0,
        **from_text(row["body"]),
        "Name": row["name"],
        "DatabaseName": row["database"],
        "CreateTime": datetime.fromisoformat(row["created_at"]),
        "UpdateTime": datetime.fromisoformat(row["updated_at"]),
        "CreatedBy": row["created_by"],
        "CatalogId": row["account"],
        "IsRegisteredWithLakeFormation": False,
        "VersionId": str(row["version"]),
    }
