"""Stacks: made, changed, replaced, rolled back, removed."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from cfn_desk import Desk, a_bucket, a_database, a_role, put_object, template

from silolake.localcloud.cloud import LocalCloud


def test_a_stack_makes_what_its_template_says_in_the_order_of_its_references(desk: Desk) -> None:
    """Ref and Fn::GetAtt order what is made; outputs are evaluated last."""
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
    stack = desk.create(
        "first",
        {
            "Parameters": {"Zone": {"Type": "String", "Default": "raw"}},
            "Resources": {
                "Policy": {
                    "Type": "AWS::IAM::RolePolicy",
                    "Properties": {"PolicyName": "reads", "RoleName": {"Ref": "Role"}, "PolicyDocument": policy},
                },
                "Role": a_role(Path="/lake/run/", Description={"Fn::Sub": "of ${Zone}"}),
                "Key": {"Type": "AWS::KMS::Key", "Properties": {"EnableKeyRotation": True}},
                "Alias": {
                    "Type": "AWS::KMS::Alias",
                    "Properties": {"AliasName": "alias/lake", "TargetKeyId": {"Fn::GetAtt": ["Key", "Arn"]}},
                },
                "Bucket": a_bucket(
                    {"Fn::Sub": "lake-${AWS::AccountId}-${Zone}"}, VersioningConfiguration={"Status": "Enabled"}
                ),
            },
            "Outputs": {"RoleArn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}, "Bucket": {"Value": {"Ref": "Bucket"}}},
        },
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE", desk.reasons(stack["StackId"])
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert outputs == {
        "RoleArn": f"arn:aws:iam::{desk.account}:role/lake/run/worker",
        "Bucket": f"lake-{desk.account}-raw",
    }
    assert desk.ask("iam:GetRole", RoleName="worker")["Role"]["Description"] == "of raw"
    assert desk.ask("iam:ListRolePolicies", RoleName="worker")["PolicyNames"] == ["reads"]
    assert desk.ask("s3:GetBucketVersioning", Bucket=outputs["Bucket"])["Status"] == "Enabled"
    key = desk.resources("first")["Key"]
    assert desk.ask("kms:GetKeyRotationStatus", KeyId="alias/lake")["KeyRotationEnabled"] is True
    assert desk.keys() == {key}
    order = [
        each["LogicalResourceId"]
        for each in reversed(desk.ask("DescribeStackEvents", StackName="first")["StackEvents"])
        if each["ResourceStatus"] == "CREATE_COMPLETE"
    ]
    assert order.index("Role") < order.index("Policy")
    assert order.index("Key") < order.index("Alias")
    assert order[-1] == "first"


def test_a_resource_carries_the_tags_of_its_stack_beside_its_own(desk: Desk) -> None:
    tags = [{"Key": "lake", "Value": "nyc"}, {"Key": "stage", "Value": "dev"}]
    own = [{"Key": "stage", "Value": "test"}]
    stack = desk.create("tagged", template(Role=a_role(Tags=own), Bucket=a_bucket(Tags=own)), Tags=tags)
    wanted = {
        "lake": "nyc",
        "stage": "test",
        "aws:cloudformation:stack-id": stack["StackId"],
        "aws:cloudformation:stack-name": "tagged",
    }
    for logical_id, given in (
        ("Role", desk.ask("iam:ListRoleTags", RoleName="worker")["Tags"]),
        ("Bucket", desk.ask("s3:GetBucketTagging", Bucket="cases-bucket")["TagSet"]),
    ):
        assert {each["Key"]: each["Value"] for each in given} == {**wanted, "aws:cloudformation:logical-id": logical_id}


def test_a_failure_takes_back_everything_that_was_made(desk: Desk) -> None:
    """The role is made, the table's database is missing: nothing is left."""
    table = {
        "Type": "AWS::Glue::Table",
        "DependsOn": ["Role", "Bucket"],
        "Properties": {
            "CatalogId": {"Ref": "AWS::AccountId"},
            "DatabaseName": "nowhere",
            "TableInput": {"Name": "flights"},
        },
    }
    before = desk.roles()
    stack = desk.create("failing", template(Table=table, Role=a_role(), Bucket=a_bucket()))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("failed to create: [Table]. Rollback requested by user." in reason for reason in desk.reasons("failing"))
    assert any("nowhere" in reason for reason in desk.reasons("failing"))
    assert (desk.roles(), desk.buckets()) == (before, set())
    assert set(desk.statuses("failing").values()) == {"DELETE_COMPLETE"}


@pytest.mark.parametrize(
    ("choice", "status", "is_left"),
    [
        ({"OnFailure": "DO_NOTHING"}, "CREATE_FAILED", True),
        ({"DisableRollback": True}, "CREATE_FAILED", True),
        ({"OnFailure": "DELETE"}, "DELETE_COMPLETE", False),
    ],
)
def test_on_failure_says_what_becomes_of_what_was_made(
    desk: Desk, choice: dict[str, Any], status: str, is_left: bool
) -> None:
    broken = {**a_role("worker", ManagedPolicyArns=["arn:aws:iam::aws:policy/NoSuchPolicy"]), "DependsOn": "Bucket"}
    stack = desk.create("failing", template(Role=broken, Bucket=a_bucket()), **choice)
    assert stack["StackStatus"] == status
    assert ("cases-bucket" in desk.buckets()) is is_left
    if is_left:
        assert desk.delete("failing")["StackStatus"] == "DELETE_COMPLETE"
    assert "cases-bucket" not in desk.buckets()
    assert "worker" not in desk.roles()


def test_a_name_that_is_taken_fails_the_stack_and_leaves_its_owner_alone(desk: Desk) -> None:
    desk.ask("s3:CreateBucket", Bucket="cases-bucket")
    stack = desk.create("late", template(Bucket=a_bucket()))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("cases-bucket' already exists" in reason for reason in desk.reasons("late"))
    assert desk.buckets() == {"cases-bucket"}


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ({"Type": "AWS::S3::Bucket", "Properties": {"BucketNam": "b"}}, "extraneous key [BucketNam] is not permitted"),
        (
            {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": ["b"]}},
            "#/BucketName: expected type: String, found: JSONArray",
        ),
        ({"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": "b"}}, "required key [PolicyDocument] not found"),
        (
            {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled", "Mfa": 1}}},
            "#/VersioningConfiguration: extraneous key [Mfa]",
        ),
        (
            {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}, "MaxSessionDuration": "an hour"}},
            "#/MaxSessionDuration",
        ),
    ],
)
def test_a_property_that_the_type_does_not_have_fails_the_stack(
    desk: Desk, resource: dict[str, Any], words: str
) -> None:
    stack = desk.create("wrong", template(Role=a_role("first"), Wrong={**resource, "DependsOn": "Role"}))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any(words in reason for reason in desk.reasons("wrong")), desk.reasons("wrong")
    assert "first" not in desk.roles()


def test_an_unknown_type_never_succeeds_and_leaves_nothing(desk: Desk) -> None:
    before = desk.roles()
    error = desk.refused(
        "CreateStack",
        StackName="unknown",
        TemplateBody='{"Resources": {"Role": {"Type": "AWS::IAM::Role"}, "X": {"Type": "AWS::Lambda::Function"}}}',
    )
    assert error.code == "ValidationError"
    assert "Unrecognized resource types: [AWS::Lambda::Function]" in error.message
    assert desk.roles() == before
    assert desk.ask("ListStacks")["StackSummaries"] == []


def test_an_update_changes_in_place_what_can_change_and_says_when_nothing_does(desk: Desk) -> None:
    desk.create("grows", template(Role=a_role(Description="one"), Database=a_database()))
    physical = desk.resources("grows")
    wanted = template(
        Role=a_role(Description="two", MaxSessionDuration=7200), Database=a_database(description="as delivered")
    )
    stack = desk.update("grows", wanted)
    assert stack["StackStatus"] == "UPDATE_COMPLETE", desk.reasons("grows")
    role = desk.ask("iam:GetRole", RoleName="worker")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("two", 7200)
    assert desk.ask("glue:GetDatabase", Name="raw")["Database"]["Description"] == "as delivered"
    assert desk.resources("grows") == physical
    error = desk.refused(
        "UpdateStack", StackName="grows", TemplateBody=json.dumps(wanted), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    assert (error.code, error.message) == ("ValidationError", "No updates are to be performed.")


def test_an_update_removes_what_the_template_no_longer_has_and_adds_what_is_new(desk: Desk) -> None:
    policies = [
        {"PolicyName": "a", "PolicyDocument": _allow("s3:GetObject")},
        {"PolicyName": "b", "PolicyDocument": _allow("s3:PutObject")},
    ]
    desk.create("moves", template(Role=a_role(Policies=policies), Old=a_database("old")))
    policies = [
        {"PolicyName": "b", "PolicyDocument": _allow("s3:ListBucket")},
        {"PolicyName": "c", "PolicyDocument": _allow("s3:PutObject")},
    ]
    stack = desk.update("moves", template(Role=a_role(Policies=policies), New=a_database("new")))
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert desk.ask("iam:ListRolePolicies", RoleName="worker")["PolicyNames"] == ["b", "c"]
    assert [each["Name"] for each in desk.ask("glue:GetDatabases")["DatabaseList"]] == ["new"]
    assert set(desk.resources("moves")) == {"Role", "New"}


def _allow(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def test_a_property_that_cannot_change_replaces_the_resource_and_all_that_refers_to_it_follows(desk: Desk) -> None:
    """The new one is made first; the old one goes when everything has moved over."""
    handle = {
        "Type": "AWS::IAM::RolePolicy",
        "Properties": {"PolicyName": "p", "RoleName": {"Ref": "Role"}, "PolicyDocument": _allow("s3:*")},
    }
    desk.create("swaps", template(Role=a_role("one"), Policy=handle))
    stack = desk.update("swaps", template(Role=a_role("two"), Policy=handle))
    assert stack["StackStatus"] == "UPDATE_COMPLETE", desk.reasons("swaps")
    assert desk.resources("swaps") == {"Role": "two", "Policy": "p|two"}
    assert {"one", "two"} & desk.roles() == {"two"}


def test_a_named_resource_cannot_be_replaced_under_its_own_name(desk: Desk) -> None:
    desk.create("stays", template(Role=a_role("one", Path="/a/")))
    stack = desk.update("stays", template(Role=a_role("one", Path="/b/")))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert any("custom-named resource requires replacing. Rename one" in reason for reason in desk.reasons("stays"))
    assert desk.ask("iam:GetRole", RoleName="one")["Role"]["Path"] == "/a/"


def test_an_update_that_fails_is_taken_back_whole(desk: Desk) -> None:
    """What was changed is as it was, what was added is gone, what was replaced is the old one."""
    first = template(Role=a_role("one", Description="before"), Swapped=a_role("swap-one"), Database=a_database())
    desk.create("back", first)
    physical = desk.resources("back")
    broken = {
        **a_role("three", ManagedPolicyArns=["arn:aws:iam::aws:policy/None"]),
        "DependsOn": ["Role", "Added", "Swapped"],
    }
    second = template(
        Role=a_role("one", Description="after"), Swapped=a_role("swap-two"), Added=a_role("two"), Broken=broken
    )
    stack = desk.update("back", second)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", desk.reasons("back")
    assert desk.ask("iam:GetRole", RoleName="one")["Role"]["Description"] == "before"
    assert {"one", "two", "three", "swap-one", "swap-two"} & desk.roles() == {"one", "swap-one"}
    assert desk.resources("back") == physical
    assert desk.update("back", template(Role=a_role("one", Description="later")))["StackStatus"] == "UPDATE_COMPLETE"


def test_a_rollback_that_fails_waits_and_can_be_continued(desk: Desk) -> None:
    """The service role loses the right to change roles once it has changed one, and gets it back later."""
    service = a_role("service", ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"])
    desk.create("setup", template(Service=service))
    arn = f"arn:aws:iam::{desk.account}:role/service"
    broken = {**a_role("three", ManagedPolicyArns=["arn:aws:iam::aws:policy/None"]), "DependsOn": ["Role", "Swapped"]}
    first = template(Role=a_role("one", Description="before"), Swapped=a_role("swap-one"))
    desk.create("s", first, RoleARN=arn)
    statement = {"Effect": "Deny", "Action": "iam:UpdateRole", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    update = desk.cloud.invoke

    def only_once(caller: Any, service: str, operation: str, parameters: Any, region: str = "") -> dict[str, Any]:
        answer = update(caller, service, operation, parameters, region)
        if operation == "UpdateRole":
            desk.ask("iam:PutRolePolicy", RoleName="service", PolicyName="frozen", PolicyDocument=document)
        return answer

    desk.cloud.invoke = only_once  # type: ignore[method-assign]
    second = template(Role=a_role("one", Description="after"), Swapped=a_role("swap-two"), Broken=broken)
    assert desk.update("s", second)["StackStatus"] == "UPDATE_ROLLBACK_FAILED", desk.reasons("s")
    desk.cloud.invoke = update  # type: ignore[method-assign]
    assert desk.statuses("s")["Role"] == "UPDATE_FAILED"
    error = desk.refused(
        "UpdateStack", StackName="s", TemplateBody=json.dumps(first), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    assert "is in UPDATE_ROLLBACK_FAILED state and can not be updated" in error.message
    desk.ask("iam:DeleteRolePolicy", RoleName="service", PolicyName="frozen")
    desk.ask("ContinueUpdateRollback", StackName="s")
    assert desk.settled("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", desk.reasons("s")
    assert desk.ask("iam:GetRole", RoleName="one")["Role"]["Description"] == "before"
    assert {"one", "swap-one", "swap-two", "three"} & desk.roles() == {"one", "swap-one"}


def test_a_breakdown_of_an_engine_ends_the_stack_and_is_named(desk: Desk) -> None:
    invoke = desk.cloud.invoke

    def breaks(caller: Any, service: str, operation: str, parameters: Any, region: str = "") -> dict[str, Any]:
        if operation == "CreateRole":
            raise KeyError("mislaid")
        return invoke(caller, service, operation, parameters, region)

    desk.cloud.invoke = breaks  # type: ignore[method-assign]
    stack = desk.create("s", template(Role=a_role()))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("iam:CreateRole broke down: KeyError('mislaid')" in reason for reason in desk.reasons("s"))


def test_a_stack_acts_as_its_caller_and_iam_decides(desk: Desk) -> None:
    """A caller who may create stacks and not roles gets a stack that rolls back, with the denial as its reason."""
    desk.create(
        "setup",
        template(
            Limited=a_role("limited", Policies=[{"PolicyName": "p", "PolicyDocument": _allow("cloudformation:*")}])
        ),
    )
    limited = Desk(desk.cloud, desk.cloud.as_role(f"arn:aws:iam::{desk.account}:role/limited", "s"))
    stack = limited.create("denied", template(Role=a_role("forbidden")))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("is not authorized to perform: iam:" in reason for reason in limited.reasons("denied"))
    assert "forbidden" not in desk.roles()


def test_a_service_role_does_the_work_if_the_caller_may_pass_it(desk: Desk) -> None:
    statement = _allow("cloudformation:*")
    desk.create(
        "setup",
        template(
            Limited=a_role("limited", Policies=[{"PolicyName": "p", "PolicyDocument": statement}]),
            Service=a_role("service", ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"]),
        ),
    )
    limited = Desk(desk.cloud, desk.cloud.as_role(f"arn:aws:iam::{desk.account}:role/limited", "s"))
    arn = f"arn:aws:iam::{desk.account}:role/service"
    body = json.dumps(template(Role=a_role("made")))
    error = limited.refused(
        "CreateStack", StackName="s", TemplateBody=body, RoleARN=arn, Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    assert "iam:PassRole" in error.message
    statement["Statement"].append({"Effect": "Allow", "Action": "iam:PassRole", "Resource": arn})
    desk.ask("iam:PutRolePolicy", RoleName="limited", PolicyName="p", PolicyDocument=json.dumps(statement))
    assert limited.create("s", template(Role=a_role("made")), RoleARN=arn)["StackStatus"] == "CREATE_COMPLETE"
    assert limited.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert "made" not in desk.roles()


def test_roles_need_the_capability_for_them(desk: Desk) -> None:
    body = json.dumps(template(Role=a_role("worker")))
    for given in ([], ["CAPABILITY_IAM"]):
        error = desk.refused("CreateStack", StackName="s", TemplateBody=body, Capabilities=given)
        assert (error.code, error.message) == (
            "InsufficientCapabilitiesException",
            "Requires capabilities : [CAPABILITY_NAMED_IAM]",
        )
    unnamed = desk.create("s", template(Role=a_role(None)), Capabilities=["CAPABILITY_IAM"])
    assert unnamed["StackStatus"] == "CREATE_COMPLETE"
    assert desk.resources("s")["Role"].startswith("s-Role-")


def test_exports_are_imported_and_protected_while_they_are(desk: Desk) -> None:
    giver = {
        "Resources": {"Role": a_role("giver")},
        "Outputs": {"Out": {"Value": {"Ref": "Role"}, "Export": {"Name": "the-role"}}},
    }
    taker = template(
        Policy={
            "Type": "AWS::IAM::RolePolicy",
            "Properties": {
                "PolicyName": "p",
                "RoleName": {"Fn::ImportValue": "the-role"},
                "PolicyDocument": _allow("s3:*"),
            },
        }
    )
    assert "No export named the-role found" in str(desk.reasons(desk.create("early", taker)["StackId"]))
    desk.create("gives", giver)
    assert desk.create("takes", taker)["StackStatus"] == "CREATE_COMPLETE"
    assert desk.ask("ListExports")["Exports"][0]["Value"] == "giver"
    assert desk.ask("ListImports", ExportName="the-role")["Imports"] == ["takes"]
    assert desk.delete("gives")["StackStatus"] == "DELETE_FAILED"
    assert any("Cannot delete export the-role as it is in use by takes" in reason for reason in desk.reasons("gives"))
    desk.delete("takes")
    assert desk.delete("gives")["StackStatus"] == "DELETE_COMPLETE"


def test_what_goes_on_can_be_seen_while_it_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """CREATE_IN_PROGRESS is answered while a resource is being made, and a stack that is busy takes no update."""
    from silolake.localcloud.engines.cloudformation.stacks import running

    monkeypatch.setattr(running, "POLITE_WAIT_S", 0.05)
    go_on, began = threading.Event(), threading.Event()
    invoke = desk.cloud.invoke

    def slow(caller: Any, service: str, operation: str, parameters: Any, region: str = "") -> dict[str, Any]:
        if operation == "CreateRole":
            began.set()
            assert go_on.wait(10)
        return invoke(caller, service, operation, parameters, region)

    monkeypatch.setattr(desk.cloud, "invoke", slow)
    body = json.dumps(template(Role=a_role()))
    stack_id = desk.ask("CreateStack", StackName="slow", TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])[
        "StackId"
    ]
    assert began.wait(10)
    assert desk.ask("DescribeStacks", StackName="slow")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    assert desk.statuses("slow") == {"Role": "CREATE_IN_PROGRESS"}
    error = desk.refused("UpdateStack", StackName="slow", TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
    assert "is in CREATE_IN_PROGRESS state and can not be updated" in error.message
    go_on.set()
    assert desk.settled(stack_id)["StackStatus"] == "CREATE_COMPLETE"


def test_a_stack_is_asked_for_once_per_client_request_token(desk: Desk) -> None:
    body = json.dumps(template(Database=a_database()))
    first = desk.ask("CreateStack", StackName="once", TemplateBody=body, ClientRequestToken="t-1")
    again = desk.ask("CreateStack", StackName="once", TemplateBody=body, ClientRequestToken="t-1")
    assert first == again
    assert desk.refused("CreateStack", StackName="once", TemplateBody=body).code == "AlreadyExistsException"


@pytest.mark.parametrize(
    ("operation", "parameters", "what"),
    [
        ("SetStackPolicy", {}, "cloudformation:SetStackPolicy"),
        ("DetectStackDrift", {}, "cloudformation:DetectStackDrift"),
        ("CreateStack", {"StackPolicyBody": "{}"}, "cloudformation:CreateStack with StackPolicyBody"),
        ("CreateStack", {"NotificationARNs": ["arn:x"]}, "cloudformation:CreateStack with NotificationARNs"),
    ],
)
def test_what_is_not_played_is_refused_by_name(
    desk: Desk, operation: str, parameters: dict[str, Any], what: str
) -> None:
    body = json.dumps(template(Database=a_database()))
    error = desk.refused(operation, StackName="s", TemplateBody=body, **parameters)
    assert (error.code, error.message) == ("NotPlayed", f"The silolake local cloud does not play {what}.")


def test_a_template_is_read_from_s3_as_the_caller(cloud: LocalCloud, desk: Desk) -> None:
    database = b"{CatalogId: !Ref AWS::AccountId, DatabaseInput: {Name: raw}}"
    body = b"Resources:\n  Raw:\n    Type: AWS::Glue::Database\n    Properties: " + database
    desk.ask("s3:CreateBucket", Bucket="templates")
    put_object(desk, "templates", "base/one.yaml", body)
    url = "https://templates.s3.us-east-1.amazonaws.com/base/one.yaml"
    stack_id = desk.ask("CreateStack", StackName="by-url", TemplateURL=url)["StackId"]
    assert desk.settled(stack_id)["StackStatus"] == "CREATE_COMPLETE"
    assert desk.ask("GetTemplate", StackName="by-url")["TemplateBody"] == body.decode()
    assert "S3 error" in desk.refused("ValidateTemplate", TemplateURL=url + "x").message
