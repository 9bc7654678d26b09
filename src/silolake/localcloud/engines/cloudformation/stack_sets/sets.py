"""Creating, updating, deleting and describing stack sets.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/what-is-cfnstacksets.html
"""

from __future__ import annotations

import re
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.cloudformation.errors import invalid
from silolake.localcloud.engines.cloudformation.paging import page
from silolake.localcloud.engines.cloudformation.plays import PLAYS
from silolake.localcloud.engines.cloudformation.sources import (
    checked_template,
    refuse_given,
    require_capability,
    tags_of,
    template_text,
)
from silolake.localcloud.engines.cloudformation.stack_sets import access, running
from silolake.localcloud.engines.cloudformation.stack_sets.organization import Administered, administered
from silolake.localcloud.engines.cloudformation.stack_sets.queueing import (
    Target,
    Wish,
    accounts_below,
    asked_targets,
    enqueue,
    operation_id,
    preferences_of,
    refuse_if_busy,
)
from silolake.localcloud.engines.cloudformation.stack_sets.records import (
    StackSet,
    find_set,
    instances_of,
    named_set,
    put_set,
)
from silolake.localcloud.engines.cloudformation.templates import Template, read_template
from silolake.localcloud.engines.cloudformation.templates.parameters import listed, settle
from silolake.localcloud.errors import AwsError, NotPlayed

_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
ONE_BY_ONE = (
    "Accounts are deployed one after another in each Region, whatever MaxConcurrentCount allows; "
    "the stack's name is the same again when an account comes back, so that it adopts what it retained."
)
_SELF_MANAGED = ("AdministrationRoleARN", "ExecutionRoleName", "StackId")


def _refuse_self_managed(call: Call) -> None:
    refuse_given(call, *_SELF_MANAGED)
    model = call.parameters.get("PermissionModel") or ("SELF_MANAGED" if call.operation == "CreateStackSet" else "")
    if model == "SELF_MANAGED":
        raise NotPlayed(f"cloudformation:{call.operation} with PermissionModel SELF_MANAGED")


def _checked(text: str, capabilities: Sequence[str]) -> Template:
    if transforms := read_template(text).transforms:
        raise invalid(
            f"Stack sets with SERVICE_MANAGED permissions do not support templates with transforms: {list(transforms)}"
        )
    template = checked_template(text)
    require_capability(template, capabilities)
    return template


@PLAYS("CreateStackSet", access=access.on_set, differs=ONE_BY_ONE)
def create_stack_set(call: Call) -> dict[str, Any]:
    """CreateStackSet. Writes."""
    _refuse_self_managed(call)
    where, given = administered(call), call.parameters
    name = str(given["StackSetName"])
    if not _NAME.fullmatch(name):
        raise invalid(
            f"1 validation error detected: Value '{name}' at 'stackSetName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )
    text, capabilities = template_text(call), tuple(given.get("Capabilities") or ())
    template = _checked(text, capabilities)
    deploys_itself, retains, depends_on = _auto_deployment(call, None)
    token = str(given.get("ClientRequestToken") or "")
    stack_set = StackSet(
        id=f"{name}:{uuid.uuid4()}",
        organization=where.organization,
        account=where.management_account,
        region=call.region,
        name=name,
        description=str(given.get("Description") or ""),
        status="ACTIVE",
        template=text,
        parameters=settle(template.parameters, list(given.get("Parameters") or []), {}),
        tags=tags_of(given.get("Tags") or []),
        capabilities=capabilities,
        deploys_itself=deploys_itself,
        retains_stacks=retains,
        depends_on=depends_on,
        is_managed=bool((given.get("ManagedExecution") or {}).get("Active")),
        version=1,
        token=token,
        created_at=call.cloud.clock.now(),
    )
    with call.cloud.store.write() as connection:
        present = find_set(connection, where, call.region, name)
        if present is not None and present.status == "ACTIVE":
            if token and present.token == token:
                return {"StackSetId": present.id}
            raise AwsError("NameAlreadyExistsException", f"The Name {name} already exists", 409)
        _check_dependencies(connection, where, stack_set)
        put_set(connection, stack_set)
    return {"StackSetId": stack_set.id}


def _auto_deployment(call: Call, present: StackSet | None) -> tuple[bool, bool, tuple[str, ...]]:
    given = call.parameters.get("AutoDeployment")
    if given is None:
        if present is None:
            raise invalid("AutoDeployment must be specified for stack sets with SERVICE_MANAGED permissions")
        return present.deploys_itself, present.retains_stacks, present.depends_on
    deploys_itself = bool(given.get("Enabled"))
    retains = given.get("RetainStacksOnAccountRemoval")
    if deploys_itself and retains is None:
        raise invalid("RetainStacksOnAccountRemoval must be specified when AutoDeployment is enabled")
    if not deploys_itself and (retains or given.get("DependsOn")):
        raise invalid("RetainStacksOnAccountRemoval and DependsOn need AutoDeployment to be enabled")
    depends_on = tuple(given.get("DependsOn") or ())
    if present is not None and "DependsOn" not in given:
        depends_on = present.depends_on
    return deploys_itself, bool(retains), depends_on


def _check_dependencies(connection: sqlite3.Connection, where: Administered, stack_set: StackSet) -> None:
    """Refuse a dependency that is not there, or that leads back."""
    seen: set[str] = set()
    waiting = list(stack_set.depends_on)
    while waiting:
        arn = waiting.pop()
        found = find_set(connection, where, stack_set.region, arn) if ":stackset/" in arn else None
        if found is None or found.status != "ACTIVE":
            raise invalid(f"The stack set {arn} in DependsOn does not exist")
        if found.id == stack_set.id:
            raise invalid("AutoDeployment.DependsOn must not lead back to the stack set itself")
        if arn not in seen:
            seen.add(arn)
            waiting.extend(found.depends_on)


@PLAYS("UpdateStackSet", access=access.on_set, differs=ONE_BY_ONE)
def update_stack_set(call: Call) -> dict[str, Any]:
    """UpdateStackSet: the template of the set, and the stacks of its instances, or of those that are named. Writes."""
    _refuse_self_managed(call)
    stack_set, where, given = named_set(call), administered(call), call.parameters
    text = stack_set.template if given.get("UsePreviousTemplate") else template_text(call)
    capabilities = tuple(given.get("Capabilities") or ())
    template = _checked(text, capabilities)
    deploys_itself, retains, depends_on = _auto_deployment(call, stack_set)
    managed = given.get("ManagedExecution")
    updated = replace(
        stack_set,
        description=str(given.get("Description") or stack_set.description),
        template=text,
        parameters=settle(template.parameters, list(given.get("Parameters") or []), stack_set.parameters),
        tags=stack_set.tags if given.get("Tags") is None else tags_of(given["Tags"]),
        capabilities=capabilities,
        deploys_itself=deploys_itself,
        retains_stacks=retains,
        depends_on=depends_on,
        is_managed=stack_set.is_managed if managed is None else bool(managed.get("Active")),
        version=stack_set.version + 1,
    )
    asked = asked_targets(call, must_exist=False)
    wish = Wish(
        action="UPDATE",
        targets=(),
        asked=given.get("DeploymentTargets") or {},
        preferences=preferences_of(call),
        id=operation_id(call),
    )
    with call.cloud.store.write() as connection:
        _check_dependencies(connection, where, updated)
        reached = accounts_below(connection, where, asked) if asked[0] or asked[1] else None
        targets = [
            Target(each.account, each.region, each.unit)
            for each in instances_of(connection, stack_set.id)
            if (reached is None or each.account in reached) and (not asked[3] or each.region in asked[3])
        ]
        operation = enqueue(connection, call.cloud, stack_set, replace(wish, targets=targets))
        put_set(connection, updated)
        connection.execute(
            "UPDATE cfn_stack_instances SET status = 'OUTDATED' WHERE stack_set = ? AND status = 'CURRENT'",
            (stack_set.id,),
        )
    running.start(call.cloud, stack_set.id)
    return {"OperationId": operation}


@PLAYS("DeleteStackSet", access=access.on_set)
def delete_stack_set(call: Call) -> dict[str, Any]:
    """DeleteStackSet. Writes."""
    stack_set = named_set(call)
    with call.cloud.store.write() as connection:
        refuse_if_busy(connection, replace(stack_set, is_managed=False), Wish("DELETE", ()))
        if instances_of(connection, stack_set.id):
            raise AwsError("StackSetNotEmptyException", "StackSet is not empty", 409)
        connection.execute("DELETE FROM cfn_stack_set_targets WHERE stack_set = ?", (stack_set.id,))
        put_set(connection, replace(stack_set, status="DELETED"))
    return {}


@PLAYS("DescribeStackSet", access=access.on_set)
def describe_stack_set(call: Call) -> dict[str, Any]:
    """DescribeStackSet. Reads only."""
    stack_set = named_set(call, is_live=False)
    with call.cloud.store.read() as connection:
        rows = connection.execute(
            "SELECT unit, region FROM cfn_stack_set_targets WHERE stack_set = ? ORDER BY unit, region", (stack_set.id,)
        ).fetchall()
        regions = {each.region for each in instances_of(connection, stack_set.id)}
    declared = read_template(stack_set.template).parameters
    return {
        "StackSet": {
            **_summary(stack_set),
            "StackSetARN": stack_set.arn,
            "TemplateBody": stack_set.template,
            "Parameters": listed(declared, stack_set.parameters),
            "Capabilities": list(stack_set.capabilities),
            "Tags": [{"Key": key, "Value": value} for key, value in stack_set.tags.items()],
            "OrganizationalUnitIds": sorted({row["unit"] for row in rows}),
            "Regions": sorted(regions | {row["region"] for row in rows}),
        }
    }


def _summary(stack_set: StackSet) -> dict[str, Any]:
    deployment: dict[str, Any] = {"Enabled": stack_set.deploys_itself}
    if stack_set.deploys_itself:
        deployment["RetainStacksOnAccountRemoval"] = stack_set.retains_stacks
        if stack_set.depends_on:
            deployment["DependsOn"] = list(stack_set.depends_on)
    description: Mapping[str, Any] = {"Description": stack_set.description} if stack_set.description else {}
    return {
        "StackSetName": stack_set.name,
        "StackSetId": stack_set.id,
        "Status": stack_set.status,
        "PermissionModel": "SERVICE_MANAGED",
        "AutoDeployment": deployment,
        "ManagedExecution": {"Active": stack_set.is_managed},
        **description,
    }


@PLAYS("ListStackSets", access=access.every_set)
def list_stack_sets(call: Call) -> dict[str, Any]:
    """ListStackSets. Reads only."""
    where, status = administered(call), call.parameters.get("Status")
    with call.cloud.store.read() as connection:
        rows = connection.execute(
            "SELECT * FROM cfn_stack_sets WHERE organization = ? AND region = ? ORDER BY name, created_at",
            (where.organization, call.region),
        )
        found = [stack_set for stack_set in map(StackSet.of, rows) if status in (None, stack_set.status)]
    some, more = page(found, call.parameters.get("NextToken"), int(call.parameters.get("MaxResults") or 100))
    return {"Summaries": [{**_summary(each), "DriftStatus": "NOT_CHECKED"} for each in some], **more}
