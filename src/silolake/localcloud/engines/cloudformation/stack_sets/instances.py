"""Creating, updating, deleting and reading stack instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.cloudformation.errors import invalid
from silolake.localcloud.engines.cloudformation.paging import page
from silolake.localcloud.engines.cloudformation.plays import PLAYS
from silolake.localcloud.engines.cloudformation.stack_sets import access, running
from silolake.localcloud.engines.cloudformation.stack_sets.organization import administered
from silolake.localcloud.engines.cloudformation.stack_sets.queueing import (
    Target,
    Wish,
    accounts_below,
    asked_targets,
    enqueue,
    operation_id,
    preferences_of,
)
from silolake.localcloud.engines.cloudformation.stack_sets.records import (
    Instance,
    StackSet,
    find_instance,
    instances_of,
    named_set,
)
from silolake.localcloud.engines.cloudformation.stack_sets.sets import ONE_BY_ONE
from silolake.localcloud.engines.cloudformation.templates import read_template
from silolake.localcloud.engines.cloudformation.templates.parameters import listed, settle
from silolake.localcloud.errors import AwsError


def _overrides(call: Call, stack_set: StackSet) -> dict[str, str] | None:
    """A request's ``ParameterOverrides``, held to the template; ``None`` if it has none."""
    given = call.parameters.get("ParameterOverrides")
    if given is None:
        return None
    if any(each.get("UsePreviousValue") for each in given):
        given = [each for each in given if not each.get("UsePreviousValue")]
    declared = read_template(stack_set.template).parameters
    every = settle(declared, list(given), stack_set.parameters)
    return {str(each["ParameterKey"]): every[str(each["ParameterKey"])] for each in given}


def _wish(call: Call, action: str) -> Wish:
    return Wish(
        action=action,
        targets=(),
        asked=call.parameters.get("DeploymentTargets") or {},
        preferences=preferences_of(call),
        id=operation_id(call),
    )


@PLAYS("CreateStackInstances", access=access.on_set, differs=ONE_BY_ONE)
def create_stack_instances(call: Call) -> dict[str, Any]:
    """CreateStackInstances: into every account below the units, at any depth, but the management account. Writes."""
    stack_set, where = named_set(call), administered(call)
    asked = asked_targets(call, must_exist=True)
    units, _, _, regions = asked
    wish = replace(_wish(call, "CREATE"), overrides=_overrides(call, stack_set))
    with call.cloud.store.write() as connection:
        reached = accounts_below(connection, where, asked)
        targets = [Target(account, region, unit) for account, unit in reached.items() for region in regions]
        operation = enqueue(connection, call.cloud, stack_set, replace(wish, targets=targets))
        connection.executemany(
            "INSERT OR IGNORE INTO cfn_stack_set_targets VALUES (?, ?, ?)",
            [(stack_set.id, unit, region) for unit in units for region in regions],
        )
    running.start(call.cloud, stack_set.id)
    return {"OperationId": operation}


@PLAYS("UpdateStackInstances", access=access.on_set, differs=ONE_BY_ONE)
def update_stack_instances(call: Call) -> dict[str, Any]:
    """UpdateStackInstances: the parameters that instances have of their own. Writes."""
    stack_set, where = named_set(call), administered(call)
    asked = asked_targets(call, must_exist=True)
    wish = replace(_wish(call, "UPDATE"), overrides=_overrides(call, stack_set))
    with call.cloud.store.write() as connection:
        reached = accounts_below(connection, where, asked)
        targets = [
            Target(each.account, each.region, each.unit)
            for each in instances_of(connection, stack_set.id)
            if each.account in reached and each.region in asked[3]
        ]
        operation = enqueue(connection, call.cloud, stack_set, replace(wish, targets=targets))
    running.start(call.cloud, stack_set.id)
    return {"OperationId": operation}


@PLAYS("DeleteStackInstances", access=access.on_set, differs=ONE_BY_ONE)
def delete_stack_instances(call: Call) -> dict[str, Any]:
    """DeleteStackInstances: of the units as targets, and the instances that came through them. Writes."""
    stack_set, where, given = named_set(call), administered(call), call.parameters
    units, accounts, kind, regions = asked_targets(call, must_exist=True)
    wish = replace(_wish(call, "DELETE"), retains_stacks=bool(given["RetainStacks"]))
    with call.cloud.store.write() as connection:
        there = instances_of(connection, stack_set.id)
        reached = accounts_below(connection, where, (_present(call, units), [], "NONE", regions))
        targets = []
        for each in there:
            is_below = each.account in reached or each.unit in units
            is_named = each.account in accounts
            match kind:
                case "INTERSECTION":
                    is_meant = is_below and is_named
                case "DIFFERENCE":
                    is_meant = is_below and not is_named
                case "UNION":
                    is_meant = is_below or is_named
                case _:
                    is_meant = is_below
            if is_meant and each.region in regions:
                targets.append(Target(each.account, each.region, each.unit))
        operation = enqueue(connection, call.cloud, stack_set, replace(wish, targets=targets))
        if kind in ("NONE", "UNION"):
            connection.executemany(
                "DELETE FROM cfn_stack_set_targets WHERE stack_set = ? AND unit = ? AND region = ?",
                [(stack_set.id, unit, region) for unit in units for region in regions],
            )
    running.start(call.cloud, stack_set.id)
    return {"OperationId": operation}


def _present(call: Call, units: list[str]) -> list[str]:
    """Those of the units that are still there: instances may outlive the unit they came through."""
    with call.cloud.store.read() as connection:
        known = {row["id"] for row in connection.execute("SELECT id FROM org_units")}
    return [unit for unit in units if unit in known]


@PLAYS("DescribeStackInstance", access=access.on_set)
def describe_stack_instance(call: Call) -> dict[str, Any]:
    """DescribeStackInstance. Reads only."""
    stack_set, given = named_set(call), call.parameters
    account, region = str(given["StackInstanceAccount"]), str(given["StackInstanceRegion"])
    with call.cloud.store.read() as connection:
        instance = find_instance(connection, stack_set.id, account, region)
    if instance is None:
        raise AwsError(
            "StackInstanceNotFoundException",
            f"Stack instance not found for StackSet {stack_set.name} in {account} {region}",
            404,
        )
    declared = read_template(stack_set.template).parameters
    return {"StackInstance": {**_summary(instance), "ParameterOverrides": listed(declared, instance.overrides)}}


def _summary(instance: Instance) -> dict[str, Any]:
    optional = {
        "StackId": instance.stack,
        "StatusReason": instance.reason,
        "LastOperationId": instance.last_operation,
        "OrganizationalUnitId": instance.unit,
    }
    return {
        "StackSetId": instance.stack_set,
        "Account": instance.account,
        "Region": instance.region,
        "Status": instance.status,
        "StackInstanceStatus": {"DetailedStatus": instance.detailed_status},
        "DriftStatus": "NOT_CHECKED",
        **{key: value for key, value in optional.items() if value},
    }


@PLAYS("ListStackInstances", access=access.on_set)
def list_stack_instances(call: Call) -> dict[str, Any]:
    """ListStackInstances. Reads only."""
    stack_set, given = named_set(call), call.parameters
    with call.cloud.store.read() as connection:
        found = instances_of(connection, stack_set.id)
    account, region = given.get("StackInstanceAccount"), given.get("StackInstanceRegion")
    found = [
        each
        for each in found
        if account in (None, each.account)
        and region in (None, each.region)
        and _passes(each, given.get("Filters") or [])
    ]
    some, more = page(found, given.get("NextToken"), int(given.get("MaxResults") or 100))
    return {"Summaries": [_summary(each) for each in some], **more}


def _passes(instance: Instance, filters: list[Mapping[str, str]]) -> bool:
    have = {
        "DETAILED_STATUS": instance.detailed_status,
        "LAST_OPERATION_ID": instance.last_operation,
        "DRIFT_STATUS": "NOT_CHECKED",
    }
    for each in filters:
        if each.get("Name") not in have:
            raise invalid(f"Filter {each.get('Name')} is not valid")
        if have[each["Name"]] not in each.get("Values", "").split(","):
            return False
    return True
