"""Groups of schedules, and their tags. The default group is always there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from silolake.localcloud.call import Call
from silolake.localcloud.engines.iam.tags import as_list, as_mapping
from silolake.localcloud.engines.scheduler.access import on_account, on_group
from silolake.localcloud.engines.scheduler.plays import PLAYS
from silolake.localcloud.engines.scheduler.records import (
    DEFAULT,
    Group,
    find_group,
    group_arn,
    groups_of,
    invalid,
    put_group,
    remove_schedule,
    schedules_where,
)
from silolake.localcloud.errors import AwsError
from silolake.localcloud.paging import page

_ALWAYS = datetime(2022, 11, 10, tzinfo=UTC)
Entry = TypeVar("Entry")


def paged(found: list[Entry], key: Callable[[Entry], str], call: Call) -> tuple[list[Entry], dict[str, str]]:
    """A page of what is listed, and the token of the next.

    Raises:
        AwsError: ``ValidationException``; the token was never given out.
    """
    try:
        shown, token = page(found, key, call.parameters.get("NextToken"), int(call.parameters.get("MaxResults") or 100))
    except ValueError as error:
        raise invalid(str(error)) from error
    return shown, {"NextToken": token} if token else {}


def require_group(call: Call, name: str) -> Group:
    """A group that is there. Reads only.

    Raises:
        AwsError: ``ResourceNotFoundException``.
    """
    arn = group_arn(call.account, call.region, name)
    if name == DEFAULT:
        return Group(arn, call.account, call.region, name, {}, "", _ALWAYS, _ALWAYS)
    with call.cloud.store.read() as connection:
        found = find_group(connection, arn)
    if found is None:
        raise AwsError("ResourceNotFoundException", f"Schedule group {name} does not exist.", 404)
    return found


@PLAYS("CreateScheduleGroup", access=on_group)
def create_schedule_group(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateScheduleGroup.html"""
    name, token, now = call.parameters["Name"], call.parameters.get("ClientToken", ""), call.cloud.clock.now()
    arn = group_arn(call.account, call.region, name)
    made = Group(arn, call.account, call.region, name, as_mapping(call.parameters.get("Tags") or ()), token, now, now)
    with call.cloud.store.write() as connection:
        present = find_group(connection, arn)
        if name == DEFAULT or (present and not (token and present.token == token)):
            raise AwsError("ConflictException", f"Schedule group {name} already exists.", 409)
        if not present:
            put_group(connection, made)
    return {"ScheduleGroupArn": arn}


@PLAYS("GetScheduleGroup", access=on_group)
def get_schedule_group(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/scheduler/latest/APIReference/API_GetScheduleGroup.html"""
    return require_group(call, call.parameters["Name"]).shown()


@PLAYS("DeleteScheduleGroup", access=on_group, differs="Its schedules are gone at once; on AWS, in time.")
def delete_schedule_group(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/scheduler/latest/APIReference/API_DeleteScheduleGroup.html"""
    name = call.parameters["Name"]
    if name == DEFAULT:
        raise invalid("The default schedule group cannot be deleted.")
    with call.cloud.store.write() as connection:
        found = require_group(call, name)
        where = "account = ? AND region = ? AND group_name = ?"
        for schedule in schedules_where(connection, where, call.account, call.region, name):
            remove_schedule(connection, schedule.arn)
        connection.execute("DELETE FROM scheduler_groups WHERE arn = ?", (found.arn,))
    return {}


@PLAYS("ListScheduleGroups", access=on_account)
def list_schedule_groups(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/scheduler/latest/APIReference/API_ListScheduleGroups.html"""
    with call.cloud.store.read() as connection:
        known = [require_group(call, DEFAULT), *groups_of(connection, call.account, call.region)]
    found = [each for each in known if each.name.startswith(call.parameters.get("NamePrefix", ""))]
    shown, more = paged(found, lambda each: each.name, call)
    return {"ScheduleGroups": [each.shown() for each in shown], **more}


def _tagged(call: Call) -> Group:
    return require_group(call, call.parameters["ResourceArn"].rpartition("/")[2])


@PLAYS("TagResource", access=on_group)
def tag_resource(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/scheduler/latest/APIReference/API_TagResource.html"""
    with call.cloud.store.write() as connection:
        group = _tagged(call)
        put_group(connection, replace(group, tags={**group.tags, **as_mapping(call.parameters["Tags"])}))
    return {}


@PLAYS("UntagResource", access=on_group)
def untag_resource(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UntagResource.html"""
    with call.cloud.store.write() as connection:
        group = _tagged(call)
        kept = {key: value for key, value in group.tags.items() if key not in call.parameters["TagKeys"]}
        put_group(connection, replace(group, tags=kept))
    return {}


@PLAYS("ListTagsForResource", access=on_group)
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/scheduler/latest/APIReference/API_ListTagsForResource.html"""
    return {"Tags": as_list(_tagged(call).tags)}
