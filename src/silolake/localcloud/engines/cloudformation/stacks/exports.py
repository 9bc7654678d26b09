"""Exports, and the protection of those that are imported.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from silolake.localcloud.engines.cloudformation.errors import invalid
from silolake.localcloud.engines.cloudformation.stacks.records import Stack
from silolake.localcloud.store import Store


def put(connection: sqlite3.Connection, stack: Stack, outputs: Iterable[Mapping[str, str]]) -> None:
    """Make a stack's exports those of its outputs. Writes.

    Raises:
        AwsError: ``ValidationError``; another stack exports the name, or imports what changes.
    """
    wanted = {each["ExportName"]: each["OutputValue"] for each in outputs if "ExportName" in each}
    rows = connection.execute("SELECT name, value FROM cfn_exports WHERE stack = ?", (stack.id,))
    present = {row["name"]: row["value"] for row in rows}
    for name, value in present.items():
        if wanted.get(name) != value and (users := importers(connection, stack.account, stack.region, name)):
            verb = "update" if name in wanted else "delete"
            raise invalid(f"Cannot {verb} export {name} as it is in use by {' and '.join(users)}")
    connection.execute("DELETE FROM cfn_exports WHERE stack = ?", (stack.id,))
    for name, value in wanted.items():
        other = connection.execute(
            "SELECT s.name FROM cfn_exports e JOIN cfn_stacks s ON s.id = e.stack"
            " WHERE e.account = ? AND e.region = ? AND e.name = ?",
            (stack.account, stack.region, name),
        ).fetchone()
        if other:
            raise invalid(f"Export with name {name} is already exported by stack {other['name']}")
        connection.execute(
            "INSERT INTO cfn_exports VALUES (?, ?, ?, ?, ?)", (stack.account, stack.region, name, stack.id, value)
        )


def exported(connection: sqlite3.Connection, account: str, region: str) -> dict[str, str]:
    """The exports of an account and Region by name. Reads only."""
    rows = connection.execute(
        "SELECT name, value FROM cfn_exports WHERE account = ? AND region = ? ORDER BY name", (account, region)
    )
    return {row["name"]: row["value"] for row in rows}


def importers(connection: sqlite3.Connection, account: str, region: str, name: str) -> list[str]:
    """The names of the stacks that import an export. Reads only."""
    rows = connection.execute(
        "SELECT s.name FROM cfn_imports i JOIN cfn_stacks s ON s.id = i.stack"
        " WHERE s.account = ? AND s.region = ? AND i.name = ? AND s.deleted_at IS NULL ORDER BY s.name",
        (account, region, name),
    )
    return [row["name"] for row in rows]


def in_use(store: Store, stack: Stack) -> str:
    """Why a stack cannot be deleted; empty if nothing it exports is imported. Reads only."""
    with store.read() as connection:
        for (name,) in connection.execute("SELECT name FROM cfn_exports WHERE stack = ?", (stack.id,)).fetchall():
            if users := importers(connection, stack.account, stack.region, name):
                return f"Cannot delete export {name} as it is in use by {' and '.join(users)}"
    return ""


def keep_imports(connection: sqlite3.Connection, stack_id: str, names: Iterable[str]) -> None:
    """Make a stack's imports these. Writes."""
    connection.execute("DELETE FROM cfn_imports WHERE stack = ?", (stack_id,))
    for name in sorted(names):
        connection.execute("INSERT OR IGNORE INTO cfn_imports VALUES (?, ?)", (stack_id, name))


def forget(connection: sqlite3.Connection, stack_id: str) -> None:
    """A stack that is gone exports and imports nothing. Writes."""
    connection.execute("DELETE FROM cfn_exports WHERE stack = ?", (stack_id,))
    connection.execute("DELETE FROM cfn_imports WHERE stack = ?", (stack_id,))
