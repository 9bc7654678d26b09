"""Organizational units, and who hangs where."""

from __future__ import annotations

import sqlite3
from typing import Any

from silolake import limits
from silolake.localcloud.call import Call
from silolake.localcloud.engines.organizations.access import Reach, access, put_tags
from silolake.localcloud.engines.organizations.attaching import attach_defaults, forget_target
from silolake.localcloud.engines.organizations.nodes import (
    ACCOUNT,
    UNIT,
    Node,
    Organization,
    account_answer,
    find_node,
    organization_of,
    random_text,
    require_parent,
    shown_unit,
)
from silolake.localcloud.engines.organizations.pages import paged
from silolake.localcloud.engines.organizations.plays import PLAYS
from silolake.localcloud.errors import AwsError


def _require_unit(connection: sqlite3.Connection, organization: Organization, unit: str) -> Node:
    found = find_node(connection, organization, unit)
    if found is None or found.kind != UNIT:
        raise AwsError(
            "OrganizationalUnitNotFoundException", "You specified an organizational unit that doesn't exist."
        )
    return found


@PLAYS("CreateOrganizationalUnit", access=access(Reach.MANAGEMENT, "ParentId"))
def create_organizational_unit(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateOrganizationalUnit.html"""
    asked = call.parameters
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        parent = require_parent(connection, organization, asked["ParentId"])
        _check_room(connection, organization, parent)
        unit = f"ou-{organization.root.removeprefix('r-')}-{random_text(8)}"
        try:
            connection.execute(
                "INSERT INTO org_units VALUES (?, ?, ?, ?, ?)",
                (unit, organization.id, parent.id, asked["Name"], f"{parent.path}{unit}/"),
            )
        except sqlite3.IntegrityError as error:
            raise _duplicate() from error
        attach_defaults(connection, organization, unit)
        put_tags(connection, organization, unit, asked.get("Tags"))
        return {"OrganizationalUnit": shown_unit(organization, _require_unit(connection, organization, unit))}


def _duplicate() -> AwsError:
    return AwsError("DuplicateOrganizationalUnitException", "An OU with the same name already exists.")


def _check_room(connection: sqlite3.Connection, organization: Organization, parent: Node) -> None:
    if parent.path.count("/") - 2 >= limits.UNITS_DEEP:
        raise AwsError(
            "ConstraintViolationException",
            f"You have exceeded the number of levels deep that an OU can be ({limits.UNITS_DEEP}).",
            Reason="OU_DEPTH_LIMIT_EXCEEDED",
        )
    (known,) = connection.execute(
        "SELECT count(*) FROM org_units WHERE organization = ?", (organization.id,)
    ).fetchone()
    if known > limits.UNITS_PER_ORGANIZATION:
        raise AwsError(
            "ConstraintViolationException",
            "You have exceeded the number of OUs in an organization.",
            Reason="OU_NUMBER_LIMIT_EXCEEDED",
        )


@PLAYS("UpdateOrganizationalUnit", access=access(Reach.MANAGEMENT, "OrganizationalUnitId"))
def update_organizational_unit(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_UpdateOrganizationalUnit.html"""
    asked = call.parameters
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        unit = _require_unit(connection, organization, asked["OrganizationalUnitId"])
        try:
            connection.execute("UPDATE org_units SET name = ? WHERE id = ?", (asked.get("Name", unit.name), unit.id))
        except sqlite3.IntegrityError as error:
            raise _duplicate() from error
        return {"OrganizationalUnit": shown_unit(organization, _require_unit(connection, organization, unit.id))}


@PLAYS("DeleteOrganizationalUnit", access=access(Reach.MANAGEMENT, "OrganizationalUnitId"))
def delete_organizational_unit(call: Call) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeleteOrganizationalUnit.html"""
    with call.cloud.store.write() as connection:
        organization = organization_of(connection, call.account)
        unit = _require_unit(connection, organization, call.parameters["OrganizationalUnitId"])
        if connection.execute(
            "SELECT 1 FROM org_units WHERE parent = ? UNION ALL SELECT 1 FROM org_members WHERE parent = ?",
            (unit.id, unit.id),
        ).fetchone():
            raise AwsError(
                "OrganizationalUnitNotEmptyException",
                "The specified OU is not empty. Move all accounts to another root or to other OUs, remove all child "
                "OUs, and try the operation again.",
            )
        forget_target(connection, organization, unit.id)
        connection.execute("DELETE FROM org_units WHERE id = ?", (unit.id,))


@PLAYS("DescribeOrganizationalUnit", access=access(Reach.READ, "OrganizationalUnitId"))
def describe_organizational_unit(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganizationalUnit.html"""
    with call.cloud.store.read() as connection:
        organization = organization_of(connection, call.account)
        unit = _require_unit(connection, organization, call.parameters["OrganizationalUnitId"])
    return {"OrganizationalUnit": shown_unit(organization, unit)}


def _units_beneath(connection: sqlite3.Connection, parent: Node) -> list[Node]:
    rows = connection.execute("SELECT id, name, parent, path FROM org_units WHERE parent = ?", (parent.id,))
    return [Node(kind=UNIT, arn="", **dict(row)) for row in rows.fetchall()]


@PLAYS("ListOrganizationalUnitsForParent", access=access(Reach.READ, "ParentId"))
def list_organizational_units_for_parent(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListOrganizationalUnitsForParent.html"""
    with call.cloud.store.read() as connection:
        organization = organization_of(connection, call.account)
        parent = require_parent(connection, organization, call.parameters["ParentId"])
        units = _units_beneath(connection, parent)
    return paged(call, "OrganizationalUnits", [shown_unit(organization, unit) for unit in units])


@PLAYS("ListAccountsForParent", access=access(Reach.READ, "ParentId"))
def list_accounts_for_parent(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccountsForParent.html"""
    with call.cloud.store.read() as connection:
        organization = organization_of(connection, call.account)
        parent = require_parent(connection, organization, call.parameters["ParentId"])
        rows = connection.execute(
            "SELECT a.*, m.joined_method, m.joined_at, u.path FROM accounts a JOIN org_members m ON m.account = a.id"
            " JOIN org_units u ON u.id = m.parent WHERE m.parent = ?",
            (parent.id,),
        ).fetchall()
    return paged(call, "Accounts", [account_answer(organization, row) for row in rows])


@PLAYS("ListChildren", access=access(Reach.READ, "ParentId"))
def list_children(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListChildren.html"""
    kind = call.parameters["ChildType"]
    with call.cloud.store.read() as connection:
        parent = require_parent(connection, organization_of(connection, call.account), call.parameters["ParentId"])
        if kind == ACCOUNT:
            rows = connection.execute("SELECT account FROM org_members WHERE parent = ?", (parent.id,)).fetchall()
            ids = [account for (account,) in rows]
        else:
            ids = [unit.id for unit in _units_beneath(connection, parent)]
    return paged(call, "Children", [{"Id": each, "Type": kind} for each in ids])


@PLAYS("ListParents", access=access(Reach.READ, "ChildId"))
def list_parents(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListParents.html"""
    with call.cloud.store.read() as connection:
        organization = organization_of(connection, call.account)
        child = find_node(connection, organization, call.parameters["ChildId"])
        if child is None or child.id == organization.root:
            raise AwsError("ChildNotFoundException", "You specified an OU or account that doesn't exist.")
        parent = require_parent(connection, organization, child.parent)
    return paged(call, "Parents", [{"Id": parent.id, "Type": parent.kind}])
