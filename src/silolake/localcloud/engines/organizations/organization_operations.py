"""The organization and its root."""

from __future__ import annotations

import sqlite3
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.iam.service_linked import plant_service_linked_role
from silolake.localcloud.engines.organizations.access import Reach, access, alone
from silolake.localcloud.engines.organizations.events import tell
from silolake.localcloud.engines.organizations.nodes import Organization, organization_of, random_text
from silolake.localcloud.engines.organizations.pages import paged
from silolake.localcloud.engines.organizations.plays import PLAYS
from silolake.localcloud.engines.organizations.policy_types import DEFAULTS
from silolake.localcloud.engines.organizations.tree import placement
from silolake.localcloud.errors import AwsError, NotPlayed


@PLAYS(
    "CreateOrganization",
    access=alone,
    differs="Consolidated billing alone is refused by name. No e-mail address is verified.",
)
def create_organization(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateOrganization.html"""
    if call.parameters.get("FeatureSet", "ALL") != "ALL":
        raise NotPlayed(f"organizations:CreateOrganization with FeatureSet {call.parameters['FeatureSet']}")
    organization, root = f"o-{random_text(10)}", f"r-{random_text(4)}"
    now = call.cloud.clock.now()
    with call.cloud.store.write() as connection:
        if placement(connection, call.account).organization:
            raise AwsError(
                "AlreadyInOrganizationException",
                "The AWS account is already a member of an organization.",
            )
        connection.execute(
            "INSERT INTO org_organizations (id, root, management_account, created_at) VALUES (?, ?, ?, ?)",
            (organization, root, call.account, now.isoformat()),
        )
        connection.execute(
            "INSERT INTO org_units VALUES (?, ?, ?, 'Root', ?)",
            (root, organization, organization, f"{organization}/{root}/"),
        )
        connection.execute(
            "INSERT INTO org_members VALUES (?, ?, ?, 'INVITED', ?)",
            (call.account, organization, root, now.isoformat()),
        )
        connection.executemany(
            "INSERT INTO org_policies VALUES (?, ?, ?, ?, ?, ?)",
            [
                (each.id, organization, kind, each.name, each.description, each.content)
                for kind, each in DEFAULTS.items()
            ],
        )
        plant_service_linked_role(connection, call.account, "organizations.amazonaws.com", now)
        answer = {"Organization": _shown(connection, organization_of(connection, call.account))}
    tell(call.cloud, call.account, "", f"{organization}/{root}/")
    return answer


@PLAYS("DescribeOrganization", access=access(Reach.MEMBER))
def describe_organization(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html"""
    with call.cloud.store.read() as connection:
        return {"Organization": _shown(connection, organization_of(connection, call.account))}


def _shown(connection: sqlite3.Connection, organization: Organization) -> dict[str, Any]:
    management = organization.management_account
    row = connection.execute("SELECT email FROM accounts WHERE id = ?", (management,)).fetchone()
    return {
        "Id": organization.id,
        "Arn": organization.arn("organization"),
        "FeatureSet": "ALL",
        "MasterAccountArn": organization.arn("account", management),
        "MasterAccountId": management,
        "MasterAccountEmail": row["email"],
        # AWS calls this member incomplete and points to ListRoots.
        "AvailablePolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}],
    }


def shown_root(connection: sqlite3.Connection, organization: Organization) -> dict[str, Any]:
    """The root as ``ListRoots`` answers it. Reads only."""
    rows = connection.execute(
        "SELECT type FROM org_policy_types WHERE organization = ? ORDER BY type", (organization.id,)
    )
    return {
        "Id": organization.root,
        "Arn": organization.arn("root", organization.root),
        "Name": "Root",
        "PolicyTypes": [{"Type": kind, "Status": "ENABLED"} for (kind,) in rows],
    }


@PLAYS("ListRoots", access=access(Reach.READ))
def list_roots(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListRoots.html"""
    with call.cloud.store.read() as connection:
        return paged(call, "Roots", [shown_root(connection, organization_of(connection, call.account))])
