"""Due times, as Amazon EventBridge Scheduler counts them: the tables of tests/cases/schedules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from silolake.schedules import Cron, due_between, parse

CASES = Path(__file__).parents[1] / "cases" / "schedules"
DUE = YAML(typ="safe", pure=True).load((CASES / "due.yaml").read_text("utf-8"))
FAULTS = YAML(typ="safe", pure=True).load((CASES / "faults.yaml").read_text("utf-8"))
LONG_AGO, FAR = datetime(1971, 1, 1, tzinfo=UTC), datetime(2198, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("case", DUE, ids=lambda case: case["says"])
def test_a_time_is_due_when_aws_says_so(case: dict[str, Any]) -> None:
    zone = ZoneInfo(case.get("zone", "UTC"))
    after, start = (datetime.fromisoformat(case[name]).replace(tzinfo=zone) if name in case else None
                    for name in ("after", "start"))  # fmt: skip
    assert after is not None
    schedule = parse(case["when"], case.get("zone", "UTC"))
    found = islice(due_between(schedule, after, FAR, start or LONG_AGO), max(1, len(case["due"])))
    assert [due.astimezone(zone).strftime("%Y-%m-%dT%H:%M") for due in found] == case["due"]


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: f"{case['when']} {case.get('zone', '')}")
def test_what_is_no_schedule_is_told_with_what_to_write(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:
        parse(case["when"], case.get("zone", "UTC"))
    assert case["says"] in str(caught.value)


@given(st.datetimes(datetime(2013, 1, 1), datetime(2016, 12, 31)), st.integers(0, 23), st.integers(0, 59))
def test_due_times_come_after_one_another_and_none_is_left_out(moment: datetime, hour: int, minute: int) -> None:
    """Each day of a zone has its hour once, or, where the spring skips it, not at all."""
    zone = ZoneInfo("America/New_York")
    schedule = parse(f"cron({minute} {hour} * * ? *)", "America/New_York")
    assert isinstance(schedule, Cron)
    first = moment.replace(tzinfo=zone)
    due = list(islice(due_between(schedule, first, FAR, LONG_AGO), 5))
    assert due == sorted(set(due)) and due[0] > first
    for one, other in pairwise(due):
        assert timedelta(hours=22) < other - one < timedelta(hours=50)
