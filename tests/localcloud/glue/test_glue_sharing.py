"""Catalogs across accounts: who may read and change whose."""

from __future__ import annotations

import json
from typing import Any

import pytest
from glue_desk import EWR, JFK, Glue

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.glue.access import access_to_table
from silolake.localcloud.engines.glue.catalog import catalog_policy
from silolake.localcloud.engines.glue.names import Catalog
from silolake.localcloud.errors import AwsError, NotPlayed

HEAD = f"arn:aws:glue:us-east-1:{EWR}"
READ = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions"]
WHOLE_PATH = [f"{HEAD}:catalog", f"{HEAD}:database/processed", f"{HEAD}:table/processed/*"]


def policy(**changes: Any) -> str:
    statement = {
        "Sid": "LakeRead",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{JFK}:root"},
        "Action": READ,
        "Resource": WHOLE_PATH,
        **changes,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def denied(ask: Any, **parameters: Any) -> str:
    with pytest.raises(AwsError) as caught:
        ask(**parameters)
    assert caught.value.code == "AccessDeniedException"
    return caught.value.message


@pytest.fixture
def shared(ewr: Glue) -> Glue:
    ewr.make_table()
    ewr.PutResourcePolicy(PolicyInJson=policy())
    return ewr


def test_another_account_reads_what_the_owner_shares_and_no_more(shared: Glue, jfk: Glue) -> None:
    shared.CreateDatabase(DatabaseInput={"Name": "raw"})
    table = jfk.GetTable(CatalogId=EWR, DatabaseName="processed", Name="flights")["Table"]
    assert table["CatalogId"] == EWR
    assert f"{HEAD}:database/raw" in denied(jfk.GetTables, CatalogId=EWR, DatabaseName="raw")
    assert "glue:DeleteTable" in denied(jfk.DeleteTable, CatalogId=EWR, DatabaseName="processed", Name="flights")


def test_nothing_is_shared_without_a_policy(ewr: Glue, jfk: Glue) -> None:
    ewr.make_table()
    message = denied(jfk.GetTable, CatalogId=EWR, DatabaseName="processed", Name="flights")
    assert "perform: glue:GetTable on resource" in message
    assert "because no resource" in message


@pytest.mark.parametrize("missing", WHOLE_PATH)
def test_catalog_database_and_table_must_all_be_allowed(ewr: Glue, jfk: Glue, missing: str) -> None:
    ewr.make_table()
    ewr.PutResourcePolicy(PolicyInJson=policy(Resource=[each for each in WHOLE_PATH if each != missing]))
    message = denied(jfk.GetTable, CatalogId=EWR, DatabaseName="processed", Name="flights")
    assert missing.replace("*", "flights") in message


def test_another_account_writes_where_the_owner_lets_it(shared: Glue, jfk: Glue) -> None:
    given = {"CatalogId": EWR, "DatabaseName": "processed", "TableName": "flights"}
    partition = {"PartitionInput": {"Values": ["2013-01", "1"]}}
    denied(jfk.CreatePartition, **given, **partition)
    shared.PutResourcePolicy(PolicyInJson=policy(Action=[*READ, "glue:CreatePartition"]))
    jfk.CreatePartition(**given, **partition)
    assert len(shared.GetPartitions(DatabaseName="processed", TableName="flights")["Partitions"]) == 1
    assert jfk.GetDatabases()["DatabaseList"] == []


def test_deleting_a_database_needs_everything_in_it(shared: Glue, jfk: Glue) -> None:
    shared.PutResourcePolicy(PolicyInJson=policy(Action=["glue:DeleteDatabase"], Resource=WHOLE_PATH[:2]))
    assert f"{HEAD}:table/processed/*" in denied(jfk.DeleteDatabase, CatalogId=EWR, Name="processed")


def test_statistics_need_the_tables_own_permission(shared: Glue, jfk: Glue) -> None:
    given = {"CatalogId": EWR, "DatabaseName": "processed", "TableName": "flights"}
    assert jfk.GetColumnStatisticsForTable(**given, ColumnNames=["flight"])["ColumnStatisticsList"] == []
    assert "glue:UpdateTable" in denied(jfk.UpdateColumnStatisticsForTable, **given, ColumnStatisticsList=[])


def test_a_policy_is_replaced_whole_and_only_by_who_knows_it(ewr: Glue) -> None:
    first = ewr.PutResourcePolicy(PolicyInJson=policy(), PolicyExistsCondition="NOT_EXIST")["PolicyHash"]
    second = ewr.PutResourcePolicy(PolicyInJson=policy(Sid="LakeTwo"), PolicyHashCondition=first)["PolicyHash"]
    assert second != first
    for condition in ({"PolicyHashCondition": first}, {"PolicyExistsCondition": "NOT_EXIST"}):
        with pytest.raises(AwsError) as caught:
            ewr.PutResourcePolicy(PolicyInJson=policy(), **condition)
        assert caught.value.code == "ConditionCheckFailureException"
    found = ewr.GetResourcePolicy()
    assert (found["PolicyInJson"], found["PolicyHash"]) == (policy(Sid="LakeTwo"), second)
    assert [each["PolicyHash"] for each in ewr.GetResourcePolicies()["GetResourcePoliciesResponseList"]] == [second]
    ewr.DeleteResourcePolicy(PolicyHashCondition=second)
    for ask in (ewr.GetResourcePolicy, ewr.DeleteResourcePolicy):
        with pytest.raises(AwsError) as caught:
            ask()
        assert caught.value.code == "EntityNotFoundException"
    with pytest.raises(AwsError) as caught:
        ewr.PutResourcePolicy(PolicyInJson=policy(), PolicyExistsCondition="MUST_EXIST")
    assert caught.value.code == "EntityNotFoundException"


@pytest.mark.parametrize(
    "change",
    [
        {"Resource": "*"},
        {"Resource": f"arn:aws:glue:us-east-1:{JFK}:catalog"},
        {"Resource": f"arn:aws:glue:eu-west-1:{EWR}:catalog"},
        {"Principal": {"AWS": f"arn:aws:iam::{JFK}:role/lake/*"}},
        {"Principal": {"AWS": "nobody"}},
        {"Action": "s3:GetObject"},
        {"Effect": "Perhaps"},
    ],
)
def test_a_policy_that_glue_would_not_take_is_refused(ewr: Glue, change: dict[str, Any]) -> None:
    with pytest.raises(AwsError) as caught:
        ewr.PutResourcePolicy(PolicyInJson=policy(**change))
    assert caught.value.code == "InvalidInputException"


def test_a_statement_without_a_principal_is_refused(ewr: Glue) -> None:
    document = json.loads(policy())
    del document["Statement"][0]["Principal"]
    with pytest.raises(AwsError, match="Principal"):
        ewr.PutResourcePolicy(PolicyInJson=json.dumps(document))


def test_a_policy_of_more_than_ten_kilobytes_is_refused(ewr: Glue) -> None:
    many = [f"{HEAD}:table/processed/{number:040}" for number in range(200)]
    with pytest.raises(AwsError) as caught:
        ewr.PutResourcePolicy(PolicyInJson=policy(Resource=many))
    assert caught.value.code == "ResourceNumberLimitExceededException"


def test_the_principal_star_and_the_organizations_conditions_are_taken(ewr: Glue) -> None:
    ewr.PutResourcePolicy(
        PolicyInJson=policy(
            Principal={"AWS": "*"},
            Condition={
                "StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"},
                "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": ["o-abcdefghij/r-ab12/ou-ab12-analytic/*"]},
            },
        ),
        EnableHybrid="TRUE",
    )


def test_a_policy_on_something_else_than_the_catalog_is_not_played(ewr: Glue) -> None:
    with pytest.raises(NotPlayed, match="ResourceArn"):
        ewr.PutResourcePolicy(PolicyInJson=policy(), ResourceArn=f"{HEAD}:database/raw")


def test_other_engines_learn_what_a_table_asks_of_iam(shared: Glue, cloud: LocalCloud) -> None:
    with cloud.store.read() as connection:
        found = access_to_table(connection, Catalog(EWR, "us-east-1"), "processed", "flights", "GetTable")
        assert catalog_policy(connection, JFK, "us-east-1") is None
    assert [(each.action, each.arn, each.owner) for each in found] == [
        ("glue:GetTable", f"{HEAD}:{rest}", EWR)
        for rest in ("catalog", "database/processed", "table/processed/flights")
    ]
    assert all(each.policy is not None for each in found)
