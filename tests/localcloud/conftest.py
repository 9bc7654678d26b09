"""What tests of the local cloud's engines share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A local cloud of one's own: a management account, no organization yet."""
    made = House(tmp_path)
    yield made
    made.cloud.close()


@pytest.fixture
def organized(house: House) -> House:
    """The same with an organization and both policy types enabled."""
    house.organize()
    return house
