"""What is the lake's by its name or its tags, and declared no more.

None of it is taken away unless somebody says so. What is somebody else's is not among it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from silolake.cloud import Cloud
from silolake.errors import CloudError, Denied
from silolake.model import Account, Finding
from silolake.plan import Extra
from silolake.provisioning.drift.accounts import as_auditor
from silolake.provisioning.enrolling import ANALYTICS, describe_catalog
from silolake.provisioning.observing import Observed
from silolake.provisioning.planning import SILOS, prefix_of, rail_name, target_id_of, target_name
from silolake.provisioning.stack_sets import name_of
from silolake.provisioning.steps import (
    DeleteGuardRail,
    DeleteStackSet,
    DetachGuardRail,
    DropTable,
    ProvisioningStep,
    UnregisterCatalog,
)
from silolake.rooms import Rooms

PRUNE = ("prune",)
_DATABASES = ("raw", "processed")
ProvisioningExtra = Extra[ProvisioningStep]


def find_extras(cloud: Cloud, rooms: Rooms, observed: Observed) -> tuple[ProvisioningExtra, ...]:
    """Guard rails, their attachments, stack sets, catalogs and tables that are declared no more. Reads only.

    Args:
        cloud: the platform's runner, which assumes auditors.
        rooms: the workspace's.
        observed: the organization, its guard rails and stack sets.
    """
    return (
        *_guard_rails(rooms, observed),
        *_stack_sets(rooms, observed),
        *_catalogs(cloud, observed),
        *(each for silo in _silos(observed) for each in _tables(cloud, rooms, observed, silo)),
    )


def _extra(account: str, what: str, step: ProvisioningStep, found: str, resource: str) -> ProvisioningExtra:
    return Extra(Finding("extra", account, what, "", found, PRUNE, resource), step)


def _guard_rails(rooms: Rooms, observed: Observed) -> Iterator[ProvisioningExtra]:
    management = observed.organization.name_of(observed.organization.management.text)
    declared = {rail_name(rooms, rail): rail for rail in rooms.organization.guard_rails}
    for name, found in sorted(observed.guard_rails.items()):
        if name not in declared:
            held = ", ".join(target_name(observed, each) for each in sorted(found.targets))
            what = f"guard rail {name.removeprefix(prefix_of(rooms))}"
            yield _extra(management, what, DeleteGuardRail(name), f"attached to {held or 'nothing'}", found.id)
            continue
        rail = declared[name]
        wanted = {target_id_of(observed, target) for target in rail.targets}
        for target_id in sorted(found.targets - wanted):
            target = target_name(observed, target_id)
            what = f"attachment of the guard rail {rail.policy} to {target}"
            yield _extra(management, what, DetachGuardRail(rail.policy, target), "", found.id)


def _stack_sets(rooms: Rooms, observed: Observed) -> Iterator[ProvisioningExtra]:
    management = observed.organization.name_of(observed.organization.management.text)
    declared = {name_of(rooms, each.stack_set): each for each in rooms.organization.deployments}
    for name, found in sorted(observed.stack_sets.items()):
        if name in declared:
            wanted = {target_id_of(observed, unit) for unit in declared[name].units}
            for unit in (target_name(observed, each) for each in sorted(found.units - wanted)):
                yield _extra(management, f"stack set {name} in {unit}", DeleteStackSet(name, unit), "", name)
        else:
            held = sorted(observed.organization.name_of(account) for account in found.stacks)
            told = f"in {', '.join(held)}" if held else "in no account"
            yield _extra(management, f"stack set {name}", DeleteStackSet(name), told, name)


def _silos(observed: Observed) -> tuple[Account, ...]:
    return observed.organization.below(SILOS) if SILOS in observed.organization.units else ()


def _catalogs(cloud: Cloud, observed: Observed) -> Iterator[ProvisioningExtra]:
    if ANALYTICS not in observed.organization.accounts:
        return
    here = {silo.name for silo in _silos(observed)}
    try:
        analytics = as_auditor(cloud, observed.organization.account(ANALYTICS))
        listed = list(analytics.pages("athena", "list_data_catalogs", "DataCatalogsSummary"))
    except Denied:
        return  # told already, as a role that cannot be assumed
    for each in listed:
        name = str(each["CatalogName"])
        if name in here or name == "AwsDataCatalog":
            continue
        found = analytics.call("athena", "get_data_catalog", Name=name)["DataCatalog"]
        if found.get("Description") == describe_catalog(name):
            told = str(found.get("Parameters", {}).get("catalog-id", ""))
            what = f"registered catalog {name}"
            yield _extra(ANALYTICS, what, UnregisterCatalog(name), told, f"datacatalog/{name}")


def _tables(cloud: Cloud, rooms: Rooms, observed: Observed, silo: Account) -> Iterator[ProvisioningExtra]:
    """Tables that a contract made and no stack declares any more: the stack has retained them."""
    declared = {
        str(resource["Properties"]["TableInput"]["Name"])
        for stack_set in observed.stack_sets.values()
        if silo.id.text in stack_set.stacks
        for resource in stack_set.body["Resources"].values()
        if resource["Type"] == "AWS::Glue::Table"
    } | set(rooms.contracts)
    try:
        auditor = as_auditor(cloud, silo)
        for database in _DATABASES:
            for table in _listed(auditor, database):
                name = str(table["Name"])
                if name not in declared and "contract" in table.get("Parameters", {}):
                    place = str(table.get("StorageDescriptor", {}).get("Location", ""))
                    step = DropTable(silo.name, database, name, place)
                    arn = f"table/{database}/{name}"
                    yield _extra(silo.name, f"table {database}.{name}", step, f"over {place}", arn)
    except Denied:
        return


def _listed(auditor: Cloud, database: str) -> list[dict[str, Any]]:
    try:
        return list(auditor.pages("glue", "get_tables", "TableList", DatabaseName=database))
    except CloudError as error:
        if error.code == "EntityNotFoundException":
            return []
        raise
