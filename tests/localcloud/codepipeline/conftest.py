"""What the tests of pipelines share."""

from __future__ import annotations

import pytest
from house import House
from line import Line


@pytest.fixture
def line(house: House) -> Line:
    """Roles, buckets, a project and a bundle in one account."""
    return Line(house, house.management).open().open_code()
