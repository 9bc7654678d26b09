"""Names of tables, folded the way Athena folds them."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_CATALOG = "awsdatacatalog"
_MOST_PARTS = 3


@dataclass(frozen=True, slots=True)
class TableName:
    """A table as a statement names it; what was left out is None.

    >>> print(TableName.of("Processed", "Flights"))
    processed.flights
    >>> TableName.of("flights").within("AwsDataCatalog", "raw")
    TableName(catalog='awsdatacatalog', database='raw', table='flights')
    """

    catalog: str | None
    database: str | None
    table: str

    def __post_init__(self) -> None:
        if self.catalog is not None and self.database is None:
            raise ValueError(f"a table of catalog {self.catalog!r} needs a database too")

    @classmethod
    def of(cls, *parts: str) -> TableName:
        """One, two or three parts, folded to lower case."""
        if not 1 <= len(parts) <= _MOST_PARTS:
            raise ValueError(f"a table name has one to three parts, not {len(parts)}")
        folded = [part.lower() for part in parts]
        padded: list[str | None] = [None] * (_MOST_PARTS - len(folded)) + list(folded)
        return cls(padded[0], padded[1], folded[-1])

    def within(self, catalog: str | None, database: str | None) -> TableName:
        """This name with what it leaves out taken from where the query runs."""
        if self.database is None:
            if database is None:
                return self
            return TableName((catalog or DEFAULT_CATALOG).lower(), database.lower(), self.table)
        return TableName((self.catalog or catalog or DEFAULT_CATALOG).lower(), self.database, self.table)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that are there, outermost first."""
        return tuple(part for part in (self.catalog, self.database, self.table) if part is not None)

    @property
    def relation(self) -> str:
        """The name under which a DuckDB session binds this table."""
        return ".".join(self.parts)

    def __str__(self) -> str:
        return self.relation
