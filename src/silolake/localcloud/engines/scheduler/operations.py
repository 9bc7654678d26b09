"""Schedules: made, changed, found, removed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from silolake import schedules
from silolake.localcloud.call import Call
from silolake.localcloud.engines.scheduler.access import named_arn, on_account, on_schedule, with_role
from silolake.localcloud.engines.scheduler.firing import ticker
from silolake.localcloud.engines.scheduler.groups import paged, require_group
from silolake.localcloud.engines.scheduler.plays import PLAYS
from silolake.localcloud.engines.scheduler.records import (
    DEFAULT,
    PRINCIPAL,
    Schedule,
    find_schedule,
    invalid,
    put_schedule,
    remove_schedule,
    schedules_where,
)
from silolake.localcloud.engines.scheduler.targets import check_target
from silolake.localcloud.engines.sts.services import assume_as_service
from silolake.localcloud.errors import AwsError, NotPlayed

_NAME = re.compile(r"[0-9a-zA-Z\-_.]{1,64}")
TARGETS = (
    "Targets played: pipelines, build projects, and the universal targets codebuild:startBuild and "
    "codepipeline:startPipelineExecution; flexible time windows and dead-letter queues are refused by name. "
    "Due times that passed while the local cloud was down, or that its clock jumped over, are invoked late and in "
    "order, unless they are older than MaximumEventAgeInSeconds. Refusals are not tried again; limits and breakdowns "
    "are. What became of each invocation is answered by the owner's door."
)


def _body(call: Call) -> dict[str, Any]:
    """A schedule as it is kept, from what a request says; what it does not say is as at first.

    Raises:
        AwsError: ``ValidationException``.
        NotPlayed: a way of scheduling that is not played.
    """
    asked = call.parameters
    if not _NAME.fullmatch(asked["Name"]):
        raise invalid(f"Name must match {_NAME.pattern}: {asked['Name']}")
    if asked["FlexibleTimeWindow"]["Mode"] != "OFF":
        raise NotPlayed(f"scheduler with FlexibleTimeWindow {asked['FlexibleTimeWindow']['Mode']}")
    if asked.get("KmsKeyArn"):
        raise NotPlayed("scheduler with KmsKeyArn")
    check_target(asked["Target"])
    zone = asked.get("ScheduleExpressionTimezone") or "UTC"
    try:
        schedules.parse(asked["ScheduleExpression"], zone)
    except ValueError as error:
        raise invalid(f"Invalid Schedule Expression {asked['ScheduleExpression']}. {error}") from error
    dates = {
        name: asked[name].isoformat() for name in ("StartDate", "EndDate") if isinstance(asked.get(name), datetime)
    }
    if len(dates) == 2 and asked["EndDate"] <= asked["StartDate"]:
        raise invalid("The EndDate must come after the StartDate")
    policy = {
        "MaximumEventAgeInSeconds": 86_400,
        "MaximumRetryAttempts": 185,
        **(asked["Target"].get("RetryPolicy") or {}),
    }
    return {
        "ScheduleExpression": asked["ScheduleExpression"],
        "ScheduleExpressionTimezone": zone,
        "State": asked.get("State") or "ENABLED",
        "ActionAfterCompletion": asked.get("ActionAfterCompletion") or "NONE",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {**asked["Target"], "RetryPolicy": policy},
        **({"Description": asked["Description"]} if asked.get("Description") else {}),
        **dates,
    }


def _check_role(call: Call, body: dict[str, Any]) -> None:
    """Scheduler takes no role that it cannot assume.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html#setting-up-execution-role
    """
    try:
        assume_as_service(call.cloud, PRINCIPAL, body["Target"]["RoleArn"], "AWSScheduler", named_arn(call))
    except AwsError as error:
        message = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
        raise invalid(message) from error


def _required(call: Call) -> Schedule:
    with call.cloud.store.read() as connection:
        found = find_schedule(connection, named_arn(call))
    if found is None:
        raise AwsError("ResourceNotFoundException", f"Schedule {call.parameters['Name']} does not exist.", 404)
    return found


@PLAYS("CreateSchedule", access=with_role, differs=TARGETS)
def create_schedule(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html"""
    body, now, arn = _body(call), call.cloud.clock.now(), named_arn(call)
    _check_role(call, body)
    group, token = call.parameters.get("GroupName") or DEFAULT, call.parameters.get("ClientToken", "")
    made = Schedule(arn, call.account, call.region, group, call.parameters["Name"], body, token, None, now, now)
    with call.cloud.store.write() as connection:
        require_group(call, group)
        present = find_schedule(connection, arn)
        if present and not (token and present.token == token):
            raise AwsError("ConflictException", f"Schedule {made.name} already exists.", 409)
        if not present:
            put_schedule(connection, replace(made, due_at=made.first_due()))
    ticker(call.cloud).wake()
    return {"ScheduleArn": arn}


@PLAYS("UpdateSchedule", access=with_role, differs="A rate without a StartDate begins anew, at once.")
def update_schedule(call: Call) -> dict[str, Any]:
    """What the request does not say is as at first.

    https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html
    """
    body = _body(call)
    _check_role(call, body)
    with call.cloud.store.write() as connection:
        changed = replace(_required(call), body=body, modified_at=call.cloud.clock.now())
        put_schedule(connection, replace(changed, due_at=changed.first_due()))
    ticker(call.cloud).wake()
    return {"ScheduleArn": changed.arn}


@PLAYS("GetSchedule", access=on_schedule)
def get_schedule(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/scheduler/latest/APIReference/API_GetSchedule.html"""
    return _required(call).shown()


@PLAYS("DeleteSchedule", access=on_schedule)
def delete_schedule(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/scheduler/latest/APIReference/API_DeleteSchedule.html"""
    with call.cloud.store.write() as connection:
        remove_schedule(connection, _required(call).arn)
    return {}


@PLAYS("ListSchedules", access=on_account)
def list_schedules(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/scheduler/latest/APIReference/API_ListSchedules.html"""
    asked = call.parameters
    with call.cloud.store.read() as connection:
        known = schedules_where(connection, "account = ? AND region = ?", call.account, call.region)
    found = [
        each
        for each in known
        if asked.get("GroupName", each.group) == each.group
        and each.name.startswith(asked.get("NamePrefix", ""))
        and asked.get("State", each.body["State"]) == each.body["State"]
    ]
    shown, more = paged(found, lambda each: each.arn, call)
    summaries = [
        {
            **{name: value for name, value in each.shown().items() if name in _SUMMARY},
            "Target": {"Arn": each.target["Arn"]},
        }
        for each in shown
    ]
    return {"Schedules": summaries, **more}


_SUMMARY = ("Arn", "Name", "GroupName", "State", "CreationDate", "LastModificationDate")
