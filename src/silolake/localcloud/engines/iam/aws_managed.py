"""The managed policies of AWS's own that are played; one read-only table for all accounts.

https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_PREFIX = "arn:aws:iam::aws:policy/"


@dataclass(frozen=True, slots=True)
class AwsManaged:
    """A managed policy of AWS's own.

    Attributes:
        id: as AWS shows it, ``ANPA…``.
        version: its default version.
        differs: how the document differs from AWS's; empty where it is the same.
    """

    arn: str
    id: str
    version: str
    description: str
    document: str
    differs: str = ""

    @property
    def name(self) -> str:
        """The last part of its ARN."""
        return self.arn.rsplit("/", 1)[1]

    @property
    def path(self) -> str:
        """The part of its ARN before the name, with slashes around it."""
        return "/" + self.arn.removeprefix(_PREFIX).removesuffix(self.name)


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


_POLICIES = (
    AwsManaged(
        _PREFIX + "AdministratorAccess",
        "ANPAIWMBCKSKIEE64ZLYK",
        "v1",
        "Provides full access to AWS services and resources.",
        _document({"Effect": "Allow", "Action": "*", "Resource": "*"}),
    ),
    AwsManaged(
        _PREFIX + "PowerUserAccess",
        "ANPAJYRXTHIB4FOVS3ZXS",
        "v6",
        "Provides full access to AWS services and resources, but does not allow management of Users and groups.",
        _document(
            {
                "Effect": "Allow",
                "NotAction": ["iam:*", "organizations:*", "account:*"],
                "Resource": "*",
            },
            {
                "Effect": "Allow",
                "Action": [
                    "account:GetAccountInformation",
                    "account:GetGovCloudAccountInformation",
                    "account:GetPrimaryEmail",
                    "account:ListRegions",
                    "iam:CreateServiceLinkedRole",
                    "iam:DeleteServiceLinkedRole",
                    "iam:ListRoles",
                    "organizations:DescribeEffectivePolicy",
                    "organizations:DescribeOrganization",
                ],
                "Resource": "*",
            },
        ),
    ),
    AwsManaged(
        _PREFIX + "ReadOnlyAccess",
        "ANPAILL3HVNFSB6DCOWYQ",
        "v1",
        "Provides read-only access to AWS services and resources.",
        _document({"Effect": "Allow", "Action": ["*:Get*", "*:List*", "*:Describe*"], "Resource": "*"}),
        differs="AWS names several thousand actions one by one; here they are *:Get*, *:List* and *:Describe*.",
    ),
    AwsManaged(
        _PREFIX + "aws-service-role/AWSOrganizationsServiceTrustPolicy",
        "ANPAIQH6ROMVVECFVRJPK",
        "v2",
        "A policy to allow AWS Organizations to share trust with other approved AWS Services.",
        _document(
            {
                "Effect": "Allow",
                "Action": ["iam:DeleteRole"],
                "Resource": ["arn:aws:iam::*:role/aws-service-role/organizations.amazonaws.com/*"],
            },
            {"Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": "*"},
        ),
    ),
    AwsManaged(
        _PREFIX + "aws-service-role/CloudFormationStackSetsOrgAdminServiceRolePolicy",
        "ANPA5FJRXY4NTXLLAJKAJ",
        "v1",
        "Service Role for CloudFormation StackSets (Organization Master Account)",
        _document(
            {
                "Sid": "AllowsAWSOrganizationsReadAPIs",
                "Effect": "Allow",
                "Action": ["organizations:List*", "organizations:Describe*"],
                "Resource": "*",
            },
            {
                "Sid": "AllowAssumeRoleInMemberAccounts",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Resource": "arn:aws:iam::*:role/stacksets-exec-*",
            },
        ),
        differs="The id is made up.",
    ),
    AwsManaged(
        _PREFIX + "aws-service-role/CloudFormationStackSetsOrgMemberServiceRolePolicy",
        "ANPA5FJRXY4NSPXBXWTBQ",
        "v1",
        "Service Role for CloudFormation StackSets (Organization Member Account)",
        _document(
            {
                "Effect": "Allow",
                "Action": ["iam:CreateRole", "iam:DeleteRole", "iam:GetRole"],
                "Resource": ["arn:aws:iam::*:role/stacksets-exec-*"],
            },
            {
                "Effect": "Allow",
                "Action": ["iam:DetachRolePolicy", "iam:AttachRolePolicy"],
                "Resource": ["arn:aws:iam::*:role/stacksets-exec-*"],
                "Condition": {"StringEquals": {"iam:PolicyARN": _PREFIX + "AdministratorAccess"}},
            },
        ),
        differs="The id is made up.",
    ),
)

ADMINISTRATOR = _PREFIX + "AdministratorAccess"

AWS_MANAGED = {policy.arn: policy for policy in _POLICIES}
"""By ARN."""
