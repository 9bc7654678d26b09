"""Every account there is, inside an organization or not."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from silolake.localcloud.engines.iam.aws_managed import ADMINISTRATOR
from silolake.localcloud.engines.iam.roles import NewRole, plant_role
from silolake.localcloud.errors import AwsError

ACTIVE, SUSPENDED = "ACTIVE", "SUSPENDED"
MANAGEMENT = "management"
"""What the first account is called."""

OWNER_ROLE = "Administrator"
"""The role through which the local cloud's owner enters an account that no organization made."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account.

    Attributes:
        state: ``ACTIVE``, or ``SUSPENDED`` once it is closed.
    """

    id: str
    name: str
    email: str
    state: str
    created_at: datetime


def everyone(connection: sqlite3.Connection) -> list[Account]:
    """Every account, the oldest first. Reads only."""
    return [_account(row) for row in connection.execute("SELECT * FROM accounts ORDER BY created_at, id")]


def _account(row: sqlite3.Row) -> Account:
    return Account(row["id"], row["name"], row["email"], row["state"], datetime.fromisoformat(row["created_at"]))


def create_account(connection: sqlite3.Connection, name: str, email: str, now: datetime) -> str:
    """A new account with nothing in it; its id. Writes.

    Raises:
        AwsError: ``EmailAlreadyExists``: another account has the address.
    """
    account = f"{secrets.randbelow(9 * 10**11) + 10**11}"
    if connection.execute("SELECT 1 FROM accounts WHERE email = ?", (email,)).fetchone():
        raise AwsError("EmailAlreadyExists", f"An account with the email {email} already exists.")
    connection.execute("INSERT INTO accounts VALUES (?, ?, ?, ?, ?)", (account, name, email, ACTIVE, now.isoformat()))
    return account


def create_standalone(connection: sqlite3.Connection, name: str, email: str, now: datetime | None = None) -> str:
    """A new account outside any organization, with the role ``/Administrator``; its id. Writes.

    Args:
        now: when it is made; this moment by default.

    Raises:
        AwsError: ``EmailAlreadyExists``.
    """
    made_at = now or datetime.now(UTC)
    account = create_account(connection, name, email, made_at)
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
        ],
    }
    plant_role(connection, NewRole(account, OWNER_ROLE, trust, managed=(ADMINISTRATOR,)), made_at)
    return account


def born(connection: sqlite3.Connection, now: datetime | None = None) -> str:
    """The management account's id; it is made when there is no account yet. Writes.

    It owns no organization until ``CreateOrganization`` is called in it.
    """
    row = connection.execute("SELECT id FROM accounts ORDER BY created_at, id LIMIT 1").fetchone()
    if row:
        return str(row["id"])
    return create_standalone(connection, MANAGEMENT, f"{MANAGEMENT}@local-cloud.example", now)


def role_arn(connection: sqlite3.Connection, account: str, role: str) -> str:
    """The ARN of a role, by its account's id or name and its own name, with or without its path. Reads only.

    Raises:
        AwsError: there is no such account or role, or the name is not enough to tell which.
    """
    ids = [
        row["id"] for row in connection.execute("SELECT id FROM accounts WHERE id = ? OR name = ?", (account, account))
    ]
    if len(ids) != 1:
        problem = "There is no account" if not ids else f"{len(ids)} accounts are called"
        raise AwsError("NoSuchEntity", f"{problem} {account!r}.", 404)
    wanted = role.strip("/")
    rows = connection.execute(
        "SELECT arn FROM iam_roles WHERE account = ? AND (name = ? OR path || name = ?)", (ids[0], wanted, f"/{wanted}")
    ).fetchall()
    if len(rows) != 1:
        raise AwsError("NoSuchEntity", f"There is no role {role!r} in account {account!r}.", 404)
    return str(rows[0]["arn"])
