"""Where accounts hang, how they come and go, and who is told."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import ACCESS_ROLE, House

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines import organizations
from silolake.localcloud.engines.iam.permissions import grants
from silolake.localcloud.engines.organizations import accounts, tree
from silolake.localcloud.engines.organizations.events import MEMBERSHIP_LISTENERS

Told = list[tuple[str, str, str]]


def _placement(house: House, account: str) -> tree.Placement:
    with house.cloud.store.read() as connection:
        return tree.placement(connection, account)


@pytest.fixture
def told() -> Iterator[Told]:
    """Every coming and going that listeners hear of."""
    heard: Told = []

    def listen(_: LocalCloud, account: str, old: str, new: str) -> None:
        heard.append((account, old, new))

    MEMBERSHIP_LISTENERS.append(listen)
    yield heard
    MEMBERSHIP_LISTENERS.remove(listen)


def test_the_management_account_is_born_outside_any_organization(house: House) -> None:
    assert _placement(house, house.management_id) == tree.Placement("", "", "")
    assert _placement(house, "") == tree.Placement("", "", "")
    error = house.refusal(house.management, "organizations:DescribeOrganization")
    assert error is not None and error.code == "AWSOrganizationsNotInUseException"


def test_it_is_born_once_for_a_data_directory(tmp_path: Path) -> None:
    first = House(tmp_path)
    first.cloud.close()
    again = House(tmp_path)
    assert again.management_id == first.management_id
    with again.cloud.store.read() as connection:
        assert [each.name for each in accounts.everyone(connection)] == ["management"]
    again.cloud.close()


def test_an_organization_has_the_ids_that_aws_gives(house: House) -> None:
    made = house.ask(house.management, "organizations:CreateOrganization", FeatureSet="ALL")["Organization"]
    assert re.fullmatch(r"o-[a-z0-9]{10}", made["Id"])
    assert made["MasterAccountId"] == house.management_id
    assert made["Arn"] == f"arn:aws:organizations::{house.management_id}:organization/{made['Id']}"
    root = house.ask(house.management, "organizations:ListRoots")["Roots"][0]
    assert re.fullmatch(r"r-[a-z0-9]{4}", root["Id"]) and root["PolicyTypes"] == []
    unit = house.ask(house.management, "organizations:CreateOrganizationalUnit", ParentId=root["Id"], Name="silos")[
        "OrganizationalUnit"
    ]
    assert re.fullmatch(rf"ou-{root['Id'][2:]}-[a-z0-9]{{8}}", unit["Id"])
    assert unit["Path"] == f"{made['Id']}/{root['Id']}/{unit['Id']}/"
    again = house.refusal(house.management, "organizations:CreateOrganization", FeatureSet="ALL")
    assert again is not None and again.code == "AlreadyInOrganizationException"


def test_an_account_hangs_at_any_depth_and_its_path_says_where(organized: House, told: Told) -> None:
    outer = organized.unit("silos")
    inner = organized.unit("airports", outer)
    account = organized.member("ewr", inner)
    where = _placement(organized, account)
    assert where.path == f"{where.organization}/{organized.root}/{outer}/{inner}/"
    assert where.management_account == organized.management_id
    parents = organized.ask(organized.management, "organizations:ListParents", ChildId=account)["Parents"]
    assert parents == [{"Id": inner, "Type": "ORGANIZATIONAL_UNIT"}]
    shown = organized.ask(organized.management, "organizations:DescribeAccount", AccountId=account)["Account"]
    assert shown["Paths"] == [f"{where.path}{account}/"]
    top = f"{where.organization}/{organized.root}/"
    assert told == [(account, "", top), (account, top, where.path)]


def test_a_new_account_is_announced_before_it_is_there_and_then_has_what_aws_puts_in_it(organized: House) -> None:
    started = organized.ask(
        organized.management, "organizations:CreateAccount", AccountName="ewr", Email="ewr@lake.example"
    )["CreateAccountStatus"]
    assert started["State"] == "IN_PROGRESS" and "AccountId" not in started
    done = organized.request_account("jfk", Tags=[{"Key": "kind", "Value": "airport"}])
    assert done["State"] == "SUCCEEDED"
    account = done["AccountId"]
    roles = organized.ask(organized.admin(account), "iam:ListRoles")["Roles"]
    assert {role["Path"] + role["RoleName"] for role in roles} == {
        f"/{ACCESS_ROLE}",
        "/aws-service-role/organizations.amazonaws.com/AWSServiceRoleForOrganizations",
    }
    tags = organized.ask(organized.management, "organizations:ListTagsForResource", ResourceId=account)["Tags"]
    assert tags == [{"Key": "kind", "Value": "airport"}]
    inside = organized.assume(organized.management, f"arn:aws:iam::{account}:role/{ACCESS_ROLE}")
    assert organized.ask(inside, "sts:GetCallerIdentity")["Account"] == account


def test_an_email_is_taken_once_whatever_its_case(organized: House) -> None:
    organized.member("ewr")
    again = organized.request_account("other", Email="EWR@lake.example")
    assert (again["State"], again["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    assert "AccountId" not in again


def test_an_account_that_was_promised_is_made_when_the_cloud_starts_again(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.organize()
    house.request_account("ewr")
    with house.cloud.store.write() as connection:
        # As a process leaves it that is killed between its answer and the account.
        connection.execute(
            "INSERT INTO org_account_requests (id, organization, name, email, role_name, tags, state, requested_at)"
            " SELECT 'car-killed', organization, 'jfk', 'jfk@lake.example', role_name, tags, 'IN_PROGRESS',"
            " requested_at FROM org_account_requests"
        )
    house.cloud.close()
    again = House(tmp_path)
    organizations.resume(again.cloud)
    organizations.resume(again.cloud)
    status = again.ask(
        again.management, "organizations:DescribeCreateAccountStatus", CreateAccountRequestId="car-killed"
    )["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED"
    names = [each["Name"] for each in again.ask(again.management, "organizations:ListAccounts")["Accounts"]]
    assert sorted(names) == ["ewr", "jfk", "management"]
    again.cloud.close()


_PROMISE = """
import os, signal, sys
from pathlib import Path
from house import House

house = House(Path(sys.argv[1]))
house.organize()
for name in ("ewr", "jfk", "lga"):
    house.ask(house.management, "organizations:CreateAccount", AccountName=name, Email=f"{name}@lake.example")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_promised_before_a_kill_is_there_once_afterwards(tmp_path: Path) -> None:
    here = Path(__file__).parent.parent
    searched = os.pathsep.join([str(here), *sys.path])
    ended = subprocess.run(
        [sys.executable, "-c", _PROMISE, str(tmp_path)], env={**os.environ, "PYTHONPATH": searched}, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    house = House(tmp_path)
    organizations.resume(house.cloud)
    listed = house.ask(house.management, "organizations:ListAccounts")["Accounts"]
    assert sorted(each["Name"] for each in listed) == ["ewr", "jfk", "lga", "management"]
    for each in listed:
        if each["Name"] != "management":
            assert house.code(house.admin(each["Id"]), "iam:ListRoles") == ""
    house.cloud.close()


def test_long_lists_come_in_pages_and_nothing_is_told_twice(organized: House) -> None:
    wanted = {f"silo-{number}" for number in range(23)}
    for name in wanted:
        organized.request_account(name)
    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = organized.ask(organized.management, "organizations:ListAccounts", **token)
        assert len(page["Accounts"]) <= 20
        seen += [each["Name"] for each in page["Accounts"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert sorted(seen) == sorted({*wanted, "management"})
    bad = organized.refusal(organized.management, "organizations:ListAccounts", NextToken="?")
    assert bad is not None and bad.members["Reason"] == "INVALID_NEXT_TOKEN"


def test_a_closed_account_can_do_nothing_and_nobody_gets_in(organized: House) -> None:
    account = organized.member("ewr")
    arn = f"arn:aws:iam::{account}:role/{ACCESS_ROLE}"
    inside = organized.assume(organized.management, arn)
    assert organized.code(inside, "iam:ListRoles") == ""
    organized.ask(organized.management, "organizations:CloseAccount", AccountId=account)
    assert organized.code(inside, "iam:ListRoles") == "AccessDenied"
    refused = organized.refusal(organized.management, "sts:AssumeRole", RoleArn=arn, RoleSessionName="again")
    assert refused is not None and refused.code == "AccessDenied"
    shown = organized.ask(organized.management, "organizations:DescribeAccount", AccountId=account)["Account"]
    assert shown["Status"] == "SUSPENDED"
    with organized.cloud.store.read() as connection:
        assert grants(connection, arn).identity == ()


def test_an_account_that_is_removed_stands_alone(organized: House, told: Told) -> None:
    account = organized.member("ewr")
    path = _placement(organized, account).path
    organized.ask(organized.management, "organizations:RemoveAccountFromOrganization", AccountId=account)
    assert _placement(organized, account) == tree.Placement()
    assert told[-1] == (account, path, "")
    error = organized.refusal(organized.management, "organizations:DescribeAccount", AccountId=account)
    assert error is not None and error.code == "AccountNotFoundException"


def test_a_unit_goes_when_it_is_empty(organized: House) -> None:
    unit = organized.unit("silos")
    account = organized.member("ewr", unit)
    named = {"OrganizationalUnitId": unit}
    full = organized.refusal(organized.management, "organizations:DeleteOrganizationalUnit", **named)
    assert full is not None and full.code == "OrganizationalUnitNotEmptyException"
    organized.move(account, unit, organized.root)
    organized.ask(organized.management, "organizations:DeleteOrganizationalUnit", **named)
    gone = organized.refusal(organized.management, "organizations:DescribeOrganizationalUnit", **named)
    assert gone is not None and gone.code == "OrganizationalUnitNotFoundException"


def test_units_nest_five_deep_and_no_deeper(organized: House) -> None:
    parent = organized.root
    for depth in range(5):
        parent = organized.unit(f"level-{depth}", parent)
    error = organized.refusal(
        organized.management, "organizations:CreateOrganizationalUnit", ParentId=parent, Name="too deep"
    )
    assert error is not None and error.members["Reason"] == "OU_DEPTH_LIMIT_EXCEEDED"


def test_the_owner_finds_roles_by_names(organized: House) -> None:
    account = organized.member("ewr")
    organized.make_role(organized.admin(account), "runner", Path="/lake/run/")
    arn = f"arn:aws:iam::{account}:role/lake/run/runner"
    with organized.cloud.store.read() as connection:
        for name in ("runner", "lake/run/runner", "/lake/run/runner"):
            assert accounts.role_arn(connection, "ewr", name) == arn
        assert accounts.role_arn(connection, account, "runner") == arn


def test_two_accounts_that_an_owner_opens_are_in_no_organization(organized: House) -> None:
    with organized.cloud.store.write() as connection:
        outsider = accounts.create_standalone(connection, "outsider", "outsider@elsewhere.example")
    assert _placement(organized, outsider) == tree.Placement()
    assert organized.code(organized.role(outsider, "Administrator"), "iam:ListRoles") == ""


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("CreateOrganizationalUnit", {"ParentId": "r-none", "Name": "x"}, "ParentNotFoundException"),
        ("CreateOrganizationalUnit", {"ParentId": "@root", "Name": "silos"}, "DuplicateOrganizationalUnitException"),
        (
            "MoveAccount",
            {"AccountId": "@ewr", "SourceParentId": "@root", "DestinationParentId": "@silos"},
            "DuplicateAccountException",
        ),
        (
            "MoveAccount",
            {"AccountId": "@ewr", "SourceParentId": "@silos", "DestinationParentId": "ou-none-none"},
            "DestinationParentNotFoundException",
        ),
        (
            "MoveAccount",
            {"AccountId": "@ewr", "SourceParentId": "ou-none-none", "DestinationParentId": "@root"},
            "SourceParentNotFoundException",
        ),
        (
            "MoveAccount",
            {"AccountId": "111111111111", "SourceParentId": "@root", "DestinationParentId": "@silos"},
            "AccountNotFoundException",
        ),
        ("RemoveAccountFromOrganization", {"AccountId": "@management"}, "MasterCannotLeaveOrganizationException"),
        ("CloseAccount", {"AccountId": "@management"}, "ConstraintViolationException"),
        ("ListChildren", {"ParentId": "@ewr", "ChildType": "ACCOUNT"}, "ParentNotFoundException"),
        ("ListParents", {"ChildId": "@root"}, "ChildNotFoundException"),
        ("CreateAccount", {"AccountName": "x", "Email": "nowhere"}, "InvalidInputException"),
        ("DescribeCreateAccountStatus", {"CreateAccountRequestId": "car-1"}, "CreateAccountStatusNotFoundException"),
        ("InviteAccountToOrganization", {"Target": {"Id": "1", "Type": "ACCOUNT"}}, "NotPlayed"),
        ("EnableAllFeatures", {}, "NotPlayed"),
    ],
)
def test_what_cannot_be_is_refused_in_the_words_of_aws(
    organized: House, operation: str, parameters: dict[str, str], code: str
) -> None:
    unit = organized.unit("silos")
    known = {
        "@root": organized.root,
        "@silos": unit,
        "@ewr": organized.member("ewr", unit),
        "@management": organized.management_id,
    }
    given = {name: known.get(value, value) if isinstance(value, str) else value for name, value in parameters.items()}
    assert organized.code(organized.management, f"organizations:{operation}", **given) == code
