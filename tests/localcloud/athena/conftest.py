"""A local cloud in process, of the engines that Athena needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from athena_desk import ANALYTICS, EWR, Hands, make_bench, make_flights, root_of

from silolake.localcloud import engines
from silolake.localcloud.cloud import LocalCloud


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCloud]:
    monkeypatch.setattr(engines, "SERVICES", ("organizations", "sts", "iam", "kms", "s3", "glue", "athena"))
    made = LocalCloud(tmp_path, "us-east-1")
    yield made
    made.close()


@pytest.fixture
def ewr(cloud: LocalCloud) -> Hands:
    return Hands(cloud, root_of(EWR))


@pytest.fixture
def analytics(cloud: LocalCloud) -> Hands:
    return Hands(cloud, root_of(ANALYTICS))


@pytest.fixture
def lake(analytics: Hands) -> Hands:
    """An account with a bench and a table of its own."""
    make_bench(analytics)
    make_flights(analytics)
    return analytics
