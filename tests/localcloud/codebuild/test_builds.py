"""Builds truly run, and tell what became of them."""

from __future__ import annotations

import gzip
import io
import os
import re
import time
import zipfile
from pathlib import Path

import pytest
from house import House, allow, document, trusts
from site_of_builds import BUCKET, SERVICE, Site, failed, phases, spec, zipped

from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.codebuild import running

ALL = ["SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD",
       "UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED"]  # fmt: skip


def test_a_build_runs_its_phases_in_order_and_succeeds(site: Site) -> None:
    text = spec(
        install="commands: [echo one, export SEEN=two]",
        pre_build="commands: ['echo $SEEN', mkdir inner, cd inner]",
        build="commands: ['basename $PWD', 'there() { echo three; }']",
        post_build="commands: [there, 'echo $CODEBUILD_BUILD_SUCCEEDING']",
    )
    build = site.build(text)
    assert (build["buildStatus"], phases(build)) == ("SUCCEEDED", ALL)
    assert site.printed(build) == ["one", "two", "inner", "three", "1"]
    assert build["buildNumber"] == 1
    assert build["initiator"] == "Administrator/test"
    assert build["startTime"] <= build["endTime"]
    assert all(each["durationInSeconds"] >= 0 for each in build["phases"][:-1])


@pytest.mark.parametrize(
    ("text", "status", "ran", "printed"),
    [
        (spec("exit 1"), "FAILED", ALL, []),
        (spec("false", "echo unreached"), "FAILED", ALL, []),
        (spec("echo a; exit 3", "echo unreached", post_build="commands: ['echo $CODEBUILD_BUILD_SUCCEEDING']"),
         "FAILED", ALL, ["a", "0"]),
        (spec(build="commands: [exit 1]\nfinally: [echo last]"), "FAILED", ALL, ["last"]),
        (spec(build="commands: ['export A=kept; exit 1']\nfinally: ['echo $A']"), "FAILED", ALL, ["kept"]),
        (spec(build="commands: ['true']\nfinally: [exit 2]"), "FAILED", ALL, []),
        (spec("echo unreached", install="commands: [exit 1]"), "FAILED", [*ALL[:5], *ALL[-2:]], []),
        (spec("echo unreached", pre_build="commands: [exit 1]"), "FAILED", [*ALL[:6], *ALL[-2:]], []),
        (spec("echo reached", pre_build="on-failure: CONTINUE\ncommands: [exit 1]"), "FAILED", ALL, ["reached"]),
        (spec(build="on-failure: ABORT\ncommands: [exit 1]", post_build="commands: [echo unreached]"),
         "FAILED", [*ALL[:7], *ALL[-2:]], []),
        (spec("if true"), "FAILED", ALL, []),
        (spec("kill -9 $$"), "FAILED", ALL, []),
    ],
)  # fmt: skip
def test_what_fails_is_failed(site: Site, text: str, status: str, ran: list[str], printed: list[str]) -> None:
    build = site.build(text)
    assert (build["buildStatus"], phases(build)) == (status, ran)
    said = site.printed(build)
    assert said == printed or (not printed and "yntax" in "".join(said))


def test_a_failed_command_is_told_with_its_exit_status(site: Site) -> None:
    assert failed(site.build(spec("exit 7"))) == {
        "BUILD": ("COMMAND_EXECUTION_ERROR", "Error while executing command: exit 7. Reason: exit status 7")
    }


@pytest.mark.parametrize(
    ("command", "status"), [("kill -9 $$", 137), ("exec sh -c 'exit 9'", 9), ("trap 'exit 4' EXIT; exit 3", 4)]
)
def test_a_command_that_ends_the_shell_is_told_all_the_same(site: Site, command: str, status: int) -> None:
    (context,) = failed(site.build(spec(f'"{command}"'))).values()
    assert context[1].endswith(f"Reason: exit status {status}")


def test_a_defect_of_the_local_cloud_faults_the_build(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("silolake.localcloud.engines.codebuild.building.read_buildspec", lambda _: 1 / 0)
    build = site.build()
    assert build["buildStatus"] == "FAULT"
    assert "broke down: ZeroDivisionError" in failed(build)["DOWNLOAD_SOURCE"][1]


def test_a_source_in_s3_is_unpacked_with_its_version_and_its_buildspec(site: Site) -> None:
    site.house.ask(site.me, "s3:PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    site.put("source.zip", zipped({"buildspec.yml": spec("cat words"), "words": "first\n"}))
    first = site.house.ask(site.me, "s3:HeadObject", Bucket=BUCKET, Key="source.zip")["VersionId"]
    site.put("source.zip", zipped({"buildspec.yml": spec("cat words"), "words": "second\n", "ci/own.yml": spec("pwd")}))
    source = {"type": "S3", "location": f"{BUCKET}/source.zip"}
    name = site.project(source=source)
    newest, older = site.over(site.start(name)), site.over(site.start(name, sourceVersion=first))
    assert site.printed(newest) == ["second"]
    assert (site.printed(older), older["resolvedSourceVersion"]) == (["first"], first)
    elsewhere = site.build(source={**source, "buildspec": "ci/own.yml"})
    assert elsewhere["buildStatus"] == "SUCCEEDED"
    assert newest["buildNumber"] == 1
    assert older["buildNumber"] == 2


def test_what_executes_in_the_source_executes_in_the_build(site: Site) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        member = zipfile.ZipInfo("run.sh")
        member.external_attr = 0o755 << 16
        archive.writestr(member, "#!/bin/sh\necho ran\n")
        archive.writestr("buildspec.yml", spec("./run.sh"))
        archive.writestr("../outside", "no")
    site.put("source.zip", made.getvalue())
    build = site.build(source={"type": "S3", "location": f"{BUCKET}/source.zip"})
    assert site.printed(build) == ["ran"]
    assert not list(site.house.cloud.directory.glob("builds/*/outside"))


@pytest.mark.parametrize(
    ("source", "phase", "code", "words"),
    [
        ({"location": f"{BUCKET}/none.zip"}, "DOWNLOAD_SOURCE", "CLIENT_ERROR", "NoSuchKey"),
        ({"location": "elsewhere-bucket/none.zip"}, "DOWNLOAD_SOURCE", "CLIENT_ERROR", "NoSuchBucket"),
        ({"location": f"{BUCKET}/text"}, "DOWNLOAD_SOURCE", "CLIENT_ERROR", "not a zip"),
        ({"location": f"{BUCKET}/bare.zip"}, "DOWNLOAD_SOURCE", "YAML_FILE_ERROR", "YAML file does not exist"),
        ({"location": f"{BUCKET}/bare.zip", "buildspec": "../x.yml"}, "DOWNLOAD_SOURCE", "YAML_FILE_ERROR", "x.yml"),
        ({"location": f"{BUCKET}/bad.zip"}, "DOWNLOAD_SOURCE", "YAML_FILE_ERROR", "version must be 0.2"),
    ],
)
def test_a_source_that_cannot_be_had_fails_the_build(
    site: Site, source: dict[str, str], phase: str, code: str, words: str
) -> None:
    site.put("text", b"no zip")
    site.put("bare.zip", zipped({"a": "b"}))
    site.put("bad.zip", zipped({"buildspec.yml": "version: 0.1\nphases: {}\n"}))
    build = site.build(source={"type": "S3", **source})
    assert build["buildStatus"] == "FAILED"
    found = failed(build)
    assert list(found) == [phase]
    assert found[phase][0] == code
    assert words in found[phase][1]


def test_a_role_that_may_not_read_the_source_is_told_so(house: House) -> None:
    site = Site(house, house.management).open()
    weak = house.make_role(site.me, "weak", allow("s3:ListBucket"), trust=document(trusts(SERVICE)))
    site.put("source.zip", zipped({"buildspec.yml": spec("true")}))
    build = site.build(source={"type": "S3", "location": f"{BUCKET}/source.zip"}, serviceRole=weak)
    code, message = failed(build)["DOWNLOAD_SOURCE"]
    assert code == "CLIENT_ERROR"
    assert "s3:GetObject" in message
    assert "weak" in message


def test_a_role_that_no_longer_trusts_codebuild_fails_the_build(site: Site) -> None:
    name = site.project()
    elsewhere = document(trusts({"Service": "glue.amazonaws.com"}))
    site.house.ask(site.me, "iam:UpdateAssumeRolePolicy", RoleName="builder", PolicyDocument=elsewhere)
    build = site.over(site.start(name))
    code, message = failed(build)["PROVISIONING"]
    assert (build["buildStatus"], code) == ("FAILED", "ACCESS_DENIED")
    assert "sts:AssumeRole" in message


def test_artifacts_are_zipped_to_s3_with_their_checksums(site: Site) -> None:
    text = spec(
        "mkdir -p dist/deep", "echo a > dist/a.txt", "echo b > dist/deep/b.txt", "echo c > dist/c.log",
        more="artifacts:\n  base-directory: dist\n  files: ['**/*']\n  exclude-paths: ['*.log']",
    )  # fmt: skip
    artifacts = {"type": "S3", "location": BUCKET, "path": "out", "name": "ship.zip", "packaging": "ZIP",
                 "namespaceType": "BUILD_ID"}  # fmt: skip
    build = site.build(text, artifacts=artifacts)
    assert build["buildStatus"] == "SUCCEEDED", failed(build)
    key = f"out/{build['id'].partition(':')[2]}/ship.zip"
    assert build["artifacts"]["location"] == f"arn:aws:s3:::{BUCKET}/{key}"
    with zipfile.ZipFile(io.BytesIO(site.got(key))) as archive:
        assert archive.namelist() == ["a.txt", "deep/b.txt"]
    flat = spec("echo a > a.txt", more="artifacts:\n  files: [a.txt]\n  discard-paths: yes")
    again = site.build(flat, artifacts={"type": "S3", "location": BUCKET, "name": "plain"})
    assert again["buildStatus"] == "SUCCEEDED", failed(again)
    assert site.got("plain/a.txt") == b"a\n"


def test_artifacts_that_are_not_there_fail_the_upload(site: Site) -> None:
    text = spec("true", more="artifacts:\n  files: ['*.whl']")
    build = site.build(text, artifacts={"type": "S3", "location": BUCKET, "packaging": "ZIP"})
    assert failed(build) == {"UPLOAD_ARTIFACTS": ("CLIENT_ERROR", "no matching artifact paths found")}
    assert build["buildStatus"] == "FAILED"


def test_variables_come_from_the_request_before_the_project_before_the_buildspec(site: Site) -> None:
    text = spec("echo $A $B $C", "export D=made", more="env:\n  variables: {A: spec, B: spec, C: spec}\n"
                "  exported-variables: [A, D, NONE]")  # fmt: skip

    def given(*pairs: str) -> list[dict[str, str]]:
        return [{"name": each[0], "value": each[2:]} for each in pairs]

    environment = {"type": "LINUX_CONTAINER", "image": "i", "computeType": "c",
                   "environmentVariables": given("B=project", "C=project")}  # fmt: skip
    name = site.project(text, environment=environment)
    build = site.over(site.start(name, environmentVariablesOverride=given("C=request")))
    assert site.printed(build) == ["spec project request"]
    exported = {each["name"]: each["value"] for each in build["exportedEnvironmentVariables"]}
    assert exported == {"A": "spec", "D": "made", "NONE": ""}


def test_the_environment_holds_no_key_and_nothing_of_the_servers_own(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-key")
    monkeypatch.setenv("SOMEBODYS_TOKEN", "canary-token")
    printed = "\n".join(site.printed(site.build(spec("env"))))
    assert "canary" not in printed
    assert "AWS_ACCESS_KEY_ID" not in printed
    assert "AWS_CONTAINER_AUTHORIZATION_TOKEN" in printed
    assert "CODEBUILD_BUILD_ID=ship-0:" in printed


def test_the_log_goes_to_s3_where_the_project_wants_it(site: Site) -> None:
    logs = {"s3Logs": {"status": "ENABLED", "location": f"{BUCKET}/logs"}}
    build = site.build(spec("echo said"), logsConfig=logs)
    key = f"logs/{build['id'].partition(':')[2]}.gz"
    assert "\nsaid\n" in gzip.decompress(site.got(key)).decode()
    assert Path(build["logs"]["deepLink"].removeprefix("file://")).read_text() == site.log(build["id"])


def _alive(pid: int) -> bool:
    """Whether a process is there; one that is dead and not yet waited for is not."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.is_dir() and Path("/proc/self").exists():
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _gone(pid: int) -> bool:
    end = time.monotonic() + 5
    while _alive(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not _alive(pid)


def _sleeper(site: Site, build: str) -> int:
    end = time.monotonic() + 20
    while not (found := re.search(r"^sleeper (\d+)$", site.log(build), re.MULTILINE)):
        assert time.monotonic() < end
        time.sleep(0.02)
    return int(found[1])


SLEEPS = spec("sleep 300 & echo sleeper $!", "sleep 300", post_build="commands: [echo unreached]")


def test_a_build_is_stopped_with_all_its_processes(site: Site) -> None:
    build = site.start(site.project(SLEEPS))
    sleeper = _sleeper(site, build)
    assert site.look(build)["currentPhase"] == "BUILD"
    stopped = site.ask("StopBuild", id=build)["build"]
    assert (stopped["buildStatus"], stopped["buildComplete"]) == ("STOPPED", True)
    assert stopped["phases"][-2]["phaseStatus"] == "STOPPED"
    assert "unreached" not in site.printed(stopped)
    assert _gone(sleeper)
    assert site.ask("StopBuild", id=build)["build"]["buildStatus"] == "STOPPED"


def test_a_build_that_takes_too_long_by_the_local_clouds_clock_is_timed_out(site: Site) -> None:
    build = site.start(site.project(SLEEPS, timeoutInMinutes=5))
    sleeper = _sleeper(site, build)
    site.house.days_pass(1 / 24)
    found = site.over(build)
    assert found["buildStatus"] == "TIMED_OUT"
    assert failed(found) == {"BUILD": ("", "BUILD_TIMED_OUT: Build has timed out.")}
    assert _gone(sleeper)


def test_what_a_build_leaves_in_the_background_ends_with_it(site: Site) -> None:
    build = site.build(spec("sleep 300 & echo sleeper $!"))
    assert build["buildStatus"] == "SUCCEEDED"
    assert _gone(_sleeper(site, build["id"]))
    left = [each.name for each in (site.house.cloud.directory / "builds").glob("*/*")]
    assert left == ["log"]


def test_a_local_cloud_that_ends_stops_its_builds(site: Site) -> None:
    build = site.start(site.project(SLEEPS))
    sleeper = _sleeper(site, build)
    site.house.cloud.close()
    assert _gone(sleeper)
    again = LocalCloud(site.house.cloud.directory, "us-east-1")
    again.resume()
    (found,) = again.invoke(site.me, "codebuild", "BatchGetBuilds", {"ids": [build]})["builds"]
    again.close()
    assert found["buildStatus"] == "STOPPED"
    assert failed(found)["BUILD"][1] == "The local cloud was stopped."


def test_a_build_that_was_cut_short_is_failed_after_the_restart(site: Site) -> None:
    """As after a kill -9: the row says that it goes on, and nobody goes on with it."""
    build = site.build(spec("true"))
    with site.house.cloud.store.write() as connection:
        connection.execute("UPDATE codebuild_builds SET status = 'IN_PROGRESS'")
    running.resume(site.house.cloud)
    found = site.look(build["id"])
    assert (found["buildStatus"], found["buildComplete"]) == ("FAILED", True)
    assert running.CUT_SHORT in str(found["phases"])


def test_the_same_token_starts_one_build(site: Site) -> None:
    name = site.project()
    first = site.start(name, idempotencyToken="t")
    assert site.start(name, idempotencyToken="t") == first
    assert site.code("StartBuild", projectName=name, idempotencyToken="t", sourceVersion="x") == "InvalidInputException"
    assert site.ask("ListBuildsForProject", projectName=name)["ids"] == [first]
    site.over(first)


def test_a_project_builds_no_more_at_once_than_it_may(site: Site) -> None:
    name = site.project(spec("sleep 300"), concurrentBuildLimit=1)
    build = site.start(name)
    assert site.code("StartBuild", projectName=name) == "AccountLimitExceededException"
    site.ask("StopBuild", id=build)
    site.ask("StopBuild", id=site.start(name))
