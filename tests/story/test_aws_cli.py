"""The AWS CLI, from an environment of its own, does what a person at a prompt would do."""

from __future__ import annotations

import os
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from .conftest import Lake
from .outside import Shell

pytestmark = pytest.mark.xdist_group("lake")


@pytest.fixture
def analyst(lake: Lake, aws: Path, tmp_path: Path) -> Shell:
    """Head office's analyst."""
    return Shell(lake, "analytics/analyst", aws, tmp_path)


@pytest.fixture
def administrator(lake: Lake, aws: Path, tmp_path: Path) -> Shell:
    """EWR's."""
    return Shell(lake, "ewr/administrator", aws, tmp_path)


@pytest.fixture
def platform(lake: Lake, aws: Path, tmp_path: Path) -> Shell:
    """The platform's runner."""
    return Shell(lake, "platform/runner", aws, tmp_path)


def test_it_says_who_one_is(lake: Lake, analyst: Shell) -> None:
    """aws sts get-caller-identity."""
    said = analyst.json("sts", "get-caller-identity")
    assert said["Account"] == lake.id_of("analytics")
    assert ":assumed-role/analyst/" in said["Arn"]


def test_it_lists_and_copies_objects(lake: Lake, administrator: Shell, tmp_path: Path) -> None:
    """aws s3 ls, cp up and down, rm; a file of twenty megabytes goes in parts."""
    bucket = lake.bucket("ewr", "run")
    assert "flight_month=2013-01/" in administrator.text("s3", "ls", f"s3://{lake.bucket('ewr', 'processed')}/flights/")
    content = bytes(range(256)) * 4096 * 20
    (tmp_path / "large.bin").write_bytes(content)
    administrator.text("s3", "cp", "large.bin", f"s3://{bucket}/desk/large.bin", "--no-progress")
    administrator.text("s3", "cp", f"s3://{bucket}/desk/large.bin", "back.bin", "--no-progress")
    assert (tmp_path / "back.bin").read_bytes() == content
    assert "20971520 large.bin" in administrator.text("s3", "ls", f"s3://{bucket}/desk/")
    administrator.text("s3", "rm", f"s3://{bucket}/desk/large.bin")
    assert "large.bin" not in administrator.run("s3", "ls", f"s3://{bucket}/desk/").stdout


def test_it_syncs_a_folder(lake: Lake, administrator: Shell, tmp_path: Path) -> None:
    """A second sync has nothing to do; with --delete what is gone here goes there."""
    folder, target = tmp_path / "notes", f"s3://{lake.bucket('ewr', 'run')}/notes"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "deep" / "b with blank.txt").write_text("b")
    # S3 tells whole seconds: what was written in the second of its upload is newer than its object, and sent again.
    for path in (folder / "a.txt", folder / "deep" / "b with blank.txt"):
        os.utime(path, (path.stat().st_atime - 60, path.stat().st_mtime - 60))
    assert administrator.text("s3", "sync", "notes", target, "--no-progress").count("upload:") == 2
    assert administrator.text("s3", "sync", "notes", target, "--no-progress") == ""
    (folder / "a.txt").unlink()
    assert administrator.text("s3", "sync", "notes", target, "--no-progress", "--delete").count("delete:") == 1
    assert administrator.text("s3", "rm", target, "--recursive").count("delete:") == 1


def test_it_asks_athena(analyst: Shell) -> None:
    """aws athena start-query-execution, get-query-execution, get-query-results."""
    said = ask(analyst, "SELECT count(*) AS flights FROM delay_causes")
    assert said["Status"]["State"] == "SUCCEEDED"
    rows = analyst.json("athena", "get-query-results", "--query-execution-id", said["QueryExecutionId"])
    assert [row["Data"][0]["VarCharValue"] for row in rows["ResultSet"]["Rows"]] == ["flights", "336776"]


def test_a_query_that_is_denied_fails_and_says_why(lake: Lake, administrator: Shell) -> None:
    """The call is taken; the reason stands in the execution."""
    catalog = f'"glue:arn:aws:glue:us-east-1:{lake.id_of("jfk")}:catalog"'
    said = ask(administrator, f"SELECT count(*) FROM {catalog}.processed.flights")
    assert said["Status"]["State"] == "FAILED"
    assert "glue:GetTable" in said["Status"]["StateChangeReason"]


def ask(shell: Shell, sql: str) -> Any:
    """The execution of a query that has ended."""
    started = shell.json(
        "athena", "start-query-execution", "--query-string", sql, "--work-group", "lake",
        "--query-execution-context", "Database=cross_silo",
    )["QueryExecutionId"]  # fmt: skip
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        said = shell.json("athena", "get-query-execution", "--query-execution-id", started)["QueryExecution"]
        if said["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED"):
            return said
        time.sleep(0.2)
    raise AssertionError(f"the query is still {said['Status']['State']}")


def test_it_reads_a_silos_catalog(lake: Lake, analyst: Shell) -> None:
    """aws glue get-tables --catalog-id; the neighbouring database is denied, by the code AWS gives."""
    asked = ("--catalog-id", lake.id_of("jfk"), "--database-name")
    tables = analyst.json("glue", "get-tables", *asked, "processed")["TableList"]
    assert [each["Name"] for each in tables] == ["flights", "planes", "weather"]
    assert "AccessDeniedException" in analyst.complaint("glue", "get-tables", *asked, "raw")


def test_it_lists_accounts(lake: Lake, platform: Shell) -> None:
    """aws organizations list-accounts, as a delegated administrator; a silo is refused."""
    listed = platform.json("organizations", "list-accounts")["Accounts"]
    known = {each["Name"]: each["Id"] for each in listed if each["Status"] == "ACTIVE"}
    assert {name: known[name] for name in ("ewr", "jfk", "lga", "fleet")} == {
        name: lake.id_of(name) for name in ("ewr", "jfk", "lga", "fleet")
    }


def test_it_describes_a_stack_set(platform: Shell) -> None:
    """aws cloudformation describe-stack-set, as the delegated administrator."""
    listed = platform.json("cloudformation", "list-stack-sets", "--call-as", "DELEGATED_ADMIN")["Summaries"]
    name = next(each["StackSetName"] for each in listed if each["StackSetName"].endswith("silo-base"))
    described = platform.json(
        "cloudformation", "describe-stack-set", "--stack-set-name", name, "--call-as", "DELEGATED_ADMIN"
    )["StackSet"]
    assert described["PermissionModel"] == "SERVICE_MANAGED"
    assert described["AutoDeployment"]["Enabled"] is True
    assert "AWS::Glue::Table" in described["TemplateBody"]


def test_it_signs_a_url_that_anybody_may_fetch_until_it_expires(
    lake: Lake, analyst: Shell, administrator: Shell
) -> None:
    """aws s3 presign: the bytes for who holds the URL, nothing for who changes it or comes late."""
    bucket = lake.bucket("ewr", "processed")
    key = administrator.json("s3api", "list-objects-v2", "--bucket", bucket, "--max-items", "1")["Contents"][0]["Key"]
    url = analyst.text("s3", "presign", f"s3://{bucket}/{key}", "--expires-in", "60").strip()
    assert url.startswith(lake.endpoint.https)
    status, body = fetch(lake, url)
    assert (status, body[:4]) == (200, b"PAR1")
    status, body = fetch(lake, url.replace(".parquet", ".other"))
    assert status == 403
    assert b"SignatureDoesNotMatch" in body
    late = analyst.text("s3", "presign", f"s3://{bucket}/{key}", "--expires-in", "1").strip()
    time.sleep(2.1)
    status, body = fetch(lake, late)
    assert status == 403
    assert b"expired" in body


def fetch(lake: Lake, url: str) -> tuple[int, bytes]:
    """Status and body of a plain GET that trusts the local cloud's certificate."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=lake.endpoint.ca)),
    )
    try:
        with opener.open(url, timeout=30) as answer:
            return int(answer.status), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_a_stranger_is_told_so(lake: Lake, aws: Path, tmp_path: Path) -> None:
    """Keys that were never issued open nothing."""
    stranger = Shell(lake, "analytics/analyst", aws, tmp_path)
    keys = {"AWS_ACCESS_KEY_ID": "ASIA" + "A" * 12 + "AAAA", "AWS_SECRET_ACCESS_KEY": "none", "AWS_SESSION_TOKEN": "a"}
    stranger.without_profile(**keys)
    assert "InvalidClientTokenId" in stranger.complaint("sts", "get-caller-identity")
