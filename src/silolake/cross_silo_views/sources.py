"""What a view's sources are: their columns, the silos that make them, and where each silo keeps them."""

from __future__ import annotations

from collections.abc import Mapping

from silolake.cloud.organization import Organization
from silolake.contracts import Contract
from silolake.cross_silo_views.renaming import renamed
from silolake.cross_silo_views.steps import SOURCES
from silolake.model import Account
from silolake.rooms import Rooms, Source, View
from silolake.sql import DEFAULT_CATALOG, Column, Schema, TableName, Translation, parse_query, translate
from silolake.sql.types import VARCHAR

SILO = "silo"
_UNNAMED = "sources"


def silos_of(rooms: Rooms, source: Source, organization: Organization) -> tuple[Account, ...]:
    """The silos that a source means and that make its product, by name. Declared ones yet to come are absent."""
    found = (
        account
        for account in organization.accounts.values()
        if source.within.matches(account, organization.units)
        and any(maker.targets.matches(account, organization.units) for maker in rooms.makers(source.product))
    )
    return tuple(sorted(found, key=lambda account: account.name))


def columns_of(view: View, contract: Contract) -> tuple[Column, ...]:
    """What a view may name of one of its sources: the silo, and the product's columns in the form it is published in.

    A table partitioned by silo has the columns inside the silos' files; what is in their paths alone, the partition
    columns of the silos' own tables, only a union over their catalogs has.
    """
    columns = contract.columns if view.published == "union" else contract.stored
    return (*(Column.of_glue(each.name, each.type.glue) for each in columns), Column(SILO, VARCHAR))


def answer_of(view: View, contracts: Mapping[str, Contract]) -> Translation:
    """A view's SQL held against its sources' columns. Reads only.

    Raises:
        SqlRefused: it does not hold, in Athena's words.
    """
    relations = {
        TableName(DEFAULT_CATALOG, _UNNAMED, name): Schema(columns_of(view, contracts[source.product]))
        for name, source in view.sources.items()
    }
    return translate(parse_query(view.sql), relations, DEFAULT_CATALOG, _UNNAMED)


def published_sql(view: View) -> str:
    """A view's SQL over the tables in analytics.

    Raises:
        SqlRefused: it is not a query.
    """
    return renamed(view.sql, {name: f"{SOURCES}.{source.table}" for name, source in view.sources.items()})
