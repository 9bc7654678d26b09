"""What the demo leaves behind: nothing to do, a record of every run, a report to look at, no credential anywhere."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from silolake.cloud import Cloud

from .conftest import Lake
from .once import Finished, did_nothing_twice
from .workspaces import commit

pytestmark = pytest.mark.xdist_group("lake")

ALL = ("management", "platform", "ewr", "jfk", "lga", "fleet", "analytics")
EXPECTED = {
    "provisioning/provision_organization": 1,
    "provisioning/enroll_silo": 4,
    "pipelines/validate_drop": 7,
    "cross_silo_views/publish_view": 1,
    "cross_silo_views/company_report": 1,
}
WORD = re.compile(rb"[\w+/=.-]{16,}")


def runs(lake: Lake) -> list[dict[str, Any]]:
    """The journal, as the command prints it."""
    found: list[dict[str, Any]] = json.loads(lake.silolake("runs", "list", "--limit", "1000", "--json").stdout)
    return found


@pytest.fixture(scope="module")
def ran(lake: Lake) -> dict[str, dict[str, Any]]:
    """The demo's own runs, by id: those of the repository's notebooks."""
    return {each["run"]: each for each in runs(lake) if each["facts"]["notebook"] in EXPECTED}


def keys(cloud: Cloud, bucket: str, prefix: str = "") -> list[str]:
    """The keys of a bucket."""
    listed = cloud.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix)
    return [str(each["Key"]) for each in listed]


def body(cloud: Cloud, at: str) -> bytes:
    """The bytes at an s3:// address."""
    bucket, _, key = at.removeprefix("s3://").partition("/")
    return bytes(cloud.call("s3", "get_object", Bucket=bucket, Key=key)["Body"].read())


def test_one_worker_holds_the_lake(request: pytest.FixtureRequest) -> None:
    """Workers are handed tests by the group behind their ids."""
    grouped = bool(request.config.getoption("loadgroup", default=False))
    assert request.node.nodeid.endswith("@lake") == grouped


def test_there_is_nothing_left_to_do(lake: Lake) -> None:
    """The plan after the demo is empty, for people and for programs."""
    assert "Nothing to do" in lake.silolake("plan").stdout
    assert json.loads(lake.silolake("plan", "--json").stdout) == []


def test_a_second_apply_does_nothing(lake: Lake) -> None:
    """No run is begun, none is tried again."""
    before = runs(lake)
    assert "Nothing to do" in lake.silolake("apply").stdout
    assert json.loads(lake.silolake("apply", "--json").stdout) == []
    assert runs(lake) == before


def test_every_run_of_the_demo_completed_once(ran: dict[str, dict[str, Any]]) -> None:
    """One attempt each: what must exist, who is enrolled, what was delivered, what is published, the report."""
    entries = list(ran.values())
    assert {each["status"] for each in entries} == {"completed"}
    assert {each["attempt"] for each in entries} == {1}
    names = [each["facts"]["notebook"] for each in entries]
    assert {name: names.count(name) for name in EXPECTED} == EXPECTED
    assert len({each["facts"]["commit"] for each in entries}) == 1


def test_the_demo_did_nothing_twice_and_twice_would_be_seen(lake: Lake) -> None:
    """A second promotion over the same key changes nothing that a reader sees, and is another version."""
    did_nothing_twice(lake, None)
    owner, bucket = lake.as_("fleet", "administrator"), lake.bucket("fleet", "processed")
    (key,) = keys(owner, bucket)
    again = owner.call("s3", "put_object", Bucket=bucket, Key=key, Body=body(owner, f"s3://{bucket}/{key}"))
    try:
        with pytest.raises(AssertionError, match="was written 2 times"):
            did_nothing_twice(lake, None)
        did_nothing_twice(lake, Finished())
    finally:
        access = lake.as_("fleet", "OrganizationAccountAccessRole")
        access.call("s3", "delete_object", Bucket=bucket, Key=key, VersionId=again["VersionId"])
    did_nothing_twice(lake, None)


def test_a_run_is_shown_by_the_beginning_of_its_id(lake: Lake, ran: dict[str, dict[str, Any]]) -> None:
    """For people as a table, for programs whole; an id that is none is an error."""
    run = next(run for run, each in ran.items() if each["facts"]["account"] == "jfk")
    shown = lake.silolake("runs", "show", run[:8]).stdout
    assert run in shown
    assert "completed" in shown
    assert "jfk.processed" in shown
    told = json.loads(lake.silolake("runs", "show", run, "--json").stdout)
    assert told["record"]["run"] == told["journal"]["run"] == run
    missing = lake.silolake("runs", "show", "none-such", check=False)
    assert missing.returncode == 1
    assert "there is no run" in missing.stderr


@pytest.mark.parametrize("account", ["platform", "ewr", "fleet", "analytics"])
def test_a_runs_record_lies_with_the_platform_under_the_runs_account(
    lake: Lake, ran: dict[str, dict[str, Any]], account: str
) -> None:
    """run.json alone, with commit, parameters, identity, cells and timings."""
    platform, records = lake.as_("platform", "runner"), lake.bucket("platform", "records")
    mine = {run: each for run, each in ran.items() if each["facts"]["account"] == account}
    assert mine
    for run, each in mine.items():
        assert each["record"] == f"s3://{records}/{lake.id_of(account)}/runs/{run}/1/run.json"
        record = json.loads(body(platform, each["record"]))
        assert record["status"] == "completed"
        assert record["commit"] == each["facts"]["commit"]
        assert record["parameters"] == each["facts"]["parameters"]
        assert record["identity"] == f"arn:aws:iam::{lake.id_of(account)}:role/lake/run/runner"
        assert record["cells"][0] == record["cells"][1] > 0
        assert record["wall_s"] > 0
        assert record["cpu_s"] > 0
        assert record["kernel"] == "forked" if sys.platform == "linux" else record["kernel"].startswith("spawned: ")
    assert all(key.endswith("/run.json") for key in keys(platform, records))


@pytest.mark.parametrize("silo", ["ewr", "jfk", "lga", "fleet"])
def test_an_executed_notebook_stays_in_its_silo(lake: Lake, ran: dict[str, dict[str, Any]], silo: str) -> None:
    """It shows the silo's rows, so it lies in the silo's own run bucket and nowhere with the platform."""
    owner, bucket = lake.as_(silo, "administrator"), lake.bucket(silo, "run")
    mine = [run for run, each in ran.items() if each["facts"]["account"] == silo]
    for run in mine:
        notebook = json.loads(body(owner, f"s3://{bucket}/runs/{run}/1/notebook.ipynb"))
        assert any(cell.get("outputs") for cell in notebook["cells"])
        assert all(cell["metadata"]["papermill"]["status"] == "completed" for cell in notebook["cells"])
    platform = lake.as_("platform", "OrganizationAccountAccessRole")
    for zone in ("state", "records", "code"):
        kept = [key for key in keys(platform, lake.bucket("platform", zone)) if key.endswith(".ipynb")]
        assert not [key for key in kept if any(run in key for run in mine)]


def test_the_report_is_a_page_with_its_plots(lake: Lake, ran: dict[str, dict[str, Any]]) -> None:
    """On this machine and in analytics' run bucket; each plot is an image that is whole."""
    (run,) = (run for run, each in ran.items() if each["facts"]["notebook"].endswith("company_report"))
    page = (lake.root / ".silolake" / "company_report.html").read_text(encoding="utf-8")
    plots = re.findall(r'src="data:image/png;base64,\s*([^"]+)"', page)
    assert len(plots) >= 3
    for plot in plots:
        image = base64.b64decode(plot)
        assert image.startswith(b"\x89PNG")
        assert image.rstrip().endswith(b"IEND\xaeB`\x82")
    assert ".silolake/company_report.html" in lake.told
    at = f"s3://{lake.bucket('analytics', 'run')}/runs/{run}/1/notebook.html"
    assert body(lake.as_("analytics", "OrganizationAccountAccessRole"), at).decode() == page


def test_every_delivery_was_promoted_and_none_quarantined(lake: Lake) -> None:
    """Seventy-three files in, as many kept raw, and a receipt of each that says how many rows were good: all."""
    good = {"flights": 0, "weather": 0, "planes": 0}
    receipts = 0
    for silo in ("ewr", "jfk", "lga", "fleet"):
        owner, quarantine = lake.as_(silo, "administrator"), lake.bucket(silo, "quarantine")
        dropped = keys(owner, lake.bucket(silo, "drop"))
        assert len(dropped) == len(keys(owner, lake.bucket(silo, "raw"))) == (1 if silo == "fleet" else 24)
        for key in keys(owner, quarantine):
            assert key.startswith("receipts/")
            if key.count("/") > 2:
                continue
            receipt = json.loads(body(owner, f"s3://{quarantine}/{key}"))
            assert receipt["status"] == "accepted"
            assert receipt["rows"]["bad"] == 0
            assert receipt["drop"]["key"] in dropped
            good[receipt["promise"]["contract"]] += receipt["rows"]["good"]
            receipts += 1
    assert receipts == 73
    assert good == {"flights": 336_776, "weather": 26_115, "planes": 3_322}


def test_a_month_of_flights_is_a_partition(lake: Lake) -> None:
    """By UTC: the last local hours of December are January's."""
    listed = lake.as_("ewr", "administrator").pages(
        "glue", "get_partitions", "Partitions", DatabaseName="processed", TableName="flights"
    )
    months = sorted(each["Values"][0] for each in listed)
    assert months == [*(f"2013-{month:02d}" for month in range(1, 13)), "2014-01"]


def test_the_workspace_is_as_it_was_committed(lake: Lake) -> None:
    """A demo writes below .silolake alone, which Git ignores."""
    assert not list(written_outside(lake.root))


def written_outside(root: Path) -> Iterator[Path]:
    """The files that neither Git nor the local cloud knows."""
    import subprocess

    said = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=True)
    yield from (root / line[3:] for line in said.stdout.splitlines())


ACTED_AS = ("/lake/run/runner", "/lake/deploy/steward", "/lake-organization")


def sessions(lake: Lake, *names: str) -> list[dict[str, Any]]:
    """Whom the lake's own roles were assumed as: the principals of sessions whose name begins so."""
    state = sqlite3.connect(f"file:{lake.root / '.silolake' / 'state.sqlite'}?mode=ro", uri=True)
    try:
        principals = [json.loads(caller)["principal"] for (caller,) in state.execute("SELECT caller FROM sessions")]
    finally:
        state.close()
    ours = [each for each in principals if each["arn"].endswith(ACTED_AS)]
    return [each for each in ours if each["session_arn"].rsplit("/", 1)[1].startswith(names)]


def test_every_session_of_a_run_says_which_commit_and_run(lake: Lake, ran: dict[str, dict[str, Any]]) -> None:
    """The platform's own runs too, and what their verbs assumed from there: steward, analytics, lake-organization."""
    commits = {run: each["facts"]["commit"] for run, each in ran.items()}
    found = sessions(lake, "run-", "enroll", "provision")
    mine = [each for each in found if each["tags"].get("run") in ran]
    assert {each["source_identity"] for each in mine} == set(commits.values()) - {""}
    for run, each in ran.items():
        (account,) = {each["facts"]["account"]}
        own = [session for session in mine if session["session_arn"].endswith(f"/run-{run}")]
        assert own, f"the run {run} in {account} had no session of its own"
        assert {session["account"] for session in own} == {lake.id_of(account)}
        assert {session["tags"]["silo"] for session in own} == {account}
    chained = {each["arn"].rsplit("/", 1)[1] for each in mine if "/run-" not in each["session_arn"]}
    assert chained == {"steward", "runner", "lake-organization"}
    assert not [each for each in found if "run" not in each["tags"] or not each["source_identity"]]
    # The role's own tag, which says whose lake it is.
    assert {each["tags"]["lake"] for each in mine} == {"nyc"}


def test_planning_says_which_commit(lake: Lake) -> None:
    """It is no run, so it names none."""
    found = sessions(lake, "plan")
    assert {each["account"] for each in found} >= {lake.id_of("platform"), lake.id_of("ewr")}
    assert all(each["source_identity"] and "run" not in each["tags"] for each in found)


def secrets(lake: Lake) -> dict[bytes, str]:
    """Every access key, secret and token that the local cloud ever vended, and the owner's own token."""
    state = sqlite3.connect(f"file:{lake.root / '.silolake' / 'state.sqlite'}?mode=ro", uri=True)
    try:
        vended = state.execute("SELECT access_key, secret, token FROM sessions").fetchall()
    finally:
        state.close()
    known = {
        value.encode(): kind for row in vended for value, kind in zip(row, ("key", "secret", "token"), strict=True)
    }
    return {**known, (lake.root / ".silolake" / "owner.token").read_bytes(): "owner's token"}


def leaked(text: bytes, known: dict[bytes, str]) -> set[str]:
    """The kinds of secrets that stand in a text."""
    return {known[word] for word in {*WORD.findall(text), *re.findall(rb"[\w-]{16,}", text)} if word in known}


def written(lake: Lake) -> Iterator[tuple[str, bytes]]:
    """All that the demo wrote for people: the report, logs, the room files, and every object of every bucket."""
    yield "the report", (lake.root / ".silolake" / "company_report.html").read_bytes()
    yield "the log", (lake.root / ".silolake" / "local-cloud.log").read_bytes()
    yield "what the demo printed", lake.told.encode()
    for path in lake.root.rglob("*"):
        if path.is_file() and ".silolake" not in path.parts:
            yield str(path), path.read_bytes()
    for account, zones in (
        ("platform", ("state", "records")),
        ("analytics", ("run", "results")),
        *((silo, ("run", "quarantine", "results")) for silo in ("ewr", "jfk", "lga", "fleet")),
    ):
        owner = lake.as_(account, "OrganizationAccountAccessRole")
        for zone in zones:
            bucket = lake.bucket(account, zone)
            for key in keys(owner, bucket):
                yield f"{bucket}/{key}", body(owner, f"s3://{bucket}/{key}")


def test_no_credential_stands_anywhere(lake: Lake) -> None:
    """Of the hundreds of sessions behind the demo not one key, secret or token was written down."""
    known = secrets(lake)
    assert len(known) > 50
    token = next(word for word, kind in known.items() if kind == "token")
    assert leaked(b'{"SessionToken": "' + token + b'"}', known) == {"token"}
    places = list(written(lake))
    assert sum(name.endswith("notebook.ipynb") for name, _ in places) >= 14
    assert [(name, found) for name, text in places if (found := leaked(text, known))] == []


def test_a_notebook_that_prints_its_own_credentials_is_redacted(lake: Lake) -> None:
    """The run goes on; what is kept of it shows none, and its environment held none."""
    path = lake.root / "notebooks" / "analysis" / "print_credentials.ipynb"
    path.parent.mkdir()
    path.write_text(json.dumps(indiscreet()))
    commit(lake.root, "An indiscreet notebook")
    try:
        said = json.loads(lake.silolake("run", "analysis/print_credentials", "--json").stdout)
    finally:
        path.unlink()
        path.parent.rmdir()
        commit(lake.root, "Without it")
    assert said["status"] == "completed"
    kept = body(lake.as_("ewr", "administrator"), said["notebook_at"])
    outputs = [output for cell in json.loads(kept)["cells"] for output in cell.get("outputs", [])]
    printed = "".join("".join(output["text"]) for output in outputs)
    assert "the key «redacted»" in printed
    assert "the secret «redacted»" in printed
    assert "the token «redacted»" in printed
    assert "in the environment []" in printed
    known = secrets(lake)
    assert leaked(kept, known) == set()
    assert not list((lake.root / ".silolake" / "runs").rglob("*.ipynb")), "it shows the silo's rows; it stays there"


def indiscreet() -> dict[str, Any]:
    """A notebook of an analyst's own, for EWR."""
    code = (
        "import os\n"
        "import boto3\n"
        "held = boto3.Session().get_credentials().get_frozen_credentials()\n"
        "print('the key', held.access_key)\n"
        "print('the secret', held.secret_key)\n"
        "print('the token', held.token)\n"
        "named = ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN')\n"
        "print('in the environment', [name for name in named if name in os.environ])"
    )
    return {
        "cells": [
            {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# Print credentials\nWhat must not be."},
            {"cell_type": "code", "id": "b", "metadata": {}, "source": code, "execution_count": None, "outputs": []},
        ],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "silolake": {"target": "ewr"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
