"""What publishing takes is worked out from the rooms and the tree alone, in one order, with one digest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from silolake.cloud.organization import Organization
from silolake.cross_silo_views import PutSourcePartitions, compile_union, explain, ground_of, plan_view
from silolake.cross_silo_views.renaming import renamed
from silolake.errors import RoomError, WrongState
from silolake.model import Account, AccountId, OuPath
from silolake.rooms import Rooms
from silolake.rooms.selectors import parse
from silolake.sql import parse_query, tables_read

ROOT = OuPath("o-a1b2c3d4e5/r-ab12/")
SILOS, ANALYTICS = OuPath(f"{ROOT}ou-ab12-11111111/"), OuPath(f"{ROOT}ou-ab12-22222222/")


def account(name: str, number: int, **tags: str) -> Account:
    path = ANALYTICS if name == "analytics" else SILOS
    return Account(name, AccountId(f"{number:012d}"), f"{name}@example.com", path, tags)


def tree(*accounts: Account) -> Organization:
    units = {"silos": SILOS, "analytics": ANALYTICS}
    return Organization("o-a1b2c3d4e5", AccountId("9" * 12), ROOT, "r-ab12", units, {a.name: a for a in accounts})


EWR, JFK = account("ewr", 1, kind="airport"), account("jfk", 2, kind="airport")
FLEET, HEAD = account("fleet", 3, kind="registry"), account("analytics", 4)
LAKE = tree(JFK, EWR, FLEET, HEAD)


def test_a_plan_reads_like_what_it_does(rooms: Rooms) -> None:
    """Each source's table, its partitions, then the view; silos by name, those that make the product."""
    plan = plan_view(rooms, rooms.views["delay_causes"], LAKE)
    assert [explain(each.step) for each in plan] == [
        "keep the table cross_silo_sources.flights_in_ou_silos by the contract of flights",
        "keep the table cross_silo_sources.weather_in_ou_silos by the contract of weather",
        "keep the table cross_silo_sources.planes_in_ou_silos by the contract of planes",
        "partition cross_silo_sources.flights_in_ou_silos by silo: ewr, jfk",
        "partition cross_silo_sources.weather_in_ou_silos by silo: ewr, jfk",
        "partition cross_silo_sources.planes_in_ou_silos by silo: fleet",
        "publish the view cross_silo.delay_causes",
    ]
    partitions = next(each.step for each in plan if isinstance(each.step, PutSourcePartitions))
    assert partitions.locations[0] == ("ewr", "s3://nyc-000000000001-us-east-1-processed/flights/")


def test_a_plan_does_not_depend_on_the_order_of_accounts(rooms: Rooms) -> None:
    view = rooms.views["delay_causes"]
    assert plan_view(rooms, view, LAKE) == plan_view(rooms, view, tree(HEAD, FLEET, EWR, JFK))
    assert ground_of(rooms, view, LAKE) == ground_of(rooms, view, tree(HEAD, FLEET, EWR, JFK))


def test_an_organization_without_accounts_can_be_planned_on(rooms: Rooms) -> None:
    """As it is before anything is provisioned."""
    plan = plan_view(rooms, rooms.views["delay_causes"], tree())
    assert "by silo: none" in explain(plan.steps[3].step)


def test_two_sources_on_one_table_keep_it_once(rooms: Rooms) -> None:
    """A view that joins a product to itself."""
    view = rooms.views["delay_causes"]
    again = replace(view.sources["flights"], name="earlier")
    plan = plan_view(rooms, replace(view, sources={**view.sources, "earlier": again}), LAKE)
    assert len(plan) == 7


def test_two_selectors_that_come_to_one_table_are_refused(rooms: Rooms) -> None:
    """Each publication would take the other's silos out."""
    view = rooms.views["delay_causes"]
    one = replace(view.sources["flights"], within=parse("tag:site=a-b"))
    other = replace(view.sources["flights"], within=parse("tag:site=a_b"))
    assert one.table == other.table
    first = replace(view, sources={**view.sources, "flights": one})
    second = replace(view, name="second", sources={**view.sources, "flights": other})
    two = replace(rooms, views={view.name: first, second.name: second})
    with pytest.raises(RoomError, match="would be that of flights in tag:site=a_b"):
        plan_view(two, first, LAKE)


def test_the_ground_moves_with_what_is_published_and_with_nothing_else(rooms: Rooms) -> None:
    view = rooms.views["delay_causes"]
    ground = ground_of(rooms, view, LAKE)
    planes = rooms.pipelines["planes"]
    later = replace(planes.promise, contract=replace(planes.contract, version="9.9.9"))
    contract = replace(planes, promise=later)
    source = replace(view.sources["flights"], within=parse("ou:silos -account:jfk"))
    moved: dict[str, tuple[Any, ...]] = {
        "a silo joins": (rooms, view, tree(EWR, JFK, FLEET, HEAD, account("lga", 5, kind="airport"))),
        "a silo leaves": (rooms, view, tree(EWR, FLEET, HEAD)),
        "a silo's account is another": (rooms, view, tree(EWR, account("jfk", 6, kind="airport"), FLEET, HEAD)),
        "the SQL": (rooms, replace(view, sql=view.sql + "where false"), LAKE),
        "a contract": (replace(rooms, pipelines={**rooms.pipelines, "planes": contract}), view, LAKE),
        "a selector": (rooms, replace(view, sources={**view.sources, "flights": source}), LAKE),
    }
    assert [name for name, asked in moved.items() if ground_of(*asked) == ground] == []
    assert ground_of(rooms, replace(view, cases=()), LAKE) == ground
    assert ground_of(rooms, view, tree(EWR, JFK, FLEET, HEAD, account("hr", 7))) == ground


def test_a_union_has_no_steps_and_fifty_branches_at_most(rooms: Rooms) -> None:
    """Flights and weather of 25 airports are 50, one aircraft registry more is too many."""
    view = replace(rooms.views["delay_causes"], published="union")
    assert len(plan_view(rooms, view, LAKE)) == 0
    airports = [account(f"a{n}", n, kind="airport") for n in range(1, 26)]
    text = compile_union(rooms, view, tree(*airports))
    assert len(tables_read(parse_query(text))) == 50
    assert 'CAST(NULL AS varchar) AS "tailnum"' in text
    with pytest.raises(WrongState, match="51 branches"):
        compile_union(rooms, view, tree(*airports, FLEET))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select a.x from a", 'select a.x from db.t AS "a"'),
        ("select x from A as b;", "select x from db.t as b"),
        ('select x from "a" b', "select x from db.t b"),
        ("with a as (select 1 as x) select x from a", "with a as (select 1 as x) select x from a"),
        ("with b as (select * from a) select x from b", 'with b as (select * from db.t AS "a") select x from b'),
        ("with recursive a as (select x from a) table a", "with recursive a as (select x from a) table a"),
        ("select 'from a', a.a from a -- a\n where exists (select 1 from a c)",
         "select 'from a', a.a from db.t AS \"a\" -- a\n where exists (select 1 from db.t c)"),
        ("select x from other.a, a", 'select x from other.a, db.t AS "a"'),
        ("select x from (a) as b cross join a", 'select x from (db.t) as b cross join db.t AS "a"'),
    ],
)  # fmt: skip
def test_names_are_replaced_where_tables_stand_and_nowhere_else(text: str, expected: str) -> None:
    """Not in texts, comments, columns, aliases, or where WITH makes the name."""
    assert renamed(text, {"a": "db.t"}) == expected
