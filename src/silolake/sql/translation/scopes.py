"""Which column a name means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from silolake.sql.names import TableName
from silolake.sql.positions import Position
from silolake.sql.refusals import SqlRefused
from silolake.sql.types import Type


@dataclass(frozen=True, slots=True)
class Field:
    """One column that a query can see.

    Attributes:
        name: its name, or None for an expression without one.
        type: its Trino type.
        sql: how DuckDB reaches it.
        qualifier: the parts of the relation's name that may stand before it.
        origin: the table and column it comes from, where it is one.
        hidden: True for ``$path`` and its kin, which ``*`` leaves out.
        written: its name as the result shows it.
    """

    name: str | None
    type: Type
    sql: str
    qualifier: tuple[str, ...] = ()
    origin: tuple[TableName, str] | None = None
    hidden: bool = False
    written: str | None = None

    def answers_to(self, qualifier: tuple[str, ...], name: str) -> bool:
        """True where ``qualifier.name`` may mean this column."""
        if self.name != name:
            return False
        return not qualifier or self.qualifier[-len(qualifier) :] == qualifier


@dataclass(frozen=True, slots=True)
class Scope:
    """The columns in sight, and those of the query around."""

    fields: tuple[Field, ...] = ()
    parent: Scope | None = None

    def find(self, qualifier: tuple[str, ...], name: str, at: Position) -> Field | None:
        """The column of that name, from the innermost query that has one.

        Raises: SqlRefused where several have it.
        """
        found = [each for each in self.fields if each.answers_to(qualifier, name)]
        if len(found) > 1:
            raise SqlRefused(f"Column '{'.'.join((*qualifier, name))}' is ambiguous", "AMBIGUOUS_NAME", at)
        if found:
            return found[0]
        return self.parent.find(qualifier, name, at) if self.parent else None

    def has_relation(self, qualifier: tuple[str, ...]) -> bool:
        """True where a relation answers to that name."""
        return any(each.qualifier[-len(qualifier) :] == qualifier for each in self.fields)


@dataclass(slots=True)
class Usage:
    """What translating a statement has met so far."""

    columns: dict[tuple[TableName, str], None] = field(default_factory=dict)
    whole: dict[TableName, None] = field(default_factory=dict)
    aliases: set[str] = field(default_factory=set)

    def met(self, found: Field) -> None:
        """Remember that a column is read."""
        if found.origin is not None:
            self.columns[found.origin] = None

    def alias(self, wanted: str) -> str:
        """A relation name that nothing else in the statement has."""
        name, count = wanted, 1
        while name in self.aliases:
            count += 1
            name = f"{wanted}_{count}"
        self.aliases.add(name)
        return name


def unique_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names of which no two are equal to DuckDB, which does not mind case."""
    taken: set[str] = set()
    unique: list[str] = []
    for name in names:
        candidate, count = name, 1
        while candidate.lower() in taken:
            count += 1
            candidate = f"{name}_{count}"
        taken.add(candidate.lower())
        unique.append(candidate)
    return tuple(unique)
