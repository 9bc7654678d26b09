"""The other form of a cross-silo question: one query that unites the silos' own tables through their catalogs."""

from __future__ import annotations

from silolake.cloud.organization import Organization
from silolake.contracts import Contract
from silolake.cross_silo_views.renaming import readings, renamed
from silolake.cross_silo_views.sources import SILO, silos_of
from silolake.errors import WrongState
from silolake.model import Account
from silolake.rooms import Rooms, View
from silolake.sql import parse_query

MOST_BRANCHES = 50
"""Far below where Athena's engine gives up: every branch is a stage of its own, and a query has 150 at most.

https://trino.io/docs/current/admin/properties-query-management.html (query.max-stage-count)
"""


def compile_union(rooms: Rooms, view: View, organization: Organization) -> str:
    """A view's question over the catalogs that analytics has registered, as one query's text. Reads only.

    Args:
        rooms: the workspace's.
        view: which.
        organization: which silos there are.

    Raises:
        WrongState: it would have more branches than ``MOST_BRANCHES``.
        SqlRefused: the view's SQL is not a query.
    """
    silos = {name: silos_of(rooms, source, organization) for name, source in view.sources.items()}
    branches = sum(len(silos.get(each.table.name.table, ())) for each in readings(parse_query(view.sql)))
    if branches > MOST_BRANCHES:
        raise WrongState(
            f"the union {view.name} has {branches} branches, and past {MOST_BRANCHES} Athena may not plan it",
            "Say published: partitioned_table in its view.yaml, or select fewer silos",
        )
    united = {name: _united(rooms.contracts[source.product], silos[name]) for name, source in view.sources.items()}
    return renamed(view.sql, united)


def _united(contract: Contract, silos: tuple[Account, ...]) -> str:
    if not silos:
        nothing = ", ".join(f'CAST(NULL AS {each.type.trino}) AS "{each.name}"' for each in contract.columns)
        return f"(SELECT {nothing}, CAST(NULL AS varchar) AS {SILO} WHERE false)"
    columns = ", ".join(f'"{column.name}"' for column in contract.columns)
    branches = (
        f"SELECT {columns}, {_text(silo.name)} AS {SILO} FROM {_name(silo.name)}.processed.{_name(contract.name)}"
        for silo in silos
    )
    return f"({' UNION ALL '.join(branches)})"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
