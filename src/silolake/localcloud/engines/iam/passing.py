"""Handing a role to a service, which engines ask about."""

from __future__ import annotations

from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.iam.roles import find_role_by_arn
from silolake.localcloud.errors import AwsError


def pass_role_access(call: Call, role_arn: str, service: str) -> Access:
    """What IAM must allow before a call may hand a role to a service. Reads only.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html

    Args:
        role_arn: the role.
        service: to which service, ``glue.amazonaws.com``.

    Raises:
        AwsError: the role is of another account.
    """
    owner = role_arn.split(":")[4] if role_arn.count(":") >= 5 else ""
    if owner != call.account:
        raise AwsError("AccessDeniedException", "Cross-account pass role is not allowed.", 403)
    with call.cloud.store.read() as connection:
        role = find_role_by_arn(connection, role_arn)
    tags = role.tags if role else {}
    return Access("iam:PassRole", role_arn, owner, {"iam:PassedToService": (service,)}, tags=tags)
