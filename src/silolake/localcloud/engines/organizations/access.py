"""Who may ask Organizations what: the management account all, delegated administrators to read, and those whom the
delegation policy lets manage policies.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_delegate_policies.html
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from enum import Enum

from silolake.iam import Policy, PolicyKind
from silolake.localcloud.call import Access, AccessOf, Call
from silolake.localcloud.engines.iam.permissions import compiled
from silolake.localcloud.engines.iam.tags import as_mapping, tag_context
from silolake.localcloud.engines.organizations.nodes import Organization, find_node, organization_of
from silolake.localcloud.engines.organizations.tree import is_delegated

Context = dict[str, tuple[str, ...]]


class Reach(Enum):
    """From which accounts an operation can be asked at all.

    MEMBER: from any account of the organization.
    READ: from the management account, from delegated administrators, and from where the delegation policy says.
    DELEGABLE: from the management account, and from where the delegation policy says.
    MANAGEMENT: from the management account alone.
    """

    MEMBER = "member"
    READ = "read"
    DELEGABLE = "delegable"
    MANAGEMENT = "management"


Named = Callable[[sqlite3.Connection, Organization, Call], Sequence[str]]
"""Finds the ids that a call names, for whose ARNs it must be allowed."""


def access(reach: Reach, *names: str) -> AccessOf:
    """The access of an operation.

    Args:
        reach: from where it can be asked.
        names: the parameters that name what it is about: accounts, units, roots, policies. None: everything, ``*``.
    """

    def accesses(call: Call) -> tuple[Access, ...]:
        with call.cloud.store.read() as connection:
            organization = organization_of(connection, call.account)
            owner, policy = _owner(connection, organization, call, reach)
            ids = [call.parameters[name] for name in names if name in call.parameters]
            found = [_described(connection, organization, each) for each in ids] or [("*", {}, "")]
        context = _context(call)
        if call.parameters.get("Tags") and call.operation != "TagResource":
            found = [*found, *((arn, tags, "organizations:TagResource") for arn, tags, _ in found)]
        return tuple(
            Access(
                action or f"organizations:{call.operation}",
                arn,
                owner,
                {**context, **_policy_type(arn)},
                policy,
                tags,
            )
            for arn, tags, action in found
        )

    return accesses


def _owner(
    connection: sqlite3.Connection, organization: Organization, call: Call, reach: Reach
) -> tuple[str, Policy | None]:
    """Who owns what is asked for, and the policy that lets other accounts in.

    A delegated administrator reads as if it owned what it reads: its own policies are enough. Whoever else asks from a
    member account needs the delegation policy as well, the organization's resource policy; without one IAM denies.
    """
    management = organization.management_account
    if call.account == management or reach is Reach.MEMBER:
        return call.account, None
    if reach is Reach.READ and is_delegated(connection, call.account):
        return call.account, None
    if reach in (Reach.READ, Reach.DELEGABLE) and organization.resource_policy:
        text = organization.resource_policy
        return management, compiled(text, PolicyKind.RESOURCE, f"delegation policy of {organization.id}")
    return management, None


def _described(
    connection: sqlite3.Connection, organization: Organization, node: str
) -> tuple[str, Mapping[str, str], str]:
    tags = tags_on(connection, organization, node)
    if node == organization.resource_policy_id:
        return organization.arn("resourcepolicy", node), tags, ""
    if node.startswith("p-"):
        row = connection.execute(
            "SELECT type FROM org_policies WHERE organization = ? AND id = ?", (organization.id, node)
        ).fetchone()
        return (organization.policy_arn(row["type"], node) if row else "*"), tags, ""
    found = find_node(connection, organization, node)
    return (found.arn if found else "*"), tags, ""


def tags_on(connection: sqlite3.Connection, organization: Organization, resource: str) -> dict[str, str]:
    """The tags on something of an organization, by its id. Reads only."""
    rows = connection.execute(
        "SELECT key, value FROM org_tags WHERE organization = ? AND resource = ? ORDER BY key",
        (organization.id, resource),
    )
    return {row["key"]: row["value"] for row in rows}


def put_tags(
    connection: sqlite3.Connection, organization: Organization, resource: str, tags: Sequence[Mapping[str, str]] | None
) -> None:
    """Add or change tags. Writes."""
    rows = [(organization.id, resource, key, value) for key, value in as_mapping(tags or ()).items()]
    connection.executemany("INSERT OR REPLACE INTO org_tags VALUES (?, ?, ?, ?)", rows)


def _context(call: Call) -> Context:
    asked = call.parameters
    context = tag_context(asked.get("Tags"), asked.get("TagKeys"))
    if service := asked.get("ServicePrincipal"):
        context["organizations:ServicePrincipal"] = (service,)
    for parameter in ("PolicyType", "Type", "Filter"):
        if isinstance(kind := asked.get(parameter), str):
            context["organizations:PolicyType"] = (kind,)
    return context


def _policy_type(arn: str) -> Context:
    """A policy's type stands in its ARN."""
    for part in arn.split("/"):
        if part.endswith("_policy"):
            return {"organizations:PolicyType": (part.upper(),)}
    return {}


def alone(call: Call) -> tuple[Access, ...]:
    """``CreateOrganization``, which an account asks before it is in one."""
    return (Access(f"organizations:{call.operation}", "*", call.account),)
