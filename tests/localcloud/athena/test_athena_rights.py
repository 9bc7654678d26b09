"""What a query may do: its caller's own rights, and those alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from athena_desk import ANALYTICS, EWR, PROCESSED, RESULTS, Hands, make_bench, make_flights

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.errors import AwsError

ROLE = f"arn:aws:iam::{ANALYTICS}:role/lake/analytics/analyst"
GLUE = f"arn:aws:glue:us-east-1:{EWR}"
ANALYSIS = "SELECT count(*) FROM ewr.processed.flights"
GRANTS: dict[str, dict[str, Any]] = {
    "athena": {"Action": "athena:*", "Resource": "*"},
    "glue": {"Action": ["glue:GetTable", "glue:GetPartitions"], "Resource": "*"},
    "list": {"Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": "arn:aws:s3:::*"},
    "read": {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::*"},
    "write": {"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{RESULTS}/*"},
    "kms": {"Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "*"},
}


def document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})


def grant(analytics: Hands, *without: str, **instead: dict[str, Any]) -> None:
    kept = {**GRANTS, **instead}
    text = document([each for name, each in kept.items() if name not in without])
    analytics.ask("iam", "PutRolePolicy", RoleName="analyst", PolicyName="work", PolicyDocument=text)


def share(ewr: Hands, *, catalog: bool = True, bucket: bool = True) -> None:
    """Open ``processed`` to the analyst, as the lake's own policies do."""
    who = {"Principal": {"AWS": ROLE}}
    if catalog:
        arns = [f"{GLUE}:catalog", f"{GLUE}:database/processed", f"{GLUE}:table/processed/*"]
        text = document([{**who, "Action": ["glue:GetTable", "glue:GetPartitions"], "Resource": arns}])
        ewr.glue("PutResourcePolicy", PolicyInJson=text)
    if bucket:
        statements = [
            {**who, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{PROCESSED}/flights/*"},
            {**who, "Action": "s3:GetBucketLocation", "Resource": f"arn:aws:s3:::{PROCESSED}"},
            {
                **who,
                "Action": "s3:ListBucket",
                "Resource": f"arn:aws:s3:::{PROCESSED}",
                "Condition": {"StringLike": {"s3:prefix": "flights/*"}},
            },
        ]
        ewr.s3("PutBucketPolicy", Bucket=PROCESSED, Policy=document(statements))


@pytest.fixture
def analyst(cloud: LocalCloud, analytics: Hands, ewr: Hands) -> Hands:
    """A role in analytics, and ewr's catalog registered there under its name; nothing is granted or shared yet."""
    with cloud.store.write() as connection:
        for account in (ANALYTICS, EWR):
            row = (account, account, f"{account}@example.com", "ACTIVE", "2013-01-01T00:00:00+00:00")
            connection.execute("INSERT INTO accounts VALUES (?, ?, ?, ?, ?)", row)
    make_bench(analytics)
    make_flights(ewr)
    analytics.athena("CreateDataCatalog", Name="ewr", Type="GLUE", Parameters={"catalog-id": EWR})
    trust = document([{"Principal": {"AWS": ANALYTICS}, "Action": "sts:AssumeRole"}])
    analytics.ask("iam", "CreateRole", RoleName="analyst", Path="/lake/analytics/", AssumeRolePolicyDocument=trust)
    return Hands(cloud, cloud.as_role(ROLE, "ada"))


def test_a_registered_catalog_is_read_where_both_sides_grant(analyst: Hands, analytics: Hands, ewr: Hands) -> None:
    grant(analytics)
    share(ewr)
    assert analyst.rows(ANALYSIS) == [["3"]]
    assert analyst.rows(
        "SELECT count(*) FROM flights", QueryExecutionContext={"Catalog": "ewr", "Database": "processed"}
    ) == [["3"]]
    arn = f'"glue:{GLUE}:catalog"'
    assert analyst.rows(f"SELECT count(*) FROM {arn}.processed.flights") == [["3"]]


@pytest.mark.parametrize(
    ("missing", "action"),
    [("glue", "glue:GetTable"), ("list", "s3:GetBucketLocation"), ("read", "s3:GetObject"), ("write", "s3:PutObject")],
)
def test_a_grant_that_the_caller_lacks_fails_the_query_and_names_it(
    analyst: Hands, analytics: Hands, ewr: Hands, missing: str, action: str
) -> None:
    share(ewr)
    instead = {"list": {"Action": "s3:GetBucketLocation", "Resource": f"arn:aws:s3:::{RESULTS}"}}
    grant(analytics, *({missing} - {"list"}), **(instead if missing == "list" else {}))
    reason = analyst.failure(ANALYSIS)
    assert f"User: arn:aws:sts::{ANALYTICS}:assumed-role/analyst/ada is not authorized to perform: {action}" in reason
    assert "identity-based policy" in reason or "identity policy" in reason


@pytest.mark.parametrize(
    ("shared", "action", "resource"),
    [
        ({"catalog": False}, "glue:GetTable", f"{GLUE}:catalog"),
        ({"bucket": False}, "s3:GetBucketLocation", f"arn:aws:s3:::{PROCESSED}"),
    ],
)
def test_what_the_owner_does_not_share_fails_the_query(
    analyst: Hands, analytics: Hands, ewr: Hands, shared: dict[str, bool], action: str, resource: str
) -> None:
    grant(analytics)
    share(ewr, **shared)
    reason = analyst.failure(ANALYSIS)
    assert f"not authorized to perform: {action} on resource: {resource} because no resource" in reason


def test_one_object_that_may_not_be_read_fails_the_whole_query(analyst: Hands, analytics: Hands, ewr: Hands) -> None:
    share(ewr)
    grant(
        analytics,
        read={"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{PROCESSED}/flights/flight_month=2013-01/*"},
    )
    path = f"s3://{PROCESSED}/flights/flight_month=2013-02/a.csv"
    assert analyst.failure(ANALYSIS).startswith(f"Permission denied on S3 path: {path}")
    assert analyst.run(ANALYSIS + " WHERE flight_month = '2013-01'")["Status"]["State"] == "SUCCEEDED"


def test_a_prefix_that_may_not_be_listed_fails_the_query(analyst: Hands, analytics: Hands, ewr: Hands) -> None:
    grant(analytics)
    share(ewr)
    ewr.glue("CreateTable", DatabaseName="processed", TableInput={
        "Name": "secrets",
        "StorageDescriptor": {
            **ewr.glue("GetTable", DatabaseName="processed", Name="flights")["Table"]["StorageDescriptor"],
            "Location": f"s3://{PROCESSED}/secrets/",
        },
    })  # fmt: skip
    reason = analyst.failure("SELECT * FROM ewr.processed.secrets")
    assert "not authorized to perform: s3:ListBucket" in reason


def test_without_the_right_to_the_workgroup_the_call_is_denied(analyst: Hands, analytics: Hands) -> None:
    grant(analytics, "athena")
    with pytest.raises(AwsError, match=r"athena:StartQueryExecution on resource: .*:workgroup/lake") as caught:
        analyst.start("SELECT 1")
    assert caught.value.code == "AccessDeniedException"


def test_a_registered_catalog_needs_a_right_of_its_own(analyst: Hands, analytics: Hands, ewr: Hands) -> None:
    share(ewr)
    workgroup = {"Action": "athena:*", "Resource": f"arn:aws:athena:us-east-1:{ANALYTICS}:workgroup/*"}
    grant(analytics, athena=workgroup)
    assert (
        f"athena:GetDataCatalog on resource: arn:aws:athena:us-east-1:{ANALYTICS}:datacatalog/ewr"
        in analyst.failure(ANALYSIS)
    )


def test_an_encrypted_object_needs_its_key(analyst: Hands, analytics: Hands, ewr: Hands) -> None:
    share(ewr)
    policy = document([
        {"Principal": {"AWS": f"arn:aws:iam::{EWR}:root"}, "Action": "kms:*", "Resource": "*"},
        {"Principal": {"AWS": ROLE}, "Action": "kms:Decrypt", "Resource": "*",
         "Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}},
    ])  # fmt: skip
    key = ewr.ask("kms", "CreateKey", Policy=policy)["KeyMetadata"]["Arn"]
    ewr.s3(
        "PutObject",
        Bucket=PROCESSED,
        Key="flights/flight_month=2013-02/b.csv",
        Body=b"1,BOS\n",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key,
    )
    grant(analytics, "kms")
    assert f"not authorized to perform: kms:Decrypt on resource: {key}" in analyst.failure(ANALYSIS)
    grant(analytics)
    assert analyst.rows(ANALYSIS) == [["4"]]


def test_results_are_encrypted_as_the_workgroup_says(analyst: Hands, analytics: Hands) -> None:
    grant(analytics)
    key = analytics.ask("kms", "CreateKey")["KeyMetadata"]["Arn"]
    encryption = {"EncryptionConfiguration": {"EncryptionOption": "SSE_KMS", "KmsKey": key}}
    analytics.athena(
        "UpdateWorkGroup", WorkGroup="lake", ConfigurationUpdates={"ResultConfigurationUpdates": encryption}
    )
    found = analyst.run("SELECT 1")
    assert found["Status"]["State"] == "SUCCEEDED"
    bucket, _, name = found["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
    assert analytics.s3("HeadObject", Bucket=bucket, Key=name)["SSEKMSKeyId"] == key
    grant(analytics, "kms")
    assert "kms:GenerateDataKey" in analyst.failure("SELECT 1")


def test_no_view_is_made_over_another_accounts_catalog(analyst: Hands, analytics: Hands, ewr: Hands) -> None:
    grant(analytics, all={"Action": "*", "Resource": "*"})
    share(ewr)
    analytics.glue("CreateDatabase", DatabaseInput={"Name": "processed"})
    reason = analyst.failure("CREATE VIEW mine AS SELECT * FROM ewr.processed.flights")
    assert reason.startswith("NOT_SUPPORTED: Queries of this type are not supported: CREATE VIEW")
    assert analyst.rows("SHOW TABLES") == []


def test_a_catalog_of_another_region_is_refused(analyst: Hands, analytics: Hands) -> None:
    grant(analytics)
    elsewhere = f'"glue:arn:aws:glue:eu-west-1:{EWR}:catalog"'
    assert "Cross-region access is not supported" in analyst.failure(f"SELECT * FROM {elsewhere}.processed.flights")


def test_definitions_need_glues_rights_too(analyst: Hands, analytics: Hands) -> None:
    grant(analytics)
    reason = analyst.failure("CREATE DATABASE mine")
    assert "not authorized to perform: glue:CreateDatabase" in reason
    assert "Service: AmazonDataCatalog" in reason


def test_reading_results_needs_the_readers_own_right_to_the_file(analyst: Hands, analytics: Hands) -> None:
    grant(analytics)
    identity = analyst.run("SELECT 1")["QueryExecutionId"]
    assert analyst.fetched(identity) == [["_col0"], ["1"]]
    grant(analytics, "read")
    with pytest.raises(AwsError, match="s3:GetObject"):
        analyst.fetched(identity)


def test_athena_itself_speaks_tls_to_other_services(analyst: Hands, analytics: Hands) -> None:
    """A deny of plain HTTP on the bucket meets S3's own callers, not a query that was started over plain HTTP."""
    grant(analytics)
    deny = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{RESULTS}", f"arn:aws:s3:::{RESULTS}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }]}  # fmt: skip
    analytics.s3("PutBucketPolicy", Bucket=RESULTS, Policy=json.dumps(deny))
    plain = Hands(analyst.cloud, replace(analyst.caller, secure=False))
    assert plain.rows("SELECT 1") == [["1"]]
    with pytest.raises(AwsError, match="explicit deny"):
        plain.put(RESULTS, "athena/x", b"")
