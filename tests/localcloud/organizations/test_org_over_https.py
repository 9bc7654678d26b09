"""Organizations, IAM, STS and KMS as boto3 sees them, over the local cloud's own HTTPS."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import botocore.exceptions
import pytest
from house import allow, document, trusts

from silolake.cloud import Cloud, find_local, sign_in
from silolake.localcloud.server import Ports, running


@pytest.fixture(scope="module")
def boss(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The management account's administrator, in a cloud of this module's own."""
    directory = tmp_path_factory.mktemp("accounts-over-https")
    with running(directory, Ports(0, 0), "us-east-1", threading.Event()):
        endpoint = find_local(directory)
        assert endpoint is not None
        yield sign_in(endpoint, "management", "Administrator")


@pytest.fixture(scope="module")
def account(boss: Cloud) -> str:
    """A member account's id."""
    organizations = boss.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    asked = organizations.create_account(AccountName="ewr", Email="ewr@lake.example")["CreateAccountStatus"]
    for _ in range(200):
        status = organizations.describe_create_account_status(CreateAccountRequestId=asked["Id"])["CreateAccountStatus"]
        if status["State"] != "IN_PROGRESS":
            return str(status["AccountId"])
        time.sleep(0.05)
    raise AssertionError("the account is still in progress")


def test_organizations_paginates_and_words_its_errors(boss: Cloud, account: str) -> None:
    organizations = boss.client("organizations")
    pages = organizations.get_paginator("list_accounts").paginate(PaginationConfig={"PageSize": 1})
    found = [each for page in pages for each in page["Accounts"]]
    assert {each["Name"] for each in found} == {"management", "ewr"}
    assert all(each["JoinedTimestamp"].tzinfo for each in found)
    with pytest.raises(organizations.exceptions.ParentNotFoundException):
        organizations.list_children(ParentId="r-none", ChildType="ACCOUNT")
    with pytest.raises(organizations.exceptions.ConstraintViolationException) as refused:
        organizations.close_account(AccountId=boss.account)
    assert refused.value.response["Reason"] == "CANNOT_CLOSE_MANAGEMENT_ACCOUNT"
    with pytest.raises(botocore.exceptions.ClientError) as unplayed:
        organizations.enable_all_features()
    assert unplayed.value.response["Error"]["Code"] == "NotPlayed"
    assert "organizations:EnableAllFeatures" in unplayed.value.response["Error"]["Message"]


def test_iam_answers_documents_that_boto3_decodes(boss: Cloud) -> None:
    iam = boss.client("iam")
    trust = document(trusts({"Service": "glue.amazonaws.com"}))
    tags = [{"Key": "lake", "Value": "nyc & co <ü>"}]
    iam.create_role(RoleName="runner", Path="/lake/run/", AssumeRolePolicyDocument=trust, Tags=tags)
    iam.put_role_policy(RoleName="runner", PolicyName="rights", PolicyDocument=document(allow("s3:*")))
    role = iam.get_role(RoleName="runner")["Role"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "glue.amazonaws.com"}
    assert role["Tags"] == tags and role["CreateDate"].tzinfo
    text = iam.get_role_policy(RoleName="runner", PolicyName="rights")["PolicyDocument"]
    assert text["Statement"][0]["Action"] == "s3:*"
    assert iam.list_role_policies(RoleName="runner")["PolicyNames"] == ["rights"]
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_role(RoleName="runner")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="nobody")
    policy = iam.create_policy(PolicyName="reader", PolicyDocument=document(allow("s3:Get*")))["Policy"]
    version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId="v1")["PolicyVersion"]
    assert version["Document"]["Statement"][0]["Action"] == "s3:Get*" and version["IsDefaultVersion"] is True
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_credentials_that_sts_vends_are_taken_by_every_service(boss: Cloud, account: str) -> None:
    sts = boss.client("sts")
    answer = sts.assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="admin"
    )
    assert answer["Credentials"]["Expiration"].tzinfo
    inside = boss.as_role(f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", "admin")
    assert inside.client("sts").get_caller_identity()["Account"] == account
    kms = inside.client("kms")
    key = kms.create_key(Description="drop")["KeyMetadata"]
    assert key["AWSAccountId"] == account and key["CreationDate"].tzinfo
    made = kms.generate_data_key(KeyId=key["Arn"], KeySpec="AES_256", EncryptionContext={"a": "b"})
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"a": "b"})
    assert opened["Plaintext"] == made["Plaintext"] and len(made["Plaintext"]) == 32
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"\x00rows\xff")["CiphertextBlob"]
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"other": "context"})
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId="alias/none")
    with pytest.raises(botocore.exceptions.ClientError) as denied:
        boss.client("kms").decrypt(CiphertextBlob=blob)
    assert denied.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_role_that_may_not_be_assumed_answers_403(boss: Cloud, account: str) -> None:
    sts = boss.client("sts")
    with pytest.raises(botocore.exceptions.ClientError) as denied:
        sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/none", RoleSessionName="admin")
    assert denied.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert denied.value.response["Error"]["Code"] == "AccessDenied"
