"""Partitions, few and many."""

from __future__ import annotations

import time
from typing import Any

import pytest
from glue_desk import EWR, Glue

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.glue.catalog import partitions
from silolake.localcloud.engines.glue.names import Catalog
from silolake.localcloud.errors import AwsError

TABLE = {"DatabaseName": "processed", "TableName": "flights"}


def partition(month: str, day: str, **more: Any) -> dict[str, Any]:
    location = f"s3://b/flights/flight_month={month}/day={day}/"
    descriptor = {"Columns": [{"Name": "flight", "Type": "int"}], "Location": location}
    return {"Values": [month, day], "StorageDescriptor": descriptor, **more}


def values(answer: dict[str, Any]) -> list[list[str]]:
    return [each["Values"] for each in answer["Partitions"]]


@pytest.fixture
def flights(ewr: Glue) -> Glue:
    ewr.make_table()
    return ewr


def test_a_partition_is_made_read_changed_moved_and_removed(flights: Glue) -> None:
    flights.CreatePartition(**TABLE, PartitionInput=partition("2013-01", "1"))
    found = flights.GetPartition(**TABLE, PartitionValues=["2013-01", "1"])["Partition"]
    assert found["StorageDescriptor"]["Location"] == "s3://b/flights/flight_month=2013-01/day=1/"
    assert (found["DatabaseName"], found["TableName"], found["CatalogId"]) == ("processed", "flights", EWR)
    flights.UpdatePartition(
        **TABLE, PartitionValueList=["2013-01", "1"], PartitionInput=partition("2013-01", "2", Parameters={"rows": "9"})
    )
    assert values(flights.GetPartitions(**TABLE)) == [["2013-01", "2"]]
    flights.DeletePartition(**TABLE, PartitionValues=["2013-01", "2"])
    with pytest.raises(AwsError, match="Cannot find partition") as caught:
        flights.GetPartition(**TABLE, PartitionValues=["2013-01", "2"])
    assert caught.value.code == "EntityNotFoundException"


def test_a_partition_has_a_value_for_each_key_and_exists_once(flights: Glue) -> None:
    with pytest.raises(AwsError, match="number of partition keys do not match"):
        flights.CreatePartition(**TABLE, PartitionInput={"Values": ["2013-01"]})
    flights.CreatePartition(**TABLE, PartitionInput=partition("2013-01", "1"))
    with pytest.raises(AwsError, match="Partition already exists") as caught:
        flights.CreatePartition(**TABLE, PartitionInput=partition("2013-01", "1"))
    assert caught.value.code == "AlreadyExistsException"


def test_a_batch_makes_what_it_can_and_tells_the_rest(flights: Glue) -> None:
    flights.CreatePartition(**TABLE, PartitionInput=partition("2013-01", "1"))
    answer = flights.BatchCreatePartition(
        **TABLE, PartitionInputList=[partition("2013-01", "1"), partition("2013-01", "2")]
    )
    assert [(each["PartitionValues"], each["ErrorDetail"]["ErrorCode"]) for each in answer["Errors"]] == [
        (["2013-01", "1"], "AlreadyExistsException")
    ]
    assert values(flights.GetPartitions(**TABLE)) == [["2013-01", "1"], ["2013-01", "2"]]
    with pytest.raises(AwsError, match="less than or equal to 100"):
        flights.BatchCreatePartition(**TABLE, PartitionInputList=[partition("m", str(n)) for n in range(101)])


def test_other_batches(flights: Glue) -> None:
    flights.BatchCreatePartition(**TABLE, PartitionInputList=[partition("m", str(n)) for n in range(4)])
    wanted = [{"Values": ["m", "0"]}, {"Values": ["m", "9"]}, {"Values": ["m", "2"]}]
    assert values(flights.BatchGetPartition(**TABLE, PartitionsToGet=wanted)) == [["m", "0"], ["m", "2"]]
    entries = [
        {"PartitionValueList": ["m", at], "PartitionInput": partition("m", at, Parameters={"seen": "yes"})}
        for at in ("1", "7")
    ]
    answer = flights.BatchUpdatePartition(**TABLE, Entries=entries)
    assert [each["PartitionValueList"] for each in answer["Errors"]] == [["m", "7"]]
    assert flights.GetPartition(**TABLE, PartitionValues=["m", "1"])["Partition"]["Parameters"] == {"seen": "yes"}
    answer = flights.BatchDeletePartition(**TABLE, PartitionsToDelete=[{"Values": ["m", "1"]}, {"Values": ["m", "7"]}])
    assert [each["PartitionValues"] for each in answer["Errors"]] == [["m", "7"]]
    assert values(flights.GetPartitions(**TABLE)) == [["m", "0"], ["m", "2"], ["m", "3"]]


def test_segments_share_all_partitions_out_without_overlap(flights: Glue) -> None:
    flights.BatchCreatePartition(**TABLE, PartitionInputList=[partition("m", str(n)) for n in range(40)])
    shares = [
        values(flights.GetPartitions(**TABLE, Segment={"SegmentNumber": number, "TotalSegments": 3}))
        for number in range(3)
    ]
    assert sorted(int(day) for share in shares for _, day in share) == list(range(40))
    assert all(shares)


def test_the_column_schema_is_left_out_on_request(flights: Glue) -> None:
    flights.CreatePartition(**TABLE, PartitionInput=partition("2013-01", "1"))
    (found,) = flights.GetPartitions(**TABLE, ExcludeColumnSchema=True)["Partitions"]
    assert set(found["StorageDescriptor"]) == {"Location"}


def test_other_engines_read_partitions_without_a_call(flights: Glue, cloud: LocalCloud) -> None:
    flights.BatchCreatePartition(**TABLE, PartitionInputList=[partition("m", str(n)) for n in range(4)])
    with cloud.store.read() as connection:
        catalog = Catalog(EWR, "us-east-1")
        (found,) = partitions(connection, catalog, "processed", "flights", "day = 3")
    assert (found.values, found.location) == (("m", "3"), "s3://b/flights/flight_month=m/day=3/")


def test_ten_thousand_partitions_are_paged_whole_and_one_month_of_them_is_quick(flights: Glue) -> None:
    for month in range(100):
        made = [partition(f"{month:04}", str(day)) for day in range(100)]
        assert flights.BatchCreatePartition(**TABLE, PartitionInputList=made)["Errors"] == []
    seen: list[list[str]] = []
    token: dict[str, str] = {}
    while True:
        page = flights.GetPartitions(**TABLE, **token)
        seen += values(page)
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert len(seen) == len({tuple(each) for each in seen}) == 10_000
    took = []
    for _ in range(5):
        began = time.perf_counter()
        answer = flights.GetPartitions(**TABLE, Expression="flight_month = '0042' AND day >= 50")
        took.append(time.perf_counter() - began)
        assert len(answer["Partitions"]) == 50
    assert min(took) < 0.05
