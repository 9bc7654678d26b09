"""Workgroups, data catalogs, saved statements and tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from athena_desk import EWR, RESULTS, Hands, make_bench

from silolake.localcloud.errors import AwsError, NotPlayed


def refused(hands: Hands, operation: str, **parameters: Any) -> str:
    with pytest.raises(AwsError) as caught:
        hands.athena(operation, **parameters)
    assert caught.value.code == "InvalidRequestException"
    return caught.value.message


def test_primary_is_there_from_the_beginning_and_stays(analytics: Hands) -> None:
    primary = analytics.athena("GetWorkGroup", WorkGroup="primary")["WorkGroup"]
    assert (primary["State"], primary["Configuration"]["EnforceWorkGroupConfiguration"]) == ("ENABLED", False)
    assert [each["Name"] for each in analytics.athena("ListWorkGroups")["WorkGroups"]] == ["primary"]
    refused(analytics, "DeleteWorkGroup", WorkGroup="primary")
    analytics.athena("UpdateWorkGroup", WorkGroup="primary", Description="everybody's")
    assert analytics.athena("GetWorkGroup", WorkGroup="primary")["WorkGroup"]["Description"] == "everybody's"


def test_a_workgroup_is_made_changed_and_deleted(analytics: Hands) -> None:
    make_bench(analytics)
    assert refused(analytics, "CreateWorkGroup", Name="lake") == "WorkGroup is already created"
    encryption = {"EncryptionConfiguration": {"EncryptionOption": "SSE_S3"}}
    analytics.athena(
        "UpdateWorkGroup", WorkGroup="lake", ConfigurationUpdates={"ResultConfigurationUpdates": encryption}
    )
    found = analytics.athena("GetWorkGroup", WorkGroup="lake")["WorkGroup"]["Configuration"]
    assert found["EnforceWorkGroupConfiguration"] is True
    assert found["ResultConfiguration"] == {"OutputLocation": f"s3://{RESULTS}/athena/", **encryption}
    gone = {"ResultConfigurationUpdates": {"RemoveEncryptionConfiguration": True}}
    analytics.athena("UpdateWorkGroup", WorkGroup="lake", ConfigurationUpdates=gone)
    found = analytics.athena("GetWorkGroup", WorkGroup="lake")["WorkGroup"]["Configuration"]
    assert "EncryptionConfiguration" not in found["ResultConfiguration"]
    analytics.athena("DeleteWorkGroup", WorkGroup="lake")
    assert refused(analytics, "GetWorkGroup", WorkGroup="lake") == "WorkGroup lake is not found."


def test_a_workgroup_with_a_history_is_deleted_with_it_or_not_at_all(lake: Hands) -> None:
    identity = lake.run("SELECT 1")["QueryExecutionId"]
    assert refused(lake, "DeleteWorkGroup", WorkGroup="lake") == "WorkGroup lake is not empty"
    lake.athena("DeleteWorkGroup", WorkGroup="lake", RecursiveDeleteOption=True)
    refused(lake, "GetQueryExecution", QueryExecutionId=identity)


@pytest.mark.parametrize(
    "configuration",
    [
        {"RequesterPaysEnabled": True},
        {"ManagedQueryResultsConfiguration": {"Enabled": True}},
        {"EngineVersion": {"SelectedEngineVersion": "PySpark engine version 3"}},
        {"ResultConfiguration": {"EncryptionConfiguration": {"EncryptionOption": "CSE_KMS", "KmsKey": "k"}}},
        {"ExecutionRole": "arn:aws:iam::111111111111:role/x"},
    ],
)
def test_settings_that_are_not_played_are_refused_by_name(analytics: Hands, configuration: Mapping[str, Any]) -> None:
    with pytest.raises(NotPlayed):
        analytics.athena("CreateWorkGroup", Name="w", Configuration=configuration)
    assert len(analytics.athena("ListWorkGroups")["WorkGroups"]) == 1


@pytest.mark.parametrize(
    "configuration",
    [
        {"BytesScannedCutoffPerQuery": 1},
        {"ResultConfiguration": {"OutputLocation": "http://x"}},
        {"ResultConfiguration": {"EncryptionConfiguration": {"EncryptionOption": "SSE_KMS"}}},
    ],
)
def test_settings_that_make_no_sense_are_refused(analytics: Hands, configuration: Mapping[str, Any]) -> None:
    refused(analytics, "CreateWorkGroup", Name="w", Configuration=configuration)


def test_a_glue_catalog_is_registered_changed_and_withdrawn(analytics: Hands) -> None:
    asked = {"Name": "ewr", "Type": "GLUE", "Parameters": {"catalog-id": EWR}}
    analytics.athena("CreateDataCatalog", **asked)
    refused(analytics, "CreateDataCatalog", **asked)
    found = analytics.athena("GetDataCatalog", Name="EWR")["DataCatalog"]
    assert (found["Name"], found["Type"], found["Parameters"]) == ("ewr", "GLUE", {"catalog-id": EWR})
    analytics.athena("UpdateDataCatalog", **{**asked, "Parameters": {"catalog-id": "222222222222"}})
    names = [each["CatalogName"] for each in analytics.athena("ListDataCatalogs")["DataCatalogsSummary"]]
    assert names == ["AwsDataCatalog", "ewr"]
    analytics.athena("DeleteDataCatalog", Name="ewr")
    refused(analytics, "GetDataCatalog", Name="ewr")
    refused(analytics, "DeleteDataCatalog", Name="AwsDataCatalog")
    refused(analytics, "CreateDataCatalog", **{**asked, "Parameters": {"catalog-id": "ewr"}})


@pytest.mark.parametrize("kind", ["LAMBDA", "HIVE", "FEDERATED"])
def test_other_kinds_of_catalogs_are_refused_by_name(analytics: Hands, kind: str) -> None:
    with pytest.raises(NotPlayed, match=kind):
        analytics.athena("CreateDataCatalog", Name="x", Type=kind, Parameters={"function": "f"})


def test_named_queries_are_kept(analytics: Hands) -> None:
    asked = {"Name": "delays", "Database": "processed", "QueryString": "SELECT 1", "ClientRequestToken": "t" * 32}
    identity = analytics.athena("CreateNamedQuery", **asked)["NamedQueryId"]
    assert analytics.athena("CreateNamedQuery", **asked)["NamedQueryId"] == identity
    refused(analytics, "CreateNamedQuery", **{**asked, "QueryString": "SELECT 2"})
    analytics.athena("UpdateNamedQuery", NamedQueryId=identity, Name="late", QueryString="SELECT 3")
    found = analytics.athena("GetNamedQuery", NamedQueryId=identity)["NamedQuery"]
    assert (found["Name"], found["QueryString"], found["WorkGroup"]) == ("late", "SELECT 3", "primary")
    assert analytics.athena("ListNamedQueries")["NamedQueryIds"] == [identity]
    answer = analytics.athena("BatchGetNamedQuery", NamedQueryIds=[identity, "x"])
    assert (len(answer["NamedQueries"]), len(answer["UnprocessedNamedQueryIds"])) == (1, 1)
    analytics.athena("DeleteNamedQuery", NamedQueryId=identity)
    refused(analytics, "GetNamedQuery", NamedQueryId=identity)


def test_prepared_statements_are_kept(analytics: Hands) -> None:
    name = {"StatementName": "s", "WorkGroup": "primary"}
    analytics.athena("CreatePreparedStatement", **name, QueryStatement="SELECT ?")
    refused(analytics, "CreatePreparedStatement", **name, QueryStatement="SELECT ?")
    analytics.athena("UpdatePreparedStatement", **name, QueryStatement="SELECT ? + 1")
    found = analytics.athena("GetPreparedStatement", **name)["PreparedStatement"]
    assert found["QueryStatement"] == "SELECT ? + 1"
    assert len(analytics.athena("ListPreparedStatements", WorkGroup="primary")["PreparedStatements"]) == 1
    analytics.athena("DeletePreparedStatement", **name)
    with pytest.raises(AwsError) as caught:
        analytics.athena("GetPreparedStatement", **name)
    assert caught.value.code == "ResourceNotFoundException"


def test_tags_of_workgroups_and_catalogs(analytics: Hands) -> None:
    make_bench(analytics)
    analytics.athena("CreateDataCatalog", Name="ewr", Type="GLUE", Parameters={"catalog-id": EWR})
    for kind in ("workgroup/lake", "datacatalog/ewr"):
        arn = f"arn:aws:athena:us-east-1:{analytics.caller.account}:{kind}"
        analytics.athena("TagResource", ResourceARN=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        analytics.athena("UntagResource", ResourceARN=arn, TagKeys=["a"])
        assert analytics.athena("ListTagsForResource", ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


@pytest.mark.parametrize("operation", ["StartCalculationExecution", "CreateNotebook", "CreateCapacityReservation"])
def test_what_is_not_played_is_refused_by_name(analytics: Hands, operation: str) -> None:
    with pytest.raises(NotPlayed, match=f"athena:{operation}"):
        analytics.athena(operation)
