"""Policies and what they are attached to, asking nobody: the operations check first."""

from __future__ import annotations

import sqlite3

from silolake.localcloud.engines.organizations.nodes import Organization
from silolake.localcloud.engines.organizations.policy_types import DEFAULTS


def enabled_types(connection: sqlite3.Connection, organization: Organization) -> list[str]:
    """The policy types that are enabled. Reads only."""
    rows = connection.execute("SELECT type FROM org_policy_types WHERE organization = ?", (organization.id,))
    return [kind for (kind,) in rows.fetchall()]


def attach_defaults(connection: sqlite3.Connection, organization: Organization, target: str) -> None:
    """Attach AWS's own policy of every enabled type to something new. Writes."""
    rows = [(organization.id, target, kind, DEFAULTS[kind].id) for kind in enabled_types(connection, organization)]
    connection.executemany("INSERT OR IGNORE INTO org_attachments VALUES (?, ?, ?, ?)", rows)


def attach_default_everywhere(connection: sqlite3.Connection, organization: Organization, kind: str) -> None:
    """Attach AWS's own policy of a type to the root, every unit and every account. Writes."""
    connection.execute(
        "INSERT OR IGNORE INTO org_attachments SELECT ?, target, ?, ? FROM ("
        " SELECT id AS target FROM org_units WHERE organization = ?"
        " UNION ALL SELECT account FROM org_members WHERE organization = ?)",
        (organization.id, kind, DEFAULTS[kind].id, organization.id, organization.id),
    )


def forget_target(connection: sqlite3.Connection, organization: Organization, target: str) -> None:
    """Remove the attachments and tags of something that goes. Writes."""
    connection.execute("DELETE FROM org_attachments WHERE organization = ? AND target = ?", (organization.id, target))
    connection.execute("DELETE FROM org_tags WHERE organization = ? AND resource = ?", (organization.id, target))
