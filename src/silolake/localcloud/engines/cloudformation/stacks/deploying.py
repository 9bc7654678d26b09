"""One resource of one stack: made, changed, replaced, restored, removed; each journaled before and after.

Before an operation is asked, what is intended is committed; so that after a ``kill -9`` what was asked for and what was
answered can be told apart, and the same operation is never asked twice with two results.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from silolake.localcloud.engines.cloudformation.stacks.records import Resource
from silolake.localcloud.engines.cloudformation.stacks.site import Site, breakdowns_told, name_token
from silolake.localcloud.engines.cloudformation.types import TYPES
from silolake.localcloud.engines.cloudformation.types.kinds import Act, ResourceType
from silolake.localcloud.engines.cloudformation.types.shapes import PropertiesInvalid, at, changed
from silolake.localcloud.errors import AwsError

_RUNNING = {"create": "CREATE_IN_PROGRESS", "update": "UPDATE_IN_PROGRESS", "replace": "UPDATE_IN_PROGRESS"}
_DONE = {"create": "CREATE_COMPLETE", "update": "UPDATE_COMPLETE", "replace": "UPDATE_COMPLETE"}
_FAILED = {"create": "CREATE_FAILED", "update": "UPDATE_FAILED", "replace": "UPDATE_FAILED"}


class ResourceFailed(Exception):
    """A resource could not be made what it shall be; it has been noted why."""

    def __init__(self, logical_id: str, reason: str) -> None:
        super().__init__(logical_id, reason)
        self.logical_id, self.reason = logical_id, reason


def deploy(site: Site, logical_id: str) -> None:
    """Make one resource what the template says, from wherever an earlier attempt left it. Writes.

    Raises:
        ResourceFailed: it could not be.
    """
    resource = site.resources.get(logical_id)
    if resource is None or resource.work != site.work.id or resource.is_gone:
        resource = _intend(site, logical_id, None if resource is None or resource.is_gone else resource)
    if resource.work == site.work.id and resource.stage != "done":
        _carry_out(site, resource)


def _intend(site: Site, logical_id: str, current: Resource | None) -> Resource:
    """Decide what is to be done, and commit that before it is."""
    declared = site.deployment.resources[logical_id]
    type_ = TYPES[declared.type]
    fresh = Resource(
        logical_id=logical_id,
        type=declared.type,
        physical_id="",
        status="",
        properties={},
        needs=tuple(sorted(site.deployment.dependencies(logical_id))),
        deletion_policy=declared.deletion_policy,
        work=site.work.id,
        name_token=name_token(),
    )
    try:
        with breakdowns_told(declared.type):
            fresh = replace(fresh, properties=site.properties(logical_id))
            if current is None:
                return _intend_new(site, type_, fresh)
            return _intend_change(site, type_, current, fresh)
    except (AwsError, PropertiesInvalid) as error:
        action = "create" if current is None else "update"
        failed = replace(fresh, action=action, stage="intended")
        if current is not None:
            failed = replace(
                failed, physical_id=current.physical_id, properties=current.properties, before=current.kept()
            )
        raise _fail(site, failed, error) from error


def _intend_new(site: Site, type_: ResourceType, fresh: Resource) -> Resource:
    act = site.act(fresh)
    physical_id = type_.identify(act)
    kept = _retained(site, fresh.type, fresh.logical_id, physical_id)
    if kept is not None and type_.find(act.as_(kept["physical_id"])):
        adopted = replace(
            fresh, physical_id=kept["physical_id"], action="create", stage="made", is_adopted=True,
            before={**fresh.kept(), "physical_id": kept["physical_id"], "properties": json.loads(kept["properties"])},
        )  # fmt: skip
        return _commit_intent(site, adopted, "Adopting the resource that a stack of this name retained")
    if physical_id and _is_taken(type_, act.as_(physical_id)):
        raise _exists(fresh.type, physical_id)
    return _commit_intent(site, replace(fresh, physical_id=physical_id, action="create", stage="intended"))


def _intend_change(site: Site, type_: ResourceType, current: Resource, fresh: Resource) -> Resource:
    if current.properties == fresh.properties:
        same = replace(current, needs=fresh.needs, deletion_policy=fresh.deletion_policy)
        if same != current:
            same = replace(same, action="keep", stage="done", work=site.work.id, before=current.kept())
            with site.journal() as connection:
                site.put(connection, same, silent=True)
        return same
    names = list(changed(current.properties, fresh.properties))
    if not needs_replacement(type_, current.properties, fresh.properties):
        return _commit_intent(
            site,
            replace(
                fresh, physical_id=current.physical_id, attributes=current.attributes, action="update", stage="made",
                name_token=current.name_token, is_adopted=current.is_adopted, before=current.kept(),
            ),
        )  # fmt: skip
    physical_id = type_.identify(site.act(fresh))
    if physical_id and physical_id == current.physical_id:
        message = (
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
            f"Rename {physical_id} and update the stack again ({', '.join(names)} cannot change in place)."
        )
        raise AwsError("ValidationError", message)
    if physical_id and _is_taken(type_, site.act(fresh).as_(physical_id)):
        raise _exists(fresh.type, physical_id)
    reason = "Requested update requires the creation of a new physical resource; hence creating one."
    intent = replace(fresh, physical_id=physical_id, action="replace", stage="intended", before=current.kept())
    return _commit_intent(site, intent, reason)


def needs_replacement(type_: ResourceType, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a change of properties needs a new resource."""
    return any(at(before, path) != at(after, path) for path in type_.replaced_by)


def _commit_intent(site: Site, resource: Resource, reason: str = "") -> Resource:
    with site.journal() as connection:
        return site.put(connection, replace(resource, status=_RUNNING[resource.action], reason=reason))


def _is_taken(type_: ResourceType, act: Act) -> bool:
    """Whether the name is already somebody's. Where that may not be read, the making of it will tell."""
    try:
        return bool(type_.find(act))
    except AwsError as error:
        if error.status == 403 or error.code.startswith("AccessDenied"):
            return False
        raise


def _exists(type_name: str, physical_id: str) -> AwsError:
    return AwsError("AlreadyExists", f"Resource of type '{type_name}' with identifier '{physical_id}' already exists.")


def _retained(site: Site, type_name: str, logical_id: str, physical_id: str) -> sqlite3.Row | None:
    """What a stack of this name kept of this resource; one without a name is known by its logical id alone."""
    query = (
        "SELECT * FROM cfn_retained WHERE account = ? AND region = ? AND stack_name = ? AND type = ? AND logical_id = ?"
    )
    values = [site.stack.account, site.stack.region, site.stack.name, type_name, logical_id]
    if physical_id:
        query, values = query + " AND physical_id = ?", [*values, physical_id]
    with site.cloud.store.read() as connection:
        row: sqlite3.Row | None = connection.execute(query + " ORDER BY rowid DESC", values).fetchone()
    return row


def _carry_out(site: Site, resource: Resource) -> None:
    type_ = TYPES[resource.type]
    try:
        with breakdowns_told(resource.type):
            if resource.stage == "intended":
                resource = _make(site, type_, resource)
            _shape(site, type_, resource)
            attributes = type_.attributes(site.act(resource))
    except AwsError as error:
        raise _fail(site, resource, error) from error
    with site.journal() as connection:
        site.put(
            connection,
            replace(resource, attributes=attributes, stage="done", status=_DONE[resource.action], reason=""),
        )
        forget_retained(connection, site, resource)


def _make(site: Site, type_: ResourceType, resource: Resource) -> Resource:
    act = site.act(resource)
    # Before this was intended there was no such resource; if there is one now, an attempt that was cut short made it.
    found = "" if not _was_cut_short(site, resource) else type_.find(act)
    physical_id = found or type_.create(act)
    made = replace(resource, physical_id=physical_id, stage="made")
    if type_.parts or physical_id != resource.physical_id:
        with site.journal() as connection:
            return site.put(connection, replace(made, reason="Resource creation Initiated"))
    return made


def _was_cut_short(site: Site, resource: Resource) -> bool:
    return resource.logical_id in site.cut_short


def _shape(site: Site, type_: ResourceType, resource: Resource) -> None:
    """Bring a resource that is there to what is wanted: what has changed, or, of an adopted one, everything."""
    is_new = resource.action in ("create", "replace") and not resource.is_adopted
    before = {} if is_new or resource.before is None else resource.before["properties"]
    is_cut_short = _was_cut_short(site, resource)
    act = site.act(
        resource, before=before, is_forced=is_cut_short or (resource.action == "create" and resource.is_adopted)
    )
    if is_new and not is_cut_short:
        made_with = {key: value for key, value in resource.properties.items() if key in type_.made_with}
        act = replace(act, before=made_with)
    bring(type_, act, is_new=is_new)


def bring(type_: ResourceType, act: Act, *, is_new: bool) -> None:
    """Change a resource from ``act.before`` to ``act.wanted``. Writes.

    Raises:
        AwsError: an operation was refused.
    """
    names = {name for name in changed(act.before, act.wanted) if act.wanted.get(name) or act.before.get(name)}
    if act.is_forced:
        names |= act.wanted.keys()
    in_parts = {name for part in type_.parts for name in part.properties}
    if type_.update is not None and not is_new and names - in_parts:
        type_.update(act)
    for part in type_.parts:
        if names & set(part.properties):
            part.apply(act)


def _fail(site: Site, resource: Resource, error: AwsError | PropertiesInvalid) -> ResourceFailed:
    reason = reason_of(resource.logical_id, error)
    # What was never made must not be removed later: a name that was taken is somebody else's resource.
    is_ours = resource.stage != "intended" or resource.action == "update"
    physical_id = resource.physical_id if is_ours else ""
    with site.journal() as connection:
        site.put(connection, replace(resource, physical_id=physical_id, status=_FAILED[resource.action], reason=reason))
    return ResourceFailed(resource.logical_id, reason)


def reason_of(logical_id: str, error: AwsError | PropertiesInvalid) -> str:
    """Why a resource failed, as its event says it."""
    if isinstance(error, PropertiesInvalid):
        return f"Properties validation failed for resource {logical_id} with message:{error}"
    if error.code == "ValidationError":
        return error.message
    return f'Resource handler returned message: "{error.message}" (HandlerErrorCode: {error.code})'


def forget_retained(connection: sqlite3.Connection, site: Site, resource: Resource) -> None:
    """A resource that belongs to a stack again is no longer a retained one. Writes."""
    connection.execute(
        "DELETE FROM cfn_retained WHERE account = ? AND region = ? AND stack_name = ? AND type = ? AND logical_id = ?",
        (site.stack.account, site.stack.region, site.stack.name, resource.type, resource.logical_id),
    )


def remember_retained(connection: sqlite3.Connection, site: Site, resource: Resource) -> None:
    """Note that a resource outlives its stack, so that a later stack of the same name may take it up. Writes."""
    connection.execute(
        "INSERT OR REPLACE INTO cfn_retained VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            site.stack.account, site.stack.region, resource.type, resource.physical_id,
            site.stack.name, resource.logical_id, json.dumps(resource.properties),
        ),
    )  # fmt: skip


def restore(site: Site, resource: Resource) -> None:
    """Bring a changed resource back to what it was before the work. Writes.

    Raises:
        AwsError: an operation was refused.
    """
    if resource.before is None:
        return
    before = Resource.from_kept(resource.before)
    if resource.action == "update" and resource.stage != "intended":
        act = site.act(
            resource, wanted=before.properties, before=resource.properties, is_forced=resource.stage != "done"
        )
        with breakdowns_told(resource.type):
            bring(TYPES[resource.type], act, is_new=False)


def remove(site: Site, resource: Resource) -> None:
    """Delete the resource that a stack made. Writes.

    Raises:
        AwsError: it was refused; the resource is still there.
    """
    if resource.physical_id:
        with breakdowns_told(resource.type):
            TYPES[resource.type].delete(site.act(resource))
