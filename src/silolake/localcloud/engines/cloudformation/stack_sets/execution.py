"""A stack instance's own account: the role that StackSets keeps there, and the stack made with it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-enable-trusted-access.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from silolake.localcloud.call import Call, Caller
from silolake.localcloud.cloud import LocalCloud, new_request_id
from silolake.localcloud.engines.cloudformation.stack_sets.organization import SERVICE
from silolake.localcloud.engines.cloudformation.stack_sets.records import Instance, StackSet
from silolake.localcloud.engines.cloudformation.stacks import access, requests, running
from silolake.localcloud.engines.cloudformation.stacks.records import Stack, find_stack
from silolake.localcloud.engines.iam.service_linked import plant_service_linked_role
from silolake.localcloud.errors import AwsError

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
_ADMINISTERING = "stacksets.cloudformation.amazonaws.com"
_DEPLOYED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_STUCK = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED")


def role_name(stack_set: StackSet, account: str) -> str:
    """The execution role's name, one in each account."""
    return f"stacksets-exec-{uuid.uuid5(uuid.NAMESPACE_URL, f'{stack_set.organization}/{account}').hex}"


def _member_role(cloud: LocalCloud, stack_set: StackSet, account: str) -> Caller:
    """The service-linked role that keeps the execution role; AWS makes it when trusted access is enabled."""
    with cloud.store.write() as connection:
        now = cloud.clock.now()
        plant_service_linked_role(connection, stack_set.account, _ADMINISTERING, now)
        arn = plant_service_linked_role(connection, account, SERVICE, now)
    return cloud.as_role(arn, "StackSetsMember")


def execution_role(cloud: LocalCloud, stack_set: StackSet, account: str) -> Caller:
    """The caller that deploys in an account; the role is made if it is not there. Writes.

    Raises:
        AwsError: it may not be made.
    """
    with running.floor(cloud).lock(f"execution role in {account}"):
        name = _keep_role(cloud, stack_set, account)
    return cloud.as_role(f"arn:aws:iam::{account}:role/{name}", f"StackSet-{stack_set.name}"[:64])


def _keep_role(cloud: LocalCloud, stack_set: StackSet, account: str) -> str:
    member, name = _member_role(cloud, stack_set, account), role_name(stack_set, account)
    administering = f"role/aws-service-role/{_ADMINISTERING}/AWSServiceRoleForCloudFormationStackSetsOrgAdmin"
    principal = {"AWS": f"arn:aws:iam::{stack_set.account}:{administering}"}
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
    }
    try:
        cloud.invoke(member, "iam", "GetRole", {"RoleName": name})
    except AwsError as error:
        if error.code != "NoSuchEntity":
            raise
        parameters = {"RoleName": name, "Path": "/", "AssumeRolePolicyDocument": json.dumps(trust)}
        cloud.invoke(member, "iam", "CreateRole", parameters)
    cloud.invoke(member, "iam", "AttachRolePolicy", {"RoleName": name, "PolicyArn": ADMINISTRATOR})
    return name


def retire_role(cloud: LocalCloud, stack_set: StackSet, account: str) -> None:
    """Remove the execution role from an account that has no stack instance left. Writes."""
    with running.floor(cloud).lock(f"execution role in {account}"):
        _drop_role(cloud, stack_set, account)


def _drop_role(cloud: LocalCloud, stack_set: StackSet, account: str) -> None:
    with cloud.store.read() as connection:
        left = connection.execute(
            "SELECT 1 FROM cfn_stack_instances i JOIN cfn_stack_sets s ON s.id = i.stack_set"
            " WHERE i.account = ? AND s.organization = ?",
            (account, stack_set.organization),
        ).fetchone()
    if left:
        return
    member, name = _member_role(cloud, stack_set, account), role_name(stack_set, account)
    steps: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("DetachRolePolicy", {"RoleName": name, "PolicyArn": ADMINISTRATOR}),
        ("DeleteRole", {"RoleName": name}),
    )
    for operation, parameters in steps:
        try:
            cloud.invoke(member, "iam", operation, parameters)
        except AwsError as error:
            if error.code != "NoSuchEntity":
                raise


def _find(cloud: LocalCloud, instance: Instance) -> Stack | None:
    with cloud.store.read() as connection:
        return find_stack(connection, instance.account, instance.region, instance.stack_name)


def _authorized(cloud: LocalCloud, caller: Caller, operation: str, parameters: Mapping[str, Any], region: str) -> Call:
    call = Call("cloudformation", operation, parameters, caller, region, cloud, new_request_id())
    cloud.require(call, access.deploying(call))
    return call


def deploy(cloud: LocalCloud, stack_set: StackSet, instance: Instance) -> Stack:
    """Bring an instance's stack to what the stack set says, from wherever it stands. Writes.

    Raises:
        AwsError: it could not be asked for; how it ended is in the stack that is answered.
    """
    caller = execution_role(cloud, stack_set, instance.account)
    stack = _settled(cloud, instance)
    if stack is not None and stack.status in _STUCK:
        _delete(cloud, caller, instance)
        stack = _settled(cloud, instance)
        if stack is not None:
            return stack
    values = {**stack_set.parameters, **instance.overrides}
    parameters = {
        "StackName": instance.stack_name,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
        "Tags": [{"Key": key, "Value": value} for key, value in stack_set.tags.items()],
        "Capabilities": list(stack_set.capabilities),
    }
    if stack is None:
        requests.create(_authorized(cloud, caller, "CreateStack", parameters, instance.region), stack_set.template)
    else:
        try:
            requests.update(_authorized(cloud, caller, "UpdateStack", parameters, instance.region), stack_set.template)
        except AwsError as error:
            if error.message != "No updates are to be performed.":
                raise
    settled = _settled(cloud, instance)
    if settled is None:
        raise AwsError("ValidationError", f"Stack {instance.stack_name} went away while it was deployed")
    return settled


def is_deployed(stack: Stack) -> bool:
    """Whether a stack holds what was asked of it."""
    return stack.status in _DEPLOYED


def withdraw(cloud: LocalCloud, stack_set: StackSet, instance: Instance) -> Stack | None:
    """Delete an instance's stack; what is left of it, ``None`` if nothing is. Writes.

    Raises:
        AwsError: it could not be asked for.
    """
    if _settled(cloud, instance) is None:
        return None
    _delete(cloud, execution_role(cloud, stack_set, instance.account), instance)
    return _settled(cloud, instance)


def _delete(cloud: LocalCloud, caller: Caller, instance: Instance) -> None:
    parameters = {"StackName": instance.stack_name}
    requests.delete_stack(_authorized(cloud, caller, "DeleteStack", parameters, instance.region))


def _settled(cloud: LocalCloud, instance: Instance) -> Stack | None:
    """The instance's stack once nothing is being done to it."""
    stack = _find(cloud, instance)
    if stack is not None and stack.is_busy:
        stack = running.run(cloud, stack.id)
    return None if stack is None or stack.status == "DELETE_COMPLETE" else stack
