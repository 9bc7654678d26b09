"""Schedules and their groups.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_Scheduler.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from silolake.localcloud.engines.cloudformation.types.kinds import (
    Act,
    Part,
    ResourceType,
    answering_id,
    asks,
    found_by,
    removed_by,
    tag_pairs,
)
from silolake.localcloud.engines.cloudformation.types.shapes import TAGS
from silolake.localcloud.errors import AwsError

_GONE = ("ResourceNotFoundException",)
_TARGET = {
    "Arn!": str,
    "RoleArn!": str,
    "Input": str,
    "RetryPolicy": {"MaximumEventAgeInSeconds": int, "MaximumRetryAttempts": int},
}


def _put(operation: str) -> Callable[[Act], None]:
    def ask(act: Act) -> None:
        dates = {name: _moment(act.wanted[name]) for name in ("StartDate", "EndDate") if name in act.wanted}
        act.ask(operation, {**act.wanted, **dates, "Name": act.physical_id})

    return ask


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise AwsError("ValidationException", f"{text!r} is no date and time; write 2026-11-29T06:00:00Z") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


SCHEDULE = ResourceType(
    name="AWS::Scheduler::Schedule",
    shape={
        "Name": str,
        "GroupName": str,
        "Description": str,
        "ScheduleExpression!": str,
        "ScheduleExpressionTimezone": str,
        "StartDate": str,
        "EndDate": str,
        "State": str,
        "FlexibleTimeWindow!": {"Mode!": str, "MaximumWindowInMinutes": int},
        "Target!": _TARGET,
    },
    identify=lambda act: act.name("Name", 64),
    create=answering_id(_put("scheduler:CreateSchedule")),
    update=_put("scheduler:UpdateSchedule"),
    find=found_by(asks("scheduler:GetSchedule", "GroupName", Name="@id"), *_GONE),
    delete=removed_by(asks("scheduler:DeleteSchedule", "GroupName", Name="@id"), *_GONE),
    attributes=lambda act: {
        "Arn": f"arn:aws:scheduler:{act.region}:{act.account}:schedule/"
        f"{act.wanted.get('GroupName', 'default')}/{act.physical_id}"
    },
    attribute_names=("Arn",),
    replaced_by=("Name", "GroupName"),
)


def _group_arn(act: Act) -> str:
    return f"arn:aws:scheduler:{act.region}:{act.account}:schedule-group/{act.physical_id}"


def _tag(act: Act) -> None:
    put, gone = tag_pairs(act)
    if put:
        act.ask("scheduler:TagResource", {"ResourceArn": _group_arn(act), "Tags": put})
    if gone:
        act.ask("scheduler:UntagResource", {"ResourceArn": _group_arn(act), "TagKeys": gone})


def _attributes(act: Act) -> dict[str, Any]:
    found = act.ask("scheduler:GetScheduleGroup", {"Name": act.physical_id})
    times = {name: found[name].isoformat() for name in ("CreationDate", "LastModificationDate")}
    return {"Arn": found["Arn"], "State": found["State"], **times}


SCHEDULE_GROUP = ResourceType(
    name="AWS::Scheduler::ScheduleGroup",
    shape={"Name": str, "Tags": TAGS},
    identify=lambda act: act.name("Name", 64),
    create=answering_id(asks("scheduler:CreateScheduleGroup", "Tags", Name="@id")),
    find=found_by(asks("scheduler:GetScheduleGroup", Name="@id"), *_GONE),
    delete=removed_by(asks("scheduler:DeleteScheduleGroup", Name="@id"), *_GONE),
    parts=(Part(("Tags",), _tag),),
    made_with=("Tags",),
    attributes=_attributes,
    attribute_names=("Arn", "CreationDate", "LastModificationDate", "State"),
    replaced_by=("Name",),
    has_tags=True,
)
