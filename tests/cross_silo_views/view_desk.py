"""A lake on a local cloud of its own: silos with files and catalogs shared, and analytics no mightier than on AWS."""

from __future__ import annotations

import functools
import io
import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from silolake import cross_silo_views
from silolake.cloud import Cloud, LocalEndpoint, sign_in
from silolake.cloud.organization import Organization, read_organization
from silolake.cloud.queries import query
from silolake.contracts import Contract, check_csv, glue_table
from silolake.cross_silo_views import PublishReport
from silolake.rooms import Rooms, View
from silolake.rooms.render import Ground, render_policy, render_template

ROOT = Path(__file__).parents[2]
FLIGHTS = (
    "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,origin,"
    "dest,air_time,distance,hour,minute,time_hour\n"
)
WEATHER = "origin,year,month,day,hour,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,pressure,visib,time_hour\n"
PLANES = "tailnum,year,type,manufacturer,model,engines,seats,speed,engine\n"
_WRITES = ("create_", "update_", "delete_", "put_", "batch_create_", "batch_update_", "batch_delete_", "start_")


class Watched(Cloud):
    """Asks as another cloud does, and remembers what it asked to be written."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud.reach, cloud.credentials)
        self.writes: list[str] = []

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        if operation.startswith(_WRITES):
            said = parameters.get("QueryString", "").split(" LIMIT")[0]
            self.writes.append(f"{service}:{operation} {said}".strip())
        return super().call(service, operation, **parameters)


def literal(entry: Any, account: str) -> Any:
    """A rendered template's value as CloudFormation resolves it."""
    match entry:
        case {"Ref": "AWS::AccountId"}:
            return account
        case {"Fn::Sub": str(text)}:
            return text.replace("${AWS::AccountId}", account).replace("${!", "${")
        case _:
            return entry


@dataclass
class Lake:
    """The lake; ``silos`` are administrators of those that have been made."""

    endpoint: LocalEndpoint
    management: Cloud
    rooms: Rooms
    units: dict[str, str]
    silos: dict[str, Cloud] = field(default_factory=dict)

    @functools.cached_property
    def analytics(self) -> Cloud:
        """The runner of analytics, with the policies that ``analytics_base`` gives it."""
        admin = self.join("analytics", "analytics")
        account = admin.account
        template = render_template(self.rooms, "analytics_base", self.ground)["Resources"]["Runner"]["Properties"]
        role = json.loads(json.dumps(template), object_hook=lambda entry: literal(entry, account))
        trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        admin.call("iam", "create_role", Path=role["Path"], RoleName="runner", AssumeRolePolicyDocument=document)
        for policy in role["Policies"]:
            admin.call(
                "iam",
                "put_role_policy",
                RoleName="runner",
                PolicyName=policy["PolicyName"],
                PolicyDocument=json.dumps(policy["PolicyDocument"]),
            )
        results = self.bucket("analytics", "results")
        admin.call("s3", "create_bucket", Bucket=results)
        settings = {
            "EnforceWorkGroupConfiguration": True,
            "ResultConfiguration": {"OutputLocation": f"s3://{results}/athena/"},
        }
        admin.call("athena", "create_work_group", Name="lake", Configuration=settings)
        for database in ("cross_silo", "cross_silo_sources"):
            admin.call("glue", "create_database", DatabaseInput={"Name": database})
        return sign_in(self.endpoint, "analytics", "runner")

    @property
    def organization(self) -> Organization:
        return read_organization(self.management)

    @property
    def ground(self) -> Ground:
        found = self.organization
        return Ground(found.root, dict(found.units), {each.name: each.id for each in found.accounts.values()})

    def bucket(self, account: str, zone: str) -> str:
        return self.rooms.settings.bucket(self.organization.account(account).id, zone)

    def join(self, name: str, unit: str, **tags: str) -> Cloud:
        """An account is made and moved into a unit."""
        tagged = [{"Key": key, "Value": value} for key, value in tags.items()]
        status = self.management.call(
            "organizations", "create_account", AccountName=name, Email=f"{name}@example.com", Tags=tagged
        )["CreateAccountStatus"]
        while status["State"] == "IN_PROGRESS":
            time.sleep(0.02)
            status = self.management.call(
                "organizations", "describe_create_account_status", CreateAccountRequestId=status["Id"]
            )["CreateAccountStatus"]
        assert status["State"] == "SUCCEEDED", status
        self.move(name, unit)
        return sign_in(self.endpoint, name, "OrganizationAccountAccessRole")

    def move(self, name: str, unit: str) -> None:
        account = self.organization.account(name)
        self.management.call(
            "organizations",
            "move_account",
            AccountId=account.id.text,
            SourceParentId=account.path.text.rstrip("/").rsplit("/", 1)[1],
            DestinationParentId=self.units[unit],
        )

    def make_silo(self, name: str, **tags: str) -> None:
        """A silo with its processed bucket and catalog, both shared as the rooms' policies share them."""
        admin = self.silos[name] = self.join(name, "silos", **tags)
        bucket, account = self.bucket(name, "processed"), self.organization.account(name).id
        admin.call("s3", "create_bucket", Bucket=bucket)
        policy = render_policy(self.rooms, "processed_zone.bucket", self.ground, account)
        admin.call("s3", "put_bucket_policy", Bucket=bucket, Policy=policy)
        admin.call("glue", "create_database", DatabaseInput={"Name": "processed"})
        for contract in self.rooms.contracts.values():
            table = glue_table(contract, "processed", f"s3://{bucket}/{contract.name}/")
            admin.call("glue", "create_table", DatabaseName="processed", TableInput=table)
        shared = render_policy(self.rooms, "silo_catalog.glue", self.ground, account)
        admin.call("glue", "put_resource_policy", PolicyInJson=shared, EnableHybrid="TRUE")

    def fill(self, silo: str, product: str, lines: str, name: str = "one") -> None:
        """Rows of a product, as a pipeline would have promoted them."""
        contract = self.rooms.contracts[product]
        checked = check_csv(io.BytesIO(lines.encode()), contract)
        assert checked.is_good, checked.faults or checked.refused
        keys = [column.name for column in contract.partitions]
        values = [checked.good.column(key)[0].as_py() for key in keys]
        folder = "".join(f"{key}={value}/" for key, value in zip(keys, values, strict=True))
        body = io.BytesIO()
        pq.write_table(checked.good.drop_columns(keys), body)
        admin, bucket = self.silos[silo], self.bucket(silo, "processed")
        admin.call("s3", "put_object", Bucket=bucket, Key=f"{product}/{folder}{name}.parquet", Body=body.getvalue())
        if values:
            where = {"DatabaseName": "processed", "TableName": product}
            storage = admin.call("glue", "get_table", DatabaseName="processed", Name=product)["Table"]
            location = f"s3://{bucket}/{product}/{folder}"
            entry = {"Values": values, "StorageDescriptor": {**storage["StorageDescriptor"], "Location": location}}
            admin.call("glue", "batch_create_partition", **where, PartitionInputList=[entry])

    def publish(
        self, view: str = "delay_causes", rooms: Rooms | None = None, cloud: Cloud | None = None
    ) -> PublishReport:
        return cross_silo_views.publish(cloud or self.analytics, rooms or self.rooms, view, self.organization)

    def ask(self, sql: str) -> list[tuple[str | None, ...]]:
        return sorted(query(self.analytics, sql, workgroup="lake", database="cross_silo").rows, key=str)

    def partitions(self, table: str) -> dict[str, str]:
        found = self.analytics.pages(
            "glue", "get_partitions", "Partitions", DatabaseName="cross_silo_sources", TableName=table
        )
        return {each["Values"][0]: each["StorageDescriptor"]["Location"] for each in found}

    def with_view(self, **changes: Any) -> Rooms:
        """The rooms with the view said otherwise."""
        view: View = replace(self.rooms.views["delay_causes"], **changes)
        return replace(self.rooms, views={view.name: view})

    def with_contract(self, product: str, change: Any) -> Rooms:
        """The rooms with a contract that promises something else."""
        (pipeline,) = self.rooms.makers(product)
        contract: Contract = change(pipeline.contract)
        assert pipeline.promise is not None
        changed = replace(pipeline, promise=replace(pipeline.promise, contract=contract))
        return replace(self.rooms, pipelines={**self.rooms.pipelines, pipeline.name: changed})
