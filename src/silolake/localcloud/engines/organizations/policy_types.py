"""The policy types that are played, and the policies that AWS itself brings.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies.html
"""

from __future__ import annotations

from dataclasses import dataclass

from silolake import limits

SERVICE_CONTROL = "SERVICE_CONTROL_POLICY"
RESOURCE_CONTROL = "RESOURCE_CONTROL_POLICY"
CHARACTERS = {SERVICE_CONTROL: limits.SERVICE_CONTROL_POLICY, RESOURCE_CONTROL: limits.RESOURCE_CONTROL_POLICY}
PER_TARGET = {
    SERVICE_CONTROL: limits.SERVICE_CONTROL_POLICIES_PER_TARGET,
    RESOURCE_CONTROL: limits.RESOURCE_CONTROL_POLICIES_PER_TARGET,
}
PER_ORGANIZATION = {
    SERVICE_CONTROL: limits.SERVICE_CONTROL_POLICIES,
    RESOURCE_CONTROL: limits.RESOURCE_CONTROL_POLICIES,
}


@dataclass(frozen=True, slots=True)
class AwsManaged:
    """A policy of AWS's own, attached everywhere as soon as its type is enabled."""

    id: str
    name: str
    description: str
    content: str


DEFAULTS = {
    SERVICE_CONTROL: AwsManaged(
        "p-FullAWSAccess",
        "FullAWSAccess",
        "Allows access to every operation",
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
    ),
    RESOURCE_CONTROL: AwsManaged(
        "p-RCPFullAWSAccess",
        "RCPFullAWSAccess",
        "Allows access to every resource",
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}',
    ),
}
