"""Whom and what a layer binds at all.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
"""

from __future__ import annotations

from silolake.iam.surroundings import owner_of
from silolake.iam.values import Request

# The services whose actions RCPs bind, by prefix, as the page named above lists them (read in its edition of autumn
# 2026). Glue, Athena, Lake Formation, Lambda and IAM itself are not among them.
# fmt: off
RCP_SERVICES = frozenset({
    "aoss", "appconfig", "appstream", "autoscaling", "autoscaling-plans", "budgets", "clouddirectory",
    "cloudfront", "cloudsearch", "cloudtrail-data", "codeartifact", "codebuild", "codecommit", "codepipeline",
    "cognito-identity", "cognito-idp", "comprehend", "comprehendmedical", "compute-optimizer",
    "cost-optimization-hub", "dax", "dsql", "dynamodb", "ecr", "ecr-public", "events", "firehose", "fis", "fms",
    "gamelift", "health", "inspector-scan", "kendra", "kinesisvideo", "kms", "logs", "memorydb",
    "networkmonitor", "notifications", "opensearch", "pca-connector-ad", "personalize", "polly", "pricing",
    "resource-groups", "rolesanywhere", "s3", "secretsmanager", "servicediscovery", "signin", "sqs", "sts",
    "support", "swf", "textract", "timestream-influxdb", "transcribe", "transfer", "translate", "wafv2",
    "workspaces", "xray",
})
# fmt: on

_ASSUMING = frozenset(
    {
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
        "sts:setcontext",
        "sts:setsourceidentity",
        "sts:tagsession",
    }
)


def needs_resource_grant(request: Request) -> bool:
    """Whether the resource's own policy must allow, in its own account too: KMS keys, and roles that are assumed.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
    """
    segments = request.resource.arn.split(":", 5)
    if len(segments) != 6:
        return request.action.lower() in _ASSUMING
    is_key = segments[2] == "kms" and segments[5].startswith("key/") and request.action.lower().startswith("kms:")
    return is_key or request.action.lower() in _ASSUMING


def outside_scps(request: Request) -> str:
    """Why SCPs do not bind the principal; empty where they do."""
    principal = request.principal
    if not principal.account:
        return "they bind the users and roles of member accounts only"
    if principal.service_linked:
        return "they do not bind service-linked roles"
    if principal.management_account and principal.account == principal.management_account:
        return "they do not bind the management account"
    return ""


def outside_rcps(request: Request) -> str:
    """Why RCPs do not bind the request; empty where they do."""
    principal, action = request.principal, request.action.lower()
    service = action.split(":", 1)[0]
    if service not in RCP_SERVICES:
        return f"{service} does not support them"
    if principal.service_linked:
        return "they do not bind service-linked roles"
    if ":role/aws-service-role/" in request.resource.arn:
        return "they do not bind the trust policies of service-linked roles"
    if action == "kms:retiregrant":
        return "they do not bind kms:RetireGrant"
    if principal.management_account and owner_of(request.resource) == principal.management_account:
        return "they do not bind resources of the management account"
    return ""
