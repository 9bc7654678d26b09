"""The steps of publishing performed: each looks first, and writes only what is not so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, assert_never

from silolake.cloud import Cloud
from silolake.cloud.answers import covers
from silolake.cloud.queries import query
from silolake.contracts import glue_table
from silolake.cross_silo_views.sources import SILO, answer_of, published_sql
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
from silolake.errors import CloudError, UnknownName
from silolake.model import AccountId
from silolake.rooms import Rooms, View
from silolake.sql import SqlRefused, decode_view, parse_query

WORKGROUP = "lake"

# https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html and its kin
_MOST_PUT, _MOST_DELETED = 100, 25


def apply_step(step: ViewStep, cloud: Cloud, rooms: Rooms) -> None:
    """Perform one step; doing it again changes nothing. Writes.

    Args:
        step: which.
        cloud: the runner of analytics.
        rooms: the workspace's.

    Raises:
        CloudError: Glue did not take it.
        QueryFailed: Athena did not take the view.
    """
    perform(step, cloud, rooms)


def perform(step: ViewStep, cloud: Cloud, rooms: Rooms) -> bool:
    """As ``apply_step``; tells whether anything had to be written. Writes."""
    match step:
        case PutSourceTable():
            return _put_table(step, cloud, rooms)
        case PutSourcePartitions():
            return _put_partitions(step, cloud)
        case CreateView(name):
            if name not in rooms.views:
                raise UnknownName("view", name, tuple(sorted(rooms.views)))
            return _create_view(rooms.views[name], cloud, rooms)
        case DropView(name):
            return _drop(cloud, VIEWS, name)
        case DropSourceTable(name):
            return _drop(cloud, SOURCES, name)
        case _:
            assert_never(step)


def source_table(step: PutSourceTable, rooms: Rooms, analytics: AccountId) -> dict[str, Any]:
    """A source's table, as Glue takes it. Pure."""
    # Every partition has a location of its own; the table's is a folder of analytics where nothing lies.
    bucket = rooms.settings.bucket(analytics, "results")
    made = glue_table(rooms.contracts[step.product], "processed", f"s3://{bucket}/{SOURCES}/{step.table}/")
    keys = [{"Name": SILO, "Type": "string", "Comment": "the silo that a row lives in"}]
    return made | {"Name": step.table, "PartitionKeys": keys}


def _put_table(step: PutSourceTable, cloud: Cloud, rooms: Rooms) -> bool:
    wanted = source_table(step, rooms, AccountId(cloud.account))
    present = _table(cloud, SOURCES, step.table)
    if present is None:
        with _tolerating("AlreadyExistsException"):
            cloud.call("glue", "create_table", DatabaseName=SOURCES, TableInput=wanted)
        return True
    if covers(present, wanted):
        return False
    cloud.call("glue", "update_table", DatabaseName=SOURCES, TableInput=wanted)
    return True


def _put_partitions(step: PutSourcePartitions, cloud: Cloud) -> bool:
    storage = cloud.call("glue", "get_table", DatabaseName=SOURCES, Name=step.table)["Table"]["StorageDescriptor"]
    wanted = {silo: {**storage, "Location": location} for silo, location in step.locations}
    listed = cloud.pages("glue", "get_partitions", "Partitions", DatabaseName=SOURCES, TableName=step.table)
    present = {each["Values"][0]: each["StorageDescriptor"] for each in listed}
    made = [_partition(silo, wanted[silo]) for silo in wanted if silo not in present]
    moved = [
        {"PartitionValueList": [silo], "PartitionInput": _partition(silo, wanted[silo])}
        for silo in wanted
        if silo in present and not covers(present[silo], wanted[silo])
    ]
    gone = [{"Values": [silo]} for silo in present if silo not in wanted]
    where = {"DatabaseName": SOURCES, "TableName": step.table}
    for some in _some(made, _MOST_PUT):
        answer = cloud.call("glue", "batch_create_partition", **where, PartitionInputList=some)
        _raise_errors("glue:batch_create_partition", answer, "AlreadyExistsException")
    for some in _some(moved, _MOST_PUT):
        answer = cloud.call("glue", "batch_update_partition", **where, Entries=some)
        _raise_errors("glue:batch_update_partition", answer)
    for some in _some(gone, _MOST_DELETED):
        answer = cloud.call("glue", "batch_delete_partition", **where, PartitionsToDelete=some)
        _raise_errors("glue:batch_delete_partition", answer, "EntityNotFoundException")
    return bool(made or moved or gone)


def _partition(silo: str, storage: Mapping[str, Any]) -> dict[str, Any]:
    return {"Values": [silo], "StorageDescriptor": dict(storage)}


def _create_view(view: View, cloud: Cloud, rooms: Rooms) -> bool:
    sql = published_sql(view)
    present = _table(cloud, VIEWS, view.name)
    if present is not None and is_view(present, view, rooms):
        return False
    query(cloud, f'CREATE OR REPLACE VIEW {VIEWS}."{view.name}" AS\n{sql}', workgroup=WORKGROUP, database=VIEWS)
    return True


def is_view(present: Mapping[str, Any], view: View, rooms: Rooms) -> bool:
    """Whether a view says what is wanted, by its query's meaning: Athena keeps the text in a form of its own.

    The types it promised count too: a view whose sources have changed theirs is stale until it is made again.
    """
    try:
        kept = decode_view(present.get("ViewOriginalText") or "")
        says_the_same = parse_query(kept.sql) == parse_query(published_sql(view))
    except SqlRefused:
        return False
    promised = tuple((column.name.lower(), str(column.type)) for column in kept.columns)
    wanted = tuple((column.name.lower(), str(column.type)) for column in answer_of(view, rooms.contracts).columns)
    return says_the_same and promised == wanted


def _drop(cloud: Cloud, database: str, name: str) -> bool:
    if _table(cloud, database, name) is None:
        return False
    with _tolerating("EntityNotFoundException"):
        cloud.call("glue", "delete_table", DatabaseName=database, Name=name)
    return True


def _table(cloud: Cloud, database: str, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = cloud.call("glue", "get_table", DatabaseName=database, Name=name)["Table"]
    except CloudError as error:
        if error.code != "EntityNotFoundException":
            raise
        return None
    return found


def _some(entries: Sequence[dict[str, Any]], most: int) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(entries), most):
        yield list(entries[start : start + most])


def _raise_errors(operation: str, answer: Mapping[str, Any], tolerated: str = "") -> None:
    for fault in answer.get("Errors", []):
        said = fault["ErrorDetail"]
        if said["ErrorCode"] != tolerated:
            raise CloudError(operation, said["ErrorCode"], said.get("ErrorMessage", ""))


class _tolerating:
    """An error that says another has done it already."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        return isinstance(error, CloudError) and error.code == self._code
