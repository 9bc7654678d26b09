"""What the tests of schedules share."""

from __future__ import annotations

import pytest
from house import House
from timetable import Timetable


@pytest.fixture
def timetable(house: House) -> Timetable:
    """A project, and a role that may start it."""
    return Timetable(house, house.management).open()
