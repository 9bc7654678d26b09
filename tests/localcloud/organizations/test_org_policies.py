"""Control policies: where they are attached, what they stop, and how many there may be."""

from __future__ import annotations

import pytest
from house import House, allow, deny, document

from silolake.localcloud.engines.organizations import tree

EVERYTHING = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
FULL = {"SERVICE_CONTROL_POLICY": "p-FullAWSAccess", "RESOURCE_CONTROL_POLICY": "p-RCPFullAWSAccess"}


def _attached(house: House, target: str, kind: str = "SERVICE_CONTROL_POLICY") -> set[str]:
    found = house.ask(house.management, "organizations:ListPoliciesForTarget", TargetId=target, Filter=kind)
    return {policy["Id"] for policy in found["Policies"]}


def _rails(house: House, account: str) -> tree.GuardRails:
    with house.cloud.store.read() as connection:
        return tree.guard_rails(connection, account, tree.placement(connection, account))


@pytest.mark.parametrize("kind", FULL)
def test_a_type_that_is_enabled_is_allowed_everywhere_at_first(house: House, kind: str) -> None:
    house.ask(house.management, "organizations:CreateOrganization", FeatureSet="ALL")
    early_unit, early = house.unit("early"), house.member("early")
    assert _rails(house, early) == tree.GuardRails()
    house.ask(house.management, "organizations:EnablePolicyType", RootId=house.root, PolicyType=kind)
    late_unit, late = house.unit("late"), house.member("late")
    for target in (house.root, early_unit, early, late_unit, late):
        assert _attached(house, target, kind) == {FULL[kind]}
    again = house.refusal(house.management, "organizations:EnablePolicyType", RootId=house.root, PolicyType=kind)
    assert again is not None and again.code == "PolicyTypeAlreadyEnabledException"


def test_guard_rails_come_level_by_level_from_the_root_to_the_account(organized: House) -> None:
    outer = organized.unit("silos")
    account = organized.member("ewr", organized.unit("airports", outer))
    organized.attach("SERVICE", outer, deny("glue:*"), name="no-glue")
    rails = _rails(organized, account)
    assert [len(level) for level in rails.scps] == [1, 2, 1, 1]
    assert [len(level) for level in rails.rcps] == [1, 1, 1, 1]
    assert _rails(organized, organized.management_id) == tree.GuardRails()
    assert any("no-glue" in policy.name and outer in policy.name for policy in rails.scps[1])


def test_an_scp_stops_a_member_and_never_the_management_account(organized: House) -> None:
    account = organized.member("ewr")
    organized.attach("SERVICE", organized.root, deny("iam:CreateRole"))
    trust = document({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"})
    asked = {"RoleName": "mine", "AssumeRolePolicyDocument": trust}
    stopped = organized.refusal(organized.admin(account), "iam:CreateRole", **asked)
    assert stopped is not None and stopped.code == "AccessDenied"
    assert "explicit deny in a service control policy" in stopped.message
    assert organized.code(organized.management, "iam:CreateRole", **asked) == ""


def test_without_an_allow_at_one_level_nothing_is_allowed_below_it(organized: House) -> None:
    unit = organized.unit("silos")
    account = organized.member("ewr", unit)
    organized.attach("SERVICE", unit, allow("kms:*"))
    organized.ask(organized.management, "organizations:DetachPolicy", PolicyId="p-FullAWSAccess", TargetId=unit)
    admin = organized.admin(account)
    assert organized.code(admin, "iam:ListRoles") == "AccessDenied"
    assert organized.code(admin, "kms:ListKeys") == ""
    organized.move(account, unit, organized.root)
    assert organized.code(admin, "iam:ListRoles") == ""


def test_an_rcp_closes_a_role_that_trusts_too_many(organized: House) -> None:
    ewr, jfk = organized.member("ewr"), organized.member("jfk")
    arn = organized.make_role(
        organized.admin(jfk),
        "open",
        trust=document({"Effect": "Allow", "Principal": {"AWS": ewr}, "Action": "sts:AssumeRole"}),
    )
    asked = {"RoleArn": arn, "RoleSessionName": "in"}
    assert organized.code(organized.admin(ewr), "sts:AssumeRole", **asked) == ""
    organized.attach(
        "RESOURCE",
        organized.root,
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sts:AssumeRole",
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}},
        },
    )
    stopped = organized.refusal(organized.admin(ewr), "sts:AssumeRole", **asked)
    assert stopped is not None and "resource control policy" in stopped.message


def test_a_type_that_is_disabled_binds_nobody_and_forgets_its_attachments(organized: House) -> None:
    account = organized.member("ewr")
    policy = organized.attach("SERVICE", account, deny("iam:*"))
    kind = {"RootId": organized.root, "PolicyType": "SERVICE_CONTROL_POLICY"}
    assert organized.code(organized.admin(account), "iam:ListRoles") == "AccessDenied"
    organized.ask(organized.management, "organizations:DisablePolicyType", **kind)
    assert organized.code(organized.admin(account), "iam:ListRoles") == ""
    organized.ask(organized.management, "organizations:EnablePolicyType", **kind)
    assert _attached(organized, account) == {"p-FullAWSAccess"}
    organized.ask(organized.management, "organizations:DeletePolicy", PolicyId=policy)


def test_a_policy_is_changed_in_place_and_goes_when_nothing_uses_it(organized: House) -> None:
    account = organized.member("ewr")
    policy = organized.attach("SERVICE", account, deny("iam:*"))
    named = {"PolicyId": policy}
    used = organized.refusal(organized.management, "organizations:DeletePolicy", **named)
    assert used is not None and used.code == "PolicyInUseException"
    organized.ask(
        organized.management, "organizations:UpdatePolicy", **named, Content=document(deny("glue:*")), Name="renamed"
    )
    shown = organized.ask(organized.management, "organizations:DescribePolicy", **named)["Policy"]
    assert shown["PolicySummary"]["Name"] == "renamed" and "glue" in shown["Content"]
    assert organized.code(organized.admin(account), "iam:ListRoles") == ""
    targets = organized.ask(organized.management, "organizations:ListTargetsForPolicy", **named)["Targets"]
    assert [(each["TargetId"], each["Type"], each["Name"]) for each in targets] == [(account, "ACCOUNT", "ewr")]
    organized.ask(organized.management, "organizations:DetachPolicy", **named, TargetId=account)
    organized.ask(organized.management, "organizations:DeletePolicy", **named)
    assert organized.code(organized.management, "organizations:DescribePolicy", **named) == "PolicyNotFoundException"


@pytest.mark.parametrize(
    ("kind", "longest", "per_target"),
    [("SERVICE_CONTROL_POLICY", 10_240, 10), ("RESOURCE_CONTROL_POLICY", 5_120, 5)],
)
def test_policies_are_limited_in_size_and_number(organized: House, kind: str, longest: int, per_target: int) -> None:
    text = document(EVERYTHING if kind.startswith("RES") else allow("*"))
    if kind.startswith("RES"):
        text = text.replace("Allow", "Deny").replace('"*", "Resource"', '"s3:*", "Resource"')
    created: list[str] = []
    for number in range(per_target):
        made = organized.ask(
            organized.management,
            "organizations:CreatePolicy",
            Type=kind,
            Name=f"n{number}",
            Description="",
            Content=text + " " * (longest - len(text)),
        )
        created.append(made["Policy"]["PolicySummary"]["Id"])
    too_long = organized.refusal(
        organized.management,
        "organizations:CreatePolicy",
        Type=kind,
        Name="long",
        Description="",
        Content=text + " " * (longest - len(text) + 1),
    )
    assert too_long is not None and too_long.members["Reason"] == "POLICY_CONTENT_LIMIT_EXCEEDED"
    root = organized.root
    for policy in created[: per_target - 1]:
        organized.ask(organized.management, "organizations:AttachPolicy", PolicyId=policy, TargetId=root)
    too_many = organized.refusal(
        organized.management, "organizations:AttachPolicy", PolicyId=created[-1], TargetId=root
    )
    assert too_many is not None and too_many.members["Reason"] == "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("AttachPolicy", {"PolicyId": "p-none", "TargetId": "@root"}, "PolicyNotFoundException"),
        ("AttachPolicy", {"PolicyId": "@guard", "TargetId": "ou-none-none"}, "TargetNotFoundException"),
        ("AttachPolicy", {"PolicyId": "@guard", "TargetId": "@root"}, "DuplicatePolicyAttachmentException"),
        ("DetachPolicy", {"PolicyId": "@guard", "TargetId": "@ewr"}, "PolicyNotAttachedException"),
        ("DetachPolicy", {"PolicyId": "p-FullAWSAccess", "TargetId": "@ewr"}, "ConstraintViolationException"),
        ("DetachPolicy", {"PolicyId": "p-RCPFullAWSAccess", "TargetId": "@ewr"}, "InvalidInputException"),
        ("UpdatePolicy", {"PolicyId": "p-FullAWSAccess", "Name": "mine"}, "InvalidInputException"),
        ("UpdatePolicy", {"PolicyId": "@guard", "Content": "{"}, "MalformedPolicyDocumentException"),
        (
            "CreatePolicy",
            {"Type": "SERVICE_CONTROL_POLICY", "Name": "guard", "Description": "", "Content": document(allow("*"))},
            "DuplicatePolicyException",
        ),
        (
            "CreatePolicy",
            {"Type": "SERVICE_CONTROL_POLICY", "Name": "new", "Description": "", "Content": document(EVERYTHING)},
            "MalformedPolicyDocumentException",
        ),
        ("CreatePolicy", {"Type": "TAG_POLICY", "Name": "t", "Description": "", "Content": "{}"}, "NotPlayed"),
        ("EnablePolicyType", {"RootId": "r-none", "PolicyType": "SERVICE_CONTROL_POLICY"}, "RootNotFoundException"),
    ],
)
def test_what_cannot_be_attached_is_refused(
    organized: House, operation: str, parameters: dict[str, str], code: str
) -> None:
    known = {"@root": organized.root, "@ewr": organized.member("ewr")}
    known["@guard"] = organized.attach("SERVICE", organized.root, deny("glue:*"))
    given = {name: known.get(value, value) for name, value in parameters.items()}
    assert organized.code(organized.management, f"organizations:{operation}", **given) == code
