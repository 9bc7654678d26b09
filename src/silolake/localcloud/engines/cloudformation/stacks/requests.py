"""Asking for a stack to be created, updated, deleted.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.cloudformation.errors import invalid
from silolake.localcloud.engines.cloudformation.plays import PLAYS
from silolake.localcloud.engines.cloudformation.sources import (
    checked_template,
    refuse_given,
    require_capability,
    tags_of,
    template_text,
)
from silolake.localcloud.engines.cloudformation.stacks import access, exports, running
from silolake.localcloud.engines.cloudformation.stacks.changes import changes
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
from silolake.localcloud.engines.cloudformation.stacks.site import set_status
from silolake.localcloud.engines.cloudformation.templates import Template
from silolake.localcloud.engines.cloudformation.templates.deployment import StackName
from silolake.localcloud.engines.cloudformation.templates.parameters import settle
from silolake.localcloud.errors import AwsError, NotPlayed

_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
_NOT_PLAYED = (
    "RollbackConfiguration", "NotificationARNs", "ResourceTypes", "StackPolicyBody", "StackPolicyURL",
    "StackPolicyDuringUpdateBody", "StackPolicyDuringUpdateURL", "TimeoutInMinutes",
)  # fmt: skip
_UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
ADOPTS = (
    "A stack takes up what an earlier stack of the same name retained under the same logical id; "
    "on AWS that takes a change set with ImportExistingResources."
)
UPDATE_HOLDS = "What may not change in place of a resource with a name of its own fails the update, as on AWS."


def refuse_unplayed(call: Call) -> None:
    """Refuse the ways of deploying that are not played.

    Raises:
        NotPlayed: one is asked for.
    """
    refuse_given(call, *_NOT_PLAYED)
    if (call.parameters.get("DeploymentConfig") or {}).get("Mode", "STANDARD") != "STANDARD":
        raise NotPlayed(f"cloudformation:{call.operation} with DeploymentConfig.Mode EXPRESS")


def stack_name(call: Call) -> str:
    """The name for a new stack.

    Raises:
        AwsError: ``ValidationError``; it cannot be one.
    """
    name = str(call.parameters["StackName"])
    if not _NAME.fullmatch(name):
        raise invalid(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )
    return name


def wanted_of(call: Call, stack: StackName, present: Wanted | None, text: str | None = None) -> Wanted:
    """What a request wants a stack to hold, checked as far as it can be beforehand.

    Args:
        present: what the stack holds; ``None`` for a new one.
        text: the template's text where it does not come with the request.

    Raises:
        AwsError: ``ValidationError`` or ``InsufficientCapabilitiesException``.
    """
    given = call.parameters
    if text is None and present is not None and given.get("UsePreviousTemplate"):
        if given.get("TemplateBody") or given.get("TemplateURL"):
            raise invalid("You cannot specify both usePreviousTemplate and Template Body/Template URL.")
        text = present.template
    elif text is None:
        text = template_text(call)
    template: Template = checked_template(text)
    capabilities = tuple(given.get("Capabilities") or ())
    require_capability(template, capabilities)
    values = settle(template.parameters, given.get("Parameters") or [], present.parameters if present else {})
    tags = present.tags if present is not None and given.get("Tags") is None else tags_of(given.get("Tags") or [])
    role = str(given.get("RoleARN") or (present.role_arn if present else ""))
    wanted = Wanted(text, values, tags, capabilities, role)
    wanted.deployment(stack).check()
    return wanted


@PLAYS("CreateStack", access=access.deploying, differs=ADOPTS)
def create_stack(call: Call) -> dict[str, Any]:
    """CreateStack. Writes."""
    return {"StackId": create(call)}


def create(call: Call, text: str | None = None) -> str:
    """Create a stack; its id. Writes.

    Args:
        text: the template's text where it does not come with the request.
    """
    refuse_unplayed(call)
    given = call.parameters
    name = stack_name(call)
    named = StackName(new_stack_id(call.account, call.region, name), name, call.account, call.region)
    if given.get("OnFailure") and given.get("DisableRollback") is not None:
        raise invalid("Either DisableRollback or OnFailure can be specified, not both.")
    on_failure = str(given.get("OnFailure") or ("DO_NOTHING" if given.get("DisableRollback") else "ROLLBACK"))
    token = str(given.get("ClientRequestToken") or "")
    with call.cloud.store.read() as connection:
        present = find_stack(connection, call.account, call.region, name)
    if present is not None:
        if token and present.token == token:
            return present.id
        raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists")
    wanted = wanted_of(call, named, None, text)
    work = Work(
        id=str(uuid.uuid4()),
        kind="create",
        phase="forward",
        wanted=wanted,
        caller=kept_caller(call.caller),
        token=token,
        on_failure=on_failure,
        keeps_on_rollback=not given.get("RetainExceptOnCreate"),
    )
    begin_creation(call, named, work, is_protected=bool(given.get("EnableTerminationProtection")))
    return named.id


def begin_creation(call: Call, named: StackName, work: Work, *, is_protected: bool = False) -> None:
    """Keep a new stack with the work that fills it, and start that. Writes.

    Raises:
        AwsError: ``AlreadyExistsException``.
    """
    stack = Stack(
        id=named.id,
        account=named.account,
        region=named.region,
        name=named.name,
        status="CREATE_IN_PROGRESS",
        reason="",
        wanted=work.wanted,
        on_failure=work.on_failure,
        is_protected=is_protected,
        outputs=(),
        created_at=call.cloud.clock.now(),
        token=work.token,
        work=work,
    )
    with call.cloud.store.write() as connection:
        if find_stack(connection, named.account, named.region, named.name) is not None:
            raise AwsError("AlreadyExistsException", f"Stack [{named.name}] already exists")
        insert_stack(connection, stack)
        set_status(connection, call.cloud, stack, ("CREATE_IN_PROGRESS", "User Initiated"), work.token)
    running.start(call.cloud, stack.id)


def present_stack(call: Call, name: str) -> Stack:
    """The live stack that a request names.

    Raises:
        AwsError: ``ValidationError``; there is none.
    """
    with call.cloud.store.read() as connection:
        stack = find_stack(connection, call.account, call.region, name)
    if stack is None or stack.status == "DELETE_COMPLETE":
        raise invalid(f"Stack [{name}] does not exist")
    return stack


def refuse_if_busy(stack: Stack) -> None:
    """Refuse to update a stack in a state that does not allow it.

    Raises:
        AwsError: ``ValidationError``.
    """
    if stack.is_busy or stack.status not in _UPDATABLE:
        raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


@PLAYS("UpdateStack", access=access.deploying, differs=UPDATE_HOLDS)
def update_stack(call: Call) -> dict[str, Any]:
    """UpdateStack. Writes."""
    return {"StackId": update(call)}


def update(call: Call, text: str | None = None) -> str:
    """Update a stack; its id. Writes.

    Args:
        text: the template's text where it does not come with the request.
    """
    refuse_unplayed(call)
    refuse_given(call, "DisableRollback")
    given = call.parameters
    stack = present_stack(call, str(given["StackName"]))
    refuse_if_busy(stack)
    wanted = wanted_of(call, stack.named, stack.wanted, text)
    if not differs(call, stack, wanted):
        raise invalid("No updates are to be performed.")
    work = Work(
        id=str(uuid.uuid4()),
        kind="update",
        phase="forward",
        wanted=wanted,
        caller=kept_caller(call.caller),
        token=str(given.get("ClientRequestToken") or ""),
        keeps_on_rollback=not given.get("RetainExceptOnCreate"),
    )
    begin_update(call, stack, work)
    return stack.id


def differs(call: Call, stack: Stack, wanted: Wanted) -> bool:
    """Whether what is wanted is anything but what is there. Reads only.

    Raises:
        AwsError: ``ValidationError``; a resource would become one of another type.
    """
    with call.cloud.store.read() as connection:
        resources = read_resources(connection, stack.id)
        exported = exports.exported(connection, stack.account, stack.region)
    if (
        changes(stack, wanted, resources, exported)
        or wanted.tags != stack.wanted.tags
        or wanted.role_arn != stack.wanted.role_arn
    ):
        return True
    before, after = stack.wanted.deployment(stack.named), wanted.deployment(stack.named)
    shared = {name for name in after.scope.parameters if before.values.get(name) != after.values.get(name)}
    return _rest(before) != _rest(after) or bool(shared and before.outputs)


def _rest(deployment: Any) -> Mapping[str, Any]:
    """What a template says beside the properties of resources."""
    return {
        "outputs": deployment.outputs,
        "policies": {
            name: (each.deletion_policy, each.replace_policy, each.metadata)
            for name, each in deployment.resources.items()
        },
    }


def begin_update(call: Call, stack: Stack, work: Work) -> None:
    """Note the work that updates a stack, and start it. Writes.

    Raises:
        AwsError: ``ValidationError``; something else has begun meanwhile.
    """
    now = call.cloud.clock.now().isoformat()
    with call.cloud.store.write() as connection:
        refuse_if_busy(present_stack(call, stack.id))
        connection.execute("UPDATE cfn_stacks SET updated_at = ?, token = ? WHERE id = ?", (now, work.token, stack.id))
        set_work(connection, stack.id, work)
        set_status(connection, call.cloud, stack, ("UPDATE_IN_PROGRESS", "User Initiated"), work.token)
    running.start(call.cloud, stack.id)


@PLAYS("DeleteStack", access=access.deploying)
def delete_stack(call: Call) -> None:
    """DeleteStack. Writes."""
    given = call.parameters
    if given.get("DeletionMode") == "FORCE_DELETE_STACK":
        raise NotPlayed("cloudformation:DeleteStack with DeletionMode FORCE_DELETE_STACK")
    with call.cloud.store.read() as connection:
        stack = find_stack(connection, call.account, call.region, str(given["StackName"]))
    if stack is None or stack.status == "DELETE_COMPLETE":
        return
    retain = tuple(given.get("RetainResources") or ())
    if stack.is_protected:
        raise invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    if retain and stack.status != "DELETE_FAILED":
        raise invalid(
            f"Invalid operation on stack [{stack.id}]. When you delete a stack, specify which resources to retain "
            "only when the stack is in the DELETE_FAILED state."
        )
    with call.cloud.store.write() as connection:
        current = find_stack(connection, call.account, call.region, stack.id)
        if current is None or current.status == "DELETE_COMPLETE" or (current.work and current.work.kind == "delete"):
            return
        if current.is_busy:
            raise invalid(f"Stack:{stack.id} is in {current.status} state and can not be deleted.")
        work = Work(
            id=str(uuid.uuid4()),
            kind="delete",
            phase="delete",
            wanted=_with_role(current.wanted, str(given.get("RoleARN") or "")),
            caller=kept_caller(call.caller),
            token=str(given.get("ClientRequestToken") or ""),
            retain=retain,
        )
        connection.execute("DELETE FROM cfn_change_sets WHERE stack = ?", (stack.id,))
        settle_wanted(connection, stack.id, work.wanted)
        set_work(connection, stack.id, work)
        set_status(connection, call.cloud, stack, ("DELETE_IN_PROGRESS", "User Initiated"), work.token)
    running.start(call.cloud, stack.id)


def _with_role(wanted: Wanted, role_arn: str) -> Wanted:
    return Wanted(wanted.template, wanted.parameters, wanted.tags, wanted.capabilities, role_arn or wanted.role_arn)


@PLAYS("ContinueUpdateRollback", access=access.deploying)
def continue_update_rollback(call: Call) -> dict[str, Any]:
    """ContinueUpdateRollback: what failed to be taken back is tried again. Writes."""
    refuse_given(call, "ResourcesToSkip")
    stack = present_stack(call, str(call.parameters["StackName"]))
    role, token = str(call.parameters.get("RoleARN") or ""), str(call.parameters.get("ClientRequestToken") or "")
    with call.cloud.store.write() as connection:
        current = present_stack(call, stack.id)
        if current.work is None or current.status != "UPDATE_ROLLBACK_FAILED":
            raise invalid(f"Stack:{stack.id} is in {current.status} state and can not continue to roll back.")
        wanted = _with_role(current.work.wanted, role)
        work = replace(current.work, phase="rollback", wanted=wanted, caller=kept_caller(call.caller), token=token)
        set_work(connection, stack.id, work)
        set_status(connection, call.cloud, stack, ("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated"), token)
    running.start(call.cloud, stack.id)
    return {}


@PLAYS("UpdateTerminationProtection", access=access.on_stack)
def update_termination_protection(call: Call) -> dict[str, Any]:
    """UpdateTerminationProtection. Writes."""
    stack = present_stack(call, str(call.parameters["StackName"]))
    with call.cloud.store.write() as connection:
        is_protected = int(bool(call.parameters["EnableTerminationProtection"]))
        connection.execute("UPDATE cfn_stacks SET is_protected = ? WHERE id = ?", (is_protected, stack.id))
    return {"StackId": stack.id}
