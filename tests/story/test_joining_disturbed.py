"""Accounts that somebody moves in at once, while the cloud throttles and is slow: all join, none before it can be read.

Whose hand it is does not matter: the service's watch finds them. ``make test`` takes three, ``make soak`` fifty.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import pytest

from silolake.cloud import Cloud
from silolake.cloud.organization import read_organization
from silolake.cloud.queries import query
from silolake.errors import SilolakeError, Throttled

from .observed import journal
from .pushing import serve
from .small_lakes import SmallLake, make_small

pytestmark = pytest.mark.xdist_group("joining disturbed")

WHOLE = os.environ.get("SILOLAKE_SOAK") == "whole"
MANY, PATIENCE_S, DELAY_S = (50, 1800.0, 30.0) if WHOLE else (3, 120.0, 6.0)
DISTURBANCE = {"seed": 31, "throttle": 0.15, "delay_s": DELAY_S}
NAMES = tuple(f"joining-{number:02}" for number in range(MANY))


@dataclass
class Reader:
    """Reads a silo as head office's analyst does, at the moment that it is reported enrolled.

    Attributes:
        at: when each silo was reported, by ``time.monotonic``.
        faults: what went wrong where it could not be read.
    """

    lake: SmallLake
    at: dict[str, float] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        runner, analyst = self.lake.as_("platform", "runner"), self.lake.as_("analytics", "analyst")
        bucket = self.lake.bucket("platform", "state")
        while not self.stopping.wait(0.05):
            try:
                self._look(runner, analyst, bucket)
            except Throttled:
                continue

    def _look(self, runner: Cloud, analyst: Cloud, bucket: str) -> None:
        prefix = "state/applied/enroll/"
        listed = runner.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix)
        for silo in {unquote(each["Key"].removeprefix(prefix).split("/")[0]) for each in listed} & set(NAMES):
            if silo not in self.at:
                try:
                    query(analyst, f'SELECT count(*) FROM "{silo}"."processed"."flights"', workgroup="lake")
                except Throttled:
                    raise
                except SilolakeError as error:
                    self.faults[silo] = str(error)
                self.at[silo] = time.monotonic()


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[SmallLake]:
    """A small lake that is applied, with its service."""
    made = make_small(tmp_path)
    made.up()
    try:
        made.silolake("bootstrap")
        made.silolake("apply")
        serve(made)
        yield made
    finally:
        made.down()


def move_in(lake: SmallLake) -> float:
    """Make the accounts and move them among the silos, as an administrator of the organization; when that was done."""
    management = lake.as_("management", "Administrator")
    for name in NAMES:
        tags = [{"Key": "kind", "Value": "airport"}]
        email = f"{name}@nyc-lake.example"
        management.call("organizations", "create_account", AccountName=name, Email=email, Tags=tags)
    end = time.monotonic() + PATIENCE_S
    while not set(NAMES) <= set((organization := read_organization(management)).accounts):
        assert time.monotonic() < end, "the accounts are not made"
        time.sleep(0.2)
    silos = organization.unit("silos").text.rstrip("/").rsplit("/", 1)[1]
    began = time.monotonic()
    for name in NAMES:
        management.call(
            "organizations",
            "move_account",
            AccountId=organization.account(name).id.text,
            SourceParentId=organization.root_id,
            DestinationParentId=silos,
        )
    return began


@pytest.mark.soak
def test_accounts_that_join_at_once_are_enrolled_once_they_can_be_read_and_not_before(lake: SmallLake) -> None:
    lake.endpoint.ask("POST", "disturb", **DISTURBANCE)
    reader = Reader(lake)
    watching = threading.Thread(target=reader.watch)
    watching.start()
    try:
        began = move_in(lake)
        end = time.monotonic() + PATIENCE_S
        while set(reader.at) != set(NAMES):
            assert time.monotonic() < end, f"not enrolled: {sorted(set(NAMES) - set(reader.at))}"
            time.sleep(0.5)
    finally:
        reader.stopping.set()
        watching.join()
    assert reader.faults == {}
    # The first move cannot be in effect earlier: or nothing was delayed, and the test shows nothing.
    assert min(reader.at.values()) - began >= DELAY_S / 2
    lake.endpoint.ask("POST", "disturb")
    settle(lake)
    enrolled = [each for each in journal(lake) if each["facts"]["parameters"].get("silo") in NAMES]
    assert sorted(each["facts"]["parameters"]["silo"] for each in enrolled if each["status"] == "completed") == sorted(
        NAMES
    )


def settle(lake: SmallLake) -> None:
    """Nothing is left to do, once the view over the silos is published too."""
    end = time.monotonic() + PATIENCE_S
    while "Nothing to do" not in (told := lake.silolake("plan").stdout):
        assert time.monotonic() < end, told
        time.sleep(1)
