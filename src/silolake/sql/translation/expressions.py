"""Expressions: from Trino's tree to a type and a DuckDB text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Protocol, assert_never

from silolake.sql import tree
from silolake.sql import types as t
from silolake.sql.positions import Position
from silolake.sql.refusals import SqlRefused
from silolake.sql.translation import casts, operators
from silolake.sql.translation.scopes import Field, Scope, Usage
from silolake.sql.translation.values import Typed, coerce, text
from silolake.sql.tree import Expr
from silolake.sql.types import Type, common_type, duckdb_type, field_name, quoted


class Subqueries(Protocol):
    """What translates a nested query: its columns and its text."""

    def nested(self, query: tree.Query, scope: Scope) -> tuple[tuple[Field, ...], str]:
        """A query inside an expression, which may look out at ``scope``."""
        ...


@dataclass(slots=True)
class Grouping:
    """What one grouped query may use outside its aggregates.

    Attributes:
        keys: the DuckDB texts of the grouping expressions.
        loose: the columns met that no grouping expression covers, so far.
    """

    keys: frozenset[str]
    loose: list[tuple[str, Position]] = field(default_factory=list)


class Expressions:
    """Translates the expressions of one query, in one scope."""

    def __init__(self, scope: Scope, usage: Usage, queries: Subqueries) -> None:
        self.scope, self.usage, self.queries = scope, usage, queries
        self.grouping: Grouping | None = None
        self.aggregates_allowed = False
        self.windows: dict[str, tree.Window] = {}

    def within(self, scope: Scope) -> Expressions:
        """The same query seen from another scope, as a lambda's body is."""
        inner = Expressions(scope, self.usage, self.queries)
        inner.grouping, inner.aggregates_allowed, inner.windows = self.grouping, self.aggregates_allowed, self.windows
        return inner

    def __call__(self, node: Expr) -> Typed:
        """An expression's type and text.

        Raises: SqlRefused where its names, types or functions are not Trino's.
        """
        grouping = self.grouping
        if grouping is None:
            return self._translated(node)
        mark = len(grouping.loose)
        value = self._translated(node)
        if value.sql in grouping.keys:
            del grouping.loose[mark:]
        return value

    def boolean(self, node: Expr, clause: str) -> str:
        """The text of a condition.

        Raises: SqlRefused where it is not boolean.
        """
        value = self(node)
        if value.type.name not in ("boolean", "unknown"):
            raise SqlRefused(f"{clause} must evaluate to a boolean: actual type {value.type}", "TYPE_MISMATCH", node.at)
        return coerce(value, t.BOOLEAN).sql

    def _translated(self, node: Expr) -> Typed:
        match node:
            case (
                tree.NullLiteral() | tree.BooleanLiteral() | tree.NumberLiteral() | tree.StringLiteral()
                | tree.BinaryLiteral() | tree.TypedLiteral() | tree.IntervalLiteral() | tree.CurrentTime()
            ):  # fmt: skip
                return literal(node)
            case tree.Column():
                return self._column(node)
            case tree.Dereference():
                return self._dereference(node)
            case tree.Subscript():
                return self._subscript(node)
            case tree.Call():
                from silolake.sql.translation.calls import call

                return call(self, node)
            case tree.Lambda():
                raise SqlRefused("Lambda expression should always be used inside a function", "SYNTAX_ERROR", node.at)
            case tree.Cast():
                return casts.cast(self(node.expr), node.type, node.safe, node.at)
            case tree.Case():
                return self._case(node)
            case tree.Binary():
                return self._binary(node)
            case tree.Unary():
                return self._unary(node)
            case tree.Logical():
                terms = [self.boolean(term, f"Logical expression term {i + 1}") for i, term in enumerate(node.terms)]
                return Typed(t.BOOLEAN, "(" + f" {node.operator} ".join(terms) + ")")
            case tree.Not():
                return Typed(t.BOOLEAN, f"(NOT {self.boolean(node.operand, 'Value of logical NOT expression')})")
            case tree.Between():
                value = self(node.operand)
                low = operators.compared(">=", value, self(node.low), node.at)
                high = operators.compared("<=", value, self(node.high), node.at)
                return Typed(t.BOOLEAN, f"({low.sql} AND {high.sql})")
            case tree.InList():
                return self._in_list(node)
            case tree.Like():
                return self._like(node)
            case tree.IsNull():
                return Typed(t.BOOLEAN, f"({self(node.operand).sql} IS NULL)")
            case tree.IsDistinct():
                return operators.compared("IS DISTINCT FROM", self(node.left), self(node.right), node.at)
            case tree.InQuery() | tree.Exists() | tree.ScalarSubquery() | tree.Quantified():
                return self._subquery(node)
            case tree.ArrayConstructor():
                items, common = self.unified(node.items, "All ARRAY elements")
                listed = f"[{', '.join(item.sql for item in items)}]"
                return Typed(t.array(common), listed if items else f"CAST([] AS {duckdb_type(t.array(common))})")
            case tree.RowConstructor():
                items = tuple(self(item) for item in node.items)
                kind = t.row(*((None, item.type) for item in items))
                packed = (f"{quoted(field_name(kind, i))} := {item.sql}" for i, item in enumerate(items))
                return Typed(kind, f"struct_pack({', '.join(packed)})")
            case tree.Extract():
                from silolake.sql.translation.calls import extract

                return extract(self, node)
            case tree.AtTimeZone():
                return self._at_time_zone(node)
            case tree.Trim():
                return self._trim(node)
            case _:
                assert_never(node)

    # --- names ---------------------------------------------------------------------------------

    def _column(self, node: tree.Column) -> Typed:
        found = self.scope.find((), node.name.name, node.at)
        if found is None:
            raise unresolved((node.name.name,), node.at)
        return self._met(found, node.at)

    def _met(self, found: Field, at: Position) -> Typed:
        self.usage.met(found)
        if self.grouping is not None and found in self.scope.fields:
            named = ".".join((*found.qualifier[-1:], found.name or ""))
            self.grouping.loose.append((named, at))
            if found.sql in self.grouping.keys:
                self.grouping.loose.pop()
        return Typed(found.type, found.sql)

    def _dereference(self, node: tree.Dereference) -> Typed:
        parts = _parts(node)
        if parts is not None:
            found = self.scope.find(parts[:-1], parts[-1], node.at)
            if found is not None:
                return self._met(found, node.at)
            if self._names_relation(parts[:-1]) and self.scope.find((), parts[0], node.at) is None:
                raise unresolved(parts, node.at)
        base = self(node.base)
        if base.type.name != "row":
            raise SqlRefused(f"Expression {_shown(node.base)} is not of type ROW", "TYPE_MISMATCH", node.at)
        if node.name.name not in base.type.fields:
            raise unresolved(parts or (node.name.name,), node.at)
        index = base.type.fields.index(node.name.name)
        return Typed(base.type.of[index], f"struct_extract({base.sql}, {text(node.name.name)})")

    def _names_relation(self, qualifier: tuple[str, ...]) -> bool:
        return bool(qualifier) and self.scope.has_relation(qualifier)

    def _subscript(self, node: tree.Subscript) -> Typed:
        base, index = self(node.base), self(node.index)
        match base.type.name:
            case "array" if index.type.is_integral:
                subscript = f"trino_index({coerce(index, t.BIGINT).sql}, length({base.sql}))"
                return Typed(base.type.of[0], f"list_extract({base.sql}, {subscript})")
            case "map" if common_type(base.type.of[0], index.type) == base.type.of[0]:
                key = coerce(index, base.type.of[0])
                return Typed(base.type.of[1], f"trino_map_value({base.sql}, {key.sql})")
            case "row" if isinstance(index.constant, int) and 1 <= index.constant <= len(base.type.of):
                name = field_name(base.type, index.constant - 1)
                return Typed(base.type.of[index.constant - 1], f"struct_extract({base.sql}, {text(name)})")
            case _:
                raise SqlRefused(f"Cannot apply operator: {base.type}[{index.type}]", "TYPE_MISMATCH", node.at)

    # --- values --------------------------------------------------------------------------------

    def unified(self, nodes: Sequence[Expr], what: str) -> tuple[tuple[Typed, ...], Type]:
        """Several expressions brought to one type.

        Raises: SqlRefused where they have none in common.
        """
        values = [self(node) for node in nodes]
        common = t.UNKNOWN
        for node, value in zip(nodes, values, strict=True):
            wider = common_type(common, value.type)
            if wider is None:
                raise SqlRefused(f"{what} must be the same type: {common}, {value.type}", "TYPE_MISMATCH", node.at)
            common = wider
        return tuple(coerce(value, common) for value in values), common

    def _case(self, node: tree.Case) -> Typed:
        results = [*(when.result for when in node.whens), *([node.otherwise] if node.otherwise else [])]
        values, common = self.unified(results, "All CASE results")
        branches = []
        for when, value in zip(node.whens, values, strict=False):
            if node.operand is None:
                condition = self.boolean(when.condition, "CASE WHEN clause")
            else:
                condition = operators.compared("=", self(node.operand), self(when.condition), when.condition.at).sql
            branches.append(f"WHEN {condition} THEN {value.sql}")
        otherwise = f" ELSE {values[-1].sql}" if node.otherwise else ""
        return Typed(common, f"(CASE {' '.join(branches)}{otherwise} END)")

    def _binary(self, node: tree.Binary) -> Typed:
        left, right = self(node.left), self(node.right)
        match node.operator:
            case "=" | "<>" | "<" | "<=" | ">" | ">=":
                return operators.compared(node.operator, left, right, node.at)
            case "||":
                return operators.concatenated(left, right, node.at)
            case _:
                return operators.arithmetic(node.operator, left, right, node.at)

    def _unary(self, node: tree.Unary) -> Typed:
        if node.operator == "-" and isinstance(node.operand, tree.NumberLiteral):
            return literal(tree.NumberLiteral(node.operand.kind, "-" + node.operand.text, at=node.at))
        value = self(node.operand)
        if not (value.type.is_numeric or value.type.name.startswith("interval") or value.type.name == "unknown"):
            raise SqlRefused(f"Cannot apply operator: {node.operator}{value.type}", "TYPE_MISMATCH", node.at)
        return Typed(value.type, f"({node.operator}{value.sql})" if node.operator == "-" else value.sql)

    def _in_list(self, node: tree.InList) -> Typed:
        values, _ = self.unified((node.operand, *node.items), "IN value and list items")
        compared = [values[0].sql, *(value.sql for value in values[1:])]
        if "time zone" in values[0].type.name:
            compared = [f"trino_t({sql})" for sql in compared]
        return Typed(t.BOOLEAN, f"({compared[0]} IN ({', '.join(compared[1:])}))")

    def _like(self, node: tree.Like) -> Typed:
        sides = []
        for operand, what in ((node.operand, "Left side"), (node.pattern, "Pattern for")):
            value = self(operand)
            if not (value.type.is_text or value.type.name == "unknown"):
                raise SqlRefused(
                    f"{what} of LIKE expression must evaluate to a varchar (actual: {value.type})", "TYPE_MISMATCH",
                    operand.at,
                )  # fmt: skip
            sides.append(coerce(value, t.VARCHAR).sql if value.type.name == "unknown" else value.sql)
        escape = f" ESCAPE {self(node.escape).sql}" if node.escape else ""
        return Typed(t.BOOLEAN, f"({sides[0]} LIKE {sides[1]}{escape})")

    def _subquery(self, node: tree.InQuery | tree.Exists | tree.ScalarSubquery | tree.Quantified) -> Typed:
        fields, sql = self.queries.nested(node.query, self.scope)
        if isinstance(node, tree.Exists):
            return Typed(t.BOOLEAN, f"EXISTS ({sql})")
        if len(fields) != 1:
            raise SqlRefused(
                f"Multiple columns returned by subquery are not yet supported. Found {len(fields)}",
                "NOT_SUPPORTED",
                node.at,
            )
        inner = fields[0].type
        if isinstance(node, tree.ScalarSubquery):
            return Typed(inner, f"({sql})")
        left = self(node.operand if isinstance(node, tree.InQuery) else node.left)
        common = common_type(left.type, inner)
        operator = "=" if isinstance(node, tree.InQuery) else node.operator
        if common is None:
            if isinstance(node, tree.InQuery):
                raise SqlRefused(
                    f"value and result of subquery must be of the same type for IN expression: {left.type} vs {inner}",
                    "TYPE_MISMATCH", node.at,
                )  # fmt: skip
            raise operators.refuse(operator, left.type, inner, node.at)
        alias = self.usage.alias("subquery")
        column = operators.aligned(Typed(inner, f"{quoted(alias)}.{fields[0].sql}"), common)
        chosen = f"SELECT {column} FROM ({sql}) AS {quoted(alias)}"
        quantifier = "IN" if isinstance(node, tree.InQuery) else f"{operator} {node.quantifier}"
        return Typed(t.BOOLEAN, f"({operators.aligned(left, common)} {quantifier} ({chosen}))")

    def _at_time_zone(self, node: tree.AtTimeZone) -> Typed:
        value, zone = self(node.operand), self(node.zone)
        if zone.type.name == "interval day to second":
            zone = Typed(t.VARCHAR, f"trino_offset_text(CAST(extract(epoch FROM {zone.sql}) AS BIGINT))")
        match value.type.name:
            case "timestamp with time zone":
                return Typed(value.type, f"trino_instant(trino_t({value.sql}), {zone.sql})")
            case "timestamp":
                kind = Type("timestamp with time zone", value.type.numbers)
                return Typed(kind, f"trino_instant({value.sql}, {zone.sql})")
            case _:
                raise SqlRefused(
                    f"Type of value must be a time or timestamp with or without time zone (actual {value.type})",
                    "TYPE_MISMATCH", node.at,
                )  # fmt: skip

    def _trim(self, node: tree.Trim) -> Typed:
        value = self(node.operand)
        characters = self(node.characters) if node.characters else None
        for each in (value, *((characters,) if characters else ())):
            if not each.type.is_text and each.type.name != "unknown":
                raise SqlRefused(
                    f"Unexpected parameters ({each.type}) for function trim. Expected: trim(varchar)",
                    "TYPE_MISMATCH",
                    node.at,
                )
        name = {"LEADING": "ltrim", "TRAILING": "rtrim", "BOTH": "trim"}[node.side]
        if characters is not None:
            return Typed(t.VARCHAR, f"{name}({value.sql}, {characters.sql})")
        edges = {"LEADING": r"^\s+", "TRAILING": r"\s+$", "BOTH": r"^\s+|\s+$"}[node.side]
        return Typed(t.VARCHAR, f"regexp_replace({value.sql}, '{edges}', '', 'g')")


def unresolved(parts: Sequence[str], at: Position) -> SqlRefused:
    """Athena's words for a column that is not there, or not for this reader."""
    return SqlRefused(
        f"Column '{'.'.join(parts)}' cannot be resolved or requester is not authorized to access requested resources",
        "COLUMN_NOT_FOUND", at,
    )  # fmt: skip


def _parts(node: Expr) -> tuple[str, ...] | None:
    match node:
        case tree.Column():
            return (node.name.name,)
        case tree.Dereference():
            base = _parts(node.base)
            return None if base is None else (*base, node.name.name)
        case _:
            return None


def _shown(node: Expr) -> str:
    parts = _parts(node)
    return ".".join(parts) if parts else type(node).__name__.lower()


Literal = (
    tree.NullLiteral | tree.BooleanLiteral | tree.NumberLiteral | tree.StringLiteral | tree.BinaryLiteral
    | tree.TypedLiteral | tree.IntervalLiteral | tree.CurrentTime
)  # fmt: skip

_MOST_INTEGER = 2**31 - 1
_MOST_BIGINT = 2**63 - 1
_CLOCK = {
    "CURRENT_DATE": (t.DATE, "CAST(timezone('UTC', current_timestamp) AS DATE)"),
    "CURRENT_TIMESTAMP": (
        t.TIMESTAMP_TZ,
        "trino_instant(trino_rounded(timezone('UTC', current_timestamp), 1000), 'UTC')",
    ),
    "LOCALTIMESTAMP": (t.TIMESTAMP, "trino_rounded(timezone('UTC', current_timestamp), 1000)"),
    "CURRENT_TIME": (t.TIME, "CAST(timezone('UTC', current_timestamp) AS TIME)"),
    "LOCALTIME": (t.TIME, "CAST(timezone('UTC', current_timestamp) AS TIME)"),
}


def literal(node: Literal) -> Typed:
    """A literal's type and text.

    Raises: SqlRefused for a number too large or a text that is no value of its type.
    """
    match node:
        case tree.NullLiteral():
            return Typed(t.UNKNOWN, "NULL")
        case tree.BooleanLiteral():
            return Typed(t.BOOLEAN, "true" if node.value else "false")
        case tree.StringLiteral():
            return Typed(t.varchar(len(node.value)), text(node.value), node.value)
        case tree.BinaryLiteral():
            return Typed(t.VARBINARY, f"unhex({text(node.digits)})")
        case tree.NumberLiteral():
            return _number(node)
        case tree.TypedLiteral():
            return casts.literal(node.type_name, node.text, node.at)
        case tree.IntervalLiteral():
            return _interval(node)
        case tree.CurrentTime():
            kind, sql = _CLOCK[node.name]
            return Typed(kind, sql)
        case _:
            assert_never(node)


def _number(node: tree.NumberLiteral) -> Typed:
    match node.kind:
        case "integer":
            value = int(node.text)
            if not -_MOST_BIGINT - 1 <= value <= _MOST_BIGINT:
                raise SqlRefused(f"Invalid numeric literal: {node.text}", "INVALID_LITERAL", node.at)
            if -_MOST_INTEGER - 1 <= value <= _MOST_INTEGER:
                return Typed(t.INTEGER, str(value) if value >= 0 else f"({value})", value)
            return Typed(t.BIGINT, f"CAST('{value}' AS BIGINT)", value)
        case "decimal":
            found = casts.literal("decimal", node.text, node.at)
            return Typed(found.type, found.sql)
        case "double":
            return Typed(t.DOUBLE, f"CAST('{node.text}' AS DOUBLE)")
        case _:
            assert_never(node.kind)


_PARTS = ("DAY", "HOUR", "MINUTE", "SECOND")
_MAKERS = {"DAY": "to_days", "HOUR": "to_hours", "MINUTE": "to_minutes", "SECOND": "to_seconds"}


def _interval(node: tree.IntervalLiteral) -> Typed:
    sign = "-" if node.negative else ""
    bad = SqlRefused(f"'{node.text}' is not a valid INTERVAL literal", "INVALID_LITERAL", node.at)
    if node.unit in ("YEAR", "MONTH"):
        parts = node.text.split("-") if node.to else [node.text]
        if not all(part.isdigit() for part in parts) or len(parts) > 2:
            raise bad
        months = int(parts[0]) * (12 if node.unit == "YEAR" else 1) + (int(parts[1]) if len(parts) > 1 else 0)
        return Typed(t.YEAR_TO_MONTH, f"to_months({sign}{months})")
    try:
        pieces = [float(piece) if "." in piece else int(piece) for piece in node.text.replace(" ", ":").split(":")]
    except ValueError:
        raise bad from None
    units = _PARTS[_PARTS.index(node.unit) :]
    if len(pieces) > len(units) or (len(pieces) > 1 and node.to is None):
        raise bad
    sums = [f"{_MAKERS[unit]}({sign}{piece})" for unit, piece in zip(units, pieces, strict=False)]
    return Typed(t.DAY_TO_SECOND, reduce(lambda a, b: f"({a} + {b})", sums))
