"""Benchmarks are named, have goals, and answer as build/bench.json promises."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from bench import __main__ as command
from bench import lake
from bench.local_cloud import resident_mb
from bench.measuring import BENCHMARKS, Benchmark, timed
from silolake.demo.source import Delivery

from .tree import ROOT


def test_the_benchmarks_and_their_goals() -> None:
    """Those of the issue, each with the unit its name ends in."""
    goals = {each.name: each.goal for each in BENCHMARKS.values()}
    assert goals == {
        "local_cloud_start_s": 1.5,
        "local_cloud_restore_s": 3,
        "local_cloud_idle_mb": 150,
        "demo_s": 90,
        "join_to_first_answer_s": 15,
        "run_vs_papermill_cpu": 0.17,
        "run_vs_papermill_wall": 0.12,
        "run_vs_papermill_ratio": 0.05,
        "kernels_32_mb": 1500,
        "noop_plan_1000x50_s": 5,
        "noop_plan_1000x50_mb": 500,
        "noop_plan_api_calls": 200,
        "noop_plan_calls_a_unit": 0,
    }
    of_time = {"run_vs_papermill_cpu", "run_vs_papermill_wall"}
    for each in BENCHMARKS.values():
        assert each.about
        assert each.unit == "s" if each.name in of_time else f"_{each.unit.lower()}" in each.name


@pytest.mark.parametrize(("value", "met"), [(1.4999, True), (1.5, True), (1.501, False)])
def test_a_goal_is_met_up_to_itself(value: float, met: bool) -> None:
    """Less is better."""
    measured = Benchmark("x_s", "s", 1.5, "about", lambda: value).take()
    assert asdict(measured) == {"name": "x_s", "value": round(value, 3), "unit": "s", "goal": 1.5, "met": met}


def test_the_table_says_what_was_missed() -> None:
    """Value, goal and verdict in each row."""
    slow = Benchmark("x_s", "s", 1, "about", lambda: 2)
    shown = command.table([(slow, slow.take())])
    assert [list(column.cells) for column in shown.columns] == [["x_s"], ["2.00 s"], ["1 s"], ["missed"], ["about"]]


def test_time_and_memory_are_measured() -> None:
    """A block takes time; this process takes memory."""
    import os

    with timed() as watch:
        sum(range(10_000))
    assert 0 < watch.s < 10
    assert 5 < resident_mb(os.getpid()) < 100_000


def test_the_airport_that_joins_sends_rows_of_its_own() -> None:
    """A made-up airport: every row names it, and no other airport's origin is left."""
    sent: list[Delivery] = lake._first_rows()
    assert [each.key for each in sent] == ["flights/2013-01.csv", "weather/2013-01.csv"]
    for each in sent:
        header, *rows = [line.split(",") for line in each.content.decode().splitlines()]
        assert {row[header.index("origin")] for row in rows} == {"HPN"}
        assert len(rows) == 200


def test_the_benchmarks_work_below_build() -> None:
    """Never in the workspace's own lake."""
    from bench.workspace import PLACE

    assert PLACE == ROOT / "build" / "bench"
