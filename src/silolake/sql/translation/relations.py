"""FROM: tables, views, joins, nested queries and UNNEST, and the columns they bring in sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from silolake.sql import tree
from silolake.sql import types as t
from silolake.sql.names import TableName
from silolake.sql.positions import Position
from silolake.sql.refusals import SqlRefused
from silolake.sql.schemas import Schema, View
from silolake.sql.translation import operators
from silolake.sql.translation.expressions import Expressions
from silolake.sql.translation.scopes import Field, Scope
from silolake.sql.translation.values import Typed, text
from silolake.sql.types import Type, field_name, quoted

if TYPE_CHECKING:
    from silolake.sql.translation.queries import Queries

HIDDEN = (("$path", t.VARCHAR), ("$file_size", t.BIGINT), ("$file_modified_time", t.TIMESTAMP_TZ))


@dataclass(frozen=True, slots=True)
class Sourced:
    """A relation, translated: the text that stands in FROM, and its columns."""

    sql: str
    fields: tuple[Field, ...]


class RelationTranslator:
    """Translates the FROM of one query."""

    def __init__(self, queries: Queries, outer: Scope | None) -> None:
        self.queries, self.outer = queries, outer

    def __call__(self, node: tree.Relation, left: tuple[Field, ...] = ()) -> Sourced:
        """A relation; ``left`` is what UNNEST and LATERAL may look at.

        Raises: SqlRefused for a table or column that is not there.
        """
        match node:
            case tree.Table():
                return self._table(node)
            case tree.Aliased():
                return self._aliased(node, left)
            case tree.SubqueryRelation():
                fields, sql = self.queries.query(node.query, self.outer)
                return self._derived(sql, fields, "query", ())
            case tree.Lateral():
                fields, sql = self.queries.query(node.query, Scope(left, self.outer))
                return self._derived(sql, fields, "lateral", (), lateral=True)
            case tree.Unnest():
                return self._unnest(node, left)
            case tree.Join():
                return self._join(node, left)
            case _:
                assert_never(node)

    def _derived(
        self, sql: str, fields: Sequence[Field], wanted: str, qualifier: tuple[str, ...], *, lateral: bool = False
    ) -> Sourced:
        alias = self.queries.usage.alias(wanted)
        own = tuple(
            replace(each, sql=f"{quoted(alias)}.{each.sql}", qualifier=qualifier, hidden=False) for each in fields
        )
        return Sourced(f"{'LATERAL ' if lateral else ''}({sql}) AS {quoted(alias)}", own)

    def _table(self, node: tree.Table) -> Sourced:
        cte = self.queries.ctes.get(node.name.table) if node.name.database is None else None
        if cte is not None:
            alias = self.queries.usage.alias(node.name.table)
            fields = tuple(
                replace(each, sql=f"{quoted(alias)}.{each.sql}", qualifier=(node.name.table,)) for each in cte.fields
            )
            return Sourced(f"{quoted(cte.relation)} AS {quoted(alias)}", fields)
        name, relation = self.queries.resolve(node.name, node.at)
        match relation:
            case Schema():
                return self._schema(name, relation)
            case View():
                return self._view(name, relation, node.at)
            case _:
                assert_never(relation)

    def _schema(self, name: TableName, schema: Schema) -> Sourced:
        self.queries.usage.whole[name] = None
        alias = self.queries.usage.alias(name.table)
        shown = tuple(
            Field(c.name, c.type, f"{quoted(alias)}.{quoted(c.name)}", name.parts, (name, c.name))
            for c in schema.columns
        )
        hidden = tuple(
            Field(column, kind, f"{quoted(alias)}.{quoted(column)}", name.parts, (name, column), hidden=True)
            for column, kind in HIDDEN
        )
        return Sourced(f"{quoted(name.relation)} AS {quoted(alias)}", shown + hidden)

    def _view(self, name: TableName, view: View, at: Position) -> Sourced:
        fields, sql = self.queries.of_view(name, view, at)
        stale = f"View '{name}' is stale or in invalid state: "
        if len(fields) != len(view.columns):
            raise SqlRefused(
                f"{stale}stored view column count ({len(view.columns)}) does not match column count derived from the "
                f"view query analysis ({len(fields)})", "VIEW_IS_STALE", at,
            )  # fmt: skip
        for place, (derived, stored) in enumerate(zip(fields, view.columns, strict=True)):
            if derived.name != stored.name or not t.is_coercible(derived.type, stored.type):
                raise SqlRefused(
                    f"{stale}column [{derived.name}] of type {derived.type} projected from query view "
                    f"at position {place} cannot be coerced to column [{stored.name}] of type {stored.type} stored "
                    "in view definition",
                    "VIEW_IS_STALE", at,
                )  # fmt: skip
        return self._derived(sql, fields, name.table, name.parts)

    def _aliased(self, node: tree.Aliased, left: tuple[Field, ...]) -> Sourced:
        inner = self(node.relation, left)
        shown = [each for each in inner.fields if not each.hidden]
        if node.columns and len(node.columns) != len(shown):
            raise SqlRefused(
                f"Column alias list has {len(node.columns)} entries but '{node.alias.written}' has {len(shown)} "
                "columns available", "MISMATCHED_COLUMN_ALIASES", node.at,
            )  # fmt: skip
        if node.columns:
            inner_fields = tuple(
                replace(each, name=column.name, written=column.written)
                for each, column in zip(shown, node.columns, strict=True)
            )
        else:
            inner_fields = inner.fields
        return Sourced(inner.sql, tuple(replace(each, qualifier=(node.alias.name,)) for each in inner_fields))

    # --- UNNEST --------------------------------------------------------------------------------

    def _unnest(self, node: tree.Unnest, left: tuple[Field, ...]) -> Sourced:
        expressions = Expressions(Scope(left, self.outer), self.queries.usage, self.queries)
        columns: list[tuple[str, Type]] = []
        lengths: list[str] = []
        for item in node.items:
            value = expressions(item)
            lengths.append(
                f"coalesce(CAST(cardinality({value.sql}) AS BIGINT), 0)"
                if value.type.name == "map"
                else f"coalesce(length({value.sql}), 0)"
            )
            columns.extend(_unnested(value, item.at))
        selected = [f"unnest({sql}) AS c{i}" for i, (sql, _) in enumerate(columns)]
        fields = [Field(None, kind, f"c{i}") for i, (_, kind) in enumerate(columns)]
        if node.ordinality:
            longest = lengths[0] if len(lengths) == 1 else f"greatest({', '.join(lengths)})"
            selected.append(f"unnest(range(1, {longest} + 1)) AS c{len(columns)}")
            fields.append(Field(None, t.BIGINT, f"c{len(columns)}"))
        return self._derived(f"SELECT {', '.join(selected)}", fields, "unnest", (), lateral=bool(left))

    # --- joins ---------------------------------------------------------------------------------

    def _join(self, node: tree.Join, left: tuple[Field, ...]) -> Sourced:
        if node.natural:
            raise SqlRefused("Natural join not supported", "NOT_SUPPORTED", node.at)
        first = self(node.left, left)
        second = self(node.right, left + first.fields)
        right = f"({second.sql})" if _is_join(node.right) else second.sql
        both = first.fields + second.fields
        if node.kind == "CROSS":
            return Sourced(f"{first.sql} CROSS JOIN {right}", both)
        if node.using:
            return self._using(node, first, second, right)
        assert node.on is not None
        expressions = Expressions(Scope(left + both, self.outer), self.queries.usage, self.queries)
        condition = expressions.boolean(node.on, "JOIN ON clause")
        return Sourced(f"{first.sql} {node.kind} JOIN {right} ON {condition}", both)

    def _using(self, node: tree.Join, first: Sourced, second: Sourced, right: str) -> Sourced:
        conditions: list[str] = []
        merged: list[Field] = []
        used: set[str] = set()
        for column in node.using:
            a = Scope(first.fields).find((), column.name, column.at)
            b = Scope(second.fields).find((), column.name, column.at)
            if a is None or b is None:
                side = "left" if a is None else "right"
                raise SqlRefused(
                    f"Column '{column.written}' is missing from {side} side of join", "COLUMN_NOT_FOUND", column.at
                )
            for each in (a, b):
                self.queries.usage.met(each)
                used.add(each.sql)
            x, y = Typed(a.type, a.sql), Typed(b.type, b.sql)
            conditions.append(operators.compared("=", x, y, column.at).sql)
            common = t.common_type(a.type, b.type) or a.type
            sql = {"RIGHT": b.sql, "FULL": f"coalesce({a.sql}, {b.sql})"}.get(node.kind, a.sql)
            merged.append(Field(column.name, common, sql, written=column.written))
        rest = tuple(each for each in first.fields + second.fields if each.sql not in used)
        return Sourced(f"{first.sql} {node.kind} JOIN {right} ON {' AND '.join(conditions)}", (*merged, *rest))


def _is_join(node: tree.Relation) -> bool:
    return isinstance(node, tree.Join)


def _unnested(value: Typed, at: Position) -> list[tuple[str, Type]]:
    match value.type.name:
        case "array" if value.type.of[0].name == "row":
            inner = value.type.of[0]
            return [(_each_field(value.sql, field_name(inner, i)), kind) for i, kind in enumerate(inner.of)]
        case "array":
            return [(value.sql, value.type.of[0])]
        case "map":
            return [(f"map_keys({value.sql})", value.type.of[0]), (f"map_values({value.sql})", value.type.of[1])]
        case _:
            raise SqlRefused(f"Cannot unnest type: {value.type}", "INVALID_FUNCTION_ARGUMENT", at)


def _each_field(sql: str, name: str) -> str:
    return f"list_transform({sql}, lambda trino_c: struct_extract(trino_c, {text(name)}))"
