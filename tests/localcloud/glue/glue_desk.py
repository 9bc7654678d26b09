"""Hands to ask a local cloud's Glue with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from silolake.iam import Principal
from silolake.localcloud.call import Caller
from silolake.localcloud.cloud import LocalCloud

EWR, JFK = "111111111111", "222222222222"


@dataclass(frozen=True)
class Glue:
    """One caller's Glue: ``glue.GetTable(DatabaseName=…, Name=…)``."""

    cloud: LocalCloud
    caller: Caller

    def __getattr__(self, operation: str) -> Any:
        return lambda **parameters: self.cloud.invoke(self.caller, "glue", operation, parameters)

    def make_table(self, name: str = "flights", **more: Any) -> None:
        """A partitioned table in database ``processed``, which is made too."""
        found = {each["Name"] for each in self.GetDatabases()["DatabaseList"]}
        if "processed" not in found:
            self.CreateDatabase(DatabaseInput={"Name": "processed"})
        self.CreateTable(DatabaseName="processed", TableInput=table_input(name, **more))


def table_input(name: str, **more: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "StorageDescriptor": {
            "Columns": [{"Name": "flight", "Type": "int"}],
            "Location": f"s3://nyc-{EWR}-us-east-1-processed/{name}/",
        },
        "PartitionKeys": [{"Name": "flight_month", "Type": "string"}, {"Name": "day", "Type": "int"}],
        "TableType": "EXTERNAL_TABLE",
        **more,
    }


def root_of(account: str) -> Caller:
    return Caller(Principal(arn=f"arn:aws:iam::{account}:root", account=account, kind="root"))
