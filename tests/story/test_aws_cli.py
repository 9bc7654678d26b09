"""The AWS CLI, from an environment of its own, does what a person at a prompt would do."""

from __future__ import annotations

import json
import os
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from .conftest import Lake
from .doors import BY_RCP, allow, document, whole_bucket
from .outside import Shell
from .workspaces import ROOT

NEIGHBOUR = "arn:aws:iam::{}:role/lake/silo/administrator"
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
def neighbour(lake: Lake, aws: Path, tmp_path: Path) -> Shell:
    """JFK's administrator."""
    return Shell(lake, "jfk/administrator", aws, tmp_path)


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


def test_it_opens_a_bucket_to_a_neighbour_who_is_kept_out(
    lake: Lake, administrator: Shell, neighbour: Shell, tmp_path: Path
) -> None:
    """aws s3api put-bucket-policy; it is put, and the guard rail holds."""
    bucket = lake.bucket("ewr", "raw")
    before = administrator.json("s3api", "get-bucket-policy", "--bucket", bucket)["Policy"]
    put = ("s3api", "put-bucket-policy", "--bucket", bucket, "--policy")
    administrator.text(*put, document(allow("s3:*", [NEIGHBOUR.format(lake.id_of("jfk"))], whole_bucket(bucket))))
    try:
        assert BY_RCP in neighbour.complaint("s3", "ls", f"s3://{bucket}/")
    finally:
        administrator.text(*put, before)


def test_it_opens_a_key_to_a_neighbour_who_is_kept_out(lake: Lake, administrator: Shell, neighbour: Shell) -> None:
    """aws kms put-key-policy."""
    key = administrator.json("kms", "describe-key", "--key-id", "alias/lake-private")["KeyMetadata"]["Arn"]
    held = ("--key-id", key, "--policy-name", "default")
    before = administrator.json("kms", "get-key-policy", *held)["Policy"]
    opened = document(*json.loads(before)["Statement"], allow("kms:*", [NEIGHBOUR.format(lake.id_of("jfk"))], "*"))
    administrator.text("kms", "put-key-policy", *held, "--policy", opened)
    try:
        assert BY_RCP in neighbour.complaint("kms", "generate-data-key", "--key-id", key, "--key-spec", "AES_256")
    finally:
        administrator.text("kms", "put-key-policy", *held, "--policy", before)


def test_it_makes_a_role_that_trusts_a_neighbour_who_is_kept_out(
    lake: Lake, administrator: Shell, neighbour: Shell
) -> None:
    """aws iam create-role, aws sts assume-role."""
    trust = document(allow("sts:AssumeRole", [NEIGHBOUR.format(lake.id_of("jfk"))], None))
    made = ("--role-name", "cli-door")
    role = administrator.json(
        "iam", "create-role", *made, "--path", "/visitors/", "--assume-role-policy-document", trust
    )
    try:
        arn = role["Role"]["Arn"]
        assert BY_RCP in neighbour.complaint("sts", "assume-role", "--role-arn", arn, "--role-session-name", "visitor")
    finally:
        administrator.text("iam", "delete-role", *made)


def test_it_is_refused_the_published_policy_as_printed(lake: Lake, administrator: Shell) -> None:
    """aws s3api put-bucket-policy: MalformedPolicy, and the policy that was there stays."""
    bucket = lake.bucket("ewr", "run")
    printed = (ROOT / "tests" / "cases" / "policies" / "article_as_printed.json").read_text(encoding="utf-8")
    before = administrator.json("s3api", "get-bucket-policy", "--bucket", bucket)
    said = administrator.complaint(
        "s3api", "put-bucket-policy", "--bucket", bucket, "--policy", printed.replace("bucket.code", bucket)
    )
    assert "MalformedPolicy" in said
    assert administrator.json("s3api", "get-bucket-policy", "--bucket", bucket) == before


def test_over_plain_http_it_is_denied_what_it_reads_over_tls(lake: Lake, aws: Path, tmp_path: Path) -> None:
    """silolake env --http prints the other endpoint; aws:SecureTransport is false there."""
    asked = ("s3", "ls", f"s3://{lake.bucket('jfk', 'processed')}/flights/")
    plain = Shell(lake, "jfk/analyst", aws, tmp_path, "--http")
    assert ":assumed-role/analyst/" in plain.json("sts", "get-caller-identity")["Arn"]
    assert "with an explicit deny" in plain.complaint(*asked)
    assert "flight_month=" in Shell(lake, "jfk/analyst", aws, tmp_path).text(*asked)


def test_a_stranger_is_told_so(lake: Lake, aws: Path, tmp_path: Path) -> None:
    """Keys that were never issued open nothing."""
    stranger = Shell(lake, "analytics/analyst", aws, tmp_path)
    keys = {"AWS_ACCESS_KEY_ID": "ASIA" + "A" * 12 + "AAAA", "AWS_SECRET_ACCESS_KEY": "none", "AWS_SESSION_TOKEN": "a"}
    stranger.without_profile(**keys)
    assert "InvalidClientTokenId" in stranger.complaint("sts", "get-caller-identity")
