"""Change sets: an update written down, looked at, and then executed or not.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.cloudformation.errors import invalid
from silolake.localcloud.engines.cloudformation.paging import page
from silolake.localcloud.engines.cloudformation.plays import PLAYS
from silolake.localcloud.engines.cloudformation.sources import refuse_given
from silolake.localcloud.engines.cloudformation.stacks import access, exports, running
from silolake.localcloud.engines.cloudformation.stacks.changes import changes
from silolake.localcloud.engines.cloudformation.stacks.reading import PAGE, any_stack
from silolake.localcloud.engines.cloudformation.stacks.records import (
    Stack,
    Wanted,
    Work,
    find_stack,
    insert_stack,
    kept_caller,
    new_stack_id,
    read_resources,
    set_work,
    settle_wanted,
)
from silolake.localcloud.engines.cloudformation.stacks.requests import (
    begin_update,
    differs,
    present_stack,
    refuse_if_busy,
    refuse_unplayed,
    stack_name,
    wanted_of,
)
from silolake.localcloud.engines.cloudformation.stacks.site import set_status
from silolake.localcloud.engines.cloudformation.templates import read_template
from silolake.localcloud.engines.cloudformation.templates.deployment import StackName
from silolake.localcloud.engines.cloudformation.templates.parameters import listed
from silolake.localcloud.errors import AwsError, NotPlayed

_NOTHING = "The submitted information didn't contain changes. Submit different information to create a change set."
AT_ONCE = (
    "A change set is computed while CreateChangeSet is answered, "
    "so it is never seen in a state before CREATE_COMPLETE or FAILED."
)


@dataclass(frozen=True)
class ChangeSet:
    """One change set of one stack."""

    id: str
    stack: str
    name: str
    description: str
    status: str
    reason: str
    execution_status: str
    wanted: Wanted
    changes: tuple[dict[str, Any], ...]
    created_at: datetime

    @staticmethod
    def of(row: sqlite3.Row) -> ChangeSet:
        """The change set a row tells of."""
        wanted = json.loads(row["wanted"])
        wanted["capabilities"] = tuple(wanted["capabilities"])
        values = {
            key: row[key] for key in ("id", "stack", "name", "description", "status", "reason", "execution_status")
        }
        return ChangeSet(
            **values,
            wanted=Wanted(**wanted),
            changes=tuple(json.loads(row["changes"])),
            created_at=datetime.fromisoformat(row["created_at"]),
        )


def find_change_set(call: Call) -> ChangeSet:
    """The change set a request names, by its ARN or by its name and its stack's.

    Raises:
        AwsError: ``ChangeSetNotFound``, or ``ValidationError`` if the stack is not named.
    """
    name, stack_name_ = str(call.parameters["ChangeSetName"]), call.parameters.get("StackName")
    with call.cloud.store.read() as connection:
        if name.startswith("arn:"):
            row = connection.execute(
                "SELECT c.* FROM cfn_change_sets c JOIN cfn_stacks s ON s.id = c.stack"
                " WHERE c.id = ? AND s.account = ? AND s.region = ?",
                (name, call.account, call.region),
            ).fetchone()
        elif not stack_name_:
            raise invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
        else:
            stack = find_stack(connection, call.account, call.region, str(stack_name_))
            row = (
                stack
                and connection.execute(
                    "SELECT * FROM cfn_change_sets WHERE stack = ? AND name = ?", (stack.id, name)
                ).fetchone()
            )
    if row is None:
        raise AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)
    return ChangeSet.of(row)


@PLAYS("CreateChangeSet", access=access.deploying, differs=AT_ONCE)
def create_change_set(call: Call) -> dict[str, Any]:
    """CreateChangeSet. Writes."""
    return make_change_set(call)


def make_change_set(call: Call, text: str | None = None) -> dict[str, Any]:
    """Compute and keep a change set. Writes.

    Args:
        text: the template's text where it does not come with the request.
    """
    refuse_unplayed(call)
    refuse_given(
        call, "ResourcesToImport", "IncludeNestedStacks", "ImportExistingResources", "DeploymentMode", "OnStackFailure"
    )
    given = call.parameters
    kind = str(given.get("ChangeSetType") or "UPDATE")
    if kind == "IMPORT":
        raise NotPlayed("cloudformation:CreateChangeSet with ChangeSetType IMPORT")
    stack = _stack_for(call, kind)
    is_new = stack.status == "REVIEW_IN_PROGRESS"
    wanted = wanted_of(call, stack.named, None if is_new else stack.wanted, text)
    with call.cloud.store.read() as connection:
        resources = read_resources(connection, stack.id)
        exported = exports.exported(connection, stack.account, stack.region)
    found = changes(stack, wanted, resources, exported)
    is_something = is_new or differs(call, stack, wanted)
    change_set = ChangeSet(
        id=f"arn:aws:cloudformation:{call.region}:{call.account}:changeSet/{given['ChangeSetName']}/{uuid.uuid4()}",
        stack=stack.id,
        name=str(given["ChangeSetName"]),
        description=str(given.get("Description") or ""),
        status="CREATE_COMPLETE" if is_something else "FAILED",
        reason="" if is_something else _NOTHING,
        execution_status="AVAILABLE" if is_something else "UNAVAILABLE",
        wanted=wanted,
        changes=tuple(found),
        created_at=call.cloud.clock.now(),
    )
    with call.cloud.store.write() as connection:
        if is_new and find_stack(connection, call.account, call.region, stack.id) is None:
            insert_stack(connection, stack)
            set_status(connection, call.cloud, stack, ("REVIEW_IN_PROGRESS", "User Initiated"), "")
        _insert(connection, change_set)
    return {"Id": change_set.id, "StackId": stack.id}


def _stack_for(call: Call, kind: str) -> Stack:
    name = str(call.parameters["StackName"])
    with call.cloud.store.read() as connection:
        present = find_stack(connection, call.account, call.region, name)
    if kind == "UPDATE":
        stack = present_stack(call, name)
        refuse_if_busy(stack)
        return stack
    if present is not None and present.status != "REVIEW_IN_PROGRESS":
        raise invalid(
            f"Stack [{name}] already exists and cannot be created again with the changeSet "
            f"[{call.parameters['ChangeSetName']}]."
        )
    if present is not None:
        return present
    named = StackName(new_stack_id(call.account, call.region, name), stack_name(call), call.account, call.region)
    empty = Wanted('{"Resources": {"None": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}', {}, {})
    return Stack(
        id=named.id,
        account=named.account,
        region=named.region,
        name=named.name,
        status="REVIEW_IN_PROGRESS",
        reason="",
        wanted=empty,
        on_failure="ROLLBACK",
        is_protected=False,
        outputs=(),
        created_at=call.cloud.clock.now(),
    )


def _insert(connection: sqlite3.Connection, change_set: ChangeSet) -> None:
    known = connection.execute(
        "SELECT 1 FROM cfn_change_sets WHERE stack = ? AND name = ?", (change_set.stack, change_set.name)
    ).fetchone()
    if known:
        raise AwsError("AlreadyExistsException", f"ChangeSet {change_set.name} already exists")
    connection.execute(
        "INSERT INTO cfn_change_sets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            change_set.id, change_set.stack, change_set.name, change_set.description, change_set.status,
            change_set.reason, change_set.execution_status, json.dumps(asdict(change_set.wanted)),
            json.dumps(change_set.changes), change_set.created_at.isoformat(),
        ),
    )  # fmt: skip


@PLAYS("DescribeChangeSet", access=access.on_stack)
def describe_change_set(call: Call) -> dict[str, Any]:
    """DescribeChangeSet. Reads only."""
    refuse_given(call, "IncludePropertyValues")
    change_set = find_change_set(call)
    stack = any_stack(call, change_set.stack)
    found, more = page(change_set.changes, call.parameters.get("NextToken"), PAGE)
    return {
        **_summary(change_set, stack),
        "Parameters": listed(read_template(change_set.wanted.template).parameters, change_set.wanted.parameters),
        "Capabilities": list(change_set.wanted.capabilities),
        "Tags": [{"Key": key, "Value": value} for key, value in change_set.wanted.tags.items()],
        "NotificationARNs": [],
        "RollbackConfiguration": {},
        "Changes": found,
        **more,
    }


def _summary(change_set: ChangeSet, stack: Stack) -> dict[str, Any]:
    optional = {"Description": change_set.description, "StatusReason": change_set.reason}
    return {
        "ChangeSetId": change_set.id,
        "ChangeSetName": change_set.name,
        "StackId": stack.id,
        "StackName": stack.name,
        "CreationTime": change_set.created_at,
        "Status": change_set.status,
        "ExecutionStatus": change_set.execution_status,
        "IncludeNestedStacks": False,
        "ImportExistingResources": False,
        **{key: value for key, value in optional.items() if value},
    }


@PLAYS("ListChangeSets", access=access.on_stack)
def list_change_sets(call: Call) -> dict[str, Any]:
    """ListChangeSets. Reads only."""
    stack = any_stack(call, str(call.parameters["StackName"]))
    with call.cloud.store.read() as connection:
        rows = connection.execute(
            "SELECT * FROM cfn_change_sets WHERE stack = ? ORDER BY rowid", (stack.id,)
        ).fetchall()
    found, more = page(rows, call.parameters.get("NextToken"), PAGE)
    return {"Summaries": [_summary(ChangeSet.of(row), stack) for row in found], **more}


@PLAYS("DeleteChangeSet", access=access.on_stack)
def delete_change_set(call: Call) -> dict[str, Any]:
    """DeleteChangeSet; one that is gone already is no error. Writes."""
    try:
        change_set = find_change_set(call)
    except AwsError as error:
        if error.code == "ChangeSetNotFound":
            return {}
        raise
    with call.cloud.store.write() as connection:
        connection.execute("DELETE FROM cfn_change_sets WHERE id = ?", (change_set.id,))
    return {}


@PLAYS("ExecuteChangeSet", access=access.on_stack)
def execute_change_set(call: Call) -> dict[str, Any]:
    """ExecuteChangeSet: the stack's other change sets are no longer valid, and go. Writes."""
    change_set = find_change_set(call)
    stack = present_stack(call, change_set.stack)
    token = str(call.parameters.get("ClientRequestToken") or "")
    if change_set.execution_status != "AVAILABLE":
        if token and stack.token == token:
            return {}
        raise AwsError(
            "InvalidChangeSetStatus",
            f"ChangeSet [{change_set.id}] cannot be executed in its current execution status of "
            f"[{change_set.execution_status}]",
        )
    is_new = stack.status == "REVIEW_IN_PROGRESS"
    if not is_new:
        refuse_given(call, "DisableRollback")
    work = Work(
        id=str(uuid.uuid4()),
        kind="create" if is_new else "update",
        phase="forward",
        wanted=change_set.wanted,
        caller=kept_caller(call.caller),
        token=token,
        on_failure="DO_NOTHING" if call.parameters.get("DisableRollback") else "ROLLBACK",
        keeps_on_rollback=not call.parameters.get("RetainExceptOnCreate"),
    )
    with call.cloud.store.write() as connection:
        if is_new:
            _begin_reviewed(call, connection, stack, work)
        else:
            begin_update(call, stack, work)
        connection.execute("DELETE FROM cfn_change_sets WHERE stack = ? AND id <> ?", (stack.id, change_set.id))
        connection.execute(
            "UPDATE cfn_change_sets SET execution_status = 'EXECUTE_COMPLETE' WHERE id = ?", (change_set.id,)
        )
    running.start(call.cloud, stack.id)
    return {}


def _begin_reviewed(call: Call, connection: sqlite3.Connection, stack: Stack, work: Work) -> None:
    current = find_stack(connection, stack.account, stack.region, stack.id)
    if current is None or current.status != "REVIEW_IN_PROGRESS":
        raise invalid(
            f"Stack:{stack.id} is in {current.status if current else 'DELETE_COMPLETE'} state and can not be updated."
        )
    settle_wanted(connection, stack.id, work.wanted)
    set_work(connection, stack.id, work)
    connection.execute("UPDATE cfn_stacks SET token = ? WHERE id = ?", (work.token, stack.id))
    set_status(
        connection, call.cloud, replace(stack, token=work.token), ("CREATE_IN_PROGRESS", "User Initiated"), work.token
    )
