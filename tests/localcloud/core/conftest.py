"""A local cloud of the core's own tests: they move its clock and open odd accounts in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from front import Front

from silolake.cloud import LocalEndpoint, find_local
from silolake.localcloud.server import Ports, running


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEndpoint]:
    """A local cloud of one module."""
    directory = tmp_path_factory.mktemp("core")
    with running(directory, Ports(0, 0), "us-east-1", threading.Event()):
        found = find_local(directory)
        assert found is not None
        yield found


@pytest.fixture(scope="module")
def front(endpoint: LocalEndpoint) -> Front:
    """Its management account's administrator, with a bucket."""
    return Front.of(endpoint)
