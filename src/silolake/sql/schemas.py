"""What a query may name: tables with their columns, and views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from silolake.sql.names import TableName
from silolake.sql.tree import Query
from silolake.sql.types import Type, from_glue


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name in lower case and its Trino type."""

    name: str
    type: Type

    @classmethod
    def of_glue(cls, name: str, glue_type: str) -> Column:
        """A column as the Glue catalog spells it.

        Raises: UnknownGlueType.
        """
        return cls(name.lower(), from_glue(glue_type))


@dataclass(frozen=True, slots=True)
class Schema:
    """A table's columns, its partition keys last, as ``SELECT *`` shows them."""

    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A view: its query, where its own names are looked up, and the columns it promised when it was made."""

    query: Query
    catalog: str
    database: str
    columns: tuple[Column, ...]


Relations = Mapping[TableName, Schema | View]
