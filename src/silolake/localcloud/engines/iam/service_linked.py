"""Roles that belong to a service of AWS's, made by the service and changed by nobody else.

https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from silolake.localcloud.call import Call
from silolake.localcloud.engines.iam.access import on_new_service_linked_role
from silolake.localcloud.engines.iam.plays import PLAYS
from silolake.localcloud.engines.iam.roles import (
    SERVICE_LINKED_PATH,
    NewRole,
    find_role,
    plant_role,
    require_role,
    shown,
)
from silolake.localcloud.errors import AwsError, NotPlayed

_POLICIES = "arn:aws:iam::aws:policy/aws-service-role/"


@dataclass(frozen=True, slots=True)
class ServiceLinked:
    """What a service's own role is called, and which policy of AWS's it has."""

    name: str
    policy: str


SERVICES = {
    "organizations.amazonaws.com": ServiceLinked(
        "AWSServiceRoleForOrganizations", _POLICIES + "AWSOrganizationsServiceTrustPolicy"
    ),
    "stacksets.cloudformation.amazonaws.com": ServiceLinked(
        "AWSServiceRoleForCloudFormationStackSetsOrgAdmin",
        _POLICIES + "CloudFormationStackSetsOrgAdminServiceRolePolicy",
    ),
    "member.org.stacksets.cloudformation.amazonaws.com": ServiceLinked(
        "AWSServiceRoleForCloudFormationStackSetsOrgMember",
        _POLICIES + "CloudFormationStackSetsOrgMemberServiceRolePolicy",
    ),
}
"""By the service's name."""


def plant_service_linked_role(
    connection: sqlite3.Connection, account: str, service: str, now: datetime | None = None
) -> str:
    """A service's own role in an account, made if it is not there; its ARN. Writes."""
    linked = SERVICES[service]
    known = find_role(connection, account, linked.name)
    if known:
        return known.arn
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    path = f"{SERVICE_LINKED_PATH}{service}/"
    return plant_role(connection, NewRole(account, linked.name, trust, path=path, managed=(linked.policy,)), now)


@PLAYS(
    "CreateServiceLinkedRole",
    access=on_new_service_linked_role,
    differs="Only for AWS Organizations and CloudFormation StackSets; other services are refused by name.",
)
def create_service_linked_role(call: Call) -> dict[str, object]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html"""
    service = call.parameters["AWSServiceName"]
    linked = SERVICES.get(service)
    if linked is None or "CustomSuffix" in call.parameters:
        raise NotPlayed(f"iam:CreateServiceLinkedRole for {service}")
    with call.cloud.store.write() as connection:
        if find_role(connection, call.account, linked.name):
            raise AwsError(
                "InvalidInput",
                f"Service role name {linked.name} has been taken in this account, please try a different suffix.",
            )
        plant_service_linked_role(connection, call.account, service, call.cloud.clock.now())
        return {"Role": shown(require_role(connection, call.account, linked.name))}
