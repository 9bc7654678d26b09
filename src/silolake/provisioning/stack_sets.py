"""Stack sets kept by the delegated administrator.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
"""

from __future__ import annotations

from typing import Any

from silolake.cloud import Cloud
from silolake.cloud.organization import Organization
from silolake.errors import CloudError, StepFailed
from silolake.provisioning.observing import AS_DELEGATE, exists
from silolake.provisioning.planning import prefix_of
from silolake.provisioning.waiting import until
from silolake.rooms import Rooms
from silolake.rooms.values import Deployment

_PATIENCE_S = 1800.0
_CAPABILITIES = ["CAPABILITY_NAMED_IAM"]


def name_of(rooms: Rooms, stack_set: str) -> str:
    """A stack set's name in the organization: ``nyc-dev-silo-base``."""
    return prefix_of(rooms) + stack_set.replace("_", "-")


def put(cloud: Cloud, rooms: Rooms, stack_set: str, body: str, call_as: str = AS_DELEGATE) -> None:
    """Create a stack set, or update it and every stack of it. Writes.

    Args:
        cloud: a delegated administrator, or the management account.
        rooms: the workspace's.
        stack_set: the template's name.
        body: as rendered.
        call_as: ``DELEGATED_ADMIN`` or ``SELF``.
    """
    name = name_of(rooms, stack_set)
    deployment = _deployment(rooms, stack_set)
    settings: dict[str, Any] = {
        "StackSetName": name,
        "TemplateBody": body,
        "Capabilities": _CAPABILITIES,
        "PermissionModel": "SERVICE_MANAGED",
        # An automatic deployment may be under way: what conflicts with it waits its turn.
        "ManagedExecution": {"Active": True},
        "AutoDeployment": {
            "Enabled": True,
            "RetainStacksOnAccountRemoval": deployment.retain,
        },
        "Tags": [
            {"Key": "lake", "Value": rooms.settings.lake.text},
            {"Key": "stage", "Value": rooms.settings.stage.text},
        ],
        "CallAs": call_as,
    }
    settings["AutoDeployment"]["DependsOn"] = _arns(cloud, rooms, deployment.depends_on, call_as)
    if not settings["AutoDeployment"]["DependsOn"]:
        del settings["AutoDeployment"]["DependsOn"]
    if exists(
        cloud, "cloudformation", "describe_stack_set", ("StackSetNotFoundException",), StackSetName=name, CallAs=call_as
    ):
        started = cloud.call(
            "cloudformation",
            "update_stack_set",
            **settings,
            OperationPreferences={"FailureToleranceCount": 0, "MaxConcurrentCount": 4},
        )
        ended(cloud, name, started["OperationId"], call_as)
    else:
        cloud.call("cloudformation", "create_stack_set", **settings)


def _arns(cloud: Cloud, rooms: Rooms, names: tuple[str, ...], call_as: str) -> list[str]:
    """Automatic deployment waits for the stack sets it depends on by their ARNs."""
    return [
        cloud.call("cloudformation", "describe_stack_set", StackSetName=name_of(rooms, each), CallAs=call_as)[
            "StackSet"
        ]["StackSetARN"]
        for each in names
    ]


def deploy(cloud: Cloud, rooms: Rooms, stack_set: str, organization: Organization, call_as: str = AS_DELEGATE) -> None:
    """Have every account of its units hold the stack set, and wait until each is current. Writes.

    Raises:
        StepFailed: a stack of it failed; the reason is the stack's own.
    """
    name, units = name_of(rooms, stack_set), _deployment(rooms, stack_set).units
    wanted = {
        account.id.text: account.name
        for unit in units
        for account in organization.below(unit)
        if account.id != organization.management
    }
    targeted = _targeted(cloud, name, call_as)
    for unit in units:
        unit_id = organization.unit(unit).text.rstrip("/").rsplit("/", 1)[1]
        if unit_id not in targeted:
            # Also for a unit that holds no account yet: this is what automatic deployment watches from now on.
            _create_instances(cloud, name, {"OrganizationalUnitIds": [unit_id]}, call_as)

    def settled() -> bool:
        states = _states(cloud, name, call_as)
        return all(states.get(account, ("", ""))[0] in ("CURRENT", "FAILED") for account in wanted)

    until(settled, f"{stack_set} has reached {', '.join(sorted(wanted.values()))}", _PATIENCE_S)
    failed = {account: why for account, (state, why) in _states(cloud, name, call_as).items() if state == "FAILED"}
    for unit in units:
        again = [account.id.text for account in organization.below(unit) if account.id.text in failed]
        if again:
            # A stack that failed before is tried once more: what stood in its way may be gone.
            unit_id = organization.unit(unit).text.rstrip("/").rsplit("/", 1)[1]
            target = {"OrganizationalUnitIds": [unit_id], "Accounts": again, "AccountFilterType": "INTERSECTION"}
            _create_instances(cloud, name, target, call_as)
    for account, (state, why) in _states(cloud, name, call_as).items():
        if account in wanted and state == "FAILED":
            raise StepFailed(f"deploy {stack_set} to {wanted[account]}", why)


def _create_instances(cloud: Cloud, name: str, target: dict[str, Any], call_as: str) -> None:
    started = cloud.call(
        "cloudformation",
        "create_stack_instances",
        StackSetName=name,
        DeploymentTargets=target,
        Regions=[cloud.region],
        OperationPreferences={"FailureToleranceCount": 0, "MaxConcurrentCount": 4},
        CallAs=call_as,
    )
    ended(cloud, name, started["OperationId"], call_as)


def ended(cloud: Cloud, name: str, operation: str, call_as: str) -> None:
    """Wait until an operation on a stack set has ended. Reads only.

    Raises:
        StepFailed: it did not succeed; the reason is each account's own.
    """

    def status_at_end() -> str:
        about = cloud.call(
            "cloudformation",
            "describe_stack_set_operation",
            StackSetName=name,
            OperationId=operation,
            CallAs=call_as,
        )["StackSetOperation"]
        return str(about["Status"]) if about["Status"] not in ("RUNNING", "QUEUED", "STOPPING") else ""

    status = until(status_at_end, f"operation {operation} of {name} has ended", _PATIENCE_S)
    if status != "SUCCEEDED":
        reasons = [
            f"{each['Account']}: {each.get('StatusReason', each['Status'])}"
            for each in cloud.pages(
                "cloudformation",
                "list_stack_set_operation_results",
                "Summaries",
                StackSetName=name,
                OperationId=operation,
                CallAs=call_as,
            )
            if each["Status"] != "SUCCEEDED"
        ]
        raise StepFailed(f"operation {operation} of {name}", f"{status}: {'; '.join(reasons)}")


def _targeted(cloud: Cloud, name: str, call_as: str) -> set[str]:
    try:
        about = cloud.call("cloudformation", "describe_stack_set", StackSetName=name, CallAs=call_as)["StackSet"]
    except CloudError as error:
        if error.code == "StackSetNotFoundException":
            return set()
        raise
    return set(about.get("OrganizationalUnitIds", ()))


def _states(cloud: Cloud, name: str, call_as: str) -> dict[str, tuple[str, str]]:
    """Each account's state, CURRENT, FAILED or on its way, and the reason."""
    found: dict[str, tuple[str, str]] = {}
    for each in cloud.pages("cloudformation", "list_stack_instances", "Summaries", StackSetName=name, CallAs=call_as):
        detailed = each.get("StackInstanceStatus", {}).get("DetailedStatus", "")
        if each["Status"] == "CURRENT":
            state = "CURRENT"
        elif detailed in ("FAILED", "CANCELLED", "INOPERABLE"):
            state = "FAILED"
        else:
            state = "ON ITS WAY"
        found[each["Account"]] = (state, str(each.get("StatusReason", detailed)))
    return found


def _deployment(rooms: Rooms, stack_set: str) -> Deployment:
    return next(each for each in rooms.organization.deployments if each.stack_set == stack_set)
