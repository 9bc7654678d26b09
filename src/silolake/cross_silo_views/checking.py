"""A view's SQL judged before anything is published: what it reads, whether that is there, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping

from silolake.contracts import Contract
from silolake.contracts.lines import advise
from silolake.cross_silo_views.renaming import readings
from silolake.cross_silo_views.sources import SILO, answer_of, columns_of, published_sql
from silolake.errors import RoomError
from silolake.rooms import View
from silolake.sql import SqlRefused, parse_query


def check_view(view: View, contracts: Mapping[str, Contract]) -> None:
    """A view's SQL reads its sources and nothing else, names columns they have, and answers what ``view.yaml`` says.

    Args:
        view: as read.
        contracts: of each product.

    Raises:
        RoomError: with the line of ``view.sql`` or the file at fault, and what to do.
    """
    _check_silo_column(view, contracts)
    try:
        _check_reads(view)
        answered = tuple(column.name.lower() for column in answer_of(view, contracts).columns)
        published_sql(view)
    except SqlRefused as refused:
        line = refused.at.line if refused.at else 0
        has = f"The sources have: {_columns(view, contracts)}."
        advice = has if refused.code == "COLUMN_NOT_FOUND" else "Mend the SQL."
        raise RoomError(view.sql_path, line, refused.problem, advice) from refused
    documented = tuple(view.columns)
    if answered != documented:
        raise RoomError(view.path, view.line, _difference(answered, documented), "Make the two say the same.")


def _check_reads(view: View) -> None:
    read = set()
    for each in readings(parse_query(view.sql)):
        name = each.table.name
        if name.database is not None or name.table not in view.sources:
            problem = f"the view reads {name}, which is none of its sources"
            advice = advise(str(name), view.sources) + f" Sources are declared in {view.path}."
            raise RoomError(view.sql_path, each.table.at.line, problem, advice)
        read.add(name.table)
    for source in view.sources.values():
        if source.name not in read:
            problem = f"the view does not read its source {source.name}"
            raise RoomError(source.path, source.line, problem, "Take it away, or read it.")


def _check_silo_column(view: View, contracts: Mapping[str, Contract]) -> None:
    for source in view.sources.values():
        contract = contracts[source.product]
        if any(column.name == SILO for column in contract.columns):
            problem = f"the product {source.product} has a column {SILO!r} of its own"
            advice = f"Name it otherwise in {contract.path}; here that column says which silo a row lives in."
            raise RoomError(source.path, source.line, problem, advice)


def _columns(view: View, contracts: Mapping[str, Contract]) -> str:
    return "; ".join(
        f"{name}({', '.join(column.name for column in columns_of(view, contracts[source.product]))})"
        for name, source in view.sources.items()
    )


def _difference(answered: tuple[str, ...], documented: tuple[str, ...]) -> str:
    untold = [name for name in answered if name not in documented]
    absent = [name for name in documented if name not in answered]
    said = [
        text
        for text, names in (
            (f"view.sql answers {', '.join(untold)}, which columns: does not explain", untold),
            (f"columns: explains {', '.join(absent)}, which view.sql does not answer", absent),
        )
        if names
    ]
    return "; ".join(said) or f"view.sql answers its columns in another order: {', '.join(answered)}"
