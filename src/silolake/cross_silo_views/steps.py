"""The native steps of publishing, and what each says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

VIEWS, SOURCES = "cross_silo", "cross_silo_sources"
"""The databases of analytics that hold the views, and the tables they read."""


@dataclass(frozen=True)
class PutSourceTable:
    """The table that a view reads one product through has the columns of the product's contract."""

    table: str
    product: str


@dataclass(frozen=True)
class PutSourcePartitions:
    """That table has one partition for each silo, at the silo's own location, and no others.

    Attributes:
        table: the table.
        product: what it is a table of.
        locations: silo and ``s3://…/``, by silo.
    """

    table: str
    product: str
    locations: tuple[tuple[str, str], ...]

    @property
    def silos(self) -> tuple[str, ...]:
        """The silos, by name."""
        return tuple(silo for silo, _ in self.locations)


@dataclass(frozen=True)
class CreateView:
    """The view is what its room says."""

    view: str


@dataclass(frozen=True)
class DropView:
    """A view that no room declares any more is there no more."""

    view: str


@dataclass(frozen=True)
class DropSourceTable:
    """A table that no view reads any more is there no more; the silos' files are not touched."""

    table: str


ViewStep = PutSourceTable | PutSourcePartitions | CreateView | DropView | DropSourceTable


def explain(step: ViewStep) -> str:
    """One line a reviewer can approve. Reads only.

    >>> explain(PutSourcePartitions("planes_in_ou_silos", "planes", (("fleet", "s3://nyc/planes/"),)))
    'partition cross_silo_sources.planes_in_ou_silos by silo: fleet'
    """
    match step:
        case PutSourceTable(table, product):
            return f"keep the table {SOURCES}.{table} by the contract of {product}"
        case PutSourcePartitions(table):
            return f"partition {SOURCES}.{table} by silo: {', '.join(step.silos) or 'none'}"
        case CreateView(view):
            return f"publish the view {VIEWS}.{view}"
        case DropView(view):
            return f"drop the view {VIEWS}.{view}"
        case DropSourceTable(table):
            return f"drop the table {SOURCES}.{table}, not its files"
        case _:
            assert_never(step)
