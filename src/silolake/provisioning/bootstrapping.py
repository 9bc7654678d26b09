"""Once, with the management account's credentials: everything that only they may switch on.

Order: the organization and its trusted access, the platform's unit and account, its delegation, the role that may
make and move accounts, then the platform's own stack set, whose buckets every later run needs.
"""

from __future__ import annotations

import json
from typing import Any

from silolake.cloud import Cloud
from silolake.cloud.organization import Organization, read_organization
from silolake.errors import CloudError, StepFailed, WrongState
from silolake.provisioning import stack_sets
from silolake.provisioning.observing import exists, ground_of
from silolake.provisioning.planning import ROOT
from silolake.provisioning.reports import Done, ProvisioningReport
from silolake.provisioning.steps import (
    CreateAccount,
    CreateUnit,
    DelegateAdministration,
    DeployStackSet,
    MoveAccount,
    PrepareOrganization,
    ProvisioningStep,
    PutOrganizationRole,
    PutStackSet,
    explain,
)
from silolake.provisioning.verbs import ORGANIZATION_ROLE, Hands, Tell, perform
from silolake.rooms import Rooms
from silolake.rooms.render import render_body, render_policy

PLATFORM = "platform"
PLATFORM_SET = "platform_base"
DELEGATION_POLICY = "delegation.organizations"
_STACK_SETS = "member.org.stacksets.cloudformation.amazonaws.com"
_TYPES = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
_SELF = "SELF"


def plan_bootstrap(cloud: Cloud, rooms: Rooms) -> list[ProvisioningStep]:
    """What bootstrapping would still have to do. Reads only.

    Args:
        cloud: an administrator of the management account.
        rooms: the workspace's.

    Raises:
        WrongState: the credentials are of a member account.
    """
    steps: list[ProvisioningStep] = []
    services = _services(rooms)
    platform = rooms.organization.accounts[PLATFORM]
    organization = _organization(cloud)
    if organization is None or not _prepared(cloud, organization, services):
        steps.append(PrepareOrganization(services))
    # The platform's own template names the other units, in whom its buckets admit.
    known = organization.units if organization else {}
    wanted = [each.name for each in rooms.organization.units.values() if each.mode == "managed"]
    steps += (CreateUnit(name) for name in wanted if name not in known)
    found = organization.accounts.get(PLATFORM) if organization else None
    if organization is None or found is None:
        steps.append(CreateAccount(PLATFORM, platform.email, platform.unit, dict(platform.tags)))
    elif platform.unit not in organization.units_of(found):
        steps.append(MoveAccount(PLATFORM, ROOT, platform.unit))
    if organization is None or found is None or not _delegated(cloud, rooms, organization, services):
        steps.append(DelegateAdministration(PLATFORM, services))
    if organization is None or found is None or not _role_is_there(cloud, rooms, organization):
        steps.append(PutOrganizationRole(ORGANIZATION_ROLE))
    if organization is None or found is None or not _deployed(cloud, rooms, organization):
        steps += [PutStackSet(PLATFORM_SET, True), DeployStackSet(PLATFORM_SET, (platform.unit,))]
    return steps


def bootstrap(cloud: Cloud, rooms: Rooms, tell: Tell = lambda _: None) -> ProvisioningReport:
    """Prepare the organization for the lake; safe to run again. Writes.

    Args:
        cloud: an administrator of the management account.
        rooms: the workspace's.
        tell: hears each step before it is performed.

    Returns:
        Every step and how it ended.

    Raises:
        SilolakeError: a step failed; what was done stays, and the next call goes on from there.
    """
    done: list[Done] = []
    for step in plan_bootstrap(cloud, rooms):
        tell(explain(step))
        _perform(step, cloud, rooms)
        done.append(Done(explain(step), "done"))
    return ProvisioningReport("bootstrap", "", tuple(done))


def _perform(step: ProvisioningStep, cloud: Cloud, rooms: Rooms) -> None:
    if isinstance(step, PrepareOrganization):
        _prepare(cloud, step.services)
        return
    organization = read_organization(cloud)
    match step:
        case DelegateAdministration(account, services):
            _delegate(cloud, rooms, organization, (account, services))
        case PutOrganizationRole(name):
            _put_role(cloud, rooms, organization, name)
        case PutStackSet(name):
            stack_sets.put(cloud, rooms, name, render_body(rooms, name, ground_of(organization)), _SELF)
        case DeployStackSet(name):
            stack_sets.deploy(cloud, rooms, name, organization, _SELF)
        case CreateUnit() | CreateAccount() | MoveAccount():
            perform(step, Hands(cloud, rooms, organization, cloud))
        case _:
            raise StepFailed(explain(step), "it is no step of bootstrapping")


def _services(rooms: Rooms) -> tuple[str, ...]:
    wanted = [each for delegation in rooms.organization.delegations for each in delegation.services]
    return tuple(dict.fromkeys([_STACK_SETS, *wanted]))


def _organization(cloud: Cloud) -> Organization | None:
    if not exists(cloud, "organizations", "describe_organization", ("AWSOrganizationsNotInUseException",)):
        return None
    organization = read_organization(cloud)
    if organization.management.text != cloud.account:
        raise WrongState(
            f"these are credentials of {cloud.account}, and {organization.management} owns the organization",
            "Bootstrap with credentials of the management account",
        )
    return organization


def _prepared(cloud: Cloud, organization: Organization, services: tuple[str, ...]) -> bool:
    (root,) = cloud.call("organizations", "list_roots")["Roots"]
    enabled = {each["Type"] for each in root.get("PolicyTypes", []) if each["Status"] == "ENABLED"}
    trusted = {
        each["ServicePrincipal"]
        for each in cloud.pages("organizations", "list_aws_service_access_for_organization", "EnabledServicePrincipals")
    }
    return set(_TYPES) <= enabled and set(services) <= trusted


def _prepare(cloud: Cloud, services: tuple[str, ...]) -> None:
    if not exists(cloud, "organizations", "describe_organization", ("AWSOrganizationsNotInUseException",)):
        cloud.call("organizations", "create_organization", FeatureSet="ALL")
    (root,) = cloud.call("organizations", "list_roots")["Roots"]
    enabled = {each["Type"] for each in root.get("PolicyTypes", []) if each["Status"] == "ENABLED"}
    for kind in _TYPES:
        if kind not in enabled:
            cloud.call("organizations", "enable_policy_type", RootId=root["Id"], PolicyType=kind)
    for service in services:
        cloud.call("organizations", "enable_aws_service_access", ServicePrincipal=service)


def _delegated(cloud: Cloud, rooms: Rooms, organization: Organization, services: tuple[str, ...]) -> bool:
    platform = organization.account(PLATFORM)
    listed = {each["ServicePrincipal"] for each in _listed_delegations(cloud, platform.id.text)}
    return set(services) <= listed and _delegation_document(cloud) == json.loads(
        render_policy(rooms, DELEGATION_POLICY, ground_of(organization))
    )


def _listed_delegations(cloud: Cloud, account: str) -> list[dict[str, Any]]:
    try:
        return list(
            cloud.pages("organizations", "list_delegated_services_for_account", "DelegatedServices", AccountId=account)
        )
    except CloudError as error:
        if error.code == "AccountNotRegisteredException":
            return []
        raise


def _delegation_document(cloud: Cloud) -> Any:
    try:
        return json.loads(cloud.call("organizations", "describe_resource_policy")["ResourcePolicy"]["Content"])
    except CloudError as error:
        if error.code == "ResourcePolicyNotFoundException":
            return None
        raise


def _delegate(cloud: Cloud, rooms: Rooms, organization: Organization, wanted: tuple[str, tuple[str, ...]]) -> None:
    account = organization.account(wanted[0]).id.text
    present = {each["ServicePrincipal"] for each in _listed_delegations(cloud, account)}
    for service in wanted[1]:
        if service not in present:
            cloud.call("organizations", "register_delegated_administrator", AccountId=account, ServicePrincipal=service)
    content = render_policy(rooms, DELEGATION_POLICY, ground_of(organization))
    if _delegation_document(cloud) != json.loads(content):
        cloud.call("organizations", "put_resource_policy", Content=content)


def _trust(organization: Organization) -> dict[str, Any]:
    """Only the platform's runner; a role cannot be named in a trust policy before it exists, a pattern can."""
    platform = organization.account(PLATFORM).id
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "PlatformRunner",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{platform}:root"},
                "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
                "Condition": {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{platform}:role/lake/run/runner"}},
            }
        ],
    }


_MAY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "MakeAndMoveAccounts",
            "Effect": "Allow",
            "Action": [
                "organizations:CreateAccount",
                "organizations:CreateOrganizationalUnit",
                "organizations:Describe*",
                "organizations:List*",
                "organizations:MoveAccount",
                "organizations:TagResource",
            ],
            "Resource": "*",
        }
    ],
}


def _role_is_there(cloud: Cloud, rooms: Rooms, organization: Organization) -> bool:
    try:
        role = cloud.call("iam", "get_role", RoleName=ORGANIZATION_ROLE)["Role"]
        policy = cloud.call("iam", "get_role_policy", RoleName=ORGANIZATION_ROLE, PolicyName=ORGANIZATION_ROLE)
    except CloudError as error:
        if error.code == "NoSuchEntity":
            return False
        raise
    return bool(role["AssumeRolePolicyDocument"] == _trust(organization) and policy["PolicyDocument"] == _MAY)


def _put_role(cloud: Cloud, rooms: Rooms, organization: Organization, name: str) -> None:
    trust = json.dumps(_trust(organization))
    if exists(cloud, "iam", "get_role", ("NoSuchEntity",), RoleName=name):
        cloud.call("iam", "update_assume_role_policy", RoleName=name, PolicyDocument=trust)
    else:
        cloud.call(
            "iam",
            "create_role",
            RoleName=name,
            AssumeRolePolicyDocument=trust,
            Description="makes and moves accounts for the lake",
            Tags=[{"Key": "lake", "Value": rooms.settings.lake.text}],
        )
    cloud.call("iam", "put_role_policy", RoleName=name, PolicyName=name, PolicyDocument=json.dumps(_MAY))


def _deployed(cloud: Cloud, rooms: Rooms, organization: Organization) -> bool:
    name = stack_sets.name_of(rooms, PLATFORM_SET)
    if not exists(
        cloud, "cloudformation", "describe_stack_set", ("StackSetNotFoundException",), StackSetName=name, CallAs=_SELF
    ):
        return False
    platform = organization.account(PLATFORM).id.text
    instances = cloud.pages("cloudformation", "list_stack_instances", "Summaries", StackSetName=name, CallAs=_SELF)
    return any(each["Account"] == platform and each["Status"] == "CURRENT" for each in instances)
