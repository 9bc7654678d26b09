"""A local cloud in process, with every engine there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cfn_desk import Desk, standalone

from silolake.localcloud.cloud import LocalCloud


@pytest.fixture
def open_at() -> Iterator[Callable[[Path], LocalCloud]]:
    """Opens the local cloud of a directory."""
    opened: list[LocalCloud] = []

    def make(directory: Path) -> LocalCloud:
        opened.append(LocalCloud(directory, "us-east-1"))
        return opened[-1]

    yield make
    for cloud in opened:
        cloud.close()


@pytest.fixture
def open_cloud(tmp_path: Path, open_at: Callable[[Path], LocalCloud]) -> Callable[[], LocalCloud]:
    """Opens the local cloud of one directory, as often as a test wants."""
    return lambda: open_at(tmp_path)


@pytest.fixture
def cloud(open_cloud: Callable[[], LocalCloud]) -> LocalCloud:
    return open_cloud()


@pytest.fixture
def desk(cloud: LocalCloud) -> Desk:
    return standalone(cloud, "ewr")
