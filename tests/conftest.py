"""What every test may ask for: one local cloud for the whole session, reached over its own HTTPS."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from silolake.cloud import Cloud, LocalEndpoint, find_local, sign_in
from silolake.localcloud.server import Ports, running


@pytest.fixture(scope="session")
def local_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEndpoint]:
    """An empty local cloud on free ports; started once."""
    directory = tmp_path_factory.mktemp("local-cloud")
    with running(directory, Ports(0, 0), "us-east-1", threading.Event()):
        endpoint = find_local(directory)
        assert endpoint is not None
        yield endpoint


@pytest.fixture(scope="session")
def management(local_cloud: LocalEndpoint) -> Cloud:
    """The management account's administrator."""
    return sign_in(local_cloud, "management", "Administrator")
