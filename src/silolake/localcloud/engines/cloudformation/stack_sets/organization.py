"""Who may administer service-managed stack sets, and which accounts hang below a unit.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from silolake.localcloud.call import Call
from silolake.localcloud.engines.cloudformation.errors import invalid
from silolake.localcloud.engines.organizations import tree

SERVICE = "member.org.stacksets.cloudformation.amazonaws.com"


@dataclass(frozen=True)
class Administered:
    """The organization whose stack sets a caller administers."""

    organization: str
    management_account: str


def administered(call: Call) -> Administered:
    """The organization that a request is about, by who asks and as whom. Reads only.

    Raises:
        AwsError: ``ValidationError``; the caller administers none, or trusted access is not enabled.
    """
    is_delegate = call.parameters.get("CallAs", "SELF") == "DELEGATED_ADMIN"
    with call.cloud.store.read() as connection:
        where = tree.placement(connection, call.account)
        if is_delegate and not tree.is_delegated(connection, call.account, SERVICE):
            raise invalid("Account used is not a delegated administrator")
        if not is_delegate and (not where.organization or call.account != where.management_account):
            raise invalid(
                "Service-managed stack sets are administered by the organization's management account, or by a "
                "delegated administrator with CallAs DELEGATED_ADMIN"
            )
        if not tree.is_trusted(connection, where.organization, SERVICE):
            raise invalid("You must enable organizations access to operate a service managed stack set")
    return Administered(where.organization, where.management_account)


@dataclass(frozen=True)
class Member:
    """A member account, and the path at which it hangs."""

    account: str
    path: str

    def is_below(self, unit: str) -> bool:
        """Whether it hangs below a unit, or a root, at any depth."""
        return unit in self.path.strip("/").split("/")


def members(connection: sqlite3.Connection, where: Administered) -> list[Member]:
    """The active accounts of an organization but the management account, where stack sets never deploy. Reads only."""
    rows = connection.execute(
        "SELECT m.account, u.path FROM org_members m JOIN org_units u ON u.id = m.parent"
        " JOIN accounts a ON a.id = m.account"
        " WHERE m.organization = ? AND m.account <> ? AND a.state = 'ACTIVE' ORDER BY m.account",
        (where.organization, where.management_account),
    )
    return [Member(row["account"], row["path"]) for row in rows]


def unknown_units(connection: sqlite3.Connection, where: Administered, units: Iterable[str]) -> list[str]:
    """Those of ``units`` that are neither a unit nor the root of the organization. Reads only."""
    rows = connection.execute("SELECT id FROM org_units WHERE organization = ?", (where.organization,))
    known = {row["id"] for row in rows}
    return [unit for unit in units if unit not in known]
