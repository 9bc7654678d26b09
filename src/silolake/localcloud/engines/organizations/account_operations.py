"""Member accounts: who they are, where they move, how they leave."""

from __future__ import annotations

from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.organizations import moving
from silolake.localcloud.engines.organizations.access import Reach, access
from silolake.localcloud.engines.organizations.accounts import ACTIVE, SUSPENDED
from silolake.localcloud.engines.organizations.attaching import forget_target
from silolake.localcloud.engines.organizations.events import tell
from silolake.localcloud.engines.organizations.nodes import (
    account_answer,
    organization_of,
    require_account,
    require_parent,
    shown_account,
)
from silolake.localcloud.engines.organizations.pages import paged
from silolake.localcloud.engines.organizations.plays import PLAYS
from silolake.localcloud.engines.organizations.tree import is_delegated
from silolake.localcloud.errors import AwsError


@PLAYS("ListAccounts", access=access(Reach.READ))
def list_accounts(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html"""
    with call.cloud.store.read() as connection:
        organization = organization_of(connection, call.account)
        rows = connection.execute(
            "SELECT a.*, m.joined_method, m.joined_at, u.path FROM accounts a JOIN org_members m ON m.account = a.id"
            " JOIN org_units u ON u.id = m.parent WHERE m.organization = ?",
            (organization.id,),
        ).fetchall()
    return paged(call, "Accounts", [account_answer(organization, row) for row in rows])


@PLAYS("DescribeAccount", access=access(Reach.READ, "AccountId"))
def describe_account(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeAccount.html"""
    with call.cloud.store.read() as connection:
        organization = organization_of(connection, call.account)
        account = require_account(connection, organization, call.parameters["AccountId"])
        return {"Account": shown_account(connection, organization, account.id)}


@PLAYS(
    "MoveAccount",
    access=access(Reach.MANAGEMENT, "AccountId", "SourceParentId", "DestinationParentId"),
    differs="What follows from a move holds at once; on AWS it takes minutes.",
)
def move_account(call: Call) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_MoveAccount.html"""
    asked = call.parameters
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        account = require_account(connection, organization, asked["AccountId"])
        source = require_parent(connection, organization, asked["SourceParentId"], "SourceParentNotFoundException")
        target = require_parent(
            connection, organization, asked["DestinationParentId"], "DestinationParentNotFoundException"
        )
        if account.parent == target.id:
            raise AwsError("DuplicateAccountException", "That account is already present in the specified destination.")
        if account.parent != source.id:
            raise AwsError("AccountNotFoundException", "The account is not in the source parent that you specified.")
        connection.execute("UPDATE org_members SET parent = ? WHERE account = ?", (target.id, account.id))
        moving.begin(call.cloud, connection, account.id, source.path)
    moving.follow(call.cloud)


@PLAYS(
    "CloseAccount",
    access=access(Reach.MANAGEMENT, "AccountId"),
    differs="Closed at once; AWS shows PENDING_CLOSURE first, closes only a tenth of the accounts in thirty days, "
    "and removes a closed account after ninety.",
)
def close_account(call: Call) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_CloseAccount.html"""
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        account = require_account(connection, organization, call.parameters["AccountId"])
        if account.id == organization.management_account:
            raise AwsError(
                "ConstraintViolationException",
                "You cannot close the management account.",
                Reason="CANNOT_CLOSE_MANAGEMENT_ACCOUNT",
            )
        if is_delegated(connection, account.id):
            raise _still_delegated("close")
        closed = connection.execute(
            "UPDATE accounts SET state = ? WHERE id = ? AND state = ?", (SUSPENDED, account.id, ACTIVE)
        )
        if not closed.rowcount:
            raise AwsError("AccountAlreadyClosedException", "You attempted to close an account that is already closed.")


def _still_delegated(verb: str) -> AwsError:
    return AwsError(
        "ConstraintViolationException",
        f"You can't {verb} an account that is a delegated administrator for a service; deregister it first.",
        Reason="CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG",
    )


@PLAYS(
    "RemoveAccountFromOrganization",
    access=access(Reach.MANAGEMENT, "AccountId"),
    differs="AWS asks for an account's own payment method first, and that it be some days old.",
)
def remove_account_from_organization(call: Call) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_RemoveAccountFromOrganization.html"""
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        account = require_account(connection, organization, call.parameters["AccountId"])
        if account.id == organization.management_account:
            raise AwsError(
                "MasterCannotLeaveOrganizationException",
                "You can't remove a management account from an organization.",
            )
        if is_delegated(connection, account.id):
            raise _still_delegated("remove")
        forget_target(connection, organization, account.id)
        connection.execute("DELETE FROM org_members WHERE account = ?", (account.id,))
    tell(call.cloud, account.id, account.path.removesuffix(f"{account.id}/"), "")
