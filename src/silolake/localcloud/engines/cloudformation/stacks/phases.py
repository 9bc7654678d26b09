"""The phases of the work on a stack: forward, and back; each can be entered again wherever it was left.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html#cfn-stack-states
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from silolake.localcloud.engines.cloudformation.errors import invalid
from silolake.localcloud.engines.cloudformation.stacks import exports
from silolake.localcloud.engines.cloudformation.stacks.deploying import (
    ResourceFailed,
    deploy,
    reason_of,
    remember_retained,
    remove,
    restore,
)
from silolake.localcloud.engines.cloudformation.stacks.records import Resource, settle_wanted
from silolake.localcloud.engines.cloudformation.stacks.site import Site
from silolake.localcloud.engines.cloudformation.templates.functions import NO_VALUE
from silolake.localcloud.engines.cloudformation.templates.parameters import as_text
from silolake.localcloud.errors import AwsError


@dataclass(frozen=True)
class Leftover:
    """A resource that is no longer the stack's, and is to go; ``policy`` says whether it is deleted."""

    number: int
    resource: Resource
    policy: str


def forward(site: Site) -> None:
    """Make every resource what the template says; at the first that cannot be, turn back. Writes."""
    try:
        for logical_id in site.deployment.resources:
            deploy(site, logical_id)
        outputs = _outputs(site)
    except ResourceFailed as failure:
        verb = "create" if site.work.kind == "create" else "update"
        _turn_back(site, f"The following resource(s) failed to {verb}: [{failure.logical_id}]. ")
        return
    except AwsError as error:
        _turn_back(site, f"{error.message}. ")
        return
    try:
        _arrive(site, outputs)
    except AwsError as error:
        _turn_back(site, f"{error.message}. ")


def _arrive(site: Site, outputs: list[dict[str, str]]) -> None:
    is_update = site.work.kind == "update"
    with site.journal() as connection:
        exports.put(connection, site.stack, outputs)
        exports.keep_imports(connection, site.stack.id, site.imports)
        connection.execute("UPDATE cfn_stacks SET outputs = ? WHERE id = ?", (json.dumps(outputs), site.stack.id))
        settle_wanted(connection, site.stack.id, site.work.wanted)
        if not is_update:
            site.status(connection, "CREATE_COMPLETE")
            site.turn(connection, None)
            return
        _leave_old(site, connection)
        site.status(connection, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        site.turn(connection, replace(site.work, phase="cleanup"))


def _outputs(site: Site) -> list[dict[str, str]]:
    found = []
    for each in site.deployment.outputs:
        value = site.deployment.evaluate(each.value, site.known)
        if value is NO_VALUE or isinstance(value, list | dict):
            raise invalid(f"Template format error: Output {each.name} is malformed. Its Value must be a String")
        output = {"OutputKey": each.name, "OutputValue": as_text(value)}
        if each.description:
            output["Description"] = each.description
        if each.export is not None:
            output["ExportName"] = as_text(site.deployment.evaluate(each.export, site.known))
        found.append(output)
    return found


def _leave_old(site: Site, connection: sqlite3.Connection) -> None:
    """What the new template has no place for is left over."""
    for logical_id, resource in list(site.resources.items()):
        if logical_id not in site.deployment.resources:
            if not resource.is_gone:
                _leave(site, connection, resource, resource.deletion_policy)
            _drop(site, connection, logical_id)
        elif resource.work == site.work.id and resource.action == "replace" and resource.before is not None:
            declared = site.deployment.resources[logical_id]
            _leave(site, connection, Resource.from_kept(resource.before), declared.replace_policy)
            site.put(connection, replace(resource, action="create"), silent=True)


def _leave(site: Site, connection: sqlite3.Connection, resource: Resource, policy: str) -> None:
    connection.execute(
        "INSERT INTO cfn_leftovers (stack, resource, policy) VALUES (?, ?, ?)",
        (site.stack.id, json.dumps(resource.kept()), policy),
    )


def _drop(site: Site, connection: sqlite3.Connection, logical_id: str) -> None:
    connection.execute("DELETE FROM cfn_resources WHERE stack = ? AND logical_id = ?", (site.stack.id, logical_id))
    site.resources.pop(logical_id, None)


def _turn_back(site: Site, reason: str) -> None:
    with site.journal() as connection:
        if site.work.kind == "update":
            site.status(connection, "UPDATE_ROLLBACK_IN_PROGRESS", reason)
            site.turn(connection, replace(site.work, phase="rollback"))
        elif site.work.on_failure == "DO_NOTHING":
            site.status(connection, "CREATE_FAILED", reason)
            site.turn(connection, None)
        elif site.work.on_failure == "DELETE":
            site.status(connection, "DELETE_IN_PROGRESS", f"{reason}Delete requested by user.")
            site.turn(connection, replace(site.work, phase="rollback"))
        else:
            site.status(connection, "ROLLBACK_IN_PROGRESS", f"{reason}Rollback requested by user.")
            site.turn(connection, replace(site.work, phase="rollback"))


def rollback(site: Site) -> None:
    """Undo what the work did: of a creation everything, of an update what it touched. Writes."""
    if site.work.kind == "create":
        _roll_back_creation(site)
    else:
        _roll_back_update(site)


def _roll_back_creation(site: Site) -> None:
    failed = _remove_all(site, lambda resource: _policy_on_rollback(site, resource))
    is_deletion = site.work.on_failure == "DELETE"
    with site.journal() as connection:
        if failed:
            status = "DELETE_FAILED" if is_deletion else "ROLLBACK_FAILED"
            site.status(connection, status, f"The following resource(s) failed to delete: [{', '.join(failed)}]. ")
        else:
            exports.forget(connection, site.stack.id)
            site.status(connection, "DELETE_COMPLETE" if is_deletion else "ROLLBACK_COMPLETE")
        site.turn(connection, None)


def _policy_on_rollback(site: Site, resource: Resource) -> str:
    """What becomes of a resource that the failed work made.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
    """
    if resource.is_adopted:
        return "Retain"
    if resource.deletion_policy == "Retain" and site.work.keeps_on_rollback:
        return "Retain"
    return "Delete"


def _roll_back_update(site: Site) -> None:
    touched = [each for each in site.resources.values() if each.work == site.work.id]
    failed: list[str] = []
    for resource in reversed(in_order(touched)):
        try:
            restore(site, resource)
        except AwsError as error:
            failed.append(resource.logical_id)
            with site.journal() as connection:
                reason = reason_of(resource.logical_id, error)
                site.put(connection, replace(resource, status="UPDATE_FAILED", reason=reason))
            continue
        with site.journal() as connection:
            _put_back(site, connection, resource)
    with site.journal() as connection:
        if failed:
            reason = f"The following resource(s) failed to update: [{', '.join(failed)}]. "
            site.status(connection, "UPDATE_ROLLBACK_FAILED", reason)
            site.turn(connection, replace(site.work, phase="parked"))
            return
        site.status(connection, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        site.turn(connection, replace(site.work, phase="rollback_cleanup"))


def _put_back(site: Site, connection: sqlite3.Connection, resource: Resource) -> None:
    is_new = resource.before is None or (resource.action == "create" and resource.is_adopted)
    if (is_new or resource.action == "replace") and resource.physical_id:
        _leave(site, connection, resource, _policy_on_rollback(site, resource))
    if is_new or resource.before is None:
        _drop(site, connection, resource.logical_id)
        return
    before = Resource.from_kept(resource.before)
    site.put(
        connection,
        replace(before, status="UPDATE_COMPLETE", reason="", action="", work=""),
        silent=resource.action == "keep",
    )


def cleanup(site: Site) -> None:
    """Remove what is left over, and be done. Writes."""
    _clear_leftovers(site)
    final = "UPDATE_COMPLETE" if site.work.phase == "cleanup" else "UPDATE_ROLLBACK_COMPLETE"
    with site.journal() as connection:
        site.status(connection, final)
        site.turn(connection, None)


def _clear_leftovers(site: Site) -> None:
    with site.cloud.store.read() as connection:
        rows = connection.execute("SELECT * FROM cfn_leftovers WHERE stack = ? ORDER BY number", (site.stack.id,))
        left = {
            row["number"]: Leftover(row["number"], Resource.from_kept(json.loads(row["resource"])), row["policy"])
            for row in rows
        }
    order = in_order([replace(each.resource, work=str(each.number)) for each in left.values()])
    for resource in reversed(order):
        leftover = left[int(resource.work)]
        status, reason = _dispose(site, leftover.resource, leftover.policy)
        with site.journal() as connection:
            gone = replace(leftover.resource, status=status, reason=reason)
            if status == "DELETE_SKIPPED":
                remember_retained(connection, site, gone)
            site.tell(connection, gone)
            connection.execute("DELETE FROM cfn_leftovers WHERE number = ?", (leftover.number,))


def _dispose(site: Site, resource: Resource, policy: str) -> tuple[str, str]:
    """Delete a resource or keep it: the status it comes to, and why."""
    if policy.startswith("Retain") and resource.physical_id:
        return "DELETE_SKIPPED", ""
    try:
        remove(site, resource)
    except AwsError as error:
        return "DELETE_FAILED", reason_of(resource.logical_id, error)
    return "DELETE_COMPLETE", ""


def delete(site: Site) -> None:
    """Delete the stack: every resource but those that are to stay. Writes."""
    if refusal := exports.in_use(site.cloud.store, site.stack):
        with site.journal() as connection:
            site.status(connection, "DELETE_FAILED", f"Delete canceled. {refusal}")
            site.turn(connection, None)
        return
    _clear_leftovers(site)
    retain = site.work.retain
    failed = _remove_all(site, lambda each: "Retain" if each.logical_id in retain else each.deletion_policy)
    with site.journal() as connection:
        if failed:
            reason = f"The following resource(s) failed to delete: [{', '.join(failed)}]. "
            site.status(connection, "DELETE_FAILED", reason)
        else:
            exports.forget(connection, site.stack.id)
            site.status(connection, "DELETE_COMPLETE")
        site.turn(connection, None)


def _remove_all(site: Site, policy_of: Callable[[Resource], str]) -> list[str]:
    """Remove every resource, those first that others do not need; answers those that could not be."""
    failed: list[str] = []
    there = [each for each in site.resources.values() if not each.is_gone]
    needed_by = {
        each.logical_id: {other.logical_id for other in there if each.logical_id in other.needs} for each in there
    }
    for resource in reversed(in_order(there)):
        if needed_by[resource.logical_id] & set(failed):
            continue
        with site.journal() as connection:
            resource = site.put(connection, replace(resource, status="DELETE_IN_PROGRESS", reason=""))
        status, reason = _dispose(site, resource, policy_of(resource))
        with site.journal() as connection:
            if status == "DELETE_SKIPPED":
                remember_retained(connection, site, resource)
            site.put(connection, replace(resource, status=status, reason=reason))
        if status == "DELETE_FAILED":
            failed.append(resource.logical_id)
    return failed


def in_order(resources: Iterable[Resource]) -> list[Resource]:
    """Resources with what each needs before it; where they need one another in a circle, as they came."""
    left = list(resources)
    order: list[Resource] = []
    while left:
        waiting = {each.logical_id for each in left}
        ready = [each for each in left if not (set(each.needs) - {each.logical_id}) & waiting] or left[:1]
        order += ready
        left = [each for each in left if each not in ready]
    return order


PHASES: Mapping[str, Callable[[Site], Any]] = {
    "forward": forward,
    "rollback": rollback,
    "cleanup": cleanup,
    "rollback_cleanup": cleanup,
    "delete": delete,
}
