"""Stacks and their resources as they lie in the store."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from silolake.iam import Principal
from silolake.localcloud.call import Caller
from silolake.localcloud.engines.cloudformation.templates import read_template
from silolake.localcloud.engines.cloudformation.templates.deployment import Deployment, StackName

Kind = Literal["create", "update", "delete"]
Phase = Literal["forward", "cleanup", "rollback", "rollback_cleanup", "delete", "parked"]
GONE = ("DELETE_COMPLETE", "DELETE_SKIPPED")


@dataclass(frozen=True)
class Wanted:
    """What a stack shall hold."""

    template: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    capabilities: tuple[str, ...] = ()
    role_arn: str = ""

    def deployment(self, stack: StackName) -> Deployment:
        """It, ready to be evaluated for one stack."""
        return Deployment(read_template(self.template), self.parameters, stack)


@dataclass(frozen=True)
class Work:
    """What is being done to a stack; kept with it until it is done, and taken up again after a restart.

    Attributes:
        id: marks the resources that it has touched.
        phase: where it stands; ``parked`` where a rollback failed and waits to be continued.
        wanted: what the stack shall hold; for a deletion, what it holds.
        caller: who asked, see ``kept_caller``.
        on_failure: ``ROLLBACK``, ``DELETE`` or ``DO_NOTHING``.
        retain: the logical ids that a deletion leaves alone.
        keeps_on_rollback: whether what it made and the template retains survives its rollback.
    """

    id: str
    kind: Kind
    phase: Phase
    wanted: Wanted
    caller: str
    token: str = ""
    on_failure: str = "ROLLBACK"
    retain: tuple[str, ...] = ()
    keeps_on_rollback: bool = True

    def text(self) -> str:
        """It as JSON."""
        return json.dumps(asdict(self))

    @staticmethod
    def of(text: str) -> Work:
        """It from JSON."""
        kept = json.loads(text)
        wanted = kept.pop("wanted")
        wanted["capabilities"] = tuple(wanted["capabilities"])
        kept["retain"] = tuple(kept["retain"])
        return Work(wanted=Wanted(**wanted), **kept)


@dataclass(frozen=True)
class Stack:
    """One stack. Its ``wanted`` is what was last deployed whole; what is on the way is in ``work``."""

    id: str
    account: str
    region: str
    name: str
    status: str
    reason: str
    wanted: Wanted
    on_failure: str
    is_protected: bool
    outputs: tuple[Mapping[str, str], ...]
    created_at: datetime
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    token: str = ""
    work: Work | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something is being done to it."""
        return self.work is not None and self.work.phase != "parked"

    @property
    def named(self) -> StackName:
        """What the pseudo parameters answer."""
        return StackName(self.id, self.name, self.account, self.region)

    @staticmethod
    def of(row: sqlite3.Row) -> Stack:
        """The stack a row tells of."""
        return Stack(
            id=row["id"],
            account=row["account"],
            region=row["region"],
            name=row["name"],
            status=row["status"],
            reason=row["reason"],
            wanted=Wanted(
                row["template"],
                json.loads(row["parameters"]),
                json.loads(row["tags"]),
                tuple(json.loads(row["capabilities"])),
                row["role_arn"],
            ),
            on_failure=row["on_failure"],
            is_protected=bool(row["is_protected"]),
            outputs=tuple(json.loads(row["outputs"])),
            created_at=datetime.fromisoformat(row["created_at"]),
            updated_at=_time(row["updated_at"]),
            deleted_at=_time(row["deleted_at"]),
            token=row["token"],
            work=Work.of(row["work"]) if row["work"] else None,
        )


@dataclass(frozen=True)
class Resource:
    """One resource of a stack; while ``work`` names the work under way, it is its journal's entry.

    Attributes:
        action: what that work does to it: ``create``, ``update``, ``replace``.
        stage: ``intended`` before the resource is made, ``made`` after, ``done`` at last.
        name_token: the chance in its generated name.
        is_adopted: it was there before and was retained by a stack of the same name.
        before: what it was before that work; ``None`` if it was not.
    """

    logical_id: str
    type: str
    physical_id: str
    status: str
    properties: Mapping[str, Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    deletion_policy: str = "Delete"
    action: str = ""
    stage: str = "done"
    work: str = ""
    name_token: str = ""
    is_adopted: bool = False
    before: Mapping[str, Any] | None = None
    reason: str = ""
    updated_at: str = ""

    @staticmethod
    def of(row: sqlite3.Row) -> Resource:
        """The resource a row tells of."""
        values = {key: value for key, value in dict(row).items() if key != "stack"}
        for key in ("properties", "attributes"):
            values[key] = json.loads(values[key])
        values["needs"] = tuple(json.loads(values["needs"]))
        values["before"] = json.loads(values["before"]) if values["before"] else None
        values["is_adopted"] = bool(values["is_adopted"])
        return Resource(**values)

    @property
    def is_gone(self) -> bool:
        """Whether it is no longer the stack's."""
        return self.status in GONE

    def kept(self) -> dict[str, Any]:
        """What it is, for ``before`` and for what is left over."""
        found = asdict(self)
        found["before"] = None
        return found

    @staticmethod
    def from_kept(kept: Mapping[str, Any]) -> Resource:
        """The resource that ``kept`` gave."""
        return Resource(**{**kept, "needs": tuple(kept["needs"])})


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def new_stack_id(account: str, region: str, name: str) -> str:
    """A new stack's ARN."""
    return f"arn:aws:cloudformation:{region}:{account}:stack/{name}/{uuid.uuid4()}"


def find_stack(connection: sqlite3.Connection, account: str, region: str, name_or_id: str) -> Stack | None:
    """A stack by its id, deleted or not, or by the name of a live one. Reads only."""
    if name_or_id.startswith("arn:"):
        query = "SELECT * FROM cfn_stacks WHERE account = ? AND region = ? AND id = ?"
    else:
        query = "SELECT * FROM cfn_stacks WHERE account = ? AND region = ? AND name = ? AND deleted_at IS NULL"
    row = connection.execute(query, (account, region, name_or_id)).fetchone()
    return Stack.of(row) if row else None


def read_stack(connection: sqlite3.Connection, stack_id: str) -> Stack:
    """A stack that is there. Reads only."""
    return Stack.of(connection.execute("SELECT * FROM cfn_stacks WHERE id = ?", (stack_id,)).fetchone())


def insert_stack(connection: sqlite3.Connection, stack: Stack) -> None:
    """Keep a new stack. Writes."""
    connection.execute(
        "INSERT INTO cfn_stacks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            stack.id, stack.account, stack.region, stack.name, stack.status, stack.reason,
            *_wanted(stack.wanted), stack.on_failure, int(stack.is_protected), json.dumps(stack.outputs),
            stack.created_at.isoformat(), None, None, stack.token, stack.work.text() if stack.work else None,
        ),
    )  # fmt: skip


def _wanted(wanted: Wanted) -> tuple[str, ...]:
    return (
        wanted.template,
        json.dumps(wanted.parameters),
        json.dumps(wanted.tags),
        json.dumps(wanted.capabilities),
        wanted.role_arn,
    )


def settle_wanted(connection: sqlite3.Connection, stack_id: str, wanted: Wanted) -> None:
    """Note what a stack now holds. Writes."""
    connection.execute(
        "UPDATE cfn_stacks SET template = ?, parameters = ?, tags = ?, capabilities = ?, role_arn = ? WHERE id = ?",
        (*_wanted(wanted), stack_id),
    )


def set_work(connection: sqlite3.Connection, stack_id: str, work: Work | None) -> None:
    """Note what is being done to a stack, or that nothing is. Writes."""
    connection.execute("UPDATE cfn_stacks SET work = ? WHERE id = ?", (work.text() if work else None, stack_id))


def read_resources(connection: sqlite3.Connection, stack_id: str) -> dict[str, Resource]:
    """A stack's resources by logical id, in the order in which they came. Reads only."""
    rows = connection.execute("SELECT * FROM cfn_resources WHERE stack = ? ORDER BY rowid", (stack_id,))
    return {row["logical_id"]: Resource.of(row) for row in rows}


def put_resource(connection: sqlite3.Connection, stack_id: str, resource: Resource) -> None:
    """Keep a resource as it is now. Writes."""
    connection.execute(
        "INSERT INTO cfn_resources VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (stack, logical_id) DO UPDATE SET type = excluded.type, physical_id = excluded.physical_id,"
        " status = excluded.status, reason = excluded.reason, properties = excluded.properties,"
        " attributes = excluded.attributes, needs = excluded.needs, deletion_policy = excluded.deletion_policy,"
        " action = excluded.action, stage = excluded.stage, work = excluded.work, name_token = excluded.name_token,"
        " is_adopted = excluded.is_adopted, before = excluded.before, updated_at = excluded.updated_at",
        (
            stack_id, resource.logical_id, resource.type, resource.physical_id, resource.status, resource.reason,
            json.dumps(resource.properties), json.dumps(resource.attributes), json.dumps(resource.needs),
            resource.deletion_policy, resource.action, resource.stage, resource.work, resource.name_token,
            int(resource.is_adopted), json.dumps(resource.before) if resource.before is not None else None,
            resource.updated_at,
        ),
    )  # fmt: skip


def kept_caller(caller: Caller) -> str:
    """A caller as JSON, so that work goes on as the same caller after a restart."""
    return json.dumps(
        {
            "principal": asdict(caller.principal),
            "access_key": caller.access_key,
            "session_policies": list(caller.session_policies),
            "issued_at": caller.issued_at.isoformat() if caller.issued_at else "",
            "secure": caller.secure,
            "source_ip": caller.source_ip,
        }
    )


def caller_of(text: str) -> Caller:
    """The caller that ``kept_caller`` gave."""
    kept = json.loads(text)
    principal = kept.pop("principal")
    principal["via_services"] = tuple(principal["via_services"])
    issued_at = kept.pop("issued_at")
    return Caller(
        principal=Principal(**principal),
        access_key=kept["access_key"],
        session_policies=tuple(kept["session_policies"]),
        issued_at=datetime.fromisoformat(issued_at) if issued_at else None,
        secure=kept["secure"],
        source_ip=kept["source_ip"],
    )
