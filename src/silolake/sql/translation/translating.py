"""The whole way: a query in, DuckDB text and typed columns out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from silolake.sql.names import TableName
from silolake.sql.schemas import Column, Relations
from silolake.sql.translation.macros import macros_for
from silolake.sql.translation.queries import Queries
from silolake.sql.translation.scopes import Usage
from silolake.sql.translation.values import Typed, coerce
from silolake.sql.tree import Query
from silolake.sql.types import Type, quoted


@dataclass(frozen=True, slots=True)
class Translation:
    """A query that DuckDB can answer.

    Attributes:
        sql: the DuckDB text; tables stand in it under ``TableName.relation``.
        columns: the result's columns, named as Athena names them, with Trino types.
        labels: the columns' names in ``sql``; they differ from ``columns`` where two have one name.
        reads: the columns read of each table; a table may be read without any (``count(*)``).
    """

    sql: str
    columns: tuple[Column, ...]
    labels: tuple[str, ...]
    reads: Mapping[TableName, tuple[str, ...]]

    @property
    def macros(self) -> tuple[str, ...]:
        """The statements that must run before, for what DuckDB lacks."""
        return macros_for(self.sql)


def translate(
    query: Query, relations: Relations, catalog: str | None = None, database: str | None = None
) -> Translation:
    """A query, its names looked up in ``relations`` and its types known, as DuckDB text.

    ``catalog`` and ``database`` are where the query runs (``QueryExecutionContext``). Reads and writes nothing.

    Raises: SqlRefused where Athena would fail the query, in its words; SqlNotPlayed for what is not played.
    """
    usage = Usage()
    fields, sql = Queries(relations, (catalog, database), usage).query(query, None)
    reads: dict[TableName, list[str]] = {name: [] for name in usage.whole}
    for name, column in usage.columns:
        reads[name].append(column)
    columns = tuple(Column(each.written or each.name or f"_col{i}", each.type) for i, each in enumerate(fields))
    labels = tuple(each.sql for each in fields)
    return Translation(sql, columns, labels, {name: tuple(read) for name, read in reads.items()})


def coerced(found: Translation, kinds: tuple[Type, ...], names: tuple[str, ...]) -> Translation:
    """The same rows under other names and wider types, as INSERT brings them to its table.

    Raises: ValueError where the counts differ.
    """
    columns = ", ".join(
        f"{coerce(Typed(column.type, f'given.{label}'), kind).sql} AS {quoted(name)}"
        for column, label, kind, name in zip(found.columns, found.labels, kinds, names, strict=True)
    )
    return Translation(
        f"SELECT {columns} FROM ({found.sql}) AS given",
        tuple(Column(name, kind) for name, kind in zip(names, kinds, strict=True)),
        tuple(map(quoted, names)),
        found.reads,
    )


def to_duckdb(query: Query, relations: Relations, catalog: str | None = None, database: str | None = None) -> str:
    """The DuckDB text of a query; ``translate`` tells more.

    Raises: SqlRefused where Athena would fail the query.
    """
    return translate(query, relations, catalog, database).sql
