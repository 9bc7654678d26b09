"""CodeBuild as boto3 meets it, a build that uses boto3 itself, and a local cloud that is killed under its builds."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from process import served
from site_of_builds import ENVIRONMENT, spec

from silolake.cloud import Cloud, LocalEndpoint

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def _project(cloud: Cloud, buildspec: str) -> str:
    name = f"wire-{uuid.uuid4().hex[:8]}"
    iam = cloud.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    cloud.client("codebuild").create_project(
        name=name,
        source={"type": "NO_SOURCE", "buildspec": buildspec},
        artifacts={"type": "NO_ARTIFACTS"},
        environment=ENVIRONMENT,
        serviceRole=role,
    )
    return name


def _over(cloud: Cloud, build: str) -> dict[str, Any]:
    codebuild, end = cloud.client("codebuild"), time.monotonic() + 30
    while True:
        (found,) = codebuild.batch_get_builds(ids=[build])["builds"]
        if found["buildComplete"]:
            return dict(found)
        assert time.monotonic() < end, found
        time.sleep(0.05)


def test_a_build_acts_as_its_projects_role_and_its_token_dies_with_it(
    local_cloud: LocalEndpoint, management: Cloud, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    name = _project(management, spec(f'python -c "{program}"', f"env | grep AWS_CONTAINER > {kept}"))
    build = management.client("codebuild").start_build(projectName=name)["build"]
    assert build["buildStatus"] == "IN_PROGRESS"
    assert build["startTime"].tzinfo is not None
    found = _over(management, build["id"])
    said = local_cloud.ask("POST", "build_log", arn=build["arn"])
    assert found["buildStatus"] == "SUCCEEDED", said["log"]
    assert f":assumed-role/{name}/AWSCodeBuild-{build['id'].partition(':')[2]}" in said["log"]
    environment = dict(line.split("=", 1) for line in kept.read_text().splitlines())
    import urllib.error
    import urllib.request

    request = urllib.request.Request(
        environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        headers={"Authorization": environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    with refused.value as answer:
        assert answer.status == 403


def test_boto3_is_told_what_is_wrong(management: Cloud) -> None:
    codebuild = management.client("codebuild")
    with pytest.raises(codebuild.exceptions.ResourceNotFoundException):
        codebuild.start_build(projectName="none")
    with pytest.raises(codebuild.exceptions.ClientError, match="does not play codebuild:ListFleets"):
        codebuild.list_fleets()


def test_a_build_under_a_killed_local_cloud_dies_with_it_and_is_told_to_have_failed(tmp_path: Path) -> None:
    beats = tmp_path / "beats"
    with served(tmp_path) as local:
        cloud = local.management()
        name = _project(cloud, spec(f"while sleep 0.02; do echo beat >> {beats}; done"))
        build = cloud.client("codebuild").start_build(projectName=name)["build"]["id"]
        end = time.monotonic() + 20
        while not beats.exists() and time.monotonic() < end:
            time.sleep(0.02)
        local.kill()
        end = time.monotonic() + 10
        before = -1
        while before != (before := beats.stat().st_size):
            assert time.monotonic() < end, "its commands go on without the local cloud"
            time.sleep(0.3)
        local.up()
        found = _over(local.management(), build)
        assert found["buildStatus"] == "FAILED"
        assert "The local cloud ended while the build went on" in str(found["phases"])
