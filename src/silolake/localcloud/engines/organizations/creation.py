"""``CreateAccount``, whose answer comes before the account does.

The request is remembered before it is acknowledged, so a cloud that was killed meanwhile makes the account when it
starts again.
"""

from __future__ import annotations

import json
import logging
import re
import sqlite3
from datetime import datetime
from typing import TYPE_CHECKING, Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.iam.aws_managed import ADMINISTRATOR
from silolake.localcloud.engines.iam.roles import NewRole, plant_role
from silolake.localcloud.engines.iam.service_linked import plant_service_linked_role
from silolake.localcloud.engines.organizations.access import Reach, access, put_tags
from silolake.localcloud.engines.organizations.accounts import create_account as open_account
from silolake.localcloud.engines.organizations.attaching import attach_defaults
from silolake.localcloud.engines.organizations.events import tell
from silolake.localcloud.engines.organizations.nodes import Organization, organization_of, random_text
from silolake.localcloud.engines.organizations.pages import paged
from silolake.localcloud.engines.organizations.plays import PLAYS
from silolake.localcloud.engines.organizations.tree import placement
from silolake.localcloud.errors import AwsError

if TYPE_CHECKING:
    from silolake.localcloud.cloud import LocalCloud

_IN_PROGRESS, _SUCCEEDED, _FAILED = "IN_PROGRESS", "SUCCEEDED", "FAILED"
_ACCESS_ROLE = "OrganizationAccountAccessRole"
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_ROLE = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_log = logging.getLogger(__name__)


@PLAYS(
    "CreateAccount",
    access=access(Reach.MANAGEMENT),
    differs="There is no limit on accounts, and nobody reads the e-mail.",
)
def create_account(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html"""
    asked = call.parameters
    role_name = asked.get("RoleName", _ACCESS_ROLE)
    if not _EMAIL.fullmatch(asked["Email"]):
        raise AwsError("InvalidInputException", "You specified an invalid value for Email.", Reason="INVALID_PATTERN")
    if not _ROLE.fullmatch(role_name):
        raise AwsError("InvalidInputException", "You specified an invalid role name.", Reason="INVALID_ROLE_NAME")
    request = f"car-{random_text(32)}"
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        connection.execute(
            "INSERT INTO org_account_requests (id, organization, name, email, role_name, tags, state, requested_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                request,
                organization.id,
                asked["AccountName"],
                asked["Email"],
                role_name,
                json.dumps(asked.get("Tags", [])),
                _IN_PROGRESS,
                call.cloud.clock.now().isoformat(),
            ),
        )
        answer = {"CreateAccountStatus": _shown(_require_request(connection, organization, request))}
    cloud = call.cloud
    cloud.in_background(lambda: _finish(cloud, request))
    return answer


def resume(cloud: LocalCloud) -> None:
    """Make the accounts that were acknowledged and not made before the cloud stopped. Writes."""
    with cloud.store.read() as connection:
        rows = connection.execute("SELECT id FROM org_account_requests WHERE state = ?", (_IN_PROGRESS,)).fetchall()
    for (request,) in rows:
        _finish(cloud, request)


def _finish(cloud: LocalCloud, request: str) -> None:
    with cloud.store.write() as connection:
        row = connection.execute(
            "SELECT * FROM org_account_requests WHERE id = ? AND state = ?", (request, _IN_PROGRESS)
        ).fetchone()
        if row is None:
            return
        now = cloud.clock.now()
        try:
            account = open_account(connection, row["name"], row["email"], now)
        except AwsError:
            _log.info("account request %s: %s is taken", request, row["email"])
            _end(connection, request, now, failure="EMAIL_ALREADY_EXISTS")
            return
        _settle(connection, row, account, now)
        _end(connection, request, now, account=account)
        path = placement(connection, account).path
    tell(cloud, account, "", path)


def _end(connection: sqlite3.Connection, request: str, now: datetime, *, account: str = "", failure: str = "") -> None:
    state = _FAILED if failure else _SUCCEEDED
    connection.execute(
        "UPDATE org_account_requests SET state = ?, account = ?, failure = ?, completed_at = ? WHERE id = ?",
        (state, account, failure, now.isoformat(), request),
    )


def _settle(connection: sqlite3.Connection, request: sqlite3.Row, account: str, now: datetime) -> None:
    """What AWS puts in a new account: a place at the root, the role for its owners, the service's own role."""
    row = connection.execute("SELECT * FROM org_organizations WHERE id = ?", (request["organization"],)).fetchone()
    organization = Organization(**dict(row))
    connection.execute(
        "INSERT INTO org_members VALUES (?, ?, ?, 'CREATED', ?)",
        (account, organization.id, organization.root, now.isoformat()),
    )
    attach_defaults(connection, organization, account)
    put_tags(connection, organization, account, json.loads(request["tags"]))
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{organization.management_account}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    plant_role(connection, NewRole(account, request["role_name"], trust, managed=(ADMINISTRATOR,)), now)
    plant_service_linked_role(connection, account, "organizations.amazonaws.com", now)


def _require_request(connection: sqlite3.Connection, organization: Organization, request: str) -> sqlite3.Row:
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM org_account_requests WHERE id = ? AND organization = ?", (request, organization.id)
    ).fetchone()
    if row is None:
        raise AwsError(
            "CreateAccountStatusNotFoundException", "We can't find an create account request with the id you specified."
        )
    return row


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Id": row["id"],
        "AccountName": row["name"],
        "State": row["state"],
        "RequestedTimestamp": datetime.fromisoformat(row["requested_at"]),
    }
    if row["completed_at"]:
        answer["CompletedTimestamp"] = datetime.fromisoformat(row["completed_at"])
    if row["account"]:
        answer["AccountId"] = row["account"]
    if row["failure"]:
        answer["FailureReason"] = row["failure"]
    return answer


@PLAYS("DescribeCreateAccountStatus", access=access(Reach.READ))
def describe_create_account_status(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeCreateAccountStatus.html"""
    with call.cloud.store.read() as connection:
        organization = organization_of(connection, call.account)
        request = call.parameters["CreateAccountRequestId"]
        return {"CreateAccountStatus": _shown(_require_request(connection, organization, request))}


@PLAYS("ListCreateAccountStatus", access=access(Reach.READ))
def list_create_account_status(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListCreateAccountStatus.html"""
    states = call.parameters.get("States") or (_IN_PROGRESS, _SUCCEEDED, _FAILED)
    with call.cloud.store.read() as connection:
        organization = organization_of(connection, call.account)
        rows = connection.execute(
            "SELECT * FROM org_account_requests WHERE organization = ?", (organization.id,)
        ).fetchall()
    return paged(call, "CreateAccountStatuses", [_shown(row) for row in rows if row["state"] in states])
