"""A run whose parameters are refused never was: no kernel, no entry in the journal, no file."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from silolake.cloud import Cloud
from silolake.cloud.organization import Organization
from silolake.errors import BadParameters
from silolake.kernels import forks
from silolake.model import Declared
from silolake.rooms import find_notebook
from silolake.rooms.kinds import Value
from silolake.runner import Request, Runner
from silolake.runner.runs import Place

from .test_runs import ROOT, Desk

SIGNATURE = (
    "silo: str = ...  # whose\nmost: int = 3  # how many\nshare: float = 0.5  # of all\nnames: list[str] = []  # x"
)
WRONG: tuple[Mapping[str, object], ...] = (
    {}, {"silo": None}, {"silo": 1}, {"silo": "a\x00"}, {"silo": "\ud800"}, {"silo": "x" * 10_001},
    {"silo": "ewr", "most": True}, {"silo": "ewr", "most": 10**5000}, {"silo": "ewr", "share": float("nan")},
    {"silo": "ewr", "names": ["a", 1]}, {"silo": "ewr", "names": "a"}, {"silo": "ewr", "Silo": "ewr"},
    {"silo": "AKIA" + "QWERTYUIOPASDFGH"},
)  # fmt: skip


def test_a_refused_run_starts_no_kernel_and_leaves_no_entry(management: Cloud, tmp_path: Path) -> None:
    desk, folder = Desk(management, tmp_path), tmp_path / "notebooks" / "own"
    folder.mkdir(parents=True)
    cell = {"cell_type": "code", "id": "p", "metadata": {"tags": ["parameters"]}, "source": SIGNATURE, "outputs": []}
    (folder / "strict.ipynb").write_text(json.dumps({"cells": [cell], "metadata": {}}))
    found = find_notebook(tmp_path, "own/strict")
    tree = Organization("o-a1b2c3d4e5", desk.account.id, ROOT, "r-ab12", {}, {"platform": desk.account})
    role = management.as_role(f"arn:aws:iam::{desk.account.id}:role/lake/run/runner", "tests")
    runner = Runner(role, tree, Place(tmp_path, tmp_path / "work", lambda _, zone: desk.bucket(zone)))
    try:
        for given in random.Random(7).sample(WRONG, len(WRONG)):
            parameters: Mapping[str, Value] = given  # type: ignore[assignment]
            with pytest.raises(BadParameters) as caught:
                runner.run(Request(found, parameters, "platform", Declared(found.digest)))
            assert "silo" in str(caught.value).lower() or any(name in str(caught.value) for name in given)
    finally:
        runner.close()
    for zone in ("state", "records"):
        assert not list(management.pages("s3", "list_objects_v2", "Contents", Bucket=desk.bucket(zone)))
    assert not (tmp_path / "work").exists()
    assert os.getpid() not in {kernel["asked_by"] for zygote in forks.zygotes() for kernel in zygote["kernels"]}
