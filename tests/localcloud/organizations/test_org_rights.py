"""Who may ask Organizations what."""

from __future__ import annotations

from typing import Any

import pytest
from house import House, allow, deny, document

from silolake.localcloud.engines.organizations import accounts, tree

STACK_SETS = "member.org.stacksets.cloudformation.amazonaws.com"
SCP = {"Type": "SERVICE_CONTROL_POLICY", "Name": "x", "Description": "", "Content": document(deny("glue:*"))}


@pytest.fixture
def delegated(organized: House) -> House:
    """``platform`` administers stack sets, ``security`` may manage SCPs, ``ewr`` is a member and no more."""
    platform, security = organized.member("platform"), organized.member("security")
    organized.member("ewr")
    boss = organized.management
    organized.ask(boss, "organizations:EnableAWSServiceAccess", ServicePrincipal=STACK_SETS)
    organized.ask(boss, "organizations:RegisterDelegatedAdministrator", AccountId=platform, ServicePrincipal=STACK_SETS)
    statement = {
        "Sid": "SecurityManagesScps",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{security}:root"},
        "Action": [
            "organizations:CreatePolicy",
            "organizations:AttachPolicy",
            "organizations:ListRoots",
            "organizations:DescribePolicy",
        ],
        "Resource": "*",
        "Condition": {"StringEqualsIfExists": {"organizations:PolicyType": "SERVICE_CONTROL_POLICY"}},
    }
    organized.ask(boss, "organizations:PutResourcePolicy", Content=document(statement))
    with organized.cloud.store.write() as connection:
        accounts.create_standalone(connection, "outsider", "outsider@elsewhere.example")
    return organized


def _id(house: House, name: str) -> str:
    with house.cloud.store.read() as connection:
        return next(each.id for each in accounts.everyone(connection) if each.name == name)


DENIED, NONE = "AccessDeniedException", "AWSOrganizationsNotInUseException"


@pytest.mark.parametrize(
    ("operation", "parameters", "platform", "security", "ewr", "outsider"),
    [
        ("DescribeOrganization", {}, "", "", "", NONE),
        ("ListRoots", {}, "", "", DENIED, NONE),
        ("ListAccounts", {}, "", DENIED, DENIED, NONE),
        ("ListDelegatedAdministrators", {}, "", DENIED, DENIED, NONE),
        ("DescribePolicy", {"PolicyId": "p-FullAWSAccess"}, "", "", DENIED, NONE),
        ("DescribePolicy", {"PolicyId": "p-RCPFullAWSAccess"}, "", DENIED, DENIED, NONE),
        ("CreatePolicy", SCP, DENIED, "", DENIED, NONE),
        ("CreatePolicy", {**SCP, "Type": "RESOURCE_CONTROL_POLICY"}, DENIED, DENIED, DENIED, NONE),
        ("CreateAccount", {"AccountName": "new", "Email": "new@lake.example"}, DENIED, DENIED, DENIED, NONE),
        ("PutResourcePolicy", {"Content": "{}"}, DENIED, DENIED, DENIED, NONE),
    ],
)
def test_a_member_reads_and_manages_only_what_was_delegated_to_it(
    delegated: House,
    operation: str,
    parameters: dict[str, Any],
    platform: str,
    security: str,
    ewr: str,
    outsider: str,
) -> None:
    expected = {"platform": platform, "security": security, "ewr": ewr}
    for name, code in expected.items():
        admin = delegated.admin(_id(delegated, name))
        assert delegated.code(admin, f"organizations:{operation}", **parameters) == code, name
    stranger = delegated.role(_id(delegated, "outsider"), "Administrator")
    assert delegated.code(stranger, f"organizations:{operation}", **parameters) == outsider


def test_a_delegate_needs_a_policy_of_its_own_as_well(delegated: House) -> None:
    security = _id(delegated, "security")
    weak = delegated.make_role(delegated.admin(security), "weak", allow("organizations:ListRoots"))
    caller = delegated.cloud.as_role(weak, "test")
    assert delegated.code(caller, "organizations:ListRoots") == ""
    refused = delegated.refusal(caller, "organizations:CreatePolicy", **SCP)
    assert refused is not None and "no identity-based policy allows" in refused.message


def test_a_role_of_the_management_account_is_held_to_its_arns(organized: House) -> None:
    silos, departed = organized.unit("silos"), organized.unit("departed")
    account = organized.member("ewr", silos)
    prefix = f"arn:aws:organizations::{organized.management_id}"
    role = organized.make_role(
        organized.management,
        "mover",
        allow("organizations:MoveAccount", [f"{prefix}:account/*", f"{prefix}:ou/*/{silos}", f"{prefix}:root/*"]),
    )
    mover = organized.cloud.as_role(role, "test")
    there = {"AccountId": account, "SourceParentId": silos, "DestinationParentId": departed}
    refused = organized.refusal(mover, "organizations:MoveAccount", **there)
    assert refused is not None and departed in refused.message
    assert organized.code(mover, "organizations:MoveAccount", **{**there, "DestinationParentId": organized.root}) == ""


def test_tags_of_a_resource_decide(organized: House) -> None:
    role = organized.make_role(
        organized.management,
        "tagger",
        allow("organizations:DescribeOrganizationalUnit", Condition={"StringEquals": {"aws:ResourceTag/team": "lake"}}),
    )
    caller = organized.cloud.as_role(role, "test")
    unit = organized.unit("silos")
    named = {"OrganizationalUnitId": unit}
    assert organized.code(caller, "organizations:DescribeOrganizationalUnit", **named) == DENIED
    organized.ask(
        organized.management,
        "organizations:TagResource",
        ResourceId=unit,
        Tags=[{"Key": "team", "Value": "lake"}],
    )
    assert organized.code(caller, "organizations:DescribeOrganizationalUnit", **named) == ""
    organized.ask(organized.management, "organizations:UntagResource", ResourceId=unit, TagKeys=["team"])
    assert organized.code(caller, "organizations:DescribeOrganizationalUnit", **named) == DENIED


def test_a_delegated_administrator_is_registered_once_and_cannot_leave(delegated: House) -> None:
    platform = _id(delegated, "platform")
    named = {"AccountId": platform, "ServicePrincipal": STACK_SETS}
    boss = delegated.management
    again = delegated.code(boss, "organizations:RegisterDelegatedAdministrator", **named)
    assert again == "AccountAlreadyRegisteredException"
    listed = delegated.ask(boss, "organizations:ListDelegatedAdministrators", ServicePrincipal=STACK_SETS)
    assert [each["Id"] for each in listed["DelegatedAdministrators"]] == [platform]
    services = delegated.ask(boss, "organizations:ListDelegatedServicesForAccount", AccountId=platform)
    assert [each["ServicePrincipal"] for each in services["DelegatedServices"]] == [STACK_SETS]
    stays = delegated.refusal(boss, "organizations:RemoveAccountFromOrganization", AccountId=platform)
    assert stays is not None and stays.members["Reason"] == "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG"
    delegated.ask(boss, "organizations:DisableAWSServiceAccess", ServicePrincipal=STACK_SETS)
    with delegated.cloud.store.read() as connection:
        assert not tree.is_delegated(connection, platform)
    assert delegated.code(delegated.admin(platform), "organizations:ListRoots") == DENIED
    missing = delegated.code(boss, "organizations:DeregisterDelegatedAdministrator", **named)
    assert missing == "AccountNotRegisteredException"


@pytest.mark.parametrize(
    ("account", "service", "reason"),
    [
        ("ewr", "config.amazonaws.com", "SERVICE_ACCESS_NOT_ENABLED"),
        ("management", STACK_SETS, "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR"),
        ("ewr", "not a service", "UNRECOGNIZED_SERVICE_PRINCIPAL"),
    ],
)
def test_who_cannot_be_registered_is_told_why(delegated: House, account: str, service: str, reason: str) -> None:
    error = delegated.refusal(
        delegated.management,
        "organizations:RegisterDelegatedAdministrator",
        AccountId=_id(delegated, account),
        ServicePrincipal=service,
    )
    assert error is not None and error.members["Reason"] == reason


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ({"Action": "organizations:CreateAccount"}, "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY"),
        ({"Action": "organizations:*"}, "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY"),
        ({"NotAction": "organizations:CreateAccount"}, "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY"),
        ({"Action": "organizations:List*", "Principal": {"AWS": "999999999999"}}, "INVALID_PRINCIPAL"),
        ({"Action": "organizations:List*", "Principal": None}, "INVALID_RESOURCE_POLICY_JSON"),
    ],
)
def test_a_delegation_policy_delegates_policies_and_nothing_else(
    delegated: House, statement: dict[str, Any], reason: str
) -> None:
    ewr = {"AWS": _id(delegated, "ewr")}
    content = document({"Effect": "Allow", "Principal": ewr, "Resource": "*", **statement})
    error = delegated.refusal(delegated.management, "organizations:PutResourcePolicy", Content=content)
    assert error is not None and error.members["Reason"] == reason


def test_without_the_delegation_policy_nothing_is_delegated(delegated: House) -> None:
    security = delegated.admin(_id(delegated, "security"))
    shown = delegated.ask(delegated.management, "organizations:DescribeResourcePolicy")["ResourcePolicy"]
    assert "SecurityManagesScps" in shown["Content"]
    delegated.ask(delegated.management, "organizations:DeleteResourcePolicy")
    assert delegated.code(security, "organizations:ListRoots") == DENIED


def test_a_refusal_is_in_the_decision_log_with_its_reason(delegated: House) -> None:
    ewr = delegated.admin(_id(delegated, "ewr"))
    assert delegated.code(ewr, "organizations:CreateAccount", AccountName="x", Email="x@lake.example") == DENIED
    (newest,) = delegated.cloud.decisions.find(denied_only=True, limit=1)
    assert newest["action"] == "organizations:CreateAccount" and newest["caller"] == ewr.arn
    assert "resource policy: implicit deny (there is none)" in newest["decision"]["text"]
