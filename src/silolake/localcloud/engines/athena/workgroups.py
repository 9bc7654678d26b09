"""Workgroups: where results go, and whether a query may say otherwise. ``primary`` is there from the beginning."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from silolake.localcloud.call import Access, AccessOf, Call
from silolake.localcloud.engines.athena.errors import bad_request
from silolake.localcloud.engines.athena.names import (
    PRIMARY,
    page_size,
    refuse_unplayed,
    required,
    s3_location,
    tags_of,
    workgroup_arn,
)
from silolake.localcloud.engines.athena.plays import PLAYS
from silolake.localcloud.errors import NotPlayed
from silolake.localcloud.paging import page

WORKGROUPS_PER_ACCOUNT = 1000
"""https://docs.aws.amazon.com/athena/latest/ug/service-limits.html"""

ENGINE = {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"}
_ENGINES = ("AUTO", "Athena engine version 3")
_NAME = re.compile(r"[a-zA-Z0-9._-]{1,128}")
_UNPLAYED = (
    "RequesterPaysEnabled",
    "AdditionalConfiguration",
    "ExecutionRole",
    "CustomerContentEncryptionConfiguration",
    "EnableMinimumEncryptionConfiguration",
    "IdentityCenterConfiguration",
    "QueryResultsS3AccessGrantsConfiguration",
    "MonitoringConfiguration",
    "EngineConfiguration",
)
_PRIMARY_CONFIGURATION = {
    "ResultConfiguration": {},
    "EnforceWorkGroupConfiguration": False,
    "PublishCloudWatchMetricsEnabled": False,
    "RequesterPaysEnabled": False,
    "EngineVersion": ENGINE,
}
LEAST_CUTOFF = 10_000_000


@dataclass(frozen=True, slots=True)
class WorkGroup:
    """A workgroup.

    Attributes:
        state: ``ENABLED`` or ``DISABLED``.
        configuration: by the API's names.
        created_at: ``None`` for a ``primary`` that nobody changed yet.
    """

    name: str
    state: str
    description: str
    configuration: Mapping[str, Any]
    created_at: datetime | None
    tags: Mapping[str, str]

    @property
    def is_enforced(self) -> bool:
        """Whether what a query says of its results is overridden."""
        return bool(self.configuration.get("EnforceWorkGroupConfiguration"))

    @property
    def results(self) -> Mapping[str, Any]:
        """Its ``ResultConfiguration``."""
        found: Mapping[str, Any] = self.configuration.get("ResultConfiguration") or {}
        return found


def find_workgroup(connection: sqlite3.Connection, account: str, region: str, name: str) -> WorkGroup:
    """A workgroup of an account. Reads only.

    Raises:
        AwsError: ``InvalidRequestException``, there is none.
    """
    row = connection.execute(
        "SELECT * FROM athena_workgroups WHERE account = ? AND region = ? AND name = ?", (account, region, name)
    ).fetchone()
    if row is not None:
        return _workgroup(row)
    if name == PRIMARY:
        return WorkGroup(PRIMARY, "ENABLED", "", _PRIMARY_CONFIGURATION, None, {})
    raise bad_request(f"WorkGroup {name} is not found.")


def on_workgroup(parameter: str = "WorkGroup") -> AccessOf:
    """The access of an operation in the workgroup that a parameter names; ``primary`` where it names none."""

    def access(call: Call) -> Iterable[Access]:
        return (_access(call, call.parameters.get(parameter) or PRIMARY),)

    return access


def access_in(call: Call, workgroup: str) -> tuple[Access, ...]:
    """The access of an operation on something in a workgroup."""
    return (_access(call, workgroup),)


def _access(call: Call, name: str) -> Access:
    with call.cloud.store.read() as connection:
        row = connection.execute(
            "SELECT tags FROM athena_workgroups WHERE account = ? AND region = ? AND name = ?",
            (call.account, call.region, name),
        ).fetchone()
    tags = json.loads(row["tags"]) if row else {}
    return Access(f"athena:{call.operation}", workgroup_arn(call, name), call.account, tags=tags)


def on_everything(call: Call) -> Iterable[Access]:
    """The access of an operation that has no resource."""
    return (Access(f"athena:{call.operation}", "*", call.account),)


@PLAYS("CreateWorkGroup", access=on_workgroup("Name"))
def create_work_group(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_CreateWorkGroup.html. Writes."""
    name = required(call.parameters, "Name")
    if not _NAME.fullmatch(name):
        raise bad_request(f"WorkGroup name {name} is not valid: 1 to 128 letters, digits and . _ -")
    given = call.parameters.get("Configuration") or {}
    configuration = {
        "EnforceWorkGroupConfiguration": True,
        "PublishCloudWatchMetricsEnabled": False,
        "RequesterPaysEnabled": False,
        **_checked(call, given),
        "EngineVersion": _engine(given),
    }
    with call.cloud.store.write() as connection:
        count, taken = connection.execute(
            "SELECT count(*), total(name = ?) FROM athena_workgroups WHERE account = ? AND region = ?",
            (name, call.account, call.region),
        ).fetchone()
        if taken or name == PRIMARY:
            raise bad_request("WorkGroup is already created")
        if count >= WORKGROUPS_PER_ACCOUNT:
            raise bad_request(f"An account has at most {WORKGROUPS_PER_ACCOUNT} workgroups.")
        description = call.parameters.get("Description") or ""
        workgroup = WorkGroup(
            name, "ENABLED", description, configuration, call.cloud.clock.now(), tags_of(call.parameters.get("Tags"))
        )
        _keep(connection, call, workgroup)
    return {}


@PLAYS("GetWorkGroup", access=on_workgroup())
def get_work_group(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_GetWorkGroup.html. Reads only."""
    with call.cloud.store.read() as connection:
        found = find_workgroup(connection, call.account, call.region, required(call.parameters, "WorkGroup"))
    shown = {
        "Name": found.name,
        "State": found.state,
        "Description": found.description,
        "Configuration": dict(found.configuration),
    }
    return {"WorkGroup": shown | ({"CreationTime": found.created_at} if found.created_at else {})}


@PLAYS("UpdateWorkGroup", access=on_workgroup())
def update_work_group(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_UpdateWorkGroup.html. Writes."""
    updates = call.parameters.get("ConfigurationUpdates") or {}
    with call.cloud.store.write() as connection:
        found = find_workgroup(connection, call.account, call.region, required(call.parameters, "WorkGroup"))
        configuration = {**found.configuration, **_checked(call, updates)}
        results = dict(found.results)
        for name, value in (updates.get("ResultConfigurationUpdates") or {}).items():
            if not name.startswith("Remove"):
                results[name] = value
            elif value:
                results.pop(name.removeprefix("Remove"), None)
        configuration["ResultConfiguration"] = _checked_results(call, results)
        if updates.get("RemoveBytesScannedCutoffPerQuery"):
            configuration.pop("BytesScannedCutoffPerQuery", None)
        if updates.get("EngineVersion"):
            configuration["EngineVersion"] = _engine(updates)
        changed = WorkGroup(
            found.name,
            call.parameters.get("State") or found.state,
            call.parameters.get("Description", found.description),
            configuration,
            found.created_at or call.cloud.clock.now(),
            found.tags,
        )
        _keep(connection, call, changed)
    return {}


@PLAYS("DeleteWorkGroup", access=on_workgroup())
def delete_work_group(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_DeleteWorkGroup.html. Writes."""
    name = required(call.parameters, "WorkGroup")
    if name == PRIMARY:
        raise bad_request("The primary workgroup cannot be deleted.")
    where = "account = ? AND region = ? AND workgroup = ?"
    place = (call.account, call.region, name)
    contents = ("athena_named_queries", "athena_prepared_statements", "athena_executions")
    with call.cloud.store.write() as connection:
        find_workgroup(connection, *place)
        for table in contents:
            if call.parameters.get("RecursiveDeleteOption"):
                connection.execute(f"DELETE FROM {table} WHERE {where}", place)
            elif connection.execute(f"SELECT 1 FROM {table} WHERE {where} LIMIT 1", place).fetchone():
                raise bad_request(f"WorkGroup {name} is not empty")
        connection.execute("DELETE FROM athena_workgroups WHERE account = ? AND region = ? AND name = ?", place)
    return {}


@PLAYS("ListWorkGroups", access=on_everything)
def list_work_groups(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_ListWorkGroups.html. Reads only."""
    with call.cloud.store.read() as connection:
        rows = connection.execute(
            "SELECT * FROM athena_workgroups WHERE account = ? AND region = ?", (call.account, call.region)
        ).fetchall()
        found = {row["name"]: _workgroup(row) for row in rows}
        found.setdefault(PRIMARY, find_workgroup(connection, call.account, call.region, PRIMARY))
    shown, token = paged(call, found.values(), 50)
    summaries = [
        {"Name": each.name, "State": each.state, "Description": each.description, "EngineVersion": ENGINE}
        | ({"CreationTime": each.created_at} if each.created_at else {})
        for each in shown
    ]
    return {"WorkGroups": summaries} | ({"NextToken": token} if token else {})


@PLAYS("ListEngineVersions", access=on_everything)
def list_engine_versions(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_ListEngineVersions.html. Reads only."""
    page_size(call, 10)
    return {"EngineVersions": [ENGINE, {**ENGINE, "SelectedEngineVersion": ENGINE["EffectiveEngineVersion"]}]}


def paged(call: Call, workgroups: Iterable[WorkGroup], limit: int) -> tuple[list[WorkGroup], str | None]:
    """One page of workgroups, by name."""
    try:
        return page(workgroups, lambda each: each.name, call.parameters.get("NextToken"), page_size(call, limit))
    except ValueError as error:
        raise bad_request("NextToken is not valid.") from error


def keep_tags(connection: sqlite3.Connection, call: Call, name: str, tags: Mapping[str, str]) -> None:
    """Replace a workgroup's tags. Writes."""
    found = find_workgroup(connection, call.account, call.region, name)
    created_at = found.created_at or call.cloud.clock.now()
    _keep(connection, call, WorkGroup(name, found.state, found.description, found.configuration, created_at, tags))


def _keep(connection: sqlite3.Connection, call: Call, workgroup: WorkGroup) -> None:
    created_at = workgroup.created_at or call.cloud.clock.now()
    connection.execute(
        "INSERT OR REPLACE INTO athena_workgroups VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            call.account,
            call.region,
            workgroup.name,
            workgroup.state,
            workgroup.description,
            json.dumps(workgroup.configuration),
            created_at.isoformat(),
            json.dumps(dict(workgroup.tags)),
        ),
    )


def _workgroup(row: sqlite3.Row) -> WorkGroup:
    return WorkGroup(
        row["name"],
        row["state"],
        row["description"],
        json.loads(row["configuration"]),
        datetime.fromisoformat(row["created_at"]),
        json.loads(row["tags"]),
    )


def _checked(call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
    """The plain settings of a configuration or of its updates."""
    refuse_unplayed(f"athena:{call.operation}", given, _UNPLAYED)
    for managed in ("ManagedQueryResultsConfiguration", "ManagedQueryResultsConfigurationUpdates"):
        if (given.get(managed) or {}).get("Enabled"):
            raise NotPlayed(f"athena:{call.operation} with {managed}")
    cutoff = given.get("BytesScannedCutoffPerQuery")
    if cutoff is not None and cutoff < LEAST_CUTOFF:
        raise bad_request(f"BytesScannedCutoffPerQuery must be at least {LEAST_CUTOFF}.")
    kept = {
        name: given[name]
        for name in ("EnforceWorkGroupConfiguration", "PublishCloudWatchMetricsEnabled", "BytesScannedCutoffPerQuery")
        if given.get(name) is not None
    }
    if given.get("ResultConfiguration"):
        kept["ResultConfiguration"] = _checked_results(call, given["ResultConfiguration"])
    return kept


def _checked_results(call: Call, results: Mapping[str, Any]) -> dict[str, Any]:
    if results.get("OutputLocation"):
        s3_location(results["OutputLocation"])
    check_encryption(call, results)
    return dict(results)


def check_encryption(call: Call, results: Mapping[str, Any]) -> None:
    """Refuse an encryption of results that cannot be.

    Raises:
        NotPlayed: ``CSE_KMS``.
        AwsError: ``InvalidRequestException``, a KMS encryption without a key.
    """
    encryption = results.get("EncryptionConfiguration") or {}
    if encryption.get("EncryptionOption") == "CSE_KMS":
        raise NotPlayed(f"athena:{call.operation} with CSE_KMS")
    if encryption.get("EncryptionOption") == "SSE_KMS" and not encryption.get("KmsKey"):
        raise bad_request("KmsKey is required with SSE_KMS.")


def _engine(given: Mapping[str, Any]) -> dict[str, str]:
    selected = (given.get("EngineVersion") or {}).get("SelectedEngineVersion") or "AUTO"
    if selected not in _ENGINES:
        raise NotPlayed(f"Athena's engine {selected}")
    return {**ENGINE, "SelectedEngineVersion": selected}
