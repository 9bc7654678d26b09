"""Queries: WITH, set operations, VALUES, ORDER BY and LIMIT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from silolake.sql import tree
from silolake.sql import types as t
from silolake.sql.names import TableName
from silolake.sql.positions import Position
from silolake.sql.refusals import SqlNotPlayed, SqlRefused
from silolake.sql.schemas import Relations, Schema, View
from silolake.sql.translation.calls import sort_item
from silolake.sql.translation.expressions import Expressions
from silolake.sql.translation.scopes import Field, Scope, Usage, unique_names
from silolake.sql.translation.selects import Ordered, SelectTranslator
from silolake.sql.translation.values import Typed, coerce
from silolake.sql.types import Type, common_type, quoted

_DEEPEST_VIEW = 32


@dataclass(frozen=True, slots=True)
class Cte:
    """A common table expression in sight: its DuckDB name and its columns."""

    relation: str
    fields: tuple[Field, ...]


class Queries:
    """Translates queries; immutable but for what it notes in ``usage``."""

    def __init__(self, relations: Relations, context: tuple[str | None, str | None], usage: Usage) -> None:
        self.relations, self.context, self.usage = relations, context, usage
        self.ctes: Mapping[str, Cte] = {}
        self.depth = 0

    def resolve(self, name: TableName, at: Position) -> tuple[TableName, Schema | View]:
        """The table or view that a name means where this query runs.

        Raises: SqlRefused where there is none.
        """
        full = name.within(*self.context)
        for candidate in (full, name):
            found = self.relations.get(candidate)
            if found is not None:
                return candidate, found
        if full.database is None:
            raise SqlRefused("Schema must be specified when session schema is not set", "MISSING_SCHEMA_NAME", at)
        raise SqlRefused(f"Table '{full}' does not exist", "TABLE_NOT_FOUND", at)

    def nested(self, query: tree.Query, scope: Scope) -> tuple[tuple[Field, ...], str]:
        """A query inside an expression, which may look out at ``scope``."""
        return self.query(query, scope)

    def of_view(self, name: TableName, view: View, at: Position) -> tuple[tuple[Field, ...], str]:
        """A view's query, its names looked up where the view was made.

        Raises: SqlRefused where the view no longer fits what it reads, or contains itself.
        """
        if self.depth >= _DEEPEST_VIEW:
            raise SqlRefused(f"Statement exceeded the maximum depth of views at '{name}'", "VIEW_IS_RECURSIVE", at)
        inner = Queries(self.relations, (view.catalog, view.database), self.usage)
        inner.depth = self.depth + 1
        try:
            return inner.query(view.query, None)
        except SqlNotPlayed:
            raise
        except SqlRefused as fault:
            if self.depth:
                raise
            raise SqlRefused(f"Failed analyzing stored view '{name}': {fault.message}", "INVALID_VIEW", at) from fault

    def _with(self, ctes: Mapping[str, Cte]) -> Queries:
        inner = Queries(self.relations, self.context, self.usage)
        inner.ctes, inner.depth = ctes, self.depth
        return inner

    def query(self, node: tree.Query, outer: Scope | None) -> tuple[tuple[Field, ...], str]:
        """A query's columns and text; each column's ``sql`` is its name in the text.

        Raises: SqlRefused where names or types do not fit.
        """
        ctes = dict(self.ctes)
        heads: list[str] = []
        for item in node.with_items:
            scoped = self._with(dict(ctes))
            cte, head = scoped.common_table(item, outer, node.recursive)
            ctes[item.name.name] = cte
            heads.append(head)
        inner = self._with(ctes)
        fields, sql = inner.ordered(node, outer)
        if heads:
            sql = f"WITH {'RECURSIVE ' if node.recursive else ''}{', '.join(heads)} {sql}"
        return fields, sql

    def common_table(self, item: tree.WithItem, outer: Scope | None, recursive: bool) -> tuple[Cte, str]:
        """One common table expression: what it brings in sight, and its text."""
        relation = self.usage.alias(item.name.name)
        if recursive and isinstance(item.query.body, tree.SetOperation):
            fields, _ = self._with(self.ctes).body(item.query.body.left, outer)
            own = _renamed(fields, item)
            self.ctes = {**self.ctes, item.name.name: Cte(relation, own)}
        fields, sql = self.query(item.query, outer)
        own = _renamed(fields, item)
        names = ", ".join(each.sql for each in own)
        return Cte(relation, own), f"{quoted(relation)}({names}) AS ({sql})"

    def ordered(self, node: tree.Query, outer: Scope | None) -> tuple[tuple[Field, ...], str]:
        """A query's body with what orders and limits it."""
        if node.with_ties:
            raise SqlNotPlayed("FETCH FIRST … WITH TIES", node.at)
        if isinstance(node.body, tree.Select):
            fields, sql = SelectTranslator(self, node.body, outer)(Ordered(node.order_by))
        else:
            fields, sql = self.body(node.body, outer)
            if node.order_by:
                alias, order_by = quoted(self.usage.alias("ordered")), self._order_by(node, fields, outer)
                sql = f"SELECT * FROM ({sql}) AS {alias}{order_by}"
            elif node.limit is not None or node.offset:
                sql = f"SELECT * FROM ({sql}) AS {quoted(self.usage.alias('limited'))}"
        if node.limit is not None:
            sql += f" LIMIT {node.limit}"
        if node.offset:
            sql += f" OFFSET {node.offset}"
        return fields, sql

    def _order_by(self, node: tree.Query, fields: tuple[Field, ...], outer: Scope | None) -> str:
        expressions = Expressions(Scope(fields, outer), self.usage, self)
        items = []
        for item in node.order_by:
            place = ordinal(item.expr, len(fields), "ORDER BY")
            value = Typed(fields[place].type, str(place + 1)) if place is not None else expressions(item.expr)
            items.append(sort_item(value, item))
        return f" ORDER BY {', '.join(items)}"

    # --- bodies --------------------------------------------------------------------------------

    def body(self, node: tree.Body, outer: Scope | None) -> tuple[tuple[Field, ...], str]:
        """SELECT, VALUES, a set operation, or a query in parentheses."""
        match node:
            case tree.Select():
                return SelectTranslator(self, node, outer)(Ordered(()))
            case tree.Values():
                return self._values(node, outer)
            case tree.SetOperation():
                return self._set_operation(node, outer)
            case tree.Query():
                fields, sql = self.query(node, outer)
                return fields, f"({sql})"
            case _:
                assert_never(node)

    def _values(self, node: tree.Values, outer: Scope | None) -> tuple[tuple[Field, ...], str]:
        expressions = Expressions(outer or Scope(), self.usage, self)
        rows = [
            tuple(expressions(each) for each in (row.items if isinstance(row, tree.RowConstructor) else (row,)))
            for row in node.rows
        ]
        width = len(rows[0])
        if any(len(row) != width for row in rows):
            raise SqlRefused("Values rows have mismatched sizes", "TYPE_MISMATCH", node.at)
        kinds: list[Type] = []
        for place in range(width):
            kind = t.UNKNOWN
            for row in rows:
                wider = common_type(kind, row[place].type)
                if wider is None:
                    raise SqlRefused(
                        f"Values rows have mismatched types: {kind} vs {row[place].type}", "TYPE_MISMATCH", node.at
                    )
                kind = wider
            kinds.append(kind)
        listed = ", ".join(
            f"({', '.join(coerce(value, kind).sql for value, kind in zip(row, kinds, strict=True))})" for row in rows
        )
        names = tuple(f"_col{i}" for i in range(width))
        alias = quoted(self.usage.alias("given"))
        fields = tuple(Field(None, kind, quoted(name)) for kind, name in zip(kinds, names, strict=True))
        return fields, f"SELECT * FROM (VALUES {listed}) AS {alias}({', '.join(map(quoted, names))})"

    def _set_operation(self, node: tree.SetOperation, outer: Scope | None) -> tuple[tuple[Field, ...], str]:
        left, left_sql = self.body(node.left, outer)
        right, right_sql = self.body(node.right, outer)
        if len(left) != len(right):
            raise SqlRefused(
                f"{node.operator} query has different number of fields: {len(left)}, {len(right)}",
                "TYPE_MISMATCH",
                node.at,
            )
        kinds: list[Type] = []
        for place, (a, b) in enumerate(zip(left, right, strict=True)):
            kind = common_type(a.type, b.type)
            if kind is None:
                raise SqlRefused(
                    f"column {place + 1} in {node.operator} query has incompatible types: {a.type}, {b.type}",
                    "TYPE_MISMATCH", node.at,
                )  # fmt: skip
            kinds.append(kind)
        operator = node.operator if node.distinct else f"{node.operator} ALL"
        sql = f"{self._aligned(left_sql, left, kinds)} {operator} {self._aligned(right_sql, right, kinds)}"
        return tuple(replace(each, type=kind, origin=None) for each, kind in zip(left, kinds, strict=True)), sql

    def _aligned(self, sql: str, fields: tuple[Field, ...], kinds: list[Type]) -> str:
        alias = quoted(self.usage.alias("side"))
        columns = (
            f"{coerce(Typed(each.type, f'{alias}.{each.sql}'), kind).sql} AS {each.sql}"
            for each, kind in zip(fields, kinds, strict=True)
        )
        return f"(SELECT {', '.join(columns)} FROM ({sql}) AS {alias})"


def ordinal(node: tree.Expr, width: int, clause: str) -> int | None:
    """The place in the select list that a bare whole number means, from 0; None for any other expression.

    Raises: SqlRefused where there is no such place.
    """
    if not isinstance(node, tree.NumberLiteral) or node.kind != "integer":
        return None
    place = int(node.text)
    if not 1 <= place <= width:
        raise SqlRefused(f"{clause} position {place} is not in select list", "INVALID_COLUMN_REFERENCE", node.at)
    return place - 1


def _renamed(fields: tuple[Field, ...], item: tree.WithItem) -> tuple[Field, ...]:
    if item.columns and len(item.columns) != len(fields):
        raise SqlRefused(
            f"Column alias list has {len(item.columns)} entries but WITH query({item.name.written}) has {len(fields)} "
            "columns",
            "MISMATCHED_COLUMN_ALIASES", item.at,
        )  # fmt: skip
    written: list[str | None] = [column.written for column in item.columns]
    written = written or [each.written or each.name for each in fields]
    named = unique_names(name or f"_col{i}" for i, name in enumerate(written))
    return tuple(
        replace(
            each,
            name=name.lower() if name else None,
            written=name,
            sql=quoted(unique),
            qualifier=(),
            origin=each.origin,
        )
        for each, name, unique in zip(fields, written, named, strict=True)
    )
