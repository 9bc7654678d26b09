"""Putting an operation on a stack set: who is concerned, and in which order."""

from __future__ import annotations

import json
import re
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.cloudformation.errors import invalid
from silolake.localcloud.engines.cloudformation.stack_sets.organization import (
    Administered,
    members,
    unknown_units,
)
from silolake.localcloud.engines.cloudformation.stack_sets.records import (
    UNFINISHED,
    Instance,
    Result,
    StackSet,
    find_instance,
    find_operation,
    planned_stack_name,
    put_instance,
    put_result,
)
from silolake.localcloud.errors import AwsError, NotPlayed

_OPERATION_ID = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


@dataclass(frozen=True)
class Target:
    """One account and Region, and the unit that brought it in."""

    account: str
    region: str
    unit: str


@dataclass(frozen=True)
class Wish:
    """An operation as it is asked for.

    Attributes:
        action: ``CREATE``, ``UPDATE`` or ``DELETE``.
        targets: where.
        overrides: parameters for the instances; ``None`` leaves those they have.
        asked: the request's ``DeploymentTargets``, shown again when the operation is described.
        waits_for: ids of operations that end before.
    """

    action: str
    targets: Sequence[Target]
    overrides: Mapping[str, str] | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    preferences: Mapping[str, Any] = field(default_factory=dict)
    retains_stacks: bool = False
    is_automatic: bool = False
    waits_for: tuple[str, ...] = ()
    id: str = ""


def enqueue(connection: sqlite3.Connection, cloud: LocalCloud, stack_set: StackSet, wish: Wish) -> str:
    """Note an operation, with a result and, where one is to be made, an instance for each target; its id. Writes.

    Raises:
        AwsError: the id is taken, or another operation is in progress and the stack set does not queue.
    """
    operation = wish.id or str(uuid.uuid4())
    if find_operation(connection, stack_set.id, operation) is not None:
        raise AwsError("OperationIdAlreadyExistsException", f"OperationId {operation} already exists", 409)
    refuse_if_busy(connection, stack_set, wish)
    connection.execute(
        "INSERT INTO cfn_stack_set_operations (id, stack_set, action, status, reason, preferences, targets,"
        " retains_stacks, is_automatic, waits_for, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            operation, stack_set.id, wish.action, "QUEUED", "", json.dumps(wish.preferences), json.dumps(wish.asked),
            int(wish.retains_stacks), int(wish.is_automatic), json.dumps(wish.waits_for),
            cloud.clock.now().isoformat(),
        ),
    )  # fmt: skip
    for position, target in enumerate(_in_order(wish)):
        put_result(connection, Result(stack_set.id, operation, target.account, target.region, target.unit, position))
        _prepare(connection, stack_set, wish, target, operation)
    return operation


def refuse_if_busy(connection: sqlite3.Connection, stack_set: StackSet, wish: Wish) -> None:
    """Refuse a second operation, unless they are queued.

    Raises:
        AwsError: ``OperationInProgressException``.
    """
    if stack_set.is_managed or wish.is_automatic:
        return
    marks = ", ".join("?" * len(UNFINISHED))
    row = connection.execute(
        f"SELECT id FROM cfn_stack_set_operations WHERE stack_set = ? AND status IN ({marks})",
        (stack_set.id, *UNFINISHED),
    ).fetchone()
    if row:
        raise AwsError(
            "OperationInProgressException",
            f"Another Operation on StackSet {stack_set.arn} is in progress: {row['id']}",
            409,
        )


def _in_order(wish: Wish) -> list[Target]:
    regions = list(wish.preferences.get("RegionOrder") or [])
    for target in wish.targets:
        if target.region not in regions:
            regions.append(target.region)
    return sorted(wish.targets, key=lambda each: (regions.index(each.region), each.account))


def _prepare(connection: sqlite3.Connection, stack_set: StackSet, wish: Wish, target: Target, operation: str) -> None:
    instance = find_instance(connection, stack_set.id, target.account, target.region)
    if instance is None:
        if wish.action != "CREATE":
            return
        name = planned_stack_name(connection, stack_set, target.account, target.region)
        instance = Instance(stack_set.id, target.account, target.region, target.unit, name)
    overrides = instance.overrides if wish.overrides is None else wish.overrides
    status = instance.status if wish.action == "DELETE" else "OUTDATED"
    put_instance(
        connection,
        replace(instance, overrides=overrides, status=status, detailed_status="PENDING", last_operation=operation),
    )


def asked_targets(call: Call, *, must_exist: bool) -> tuple[list[str], list[str], str, list[str]]:
    """What a request's ``DeploymentTargets`` and ``Regions`` say: units, accounts, filter, Regions.

    Args:
        must_exist: whether the units have to be there.

    Raises:
        AwsError: ``ValidationError``.
        NotPlayed: accounts listed in a file.
    """
    given = call.parameters
    targets = given.get("DeploymentTargets") or {}
    if given.get("Accounts"):
        raise invalid(
            "Accounts cannot be specified for stack sets with SERVICE_MANAGED permissions; use DeploymentTargets"
        )
    if targets.get("AccountsUrl"):
        raise NotPlayed(f"cloudformation:{call.operation} with AccountsUrl")
    units, accounts = list(targets.get("OrganizationalUnitIds") or []), list(targets.get("Accounts") or [])
    kind = str(targets.get("AccountFilterType") or "NONE")
    regions = list(given.get("Regions") or [])
    if must_exist and not units:
        raise invalid("OrganizationalUnitIds are required for stack sets with SERVICE_MANAGED permissions")
    if bool(accounts) != (kind != "NONE"):
        raise invalid("AccountFilterType and Accounts must be specified together")
    if bad := [region for region in regions if not _REGION.fullmatch(region)]:
        raise invalid(f"Region(s) {bad} are not valid")
    if must_exist and not regions:
        raise invalid("Regions must have at least one member")
    return units, accounts, kind, regions


def accounts_below(
    connection: sqlite3.Connection, where: Administered, asked: tuple[list[str], list[str], str, list[str]]
) -> dict[str, str]:
    """The accounts a request reaches, each with the unit that brings it in. Reads only.

    Raises:
        AwsError: ``ValidationError``; a unit or an account is not of the organization.
    """
    units, accounts, kind, _ = asked
    if unknown := unknown_units(connection, where, units):
        raise invalid(f"Organizational units {unknown} are not part of organization {where.organization}")
    there = members(connection, where)
    known = {member.account for member in there}
    if strange := [account for account in accounts if account not in known]:
        raise invalid(f"Accounts {strange} are not active member accounts of organization {where.organization}")
    below = {
        member.account: next(unit for unit in units if member.is_below(unit))
        for member in there
        if any(member.is_below(unit) for unit in units)
    }
    match kind:
        case "INTERSECTION":
            return {account: unit for account, unit in below.items() if account in accounts}
        case "DIFFERENCE":
            return {account: unit for account, unit in below.items() if account not in accounts}
        case "UNION":
            outside = {
                member.account: member.path.strip("/").split("/")[-1] for member in there if member.account in accounts
            }
            return {**outside, **below}
        case _:
            return below


def preferences_of(call: Call) -> dict[str, Any]:
    """A request's ``OperationPreferences``.

    Raises:
        AwsError: ``ValidationError``; a count and a percentage of the same.
    """
    found = dict(call.parameters.get("OperationPreferences") or {})
    for name in ("FailureTolerance", "MaxConcurrent"):
        if f"{name}Count" in found and f"{name}Percentage" in found:
            raise invalid(f"Only one of {name}Count and {name}Percentage can be specified")
    return found


def operation_id(call: Call) -> str:
    """The id that a request wants for its operation; empty if it leaves that open.

    Raises:
        AwsError: ``ValidationError``.
    """
    wanted = str(call.parameters.get("OperationId") or "")
    if wanted and not _OPERATION_ID.fullmatch(wanted):
        raise invalid(f"Value '{wanted}' at 'operationId' failed to satisfy constraint: [a-zA-Z0-9][-a-zA-Z0-9]*")
    return wanted
