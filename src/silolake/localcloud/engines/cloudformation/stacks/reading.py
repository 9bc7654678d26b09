"""Reading stacks, their resources, events, templates and exports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.cloudformation.errors import invalid
from silolake.localcloud.engines.cloudformation.paging import page
from silolake.localcloud.engines.cloudformation.plays import PLAYS
from silolake.localcloud.engines.cloudformation.stacks import access, exports, running
from silolake.localcloud.engines.cloudformation.stacks.records import (
    Resource,
    Stack,
    find_stack,
    read_resources,
)
from silolake.localcloud.engines.cloudformation.templates import read_template
from silolake.localcloud.engines.cloudformation.templates.parameters import listed

PAGE = 100
WAITS = (
    "While a stack is worked on the answer is held back until the work is done, for up to five seconds, "
    "so that waiters which look every thirty seconds come through at once."
)
_NOT_CHECKED = {"StackDriftStatus": "NOT_CHECKED"}
_RESOURCE_NOT_CHECKED = {"StackResourceDriftStatus": "NOT_CHECKED"}


def any_stack(call: Call, name: str) -> Stack:
    """The stack a request names, deleted ones by their id.

    Raises:
        AwsError: ``ValidationError``; there is none.
    """
    with call.cloud.store.read() as connection:
        stack = find_stack(connection, call.account, call.region, name)
    if stack is None:
        raise invalid(f"Stack with id {name} does not exist")
    return stack


@PLAYS("DescribeStacks", access=access.on_stack, differs=WAITS)
def describe_stacks(call: Call) -> dict[str, Any]:
    """DescribeStacks. Reads only."""
    name = call.parameters.get("StackName")
    if name:
        stack = any_stack(call, str(name))
        if stack.is_busy:
            running.floor(call.cloud).wait_until(lambda: not any_stack(call, stack.id).is_busy)
            stack = any_stack(call, stack.id)
        return {"Stacks": [_described(stack)]}
    stacks = [each for each in _stacks(call) if each.status != "DELETE_COMPLETE"]
    found, more = page(stacks, call.parameters.get("NextToken"), PAGE)
    return {"Stacks": [_described(each) for each in found], **more}


def _stacks(call: Call) -> list[Stack]:
    with call.cloud.store.read() as connection:
        rows = connection.execute(
            "SELECT * FROM cfn_stacks WHERE account = ? AND region = ? ORDER BY created_at DESC, rowid DESC",
            (call.account, call.region),
        )
        return [Stack.of(row) for row in rows]


def _described(stack: Stack) -> dict[str, Any]:
    template = read_template(stack.wanted.template)
    found: dict[str, Any] = {
        "StackId": stack.id,
        "StackName": stack.name,
        "Parameters": listed(template.parameters, stack.wanted.parameters),
        "CreationTime": stack.created_at,
        "StackStatus": stack.status,
        "DisableRollback": stack.on_failure == "DO_NOTHING",
        "NotificationARNs": [],
        "Capabilities": list(stack.wanted.capabilities),
        "Outputs": list(stack.outputs),
        "Tags": [{"Key": key, "Value": value} for key, value in stack.wanted.tags.items()],
        "EnableTerminationProtection": stack.is_protected,
        "DriftInformation": _NOT_CHECKED,
        "RollbackConfiguration": {},
    }
    optional = {
        "Description": template.description,
        "StackStatusReason": stack.reason,
        "RoleARN": stack.wanted.role_arn,
        "LastUpdatedTime": stack.updated_at,
        "DeletionTime": stack.deleted_at,
    }
    return {**found, **{key: value for key, value in optional.items() if value}}


@PLAYS("ListStacks", access=access.account_wide)
def list_stacks(call: Call) -> dict[str, Any]:
    """ListStacks. Reads only."""
    statuses = call.parameters.get("StackStatusFilter") or ()
    stacks = [each for each in _stacks(call) if not statuses or each.status in statuses]
    found, more = page(stacks, call.parameters.get("NextToken"), PAGE)
    return {"StackSummaries": [_summary(each) for each in found], **more}


def _summary(stack: Stack) -> dict[str, Any]:
    optional = {
        "TemplateDescription": read_template(stack.wanted.template).description,
        "LastUpdatedTime": stack.updated_at,
        "DeletionTime": stack.deleted_at,
        "StackStatusReason": stack.reason,
    }
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "CreationTime": stack.created_at,
        "StackStatus": stack.status,
        "DriftInformation": _NOT_CHECKED,
        **{key: value for key, value in optional.items() if value},
    }


@PLAYS("DescribeStackEvents", access=access.on_stack)
def describe_stack_events(call: Call) -> dict[str, Any]:
    """DescribeStackEvents: the newest first. Reads only."""
    stack = any_stack(call, str(call.parameters["StackName"]))
    with call.cloud.store.read() as connection:
        rows = connection.execute(
            "SELECT * FROM cfn_events WHERE stack = ? ORDER BY number DESC", (stack.id,)
        ).fetchall()
    found, more = page(rows, call.parameters.get("NextToken"), PAGE)
    return {"StackEvents": [_event(stack, row) for row in found], **more}


def _event(stack: Stack, row: Mapping[str, Any]) -> dict[str, Any]:
    optional = {
        "ResourceStatusReason": row["reason"],
        "ResourceProperties": row["properties"],
        "ClientRequestToken": row["token"],
    }
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "EventId": row["id"],
        "LogicalResourceId": row["logical_id"],
        "PhysicalResourceId": row["physical_id"],
        "ResourceType": row["type"],
        "ResourceStatus": row["status"],
        "Timestamp": datetime.fromisoformat(row["at"]),
        **{key: value for key, value in optional.items() if value},
    }


def _resources(call: Call, stack: Stack) -> list[Resource]:
    with call.cloud.store.read() as connection:
        return list(read_resources(connection, stack.id).values())


def _resource(resource: Resource) -> dict[str, Any]:
    found = {
        "LogicalResourceId": resource.logical_id,
        "ResourceType": resource.type,
        "ResourceStatus": resource.status,
        "DriftInformation": _RESOURCE_NOT_CHECKED,
    }
    optional = {"PhysicalResourceId": resource.physical_id, "ResourceStatusReason": resource.reason}
    return {**found, **{key: value for key, value in optional.items() if value}}


@PLAYS("ListStackResources", access=access.on_stack)
def list_stack_resources(call: Call) -> dict[str, Any]:
    """ListStackResources. Reads only."""
    stack = any_stack(call, str(call.parameters["StackName"]))
    found, more = page(_resources(call, stack), call.parameters.get("NextToken"), PAGE)
    summaries = [{**_resource(each), "LastUpdatedTimestamp": datetime.fromisoformat(each.updated_at)} for each in found]
    return {"StackResourceSummaries": summaries, **more}


@PLAYS("DescribeStackResources", access=access.on_stack)
def describe_stack_resources(call: Call) -> dict[str, Any]:
    """DescribeStackResources. Reads only."""
    given = call.parameters
    physical_id = given.get("PhysicalResourceId")
    if bool(given.get("StackName")) == bool(physical_id):
        raise invalid("Either StackName or PhysicalResourceId must be specified, and not both")
    stack = _stack_with(call, str(physical_id)) if physical_id else any_stack(call, str(given["StackName"]))
    wanted = given.get("LogicalResourceId")
    found = []
    for each in _resources(call, stack):
        if wanted in (None, each.logical_id):
            identity = {
                "StackId": stack.id,
                "StackName": stack.name,
                "Timestamp": datetime.fromisoformat(each.updated_at),
            }
            found.append({**_resource(each), **identity})
    return {"StackResources": found}


def _stack_with(call: Call, physical_id: str) -> Stack:
    for stack in _stacks(call):
        there = () if stack.status == "DELETE_COMPLETE" else _resources(call, stack)
        if any(each.physical_id == physical_id and not each.is_gone for each in there):
            return stack
    raise invalid(f"Stack for {physical_id} does not exist")


@PLAYS("DescribeStackResource", access=access.on_stack)
def describe_stack_resource(call: Call) -> dict[str, Any]:
    """DescribeStackResource. Reads only."""
    name, logical_id = str(call.parameters["StackName"]), str(call.parameters["LogicalResourceId"])
    stack = any_stack(call, name)
    for each in _resources(call, stack):
        if each.logical_id == logical_id:
            declared = read_template(stack.wanted.template).resources.get(logical_id)
            metadata = {"Metadata": json.dumps(declared.metadata)} if declared and declared.metadata else {}
            identity = {"StackId": stack.id, "StackName": stack.name}
            updated = {"LastUpdatedTimestamp": datetime.fromisoformat(each.updated_at)}
            return {"StackResourceDetail": {**_resource(each), **identity, **updated, **metadata}}
    raise invalid(f"Resource {logical_id} does not exist for stack {name}")


@PLAYS("ListExports", access=access.account_wide)
def list_exports(call: Call) -> dict[str, Any]:
    """ListExports. Reads only."""
    with call.cloud.store.read() as connection:
        rows = connection.execute(
            "SELECT * FROM cfn_exports WHERE account = ? AND region = ? ORDER BY name", (call.account, call.region)
        ).fetchall()
    found, more = page(rows, call.parameters.get("NextToken"), PAGE)
    listed_ = [{"ExportingStackId": row["stack"], "Name": row["name"], "Value": row["value"]} for row in found]
    return {"Exports": listed_, **more}


@PLAYS("ListImports", access=access.account_wide)
def list_imports(call: Call) -> dict[str, Any]:
    """ListImports. Reads only."""
    name = str(call.parameters["ExportName"])
    with call.cloud.store.read() as connection:
        users = exports.importers(connection, call.account, call.region, name)
    if not users:
        raise invalid(f"Export '{name}' is not imported by any stack.")
    found, more = page(users, call.parameters.get("NextToken"), PAGE)
    return {"Imports": found, **more}
