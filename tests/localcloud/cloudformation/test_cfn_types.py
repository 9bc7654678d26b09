"""Resource types, each made, changed and removed by a stack, and looked at through its own service."""

from __future__ import annotations

from typing import Any

import pytest
from cfn_desk import Desk, a_bucket, a_database, a_role, template

ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
DENY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}]}


def _through(desk: Desk, first: dict[str, Any], second: dict[str, Any]) -> None:
    """Deploy one template, then the other."""
    for verb, body in ((desk.create, first), (desk.update, second)):
        stack = verb("s", body)
        assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), desk.reasons("s")


def test_a_bucket_with_everything_and_then_with_little(desk: Desk) -> None:
    rich = a_bucket(
        "rich",
        VersioningConfiguration={"Status": "Enabled"},
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        PublicAccessBlockConfiguration={"BlockPublicAcls": True, "BlockPublicPolicy": "true"},
        BucketEncryption={
            "ServerSideEncryptionConfiguration": [
                {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
            ]
        },
        LifecycleConfiguration={
            "Rules": [{"Id": "old", "Status": "Enabled", "Prefix": "run/", "ExpirationInDays": 30}],
        },
    )
    desk.create("s", template(Bucket=rich))
    assert desk.statuses("s") == {"Bucket": "CREATE_COMPLETE"}, desk.reasons("s")
    encryption = desk.ask("s3:GetBucketEncryption", Bucket="rich")["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    (rule,) = desk.ask("s3:GetBucketLifecycleConfiguration", Bucket="rich")["Rules"]
    assert (rule["ID"], rule["Expiration"], rule["Filter"]) == ("old", {"Days": 30}, {"Prefix": "run/"})
    block = desk.ask("s3:GetPublicAccessBlock", Bucket="rich")["PublicAccessBlockConfiguration"]
    assert block["BlockPublicPolicy"] is True
    stack = desk.update("s", template(Bucket=a_bucket("rich")))
    assert stack["StackStatus"] == "UPDATE_COMPLETE", desk.reasons("s")
    assert desk.ask("s3:GetBucketVersioning", Bucket="rich")["Status"] == "Suspended"
    assert desk.refused("s3:GetBucketLifecycleConfiguration", Bucket="rich").code == "NoSuchLifecycleConfiguration"


def test_a_bucket_policy_changes_and_goes(desk: Desk) -> None:
    def policy(action: str) -> dict[str, Any]:
        statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": {"Fn::Sub": "${Bucket.Arn}/*"}}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        return {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": document},
        }

    _through(
        desk,
        template(Bucket=a_bucket("zone"), Policy=policy("s3:PutObject")),
        template(Bucket=a_bucket("zone"), Policy=policy("s3:DeleteObject")),
    )
    text = desk.ask("s3:GetBucketPolicy", Bucket="zone")["Policy"]
    assert "s3:DeleteObject" in text
    assert "arn:aws:s3:::zone/*" in text
    desk.update("s", template(Bucket=a_bucket("zone")))
    assert desk.refused("s3:GetBucketPolicy", Bucket="zone").code == "NoSuchBucketPolicy"


def test_a_key_is_described_disabled_and_scheduled_for_deletion(desk: Desk) -> None:
    def key(**more: Any) -> dict[str, Any]:
        return {"Type": "AWS::KMS::Key", "Properties": {"PendingWindowInDays": 7, **more}}

    _through(
        desk,
        template(Key=key(Description="one", EnableKeyRotation=True, Enabled=False)),
        template(Key=key(Description="two")),
    )
    found = desk.resources("s")["Key"]
    described = desk.ask("kms:DescribeKey", KeyId=found)["KeyMetadata"]
    assert (described["Description"], described["KeyState"]) == ("two", "Enabled")
    assert desk.ask("kms:GetKeyRotationStatus", KeyId=found)["KeyRotationEnabled"] is False
    desk.delete("s")
    assert desk.ask("kms:DescribeKey", KeyId=found)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_a_key_that_signs_is_made_and_is_another_when_its_kind_changes(desk: Desk) -> None:
    def key(spec: str) -> dict[str, Any]:
        return template(Key={"Type": "AWS::KMS::Key", "Properties": {"KeySpec": spec, "KeyUsage": "SIGN_VERIFY"}})

    desk.create("s", key("ECC_NIST_P256"))
    first = desk.resources("s")["Key"]
    assert desk.ask("kms:DescribeKey", KeyId=first)["KeyMetadata"]["SigningAlgorithms"] == ["ECDSA_SHA_256"]
    assert desk.update("s", key("RSA_2048"))["StackStatus"] == "UPDATE_COMPLETE", desk.reasons("s")
    second = desk.resources("s")["Key"]
    assert second != first
    assert desk.ask("kms:DescribeKey", KeyId=first)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    failed = desk.update("s", key("RSA_4096"))
    assert failed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert desk.resources("s")["Key"] == second
    assert any("does not play kms:CreateKey with KeySpec RSA_4096" in each for each in desk.reasons("s"))


def test_an_alias_follows_its_key(desk: Desk) -> None:
    def body(target: str) -> dict[str, Any]:
        key = {"Type": "AWS::KMS::Key", "Properties": {}}
        properties = {"AliasName": "alias/lake-drop", "TargetKeyId": {"Ref": target}}
        return template(One=key, Two=key, Alias={"Type": "AWS::KMS::Alias", "Properties": properties})

    _through(desk, body("One"), body("Two"))
    alias = desk.ask("kms:DescribeKey", KeyId="alias/lake-drop")["KeyMetadata"]["KeyId"]
    assert alias == desk.resources("s")["Two"]


def test_a_role_gains_and_loses_policies_and_its_boundary(desk: Desk) -> None:
    boundary = "arn:aws:iam::aws:policy/AdministratorAccess"
    _through(
        desk,
        template(Role=a_role(PermissionsBoundary=boundary, ManagedPolicyArns=[boundary])),
        template(Role=a_role(Policies=[{"PolicyName": "reads", "PolicyDocument": ALLOW}])),
    )
    assert "PermissionsBoundary" not in desk.ask("iam:GetRole", RoleName="worker")["Role"]
    assert desk.ask("iam:ListAttachedRolePolicies", RoleName="worker")["AttachedPolicies"] == []
    assert desk.ask("iam:ListRolePolicies", RoleName="worker")["PolicyNames"] == ["reads"]


def test_a_managed_policy_is_changed_more_often_than_it_has_versions(desk: Desk) -> None:
    def body(number: int) -> dict[str, Any]:
        document = {**ALLOW, "Statement": [{**ALLOW["Statement"][0], "Sid": f"Version{number}"}]}  # type: ignore[dict-item]
        properties = {"ManagedPolicyName": "reads", "PolicyDocument": document, "Roles": [{"Ref": "Role"}]}
        return template(Policy={"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}, Role=a_role())

    desk.create("s", body(0))
    for number in range(1, 8):
        assert desk.update("s", body(number))["StackStatus"] == "UPDATE_COMPLETE", desk.reasons("s")
    arn = f"arn:aws:iam::{desk.account}:policy/reads"
    assert desk.resources("s")["Policy"] == arn
    assert desk.ask("iam:ListAttachedRolePolicies", RoleName="worker")["AttachedPolicies"][0]["PolicyArn"] == arn
    assert desk.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert desk.refused("iam:GetPolicy", PolicyArn=arn).code == "NoSuchEntity"


def test_a_table_is_changed_in_place(desk: Desk) -> None:
    def body(columns: list[str]) -> dict[str, Any]:
        storage = {
            "Columns": [{"Name": each, "Type": "string"} for each in columns],
            "Location": "s3://zone/flights/",
            "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde"},
        }
        given = {
            "Name": "flights",
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"skip.header.line.count": 1, "EXTERNAL": True},
            "PartitionKeys": [{"Name": "month", "Type": "string"}],
            "StorageDescriptor": storage,
        }
        properties = {"CatalogId": {"Ref": "AWS::AccountId"}, "DatabaseName": {"Ref": "Database"}, "TableInput": given}
        return template(Database=a_database(), Table={"Type": "AWS::Glue::Table", "Properties": properties})

    _through(desk, body(["origin"]), body(["origin", "dest"]))
    table = desk.ask("glue:GetTable", DatabaseName="raw", Name="flights")["Table"]
    assert [each["Name"] for each in table["StorageDescriptor"]["Columns"]] == ["origin", "dest"]
    assert table["Parameters"] == {"skip.header.line.count": "1", "EXTERNAL": "true"}
    assert table["PartitionKeys"] == [{"Name": "month", "Type": "string"}]


def test_a_workgroup_and_a_data_catalog(desk: Desk) -> None:
    def body(location: str | None, state: str, catalog: str) -> dict[str, Any]:
        result = {"OutputLocation": location} if location else {}
        configuration = {"EnforceWorkGroupConfiguration": True, "ResultConfiguration": result}
        group = {"Name": "lake", "State": state, "WorkGroupConfiguration": configuration, "RecursiveDeleteOption": True}
        other = {"Name": "ewr", "Type": "GLUE", "Description": catalog, "Parameters": {"catalog-id": "222222222222"}}
        return template(
            Group={"Type": "AWS::Athena::WorkGroup", "Properties": group},
            Catalog={"Type": "AWS::Athena::DataCatalog", "Properties": other},
        )

    _through(desk, body("s3://results/a/", "DISABLED", "one"), body("s3://results/b/", "ENABLED", "two"))
    group = desk.ask("athena:GetWorkGroup", WorkGroup="lake")["WorkGroup"]
    assert group["State"] == "ENABLED"
    assert group["Configuration"]["ResultConfiguration"]["OutputLocation"] == "s3://results/b/"
    assert desk.ask("athena:GetDataCatalog", Name="ewr")["DataCatalog"]["Description"] == "two"
    assert desk.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    names = [each["Name"] for each in desk.ask("athena:ListWorkGroups")["WorkGroups"]]
    assert "lake" not in names


def test_a_wait_condition_handle_is_a_name_and_nothing_else(desk: Desk) -> None:
    desk.create("s", template(Handle={"Type": "AWS::CloudFormation::WaitConditionHandle"}))
    assert desk.resources("s")["Handle"].startswith("https://cloudformation-waitcondition-us-east-1.s3.amazonaws.com/")
    assert desk.delete("s")["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (a_role("one"), a_role("two")),
        (a_role(None), a_role(None, Path="/lake/")),
        (a_bucket("one-bucket"), a_bucket("two-bucket")),
        (a_database("one"), a_database("two")),
        ({"Type": "AWS::KMS::Key", "Properties": {}}, {"Type": "AWS::KMS::Key", "Properties": {"MultiRegion": False}}),
    ],
)
def test_a_change_that_needs_a_new_resource_gets_a_new_physical_id(
    desk: Desk, first: dict[str, Any], second: dict[str, Any]
) -> None:
    desk.create("s", template(Thing=first))
    before = desk.resources("s")
    stack = desk.update("s", template(Thing=second))
    assert stack["StackStatus"] == "UPDATE_COMPLETE", desk.reasons("s")
    assert desk.resources("s") != before
    assert desk.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert not desk.buckets()
    assert not desk.keys()
