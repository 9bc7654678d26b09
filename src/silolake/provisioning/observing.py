"""What the organization and its stack sets are now: read once, as the platform's runner may."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from silolake.cloud import Cloud
from silolake.cloud.organization import Organization, Tags, read_organization
from silolake.errors import CloudError
from silolake.rooms.render import Ground

AS_DELEGATE = "DELEGATED_ADMIN"
_POLICY_TYPES = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")


@dataclass(frozen=True)
class ObservedStackSet:
    """A stack set.

    Attributes:
        body: its template, as data.
        settings: whether it is deployed to new accounts, whether those that leave keep it, what it waits for.
        instances: each account's state of it, by the account's id.
        units: the ids of the units it is deployed to.
        stacks: the id of each account's stack.
    """

    body: Any
    settings: Mapping[str, Any]
    instances: Mapping[str, str]
    units: frozenset[str] = frozenset()
    stacks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ObservedGuardRail:
    """A policy: its id, its document as data, and the ids of what it is attached to."""

    id: str
    document: Any
    targets: frozenset[str]


@dataclass(frozen=True)
class Observed:
    """Everything that provisioning compares with what the rooms declare.

    Attributes:
        organization: the tree.
        guard_rails: the lake's own policies, by their name in the organization.
        stack_sets: by name.
    """

    organization: Organization
    guard_rails: Mapping[str, ObservedGuardRail]
    stack_sets: Mapping[str, ObservedStackSet]

    @property
    def ground(self) -> Ground:
        """What placeholders in the rooms stand for."""
        return ground_of(self.organization)


def ground_of(organization: Organization) -> Ground:
    """What placeholders in the rooms stand for in an organization."""
    accounts = {name: each.id for name, each in organization.accounts.items()}
    places = {each.id: each.path for each in organization.accounts.values()}
    return Ground(organization.root, dict(organization.units), accounts, places)


def observe(cloud: Cloud, prefix: str, tags: Mapping[str, Tags] | None = None) -> Observed:
    """Read the organization, the lake's policies and the stack sets. Reads only.

    Args:
        cloud: the platform's runner, a delegated administrator.
        prefix: what the names of the lake's own policies and stack sets begin with.
        tags: account id → tags, of accounts that are not to be asked for them.
    """
    return Observed(read_organization(cloud, tags), _guard_rails(cloud, prefix), _stack_sets(cloud, prefix))


def _guard_rails(cloud: Cloud, prefix: str) -> dict[str, ObservedGuardRail]:
    found: dict[str, ObservedGuardRail] = {}
    for kind in _POLICY_TYPES:
        for policy in cloud.pages("organizations", "list_policies", "Policies", Filter=kind):
            if not policy["Name"].startswith(prefix):
                continue
            content = cloud.call("organizations", "describe_policy", PolicyId=policy["Id"])["Policy"]["Content"]
            targets = cloud.pages("organizations", "list_targets_for_policy", "Targets", PolicyId=policy["Id"])
            found[policy["Name"]] = ObservedGuardRail(
                policy["Id"], json.loads(content), frozenset(each["TargetId"] for each in targets)
            )
    return found


def _stack_sets(cloud: Cloud, prefix: str) -> dict[str, ObservedStackSet]:
    found: dict[str, ObservedStackSet] = {}
    for summary in cloud.pages("cloudformation", "list_stack_sets", "Summaries", Status="ACTIVE", CallAs=AS_DELEGATE):
        name = summary["StackSetName"]
        if not name.startswith(prefix):
            continue
        about = cloud.call("cloudformation", "describe_stack_set", StackSetName=name, CallAs=AS_DELEGATE)["StackSet"]
        instances = list(
            cloud.pages("cloudformation", "list_stack_instances", "Summaries", StackSetName=name, CallAs=AS_DELEGATE)
        )
        automatic = about.get("AutoDeployment", {})
        found[name] = ObservedStackSet(
            json.loads(about["TemplateBody"]),
            {
                "deployed to new accounts": bool(automatic.get("Enabled")),
                "kept by accounts that leave": bool(automatic.get("RetainStacksOnAccountRemoval")),
            },
            {each["Account"]: _state(each) for each in instances},
            frozenset(about.get("OrganizationalUnitIds", ())),
            {each["Account"]: str(each.get("StackId", "")) for each in instances},
        )
    return found


def _state(instance: Mapping[str, Any]) -> str:
    detailed = instance.get("StackInstanceStatus", {}).get("DetailedStatus", "")
    return "CURRENT" if instance["Status"] == "CURRENT" else str(detailed or instance["Status"])


def exists(cloud: Cloud, service: str, operation: str, missing: tuple[str, ...], **parameters: Any) -> bool:
    """Whether something is there: the read that would answer it does not say it is missing."""
    try:
        cloud.call(service, operation, **parameters)
    except CloudError as error:
        if error.code in missing:
            return False
        raise
    return True
