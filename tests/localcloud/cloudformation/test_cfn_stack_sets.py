"""Service-managed stack sets: deployed by units, and by themselves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cfn_desk import a_bucket, a_database, a_role, template
from cfn_organization import REGION, Company
from mortality import Killed, Mortal

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines import cloudformation
from silolake.localcloud.errors import AwsError

DATA = template(
    Bucket={**a_bucket({"Fn::Sub": "nyc-${AWS::AccountId}-raw"}), "DeletionPolicy": "Retain"},
    Key={"Type": "AWS::KMS::Key", "DeletionPolicy": "Retain", "Properties": {}},
)
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": {"Fn::Sub": "arn:aws:s3:::nyc-${AWS::AccountId}-raw/*"},
        }
    ],
}
BASE = template(
    Role=a_role("analyst", Path="/lake/silo/"),
    Policy={
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": {"Fn::Sub": "nyc-${AWS::AccountId}-raw"}, "PolicyDocument": POLICY},
    },
)


@pytest.fixture
def company(cloud: LocalCloud) -> Company:
    return Company.founded(cloud)


def test_accounts_below_a_unit_get_the_stack_at_any_depth_and_no_others(company: Company) -> None:
    company.unit("airports", "silos")
    company.unit("small", "airports")
    company.account("ewr", "silos")
    company.account("jfk", "airports")
    company.account("teb", "small")
    company.account("other", "departed")
    company.stack_set("base", template(Role=a_role("analyst")))
    ended = company.deploy("base", "silos", OperationPreferences={"FailureToleranceCount": 1})
    assert ended["Status"] == "SUCCEEDED"
    assert company.instances("base") == {"ewr": "CURRENT", "jfk": "CURRENT", "teb": "CURRENT"}
    for name in ("ewr", "jfk", "teb"):
        assert "analyst" in company.inside(name).roles()
        (stack,) = company.inside(name).ask("DescribeStacks")["Stacks"]
        assert stack["StackName"].startswith("StackSet-base-")
    for name in ("other", "platform"):
        assert "analyst" not in company.inside(name).roles()


def test_the_root_reaches_everyone_but_the_management_account(company: Company) -> None:
    company.account("ewr", "silos")
    company.stack_set("base", template(Role=a_role("analyst")))
    assert company.deploy("base", "root")["Status"] == "SUCCEEDED"
    assert set(company.instances("base")) == {"ewr", "platform"}
    assert "analyst" not in company.management.roles()


@pytest.mark.parametrize(
    ("kind", "named", "reached"),
    [
        ("INTERSECTION", ["ewr"], {"ewr"}),
        ("DIFFERENCE", ["ewr"], {"jfk"}),
        ("UNION", ["other"], {"ewr", "jfk", "other"}),
    ],
)
def test_an_account_filter_narrows_or_widens_a_unit(
    company: Company, kind: str, named: list[str], reached: set[str]
) -> None:
    for name, unit in (("ewr", "silos"), ("jfk", "silos"), ("other", "departed")):
        company.account(name, unit)
    company.stack_set("base", template(Role=a_role("analyst")))
    chosen = {"AccountFilterType": kind, "Accounts": [company.accounts[name] for name in named]}
    company.deploy("base", "silos", Filter=chosen)
    assert set(company.instances("base")) == reached
    company.withdraw("base", "silos", Filter=chosen)
    assert set(company.instances("base")) == set()


def test_an_account_that_enters_gets_the_stacks_in_the_order_of_their_dependencies(company: Company) -> None:
    """silo-base needs the bucket of silo-data; no operation is asked for by anyone."""
    data = company.stack_set("silo-data", DATA)
    auto = {"Enabled": True, "RetainStacksOnAccountRemoval": False, "DependsOn": [data]}
    company.stack_set("silo-base", BASE, AutoDeployment=auto)
    company.deploy("silo-data", "silos")
    company.deploy("silo-base", "silos")
    company.account("ewr")
    company.move("ewr", "silos")
    company.quiet("silo-data", "silo-base")
    assert company.instances("silo-base") == {"ewr": "CURRENT"}, company.sets("ListStackInstances", "silo-base")
    bucket = f"nyc-{company.accounts['ewr']}-raw"
    assert company.inside("ewr").ask("s3:GetBucketPolicy", Bucket=bucket)
    operations = company.sets("ListStackSetOperations", "silo-base")["Summaries"]
    assert [(each["Action"], each["Status"]) for each in operations] == [("CREATE", "SUCCEEDED")] * 2


def test_an_account_that_leaves_loses_the_stacks_keeps_what_is_retained_and_finds_it_again(company: Company) -> None:
    """First what depends on others goes; the bucket and the key stay; coming back takes them up."""
    data = company.stack_set("silo-data", DATA)
    auto = {"Enabled": True, "RetainStacksOnAccountRemoval": False, "DependsOn": [data]}
    company.stack_set("silo-base", BASE, AutoDeployment=auto)
    company.account("ewr", "silos")
    company.deploy("silo-data", "silos")
    company.deploy("silo-base", "silos")
    ewr, bucket = company.inside("ewr"), f"nyc-{company.accounts['ewr']}-raw"
    keys = ewr.keys()
    company.move("ewr", "departed")
    company.quiet("silo-base", "silo-data")
    assert (company.instances("silo-base"), company.instances("silo-data")) == ({}, {})
    assert (ewr.buckets(), ewr.keys(), ewr.ask("DescribeStacks")["Stacks"]) == ({bucket}, keys, [])
    assert ewr.refused("s3:GetBucketPolicy", Bucket=bucket).code == "NoSuchBucketPolicy"
    assert not {name for name in ewr.roles() if name == "analyst" or name.startswith("stacksets-exec-")}
    company.move("ewr", "silos")
    company.quiet("silo-data", "silo-base")
    assert company.instances("silo-base") == {"ewr": "CURRENT"}
    assert (ewr.buckets(), ewr.keys()) == ({bucket}, keys)


def test_leaving_and_coming_back_at_once_ends_deployed(company: Company) -> None:
    company.stack_set("base", template(Role=a_role("analyst"), Database=a_database()))
    company.account("ewr", "silos")
    company.deploy("base", "silos")
    company.move("ewr", "departed")
    company.move("ewr", "silos")
    company.quiet("base")
    assert company.instances("base") == {"ewr": "CURRENT"}
    assert "analyst" in company.inside("ewr").roles()


def test_a_move_between_two_units_that_are_both_targets_leaves_the_stack_alone(company: Company) -> None:
    company.unit("airports", "silos")
    company.account("ewr", "silos")
    company.stack_set("base", template(Role=a_role("analyst")))
    company.deploy("base", "silos")
    before = company.sets("ListStackInstances", "base")["Summaries"][0]["StackId"]
    company.move("ewr", "airports")
    company.quiet("base")
    assert company.sets("ListStackInstances", "base")["Summaries"][0]["StackId"] == before
    assert len(company.sets("ListStackSetOperations", "base")["Summaries"]) == 1


def test_stacks_are_kept_where_the_stack_set_retains_them(company: Company) -> None:
    """The instance goes, the stack stays, and as on AWS it is not taken up again."""
    auto = {"Enabled": True, "RetainStacksOnAccountRemoval": True}
    company.stack_set("base", template(Database=a_database()), AutoDeployment=auto)
    company.account("ewr", "silos")
    company.deploy("base", "silos")
    company.move("ewr", "departed")
    company.quiet("base")
    assert company.instances("base") == {}
    assert [each["StackStatus"] for each in company.inside("ewr").ask("DescribeStacks")["Stacks"]] == [
        "CREATE_COMPLETE"
    ]
    company.move("ewr", "silos")
    company.quiet("base")
    assert company.instances("base") == {"ewr": "OUTDATED"}
    (instance,) = company.sets("ListStackInstances", "base")["Summaries"]
    assert "already exists" in instance["StatusReason"]


def test_a_stack_set_that_does_not_deploy_itself_waits_to_be_told(company: Company) -> None:
    company.stack_set("base", template(Role=a_role("analyst")), AutoDeployment={"Enabled": False})
    company.deploy("base", "silos")
    company.account("ewr", "silos")
    company.quiet("base")
    assert company.instances("base") == {}
    company.deploy("base", "silos")
    company.move("ewr", "departed")
    assert company.instances("base") == {"ewr": "CURRENT"}


def test_an_update_reaches_every_instance_and_outdates_those_it_fails_for(company: Company) -> None:
    for name in ("ewr", "jfk"):
        company.account(name, "silos")
    company.stack_set("base", template(Role=a_role("analyst", Description="one")))
    company.deploy("base", "silos")
    body = json.dumps(template(Role=a_role("analyst", Description="two")))
    made = company.sets("UpdateStackSet", "base", TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
    assert company.ended("base", made["OperationId"])["Status"] == "SUCCEEDED"
    for name in ("ewr", "jfk"):
        assert company.inside(name).ask("iam:GetRole", RoleName="analyst")["Role"]["Description"] == "two"
    company.inside("jfk").ask("iam:CreateRole", RoleName="second", AssumeRolePolicyDocument=json.dumps(_trust()))
    body = json.dumps(template(Role=a_role("analyst", Description="three"), More=a_role("second")))
    preferences = {"FailureToleranceCount": 1}
    made = company.sets(
        "UpdateStackSet",
        "base",
        TemplateBody=body,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        OperationPreferences=preferences,
    )
    ended = company.ended("base", made["OperationId"])
    assert (ended["Status"], ended["StatusDetails"]) == ("SUCCEEDED", {"FailedStackInstancesCount": 1})
    assert company.instances("base") == {"ewr": "CURRENT", "jfk": "OUTDATED"}
    assert "second' already exists" in company.results("base", made["OperationId"])["jfk"][1]
    assert company.inside("jfk").ask("iam:GetRole", RoleName="analyst")["Role"]["Description"] == "two"


def _trust() -> dict[str, Any]:
    trust: dict[str, Any] = a_role()["Properties"]["AssumeRolePolicyDocument"]
    return trust


def test_an_operation_stops_at_the_first_failure_that_is_not_tolerated(company: Company) -> None:
    """By default none is: the accounts that were not reached are cancelled."""
    for name in ("ewr", "jfk", "lga"):
        company.account(name, "silos")
        company.inside(name).ask("iam:CreateRole", RoleName="analyst", AssumeRolePolicyDocument=json.dumps(_trust()))
    company.stack_set("base", template(Role=a_role("analyst")))
    ended = company.deploy("base", "silos")
    assert ended["Status"] == "FAILED"
    statuses = [status for status, _ in company.results("base", ended["OperationId"]).values()]
    assert sorted(statuses) == ["CANCELLED", "CANCELLED", "FAILED"]
    assert set(company.instances("base").values()) == {"OUTDATED"}
    tolerant = company.deploy("base", "silos", OperationPreferences={"FailureTolerancePercentage": 70})
    assert [status for status, _ in company.results("base", tolerant["OperationId"]).values()] == ["FAILED"] * 3
    for name in ("ewr", "jfk", "lga"):
        company.inside(name).ask("iam:DeleteRole", RoleName="analyst")
    assert company.deploy("base", "silos")["Status"] == "SUCCEEDED"
    assert set(company.instances("base").values()) == {"CURRENT"}


def test_a_stack_set_with_instances_cannot_be_deleted(company: Company) -> None:
    company.account("ewr", "silos")
    company.stack_set("base", template(Role=a_role("analyst")))
    company.deploy("base", "silos")
    with pytest.raises(AwsError) as refused:
        company.sets("DeleteStackSet", "base")
    assert refused.value.code == "StackSetNotEmptyException"
    assert company.withdraw("base", "silos")["Status"] == "SUCCEEDED"
    company.sets("DeleteStackSet", "base")
    with pytest.raises(AwsError) as refused:
        company.sets("DescribeStackSet", "base")
    assert refused.value.code == "StackSetNotFoundException"
    listed = company.platform.ask("ListStackSets", CallAs="DELEGATED_ADMIN")["Summaries"]
    assert [(each["StackSetName"], each["Status"]) for each in listed] == [("base", "DELETED")]
    company.stack_set("base", template(Role=a_role("analyst")))


def test_who_may_administer_stack_sets(company: Company) -> None:
    """The management account as itself, a delegated administrator as such, nobody else."""
    company.account("ewr", "silos")
    body = json.dumps(template(Role=a_role("analyst")))
    asked = {
        "StackSetName": "base",
        "TemplateBody": body,
        "PermissionModel": "SERVICE_MANAGED",
        "AutoDeployment": {"Enabled": False},
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    }
    refused = company.inside("ewr").refused("CreateStackSet", **asked, CallAs="DELEGATED_ADMIN")
    assert refused.message == "Account used is not a delegated administrator"
    assert company.platform.refused("CreateStackSet", **asked).code == "ValidationError"
    company.management.ask("CreateStackSet", **asked)
    listed = company.platform.ask("ListStackSets", CallAs="DELEGATED_ADMIN")["Summaries"]
    assert [each["StackSetName"] for each in listed] == ["base"]
    company.management.ask("organizations:DisableAWSServiceAccess", ServicePrincipal=_service())
    refused = company.management.refused("ListStackSets")
    assert "You must enable organizations access" in refused.message


def test_trusted_access_can_be_activated_through_cloudformation(company: Company) -> None:
    assert company.management.ask("DescribeOrganizationsAccess")["Status"] == "ENABLED"
    company.management.ask("DeactivateOrganizationsAccess")
    assert company.management.ask("DescribeOrganizationsAccess")["Status"] == "DISABLED"
    company.management.ask("ActivateOrganizationsAccess")
    assert company.management.ask("ListStackSets")["Summaries"] == []


def _service() -> str:
    return "member.org.stacksets.cloudformation.amazonaws.com"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"PermissionModel": "SELF_MANAGED"}, "PermissionModel SELF_MANAGED"),
        ({"PermissionModel": None}, "PermissionModel SELF_MANAGED"),
        ({"AutoDeployment": None}, "AutoDeployment must be specified"),
        ({"StackSetName": "silo_base"}, "pattern: [a-zA-Z][-a-zA-Z0-9]*"),
        ({"Capabilities": []}, "Requires capabilities : [CAPABILITY_NAMED_IAM]"),
        ({"TemplateBody": '{"Transform": "AWS::X", "Resources": {"A": {"Type": "AWS::IAM::Role"}}}'}, "transforms"),
        ({"TemplateBody": '{"Resources": {"A": {"Type": "AWS::Lambda::Function"}}}'}, "Unrecognized resource types"),
        ({"AutoDeployment": {"Enabled": True}}, "RetainStacksOnAccountRemoval must be specified"),
        (
            {"AutoDeployment": {"Enabled": True, "RetainStacksOnAccountRemoval": False, "DependsOn": ["arn:x"]}},
            "The stack set arn:x in DependsOn does not exist",
        ),
    ],
)
def test_what_a_service_managed_stack_set_cannot_be(company: Company, given: dict[str, Any], words: str) -> None:
    asked = {
        "StackSetName": "base",
        "TemplateBody": json.dumps(template(Role=a_role("analyst"))),
        "PermissionModel": "SERVICE_MANAGED",
        "AutoDeployment": {"Enabled": False},
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "CallAs": "DELEGATED_ADMIN",
    }
    asked = {key: value for key, value in {**asked, **given}.items() if value is not None}
    assert words in company.platform.refused("CreateStackSet", **asked).message
    assert company.platform.ask("ListStackSets", CallAs="DELEGATED_ADMIN")["Summaries"] == []


def test_a_second_operation_is_refused_unless_the_stack_set_queues(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.account("ewr", "silos")
    company.stack_set("base", template(Role=a_role("analyst")))
    company.stack_set("queues", template(Role=a_role("other")), ManagedExecution={"Active": True})
    held: list[Callable[[], None]] = []
    with monkeypatch.context() as patched:
        patched.setattr(company.cloud, "in_background", held.append)
        targets = {"OrganizationalUnitIds": [company.units["silos"]]}
        for _ in range(2):
            company.sets("CreateStackInstances", "queues", DeploymentTargets=targets, Regions=[REGION])
        company.sets("CreateStackInstances", "base", DeploymentTargets=targets, Regions=[REGION])
        with pytest.raises(AwsError) as refused:
            company.sets("CreateStackInstances", "base", DeploymentTargets=targets, Regions=[REGION])
        assert refused.value.code == "OperationInProgressException"
    for work in held:
        company.cloud.in_background(work)
    company.quiet("base", "queues")
    operations = company.sets("ListStackSetOperations", "queues")["Summaries"]
    assert [each["Status"] for each in operations] == ["SUCCEEDED", "SUCCEEDED"]


def test_a_stopped_operation_leaves_the_rest_alone(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    company.account("ewr", "silos")
    company.stack_set("base", template(Role=a_role("analyst")))
    held: list[Callable[[], None]] = []
    with monkeypatch.context() as patched:
        patched.setattr(company.cloud, "in_background", held.append)
        targets = {"OrganizationalUnitIds": [company.units["silos"]]}
        made = company.sets("CreateStackInstances", "base", DeploymentTargets=targets, Regions=[REGION])
        company.sets("StopStackSetOperation", "base", OperationId=made["OperationId"])
    held[0]()
    assert company.ended("base", made["OperationId"])["Status"] == "STOPPED"
    assert company.results("base", made["OperationId"]) == {"ewr": ("CANCELLED", "Cancelled by user")}
    assert "analyst" not in company.inside("ewr").roles()


def test_parameters_of_the_set_and_of_its_instances(company: Company) -> None:
    body = {
        "Parameters": {"Word": {"Type": "String", "AllowedValues": ["a", "b", "c"]}},
        **template(Role=a_role("analyst", Description={"Ref": "Word"})),
    }
    company.account("ewr", "silos")
    company.account("jfk", "departed")
    company.stack_set(
        "base", body, Parameters=[{"ParameterKey": "Word", "ParameterValue": "a"}], AutoDeployment={"Enabled": False}
    )
    company.deploy("base", "silos")
    company.deploy("base", "departed", ParameterOverrides=[{"ParameterKey": "Word", "ParameterValue": "b"}])
    described = {
        name: company.inside(name).ask("iam:GetRole", RoleName="analyst")["Role"]["Description"]
        for name in ("ewr", "jfk")
    }
    assert described == {"ewr": "a", "jfk": "b"}
    made = company.sets(
        "UpdateStackInstances",
        "base",
        DeploymentTargets={"OrganizationalUnitIds": [company.units["silos"]]},
        Regions=[REGION],
        ParameterOverrides=[{"ParameterKey": "Word", "ParameterValue": "c"}],
    )
    company.ended("base", made["OperationId"])
    assert company.inside("ewr").ask("iam:GetRole", RoleName="analyst")["Role"]["Description"] == "c"
    with pytest.raises(AwsError, match="must be one of AllowedValues"):
        company.deploy("base", "silos", ParameterOverrides=[{"ParameterKey": "Word", "ParameterValue": "z"}])


def _is_quiet(cloud: LocalCloud) -> bool:
    with cloud.store.read() as connection:
        query = "SELECT 1 FROM cfn_stack_set_operations WHERE status IN ('QUEUED', 'RUNNING')"
        return connection.execute(query).fetchone() is None


def test_a_kill_at_any_commit_of_a_deployment_ends_deployed(
    tmp_path_factory: pytest.TempPathFactory, open_at: Callable[[Any], LocalCloud]
) -> None:
    """An account moves into a unit with two stack sets; whenever the local cloud dies, the restart finishes it."""
    death = 0
    while True:
        directory = tmp_path_factory.mktemp(f"move-{death}")
        first = open_at(directory)
        company = Company.founded(first)
        data = company.stack_set("silo-data", DATA)
        auto = {"Enabled": True, "RetainStacksOnAccountRemoval": False, "DependsOn": [data]}
        company.stack_set("silo-base", BASE, AutoDeployment=auto)
        company.deploy("silo-data", "silos")
        company.deploy("silo-base", "silos")
        company.account("ewr")
        mortal = Mortal(first, death)
        try:
            company.move("ewr", "silos")
        except Killed:
            assert mortal.is_dead
        while not (mortal.is_dead or _is_quiet(first)):
            time.sleep(0.002)
        survived = not mortal.is_dead
        first.close()
        second = open_at(directory)
        revived = company.reopened(second)
        cloudformation.resume(second)
        if death == 0:
            revived.move("ewr", "silos")
        revived.quiet("silo-data", "silo-base")
        assert revived.instances("silo-data") == {"ewr": "CURRENT"}, death
        assert revived.instances("silo-base") == {"ewr": "CURRENT"}, death
        ewr = revived.inside("ewr")
        assert (len(ewr.keys()), len(ewr.buckets())) == (1, 1), death
        assert len([name for name in ewr.roles() if name.startswith("stacksets-exec-")]) == 1
        second.close()
        if survived:
            break
        death += 3
    assert death > 20
