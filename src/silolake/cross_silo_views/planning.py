"""What publishing a view takes, worked out from the rooms and the organization's tree alone."""

from __future__ import annotations

from collections.abc import Iterator

from silolake.cloud.organization import Organization
from silolake.cross_silo_views.sources import silos_of
from silolake.cross_silo_views.steps import CreateView, PutSourcePartitions, PutSourceTable, ViewStep
from silolake.errors import RoomError
from silolake.model import digest
from silolake.plan import Plan, Planned
from silolake.rooms import Rooms, Source, View, digest_of


def plan_view(rooms: Rooms, view: View, organization: Organization) -> Plan[ViewStep]:
    """The steps that make a view what its room says; each makes sure of something. Reads only.

    A view published as a union has none: Athena makes no view over another account's catalog.

    Args:
        rooms: the workspace's.
        view: which.
        organization: its silos are those there are; declared ones yet to come are absent.

    Raises:
        RoomError: two sources that mean different things would have one table.
    """
    _check_tables(rooms, view)
    return Plan.of(_steps(rooms, view, organization) if view.published == "partitioned_table" else ())


def ground_of(rooms: Rooms, view: View, organization: Organization) -> str:
    """The digest of everything that publishing a view reads. Reads only.

    The view, its sources' contracts, and the silos that make them, by name and id; what the silos deliver is not among
    it, as the next query reads that.
    """
    settings = rooms.settings
    sources = [_said(rooms, source, organization) for _, source in sorted(view.sources.items())]
    return digest([digest_of(view), sources, settings.lake.text, settings.region.text])


def _steps(rooms: Rooms, view: View, organization: Organization) -> Iterator[Planned[ViewStep]]:
    settings = rooms.settings
    tables = {source.table: source for source in view.sources.values()}
    for table, source in tables.items():
        contract = rooms.contracts[source.product].digest
        yield Planned(f"table/{table}", PutSourceTable(table, source.product), digest([table, contract]))
        locations = tuple(
            (silo.name, f"s3://{settings.bucket(silo.id, 'processed')}/{source.product}/")
            for silo in silos_of(rooms, source, organization)
        )
        step = PutSourcePartitions(table, source.product, locations)
        ground = digest([table, contract, locations])
        yield Planned(f"partitions/{table}", step, ground, (f"table/{table}",))
    ground = digest([digest_of(view), *(rooms.contracts[each.product].digest for each in tables.values())])
    yield Planned(f"view/{view.name}", CreateView(view.name), ground, tuple(f"partitions/{table}" for table in tables))


def _check_tables(rooms: Rooms, view: View) -> None:
    """A selector's table is named by its words alone, so two selectors may come to one name."""
    meant = {each.table: each for other in rooms.views.values() for each in other.sources.values()}
    for source in view.sources.values():
        other = meant.get(source.table, source)
        if (other.product, other.within.text) != (source.product, source.within.text):
            told = (
                f"the table of {source.product} in {source.within} would be that of {other.product} in {other.within}"
            )
            advice = f"Write one of the two selectors otherwise; the other one is at {other.path}:{other.line}."
            raise RoomError(source.path, source.line, told, advice)


def _said(rooms: Rooms, source: Source, organization: Organization) -> list[object]:
    silos = [[silo.name, silo.id.text] for silo in silos_of(rooms, source, organization)]
    return [source.name, source.table, rooms.contracts[source.product].digest, silos]
