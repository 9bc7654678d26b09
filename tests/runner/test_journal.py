"""A run is held for as long as it is worked on, whatever the cloud does meanwhile."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from silolake.cloud import Cloud
from silolake.errors import CloudUnreachable, WrongState
from silolake.runner.journal import COMPLETED, RUNNING, Entry, Journal, Rhythm

QUICK = Rhythm(lease=timedelta(seconds=1.0), renewed_every_s=0.1, again_every_s=0.1)


class Door(Cloud):
    """A door that can be shut: then nothing answers, as when the cloud is away."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud.reach, cloud.credentials)
        self.turned_away = 0
        self._shut = threading.Event()

    @contextmanager
    def shut(self) -> Iterator[None]:
        self._shut.set()
        try:
            yield
        finally:
            self._shut.clear()

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        if self._shut.is_set():
            self.turned_away += 1
            raise CloudUnreachable("the cloud", "the door is shut")
        return super().call(service, operation, **parameters)


@pytest.fixture
def door(management: Cloud) -> Door:
    return Door(management)


@pytest.fixture
def bucket(management: Cloud) -> str:
    name = f"journal-{secrets.token_hex(6)}"
    management.call("s3", "create_bucket", Bucket=name)
    return name


def is_held(entry: Entry | None) -> bool:
    """Whether another process would have to wait."""
    assert entry is not None
    return entry.status == RUNNING and datetime.fromisoformat(entry.held_until) > datetime.now(UTC)


def test_a_run_stays_held_although_the_cloud_was_away(door: Door, bucket: str) -> None:
    """For longer than the lease: it has lapsed, nobody has taken it, and it is renewed once the cloud is back."""
    journal = Journal(door, bucket, rhythm=QUICK)
    with journal.claimed("a", {}):
        with door.shut():
            time.sleep(1.3)
        assert door.turned_away > 1
        time.sleep(0.5)
        assert is_held(journal.find("a"))
        time.sleep(1.0)
        assert is_held(journal.find("a"))
        journal.finish("a", status=COMPLETED)
    ended = journal.find("a")
    assert ended is not None and (ended.status, ended.attempt) == (COMPLETED, 1)


def test_a_renewal_that_lost_a_race_is_tried_again(door: Door, bucket: str, management: Cloud) -> None:
    """Another hand wrote the same entry in between; the run is still this process's."""
    journal = Journal(door, bucket, rhythm=QUICK)
    with journal.claimed("b", {}):
        key = "state/runs/b.json"
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            body = management.call("s3", "get_object", Bucket=bucket, Key=key)["Body"].read()
            management.call("s3", "put_object", Bucket=bucket, Key=key, Body=body)
        time.sleep(0.5)
        assert is_held(journal.find("b"))


def test_a_run_that_another_has_taken_over_is_not_taken_back(door: Door, bucket: str, management: Cloud) -> None:
    """Neither renewed nor finished."""
    journal = Journal(door, bucket, rhythm=QUICK)
    key = "state/runs/c.json"
    with journal.claimed("c", {}):
        said = json.loads(management.call("s3", "get_object", Bucket=bucket, Key=key)["Body"].read())
        taken = json.dumps({**said, "holder": "elsewhere/1/1", "attempt": 2}).encode()
        management.call("s3", "put_object", Bucket=bucket, Key=key, Body=taken)
        time.sleep(0.5)
        with pytest.raises(WrongState, match="not held by this process any more"):
            journal.finish("c", status=COMPLETED)
    assert management.call("s3", "get_object", Bucket=bucket, Key=key)["Body"].read() == taken


def test_nothing_is_written_once_a_run_is_finished(door: Door, bucket: str) -> None:
    """The one who renews has let go before the end is written."""
    journal = Journal(door, bucket, rhythm=Rhythm(timedelta(seconds=1), 0.001, 0.001))
    for number in range(10):
        with journal.claimed(f"d{number}", {}):
            ended = journal.finish(f"d{number}", status=COMPLETED)
        assert journal.find(f"d{number}") == ended
