"""What nobody in a silo may do, its administrator included: the roles and roads that segregation stands on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from silolake.cloud import Cloud
from silolake.errors import CloudError

from .conftest import Lake
from .doors import BY_SCP, NOBODY_ALLOWS, allow, document, refused, visitors_role

pytestmark = pytest.mark.xdist_group("lake")

MATRIX = YAML(typ="safe").load(Path(__file__).parents[1] / "cases" / "policies" / "matrix.yaml")
ANY_SHARE = "arn:aws:ram:us-east-1:111111111111:resource-share/a"
ANY_ROLE = "arn:aws:iam::111111111111:role/any"
EVERYTHING = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
LAKE_ROLES = ("analyst", "administrator", "runner", "steward", "silo-codepipeline-rl", "break-glass")
EMPTY_TEMPLATE = '{"Resources": {"Key": {"Type": "AWS::KMS::Key", "Properties": {}}}}'


@pytest.fixture
def administrator(lake: Lake) -> Cloud:
    """EWR's."""
    return lake.as_("ewr", "administrator")


def trusting(cloud: Cloud) -> str:
    """A trust policy for all of one's own account."""
    return document(allow("sts:AssumeRole", [f"arn:aws:iam::{cloud.account}:root"], None))


def exempt_role(cloud: Cloud) -> dict[str, Any]:
    """The role with which stack sets deploy in the account."""
    (found,) = (
        each for each in cloud.pages("iam", "list_roles", "Roles") if each["RoleName"].startswith("stacksets-exec-")
    )
    return dict(found)


def test_a_silos_administrator_keeps_roles_of_its_own(lake: Lake, administrator: Cloud) -> None:
    """Without that the refusals below would mean nothing."""
    with visitors_role(administrator, "own", [f"arn:aws:iam::{lake.id_of('ewr')}:root"]) as own:
        administrator.call("iam", "update_assume_role_policy", RoleName="own", PolicyDocument=trusting(administrator))
        administrator.call("iam", "tag_role", RoleName="own", Tags=[{"Key": "a", "Value": "b"}])
        assert administrator.call("sts", "assume_role", RoleArn=own, RoleSessionName="me")["Credentials"]


@pytest.mark.parametrize("name", LAKE_ROLES)
def test_a_lake_role_is_not_changed(administrator: Cloud, name: str) -> None:
    """Neither its rights, nor its trust, nor its tags, nor is it removed."""
    before = administrator.call("iam", "get_role", RoleName=name)["Role"]
    for operation, parameters in (
        ("put_role_policy", {"PolicyName": "more", "PolicyDocument": EVERYTHING}),
        ("attach_role_policy", {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
        ("update_assume_role_policy", {"PolicyDocument": trusting(administrator)}),
        ("tag_role", {"Tags": [{"Key": "a", "Value": "b"}]}),
        ("delete_role", {}),
    ):
        said = refused(lambda o=operation, p=parameters: administrator.call("iam", o, RoleName=name, **p))
        assert BY_SCP in said
    assert administrator.call("iam", "get_role", RoleName=name)["Role"] == before


@pytest.mark.parametrize("path", ["/lake/", "/lake/analytics/", "/lake/deploy/", "/lake/run/"])
def test_no_role_of_a_lakes_name_is_made(administrator: Cloud, path: str) -> None:
    """The policies of others admit roles by their names."""
    asked = {"RoleName": "mine", "Path": path, "AssumeRolePolicyDocument": trusting(administrator)}
    assert BY_SCP in refused(lambda: administrator.call("iam", "create_role", **asked))


def test_the_exempt_role_is_neither_made_nor_changed(administrator: Cloud) -> None:
    """Guard rails spare what begins with stacksets-exec-, so that name is not to be had."""
    asked = {"RoleName": "stacksets-exec-mine", "AssumeRolePolicyDocument": trusting(administrator)}
    assert BY_SCP in refused(lambda: administrator.call("iam", "create_role", **asked))
    name = exempt_role(administrator)["RoleName"]
    trust = {"RoleName": name, "PolicyDocument": trusting(administrator)}
    assert BY_SCP in refused(lambda: administrator.call("iam", "update_assume_role_policy", **trust))
    assert BY_SCP in refused(lambda: administrator.call("iam", "delete_role", RoleName=name))


def test_the_exempt_role_is_not_assumed(lake: Lake, administrator: Cloud) -> None:
    """It trusts the service alone: neither the administrator, nor the platform's, nor the management account's."""
    asked = {"RoleArn": exempt_role(administrator)["Arn"], "RoleSessionName": "mine"}
    for cloud in (
        administrator,
        lake.as_("platform", "OrganizationAccountAccessRole"),
        lake.as_("management", "Administrator"),
    ):
        refused(lambda c=cloud: c.call("sts", "assume_role", **asked))


@pytest.mark.parametrize("role", ["lake/run/runner", "lake/deploy/steward", "lake/break-glass"])
def test_a_role_of_the_lakes_own_is_not_assumed_by_people(lake: Lake, administrator: Cloud, role: str) -> None:
    """The runner's and the steward's trust names the platform's runner, break-glass the management account."""
    asked = {"RoleArn": f"arn:aws:iam::{lake.id_of('ewr')}:role/{role}", "RoleSessionName": "mine"}
    assert NOBODY_ALLOWS in refused(lambda: administrator.call("sts", "assume_role", **asked))


def test_the_platforms_runner_assumes_runner_and_steward_and_nothing_else(lake: Lake) -> None:
    """Least privilege: of the roles of a silo these two."""
    runner, ewr = lake.as_("platform", "runner"), lake.id_of("ewr")
    for role in ("lake/run/runner", "lake/deploy/steward"):
        asked = {"RoleArn": f"arn:aws:iam::{ewr}:role/{role}", "RoleSessionName": "platform"}
        assert runner.call("sts", "assume_role", **asked)["Credentials"]["SessionToken"]
    for role in ("lake/silo/administrator", "lake/silo/analyst", "OrganizationAccountAccessRole", "lake/break-glass"):
        asked = {"RoleArn": f"arn:aws:iam::{ewr}:role/{role}", "RoleSessionName": "platform"}
        refused(lambda a=asked: runner.call("sts", "assume_role", **a))


def test_break_glass_asks_for_a_second_factor(lake: Lake) -> None:
    """The management account's administrator without one is not let in; with any other role of the account it is."""
    management, ewr = lake.as_("management", "Administrator"), lake.id_of("ewr")
    enter = {"RoleSessionName": "emergency"}
    access = f"arn:aws:iam::{ewr}:role/OrganizationAccountAccessRole"
    assert management.call("sts", "assume_role", RoleArn=access, **enter)["Credentials"]["SessionToken"]
    broken = f"arn:aws:iam::{ewr}:role/lake/break-glass"
    assert NOBODY_ALLOWS in refused(lambda: management.call("sts", "assume_role", RoleArn=broken, **enter))


def test_break_glass_may_what_nobody_else_may(lake: Lake) -> None:
    """Signed in as it, a lake role can be changed; that no key is made holds for it too."""
    emergency = lake.as_("ewr", "break-glass")
    emergency.call("iam", "tag_role", RoleName="analyst", Tags=[{"Key": "emergency", "Value": "yes"}])
    emergency.call("iam", "untag_role", RoleName="analyst", TagKeys=["emergency"])
    access = lake.as_("ewr", "OrganizationAccountAccessRole")
    assert BY_SCP in refused(
        lambda: access.call("iam", "tag_role", RoleName="analyst", Tags=[{"Key": "emergency", "Value": "yes"}])
    )


def test_the_stacks_of_the_stack_sets_are_not_touched(administrator: Cloud) -> None:
    """Deleting one would take the policies with it that close the silo."""
    stacks = administrator.call("cloudformation", "list_stacks")["StackSummaries"]
    names = [each["StackName"] for each in stacks if each["StackName"].startswith("StackSet-")]
    assert len(names) == 2
    for name in names:
        assert BY_SCP in refused(lambda n=name: administrator.call("cloudformation", "delete_stack", StackName=n))
        changed = {"StackName": name, "TemplateBody": EMPTY_TEMPLATE}
        assert BY_SCP in refused(lambda c=changed: administrator.call("cloudformation", "update_stack", **c))


def test_an_exempt_role_is_not_passed_to_cloudformation(lake: Lake, administrator: Cloud) -> None:
    """A stack of one's own with the steward's rights would write the catalog's policy."""
    steward = f"arn:aws:iam::{lake.id_of('ewr')}:role/lake/deploy/steward"
    asked = {"StackName": "mine", "TemplateBody": EMPTY_TEMPLATE, "RoleARN": steward}
    said = refused(lambda: administrator.call("cloudformation", "create_stack", **asked))
    assert "iam:PassRole" in said
    assert BY_SCP in said


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        (
            "lakeformation",
            "grant_permissions",
            {
                "Principal": {"DataLakePrincipalIdentifier": "111111111111"},
                "Resource": {"Database": {"Name": "processed"}},
                "Permissions": ["ALL"],
            },
        ),
        (
            "lakeformation",
            "batch_grant_permissions",
            {"Entries": [{"Id": "1", "Resource": {"Database": {"Name": "processed"}}, "Permissions": ["ALL"]}]},
        ),
        ("lakeformation", "put_data_lake_settings", {"DataLakeSettings": {}}),
        ("lakeformation", "register_resource", {"ResourceArn": "arn:aws:s3:::any"}),
        (
            "lakeformation",
            "add_lf_tags_to_resource",
            {"Resource": {"Database": {"Name": "processed"}}, "LFTags": [{"TagKey": "a", "TagValues": ["b"]}]},
        ),
        ("ram", "create_resource_share", {"name": "mine", "principals": ["111111111111"]}),
        (
            "ram",
            "associate_resource_share",
            {"resourceShareArn": ANY_SHARE, "principals": ["222222222222"]},
        ),
        ("lakeformation", "update_resource", {"ResourceArn": "arn:aws:s3:::any", "RoleArn": ANY_ROLE}),
        ("ram", "update_resource_share", {"resourceShareArn": ANY_SHARE, "allowExternalPrincipals": True}),
        ("iam", "create_user", {"UserName": "me"}),
        ("iam", "create_access_key", {"UserName": "me"}),
        ("organizations", "leave_organization", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_roads_that_are_not_played_are_refused_by_name(
    administrator: Cloud, service: str, operation: str, parameters: dict[str, Any]
) -> None:
    """The local cloud plays neither Lake Formation nor RAM nor users, so this would pass without any guard rail.

    That the guard rails deny them is proved by the lines of tests/cases/policies/matrix.yaml alone: there is one each.
    """
    with pytest.raises(CloudError) as said:
        administrator.call(service, operation, **parameters)
    action = f"{service}:{operation.title().replace('_', '').replace('Lf', 'LF')}"
    assert said.value.code == "NotPlayed"
    assert action in said.value.message
    assert [each["by"] for each in MATRIX if each["ask"]["does"] == action and each["expect"] == "explicit deny"]


def test_a_silos_administrator_does_not_touch_guard_rails(lake: Lake) -> None:
    """It may not even read what is attached to the organization."""
    silo = lake.as_("ewr", "administrator")
    refused(lambda: silo.call("organizations", "list_policies", Filter="SERVICE_CONTROL_POLICY"))
    root = lake.organization.root_id
    listed = lake.as_("platform", "runner").call(
        "organizations", "list_policies_for_target", TargetId=root, Filter="RESOURCE_CONTROL_POLICY"
    )["Policies"]
    perimeter = next(each["Id"] for each in listed if "perimeter" in each["Name"])
    refused(lambda: silo.call("organizations", "detach_policy", PolicyId=perimeter, TargetId=root))
