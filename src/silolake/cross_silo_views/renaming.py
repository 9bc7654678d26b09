"""A view's SQL with its sources' names replaced: by the parsed query's places, so that nothing else of it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from silolake.sql import Query, parse_query, tree
from silolake.sql.grammar.lexer import Dialect, Kind, Token, tokens
from silolake.sql.walking import children


@dataclass(frozen=True)
class Reading:
    """A place where a query reads a table.

    Attributes:
        table: the name as it stands there.
        is_aliased: whether the query calls it by another name.
    """

    table: tree.Table
    is_aliased: bool


def readings(query: Query) -> tuple[Reading, ...]:
    """Every place where a query reads a table; not the names its WITH makes."""
    return tuple(_readings(query, frozenset(), False))


def renamed(text: str, names: Mapping[str, str]) -> str:
    """A query with the tables it reads called otherwise, and still known within it by the names they had.

    Args:
        text: one query.
        names: what stands instead, by the name in lower case; a table's name or a query in parentheses.

    Raises:
        SqlRefused: it is not a query; also where a name stands in a place that takes no other.

    >>> renamed('select a.x, b.y from A join "b" as b on a.i = b.i', {"a": "db.a_in_all", "b": "db.b_in_all"})
    'select a.x, b.y from db.a_in_all AS "a" join db.b_in_all as b on a.i = b.i'
    """
    found = tuple(tokens(text, Dialect.TRINO))
    at = {token.at: token for token in found}
    edits: list[tuple[Token, str]] = []
    for reading in readings(parse_query(text)):
        name = reading.table.name
        if name.database is None and name.table in names:
            said = names[name.table] + ("" if reading.is_aliased else f' AS "{name.table}"')
            edits.append((at[reading.table.at], said))
    last = [token for token in found if token.kind is not Kind.END and token.value != ";"][-1]
    made = text[: last.end]
    for token, said in sorted(edits, key=lambda edit: edit[0].start, reverse=True):
        made = made[: token.start] + said + made[token.end :]
    made = made.strip()
    parse_query(made)
    return made


def _readings(node: tree.Node, hidden: frozenset[str], is_aliased: bool) -> Iterator[Reading]:
    match node:
        case tree.Table(name=name):
            if name.database is not None or name.table not in hidden:
                yield Reading(node, is_aliased)
        case tree.Aliased(relation=relation):
            yield from _readings(relation, hidden, True)
        case Query():
            for item in node.with_items:
                own = {item.name.name} if node.recursive else set()
                yield from _readings(item.query, hidden | own, False)
                hidden = hidden | {item.name.name}
            for rest in (node.body, *node.order_by):
                yield from _readings(rest, hidden, False)
        case _:
            for child in children(node):
                yield from _readings(child, hidden, False)
