"""Trusted access for stack sets, as CloudFormation's own operations put it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html
"""

from __future__ import annotations

from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.cloudformation.plays import PLAYS
from silolake.localcloud.engines.cloudformation.stack_sets import access
from silolake.localcloud.engines.cloudformation.stack_sets.organization import SERVICE
from silolake.localcloud.engines.organizations import tree


@PLAYS("ActivateOrganizationsAccess", access=access.every_set)
def activate_organizations_access(call: Call) -> dict[str, Any]:
    """ActivateOrganizationsAccess: enables trusted access, with the caller's own rights in Organizations. Writes."""
    call.invoke("organizations", "EnableAWSServiceAccess", {"ServicePrincipal": SERVICE})
    return {}


@PLAYS("DeactivateOrganizationsAccess", access=access.every_set)
def deactivate_organizations_access(call: Call) -> dict[str, Any]:
    """DeactivateOrganizationsAccess. Writes."""
    call.invoke("organizations", "DisableAWSServiceAccess", {"ServicePrincipal": SERVICE})
    return {}


@PLAYS("DescribeOrganizationsAccess", access=access.every_set)
def describe_organizations_access(call: Call) -> dict[str, Any]:
    """DescribeOrganizationsAccess. Reads only."""
    with call.cloud.store.read() as connection:
        where = tree.placement(connection, call.account)
        is_trusted = tree.is_trusted(connection, where.organization, SERVICE)
    return {"Status": "ENABLED" if is_trusted else "DISABLED"}
