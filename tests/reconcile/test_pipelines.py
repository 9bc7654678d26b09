"""What pipelines must run: for a commit, for deliveries, schedules, and other pipelines' ends."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from silolake.model import (
    Declared,
    Delivered,
    Due,
    Ended,
    ObjectVersion,
    Occasion,
    Pending,
    occasion_json,
    read_occasion,
)
from silolake.plan import Plan, Planned
from silolake.reconcile import Known, RunNotebook, explain
from silolake.reconcile.pipelines import STEP, Lake, ended_by, is_settled, plan_commit, plan_occasions

from .conftest import OFFICES, Desk, account

COUNT = "  - {name: count, notebook: notebooks/count.ipynb}\n"
REPORT = "targets: account:platform\ntriggers: [{}]\nnotebook: notebooks/report.ipynb\n"
CHAIN = """\
targets: ou:silos tag:kind=office
triggers: [commit]
steps:
  - {name: first, notebook: notebooks/count.ipynb}
  - {name: second, notebook: notebooks/count.ipynb, parameters: {limit: 2}}
"""


def commit(lake: Lake) -> dict[str, Planned[RunNotebook]]:
    """The runs of a commit, in the order of the plan."""
    return {each.name: each for each in Plan.of(plan_commit(lake))}


def applied(steps: dict[str, Planned[RunNotebook]]) -> Known:
    """What is known once those runs have completed."""
    marks = [mark for each in steps.values() for mark in each.step.marks]
    return Known({(mark.kind, mark.name): mark.digest for mark in marks})


def test_a_commit_runs_each_step_in_each_account_in_order(desk: Desk) -> None:
    desk.write("tally", CHAIN)
    steps = commit(desk.lake())
    assert list(steps) == ["tally/rome/first", "tally/oslo/first", "tally/rome/second", "tally/oslo/second"]
    second = steps["tally/rome/second"]
    assert second.after == ("provision", "enroll/rome", "tally/rome/first")
    assert (second.step.account, dict(second.step.parameters)) == ("rome", {"limit": 2})
    assert explain(second.step) == "run count limit=2 for rome"


def test_what_has_been_applied_is_not_planned_again(desk: Desk) -> None:
    desk.write("tally", CHAIN)
    steps = commit(desk.lake())
    assert all(mark.kind == STEP for each in steps.values() for mark in each.step.marks)
    assert not commit(desk.lake(known=applied(steps)))


def test_a_changed_notebook_runs_again_and_nothing_beside_it(desk: Desk) -> None:
    """Also a changed parameter, and a new account; not a changed description, nor how many go on at once."""
    desk.write("tally", CHAIN)
    desk.write("report", REPORT.format("commit"))
    known = applied(commit(desk.lake()))
    desk.notebook("report", 'due: str = ""  # when', body="print(2)")
    assert list(commit(desk.lake(known=known))) == ["report/platform/report"]
    desk.notebook("report", 'due: str = ""  # when')
    desk.write("tally", CHAIN.replace("limit: 2", "limit: 3"))
    assert set(commit(desk.lake(known=known))) == {"tally/rome/second", "tally/oslo/second"}
    desk.write("tally", CHAIN + "at_once: 7\nfailure_tolerance: 3\n")
    assert not commit(desk.lake(known=known))
    bern = account("bern", "silos", 7, kind="office")
    assert set(commit(desk.lake(*OFFICES, bern, known=known))) == {"tally/bern/first", "tally/bern/second"}


def test_an_account_that_is_yet_to_come_is_planned_for(desk: Desk) -> None:
    """Oslo is declared and not there; its run follows provisioning and enrolling, and again once it has an id."""
    desk.write("tally", CHAIN)
    there = tuple(each for each in OFFICES if each.name != "oslo")
    to_come = commit(desk.lake(*there))
    assert "tally/oslo/first" in to_come
    assert commit(desk.lake())["tally/oslo/first"].ground != to_come["tally/oslo/first"].ground


def test_an_account_that_leaves_is_planned_for_no_more(desk: Desk) -> None:
    """By where provisioning will have moved it, not by where it hangs still."""
    desk.write("tally", CHAIN)
    place = desk.root / "provisioning" / "organization.yaml"
    place.write_text(place.read_text().replace("unit: silos\n    tags: {kind: office}", "unit: platform\n    tags: {}"))
    assert {each.step.account for each in commit(desk.lake()).values()} == {"rome"}


def test_a_wave_waits_for_the_one_before_and_the_rest_come_last(desk: Desk) -> None:
    waves = 'waves: ["tag:kind=store", "account:oslo"]'
    desk.write("tally", f"targets: ou:silos\ntriggers: [commit]\n{waves}\nsteps:\n{COUNT}")
    steps = commit(desk.lake())
    assert {name: each.waits for name, each in steps.items()} == {
        "tally/depot/count": (),
        "tally/oslo/count": ("tally/depot/count",),
        "tally/rome/count": ("tally/oslo/count",),
    }
    assert list(steps) == ["tally/depot/count", "tally/oslo/count", "tally/rome/count"]


def test_a_share_is_of_all_the_pipelines_accounts_also_where_few_are_left(desk: Desk) -> None:
    desk.write("tally", "targets: ou:silos\ntriggers: [commit]\nfailure_tolerance: 34%\nsteps:\n" + COUNT)
    steps = commit(desk.lake())
    known = applied({name: each for name, each in steps.items() if each.step.account != "rome"})
    (left,) = commit(desk.lake(known=known)).values()
    assert left.group is not None and (left.group.tolerated, left.group.at_once) == (1, 4)


def test_a_step_for_some_accounts_is_stepped_over_in_the_others(desk: Desk) -> None:
    desk.write("tally", """\
targets: ou:silos
triggers: [commit]
steps:
  - {name: first, notebook: notebooks/count.ipynb}
  - {name: middle, notebook: notebooks/count.ipynb, targets: "tag:kind=office"}
  - {name: last, notebook: notebooks/count.ipynb}
""")  # fmt: skip
    steps = commit(desk.lake())
    assert "tally/depot/middle" not in steps
    assert set(steps["tally/depot/last"].after) == {"provision", "enroll/depot", "tally/depot/first"}
    assert "tally/rome/middle" in steps["tally/rome/last"].after


DROP = ObjectVersion("post-drop", "parcels/a.csv", "v1")
LATER = ObjectVersion("post-drop", "parcels/b.csv", "v2")
DELIVERY = Pending("parcels", Delivered((DROP,)), "rome")


def occasions(lake: Lake, *arrived: Pending) -> dict[str, Planned[RunNotebook]]:
    return {each.name: each for each in Plan.of(plan_occasions(lake, arrived))}


def test_a_delivery_runs_every_step_in_its_silo(desk: Desk) -> None:
    steps = occasions(desk.lake(), DELIVERY)
    first, second = (f"parcels/rome/{step}@{DELIVERY.slug}" for step in ("validate", "count"))
    assert list(steps) == [first, second]
    assert explain(steps[first].step) == "run validate silo=rome pipeline=parcels for rome, 1 new drop"
    assert [explain(each) for each in steps[first].step.beneath] == ["validate parcels/a.csv (version v1) of post-drop"]
    assert first in steps[second].after and not steps[second].step.beneath


def test_a_delivery_whose_later_step_has_not_completed_is_gone_on_with(desk: Desk) -> None:
    """The drop has its receipt, so it is not new; the occasion that was kept tells what is left."""
    known = Known(pending=(DELIVERY,), is_completed=lambda run: run.notebook == "validate")
    assert list(occasions(desk.lake(known=known))) == [f"parcels/rome/count@{DELIVERY.slug}"]
    assert not is_settled(desk.lake(known=known), DELIVERY)
    assert is_settled(desk.lake(known=replace(known, is_completed=lambda _: True)), DELIVERY)


def test_a_drop_without_a_receipt_is_taken_whatever_the_records_say(desk: Desk) -> None:
    known = Known(pending=(DELIVERY,), is_completed=lambda _: True)
    assert list(occasions(desk.lake(known=known), DELIVERY)) == [f"parcels/rome/validate@{DELIVERY.slug}"]


def test_a_second_delivery_waits_for_the_first(desk: Desk) -> None:
    later = Pending("parcels", Delivered((DROP, LATER)), "rome")
    steps = occasions(desk.lake(known=Known(pending=(DELIVERY,))), later)
    assert set(steps[f"parcels/rome/validate@{later.slug}"].waits) == {
        f"parcels/rome/{step}@{DELIVERY.slug}" for step in ("validate", "count")
    }


def test_a_due_time_tells_the_notebook_when_it_was_due(desk: Desk) -> None:
    desk.write("report", REPORT.format("{schedule: rate(1 day)}"))
    due = Pending("report", Due(datetime(2013, 7, 1, 6, tzinfo=UTC)))
    (planned,) = occasions(desk.lake(known=Known(pending=(due,)))).values()
    assert planned.name == "report/platform/report@2013-07-01T06:00+00:00"
    assert dict(planned.step.parameters) == {"due": "2013-07-01T06:00:00+00:00"}
    assert explain(planned.step).endswith(", due 2013-07-01T06:00+00:00")


def test_the_end_of_a_pipeline_is_the_occasion_of_those_that_wait_for_it(desk: Desk) -> None:
    desk.write("report", REPORT.format("{after: parcels}"))
    lake = desk.lake()
    (came,) = ended_by(lake.rooms, DELIVERY)
    assert came == Pending("report", Ended("parcels", DELIVERY.key))
    (planned,) = occasions(desk.lake(known=Known(pending=(came,)))).values()
    assert explain(planned.step) == "run report due= for platform, after parcels"


def test_an_occasion_of_a_pipeline_or_an_account_that_is_gone_calls_for_nothing(desk: Desk) -> None:
    gone = (Pending("letters", DELIVERY.occasion, "rome"), Pending("parcels", DELIVERY.occasion, "bern"))
    lake = desk.lake(known=Known(pending=gone))
    assert not occasions(lake)
    assert all(is_settled(lake, each) for each in gone)


@pytest.mark.parametrize(
    "occasion", [Declared("1a"), DELIVERY.occasion, Due(datetime(2013, 7, 1, 6, tzinfo=UTC)), Ended("parcels", "1a")]
)
def test_an_occasion_is_read_back_as_it_was_kept(occasion: Occasion) -> None:
    assert read_occasion(json.loads(json.dumps(occasion_json(occasion)))) == occasion
