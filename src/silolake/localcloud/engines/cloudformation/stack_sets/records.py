"""Stack sets, their instances and operations, as they lie in the store."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.cloudformation.stack_sets.organization import Administered, administered
from silolake.localcloud.errors import AwsError

UNFINISHED = ("QUEUED", "RUNNING", "STOPPING")


@dataclass(frozen=True)
class StackSet:
    """One stack set.

    Attributes:
        organization: where it is administered.
        account: the management account, in whose name it stands even if a delegated administrator made it.
        depends_on: the ARNs of the stack sets that are deployed before it.
        is_managed: whether operations that would collide are queued.
        version: raised by every update; an instance of an older one is outdated.
    """

    id: str
    organization: str
    account: str
    region: str
    name: str
    description: str
    status: str
    template: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    capabilities: tuple[str, ...]
    deploys_itself: bool
    retains_stacks: bool
    depends_on: tuple[str, ...]
    is_managed: bool
    version: int
    token: str
    created_at: datetime

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:cloudformation:{self.region}:{self.account}:stackset/{self.id}"

    @staticmethod
    def of(row: sqlite3.Row) -> StackSet:
        """The stack set a row tells of."""
        values: dict[str, Any] = dict(row)
        for key in ("parameters", "tags"):
            values[key] = json.loads(values[key])
        for key in ("capabilities", "depends_on"):
            values[key] = tuple(json.loads(values[key]))
        for key in ("deploys_itself", "retains_stacks", "is_managed"):
            values[key] = bool(values[key])
        values["created_at"] = datetime.fromisoformat(values["created_at"])
        return StackSet(**values)


@dataclass(frozen=True)
class Instance:
    """A stack set's stack in one account and Region.

    Attributes:
        unit: the target through which the account came to it.
        stack_name: the stack's name, chosen before it is made.
        stack: the stack's id, empty before it is made.
        overrides: parameters of its own.
    """

    stack_set: str
    account: str
    region: str
    unit: str
    stack_name: str
    stack: str = ""
    status: str = "OUTDATED"
    detailed_status: str = "PENDING"
    reason: str = ""
    overrides: Mapping[str, str] = field(default_factory=dict)
    version: int = 0
    last_operation: str = ""

    @staticmethod
    def of(row: sqlite3.Row) -> Instance:
        """The instance a row tells of."""
        values: dict[str, Any] = dict(row)
        values["overrides"] = json.loads(values["overrides"])
        return Instance(**values)


@dataclass(frozen=True)
class Operation:
    """One operation on a stack set.

    Attributes:
        number: its place in the order of all operations.
        targets: the request's ``DeploymentTargets``.
        is_automatic: it was caused by an account that came or went.
        waits_for: ids of operations, of any stack set, that end before it begins.
    """

    number: int
    id: str
    stack_set: str
    action: str
    status: str
    reason: str
    preferences: Mapping[str, Any]
    targets: Mapping[str, Any]
    retains_stacks: bool
    is_automatic: bool
    waits_for: tuple[str, ...]
    created_at: datetime
    ended_at: datetime | None

    @staticmethod
    def of(row: sqlite3.Row) -> Operation:
        """The operation a row tells of."""
        values: dict[str, Any] = dict(row)
        for key in ("preferences", "targets"):
            values[key] = json.loads(values[key])
        values["waits_for"] = tuple(json.loads(values["waits_for"]))
        for key in ("retains_stacks", "is_automatic"):
            values[key] = bool(values[key])
        values["created_at"] = datetime.fromisoformat(values["created_at"])
        values["ended_at"] = datetime.fromisoformat(values["ended_at"]) if values["ended_at"] else None
        return Operation(**values)


@dataclass(frozen=True)
class Result:
    """What an operation comes to in one account and Region."""

    stack_set: str
    operation: str
    account: str
    region: str
    unit: str
    position: int
    status: str = "PENDING"
    reason: str = ""

    @staticmethod
    def of(row: sqlite3.Row) -> Result:
        """The result a row tells of."""
        return Result(**dict(row))


def find_set(connection: sqlite3.Connection, where: Administered, region: str, name: str) -> StackSet | None:
    """A stack set of an organization by its name (a live one), its id, or its ARN. Reads only."""
    name = name.rsplit(":stackset/", 1)[-1]
    is_named = "id = ?" if ":" in name else "name = ? AND status = 'ACTIVE'"
    row = connection.execute(
        f"SELECT * FROM cfn_stack_sets WHERE organization = ? AND region = ? AND {is_named}",
        (where.organization, region, name),
    ).fetchone()
    return StackSet.of(row) if row else None


def named_set(call: Call, *, is_live: bool = True) -> StackSet:
    """The stack set that a request names.

    Raises:
        AwsError: ``StackSetNotFoundException``; ``ValidationError`` where the caller administers none.
    """
    where, name = administered(call), str(call.parameters["StackSetName"])
    with call.cloud.store.read() as connection:
        found = find_set(connection, where, call.region, name)
    if found is None or (is_live and found.status != "ACTIVE"):
        raise AwsError("StackSetNotFoundException", f"StackSet {name} not found", 404)
    return found


def read_set(connection: sqlite3.Connection, stack_set: str) -> StackSet:
    """A stack set that is there. Reads only."""
    return StackSet.of(connection.execute("SELECT * FROM cfn_stack_sets WHERE id = ?", (stack_set,)).fetchone())


def put_set(connection: sqlite3.Connection, stack_set: StackSet) -> None:
    """Keep a stack set as it is now. Writes."""
    values = (
        stack_set.id, stack_set.organization, stack_set.account, stack_set.region, stack_set.name,
        stack_set.description, stack_set.status, stack_set.template, json.dumps(stack_set.parameters),
        json.dumps(stack_set.tags), json.dumps(stack_set.capabilities), int(stack_set.deploys_itself),
        int(stack_set.retains_stacks), json.dumps(stack_set.depends_on), int(stack_set.is_managed),
        stack_set.version, stack_set.token, stack_set.created_at.isoformat(),
    )  # fmt: skip
    known = connection.execute("SELECT 1 FROM cfn_stack_sets WHERE id = ?", (stack_set.id,)).fetchone()
    if known is None:
        connection.execute(f"INSERT INTO cfn_stack_sets VALUES ({', '.join('?' * len(values))})", values)
        return
    connection.execute(
        "UPDATE cfn_stack_sets SET description = ?, status = ?, template = ?, parameters = ?, tags = ?,"
        " capabilities = ?, deploys_itself = ?, retains_stacks = ?, depends_on = ?, is_managed = ?, version = ?"
        " WHERE id = ?",
        (*values[5:16], stack_set.id),
    )


def find_instance(connection: sqlite3.Connection, stack_set: str, account: str, region: str) -> Instance | None:
    """A stack set's instance in one account and Region. Reads only."""
    row = connection.execute(
        "SELECT * FROM cfn_stack_instances WHERE stack_set = ? AND account = ? AND region = ?",
        (stack_set, account, region),
    ).fetchone()
    return Instance.of(row) if row else None


def instances_of(connection: sqlite3.Connection, stack_set: str) -> list[Instance]:
    """A stack set's instances, by account and Region. Reads only."""
    rows = connection.execute(
        "SELECT * FROM cfn_stack_instances WHERE stack_set = ? ORDER BY account, region", (stack_set,)
    )
    return [Instance.of(row) for row in rows]


def put_instance(connection: sqlite3.Connection, instance: Instance) -> None:
    """Keep an instance as it is now. Writes."""
    connection.execute(
        "INSERT OR REPLACE INTO cfn_stack_instances VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            instance.stack_set, instance.account, instance.region, instance.unit, instance.stack_name,
            instance.stack, instance.status, instance.detailed_status, instance.reason,
            json.dumps(instance.overrides), instance.version, instance.last_operation,
        ),
    )  # fmt: skip


def remove_instance(connection: sqlite3.Connection, instance: Instance) -> None:
    """Forget an instance. Writes."""
    connection.execute(
        "DELETE FROM cfn_stack_instances WHERE stack_set = ? AND account = ? AND region = ?",
        (instance.stack_set, instance.account, instance.region),
    )


def planned_stack_name(connection: sqlite3.Connection, stack_set: StackSet, account: str, region: str) -> str:
    """The name for an instance's stack: the same one again for an account that left and comes back. Reads only.

    AWS takes a new one each time; here the name is what retained resources are recognised by. Where a stack of that
    name was itself retained, another name is taken, as AWS does.
    """
    attempt = 0
    while True:
        seed = f"{stack_set.organization}/{stack_set.name}/{account}/{region}/{attempt}"
        name = f"StackSet-{stack_set.name}-{uuid.uuid5(uuid.NAMESPACE_URL, seed)}"
        taken = connection.execute(
            "SELECT 1 FROM cfn_stacks WHERE account = ? AND region = ? AND name = ? AND deleted_at IS NULL",
            (account, region, name),
        ).fetchone()
        if taken is None:
            return name
        attempt += 1


def operations_of(connection: sqlite3.Connection, stack_set: str) -> list[Operation]:
    """A stack set's operations, the newest first. Reads only."""
    rows = connection.execute(
        "SELECT * FROM cfn_stack_set_operations WHERE stack_set = ? ORDER BY number DESC", (stack_set,)
    )
    return [Operation.of(row) for row in rows]


def find_operation(connection: sqlite3.Connection, stack_set: str, operation: str) -> Operation | None:
    """One operation of a stack set. Reads only."""
    row = connection.execute(
        "SELECT * FROM cfn_stack_set_operations WHERE stack_set = ? AND id = ?", (stack_set, operation)
    ).fetchone()
    return Operation.of(row) if row else None


def results_of(connection: sqlite3.Connection, stack_set: str, operation: str) -> list[Result]:
    """What an operation comes to, in the order in which it is done. Reads only."""
    rows = connection.execute(
        "SELECT * FROM cfn_stack_set_results WHERE stack_set = ? AND operation = ? ORDER BY position",
        (stack_set, operation),
    )
    return [Result.of(row) for row in rows]


def put_result(connection: sqlite3.Connection, result: Result) -> None:
    """Keep a result as it is now. Writes."""
    connection.execute(
        "INSERT OR REPLACE INTO cfn_stack_set_results VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            result.stack_set, result.operation, result.account, result.region,
            result.unit, result.position, result.status, result.reason,
        ),
    )  # fmt: skip
