"""Roles, as they lie in the store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from silolake.iam import Principal
from silolake.localcloud.engines.iam.documents import quoted
from silolake.localcloud.engines.iam.ids import unique_id
from silolake.localcloud.engines.iam.tags import as_list, tags_of
from silolake.localcloud.errors import AwsError

SERVICE_LINKED_PATH = "/aws-service-role/"


@dataclass(frozen=True, slots=True)
class Role:
    """A role.

    Attributes:
        path: with slashes around it, ``/lake/run/``.
        id: its unique id, ``AROA…``.
        description: ``None`` where none was given.
        trust: its trust policy's document.
        boundary: the ARN of its permissions boundary; empty if it has none.
        tags: its tags.
    """

    arn: str
    account: str
    name: str
    path: str
    id: str
    description: str | None
    trust: str
    max_session_s: int
    boundary: str
    created_at: datetime
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_service_linked(self) -> bool:
        """Whether it belongs to a service of AWS's, which alone may change it."""
        return self.path.startswith(SERVICE_LINKED_PATH)


def role_arn(account: str, path: str, name: str) -> str:
    """The ARN that a role has or would have."""
    return f"arn:aws:iam::{account}:role{path}{name}"


def find_role(connection: sqlite3.Connection, account: str, name: str) -> Role | None:
    """An account's role by its name. Reads only."""
    query = "SELECT * FROM iam_roles WHERE account = ? AND name = ?"
    return _role(connection, connection.execute(query, (account, name)).fetchone())


def find_role_by_arn(connection: sqlite3.Connection, arn: str) -> Role | None:
    """A role by its ARN. Reads only."""
    return _role(connection, connection.execute("SELECT * FROM iam_roles WHERE arn = ?", (arn,)).fetchone())


def require_role(connection: sqlite3.Connection, account: str, name: str) -> Role:
    """An account's role by its name. Reads only.

    Raises:
        AwsError: ``NoSuchEntity``.
    """
    role = find_role(connection, account, name)
    if role is None:
        raise AwsError("NoSuchEntity", f"The role with name {name} cannot be found.", 404)
    return role


def roles_of(connection: sqlite3.Connection, account: str, path_prefix: str = "/") -> list[Role]:
    """An account's roles beneath a path. Reads only."""
    rows = connection.execute("SELECT * FROM iam_roles WHERE account = ? ORDER BY name", (account,))
    found = (_role(connection, row) for row in rows.fetchall())
    return [role for role in found if role and role.path.startswith(path_prefix)]


def _role(connection: sqlite3.Connection, row: sqlite3.Row | None) -> Role | None:
    if row is None:
        return None
    values: dict[str, Any] = dict(row)
    created_at = datetime.fromisoformat(values.pop("created_at"))
    return Role(**values, created_at=created_at, tags=tags_of(connection, row["arn"]))


@dataclass(frozen=True)
class NewRole:
    """A role to be made.

    Attributes:
        trust: the trust policy.
        managed: ARNs of managed policies to attach.
    """

    account: str
    name: str
    trust: Mapping[str, Any] | str
    path: str = "/"
    description: str | None = None
    max_session_s: int = 3600
    boundary: str = ""
    managed: tuple[str, ...] = ()


def plant_role(connection: sqlite3.Connection, new: NewRole, now: datetime | None = None) -> str:
    """Make a role, asking nobody: the operations check first, and engines make what AWS makes by itself. Writes.

    Returns:
        its ARN.

    Raises:
        AwsError: ``EntityAlreadyExists``.
    """
    arn = role_arn(new.account, new.path, new.name)
    text = new.trust if isinstance(new.trust, str) else json.dumps(new.trust)
    born_at = (now or datetime.now(UTC)).isoformat()
    values = (new.description, text, new.max_session_s, new.boundary, born_at)
    try:
        connection.execute(
            "INSERT INTO iam_roles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (arn, new.account, new.name, new.path, unique_id("AROA"), *values),
        )
    except sqlite3.IntegrityError as error:
        raise AwsError("EntityAlreadyExists", f"Role with name {new.name} already exists.", 409) from error
    connection.executemany("INSERT INTO iam_attachments VALUES (?, ?)", [(arn, policy) for policy in new.managed])
    return arn


def uproot_role(connection: sqlite3.Connection, arn: str) -> None:
    """Remove a role and all that hangs on it, asking nobody; nothing happens where there is none. Writes."""
    connection.execute("DELETE FROM iam_inline_policies WHERE role = ?", (arn,))
    connection.execute("DELETE FROM iam_attachments WHERE role = ?", (arn,))
    connection.execute("DELETE FROM iam_tags WHERE entity = ?", (arn,))
    connection.execute("DELETE FROM iam_roles WHERE arn = ?", (arn,))


def principal_of(
    role: Role, session_name: str, *, tags: Mapping[str, str] | None = None, source_identity: str = ""
) -> Principal:
    """The principal that a session of a role is.

    Args:
        tags: session tags; they win over the role's own.
    """
    return Principal(
        arn=role.arn,
        account=role.account,
        kind="role",
        session_arn=f"arn:aws:sts::{role.account}:assumed-role/{role.name}/{session_name}",
        user_id=f"{role.id}:{session_name}",
        service_linked=role.is_service_linked,
        tags={**role.tags, **(tags or {})},
        source_identity=source_identity,
    )


def shown(role: Role) -> dict[str, Any]:
    """A role as ``GetRole`` answers it."""
    answer: dict[str, Any] = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created_at,
        "AssumeRolePolicyDocument": quoted(role.trust),
        "MaxSessionDuration": role.max_session_s,
    }
    if role.description is not None:
        answer["Description"] = role.description
    if role.boundary:
        answer["PermissionsBoundary"] = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": role.boundary}
    if role.tags:
        answer["Tags"] = as_list(role.tags)
    return answer
