"""A local cloud in process, with two airports' accounts and callers in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from s3_world import REGION, World

from silolake.localcloud import engines
from silolake.localcloud.cloud import LocalCloud
from silolake.localcloud.engines.organizations.accounts import create_standalone


@pytest.fixture
def open_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], LocalCloud]]:
    """Opens the same data directory again and again, with the engines that S3 needs."""
    monkeypatch.setattr(engines, "SERVICES", ("organizations", "sts", "iam", "kms", "s3"))
    opened: list[LocalCloud] = []

    def again() -> LocalCloud:
        opened.append(LocalCloud(tmp_path, REGION))
        return opened[-1]

    yield again
    for cloud in opened:
        cloud.close()


@pytest.fixture
def world(open_cloud: Callable[[], LocalCloud]) -> World:
    cloud = open_cloud()
    with cloud.store.write() as connection:
        ewr = create_standalone(connection, "ewr", "ewr@example.com")
        jfk = create_standalone(connection, "jfk", "jfk@example.com")
    made = World(cloud, ewr, jfk)
    made.own("CreateBucket", Bucket="ewr-data")
    return made
