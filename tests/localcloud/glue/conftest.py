"""A local cloud in process, of the engines that Glue needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from glue_desk import EWR, JFK, Glue, root_of

from silolake.localcloud import engines
from silolake.localcloud.cloud import LocalCloud


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCloud]:
    monkeypatch.setattr(engines, "SERVICES", ("organizations", "sts", "iam", "glue"))
    made = LocalCloud(tmp_path, "us-east-1")
    yield made
    made.close()


@pytest.fixture
def ewr(cloud: LocalCloud) -> Glue:
    return Glue(cloud, root_of(EWR))


@pytest.fixture
def jfk(cloud: LocalCloud) -> Glue:
    return Glue(cloud, root_of(JFK))
