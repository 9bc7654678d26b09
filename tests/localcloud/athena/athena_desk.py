"""Hands to ask a local cloud's Athena, Glue and S3 with."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from silolake.iam import Principal
from silolake.localcloud.call import Caller
from silolake.localcloud.cloud import LocalCloud

ANALYTICS, EWR = "333333333333", "111111111111"
RESULTS = f"nyc-{ANALYTICS}-us-east-1-results"
PROCESSED = f"nyc-{EWR}-us-east-1-processed"
FINAL = ("SUCCEEDED", "FAILED", "CANCELLED")


@dataclass(frozen=True)
class Hands:
    """One caller's hands: ``hands.glue("GetTable", Name=…)``."""

    cloud: LocalCloud
    caller: Caller

    def ask(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        return self.cloud.invoke(self.caller, service, operation, parameters)

    def athena(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self.ask("athena", operation, **parameters)

    def glue(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self.ask("glue", operation, **parameters)

    def s3(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self.ask("s3", operation, **parameters)

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.s3("PutObject", Bucket=bucket, Key=key, Body=body)

    def read(self, location: str) -> bytes:
        bucket, _, key = location.removeprefix("s3://").partition("/")
        found: bytes = self.s3("GetObject", Bucket=bucket, Key=key)["Body"].read()
        return found

    def start(self, query: str, **more: Any) -> str:
        context = more.pop("QueryExecutionContext", {"Database": "processed"})
        asked = {"QueryString": query, "WorkGroup": "lake", "QueryExecutionContext": context, **more}
        return str(self.athena("StartQueryExecution", **asked)["QueryExecutionId"])

    def wait(self, identity: str) -> dict[str, Any]:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found: dict[str, Any] = self.athena("GetQueryExecution", QueryExecutionId=identity)["QueryExecution"]
            if found["Status"]["State"] in FINAL:
                return found
            time.sleep(0.005)
        raise TimeoutError(identity)

    def run(self, query: str, **more: Any) -> dict[str, Any]:
        return self.wait(self.start(query, **more))

    def rows(self, query: str, **more: Any) -> list[list[str | None]]:
        """The rows of a query that must go well, without the header of a SELECT."""
        found = self.run(query, **more)
        assert found["Status"]["State"] == "SUCCEEDED", found["Status"].get("StateChangeReason")
        return self.fetched(found["QueryExecutionId"])[found["ResultConfiguration"]["OutputLocation"].endswith("csv") :]

    def fetched(self, identity: str, **more: Any) -> list[list[str | None]]:
        answer = self.athena("GetQueryResults", QueryExecutionId=identity, **more)
        return [[datum.get("VarCharValue") for datum in row["Data"]] for row in answer["ResultSet"]["Rows"]]

    def failure(self, query: str, **more: Any) -> str:
        """Why a query failed, which must."""
        found = self.run(query, **more)
        assert found["Status"]["State"] == "FAILED"
        reason = found["Status"]["StateChangeReason"]
        assert found["Status"]["AthenaError"]["ErrorMessage"] == reason
        return str(reason)


def root_of(account: str) -> Caller:
    return Caller(Principal(arn=f"arn:aws:iam::{account}:root", account=account, kind="root"))


CSV = {
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "Parameters": {"field.delim": ","},
    },
}


def flights_table(bucket: str = PROCESSED) -> Mapping[str, Any]:
    return {
        "Name": "flights",
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [{"Name": "flight_month", "Type": "string"}],
        "StorageDescriptor": {
            **CSV,
            "Columns": [{"Name": "flight", "Type": "int"}, {"Name": "dest", "Type": "string"}],
            "Location": f"s3://{bucket}/flights/",
        },
    }


def make_flights(owner: Hands, bucket: str = PROCESSED) -> None:
    """A partitioned table of CSV: two flights in January, one in February."""
    owner.s3("CreateBucket", Bucket=bucket)
    owner.put(bucket, "flights/flight_month=2013-01/a.csv", b"1545,IAH\n1714,\\N\n")
    owner.put(bucket, "flights/flight_month=2013-02/a.csv", b"461,ATL\n")
    owner.glue("CreateDatabase", DatabaseInput={"Name": "processed"})
    owner.glue("CreateTable", DatabaseName="processed", TableInput=flights_table(bucket))
    for month in ("2013-01", "2013-02"):
        descriptor = {**CSV, "Location": f"s3://{bucket}/flights/flight_month={month}/"}
        owner.glue(
            "CreatePartition",
            DatabaseName="processed",
            TableName="flights",
            PartitionInput={"Values": [month], "StorageDescriptor": descriptor},
        )


def make_bench(account: Hands, bucket: str = RESULTS) -> None:
    """A bucket for results and the workgroup ``lake`` that enforces it."""
    account.s3("CreateBucket", Bucket=bucket)
    account.athena(
        "CreateWorkGroup",
        Name="lake",
        Configuration={"ResultConfiguration": {"OutputLocation": f"s3://{bucket}/athena/"}},
    )
