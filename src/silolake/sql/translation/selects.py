"""One SELECT: its list, its groups, its order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from silolake.sql import tree
from silolake.sql.positions import Position
from silolake.sql.refusals import SqlRefused
from silolake.sql.translation.calls import is_aggregate_call, sort_item
from silolake.sql.translation.expressions import Expressions, Grouping
from silolake.sql.translation.relations import RelationTranslator, Sourced
from silolake.sql.translation.scopes import Field, Scope, unique_names
from silolake.sql.translation.values import Typed, text
from silolake.sql.types import field_name, quoted
from silolake.sql.walking import walk

if TYPE_CHECKING:
    from silolake.sql.translation.queries import Queries


@dataclass(frozen=True, slots=True)
class Ordered:
    """The ORDER BY that belongs to a SELECT."""

    items: tuple[tree.SortItem, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One column of a select list; ``expr`` is None where ``*`` brought it."""

    value: Typed
    name: str | None
    written: str | None
    expr: tree.Expr | None
    is_alias: bool = False
    source: Field | None = None


class SelectTranslator:
    """Translates one SELECT."""

    def __init__(self, queries: Queries, node: tree.Select, outer: Scope | None) -> None:
        self.queries, self.node, self.outer = queries, node, outer
        source = RelationTranslator(queries, outer)(node.source) if node.source else Sourced("", ())
        self.source = source
        self.scope = Scope(source.fields, outer)
        self.expressions = Expressions(self.scope, queries.usage, queries)
        self.expressions.windows = {each.name.name: each.window for each in node.windows}

    def __call__(self, ordered: Ordered) -> tuple[tuple[Field, ...], str]:
        """The SELECT's columns and text.

        Raises: SqlRefused where names, types or groups do not fit.
        """
        node = self.node
        where = self.expressions.boolean(node.where, "WHERE clause") if node.where else None
        grouped = self._is_grouped(ordered)
        group_by = self._group_by() if grouped else ""
        self.expressions.aggregates_allowed = grouped
        items = self._items()
        having = self._checked_condition(node.having) if node.having else None
        order_by = self._order_by(ordered, items)
        names = unique_names(item.written or f"_col{i}" for i, item in enumerate(items))
        columns = ", ".join(f"{item.value.sql} AS {quoted(name)}" for item, name in zip(items, names, strict=True))
        sql = f"SELECT {'DISTINCT ' if node.distinct else ''}{columns}"
        sql += f" FROM {self.source.sql}" if self.source.sql else ""
        sql += f" WHERE {where}" if where else ""
        sql += group_by
        sql += f" HAVING {having}" if having else ""
        sql += f" ORDER BY {', '.join(order_by)}" if order_by else ""
        fields = tuple(
            Field(item.name, item.value.type, quoted(name), written=item.written)
            for item, name in zip(items, names, strict=True)
        )
        return fields, sql

    # --- the list ------------------------------------------------------------------------------

    def _items(self) -> list[Item]:
        items: list[Item] = []
        for item in self.node.items:
            if isinstance(item, tree.SelectAll):
                items.extend(self._all(item))
            else:
                items.append(self._item(item))
        if not items:
            raise SqlRefused("SELECT * not allowed from relation that has no columns", "COLUMN_NOT_FOUND", self.node.at)
        return items

    def _item(self, item: tree.SelectExpr) -> Item:
        value = self._checked(item.expr)
        if item.alias is not None:
            return Item(value, item.alias.name, item.alias.written, item.expr, is_alias=True)
        match item.expr:
            case tree.Column(name=name) | tree.Dereference(name=name):
                return Item(value, name.name, name.name, item.expr)
            case _:
                return Item(value, None, None, item.expr)

    def _all(self, node: tree.SelectAll) -> list[Item]:
        fields = [each for each in self.source.fields if not each.hidden]
        if node.base is not None:
            qualifier = _qualifier(node.base)
            named = [each for each in fields if qualifier and each.qualifier[-len(qualifier) :] == qualifier]
            if not named:
                return self._all_of_row(node)
            fields = named
        elif not self.source.sql:
            raise SqlRefused("SELECT * not allowed in queries without FROM clause", "MISSING_FROM", node.at)
        if node.aliases and len(node.aliases) != len(fields):
            raise SqlRefused(
                f"Column alias list has {len(node.aliases)} entries but relation has {len(fields)} columns",
                "MISMATCHED_COLUMN_ALIASES", node.at,
            )  # fmt: skip
        items = []
        for place, each in enumerate(fields):
            self.queries.usage.met(each)
            self._require_grouped(each, node.at)
            alias = node.aliases[place] if node.aliases else None
            name, written = (alias.name, alias.written) if alias else (each.name, each.written or each.name)
            items.append(Item(Typed(each.type, each.sql), name, written, None, source=each))
        return items

    def _all_of_row(self, node: tree.SelectAll) -> list[Item]:
        assert node.base is not None
        qualifier = _qualifier(node.base)
        if qualifier and self.scope.find((), qualifier[0], node.at) is None:
            raise SqlRefused(f"Unable to resolve reference {'.'.join(qualifier)}", "TABLE_NOT_FOUND", node.at)
        value = self._checked(node.base)
        if value.type.name != "row":
            raise SqlRefused(f"Type of the expression is not a row: {value.type}", "TYPE_MISMATCH", node.at)
        return [
            Item(Typed(kind, f"struct_extract({value.sql}, {text(field_name(value.type, i))})"), name, name, None)
            for i, (name, kind) in enumerate(zip(value.type.fields, value.type.of, strict=True))
        ]

    # --- groups --------------------------------------------------------------------------------

    def _is_grouped(self, ordered: Ordered) -> bool:
        if self.node.group_by or self.node.having is not None:
            return True
        return any(
            is_aggregate_call(each)
            for item in (*self.node.items, *ordered.items)
            for each in walk(item, into_queries=False)
        )

    def _group_by(self) -> str:
        elements = [self._sets(element) for element in self.node.group_by]
        keys = frozenset(sql for sets in elements for each in sets for sql in each)
        self.expressions.grouping = Grouping(keys)
        if not elements:
            return ""
        if all(element.kind == "SIMPLE" for element in self.node.group_by):
            listed = dict.fromkeys(sql for sets in elements for sql in sets[0])
            return f" GROUP BY {', '.join(map(_not_an_ordinal, listed))}" if listed else " GROUP BY ()"
        joined = (dict.fromkeys(sql for each in chosen for sql in each) for chosen in product(*elements))
        return " GROUP BY GROUPING SETS (" + ", ".join(f"({', '.join(each)})" for each in joined) + ")"

    def _sets(self, element: tree.GroupingElement) -> list[tuple[str, ...]]:
        sets = [tuple(self._key(expr) for expr in each) for each in element.sets]
        match element.kind:
            case "ROLLUP":
                flat = [tuple(sql for each in sets[:count] for sql in each) for count in range(len(sets), -1, -1)]
            case "CUBE":
                masks = product((True, False), repeat=len(sets))
                flat = [
                    tuple(sql for each, kept in zip(sets, mask, strict=True) if kept for sql in each) for mask in masks
                ]
            case _:
                flat = sets
        return flat

    def _key(self, expr: tree.Expr) -> str:
        place = self._ordinal(expr)
        if place is not None:
            expr = place
        if any(is_aggregate_call(each) for each in walk(expr, into_queries=False)):
            raise SqlRefused(
                "GROUP BY clause cannot contain aggregations, window functions or grouping operations: []",
                "EXPRESSION_NOT_SCALAR",
                expr.at,
            )
        return self.expressions(expr).sql

    def _ordinal(self, expr: tree.Expr) -> tree.Expr | None:
        from silolake.sql.translation.queries import ordinal

        if not isinstance(expr, tree.NumberLiteral):
            return None
        listed: list[tree.Expr] = []
        for item in self.node.items:
            if isinstance(item, tree.SelectExpr):
                listed.append(item.expr)
            else:
                listed.extend(
                    tree.Column(tree.Identifier(each.name or "", each.name or ""), at=item.at)
                    for each in self.source.fields
                    if not each.hidden
                )
        place = ordinal(expr, len(listed), "GROUP BY")
        return None if place is None else listed[place]

    def _checked(self, expr: tree.Expr) -> Typed:
        grouping = self.expressions.grouping
        if grouping is None:
            return self.expressions(expr)
        del grouping.loose[:]
        value = self.expressions(expr)
        if grouping.loose:
            name, at = grouping.loose[0]
            raise _ungrouped(name, at)
        return value

    def _checked_condition(self, expr: tree.Expr) -> str:
        value = self._checked(expr)
        if value.type.name not in ("boolean", "unknown"):
            raise SqlRefused(
                f"HAVING clause must evaluate to a boolean: actual type {value.type}", "TYPE_MISMATCH", expr.at
            )
        return value.sql

    def _require_grouped(self, found: Field, at: Position) -> None:
        grouping = self.expressions.grouping
        if grouping is not None and found.sql not in grouping.keys:
            raise _ungrouped(".".join((*found.qualifier[-1:], found.name or "")), at)

    # --- order ---------------------------------------------------------------------------------

    def _order_by(self, ordered: Ordered, items: list[Item]) -> list[str]:
        from silolake.sql.translation.queries import ordinal

        texts: list[str] = []
        for item in ordered.items:
            place = ordinal(item.expr, len(items), "ORDER BY")
            if place is None:
                place = _named(item.expr, items)
            if place is not None:
                texts.append(sort_item(Typed(items[place].value.type, str(place + 1)), item))
                continue
            value = self._in_order(items)._checked(item.expr)
            same = [i for i, each in enumerate(items) if each.value.sql == value.sql]
            if same:
                value = Typed(value.type, str(same[0] + 1))
            elif self.node.distinct:
                raise SqlRefused(
                    "For SELECT DISTINCT, ORDER BY expressions must appear in select list",
                    "EXPRESSION_NOT_IN_DISTINCT", item.at,
                )  # fmt: skip
            texts.append(sort_item(value, item))
        return texts

    def _in_order(self, items: list[Item]) -> SelectTranslator:
        # In ORDER BY the aliases of the select list come before the columns of FROM.
        aliases = {item.name: Field(item.name, item.value.type, item.value.sql) for item in items if item.is_alias}
        rest = tuple(
            replace(each, name=None) if each.name in aliases and not each.qualifier else each
            for each in self.scope.fields
        )
        shadowed = tuple(each for each in rest if each.name not in aliases)
        inner = SelectTranslator.__new__(SelectTranslator)
        inner.queries, inner.node, inner.outer, inner.source = self.queries, self.node, self.outer, self.source
        inner.scope = Scope((*aliases.values(), *shadowed), self.scope.parent)
        inner.expressions = self.expressions.within(inner.scope)
        if inner.expressions.grouping is not None:
            keys = inner.expressions.grouping.keys | {item.value.sql for item in items if item.is_alias}
            inner.expressions.grouping = Grouping(keys)
        return inner


def _named(expr: tree.Expr, items: list[Item]) -> int | None:
    if not isinstance(expr, tree.Column):
        return None
    places = [i for i, item in enumerate(items) if item.is_alias and item.name == expr.name.name]
    if len({items[i].value.sql for i in places}) > 1:
        raise SqlRefused(f"Column '{expr.name.written}' is ambiguous", "AMBIGUOUS_NAME", expr.at)
    return places[0] if places else None


def _qualifier(node: tree.Expr) -> tuple[str, ...]:
    match node:
        case tree.Column():
            return (node.name.name,)
        case tree.Dereference():
            base = _qualifier(node.base)
            return (*base, node.name.name) if base else ()
        case _:
            return ()


def _not_an_ordinal(sql: str) -> str:
    # DuckDB reads a bare number in GROUP BY as a place in the select list.
    return f"CAST({sql} AS BIGINT)" if sql.isdigit() else sql


def _ungrouped(name: str, at: Position) -> SqlRefused:
    return SqlRefused(
        f"'{name}' must be an aggregate expression or appear in GROUP BY clause", "EXPRESSION_NOT_AGGREGATE", at
    )
