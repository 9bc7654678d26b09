"""A local cloud that is killed in the middle of an execution goes on with it: nothing is lost, nothing done twice."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from house import House
from line import BUCKET_TEMPLATE, Line, build, deploy, source, zipped
from mortality import Killed, Mortal
from process import served

from silolake.cloud import Cloud
from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.codepipeline import conducting
from silolake.localcloud.engines.codepipeline.actions.acting import Act
from silolake.localcloud.engines.codepipeline.actions.cloudformation import CloudFormation

_WAITS_S = (0.0, 0.02, 0.04, 0.05, 0.08, 0.12, 0.16, 0.2, 0.3)


class Again:
    """The same data directory, opened by the next process."""

    def __init__(self, line: Line) -> None:
        self.line = line

    def open(self) -> Line:
        self.line.house.cloud.close()
        self.line.house.cloud = LocalCloud(self.line.house.cloud.directory, "us-east-1")
        self.line.house.cloud.resume()
        return self.line


def _loses_after(monkeypatch: pytest.MonkeyPatch, begin: Any, times: list[int]) -> None:
    """``begin`` does its work, and then the process is gone, once."""

    def lost(self: Any, act: Act) -> Any:
        found = begin(self, act)
        times.append(1)
        if len(times) == 1:
            raise conducting.Left
        return found

    monkeypatch.setattr(CloudFormation, "begin", lost)


def test_a_deployment_that_was_begun_and_not_noted_is_found_and_not_begun_again(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[int] = []
    _loses_after(monkeypatch, CloudFormation.begin, times)
    line.ask("CreatePipeline", pipeline=line.declared([source()], [deploy()]))
    line.until(lambda: times)
    (execution,) = line.executions()
    line.until(lambda: line.stack() == "CREATE_COMPLETE")
    assert line.look(execution)["status"] == "InProgress"
    Again(line).open()
    assert line.over(execution)["status"] == "Succeeded", line.states()
    assert len(times) == 2
    events = line.ask("cloudformation:DescribeStackEvents", StackName="line")["StackEvents"]
    assert [each["ResourceStatus"] for each in events if each["LogicalResourceId"] == "line"] == [
        "CREATE_COMPLETE",
        "CREATE_IN_PROGRESS",
    ]


def test_an_update_that_was_begun_and_not_noted_is_not_begun_again(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.create([source()], [deploy()])
    line.bundle({**BUCKET_TEMPLATE, "Outputs": {"A": {"Value": "b"}}})
    times: list[int] = []
    _loses_after(monkeypatch, CloudFormation.begin, times)
    execution = line.ask("StartPipelineExecution", name="leg")["pipelineExecutionId"]
    line.until(lambda: times)
    line.until(lambda: line.stack() == "UPDATE_COMPLETE")
    Again(line).open()
    assert line.over(execution)["status"] == "Succeeded", line.states()
    events = line.ask("cloudformation:DescribeStackEvents", StackName="line")["StackEvents"]
    assert sum(each["ResourceStatus"] == "UPDATE_IN_PROGRESS" for each in events) == 1


def test_a_build_that_a_local_cloud_left_is_failed_and_can_be_tried_again(line: Line) -> None:
    gate = line.house.cloud.directory / "gate"
    line.project("waits", f"while ! test -e {gate}; do sleep 0.02; done")
    line.ask("CreatePipeline", pipeline=line.declared([source()], [build(project="waits", out=[])]))
    (execution,) = line.executions()
    line.until(lambda: line.states()["Build"] == "InProgress")
    Again(line).open()
    assert line.over(execution)["status"] == "Failed"
    assert "Build terminated with state: STOPPED" in line.states()["Build"]
    gate.touch()
    retry = {"pipelineName": "leg", "stageName": "Second", "pipelineExecutionId": execution}
    line.ask("RetryStageExecution", **retry, retryMode="FAILED_ACTIONS")
    assert line.over(execution)["status"] == "Succeeded", line.states()


def test_an_execution_that_waited_waits_again(line: Line) -> None:
    gate = line.house.cloud.directory / "gate"
    line.project("waits", f"while ! test -e {gate}; do sleep 0.02; done")
    line.ask("CreatePipeline", pipeline=line.declared([source()], [build(project="waits", out=[])]))
    (first,) = line.executions()
    line.until(lambda: line.states()["Build"] == "InProgress")
    second = line.ask("StartPipelineExecution", name="leg")["pipelineExecutionId"]
    line.until(lambda: "inboundExecution" in line.ask("GetPipelineState", name="leg")["stageStates"][1])
    gate.touch()
    Again(line).open()
    assert {line.over(first)["status"], line.over(second)["status"]} <= {"Succeeded", "Failed"}
    assert line.look(second)["status"] == "Succeeded", line.states()


def _role(cloud: Cloud, name: str, service: str) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam = cloud.client("iam")
    text = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=text)["Role"]["Arn"])
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    return arn


def _declare(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    for bucket in ("killed-code", "killed-store"):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket="killed-code", VersioningConfiguration={"Status": "Enabled"})
    roles = {f"Role{number}": _iam_role(number) for number in range(8)}
    s3.put_object(
        Bucket="killed-code", Key="bundle.zip", Body=zipped({"template.json": json.dumps({"Resources": roles})})
    )
    first = source(bucket="killed-code", key="bundle.zip")
    text = json.dumps(deploy(configuration={"Capabilities": "CAPABILITY_NAMED_IAM"}))
    last = json.loads(text.replace("@deployer", _role(cloud, "deployer", "cloudformation")))
    cloud.client("codepipeline").create_pipeline(
        pipeline={
            "name": "leg",
            "roleArn": _role(cloud, "pipeline", "codepipeline"),
            "artifactStore": {"type": "S3", "location": "killed-store"},
            "stages": [{"name": "Fetch", "actions": [first]}, {"name": "Deploy", "actions": [last]}],
        }
    )


def _iam_role(number: int) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    properties = {
        "RoleName": f"killed-{number}",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
    }
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def _killed_after(directory: Path, wait_s: float) -> None:
    with served(directory) as local:
        _declare(local.management())
        time.sleep(wait_s)
        local.kill()
        local.up()
        cloud = local.management()
        pipelines, end = cloud.client("codepipeline"), time.monotonic() + 40
        while True:
            found = pipelines.list_pipeline_executions(pipelineName="leg")["pipelineExecutionSummaries"]
            assert len(found) == 1, f"the kill after {wait_s} s lost or doubled the execution: {found}"
            if found[0]["status"] != "InProgress":
                break
            assert time.monotonic() < end, pipelines.get_pipeline_state(name="leg")
            time.sleep(0.1)
        assert found[0]["status"] == "Succeeded", pipelines.get_pipeline_state(name="leg")
        stages = pipelines.get_pipeline_state(name="leg")["stageStates"]
        assert [each["latestExecution"]["status"] for each in stages] == ["Succeeded", "Succeeded"]
        events = cloud.client("cloudformation").describe_stack_events(StackName="line")["StackEvents"]
        begun = [
            each for each in events if each["LogicalResourceId"] == "line" and "IN_PROGRESS" in each["ResourceStatus"]
        ]
        assert len(begun) == 1, f"the kill after {wait_s} s deployed twice"


@pytest.mark.soak
@pytest.mark.parametrize("wait_s", _WAITS_S if os.environ.get("SILOLAKE_SOAK") == "whole" else _WAITS_S[3:4])
def test_a_kill_of_the_process_loses_no_execution_and_deploys_once(tmp_path: Path, wait_s: float) -> None:
    _killed_after(tmp_path, wait_s)


def _dies_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread of a process that is gone tells nobody."""
    usual = threading.excepthook

    def hook(told: threading.ExceptHookArgs) -> None:
        if told.exc_type is not Killed:
            usual(told)

    monkeypatch.setattr(threading, "excepthook", hook)


def _commits_until_over(directory: Path, allowed: int | None) -> tuple[Line, Mortal]:
    """A pipeline that fetches, builds and deploys, in a local cloud that commits so often and no more."""
    directory.mkdir()
    house = House(directory)
    line = Line(house, house.management).open().open_code()
    mortal = Mortal(house.cloud, allowed)
    line.ask("CreatePipeline", pipeline=line.declared([source()], [build(out=[])], [deploy()]))
    end = time.monotonic() + 25
    while time.monotonic() < end and not mortal.is_dead:
        if line.look(line.executions()[0])["status"] not in ("InProgress", "Stopping"):
            break
        time.sleep(0.01)
    return line, mortal


@pytest.mark.soak
def test_a_death_after_any_commit_is_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every commit of an execution, one after another; a sample of them unless the whole campaign is asked for."""
    _dies_quietly(monkeypatch)
    line, mortal = _commits_until_over(tmp_path / "whole", None)
    line.house.cloud.close()
    every = range(2, mortal.commits)
    for allowed in every if os.environ.get("SILOLAKE_SOAK") == "whole" else every[3::9]:
        line, _ = _commits_until_over(tmp_path / str(allowed), allowed)
        Again(line).open()
        (execution,) = line.executions()
        found = line.over(execution)
        if found["status"] == "Failed":
            # A build that was cut short is nobody's to finish; what follows it waits for somebody who says so.
            assert "Build terminated with state" in line.states()["Build"], (allowed, line.states())
            retry = {"pipelineName": "leg", "stageName": "Second", "pipelineExecutionId": execution}
            line.ask("RetryStageExecution", **retry, retryMode="FAILED_ACTIONS")
            found = line.over(execution)
        assert found["status"] == "Succeeded", (allowed, line.states())
        assert set(line.stages().values()) == {"Succeeded"}
        events = line.ask("cloudformation:DescribeStackEvents", StackName="line")["StackEvents"]
        stack = [each["ResourceStatus"] for each in events if each["LogicalResourceId"] == "line"]
        assert stack == ["CREATE_COMPLETE", "CREATE_IN_PROGRESS"], (allowed, stack)
        line.house.cloud.close()
