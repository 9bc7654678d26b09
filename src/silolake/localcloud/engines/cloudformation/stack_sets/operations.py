"""Reading and stopping operations on stack sets."""

from __future__ import annotations

from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.cloudformation.errors import invalid
from silolake.localcloud.engines.cloudformation.paging import page
from silolake.localcloud.engines.cloudformation.plays import PLAYS
from silolake.localcloud.engines.cloudformation.stack_sets import access
from silolake.localcloud.engines.cloudformation.stack_sets.records import (
    UNFINISHED,
    Operation,
    Result,
    StackSet,
    find_operation,
    named_set,
    operations_of,
    results_of,
)
from silolake.localcloud.engines.cloudformation.stacks import running
from silolake.localcloud.errors import AwsError

WAITS = (
    "While the operation goes on the answer is held back until it is done, for up to five seconds, "
    "so that a look every few seconds does not wait longer than it has to."
)


def _operation(call: Call, stack_set: StackSet) -> Operation:
    wanted = str(call.parameters["OperationId"])
    with call.cloud.store.read() as connection:
        found = find_operation(connection, stack_set.id, wanted)
    if found is None:
        raise AwsError("OperationNotFoundException", f"Operation {wanted} not found", 404)
    return found


def _shown(operation: Operation, failed: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "OperationId": operation.id,
        "Action": operation.action,
        "Status": operation.status,
        "CreationTimestamp": operation.created_at,
        "OperationPreferences": dict(operation.preferences),
        "StatusDetails": {"FailedStackInstancesCount": failed},
    }
    if operation.ended_at is not None:
        found["EndTimestamp"] = operation.ended_at
    if operation.reason:
        found["StatusReason"] = operation.reason
    return found


def _results(call: Call, stack_set: StackSet, operation: Operation) -> list[Result]:
    with call.cloud.store.read() as connection:
        return results_of(connection, stack_set.id, operation.id)


def _failed(call: Call, stack_set: StackSet, operation: Operation) -> int:
    return sum(1 for each in _results(call, stack_set, operation) if each.status == "FAILED")


@PLAYS("DescribeStackSetOperation", access=access.on_set, differs=WAITS)
def describe_stack_set_operation(call: Call) -> dict[str, Any]:
    """DescribeStackSetOperation. Reads only."""
    stack_set = named_set(call, is_live=False)
    operation = _operation(call, stack_set)
    if operation.status in UNFINISHED:
        running.floor(call.cloud).wait_until(lambda: _operation(call, stack_set).status not in UNFINISHED)
        operation = _operation(call, stack_set)
    more: dict[str, Any] = {"StackSetId": stack_set.id, "DeploymentTargets": dict(operation.targets)}
    if operation.action == "DELETE":
        more["RetainStacks"] = operation.retains_stacks
    return {"StackSetOperation": {**_shown(operation, _failed(call, stack_set, operation)), **more}}


@PLAYS("ListStackSetOperations", access=access.on_set)
def list_stack_set_operations(call: Call) -> dict[str, Any]:
    """ListStackSetOperations: the newest first, those of automatic deployment among them. Reads only."""
    stack_set, given = named_set(call, is_live=False), call.parameters
    with call.cloud.store.read() as connection:
        found = operations_of(connection, stack_set.id)
    some, more = page(found, given.get("NextToken"), int(given.get("MaxResults") or 100))
    return {"Summaries": [_shown(each, _failed(call, stack_set, each)) for each in some], **more}


@PLAYS("ListStackSetOperationResults", access=access.on_set)
def list_stack_set_operation_results(call: Call) -> dict[str, Any]:
    """ListStackSetOperationResults. Reads only."""
    stack_set, given = named_set(call, is_live=False), call.parameters
    found = _results(call, stack_set, _operation(call, stack_set))
    for each in given.get("Filters") or []:
        if each.get("Name") != "OPERATION_RESULT_STATUS":
            raise invalid(f"Filter {each.get('Name')} is not valid")
        found = [result for result in found if result.status in each.get("Values", "").split(",")]
    some, more = page(found, given.get("NextToken"), int(given.get("MaxResults") or 100))
    return {"Summaries": [_result(each) for each in some], **more}


def _result(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Account": result.account,
        "Region": result.region,
        "Status": result.status,
        "OrganizationalUnitId": result.unit,
        "AccountGateResult": {
            "Status": "SKIPPED",
            "StatusReason": f"Function not found: arn:aws:lambda:{result.region}:{result.account}:function:"
            "AWSCloudFormationStackSetAccountGate",
        },
    }
    if result.reason:
        found["StatusReason"] = result.reason
    return found


@PLAYS("StopStackSetOperation", access=access.on_set)
def stop_stack_set_operation(call: Call) -> dict[str, Any]:
    """StopStackSetOperation: the account that is at its turn is finished, the others are cancelled. Writes."""
    stack_set = named_set(call)
    operation = _operation(call, stack_set)
    with call.cloud.store.write() as connection:
        changed = connection.execute(
            "UPDATE cfn_stack_set_operations SET status = 'STOPPING'"
            " WHERE number = ? AND status IN ('RUNNING', 'QUEUED')",
            (operation.number,),
        ).rowcount
    if not changed:
        raise AwsError("InvalidOperationException", f"Operation {operation.id} is in {operation.status} state")
    return {}


@PLAYS("ListStackSetAutoDeploymentTargets", access=access.on_set)
def list_stack_set_auto_deployment_targets(call: Call) -> dict[str, Any]:
    """ListStackSetAutoDeploymentTargets. Reads only."""
    stack_set, given = named_set(call), call.parameters
    regions: dict[str, list[str]] = {}
    with call.cloud.store.read() as connection:
        for row in connection.execute(
            "SELECT unit, region FROM cfn_stack_set_targets WHERE stack_set = ? ORDER BY unit, region", (stack_set.id,)
        ):
            regions.setdefault(row["unit"], []).append(row["region"])
    every = [{"OrganizationalUnitId": unit, "Regions": where} for unit, where in regions.items()]
    some, more = page(every, given.get("NextToken"), int(given.get("MaxResults") or 100))
    return {"Summaries": some, **more}
