"""Silos' catalogs: shared with analytics as declared, registered there, and opened to nobody else.

https://docs.aws.amazon.com/athena/latest/ug/data-sources-glue-cross-account.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from silolake.cloud import Cloud
from silolake.cloud.organization import Organization
from silolake.errors import CloudError, Denied, WrongState
from silolake.model import Account, Finding
from silolake.provisioning.drift.accounts import as_auditor
from silolake.provisioning.drift.documents import canonical, grants_outside, told
from silolake.provisioning.enrolling import ANALYTICS, describe_catalog, statements_of
from silolake.provisioning.planning import SILOS
from silolake.rooms import Rooms

_OURS = "Lake"
_AT_ONCE = 8


def find_in_sharing(cloud: Cloud, rooms: Rooms, organization: Organization) -> tuple[Finding, ...]:
    """Catalog policies and registered catalogs that are not as enrolling leaves them. Reads only.

    Args:
        cloud: the platform's runner, which assumes each account's auditor.
        rooms: the workspace's.
        organization: the tree.
    """
    silos = organization.below(SILOS) if SILOS in organization.units else ()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        policies = list(pool.map(lambda silo: tuple(_policy(cloud, rooms, organization, silo)), silos))
    registered = tuple(_catalogs(cloud, organization, silos)) if ANALYTICS in organization.accounts else ()
    return (*(each for found in policies for each in found), *registered)


def _policy(cloud: Cloud, rooms: Rooms, organization: Organization, silo: Account) -> Iterator[Finding]:
    mended, arn = (f"enroll/{silo.name}",), f"{silo.id}:catalog"
    try:
        found = _statements(as_auditor(cloud, silo))
        wanted = statements_of(rooms, organization, silo)
    except (Denied, WrongState):
        return  # told already: its auditor cannot be assumed, or analytics is yet to come
    here = {str(each.get("Sid", "")): each for each in found}
    for each in wanted:
        sid = str(each["Sid"])
        if sid not in here:
            yield Finding("missing", silo.name, f"catalog policy: {sid}", told(each), "", mended, arn)
        elif canonical({"Statement": here[sid]}) != canonical({"Statement": each}):
            yield Finding("changed", silo.name, f"catalog policy: {sid}", told(each), told(here[sid]), mended, arn)
    ours = {str(each["Sid"]) for each in wanted}
    for each in found:
        sid = str(each.get("Sid", ""))
        if sid.startswith(_OURS) and sid not in ours:
            yield Finding("changed", silo.name, f"catalog policy: {sid}", "", told(each), mended, arn)
        elif not sid.startswith(_OURS) and grants_outside(each, silo.id.text):
            yield Finding("foreign", silo.name, "catalog policy: a way in", found=told(each), resource=arn)


def _statements(auditor: Cloud) -> list[dict[str, Any]]:
    try:
        listed = json.loads(auditor.call("glue", "get_resource_policy")["PolicyInJson"])["Statement"]
        return list(listed) if isinstance(listed, list) else [listed]
    except CloudError as error:
        if error.code == "EntityNotFoundException":
            return []
        raise


def _catalogs(cloud: Cloud, organization: Organization, silos: tuple[Account, ...]) -> Iterator[Finding]:
    try:
        analytics = as_auditor(cloud, organization.account(ANALYTICS))
        listed = analytics.pages("athena", "list_data_catalogs", "DataCatalogsSummary")
        names = {each["CatalogName"]: each["Type"] for each in listed}
    except Denied:
        return
    for silo in silos:
        mended, arn = (f"enroll/{silo.name}",), f"datacatalog/{silo.name}"
        if silo.name not in names:
            yield Finding("missing", ANALYTICS, f"registered catalog {silo.name}", silo.id.text, "", mended, arn)
            continue
        found = analytics.call("athena", "get_data_catalog", Name=silo.name)["DataCatalog"]
        points_to = found.get("Parameters", {}).get("catalog-id", "")
        if points_to != silo.id.text:
            what = f"registered catalog {silo.name}"
            yield Finding("changed", ANALYTICS, what, silo.id.text, points_to, mended, arn)
    here = {silo.name for silo in silos}
    for name, kind in sorted(names.items()):
        if name in here or name == "AwsDataCatalog":
            continue
        found = analytics.call("athena", "get_data_catalog", Name=name)["DataCatalog"]
        arn, about = f"datacatalog/{name}", f"{kind} {found.get('Parameters', {}).get('catalog-id', '')}".strip()
        if found.get("Description") != describe_catalog(name):
            yield Finding("foreign", ANALYTICS, f"registered catalog {name}", found=about, resource=arn)
