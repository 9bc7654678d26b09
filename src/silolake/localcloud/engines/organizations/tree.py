"""Where an account hangs, and which guard rails hold there. Asked directly at every decision; reads only."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from silolake.iam import Policy, PolicyKind, compile_policy
from silolake.localcloud.engines.organizations.policy_types import RESOURCE_CONTROL, SERVICE_CONTROL

_KINDS = {SERVICE_CONTROL: PolicyKind.SCP, RESOURCE_CONTROL: PolicyKind.RCP}
_SHORT = {SERVICE_CONTROL: "SCP", RESOURCE_CONTROL: "RCP"}


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an account hangs.

    Attributes:
        organization: ``o-…``; empty outside any organization.
        path: as ``aws:PrincipalOrgPaths`` spells it, ``o-…/r-…/ou-…/``; empty outside any organization.
        management_account: the account that owns the organization; empty outside any.
    """

    organization: str = ""
    path: str = ""
    management_account: str = ""


@dataclass(frozen=True, slots=True)
class GuardRails:
    """The control policies that hold for an account, a tuple for each level from the root down to the account itself.

    Both are empty where none apply: outside an organization, in the management account, and while the type is
    not enabled.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
    """

    scps: tuple[tuple[Policy, ...], ...] = ()
    rcps: tuple[tuple[Policy, ...], ...] = ()


_NOWHERE = Placement()
_NO_RAILS = GuardRails()


def placement(connection: sqlite3.Connection, account: str) -> Placement:
    """Where an account hangs; empty strings outside any organization, and for the empty account. Reads only."""
    row = connection.execute(
        "SELECT o.id, u.path, o.management_account FROM org_members m JOIN org_units u ON u.id = m.parent"
        " JOIN org_organizations o ON o.id = m.organization WHERE m.account = ?",
        (account,),
    ).fetchone()
    return Placement(*row) if row else _NOWHERE


def in_effect(connection: sqlite3.Connection, account: str, now: datetime) -> Placement:
    """Where policies see an account: where it hung before a move that is yet to be in effect. Reads only."""
    where = placement(connection, account)
    row = connection.execute("SELECT path, due_at FROM org_moves WHERE account = ?", (account,)).fetchone()
    if row is None or not where.organization or datetime.fromisoformat(row["due_at"]) <= now:
        return where
    return replace(where, path=row["path"])


def guard_rails(connection: sqlite3.Connection, account: str, where: Placement) -> GuardRails:
    """The SCPs and RCPs that hold for an account that hangs there, level by level. Reads only."""
    if not where.organization or account == where.management_account:
        return _NO_RAILS
    levels = {target: number for number, target in enumerate((*where.path.strip("/").split("/")[1:], account))}
    found: dict[str, list[list[Policy]]] = {
        row["type"]: [[] for _ in levels]
        for row in connection.execute("SELECT type FROM org_policy_types WHERE organization = ?", (where.organization,))
    }
    marks = ", ".join("?" * len(levels))
    rows = connection.execute(
        "SELECT a.target, a.type, p.id, p.name, p.content FROM org_attachments a"
        " JOIN org_policies p ON p.organization = a.organization AND p.id = a.policy"
        f" WHERE a.organization = ? AND a.target IN ({marks}) ORDER BY p.id",
        (where.organization, *levels),
    )
    for row in rows:
        policy = _compiled(
            row["type"], f"{_SHORT[row['type']]} {row['name']} ({row['id']}) on {row['target']}", row["content"]
        )
        found[row["type"]][levels[row["target"]]].append(policy)
    return GuardRails(*(tuple(map(tuple, found.get(kind, ()))) for kind in (SERVICE_CONTROL, RESOURCE_CONTROL)))


def is_delegated(connection: sqlite3.Connection, account: str, service_principal: str = "") -> bool:
    """Whether an account administers a service, or any service, for its organization. Reads only."""
    query = "SELECT 1 FROM org_delegated_administrators WHERE account = ?"
    values: tuple[str, ...] = (account,)
    if service_principal:
        query, values = query + " AND service_principal = ?", (account, service_principal)
    return connection.execute(query, values).fetchone() is not None


def is_trusted(connection: sqlite3.Connection, organization: str, service_principal: str) -> bool:
    """Whether trusted access is enabled for a service in an organization. Reads only."""
    query = "SELECT 1 FROM org_trusted_services WHERE organization = ? AND service_principal = ?"
    return connection.execute(query, (organization, service_principal)).fetchone() is not None


@lru_cache(maxsize=4096)
def _compiled(kind: str, name: str, content: str) -> Policy:
    return compile_policy(content, _KINDS[kind], name)
