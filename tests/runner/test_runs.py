"""How runs end that do not complete: which cells ran, what is told, and what the platform keeps of it."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from silolake.cloud import Cloud
from silolake.cloud.organization import Organization
from silolake.model import Account, AccountId, Declared, OuPath
from silolake.rooms import find_notebook
from silolake.runner import Request, Runner, RunRecord
from silolake.runner.runs import Place

ROOT = OuPath("o-a1b2c3d4e5/r-ab12/")
END_THE_KERNEL = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"


class Desk:
    """A platform account with its buckets and its runner, and a workspace with one notebook."""

    def __init__(self, management: Cloud, root: Path) -> None:
        self.admin, self.root, self.tag = management, root, secrets.token_hex(4)
        account = management.account
        for zone in ("state", "records"):
            management.call("s3", "create_bucket", Bucket=self.bucket(zone))
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": account},
            "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        }
        if not any(each["RoleName"] == "runner" for each in management.pages("iam", "list_roles", "Roles")):
            management.call(
                "iam", "create_role", RoleName="runner", Path="/lake/run/", AssumeRolePolicyDocument=policy(trust)
            )
            management.call(
                "iam", "put_role_policy", RoleName="runner", PolicyName="all", PolicyDocument=policy(everything)
            )
        self.account = Account("platform", AccountId(account), "platform@lake.example", ROOT, {})

    def bucket(self, zone: str) -> str:
        return f"runs-{self.tag}-{zone}"

    def run(self, *cells: str, cell_timeout_s: int = 60) -> tuple[RunRecord, Runner]:
        """Run a notebook of these cells."""
        folder = self.root / "notebooks" / "own"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cells.ipynb").write_text(json.dumps(notebook(*cells)))
        found = find_notebook(self.root, "own/cells")
        tree = Organization("o-a1b2c3d4e5", self.account.id, ROOT, "r-ab12", {}, {"platform": self.account})
        place = Place(self.root, self.root / "work", lambda _, zone: self.bucket(zone), cell_timeout_s=cell_timeout_s)
        role = self.admin.as_role(f"arn:aws:iam::{self.account.id}:role/lake/run/runner", "tests")
        runner = Runner(role, tree, place)
        try:
            return runner.run(Request(found, {}, "platform", Declared(found.digest))), runner
        finally:
            runner.close()

    def kept(self, record: RunRecord) -> tuple[list[str], str]:
        """The statuses of the executed notebook's cells; and all that the platform's records and journal say."""
        bucket, _, key = record.notebook_at.removeprefix("s3://").partition("/")
        executed = json.loads(self._read(bucket, key))
        told = [
            self._read(self.bucket(zone), str(each["Key"]))
            for zone, ending in (("records", "/run.json"), ("state", ".json"))
            for each in self.admin.pages("s3", "list_objects_v2", "Contents", Bucket=self.bucket(zone))
            if each["Key"].endswith(ending)
        ]
        # papermill adds a cell that leads to the one that failed.
        cells = [cell for cell in executed["cells"] if "papermill" in cell["metadata"]]
        return [cell["metadata"]["papermill"]["status"] for cell in cells], "\n".join(told)

    def _read(self, bucket: str, key: str) -> str:
        return str(self.admin.call("s3", "get_object", Bucket=bucket, Key=key)["Body"].read().decode())


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def notebook(*cells: str) -> dict[str, Any]:
    code = [
        {"cell_type": "code", "id": f"c{n}", "metadata": {}, "source": cell, "execution_count": None, "outputs": []}
        for n, cell in enumerate(cells)
    ]
    head = {"cell_type": "markdown", "id": "head", "metadata": {}, "source": "# Own\nCells of a test."}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}, "silolake": {"target": "platform"}}
    return {"cells": [head, *code], "metadata": about, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def desk(management: Cloud, tmp_path: Path) -> Desk:
    return Desk(management, tmp_path)


def test_a_cell_that_takes_too_long_ends_the_run_as_timed_out(desk: Desk) -> None:
    """The cells behind it did not run, and are not said to have completed."""
    record, runner = desk.run("a = 1", "import time\ntime.sleep(60)", "b = 2", cell_timeout_s=2)
    assert record.status == "timed out"
    assert record.reason.startswith("timed out: ")
    assert record.cells == (2, 4)
    statuses, told = desk.kept(record)
    assert statuses == ["completed", "completed", "failed", "not run"]
    assert '"status": "timed out"' in told and "time.sleep" not in told
    entry = runner.journal.find(record.run)
    assert entry is not None and (entry.status, entry.attempt) == ("timed out", 1)


def test_a_kernel_that_dies_ends_the_run_as_such(desk: Desk) -> None:
    record, _ = desk.run("a = 1", END_THE_KERNEL, "b = 2")
    assert (record.status, record.reason) == ("kernel died", "kernel died: it was ended by SIGKILL")
    assert desk.kept(record)[0] == ["completed", "completed", "failed", "not run"]


def test_what_an_exception_quotes_stays_with_the_executed_notebook(desk: Desk) -> None:
    """Its words may be a silo's row: the caller hears them, the platform keeps its class."""
    record, _ = desk.run("a = 1", "float('N' + '14228')", "b = 2")
    assert record.status == "failed"
    assert "could not convert string to float: 'N14228'" in record.reason
    statuses, told = desk.kept(record)
    assert statuses == ["completed", "completed", "failed", "not run"]
    assert "N14228" not in told
    assert "ValueError; its words are in the executed notebook" in told


def test_the_next_attempt_of_a_run_that_failed_is_another_one_of_the_same_run(desk: Desk) -> None:
    """Counted on, with a record of its own."""
    first, _ = desk.run("1 / 0")
    second, _ = desk.run("1 / 0")
    assert (first.run, first.attempt, second.run, second.attempt) == (first.run, 1, first.run, 2)
    assert desk.kept(second)[1].count("ZeroDivisionError") >= 2
