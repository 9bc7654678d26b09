"""Views, the tables they read and those tables' partitions, held against what publishing makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from silolake.cloud import Cloud
from silolake.cloud.answers import covers
from silolake.cloud.organization import Organization
from silolake.cross_silo_views.performing import is_view, source_table
from silolake.cross_silo_views.planning import plan_view
from silolake.cross_silo_views.sources import SILO
from silolake.cross_silo_views.steps import (
    SOURCES,
    VIEWS,
    CreateView,
    DropSourceTable,
    DropView,
    PutSourcePartitions,
    PutSourceTable,
    ViewStep,
)
from silolake.errors import CloudError
from silolake.model import Finding
from silolake.plan import Extra
from silolake.rooms import Rooms

ANALYTICS = "analytics"
_PRUNE = ("prune",)


@dataclass(frozen=True)
class Desk:
    """What views are held against.

    Attributes:
        cloud: analytics' auditor.
        rooms: the workspace's.
        organization: the tree.
        published: the views that were published, by the index of what was applied.
    """

    cloud: Cloud
    rooms: Rooms
    organization: Organization
    published: frozenset[str]


def find_in_views(desk: Desk) -> tuple[Finding, ...]:
    """Views, tables and partitions of the two cross-silo databases that are not as declared. Reads only."""
    tables, views = _tables(desk.cloud, SOURCES), _tables(desk.cloud, VIEWS)
    found: dict[str, Finding] = {}
    read: set[str] = set()
    for view in desk.rooms.views.values():
        mended = (f"publish/{view.name}",)
        for planned in plan_view(desk.rooms, view, desk.organization):
            match planned.step:
                case PutSourceTable() as step:
                    read.add(step.table)
                    found |= _keyed(_about_table(desk, step, tables, mended))
                case PutSourcePartitions() as step if step.table in tables:
                    found |= _keyed(_about_partitions(desk.cloud, step, tables[step.table], mended))
                case CreateView(name):
                    found |= _keyed(_about_view(desk, name, views, mended))
    foreign = (each for each in _undeclared(desk, views, tables, read) if isinstance(each, Finding))
    return (*found.values(), *foreign)


def find_extras(desk: Desk) -> tuple[Extra[ViewStep], ...]:
    """Views and tables that publishing made and no room needs any more. Reads only."""
    tables, views = _tables(desk.cloud, SOURCES), _tables(desk.cloud, VIEWS)
    read = {each.table for view in desk.rooms.views.values() for each in view.sources.values()}
    return tuple(each for each in _undeclared(desk, views, tables, read) if isinstance(each, Extra))


def _keyed(findings: Iterator[Finding]) -> dict[str, Finding]:
    """By what they are about, as two views may read one table."""
    return {each.what: each for each in findings}


def _about_table(
    desk: Desk, step: PutSourceTable, tables: Mapping[str, Any], mended: tuple[str, ...]
) -> Iterator[Finding]:
    what, arn = f"table {SOURCES}.{step.table}", f"table/{SOURCES}/{step.table}"
    if step.table not in tables:
        yield Finding("missing", ANALYTICS, what, f"the columns of {step.product}", "", mended, arn)
        return
    wanted, present = source_table(step, desk.rooms, desk.organization.account(ANALYTICS).id), tables[step.table]
    differing = [key for key in wanted if not covers(present.get(key), wanted[key])]
    if differing:
        told = f"the contract of {step.product}", f"another {', '.join(differing)}"
        yield Finding("changed", ANALYTICS, f"{what}: definition", *told, mended, arn)


def _about_partitions(
    cloud: Cloud, step: PutSourcePartitions, table: Mapping[str, Any], mended: tuple[str, ...]
) -> Iterator[Finding]:
    listed = cloud.pages("glue", "get_partitions", "Partitions", DatabaseName=SOURCES, TableName=step.table)
    present = {str(each["Values"][0]): each["StorageDescriptor"] for each in listed}
    wanted = {silo: {**table["StorageDescriptor"], "Location": place} for silo, place in step.locations}
    arn = f"table/{SOURCES}/{step.table}"
    for silo, storage in wanted.items():
        what = f"partition {silo} of {SOURCES}.{step.table}"
        if silo not in present:
            yield Finding("missing", ANALYTICS, what, storage["Location"], "", mended, arn)
        elif not covers(present[silo], storage):
            place = str(present[silo].get("Location", ""))
            told = place if place != storage["Location"] else "of another form"
            yield Finding("changed", ANALYTICS, what, storage["Location"], told, mended, arn)
    for silo in present:
        if silo not in wanted:
            place = str(present[silo].get("Location", ""))
            yield Finding("changed", ANALYTICS, f"partition {silo} of {SOURCES}.{step.table}", "", place, mended, arn)


def _about_view(desk: Desk, name: str, views: Mapping[str, Any], mended: tuple[str, ...]) -> Iterator[Finding]:
    what, arn = f"view {VIEWS}.{name}", f"table/{VIEWS}/{name}"
    if name not in views:
        yield Finding("missing", ANALYTICS, what, desk.rooms.views[name].sql_path, "", mended, arn)
    elif not is_view(views[name], desk.rooms.views[name], desk.rooms):
        yield Finding(
            "changed", ANALYTICS, f"{what}: query", desk.rooms.views[name].sql_path, "another query", mended, arn
        )


def _undeclared(
    desk: Desk, views: Mapping[str, Any], tables: Mapping[str, Any], read: set[str]
) -> Iterator[Finding | Extra[ViewStep]]:
    """What stands in the two databases though no view needs it: ours, if it was published; else somebody else's."""
    declared = {each.name for each in desk.rooms.views.values() if each.published == "partitioned_table"}
    for name in sorted(views.keys() - declared):
        what, arn = f"view {VIEWS}.{name}", f"table/{VIEWS}/{name}"
        if name in desk.published:
            yield Extra(Finding("extra", ANALYTICS, what, "", "published by us", _PRUNE, arn), DropView(name))
        else:
            yield Finding("foreign", ANALYTICS, what, found="never published by us", resource=arn)
    for name in sorted(tables.keys() - read):
        what, arn = f"table {SOURCES}.{name}", f"table/{SOURCES}/{name}"
        if is_ours(tables[name]):
            yield Extra(Finding("extra", ANALYTICS, what, "", "no view reads it", _PRUNE, arn), DropSourceTable(name))
        else:
            yield Finding("foreign", ANALYTICS, what, found="not made from a contract", resource=arn)


def is_ours(table: Mapping[str, Any]) -> bool:
    """Whether a table of the sources' database is one that publishing made: from a contract, partitioned by silo."""
    keys = [each["Name"] for each in table.get("PartitionKeys", ())]
    return "contract" in table.get("Parameters", {}) and keys == [SILO]


def _tables(cloud: Cloud, database: str) -> dict[str, Any]:
    try:
        listed = cloud.pages("glue", "get_tables", "TableList", DatabaseName=database)
        return {each["Name"]: each for each in listed}
    except CloudError as error:
        if error.code == "EntityNotFoundException":
            return {}  # the database itself is told as missing
        raise
