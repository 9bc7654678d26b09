"""Which partitions a query can want, told from its WHERE and ON alone.

The answer is conservative: a partition is left out only where no row of it can matter.
https://docs.aws.amazon.com/athena/latest/ug/partitions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from silolake.sql import tree
from silolake.sql.names import TableName
from silolake.sql.schemas import Column
from silolake.sql.statements import Statement, query_of
from silolake.sql.tree import Expr
from silolake.sql.types import Type
from silolake.sql.walking import walk

# The three answers of SQL, and a fourth: nothing can be said without reading rows.
_UNSURE = object()


@dataclass(frozen=True, slots=True)
class Predicate:
    """What a query asks of one table's partition keys, over all the places where it names the table.

    Attributes:
        keys: the partition keys that matter.
        places: for each place where the table is named, the conditions that all must hold there.
    """

    keys: tuple[Column, ...]
    places: tuple[tuple[Expr, ...], ...]

    def may_match(self, values: Mapping[str, str | None]) -> bool:
        """False only where no row of a partition with these key values can matter to the query."""
        row = {key.name: _value(values.get(key.name), key.type) for key in self.keys}
        return any(all(_evaluate(each, row) in (True, _UNSURE) for each in place) for place in self.places)

    @property
    def equalities(self) -> Mapping[str, frozenset[str]]:
        """Keys that must equal one of a few texts, where every place says so: what a catalog can be asked for."""
        found = [dict(_equalities(place, self.keys)) for place in self.places]
        shared = set.intersection(*(set(each) for each in found)) if found else set()
        return {key: frozenset().union(*(each[key] for each in found)) for key in shared}


def partition_filter(statement: Statement, table: TableName, keys: Sequence[Column]) -> Predicate | None:
    """What a statement asks of a table's partition keys; None where it wants every partition.

    ``table`` is the name as the statement writes it (``tables_read``). Reads and writes nothing.
    """
    query = query_of(statement)
    if query is None or not keys:
        return None
    names = {key.name for key in keys}
    places = tuple(
        tuple(
            each
            for each in place
            if names & {c.name.name for c in walk(each) if isinstance(c, tree.Column)} or _derefs(each, names)
        )
        for place in _places(query, table)
    )
    if not places or not all(places):
        return None
    return Predicate(tuple(keys), places)


def _derefs(node: Expr, names: set[str]) -> bool:
    return any(isinstance(each, tree.Dereference) and each.name.name in names for each in walk(node))


def _places(node: tree.Node, table: TableName) -> Iterator[tuple[Expr, ...]]:
    for each in walk(node):
        if isinstance(each, tree.Select) and each.source is not None:
            where = tuple(_conjuncts(each.where)) if each.where is not None else ()
            yield from _named(each.source, table, where)


def _named(relation: tree.Relation, table: TableName, known: tuple[Expr, ...]) -> Iterator[tuple[Expr, ...]]:
    match relation:
        case tree.Table(name=name) if name == table:
            yield tuple(_own(each, name.table) for each in known)
        case tree.Aliased(relation=tree.Table(name=name), alias=alias, columns=columns) if name == table:
            yield () if columns else tuple(_own(each, alias.name) for each in known)
        case tree.Join():
            on = tuple(_conjuncts(relation.on)) if relation.on is not None else ()
            # A side that an outer join fills with NULL cannot be held to WHERE, nor the kept side to ON.
            left = known * (relation.kind not in ("RIGHT", "FULL")) + on * (relation.kind in ("INNER", "RIGHT"))
            right = known * (relation.kind not in ("LEFT", "FULL")) + on * (relation.kind in ("INNER", "LEFT"))
            yield from _named(relation.left, table, left)
            yield from _named(relation.right, table, right)
        case _:
            return


def _conjuncts(node: Expr) -> Iterator[Expr]:
    if isinstance(node, tree.Logical) and node.operator == "AND":
        for term in node.terms:
            yield from _conjuncts(term)
    else:
        yield node


def _own(node: Expr, alias: str) -> Expr:
    """The condition with ``alias.key`` spelled ``key``; what names another relation stays and is not understood."""
    owned: Expr = _spelled(node, alias)
    return owned


def _spelled(value: Any, alias: str) -> Any:
    if isinstance(value, tuple):
        return tuple(_spelled(item, alias) for item in value)
    if not isinstance(value, tree.Node) or isinstance(value, tree.Query | tree.Identifier):
        return value
    if isinstance(value, tree.Dereference) and isinstance(value.base, tree.Column):
        return tree.Column(value.name, at=value.at) if value.base.name.name == alias else value
    return replace(value, **{each.name: _spelled(getattr(value, each.name), alias) for each in fields(value)})


# --- evaluation ----------------------------------------------------------------------------------


def _value(text: str | None, kind: Type) -> Any:
    """A partition's value, which the catalog keeps as text, as a value of its key's type."""
    if text is None:
        return None
    try:
        match kind.name:
            case "varchar" | "char":
                return text
            case "tinyint" | "smallint" | "integer" | "bigint":
                return int(text)
            case "decimal":
                return Decimal(text)
            case "date":
                return date.fromisoformat(text)
            case "timestamp":
                return datetime.fromisoformat(text)
            case "boolean":
                return text.lower() == "true"
            case _:
                return _UNSURE
    except (ValueError, InvalidOperation):
        return _UNSURE


def _evaluate(node: Expr, row: Mapping[str, Any]) -> Any:
    match node:
        case tree.Column(name=name):
            return row.get(name.name, _UNSURE)
        case tree.NullLiteral():
            return None
        case tree.StringLiteral(value=value) | tree.BooleanLiteral(value=value):
            return value
        case tree.NumberLiteral(kind="integer", text=text):
            return int(text)
        case tree.NumberLiteral(kind="decimal", text=text):
            return Decimal(text)
        case tree.Unary(operator="-", operand=operand):
            value = _evaluate(operand, row)
            return -value if isinstance(value, int | Decimal) else _UNSURE
        case tree.TypedLiteral(type_name="date", text=text):
            return _value(text, Type("date"))
        case tree.TypedLiteral(type_name="timestamp", text=text):
            return _value(text, Type("timestamp"))
        case tree.Cast(expr=inner, type=kind):
            return _converted(_evaluate(inner, row), kind)
        case tree.Call(name="date", args=(inner,)):
            return _converted(_evaluate(inner, row), Type("date"))
        case _:
            return _condition(node, row)


def _converted(value: Any, kind: Type) -> Any:
    if value is None or value is _UNSURE:
        return value
    if isinstance(value, str):
        return _value(value, kind)
    if isinstance(value, int) and kind.is_integral:
        return value
    if isinstance(value, int) and kind.name == "varchar" and not kind.numbers:
        return str(value)
    return _UNSURE


def _condition(node: Expr, row: Mapping[str, Any]) -> Any:
    match node:
        case tree.Binary(operator="=" | "<>" | "<" | "<=" | ">" | ">=", left=left, right=right):
            return _compared(node.operator, _evaluate(left, row), _evaluate(right, row))
        case tree.Between(operand=operand, low=low, high=high):
            value = _evaluate(operand, row)
            return _and((_compared(">=", value, _evaluate(low, row)), _compared("<=", value, _evaluate(high, row))))
        case tree.InList(operand=operand, items=items):
            value = _evaluate(operand, row)
            return _or(tuple(_compared("=", value, _evaluate(item, row)) for item in items))
        case tree.Logical(operator="AND", terms=terms):
            return _and(tuple(_evaluate(term, row) for term in terms))
        case tree.Logical(operator="OR", terms=terms):
            return _or(tuple(_evaluate(term, row) for term in terms))
        case tree.Not(operand=operand):
            value = _evaluate(operand, row)
            return (not value) if isinstance(value, bool) else value
        case tree.IsNull(operand=operand):
            value = _evaluate(operand, row)
            return _UNSURE if value is _UNSURE else value is None
        case tree.Like(operand=operand, pattern=tree.StringLiteral(value=pattern), escape=None):
            value = _evaluate(operand, row)
            return bool(_like(pattern).fullmatch(value)) if isinstance(value, str) else _unless_null(value)
        case _:
            return _UNSURE


def _unless_null(value: Any) -> Any:
    return None if value is None else _UNSURE


def _like(pattern: str) -> re.Pattern[str]:
    parts = (".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)
    return re.compile("".join(parts), re.DOTALL)


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b, "<>": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def _compared(operator: str, left: Any, right: Any) -> Any:
    if left is _UNSURE or right is _UNSURE:
        return _UNSURE
    if left is None or right is None:
        return None
    numbers = isinstance(left, int | Decimal) and isinstance(right, int | Decimal)
    if type(left) is not type(right) and not numbers:
        return _UNSURE
    return _COMPARISONS[operator](left, right)


def _and(values: tuple[Any, ...]) -> Any:
    for decisive in (False, None, _UNSURE):
        if any(value is decisive for value in values):
            # NULL AND unknown can be false or NULL, and neither lets a row pass.
            return decisive
    return True


def _or(values: tuple[Any, ...]) -> Any:
    for decisive in (True, _UNSURE, None):
        if any(value is decisive for value in values):
            return decisive
    return False


def _equalities(place: tuple[Expr, ...], keys: tuple[Column, ...]) -> Iterator[tuple[str, frozenset[str]]]:
    textual = {key.name for key in keys if key.type.name == "varchar"}
    for each in place:
        match each:
            case tree.Binary(operator="=", left=tree.Column(name=name), right=tree.StringLiteral(value=value)):
                items: tuple[Expr, ...] = (tree.StringLiteral(value),)
            case tree.InList(operand=tree.Column(name=name), items=items):
                pass
            case _:
                continue
        if name.name in textual and all(isinstance(item, tree.StringLiteral) for item in items):
            yield name.name, frozenset(item.value for item in items if isinstance(item, tree.StringLiteral))
