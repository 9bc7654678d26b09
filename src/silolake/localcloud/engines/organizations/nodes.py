"""The organization and what hangs in it, as values: the organization itself, its roots and units, its accounts."""

from __future__ import annotations

import secrets
import sqlite3
import string
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from silolake.localcloud.engines.organizations.policy_types import DEFAULTS
from silolake.localcloud.errors import AwsError

ROOT, UNIT, ACCOUNT = "ROOT", "ORGANIZATIONAL_UNIT", "ACCOUNT"
_LETTERS = string.ascii_lowercase + string.digits


def random_text(length: int) -> str:
    """Lower-case letters and digits, as Organizations makes its ids of."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization.

    Attributes:
        root: the id of its one root, ``r-…``.
        resource_policy: its delegation policy's text; empty if there is none.
    """

    id: str
    root: str
    management_account: str
    created_at: str
    resource_policy_id: str
    resource_policy: str

    def arn(self, kind: str, rest: str = "") -> str:
        """The ARN of something in it: ``arn("account", "111111111111")``."""
        return f"arn:aws:organizations::{self.management_account}:{kind}/{self.id}" + (f"/{rest}" if rest else "")

    def policy_arn(self, policy_type: str, policy: str) -> str:
        """A policy's ARN; AWS's own belong to the account ``aws``."""
        kind = policy_type.lower()
        if policy == DEFAULTS[policy_type].id:
            return f"arn:aws:organizations::aws:policy/{kind}/{policy}"
        return self.arn("policy", f"{kind}/{policy}")


@dataclass(frozen=True, slots=True)
class Node:
    """A root, a unit or a member account.

    Attributes:
        kind: ``ROOT``, ``ORGANIZATIONAL_UNIT`` or ``ACCOUNT``.
        parent: what it hangs at; the organization's id for a root.
        path: where it stands, itself included, ending in a slash.
    """

    id: str
    kind: str
    arn: str
    name: str
    parent: str
    path: str


def organization_of(connection: sqlite3.Connection, account: str) -> Organization:
    """The organization that an account is a member of. Reads only.

    Raises:
        AwsError: ``AWSOrganizationsNotInUseException``.
    """
    row = connection.execute(
        "SELECT o.* FROM org_members m JOIN org_organizations o ON o.id = m.organization WHERE m.account = ?",
        (account,),
    ).fetchone()
    if row is None:
        raise AwsError("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
    return Organization(**dict(row))


def find_node(connection: sqlite3.Connection, organization: Organization, node: str) -> Node | None:
    """A root, unit or member account by its id. Reads only."""
    if node.isdigit():
        row = connection.execute(
            "SELECT a.id, a.name, m.parent, u.path || a.id || '/' AS path FROM org_members m"
            " JOIN accounts a ON a.id = m.account JOIN org_units u ON u.id = m.parent"
            " WHERE m.account = ? AND m.organization = ?",
            (node, organization.id),
        ).fetchone()
        kind, word = ACCOUNT, "account"
    else:
        row = connection.execute(
            "SELECT id, name, parent, path FROM org_units WHERE id = ? AND organization = ?", (node, organization.id)
        ).fetchone()
        kind, word = (ROOT, "root") if node == organization.root else (UNIT, "ou")
    return Node(kind=kind, arn=organization.arn(word, node), **dict(row)) if row else None


def require_parent(
    connection: sqlite3.Connection,
    organization: Organization,
    node: str,
    code: str = "ParentNotFoundException",
) -> Node:
    """A root or unit by its id. Reads only.

    Args:
        code: the error's, where there is none.

    Raises:
        AwsError: of that code.
    """
    found = find_node(connection, organization, node)
    if found is None or found.kind == ACCOUNT:
        word = code.removesuffix("NotFoundException").lower().replace("parent", " parent").strip()
        raise AwsError(code, f"You specified a {word} ({node}) that doesn't exist.")
    return found


def require_account(connection: sqlite3.Connection, organization: Organization, account: str) -> Node:
    """A member account by its id. Reads only.

    Raises:
        AwsError: ``AccountNotFoundException``.
    """
    found = find_node(connection, organization, account)
    if found is None or found.kind != ACCOUNT:
        raise AwsError("AccountNotFoundException", "You specified an account that doesn't exist.")
    return found


def shown_account(connection: sqlite3.Connection, organization: Organization, account: str) -> dict[str, Any]:
    """A member account as ``DescribeAccount`` answers it. Reads only."""
    row = connection.execute(
        "SELECT a.*, m.joined_method, m.joined_at, u.path FROM accounts a JOIN org_members m ON m.account = a.id"
        " JOIN org_units u ON u.id = m.parent WHERE a.id = ? AND m.organization = ?",
        (account, organization.id),
    ).fetchone()
    return account_answer(organization, row)


def account_answer(organization: Organization, row: sqlite3.Row) -> dict[str, Any]:
    """An account as Organizations answers it, from a row of accounts, members and units."""
    return {
        "Id": row["id"],
        "Arn": organization.arn("account", row["id"]),
        "Email": row["email"],
        "Name": row["name"],
        "Status": row["state"],
        "State": row["state"],
        "Paths": [f"{row['path']}{row['id']}/"],
        "JoinedMethod": row["joined_method"],
        "JoinedTimestamp": datetime.fromisoformat(row["joined_at"]),
    }


def shown_unit(organization: Organization, unit: Node) -> dict[str, Any]:
    """A unit as ``DescribeOrganizationalUnit`` answers it."""
    return {"Id": unit.id, "Arn": organization.arn("ou", unit.id), "Name": unit.name, "Path": unit.path}
