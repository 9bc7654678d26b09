"""An administrator opens what is theirs to another silo or to an outsider, and still nobody comes in.

Each opening is proved to be one: whoever the guard rails let pass comes in by the same statement.
"""

from __future__ import annotations

import pytest

from silolake.cloud import Cloud
from silolake.errors import WrongState

from .conftest import Lake
from .doors import (
    BY_RCP,
    BY_SCP,
    NOBODY_ALLOWS,
    allow,
    document,
    failed,
    one,
    opened_bucket,
    opened_catalog,
    opened_key,
    refused,
    visitors_role,
    whole_bucket,
)

pytestmark = pytest.mark.xdist_group("lake")

ADMINISTRATOR = "lake/silo/administrator"
ACCESS = "OrganizationAccountAccessRole"


@pytest.fixture
def ewr(lake: Lake) -> Cloud:
    """The administrator who opens."""
    return lake.as_("ewr", "administrator")


@pytest.fixture
def jfk(lake: Lake) -> Cloud:
    """The administrator who is let in."""
    return lake.as_("jfk", "administrator")


@pytest.fixture(scope="module")
def outsider(lake: Lake) -> Cloud:
    """The administrator of an account that belongs to no organization."""
    return outside(lake)


def outside(lake: Lake) -> Cloud:
    """As ``outsider``; the account is opened when it is first asked for."""
    try:
        return lake.as_("outsider", "Administrator")
    except WrongState:
        lake.endpoint.ask("POST", "accounts", name="outsider", email="outsider@elsewhere.example")
        return lake.as_("outsider", "Administrator")


def role(lake: Lake, account: str, name: str = ADMINISTRATOR) -> str:
    """A role's ARN."""
    return f"arn:aws:iam::{lake.id_of(account)}:role/{name}"


def some_key(owner: Cloud, bucket: str) -> str:
    """The key of an object of the owner's."""
    return str(owner.call("s3", "list_objects_v2", Bucket=bucket, MaxKeys=1)["Contents"][0]["Key"])


@pytest.mark.parametrize("zone", ["raw", "processed"])
def test_a_bucket_opened_to_a_neighbour(lake: Lake, ewr: Cloud, jfk: Cloud, zone: str) -> None:
    """Analytics' administrator comes in by the very statement that lets JFK's in; JFK's does not."""
    bucket, ewr_key = lake.bucket("ewr", zone), some_key(ewr, lake.bucket("ewr", zone))
    welcome = lake.as_("analytics", ACCESS)
    asked = {"Bucket": bucket, "Key": ewr_key}
    with opened_bucket(ewr, bucket, [role(lake, "jfk"), role(lake, "analytics", ACCESS)]):
        assert welcome.call("s3", "list_objects_v2", Bucket=bucket)["KeyCount"] > 0
        assert BY_RCP in refused(lambda: jfk.call("s3", "list_objects_v2", Bucket=bucket))
        assert BY_RCP in refused(lambda: jfk.call("s3", "get_object", **asked))
        assert BY_RCP in refused(lambda: jfk.call("s3", "put_object", Bucket=bucket, Key="a", Body=b"a"))
        taken = {"Bucket": lake.bucket("jfk", "run"), "Key": "taken", "CopySource": asked}
        assert BY_RCP in refused(lambda: jfk.call("s3", "copy_object", **taken))
    assert "with an explicit deny" in refused(lambda: jfk.call("s3", "list_objects_v2", Bucket=bucket))


def test_a_bucket_and_its_key_opened_to_a_neighbour(lake: Lake, ewr: Cloud, jfk: Cloud) -> None:
    """With both open, an object is whole for analytics' administrator, and for JFK's it is not there."""
    bucket = lake.bucket("ewr", "raw")
    asked = {"Bucket": bucket, "Key": some_key(ewr, bucket)}
    welcome, both = lake.as_("analytics", ACCESS), [role(lake, "jfk"), role(lake, "analytics", ACCESS)]
    with opened_bucket(ewr, bucket, both), opened_key(ewr, "alias/lake-private", both):
        assert welcome.call("s3", "get_object", **asked)["Body"].read(1)
        assert BY_RCP in refused(lambda: jfk.call("s3", "get_object", **asked))
    assert "with an explicit deny" in refused(lambda: welcome.call("s3", "get_object", **asked))


@pytest.mark.parametrize("alias", ["alias/lake-private", "alias/lake-shared", "alias/lake-drop"])
def test_a_key_opened_to_a_neighbour(lake: Lake, ewr: Cloud, jfk: Cloud, alias: str) -> None:
    """It neither encrypts nor decrypts for JFK, and does for analytics' administrator."""
    welcome = lake.as_("analytics", ACCESS)
    with opened_key(ewr, alias, [role(lake, "jfk"), role(lake, "analytics", ACCESS)]) as key:
        sealed = welcome.call("kms", "encrypt", KeyId=key, Plaintext=b"a secret")["CiphertextBlob"]
        assert welcome.call("kms", "decrypt", KeyId=key, CiphertextBlob=sealed)["Plaintext"] == b"a secret"
        assert BY_RCP in refused(lambda: jfk.call("kms", "decrypt", KeyId=key, CiphertextBlob=sealed))
        assert BY_RCP in refused(lambda: jfk.call("kms", "generate_data_key", KeyId=key, KeySpec="AES_256"))
        assert BY_RCP in refused(lambda: jfk.call("kms", "describe_key", KeyId=key))
    refused(lambda: welcome.call("kms", "decrypt", KeyId=key, CiphertextBlob=sealed))


def test_a_role_that_trusts_a_neighbour(lake: Lake, ewr: Cloud, jfk: Cloud) -> None:
    """The platform's administrator assumes it by the same trust; neither JFK's nor analytics' does."""
    trusted = [role(lake, "jfk"), role(lake, "analytics", ACCESS), role(lake, "platform", ACCESS)]
    with visitors_role(ewr, "door", trusted) as door:
        asked = {"RoleArn": door, "RoleSessionName": "visitor"}
        assert lake.as_("platform", ACCESS).call("sts", "assume_role", **asked)["Credentials"]["SessionToken"]
        assert BY_RCP in refused(lambda: jfk.call("sts", "assume_role", **asked))
        assert BY_RCP in refused(lambda: lake.as_("jfk", "runner").call("sts", "assume_role", **asked))
        assert BY_RCP in refused(lambda: lake.as_("analytics", ACCESS).call("sts", "assume_role", **asked))


def test_a_catalog_is_not_the_administrators_to_open(lake: Lake, ewr: Cloud) -> None:
    """PutResourcePolicy is denied: outsiders are stopped by nothing else, because Glue has no RCPs."""
    ewr_id = lake.id_of("ewr")
    before = ewr.call("glue", "get_resource_policy")["PolicyInJson"]
    opened = document(allow("glue:*", [role(lake, "jfk")], f"arn:aws:glue:us-east-1:{ewr_id}:*"))
    assert BY_SCP in refused(lambda: ewr.call("glue", "put_resource_policy", PolicyInJson=opened))
    assert BY_SCP in refused(lambda: ewr.call("glue", "delete_resource_policy"))
    assert ewr.call("glue", "get_resource_policy")["PolicyInJson"] == before


def test_a_catalog_opened_by_its_steward(lake: Lake, jfk: Cloud) -> None:
    """Were the platform itself to open it: JFK's own guard rail keeps JFK out, and analytics' administrator is in."""
    ewr_id, welcome = lake.id_of("ewr"), lake.as_("analytics", ACCESS)
    asked = {"CatalogId": ewr_id, "DatabaseName": "raw"}
    refused(lambda: welcome.call("glue", "get_tables", **asked))
    trusted = [role(lake, "jfk"), role(lake, "jfk", "lake/silo/analyst"), role(lake, "analytics", ACCESS)]
    with opened_catalog(lake.as_("ewr", "steward"), ewr_id, trusted):
        assert len(welcome.call("glue", "get_tables", **asked)["TableList"]) == 3
        assert BY_SCP in refused(lambda: jfk.call("glue", "get_tables", **asked))
        catalog = f'"glue:arn:aws:glue:us-east-1:{ewr_id}:catalog"'
        assert BY_SCP in failed(lake.as_("jfk", "analyst"), f"SELECT count(*) FROM {catalog}.processed.flights")
    refused(lambda: welcome.call("glue", "get_tables", **asked))


def test_an_outsider_reads_nothing(lake: Lake, outsider: Cloud) -> None:
    """Of any bucket, key, catalog or role of the lake."""
    for account, zone in (("ewr", "processed"), ("ewr", "raw"), ("analytics", "results"), ("platform", "code")):
        bucket = lake.bucket(account, zone)
        assert "with an explicit deny" in refused(lambda b=bucket: outsider.call("s3", "list_objects_v2", Bucket=b))
    key = lake.as_("ewr", "administrator").call("kms", "describe_key", KeyId="alias/lake-shared")["KeyMetadata"]["Arn"]
    assert BY_RCP in refused(lambda: outsider.call("kms", "describe_key", KeyId=key))
    ewr = lake.id_of("ewr")
    assert NOBODY_ALLOWS in refused(
        lambda: outsider.call("glue", "get_table", CatalogId=ewr, DatabaseName="processed", Name="flights")
    )
    asked = {"RoleArn": role(lake, "ewr", "lake/silo/analyst"), "RoleSessionName": "outsider"}
    assert BY_RCP in refused(lambda: outsider.call("sts", "assume_role", **asked))


def test_an_outsider_with_an_analysts_name_reads_nothing(lake: Lake, outsider: Cloud) -> None:
    """The policies admit a name, and a unit, and the organization: the name alone is anybody's."""
    trust = document(allow("sts:AssumeRole", [f"arn:aws:iam::{outsider.account}:root"], None))
    outsider.call("iam", "create_role", RoleName="analyst", Path="/lake/analytics/", AssumeRolePolicyDocument=trust)
    everything = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
    try:
        outsider.call("iam", "put_role_policy", RoleName="analyst", PolicyName="all", PolicyDocument=everything)
        false = lake.as_("outsider", "analyst")
        bucket, ewr = lake.bucket("ewr", "processed"), lake.id_of("ewr")
        asked = {"Bucket": bucket, "Key": some_key(lake.as_("ewr", "administrator"), bucket)}
        assert BY_RCP in refused(lambda: false.call("s3", "get_object", **asked))
        assert NOBODY_ALLOWS in refused(
            lambda: false.call("glue", "get_tables", CatalogId=ewr, DatabaseName="processed")
        )
    finally:
        outsider.call("iam", "delete_role_policy", RoleName="analyst", PolicyName="all")
        outsider.call("iam", "delete_role", RoleName="analyst")


def test_all_that_can_be_opened_to_an_outsider(lake: Lake, ewr: Cloud, outsider: Cloud) -> None:
    """A silo's administrator opens bucket, key and a role to it; the perimeter of the organization holds."""
    bucket = lake.bucket("ewr", "raw")
    asked = {"Bucket": bucket, "Key": some_key(ewr, bucket)}
    stranger = f"arn:aws:iam::{outsider.account}:role/Administrator"
    both = [stranger, role(lake, "analytics", ACCESS)]
    with opened_bucket(ewr, bucket, both), opened_key(ewr, "alias/lake-private", both) as key:
        assert lake.as_("analytics", ACCESS).call("s3", "get_object", **asked)["Body"].read(1)
        assert BY_RCP in refused(lambda: outsider.call("s3", "get_object", **asked))
        assert BY_RCP in refused(lambda: outsider.call("s3", "list_objects_v2", Bucket=bucket))
        assert BY_RCP in refused(lambda: outsider.call("kms", "generate_data_key", KeyId=key, KeySpec="AES_256"))
    with visitors_role(ewr, "outsiders-door", [stranger, role(lake, "platform", ACCESS)]) as door:
        enter = {"RoleArn": door, "RoleSessionName": "outsider"}
        assert lake.as_("platform", ACCESS).call("sts", "assume_role", **enter)["Credentials"]["SessionToken"]
        assert BY_RCP in refused(lambda: outsider.call("sts", "assume_role", **enter))


def test_a_bucket_is_not_opened_to_the_world(lake: Lake, ewr: Cloud) -> None:
    """Block Public Access is on: a policy that names everybody is not even stored."""
    bucket = lake.bucket("ewr", "processed")
    world = document(allow("s3:GetObject", ["*"], whole_bucket(bucket)))
    refused(lambda: ewr.call("s3", "put_bucket_policy", Bucket=bucket, Policy=world))


def test_nothing_is_written_out_of_the_organization(lake: Lake, ewr: Cloud, outsider: Cloud) -> None:
    """Into an outsider's bucket that is open to it; the management account, which no guard rail binds, can."""
    bucket = f"outsiders-{outsider.account}"
    welcome = lake.as_("management", "Administrator")
    outsider.call("s3", "create_bucket", Bucket=bucket)
    trusted = [role(lake, "ewr"), f"arn:aws:iam::{welcome.account}:role/Administrator"]
    opened = document(allow("s3:*", trusted, whole_bucket(bucket)))
    outsider.call("s3", "put_bucket_policy", Bucket=bucket, Policy=opened)
    try:
        welcome.call("s3", "put_object", Bucket=bucket, Key="a", Body=b"a")
        assert ewr.call("s3", "get_object", Bucket=bucket, Key="a")["Body"].read() == b"a"
        assert BY_SCP in refused(lambda: ewr.call("s3", "put_object", Bucket=bucket, Key="b", Body=b"a"))
        raw = lake.bucket("ewr", "raw")
        out = {"Bucket": bucket, "Key": "b", "CopySource": {"Bucket": raw, "Key": some_key(ewr, raw)}}
        assert BY_SCP in refused(lambda: ewr.call("s3", "copy_object", **out))
        assert BY_SCP in refused(lambda: ewr.call("s3", "create_multipart_upload", Bucket=bucket, Key="b"))
        listed = outsider.call("s3", "list_objects_v2", Bucket=bucket)
        assert [each["Key"] for each in listed["Contents"]] == ["a"]
    finally:
        for each in outsider.call("s3", "list_objects_v2", Bucket=bucket).get("Contents", []):
            outsider.call("s3", "delete_object", Bucket=bucket, Key=each["Key"])
        outsider.call("s3", "delete_bucket", Bucket=bucket)


def test_afterwards_everything_is_as_it_was(lake: Lake) -> None:
    """The lake still answers, so these tests have closed what they opened."""
    assert one(lake.as_("analytics", "analyst"), "SELECT count(*) FROM ewr.processed.flights") > 0
