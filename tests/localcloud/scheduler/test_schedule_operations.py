"""Schedules and groups: made, changed, found, removed; what is refused, and who may."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from house import allow, document, trusts
from timetable import STARTS, Timetable

from silolake.cloud import Cloud


def test_a_schedule_is_made_changed_found_and_removed(timetable: Timetable) -> None:
    arn = timetable.schedule("cron(0 6 * * ? *)", Description="one", ClientToken="t")
    assert arn == f"arn:aws:scheduler:us-east-1:{timetable.me.account}:schedule/default/nightly"
    assert timetable.schedule("cron(0 6 * * ? *)", ClientToken="t") == arn
    assert timetable.code("CreateSchedule", **timetable.asked("cron(0 6 * * ? *)")) == "ConflictException"
    shown = timetable.ask("GetSchedule", Name="nightly")
    assert (shown["State"], shown["ScheduleExpressionTimezone"], shown["Description"]) == ("ENABLED", "UTC", "one")
    assert shown["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    timetable.ask("UpdateSchedule", **timetable.asked("rate(5 days)", State="DISABLED"))
    shown = timetable.ask("GetSchedule", Name="nightly")
    assert (shown["ScheduleExpression"], shown["State"]) == ("rate(5 days)", "DISABLED")
    assert "Description" not in shown
    timetable.schedule("cron(0 6 * * ? *)", Name="other")
    listed = timetable.ask("ListSchedules", MaxResults=1)
    assert [each["Name"] for each in listed["Schedules"]] == ["nightly"]
    rest = timetable.ask("ListSchedules", NextToken=listed["NextToken"])
    assert [each["Name"] for each in rest["Schedules"]] == ["other"]
    assert [each["Name"] for each in timetable.ask("ListSchedules", State="ENABLED")["Schedules"]] == ["other"]
    assert [each["Name"] for each in timetable.ask("ListSchedules", NamePrefix="n")["Schedules"]] == ["nightly"]
    timetable.ask("DeleteSchedule", Name="nightly")
    for operation in ("GetSchedule", "DeleteSchedule"):
        assert timetable.code(operation, Name="nightly") == "ResourceNotFoundException"
    assert timetable.code("UpdateSchedule", **timetable.asked("rate(1 day)")) == "ResourceNotFoundException"


def test_groups_hold_schedules_and_take_them_along(timetable: Timetable) -> None:
    assert timetable.code("CreateSchedule", **timetable.asked("rate(1 day)", GroupName="lake")) == (
        "ResourceNotFoundException"
    )
    made = timetable.ask("CreateScheduleGroup", Name="lake", Tags=[{"Key": "lake", "Value": "nyc"}])
    arn = made["ScheduleGroupArn"]
    assert timetable.code("CreateScheduleGroup", Name="lake") == "ConflictException"
    timetable.schedule("cron(0 6 * * ? *)", GroupName="lake")
    timetable.schedule("cron(0 6 * * ? *)")
    assert [each["GroupName"] for each in timetable.ask("ListSchedules", GroupName="lake")["Schedules"]] == ["lake"]
    assert [each["Name"] for each in timetable.ask("ListScheduleGroups")["ScheduleGroups"]] == ["default", "lake"]
    assert timetable.ask("GetScheduleGroup", Name="lake")["State"] == "ACTIVE"
    timetable.ask("TagResource", ResourceArn=arn, Tags=[{"Key": "stage", "Value": "dev"}])
    timetable.ask("UntagResource", ResourceArn=arn, TagKeys=["lake"])
    assert timetable.ask("ListTagsForResource", ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "dev"}]
    timetable.ask("DeleteScheduleGroup", Name="lake")
    assert [each["GroupName"] for each in timetable.ask("ListSchedules")["Schedules"]] == ["default"]
    assert timetable.code("GetScheduleGroup", Name="lake") == "ResourceNotFoundException"
    assert timetable.code("DeleteScheduleGroup", Name="default") == "ValidationException"


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        ({"ScheduleExpression": "every day"}, "ValidationException", "write cron"),
        ({"ScheduleExpression": "cron(0 6 * * * *)"}, "ValidationException", "write ? for one of them"),
        ({"ScheduleExpressionTimezone": "Mars/Olympus"}, "ValidationException", "IANA"),
        ({"Name": "a b"}, "ValidationException", "Name"),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}}, "NotPlayed", "FLEXIBLE"),
        ({"KmsKeyArn": "arn:aws:kms:us-east-1:1:key/k"}, "NotPlayed", "KmsKeyArn"),
        (
            {"StartDate": datetime(2030, 1, 2, tzinfo=UTC), "EndDate": datetime(2030, 1, 1, tzinfo=UTC)},
            "ValidationException",
            "EndDate",
        ),
    ],
)
def test_what_a_schedule_cannot_be(timetable: Timetable, wrong: dict[str, Any], code: str, words: str) -> None:
    asked = {**timetable.asked("rate(1 day)"), **wrong}
    refused = timetable.house.refusal(timetable.me, "scheduler:CreateSchedule", **asked)
    assert refused is not None
    assert (refused.code, words in refused.message) == (code, True), refused.message
    assert timetable.ask("ListSchedules")["Schedules"] == []


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ({"Arn": "arn:aws:lambda:us-east-1:111111111111:function:f"}, "NotPlayed"),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"}, "NotPlayed"),
        ({"Arn": "arn:aws:sqs:us-east-1:111111111111:q", "SqsParameters": {"MessageGroupId": "a"}}, "NotPlayed"),
        ({"DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:111111111111:q"}}, "NotPlayed"),
        ({"Input": "{"}, "ValidationException"),
        ({"Input": "[]"}, "ValidationException"),
        ({"Input": "{}"}, "ValidationException"),
        ({"Input": '{"projectName": "ship"}'}, "ValidationException"),
        ({"Input": '{"ProjectName": "ship", "ProjectNam": "ship"}'}, "ValidationException"),
        ({"RetryPolicy": {"MaximumRetryAttempts": 186}}, "ValidationException"),
        ({"RetryPolicy": {"MaximumEventAgeInSeconds": 59}}, "ValidationException"),
        ({"RoleArn": "arn:aws:iam::999999999999:role/x"}, "AccessDeniedException"),
        ({"RoleArn": "@builder"}, "ValidationException"),
    ],
)
def test_what_a_target_cannot_be(timetable: Timetable, target: dict[str, Any], code: str) -> None:
    builder = f"arn:aws:iam::{timetable.me.account}:role/builder"
    told = json.loads(json.dumps(target).replace("@builder", builder))
    assert timetable.code("CreateSchedule", **timetable.asked("rate(1 day)", target=told)) == code


def test_a_role_is_handed_over_by_who_may_pass_it(timetable: Timetable) -> None:
    house = timetable.house
    maker = house.cloud.as_role(house.make_role(timetable.me, "maker", allow("scheduler:*")), "t")
    refused = house.refusal(maker, "scheduler:CreateSchedule", **timetable.asked("rate(1 day)"))
    assert refused is not None and "iam:PassRole" in refused.message
    mine = f"arn:aws:scheduler:us-east-1:{timetable.me.account}:schedule/default/nightly"
    reads = house.cloud.as_role(house.make_role(timetable.me, "reads", allow("scheduler:GetSchedule", mine)), "t")
    timetable.schedule("rate(1 day)", State="DISABLED")
    assert house.code(reads, "scheduler:GetSchedule", Name="nightly") == ""
    assert house.code(reads, "scheduler:GetSchedule", Name="other") == "AccessDeniedException"
    assert house.code(reads, "scheduler:DeleteSchedule", Name="nightly") == "AccessDeniedException"


def test_boto3_pages_and_is_told_what_is_wrong(management: Cloud) -> None:
    scheduler, iam = management.client("scheduler"), management.client("iam")
    trust = document(trusts({"Service": "scheduler.amazonaws.com"}))
    role = iam.create_role(RoleName="wire-scheduler", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    scheduler.create_schedule_group(Name="wire", Tags=[{"Key": "a", "Value": "b"}])
    for number in range(3):
        scheduler.create_schedule(
            Name=f"wire-{number}", GroupName="wire", ScheduleExpression="rate(30 days)", State="DISABLED",
            EndDate=datetime(2030, 1, 1, tzinfo=UTC), FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": STARTS, "RoleArn": role, "Input": '{"ProjectName": "none"}'},
        )  # fmt: skip
    pages = scheduler.get_paginator("list_schedules").paginate(GroupName="wire", PaginationConfig={"PageSize": 2})
    assert [each["Name"] for page in pages for each in page["Schedules"]] == ["wire-0", "wire-1", "wire-2"]
    shown = scheduler.get_schedule(Name="wire-0", GroupName="wire")
    assert shown["EndDate"] == datetime(2030, 1, 1, tzinfo=UTC)
    assert scheduler.list_tags_for_resource(ResourceArn=scheduler.get_schedule_group(Name="wire")["Arn"])["Tags"]
    scheduler.update_schedule(
        Name="wire-0", GroupName="wire", ScheduleExpression="rate(9 days)", State="DISABLED",
        FlexibleTimeWindow={"Mode": "OFF"}, Target=shown["Target"],
    )  # fmt: skip
    assert scheduler.get_schedule(Name="wire-0", GroupName="wire")["ScheduleExpression"] == "rate(9 days)"
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule(Name="none")
    with pytest.raises(scheduler.exceptions.ConflictException):
        scheduler.create_schedule_group(Name="wire")
    with pytest.raises(scheduler.exceptions.ValidationException, match="write cron"):
        scheduler.create_schedule(
            Name="x", ScheduleExpression="daily", FlexibleTimeWindow={"Mode": "OFF"}, Target=shown["Target"]
        )
    scheduler.delete_schedule(Name="wire-1", GroupName="wire")
    scheduler.delete_schedule_group(Name="wire")
