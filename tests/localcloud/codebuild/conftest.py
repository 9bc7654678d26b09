"""What the tests of builds share."""

from __future__ import annotations

import pytest
from house import House
from site_of_builds import Site


@pytest.fixture
def site(house: House) -> Site:
    """A role that CodeBuild may assume, and a bucket."""
    return Site(house, house.management).open()
