"""A service that takes on its resource's role: the role's trust policy must admit the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silolake.iam import PolicyKind, Principal
from silolake.localcloud.call import Access, Call, Caller
from silolake.localcloud.engines.iam.permissions import compiled
from silolake.localcloud.engines.iam.roles import find_role_by_arn
from silolake.localcloud.errors import AwsError

if TYPE_CHECKING:
    from silolake.localcloud.cloud import LocalCloud


def assume_as_service(cloud: LocalCloud, service: str, role_arn: str, session_name: str, source_arn: str) -> Caller:
    """The caller that a service is when it acts as a resource's role. Writes the decision log.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html

    Args:
        service: ``codebuild.amazonaws.com``.
        role_arn: the role.
        session_name: as AWS chooses it for the service.
        source_arn: the resource on whose behalf; ``aws:SourceArn`` and ``aws:SourceAccount`` are told from it.

    Raises:
        AwsError: ``AccessDenied``; there is no such role, or its trust policy does not admit the service.
    """
    with cloud.store.read() as connection:
        role = find_role_by_arn(connection, role_arn)
    account, region = source_arn.split(":")[4], source_arn.split(":")[3]
    if role is None:
        raise AwsError(
            "AccessDenied", f"{service} is not authorized to perform: sts:AssumeRole on resource: {role_arn}", 403
        )
    principal = Principal(arn=service, account="", kind="service")
    call = Call("sts", "AssumeRole", {}, Caller(principal), region, cloud, session_name)
    context = {"aws:SourceArn": (source_arn,), "aws:SourceAccount": (account,)}
    trust = compiled(role.trust, PolicyKind.TRUST, f"trust policy of role {role.path}{role.name} in {role.account}")
    cloud.require(call, (Access("sts:AssumeRole", role.arn, role.account, context, trust, role.tags),))
    return cloud.as_role(role_arn, session_name)
