"""Which services work across the organization, which accounts administer them, and who else may manage policies.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_integrate_services.html
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from silolake import limits
from silolake.iam import PolicyKind, PolicyMalformed, compile_policy
from silolake.localcloud.call import Call
from silolake.localcloud.engines.iam.documents import unknown_principals
from silolake.localcloud.engines.organizations.access import Reach, access, put_tags
from silolake.localcloud.engines.organizations.accounts import ACTIVE
from silolake.localcloud.engines.organizations.nodes import (
    Organization,
    organization_of,
    random_text,
    require_account,
    shown_account,
)
from silolake.localcloud.engines.organizations.pages import paged
from silolake.localcloud.engines.organizations.plays import PLAYS
from silolake.localcloud.engines.organizations.tree import is_delegated, is_trusted
from silolake.localcloud.errors import AwsError

_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com")
_DELEGABLE = re.compile(
    r"organizations:(Describe\w*\*?|List\w*\*?|(Create|Update|Delete|Attach|Detach)Policy|(Enable|Disable)PolicyType"
    r"|(Tag|Untag)Resource)"
)


@PLAYS(
    "EnableAWSServiceAccess",
    access=access(Reach.MANAGEMENT),
    differs="Any service's name is taken; the local cloud acts on it for CloudFormation StackSets alone.",
)
def enable_aws_service_access(call: Call) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnableAWSServiceAccess.html"""
    service = _service(call)
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        connection.execute(
            "INSERT OR IGNORE INTO org_trusted_services VALUES (?, ?, ?)",
            (organization.id, service, call.cloud.clock.now().isoformat()),
        )


def _service(call: Call) -> str:
    service = str(call.parameters["ServicePrincipal"])
    if not _SERVICE.fullmatch(service):
        raise AwsError(
            "InvalidInputException",
            "You specified an unrecognized service principal.",
            Reason="UNRECOGNIZED_SERVICE_PRINCIPAL",
        )
    return service


@PLAYS("DisableAWSServiceAccess", access=access(Reach.MANAGEMENT))
def disable_aws_service_access(call: Call) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DisableAWSServiceAccess.html"""
    service = _service(call)
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        # Disabling access deregisters the service's delegated administrators.
        for table in ("org_trusted_services", "org_delegated_administrators"):
            connection.execute(
                f"DELETE FROM {table} WHERE organization = ? AND service_principal = ?", (organization.id, service)
            )


@PLAYS("ListAWSServiceAccessForOrganization", access=access(Reach.READ))
def list_aws_service_access_for_organization(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAWSServiceAccessForOrganization.html"""
    with call.cloud.store.read() as connection:
        organization = organization_of(connection, call.account)
        rows = connection.execute(
            "SELECT * FROM org_trusted_services WHERE organization = ?", (organization.id,)
        ).fetchall()
    entries = [
        {"ServicePrincipal": row["service_principal"], "DateEnabled": datetime.fromisoformat(row["enabled_at"])}
        for row in rows
    ]
    return paged(call, "EnabledServicePrincipals", entries, key="ServicePrincipal")


@PLAYS("RegisterDelegatedAdministrator", access=access(Reach.MANAGEMENT, "AccountId"))
def register_delegated_administrator(call: Call) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_RegisterDelegatedAdministrator.html"""
    service = _service(call)
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        account = require_account(connection, organization, call.parameters["AccountId"])
        _check_can_administer(connection, organization, account.id, service)
        if is_delegated(connection, account.id, service):
            raise AwsError(
                "AccountAlreadyRegisteredException",
                "The specified account is already a delegated administrator for this AWS service.",
            )
        connection.execute(
            "INSERT INTO org_delegated_administrators VALUES (?, ?, ?, ?)",
            (organization.id, account.id, service, call.cloud.clock.now().isoformat()),
        )


def _check_can_administer(
    connection: sqlite3.Connection, organization: Organization, account: str, service: str
) -> None:
    if account == organization.management_account:
        raise AwsError(
            "ConstraintViolationException",
            "You cannot register the management account as a delegated administrator for your organization.",
            Reason="CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
        )
    if not is_trusted(connection, organization.id, service):
        raise AwsError(
            "ConstraintViolationException",
            "You attempted to register a delegated administrator before you enabled service access. Call the "
            "EnableAWSServiceAccess API first.",
            Reason="SERVICE_ACCESS_NOT_ENABLED",
        )
    if shown_account(connection, organization, account)["Status"] != ACTIVE:
        raise AwsError(
            "ConstraintViolationException",
            "You cannot register a suspended account as a delegated administrator.",
            Reason="CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR",
        )


@PLAYS("DeregisterDelegatedAdministrator", access=access(Reach.MANAGEMENT, "AccountId"))
def deregister_delegated_administrator(call: Call) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeregisterDelegatedAdministrator.html"""
    service = _service(call)
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        account = require_account(connection, organization, call.parameters["AccountId"])
        removed = connection.execute(
            "DELETE FROM org_delegated_administrators WHERE organization = ? AND account = ? AND service_principal = ?",
            (organization.id, account.id, service),
        )
        if not removed.rowcount:
            raise _not_registered()


def _not_registered() -> AwsError:
    return AwsError(
        "AccountNotRegisteredException",
        "The specified account is not a delegated administrator for this AWS service.",
    )


@PLAYS("ListDelegatedAdministrators", access=access(Reach.READ))
def list_delegated_administrators(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListDelegatedAdministrators.html"""
    service = call.parameters.get("ServicePrincipal", "")
    with call.cloud.store.read() as connection:
        organization = organization_of(connection, call.account)
        rows = connection.execute(
            "SELECT account, min(enabled_at) AS enabled_at FROM org_delegated_administrators"
            " WHERE organization = ? AND ? IN ('', service_principal) GROUP BY account",
            (organization.id, service),
        ).fetchall()
        entries = []
        for row in rows:
            shown = shown_account(connection, organization, row["account"])
            del shown["Paths"]
            entries.append({**shown, "DelegationEnabledDate": datetime.fromisoformat(row["enabled_at"])})
    return paged(call, "DelegatedAdministrators", entries)


@PLAYS("ListDelegatedServicesForAccount", access=access(Reach.READ, "AccountId"))
def list_delegated_services_for_account(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListDelegatedServicesForAccount.html"""
    with call.cloud.store.read() as connection:
        organization = organization_of(connection, call.account)
        account = require_account(connection, organization, call.parameters["AccountId"])
        rows = connection.execute(
            "SELECT * FROM org_delegated_administrators WHERE organization = ? AND account = ?",
            (organization.id, account.id),
        ).fetchall()
    if not rows:
        raise _not_registered()
    entries = [
        {
            "ServicePrincipal": row["service_principal"],
            "DelegationEnabledDate": datetime.fromisoformat(row["enabled_at"]),
        }
        for row in rows
    ]
    return paged(call, "DelegatedServices", entries, key="ServicePrincipal")


@PLAYS("PutResourcePolicy", access=access(Reach.MANAGEMENT))
def put_resource_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_PutResourcePolicy.html"""
    content = call.parameters["Content"]
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        _check_delegation(connection, content)
        policy = organization.resource_policy_id or f"rp-{random_text(12)}"
        connection.execute(
            "UPDATE org_organizations SET resource_policy_id = ?, resource_policy = ? WHERE id = ?",
            (policy, content, organization.id),
        )
        put_tags(connection, organization, policy, call.parameters.get("Tags"))
        return _shown_resource_policy(organization_of(connection, call.account))


def _check_delegation(connection: sqlite3.Connection, content: str) -> None:
    if len(content) > limits.DELEGATION_POLICY:
        raise AwsError(
            "ConstraintViolationException", "The policy is too long.", Reason="POLICY_CONTENT_LIMIT_EXCEEDED"
        )
    try:
        compile_policy(content, PolicyKind.RESOURCE, "delegation policy")
    except PolicyMalformed as error:
        raise AwsError("InvalidInputException", str(error), Reason="INVALID_RESOURCE_POLICY_JSON") from error
    for action in _actions(content):
        if not _DELEGABLE.fullmatch(action):
            raise AwsError(
                "InvalidInputException",
                f"{action} can't be delegated: only reading, and managing policies and tags, can.",
                Reason="UNSUPPORTED_ACTION_IN_RESOURCE_POLICY",
            )
    if unknown := unknown_principals(connection, content):
        raise AwsError("InvalidInputException", f"There is no principal {unknown[0]}.", Reason="INVALID_PRINCIPAL")


def _actions(content: str) -> Iterator[str]:
    """What a delegation policy allows; what it denies may be anything."""
    statements = json.loads(content)["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        if statement["Effect"] == "Allow":
            # A NotAction would allow whatever it does not name.
            named = statement.get("Action", ["NotAction"])
            yield from named if isinstance(named, list) else [named]


def _shown_resource_policy(organization: Organization) -> dict[str, Any]:
    policy = organization.resource_policy_id
    summary = {"Id": policy, "Arn": organization.arn("resourcepolicy", policy)}
    return {"ResourcePolicy": {"ResourcePolicySummary": summary, "Content": organization.resource_policy}}


@PLAYS("DescribeResourcePolicy", access=access(Reach.READ))
def describe_resource_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeResourcePolicy.html"""
    with call.cloud.store.read() as connection:
        organization = organization_of(connection, call.account)
    if not organization.resource_policy:
        raise _no_resource_policy()
    return _shown_resource_policy(organization)


@PLAYS("DeleteResourcePolicy", access=access(Reach.MANAGEMENT))
def delete_resource_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeleteResourcePolicy.html"""
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        if not organization.resource_policy:
            raise _no_resource_policy()
        connection.execute(
            "UPDATE org_organizations SET resource_policy_id = '', resource_policy = '' WHERE id = ?",
            (organization.id,),
        )


def _no_resource_policy() -> AwsError:
    return AwsError("ResourcePolicyNotFoundException", "We can't find a resource policy request.")
