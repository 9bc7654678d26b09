"""Enrolling a silo: its catalog shared with analytics, registered there, and probed from there.

The platform's runner does it, acting as the silo's steward and as analytics' runner: no other account may assume a
role across accounts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from silolake.cloud import Cloud
from silolake.cloud.organization import Organization
from silolake.cloud.queries import query
from silolake.errors import CloudError, Denied, QueryFailed, StepFailed
from silolake.model import Account, digest
from silolake.plan import Plan, Planned
from silolake.provisioning.observing import ground_of
from silolake.provisioning.steps import (
    ProbeSilo,
    ProvisioningStep,
    PutCatalogPolicy,
    RegisterCatalog,
    RestorePartitions,
)
from silolake.provisioning.waiting import patiently
from silolake.rooms import Rooms
from silolake.rooms.render import render_policy

ANALYTICS = "analytics"
CATALOG_POLICY = "silo_catalog.glue"
WORKGROUP = "lake"
_OURS = "Lake"
_PATIENCE_S = 300.0


def enrolment_of(rooms: Rooms, organization: Organization, silo: Account) -> str:
    """The digest of everything that enrolling a silo reads; equal while nothing has to be done again. Pure."""
    policy = render_policy(rooms, CATALOG_POLICY, ground_of(organization), silo.id)
    return digest([silo.name, silo.id.text, policy, list(products_of(rooms, organization, silo))])


def products_of(rooms: Rooms, organization: Organization, silo: Account) -> tuple[str, ...]:
    """The products that pipelines make in a silo."""
    return tuple(sorted(each.product for each in rooms.making if each.targets.matches(silo, organization.units)))


def steps_of(rooms: Rooms, silo: str, products: tuple[str, ...]) -> tuple[ProvisioningStep, ...]:
    """What enrolling a silo does, in its order; the silo may be yet to come. Pure."""
    partitioned = tuple(each for each in products if rooms.contracts[each].partitions)
    restore = (RestorePartitions(silo, partitioned),) if partitioned else ()
    return PutCatalogPolicy(silo), RegisterCatalog(silo), *restore, ProbeSilo(silo, products)


def plan_enroll(rooms: Rooms, organization: Organization, silo: Account) -> Plan[ProvisioningStep]:
    """The steps that enroll a silo. Pure."""
    ground = enrolment_of(rooms, organization, silo)
    planned: list[Planned[ProvisioningStep]] = []
    for step in steps_of(rooms, silo.name, products_of(rooms, organization, silo)):
        after = (planned[-1].name,) if planned else ()
        planned.append(Planned(f"{type(step).__name__}/{silo.name}", step, ground, after))
    return Plan.of(planned)


def put_catalog_policy(cloud: Cloud, rooms: Rooms, organization: Organization, silo: str) -> None:
    """Put the lake's statements into a silo's catalog policy and keep the others. Writes.

    ``PutResourcePolicy`` replaces the document whole; the hash of what was read guards what another writes meanwhile.
    https://docs.aws.amazon.com/glue/latest/webapi/API_PutResourcePolicy.html
    """
    account = organization.account(silo)
    steward = _steward(cloud, account)
    present, condition = _present_policy(steward)
    merged = _merge(present, statements_of(rooms, organization, account))
    if present is None or merged != present["Statement"]:
        document = {"Version": "2012-10-17", "Statement": merged}
        steward.call("glue", "put_resource_policy", PolicyInJson=json.dumps(document), EnableHybrid="TRUE", **condition)


def statements_of(rooms: Rooms, organization: Organization, silo: Account) -> list[dict[str, Any]]:
    """The lake's statements in a silo's catalog policy. Pure.

    Raises:
        WrongState: a unit or an account that they name is yet to come.
    """
    wanted = json.loads(render_policy(rooms, CATALOG_POLICY, ground_of(organization), silo.id))
    return [_named(statement) for statement in wanted["Statement"]]


def _named(statement: Mapping[str, Any]) -> dict[str, Any]:
    sid = str(statement["Sid"])
    return {**statement, "Sid": sid if sid.startswith(_OURS) else _OURS + sid}


def _present_policy(steward: Cloud) -> tuple[dict[str, Any] | None, dict[str, str]]:
    try:
        found = steward.call("glue", "get_resource_policy")
    except CloudError as error:
        if error.code != "EntityNotFoundException":
            raise
        return None, {"PolicyExistsCondition": "NOT_EXIST"}
    return json.loads(found["PolicyInJson"]), {"PolicyHashCondition": found["PolicyHash"]}


def _merge(present: dict[str, Any] | None, ours: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Foreign statements in their order, then ours."""
    foreign = [each for each in (present or {}).get("Statement", []) if not str(each.get("Sid", "")).startswith(_OURS)]
    return [*foreign, *ours]


def register(cloud: Cloud, organization: Organization, silo: str) -> None:
    """Let analytics know a silo's catalog by the silo's name. Writes.

    https://docs.aws.amazon.com/athena/latest/ug/data-sources-glue-cross-account.html
    """
    account = organization.account(silo)
    analytics = _analytics(cloud, organization)
    settings: dict[str, Any] = {
        "Name": silo,
        "Type": "GLUE",
        "Description": describe_catalog(silo),
        "Parameters": {"catalog-id": account.id.text},
    }
    present = _registered(analytics, silo)
    if present is None:
        analytics.call("athena", "create_data_catalog", **settings)
    elif present.get("Parameters", {}).get("catalog-id") != account.id.text:
        analytics.call("athena", "update_data_catalog", **settings)


def describe_catalog(silo: str) -> str:
    """What a catalog that was registered here says of itself."""
    return f"the catalog of the silo {silo}"


def _registered(analytics: Cloud, silo: str) -> dict[str, Any] | None:
    listed = analytics.pages("athena", "list_data_catalogs", "DataCatalogsSummary")
    if not any(each["CatalogName"] == silo for each in listed):
        return None
    found: dict[str, Any] = analytics.call("athena", "get_data_catalog", Name=silo)["DataCatalog"]
    return found


def restore(cloud: Cloud, organization: Organization, silo: str, products: tuple[str, ...]) -> None:
    """Put the partitions that a silo's data has into its catalog, as the silo's own runner. Writes.

    https://docs.aws.amazon.com/athena/latest/ug/msck-repair-table.html
    """
    account = organization.account(silo)
    runner = cloud.as_role(f"arn:aws:iam::{account.id}:role/lake/run/runner", "enroll")
    for product in products:
        query(runner, f"MSCK REPAIR TABLE `{product}`", workgroup=WORKGROUP, database="processed")


def probe(cloud: Cloud, rooms: Rooms, organization: Organization, asked: tuple[str, tuple[str, ...]]) -> None:
    """Read each product of a silo from analytics, with patience: AWS applies a move of units after minutes. Reads only.

    Args:
        cloud: the platform's runner.
        rooms: the workspace's.
        organization: the tree.
        asked: the silo and its products.

    Raises:
        StepFailed: analytics still cannot read it when patience has ended.
    """
    silo, products = asked
    account = organization.account(silo)
    bucket = rooms.settings.bucket(account.id, "processed")

    def read() -> None:
        analytics = _analytics(cloud, organization)
        analytics.call("s3", "list_objects_v2", Bucket=bucket, MaxKeys=1)
        for product in products:
            query(
                analytics,
                f'SELECT * FROM "{silo}"."processed"."{product}" LIMIT 1',
                workgroup=WORKGROUP,
                database="default",
            )

    try:
        patiently(read, _PATIENCE_S if not cloud.reach.endpoint else 20.0, (Denied, QueryFailed))
    except (Denied, QueryFailed) as error:
        raise StepFailed(f"probe {silo}", str(error)) from error


def withdraw(cloud: Cloud, rooms: Rooms, organization: Organization, silo: str) -> None:
    """Unshare and unregister a silo's catalog; its data stays. Writes.

    A silo whose baseline is gone has no steward any more, and an account that left the organization has none of ours;
    then only the registration is left to remove.
    """
    analytics = _analytics(cloud, organization)
    if _registered(analytics, silo) is not None:
        analytics.call("athena", "delete_data_catalog", Name=silo)
    if silo not in organization.accounts:
        return
    try:
        steward = _steward(cloud, organization.account(silo))
    except Denied:
        return
    present, condition = _present_policy(steward)
    if present is None:
        return
    kept = _merge(present, [])
    if kept:
        document = {"Version": "2012-10-17", "Statement": kept}
        steward.call("glue", "put_resource_policy", PolicyInJson=json.dumps(document), EnableHybrid="TRUE", **condition)
    else:
        steward.call("glue", "delete_resource_policy", **condition)


def _steward(cloud: Cloud, account: Account) -> Cloud:
    return cloud.as_role(f"arn:aws:iam::{account.id}:role/lake/deploy/steward", "enroll")


def _analytics(cloud: Cloud, organization: Organization) -> Cloud:
    account = organization.account(ANALYTICS)
    return cloud.as_role(f"arn:aws:iam::{account.id}:role/lake/run/runner", "enroll")
