"""What a principal is granted. Asked directly at every decision; reads only."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from functools import lru_cache

from silolake.iam import Policy, PolicyKind, compile_policy
from silolake.localcloud.engines.iam.aws_managed import AWS_MANAGED


@dataclass(frozen=True, slots=True)
class Grants:
    """The identity-based policies of a principal.

    Attributes:
        identity: inline and attached policies.
        boundary: its permissions boundary, if it has one.
    """

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None


_NOTHING = Grants()


def grants(connection: sqlite3.Connection, principal_arn: str) -> Grants:
    """What a role is granted; nothing for one that does not exist, or whose account is closed. Reads only."""
    role = connection.execute(
        "SELECT r.arn, r.account, r.path || r.name AS name, r.boundary FROM iam_roles r"
        " JOIN accounts a ON a.id = r.account WHERE r.arn = ? AND a.state = 'ACTIVE'",
        (principal_arn,),
    ).fetchone()
    if role is None:
        return _NOTHING
    whose = f"role {role['name']} in {role['account']}"
    inline = connection.execute(
        "SELECT name, document FROM iam_inline_policies WHERE role = ? ORDER BY name", (principal_arn,)
    ).fetchall()
    attached = connection.execute(
        "SELECT policy FROM iam_attachments WHERE role = ? ORDER BY policy", (principal_arn,)
    ).fetchall()
    identity = [
        compiled(row["document"], PolicyKind.IDENTITY, f"{row['name']}, inline policy of {whose}") for row in inline
    ]
    for (arn,) in attached:
        document = document_of(connection, arn)
        if document is not None:
            name = f"{arn.rsplit('/', 1)[1]}, attached to {whose}"
            identity.append(compiled(document, PolicyKind.IDENTITY, name))
    return Grants(tuple(identity), _boundary(connection, role["boundary"], whose))


def _boundary(connection: sqlite3.Connection, arn: str, whose: str) -> Policy | None:
    if not arn:
        return None
    document = document_of(connection, arn)
    if document is None:
        # A boundary that was deleted keeps limiting: the role may then do nothing.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
        document = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
    return compiled(document, PolicyKind.BOUNDARY, f"{arn.rsplit('/', 1)[1]}, boundary of {whose}")


def document_of(connection: sqlite3.Connection, policy_arn: str) -> str | None:
    """A managed policy's default version, AWS's or one's own; ``None`` where there is no such policy. Reads only."""
    if known := AWS_MANAGED.get(policy_arn):
        return known.document
    row = connection.execute(
        "SELECT v.document FROM iam_policies p JOIN iam_policy_versions v"
        " ON v.policy = p.arn AND v.version = p.default_version WHERE p.arn = ?",
        (policy_arn,),
    ).fetchone()
    return row["document"] if row else None


@lru_cache(maxsize=8192)
def compiled(document: str, kind: PolicyKind, name: str) -> Policy:
    """A policy's compiled form, remembered by its text."""
    return compile_policy(document, kind, name)
