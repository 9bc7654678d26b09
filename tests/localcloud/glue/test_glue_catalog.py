"""Databases, tables and their versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from glue_desk import EWR, Glue, table_input

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.glue.catalog import find_database, find_table
from silolake.localcloud.errors import AwsError, NotPlayed


def refused(code: str, ask: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(AwsError) as caught:
        ask(**parameters)
    assert caught.value.code == code
    return caught.value.message


def test_a_database_is_kept_in_lower_case_with_its_defaults(ewr: Glue) -> None:
    ewr.CreateDatabase(DatabaseInput={"Name": "Processed", "LocationUri": "s3://b/"})
    found = ewr.GetDatabase(Name="PROCESSED")["Database"]
    assert (found["Name"], found["LocationUri"], found["CatalogId"]) == ("processed", "s3://b/", EWR)
    assert found["CreateTableDefaultPermissions"][0]["Permissions"] == ["ALL"]


def test_a_database_exists_once_and_is_missed_in_glues_words(ewr: Glue) -> None:
    ewr.CreateDatabase(DatabaseInput={"Name": "raw"})
    assert refused("AlreadyExistsException", ewr.CreateDatabase, DatabaseInput={"Name": "RAW"}) == (
        "Database already exists."
    )
    assert refused("EntityNotFoundException", ewr.GetDatabase, Name="nope") == "Database nope not found."
    refused("EntityNotFoundException", ewr.CreateTable, DatabaseName="nope", TableInput=table_input("t"))
    refused("ValidationException", ewr.CreateDatabase, DatabaseInput={"Name": ""})
    refused("ValidationException", ewr.CreateDatabase, DatabaseInput={"Name": "a\nb"})


def test_databases_come_in_pages(ewr: Glue) -> None:
    for name in "abcde":
        ewr.CreateDatabase(DatabaseInput={"Name": name})
    names, token = [], None
    while True:
        page = ewr.GetDatabases(MaxResults=2, **({"NextToken": token} if token else {}))
        names += [each["Name"] for each in page["DatabaseList"]]
        token = page.get("NextToken")
        if token is None:
            break
    assert names == list("abcde")
    refused("InvalidInputException", ewr.GetDatabases, NextToken="!")


def test_update_database_replaces_what_was_there(ewr: Glue) -> None:
    ewr.CreateDatabase(DatabaseInput={"Name": "raw", "Description": "as delivered"})
    ewr.UpdateDatabase(Name="raw", DatabaseInput={"Name": "raw", "LocationUri": "s3://b/"})
    found = ewr.GetDatabase(Name="raw")["Database"]
    assert found["LocationUri"] == "s3://b/"
    assert "Description" not in found


def test_a_database_takes_its_tables_and_partitions_with_it(ewr: Glue, cloud: LocalCloud) -> None:
    ewr.make_table()
    ewr.CreatePartition(DatabaseName="processed", TableName="flights", PartitionInput={"Values": ["2013-01", "1"]})
    ewr.DeleteDatabase(Name="processed")
    refused("EntityNotFoundException", ewr.DeleteDatabase, Name="processed")
    with cloud.store.read() as connection:
        assert connection.execute("SELECT count(*) FROM glue_partitions").fetchone()[0] == 0
        assert find_database(connection, EWR, "us-east-1", "processed") is None
    ewr.make_table()
    assert ewr.GetPartitions(DatabaseName="processed", TableName="flights")["Partitions"] == []


def test_a_table_comes_back_as_it_was_given_with_what_glue_adds(ewr: Glue, cloud: LocalCloud) -> None:
    ewr.make_table("Flights")
    table = ewr.GetTable(DatabaseName="Processed", Name="FLIGHTS")["Table"]
    given = table_input("flights")
    assert {name: table[name] for name in ("StorageDescriptor", "PartitionKeys", "TableType")} == {
        "StorageDescriptor": {**given["StorageDescriptor"], "Location": f"s3://nyc-{EWR}-us-east-1-processed/Flights/"},
        "PartitionKeys": given["PartitionKeys"],
        "TableType": "EXTERNAL_TABLE",
    }
    assert (table["Name"], table["VersionId"], table["CreatedBy"]) == ("flights", "0", f"arn:aws:iam::{EWR}:root")
    with cloud.store.read() as connection:
        assert find_table(connection, EWR, "us-east-1", "processed", "flights") == table
    assert refused("AlreadyExistsException", ewr.make_table, name="FLIGHTS") == "Table already exists."
    assert refused("EntityNotFoundException", ewr.GetTable, DatabaseName="processed", Name="x") == "Table x not found."


@pytest.mark.parametrize(
    ("expression", "expect"),
    [
        ("fl*", ["flights"]),
        ("fl.*", ["flights"]),
        ("*s", ["flights", "planes"]),
        ("weather|planes", ["planes", "weather"]),
        ("light", []),
        ("", ["flights", "planes", "weather"]),
    ],
)
def test_get_tables_takes_a_pattern(ewr: Glue, expression: str, expect: list[str]) -> None:
    for name in ("weather", "flights", "planes"):
        ewr.make_table(name)
    found = ewr.GetTables(DatabaseName="processed", Expression=expression)["TableList"]
    assert [table["Name"] for table in found] == expect


def test_get_tables_comes_in_pages(ewr: Glue) -> None:
    for name in ("weather", "flights", "planes"):
        ewr.make_table(name)
    first = ewr.GetTables(DatabaseName="processed", MaxResults=2)
    second = ewr.GetTables(DatabaseName="processed", MaxResults=2, NextToken=first["NextToken"])
    assert [table["Name"] for table in (*first["TableList"], *second["TableList"])] == ["flights", "planes", "weather"]
    assert "NextToken" not in second


def test_an_update_leaves_the_version_before_unless_told_not_to(ewr: Glue) -> None:
    ewr.make_table()
    table = {"DatabaseName": "processed"}
    ewr.UpdateTable(**table, TableInput=table_input("flights", Description="one"))
    ewr.UpdateTable(**table, TableInput=table_input("flights", Description="two"), SkipArchive=True)
    versions = ewr.GetTableVersions(**table, TableName="flights")["TableVersions"]
    assert [(each["VersionId"], each["Table"].get("Description")) for each in versions] == [("2", "two"), ("0", None)]
    ewr.DeleteTableVersion(**table, TableName="flights", VersionId="0")
    refused("EntityNotFoundException", ewr.GetTableVersion, **table, TableName="flights", VersionId="0")
    refused("InvalidInputException", ewr.DeleteTableVersion, **table, TableName="flights", VersionId="2")


def test_versions_come_in_pages_newest_first(ewr: Glue) -> None:
    ewr.make_table()
    for _ in range(4):
        ewr.UpdateTable(DatabaseName="processed", TableInput=table_input("flights"))
    asked = {"DatabaseName": "processed", "TableName": "flights", "MaxResults": 2}
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = ewr.GetTableVersions(**asked, **token)
        found += [each["VersionId"] for each in page["TableVersions"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert found == ["4", "3", "2", "1", "0"]


def test_an_update_of_a_version_that_is_past_loses(ewr: Glue) -> None:
    ewr.make_table()
    ewr.UpdateTable(DatabaseName="processed", TableInput=table_input("flights"), VersionId="0")
    message = refused(
        "ConcurrentModificationException",
        ewr.UpdateTable,
        DatabaseName="processed",
        TableInput=table_input("flights", Description="late"),
        VersionId="0",
    )
    assert message == "Update table failed due to concurrent modifications."
    assert "Description" not in ewr.GetTable(DatabaseName="processed", Name="flights")["Table"]


def test_batch_delete_reports_what_was_not_there(ewr: Glue) -> None:
    ewr.make_table()
    answer = ewr.BatchDeleteTable(DatabaseName="processed", TablesToDelete=["flights", "ghosts"])
    assert [(each["TableName"], each["ErrorDetail"]["ErrorCode"]) for each in answer["Errors"]] == [
        ("ghosts", "EntityNotFoundException")
    ]
    assert ewr.GetTables(DatabaseName="processed")["TableList"] == []


def test_a_resource_link_is_kept(ewr: Glue) -> None:
    target = {"CatalogId": "222222222222", "DatabaseName": "processed", "Name": "flights"}
    ewr.CreateDatabase(DatabaseInput={"Name": "links"})
    ewr.CreateTable(DatabaseName="links", TableInput={"Name": "flights", "TargetTable": target})
    assert ewr.GetTable(DatabaseName="links", Name="flights")["Table"]["TargetTable"] == target


def test_partition_indexes_are_kept_and_at_most_three(ewr: Glue) -> None:
    ewr.make_table()
    table = {"DatabaseName": "processed", "TableName": "flights"}
    ewr.CreatePartitionIndex(**table, PartitionIndex={"IndexName": "by_day", "Keys": ["day"]})
    (found,) = ewr.GetPartitionIndexes(**table)["PartitionIndexDescriptorList"]
    assert (found["IndexName"], found["Keys"]) == ("by_day", [{"Name": "day", "Type": "int"}])
    refused(
        "AlreadyExistsException",
        ewr.CreatePartitionIndex,
        **table,
        PartitionIndex={"IndexName": "by_day", "Keys": ["flight_month"]},
    )
    refused(
        "InvalidInputException",
        ewr.CreatePartitionIndex,
        **table,
        PartitionIndex={"IndexName": "by_carrier", "Keys": ["carrier"]},
    )
    ewr.DeletePartitionIndex(**table, IndexName="by_day")
    assert ewr.GetPartitionIndexes(**table)["PartitionIndexDescriptorList"] == []


def test_statistics_are_kept_for_columns_that_exist(ewr: Glue) -> None:
    ewr.make_table()
    table = {"DatabaseName": "processed", "TableName": "flights"}

    def statistics(column: str) -> dict[str, Any]:
        data = {
            "Type": "DECIMAL",
            "DecimalColumnStatisticsData": {
                "MinimumValue": {"UnscaledValue": b"\x01", "Scale": 2},
                "NumberOfNulls": 0,
                "NumberOfDistinctValues": 3,
            },
        }
        return {"ColumnName": column, "ColumnType": "int", "StatisticsData": data}

    answer = ewr.UpdateColumnStatisticsForTable(**table, ColumnStatisticsList=[statistics("flight"), statistics("x")])
    assert [each["ColumnStatistics"]["ColumnName"] for each in answer["Errors"]] == ["x"]
    found = ewr.GetColumnStatisticsForTable(**table, ColumnNames=["flight", "x"])
    assert found["ColumnStatisticsList"] == [statistics("flight")]
    assert [each["ColumnName"] for each in found["Errors"]] == ["x"]
    ewr.DeleteColumnStatisticsForTable(**table, ColumnName="flight")
    refused("EntityNotFoundException", ewr.DeleteColumnStatisticsForTable, **table, ColumnName="flight")


def test_tags_of_a_database(ewr: Glue) -> None:
    ewr.CreateDatabase(DatabaseInput={"Name": "raw"}, Tags={"lake": "nyc"})
    arn = f"arn:aws:glue:us-east-1:{EWR}:database/raw"
    ewr.TagResource(ResourceArn=arn, TagsToAdd={"stage": "dev"})
    ewr.UntagResource(ResourceArn=arn, TagsToRemove=["lake"])
    assert ewr.GetTags(ResourceArn=arn)["Tags"] == {"stage": "dev"}
    with pytest.raises(NotPlayed):
        ewr.GetTags(ResourceArn=f"arn:aws:glue:us-east-1:{EWR}:crawler/x")


@pytest.mark.parametrize("operation", ["SearchTables", "CreateUserDefinedFunction", "CreateCrawler", "StartJobRun"])
def test_what_is_not_played_is_refused_by_name(ewr: Glue, operation: str) -> None:
    with pytest.raises(NotPlayed, match=f"glue:{operation}"):
        getattr(ewr, operation)()


def test_ways_of_using_an_operation_that_are_not_played_are_refused_by_name(ewr: Glue) -> None:
    ewr.CreateDatabase(DatabaseInput={"Name": "raw"})
    with pytest.raises(NotPlayed, match="OpenTableFormatInput"):
        ewr.CreateTable(DatabaseName="raw", TableInput={"Name": "t"}, OpenTableFormatInput={"IcebergInput": {}})
    with pytest.raises(NotPlayed, match="s3tablescatalog"):
        ewr.GetDatabases(CatalogId=f"{EWR}:s3tablescatalog/b")
