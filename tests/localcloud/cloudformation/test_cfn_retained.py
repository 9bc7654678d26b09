"""What a stack leaves behind: retained, taken up again, never deleted by another's failure."""

from __future__ import annotations

from cfn_desk import Desk, a_bucket, a_role, put_object, template


def test_a_bucket_with_objects_stops_the_deletion_until_it_is_retained(desk: Desk) -> None:
    desk.create("full", template(Bucket=a_bucket(), Role={**a_role(), "DependsOn": "Bucket"}))
    put_object(desk, "cases-bucket", "drop/a.csv", b"a")
    stack = desk.delete("full")
    assert stack["StackStatus"] == "DELETE_FAILED"
    assert "The following resource(s) failed to delete: [Bucket]" in stack["StackStatusReason"]
    assert "worker" not in desk.roles()
    stack = desk.delete("full", RetainResources=["Bucket"])
    assert stack["StackStatus"] == "DELETE_COMPLETE"
    assert desk.buckets() == {"cases-bucket"}
    assert "Stack with id full does not exist" in desk.refused("DescribeStacks", StackName="full").message


def test_retain_keeps_a_resource_and_a_stack_of_the_same_name_takes_it_up_again(desk: Desk) -> None:
    """A key has no name; it is known by the stack and the logical id."""
    kept = {"DeletionPolicy": "Retain"}
    wanted = template(
        Bucket={**a_bucket(VersioningConfiguration={"Status": "Enabled"}), **kept},
        Key={"Type": "AWS::KMS::Key", "Properties": {"Description": "one"}, **kept},
        Alias={
            "Type": "AWS::KMS::Alias",
            "Properties": {"AliasName": "alias/a", "TargetKeyId": {"Ref": "Key"}},
            **kept,
        },
        Role=a_role(),
    )
    desk.create("comes-back", wanted)
    first = desk.resources("comes-back")
    put_object(desk, "cases-bucket", "raw/a.csv", b"a")
    assert desk.delete("comes-back")["StackStatus"] == "DELETE_COMPLETE"
    assert (desk.buckets(), desk.keys(), "worker" in desk.roles()) == ({"cases-bucket"}, {first["Key"]}, False)

    wanted["Resources"]["Key"]["Properties"]["Description"] = "two"
    stack = desk.create("comes-back", wanted)
    assert stack["StackStatus"] == "CREATE_COMPLETE", desk.reasons("comes-back")
    assert desk.resources("comes-back") == first
    assert desk.ask("kms:DescribeKey", KeyId=first["Key"])["KeyMetadata"]["Description"] == "two"
    tags = {each["Key"]: each["Value"] for each in desk.ask("s3:GetBucketTagging", Bucket="cases-bucket")["TagSet"]}
    assert tags["aws:cloudformation:stack-id"] == stack["StackId"]


def test_a_stack_of_another_name_does_not_take_up_what_was_retained(desk: Desk) -> None:
    wanted = template(Bucket={**a_bucket(), "DeletionPolicy": "Retain"})
    desk.create("mine", wanted)
    desk.delete("mine")
    assert desk.create("yours", wanted)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert desk.buckets() == {"cases-bucket"}


def test_a_failing_stack_does_not_delete_what_it_had_taken_up(desk: Desk) -> None:
    """Even under RetainExceptOnCreate, which deletes what the failed creation itself made."""
    bucket = {**a_bucket(), "DeletionPolicy": "RetainExceptOnCreate"}
    desk.create("again", template(Bucket=bucket))
    desk.delete("again")
    broken = {**a_role(ManagedPolicyArns=["arn:aws:iam::aws:policy/None"]), "DependsOn": "Bucket"}
    assert desk.create("again", template(Bucket=bucket, Role=broken))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert desk.buckets() == {"cases-bucket"}
    desk.delete("again")
    assert desk.create("again", template(Bucket=bucket))["StackStatus"] == "CREATE_COMPLETE"


def test_what_a_failed_creation_made_and_retains_is_taken_up_by_the_next_attempt(desk: Desk) -> None:
    bucket = {**a_bucket(), "DeletionPolicy": "Retain"}
    broken = {**a_role(ManagedPolicyArns=["arn:aws:iam::aws:policy/None"]), "DependsOn": "Bucket"}
    assert desk.create("again", template(Bucket=bucket, Role=broken))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert desk.buckets() == {"cases-bucket"}
    desk.delete("again")
    assert desk.create("again", template(Bucket=bucket, Role=a_role()))["StackStatus"] == "CREATE_COMPLETE"
