"""Schedules fire by the local cloud's clock: each due time once, as the schedule's role."""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from house import House, allow, document, trusts
from line import Line, build, source
from mortality import Killed, Mortal
from process import served
from timetable import STARTS, Timetable

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.scheduler import firing


def test_a_time_that_has_come_starts_one_build_as_the_schedules_role(timetable: Timetable) -> None:
    arn = timetable.schedule(timetable.at(hours=2))
    timetable.passes(hours=1)
    assert timetable.builds() == []
    timetable.passes(hours=1, seconds=1)
    (build,) = timetable.builds()
    timetable.passes(days=2)
    assert timetable.builds() == [build]
    (told,) = timetable.told(arn)
    assert (told["status"], told["attempts"]) == ("SUCCEEDED", 1)
    assert told["said"].endswith(build)
    (shown,) = timetable.ask("codebuild:BatchGetBuilds", ids=[build])["builds"]
    assert shown["initiator"] == f"starter/{told['id']}"


def test_a_rate_begins_at_once_and_goes_on(timetable: Timetable) -> None:
    timetable.schedule("rate(1 hour)")
    timetable.quiet()
    assert len(timetable.builds()) == 1
    timetable.passes(hours=1)
    assert len(timetable.builds()) == 2
    timetable.passes(hours=3)
    assert len(timetable.builds()) == 5


def test_a_cron_is_read_by_its_zones_wall_clock(timetable: Timetable) -> None:
    timetable.until_day_begins()
    timetable.schedule("cron(30 6 * * ? *)", ScheduleExpressionTimezone="Asia/Tokyo")
    timetable.passes(days=1)
    (due,) = timetable.due()
    assert due.endswith("T21:30")


def test_start_and_end_bound_what_is_due(timetable: Timetable) -> None:
    timetable.until_day_begins()
    midnight = timetable.now.replace(hour=0, minute=0, second=0, microsecond=0)
    bounds = {"StartDate": midnight + timedelta(hours=2), "EndDate": midnight + timedelta(hours=4)}
    timetable.schedule("cron(0 * * * ? *)", **bounds)
    timetable.schedule("rate(1 hour)", Name="rate", **bounds)
    timetable.passes(hours=12)
    assert [each[11:] for each in timetable.due()] == ["02:00", "02:00", "03:00", "03:00", "04:00", "04:00"]


def test_what_is_disabled_is_not_due_until_it_is_enabled(timetable: Timetable) -> None:
    timetable.until_day_begins()
    timetable.schedule("cron(0 * * * ? *)", State="DISABLED")
    timetable.passes(hours=3)
    assert timetable.due() == []
    timetable.ask("UpdateSchedule", **timetable.asked("cron(0 * * * ? *)", State="ENABLED"))
    timetable.passes(hours=1)
    assert len(timetable.due()) == 1
    timetable.ask("DeleteSchedule", Name="nightly")
    timetable.passes(hours=3)
    assert len(timetable.due()) == 1


def test_times_older_than_the_retry_policy_allows_are_told_and_not_invoked(timetable: Timetable) -> None:
    timetable.until_day_begins()
    timetable.schedule("cron(0 * * * ? *)", target={"RetryPolicy": {"MaximumEventAgeInSeconds": 7200}})
    timetable.passes(days=3, minutes=30)
    told = timetable.told()
    assert [each["status"] for each in told] == ["EXPIRED", "SUCCEEDED", "SUCCEEDED"]
    assert "older than MaximumEventAgeInSeconds" in told[0]["said"]


def test_a_schedule_that_is_over_is_removed_where_it_says_so(timetable: Timetable) -> None:
    timetable.schedule(timetable.at(minutes=5), ActionAfterCompletion="DELETE")
    timetable.schedule(timetable.at(minutes=5), Name="stays")
    timetable.passes(minutes=6)
    assert [each["Name"] for each in timetable.ask("ListSchedules")["Schedules"]] == ["stays"]
    assert len(timetable.builds()) == 2


def test_a_role_that_may_not_start_is_told_and_not_tried_again(timetable: Timetable) -> None:
    weak = timetable.house.make_role(
        timetable.me, "weak", allow("s3:*"), trust=document(trusts({"Service": "scheduler.amazonaws.com"}))
    )
    timetable.schedule(timetable.at(minutes=5), target={"RoleArn": weak})
    timetable.passes(hours=1)
    (told,) = timetable.told()
    assert (told["status"], told["attempts"]) == ("FAILED", 1)
    assert "not authorized to perform: codebuild:StartBuild" in told["said"]
    assert timetable.builds() == []


def test_a_role_that_no_longer_trusts_scheduler_fails_the_invocation(timetable: Timetable) -> None:
    timetable.schedule(timetable.at(minutes=5))
    elsewhere = document(trusts({"Service": "glue.amazonaws.com"}))
    timetable.ask("iam:UpdateAssumeRolePolicy", RoleName="starter", PolicyDocument=elsewhere)
    timetable.passes(minutes=6)
    assert [each["status"] for each in timetable.told()] == ["FAILED"]
    assert "sts:AssumeRole" in timetable.told()[0]["said"]


def test_a_limit_is_tried_again_until_it_gives_way(timetable: Timetable) -> None:
    timetable.ask(
        "codebuild:UpdateProject", name="ship", concurrentBuildLimit=1,
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: [sleep 300]}}\n"},
    )  # fmt: skip
    busy = timetable.ask("codebuild:StartBuild", projectName="ship")["build"]["id"]
    timetable.schedule(timetable.at(minutes=5))
    timetable.schedule(timetable.at(minutes=5), Name="once", target={"RetryPolicy": {"MaximumRetryAttempts": 1}})
    timetable.passes(minutes=5, seconds=1)
    first = {each["schedule"].rpartition("/")[2]: each for each in timetable.told()}
    assert first["nightly"]["status"] == "PENDING"
    assert "AccountLimitExceededException" in first["nightly"]["said"]
    timetable.passes(seconds=5)
    second = {each["schedule"].rpartition("/")[2]: each for each in timetable.told()}
    assert (second["once"]["status"], second["once"]["attempts"]) == ("FAILED", 2)
    timetable.ask("codebuild:StopBuild", id=busy)
    timetable.passes(minutes=5)
    assert {each["status"] for each in timetable.told()} == {"FAILED", "SUCCEEDED"}
    for each in timetable.builds():
        timetable.ask("codebuild:StopBuild", id=each)


def test_a_call_that_was_made_before_a_kill_is_not_made_again(
    timetable: Timetable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The build was started and committed; that it was, nobody heard."""
    real, calls = firing.invoke, []

    def lost(*asked: object) -> str:
        calls.append(real(*asked))  # type: ignore[arg-type]
        if len(calls) == 1:
            raise RuntimeError("the process is gone")
        return calls[-1]

    monkeypatch.setattr(firing, "invoke", lost)
    timetable.schedule(timetable.at(minutes=5))
    timetable.house.cloud.clock.advance(360)
    end = time.monotonic() + 10
    while not calls and time.monotonic() < end:
        time.sleep(0.01)
    timetable.house.cloud.close()
    again = timetable.house.cloud = LocalCloud(timetable.house.cloud.directory, "us-east-1")
    again.resume()
    timetable.quiet()
    assert len(calls) == 2
    assert len(timetable.builds()) == 1
    assert [each["status"] for each in timetable.told()] == ["SUCCEEDED"]


def _three_hours(directory: Path, allowed: int | None) -> tuple[Timetable, Mortal]:
    """A schedule of every hour, and three hours of a local cloud that commits so often and no more."""
    directory.mkdir()
    house = House(directory)
    timetable = Timetable(house, house.management).open()
    timetable.until_day_begins()
    timetable.schedule("cron(0 * * * ? *)")
    mortal = Mortal(house.cloud, allowed)
    house.cloud.clock.advance(timedelta(hours=3, minutes=30).total_seconds())
    end = time.monotonic() + 15
    while not mortal.is_dead and time.monotonic() < end:
        builds = [timetable.ask("codebuild:BatchGetBuilds", ids=[each])["builds"][0] for each in timetable.builds()]
        if len(timetable.due()) == 3 and all(each["buildComplete"] for each in builds):
            break
        time.sleep(0.01)
    return timetable, mortal


@pytest.mark.soak
def test_a_death_after_any_commit_loses_no_due_time_and_doubles_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sample of the commits, unless the whole campaign is asked for."""
    usual = threading.excepthook
    monkeypatch.setattr(threading, "excepthook", lambda told: None if told.exc_type is Killed else usual(told))
    timetable, mortal = _three_hours(tmp_path / "whole", None)
    timetable.house.cloud.close()
    every = range(1, mortal.commits)
    for allowed in every if os.environ.get("SILOLAKE_SOAK") == "whole" else every[2::11]:
        timetable, _ = _three_hours(tmp_path / str(allowed), allowed)
        timetable.house.cloud.close()
        timetable.house.cloud = LocalCloud(timetable.house.cloud.directory, "us-east-1")
        timetable.house.cloud.resume()
        timetable.quiet()
        assert [each[11:] for each in timetable.due()] == ["01:00", "02:00", "03:00"], (allowed, timetable.told())
        assert len(timetable.builds()) == 3, allowed
        timetable.house.cloud.close()


def test_what_fell_due_while_the_local_cloud_was_down_is_late_and_not_lost(tmp_path: Path) -> None:
    """A real process, killed; the clock is moved before it knows of anything."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [trusts({"Service": ["codebuild.amazonaws.com", "scheduler.amazonaws.com"]})],
    }
    with served(tmp_path) as local:
        cloud = local.management()
        iam = cloud.client("iam")
        role = iam.create_role(RoleName="both", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        iam.attach_role_policy(RoleName="both", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        cloud.client("codebuild").create_project(
            name="ship", serviceRole=role, artifacts={"type": "NO_ARTIFACTS"},
            source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: ['true']}}\n"},
            environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
        )  # fmt: skip
        soon = datetime.now(UTC) + timedelta(seconds=2)
        scheduler = cloud.client("scheduler")
        arn = scheduler.create_schedule(
            Name="soon", ScheduleExpression=f"at({soon:%Y-%m-%dT%H:%M:%S})", FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": STARTS, "RoleArn": role, "Input": '{"ProjectName": "ship"}'},
            StartDate=datetime(2026, 1, 1, tzinfo=UTC),
        )["ScheduleArn"]  # fmt: skip
        shown = scheduler.get_schedule(Name="soon")
        assert (shown["Arn"], shown["StartDate"]) == (arn, datetime(2026, 1, 1, tzinfo=UTC))
        local.kill()
        while datetime.now(UTC) < soon + timedelta(seconds=0.5):
            time.sleep(0.05)
        endpoint = local.up()
        end = time.monotonic() + 15
        while not (told := endpoint.ask("POST", "invocations", arn=arn)) or told[0]["status"] == "PENDING":
            assert time.monotonic() < end
            time.sleep(0.05)
        assert [each["status"] for each in told] == ["SUCCEEDED"]
        builds = local.management().client("codebuild").list_builds_for_project(projectName="ship")["ids"]
        assert len(builds) == 1


def test_a_pipeline_is_started_by_its_arn(house: House) -> None:
    """The second leg: a schedule in the silo starts its pipeline."""
    timetable = Timetable(house, house.management).open()
    house.ask(house.management, "iam:DeleteRolePolicy", RoleName="builder", PolicyName="rights")
    house.ask(house.management, "iam:DeleteRole", RoleName="builder")
    house.ask(house.management, "codebuild:DeleteProject", name="ship")
    line = Line(house, house.management).open().open_code()
    line.create([source()], [build(out=[])])
    pipeline = f"arn:aws:codepipeline:us-east-1:{line.me.account}:leg"
    timetable.schedule(timetable.at(minutes=5), target={"Arn": pipeline, "Input": ""})
    universal = "arn:aws:scheduler:::aws-sdk:codepipeline:startPipelineExecution"
    timetable.schedule(timetable.at(minutes=9), Name="two", target={"Arn": universal, "Input": '{"Name": "leg"}'})
    timetable.passes(minutes=6)
    timetable.passes(minutes=4)
    assert [each["status"] for each in timetable.told()] == ["SUCCEEDED", "SUCCEEDED"], timetable.told()
    found = line.executions()
    assert len(found) == 3
    for each in found:
        line.over(each)
    triggers = [line.look(each)["trigger"] for each in found]
    assert triggers[0]["triggerType"] == "StartPipelineExecution"
    assert ":assumed-role/starter/" in triggers[0]["triggerDetail"]


def test_a_project_is_built_by_its_arn(timetable: Timetable) -> None:
    project = f"arn:aws:codebuild:us-east-1:{timetable.me.account}:project/ship"
    timetable.schedule(timetable.at(minutes=5), target={"Arn": project, "Input": ""})
    timetable.passes(minutes=6)
    assert len(timetable.builds()) == 1


def test_the_input_knows_the_time_that_is_due(timetable: Timetable) -> None:
    variables = [{"Name": "DUE", "Value": "<aws.scheduler.scheduled-time>", "Type": "PLAINTEXT"}]
    given = json.dumps({"ProjectName": "ship", "EnvironmentVariablesOverride": variables})
    timetable.until_day_begins()
    timetable.schedule("cron(0 3 * * ? *)", target={"Input": given})
    timetable.passes(hours=4)
    (build,) = timetable.builds()
    (shown,) = timetable.ask("codebuild:BatchGetBuilds", ids=[build])["builds"]
    (variable,) = shown["environment"]["environmentVariables"]
    assert variable["value"].endswith("T03:00:00Z")
