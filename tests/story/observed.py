"""What a lake is now, asked at the API, with names in the place of ids: equal for lakes that are in the same state."""

from __future__ import annotations

import json
import re
from typing import Any

from silolake.cloud import Cloud
from silolake.cloud.organization import Organization
from silolake.cloud.queries import query

from .small_lakes import SmallLake

ADMINISTRATOR = "OrganizationAccountAccessRole"
ZONES = ("drop", "raw", "processed", "quarantine")
_EXECUTION = re.compile(r"(stacksets-exec-)[0-9a-f]{32}")
_TYPES = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")


def observe(lake: SmallLake) -> dict[str, Any]:
    """Everything that provisioning, enrolling, delivering and publishing leave behind.

    What differs between two lakes of the same state is left out or named: ids, times, which attempt did it, and the
    order of what is listed.
    """
    organization = lake.organization
    management = lake.as_("management", "Administrator")
    found: dict[str, Any] = {
        "accounts": _accounts(management, organization),
        "units": sorted(organization.units),
        "guard rails": _guard_rails(management),
        "stack sets": _stack_sets(lake.as_("platform", "runner")),
        "in accounts": {
            name: _account(lake.as_(name, ADMINISTRATOR))
            for name in sorted(organization.accounts)
            if name != "management"
        },
        "analytics knows": _data_catalogs(lake.as_("analytics", ADMINISTRATOR)),
        "silos": {
            each.name: _silo(lake.as_(each.name, ADMINISTRATOR), lake.bucket(each.name, ""))
            for each in organization.below("silos")
        },
        "applied": _applied(lake),
        "view": view_rows(lake),
    }
    return dict(_named(found, organization))


def bootstrapped(lake: SmallLake) -> dict[str, Any]:
    """Everything that bootstrapping leaves behind, in the same way."""
    organization, management = lake.organization, lake.as_("management", "Administrator")
    policy = management.call("organizations", "describe_resource_policy")["ResourcePolicy"]["Content"]
    delegated = management.pages("organizations", "list_delegated_administrators", "DelegatedAdministrators")
    trusted = management.pages("organizations", "list_aws_service_access_for_organization", "EnabledServicePrincipals")
    (root,) = management.call("organizations", "list_roots")["Roots"]
    found = {
        "accounts": _accounts(management, organization),
        "units": sorted(organization.units),
        "guard rails": _guard_rails(management),
        "policy types": sorted(each["Type"] for each in root["PolicyTypes"]),
        "trusted": sorted(each["ServicePrincipal"] for each in trusted),
        "delegated": sorted(each["Name"] for each in delegated),
        "delegation": json.loads(policy),
        "stack sets": _stack_sets(lake.as_("platform", "runner")),
        "in management": sorted(each["RoleName"] for each in management.pages("iam", "list_roles", "Roles")),
        "in platform": _account(lake.as_("platform", ADMINISTRATOR)),
    }
    return dict(_named(found, organization))


def _named(found: Any, organization: Organization) -> Any:
    """The same with names for the ids of accounts, units, root and organization."""
    text = json.dumps(found, sort_keys=True, default=str)
    known = {each.id.text: f"<{name}>" for name, each in organization.accounts.items()}
    known |= {path.text.rstrip("/").rsplit("/", 1)[1]: f"<unit {name}>" for name, path in organization.units.items()}
    known |= {organization.root_id: "<root>", organization.id: "<organization>"}
    for given, name in known.items():
        text = text.replace(given, name)
    return _sorted(json.loads(text))


def _sorted(value: Any) -> Any:
    """The same, lists of things in an order that ids and times have no part in; a thing's own parts stay in theirs."""
    if isinstance(value, dict):
        return {name: _sorted(each) for name, each in value.items()}
    if isinstance(value, list) and all(isinstance(each, (dict, list)) for each in value):
        return sorted((_sorted(each) for each in value), key=json.dumps)
    return value


def _accounts(management: Cloud, organization: Organization) -> list[Any]:
    """Every account there is, a second one of the same name included."""
    listed = management.pages("organizations", "list_accounts", "Accounts")
    units = {each.id.text: organization.units_of(each) for each in organization.accounts.values()}
    return [
        [each["Name"], each["Email"], each["Status"], units.get(each["Id"], "not found by its name")] for each in listed
    ]


def _guard_rails(management: Cloud) -> list[Any]:
    found = []
    for kind in _TYPES:
        for policy in management.pages("organizations", "list_policies", "Policies", Filter=kind):
            content = management.call("organizations", "describe_policy", PolicyId=policy["Id"])["Policy"]["Content"]
            targets = management.pages("organizations", "list_targets_for_policy", "Targets", PolicyId=policy["Id"])
            found.append([policy["Name"], json.loads(content), sorted(each["Name"] for each in targets)])
    return found


def _stack_sets(platform: Cloud) -> dict[str, Any]:
    as_delegate = {"CallAs": "DELEGATED_ADMIN"}
    found = {}
    for each in platform.pages("cloudformation", "list_stack_sets", "Summaries", Status="ACTIVE", **as_delegate):
        name = each["StackSetName"]
        about = platform.call("cloudformation", "describe_stack_set", StackSetName=name, **as_delegate)["StackSet"]
        instances = platform.pages(
            "cloudformation", "list_stack_instances", "Summaries", StackSetName=name, **as_delegate
        )
        found[name] = {
            "body": json.loads(about["TemplateBody"]),
            "instances": [
                [one["Account"], one["Status"], one["StackInstanceStatus"]["DetailedStatus"]] for one in instances
            ],
        }
    return found


def _account(cloud: Cloud) -> dict[str, Any]:
    """What stands in one account; what an interrupted deployment would have left there twice."""
    stacks = cloud.pages("cloudformation", "describe_stacks", "Stacks")
    return {
        "stacks": [
            # A stack set's stack is called StackSet-<its name>-<an id>.
            [each["StackName"].removeprefix("StackSet-")[:-37], each["StackStatus"], _resources(cloud, each["StackId"])]
            for each in stacks
        ],
        "buckets": sorted(each["Name"] for each in cloud.call("s3", "list_buckets")["Buckets"]),
        "roles": sorted(
            each["Path"] + _EXECUTION.sub(r"\1…", each["RoleName"])
            for each in cloud.pages("iam", "list_roles", "Roles")
        ),
        "aliases": sorted(each["AliasName"] for each in cloud.pages("kms", "list_aliases", "Aliases")),
        "keys": len(list(cloud.pages("kms", "list_keys", "Keys"))),
        "workgroups": sorted(each["Name"] for each in cloud.pages("athena", "list_work_groups", "WorkGroups")),
        "catalog": {
            database["Name"]: {
                table["Name"]: _table(cloud, table)
                for table in cloud.pages("glue", "get_tables", "TableList", DatabaseName=database["Name"])
            }
            for database in cloud.pages("glue", "get_databases", "DatabaseList")
        },
    }


def _resources(cloud: Cloud, stack: str) -> list[Any]:
    listed = cloud.pages("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=stack)
    return [[each["LogicalResourceId"], each["ResourceType"], each["ResourceStatus"]] for each in listed]


def _table(cloud: Cloud, table: dict[str, Any]) -> dict[str, Any]:
    partitions = cloud.pages(
        "glue", "get_partitions", "Partitions", DatabaseName=table["DatabaseName"], TableName=table["Name"]
    )
    return {
        "columns": [[each["Name"], each["Type"]] for each in table.get("StorageDescriptor", {}).get("Columns", ())],
        "partitioned by": [each["Name"] for each in table.get("PartitionKeys", ())],
        "partitions": [[each["Values"], each["StorageDescriptor"]["Location"]] for each in partitions],
    }


def _data_catalogs(analytics: Cloud) -> list[Any]:
    listed = analytics.pages("athena", "list_data_catalogs", "DataCatalogsSummary")
    return [[each["CatalogName"], each["Type"]] for each in listed]


def _silo(cloud: Cloud, prefix: str) -> dict[str, Any]:
    """A silo's catalog policy, what lies in its zones, its receipts, and how many rows each product has."""
    policy = json.loads(cloud.call("glue", "get_resource_policy")["PolicyInJson"])
    objects = {}
    for zone in ZONES:
        listed = cloud.pages("s3", "list_objects_v2", "Contents", Bucket=prefix + zone)
        objects[zone] = [[each["Key"], each["Size"]] for each in listed]
    products = [each["Name"] for each in cloud.pages("glue", "get_tables", "TableList", DatabaseName="processed")]
    return {
        "catalog policy": policy["Statement"],
        "objects": objects,
        "receipts": [
            json.loads(cloud.call("s3", "get_object", Bucket=prefix + "quarantine", Key=key)["Body"].read())
            for key, _ in objects["quarantine"]
            if key.startswith("receipts/") and key.endswith(".json")
        ],
        "rows": {name: rows_of(cloud, f'"processed"."{name}"') for name in products},
    }


def rows_of(cloud: Cloud, table: str) -> int:
    """How many rows a table has."""
    ((count,),) = query(cloud, f"SELECT count(*) FROM {table}", workgroup="lake").rows
    return int(count or 0)


def view_rows(lake: SmallLake) -> list[str]:
    """The rows of the view as analytics' analyst reads them, each as JSON."""
    analyst = lake.as_("analytics", "analyst")
    answer = query(analyst, "SELECT * FROM delay_causes", workgroup="lake", database="cross_silo")
    return sorted(json.dumps(dict(zip(answer.columns, row, strict=True))) for row in answer.rows)


def _applied(lake: SmallLake) -> list[Any]:
    """What is known to be applied: each thing once, at one digest."""
    listed = lake.as_("platform", "runner").pages(
        "s3", "list_objects_v2", "Contents", Bucket=lake.bucket("platform", "state"), Prefix="state/applied/"
    )
    return [each["Key"].split("/")[2:4] for each in listed]


def journal(lake: SmallLake) -> list[dict[str, Any]]:
    """Every run that the journal knows."""
    return list(json.loads(lake.silolake("runs", "list", "--limit", "1000", "--json").stdout))
