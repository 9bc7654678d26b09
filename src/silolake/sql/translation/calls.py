"""Function calls: scalar, aggregate and window."""

from __future__ import annotations

import re
from collections.abc import Sequence

from silolake.sql import tree
from silolake.sql.functions import AGGREGATES, ALIASES, NOT_PLAYED, SCALARS, WINDOWS
from silolake.sql.functions.signatures import Bindings, Overload, Pattern, chosen
from silolake.sql.refusals import SqlNotPlayed, SqlRefused
from silolake.sql.translation import specials
from silolake.sql.translation.expressions import Expressions, Grouping
from silolake.sql.translation.scopes import Field, Scope
from silolake.sql.translation.units import EXTRACTABLE
from silolake.sql.translation.values import Typed, coerce
from silolake.sql.types import Type, duckdb_type, quoted
from silolake.sql.walking import walk

_CALL = re.compile(r"«(\w+)\|(.*)»")
_SLOT = re.compile(r"\{\{|\}\}|\{(\*\|\||\*|\d+)(:entry|:type)?\}")


def call(of: Expressions, node: tree.Call) -> Typed:
    """A function call.

    Raises: SqlRefused where Trino has no such function or it does not take these arguments; SqlNotPlayed where
    Trino has it and it is not played here.
    """
    name = ALIASES.get(node.name, node.name)
    special = specials.SPECIALS.get(name)
    if special is not None:
        _refuse_decorations(node)
        return special(of, node)
    if name in AGGREGATES or name in WINDOWS or name in specials.AGGREGATE_SPECIALS:
        return _aggregate(of, node, name)
    if name in SCALARS:
        _refuse_decorations(node)
        return _scalar(of, node, name)
    if name in NOT_PLAYED:
        raise SqlNotPlayed(f"the function {node.name}", node.at)
    raise SqlRefused(f"Function '{node.name}' not registered", "FUNCTION_NOT_FOUND", node.at)


def is_aggregate_call(node: tree.Node) -> bool:
    """True for a call that makes its query a grouped one."""
    return (
        isinstance(node, tree.Call)
        and node.window is None
        and (node.name in AGGREGATES or node.name in specials.AGGREGATE_SPECIALS or node.name == "grouping")
    )


def extract(of: Expressions, node: tree.Extract) -> Typed:
    """EXTRACT(field FROM …), which is the function of that name.

    Raises: SqlRefused for a field that Trino does not have.
    """
    function = EXTRACTABLE.get(node.part)
    if function is None:
        raise SqlRefused(f"Invalid EXTRACT field: {node.part}", "MALFORMED_QUERY", node.at)
    return _scalar(of, tree.Call(function, (node.operand,), at=node.at), function)


def _refuse_decorations(node: tree.Call) -> None:
    if node.window is not None:
        raise SqlRefused(f"'{node.name}' is not a window function", "FUNCTION_NOT_WINDOW", node.at)
    if node.star or node.distinct or node.order_by or node.filter is not None or node.nulls is not None:
        raise SqlRefused(f"'{node.name}' is not an aggregation function", "FUNCTION_NOT_AGGREGATE", node.at)


def _scalar(of: Expressions, node: tree.Call, name: str) -> Typed:
    result, arguments = matched(of, node, SCALARS[name])
    overload, bindings = result
    return Typed(bindings.resolve(overload.result, _kept(overload, arguments)), filled(overload.text, arguments))


def _kept(overload: Overload, arguments: Sequence[Typed]) -> Type | None:
    # Where the result is a timestamp, it keeps the precision of the argument that is one.
    wanted = {"timestamp": "timestamp", "timestamptz": "timestamp with time zone"}.get(overload.result.name)
    return next((each.type for each in arguments if each.type.name == wanted), None)


# --- matching ------------------------------------------------------------------------------------


def matched(
    of: Expressions, node: tree.Call, overloads: Sequence[Overload]
) -> tuple[tuple[Overload, Bindings], list[Typed]]:
    """The overload a call means and its arguments, coerced, its lambdas translated.

    Raises: SqlRefused where none fits.
    """
    values = [None if isinstance(arg, tree.Lambda) else of(arg) for arg in node.args]
    found = chosen(overloads, [value.type if value else None for value in values])
    if found is None:
        raise _unexpected(node, overloads, values)
    overload, bindings = found
    patterns = overload.patterns(len(values)) or ()
    arguments: list[Typed] = []
    for arg, value, wanted in zip(node.args, values, patterns, strict=True):
        if value is not None:
            arguments.append(coerce(value, bindings.resolve(wanted, value.type)))
        elif isinstance(arg, tree.Lambda):
            arguments.append(_lambda(of, arg, wanted, bindings))
    return found, arguments


def _unexpected(node: tree.Call, overloads: Sequence[Overload], values: Sequence[Typed | None]) -> SqlRefused:
    given = ", ".join(str(value.type) if value else "function" for value in values)
    expected = ", ".join(f"{each.name}({', '.join(map(str, each.parameters))})" for each in overloads)
    return SqlRefused(
        f"Unexpected parameters ({given}) for function {node.name}. Expected: {expected}", "FUNCTION_NOT_FOUND", node.at
    )


def _lambda(of: Expressions, node: tree.Lambda, wanted: Pattern, bindings: Bindings) -> Typed:
    *parameters, result = wanted.of
    if len(parameters) != len(node.parameters):
        raise SqlRefused(f"Expected a lambda that takes {len(parameters)} argument(s)", "TYPE_MISMATCH", node.at)
    names = [of.usage.alias(f"l_{each.name}") for each in node.parameters]
    entry = of.usage.alias("l_entry")
    kinds = [bindings.resolve(each) for each in parameters]
    body = lambda_body(of, node, kinds, [quoted(name) for name in names])
    if not bindings.takes(result, body.type, coerce=True):
        raise SqlRefused(f"Expected a lambda that returns {result}, not {body.type}", "TYPE_MISMATCH", node.at)
    body = coerce(body, bindings.resolve(result, body.type))
    plain = f"lambda {', '.join(map(quoted, names))}: {body.sql}"
    if len(names) == 2:
        # DuckDB's list functions hand a map's entry to a lambda as one struct.
        by_entry = lambda_body(of, node, kinds, [f"{quoted(entry)}.key", f"{quoted(entry)}.value"])
        by_entry = coerce(by_entry, bindings.resolve(result, by_entry.type))
        return Typed(Type("function", of=(*kinds, body.type)), plain, f"lambda {quoted(entry)}: {by_entry.sql}")
    return Typed(Type("function", of=(*kinds, body.type)), plain)


def lambda_body(of: Expressions, node: tree.Lambda, kinds: Sequence[Type], texts: Sequence[str]) -> Typed:
    """A lambda's body, its parameters standing for the given texts."""
    fields = tuple(Field(each.name, kind, sql) for each, kind, sql in zip(node.parameters, kinds, texts, strict=True))
    inner = of.within(Scope(fields, of.scope))
    if of.grouping is not None:
        # A lambda's parameter is nobody's column: it needs no GROUP BY.
        inner.grouping = Grouping(of.grouping.keys | frozenset(texts), of.grouping.loose)
    return inner(node.body)


def filled(template: str, arguments: Sequence[Typed]) -> str:
    """A function's text with its arguments in it."""

    def slot(found: re.Match[str]) -> str:
        which, form = found.group(1), found.group(2)
        if which is None:
            return found.group()[0]
        if which.startswith("*"):
            return (" || " if which == "*||" else ", ").join(argument.sql for argument in arguments)
        argument = arguments[int(which)]
        if form == ":entry":
            return str(argument.constant)
        return duckdb_type(argument.type) if form == ":type" else argument.sql

    return _SLOT.sub(slot, template)


# --- aggregates and windows ----------------------------------------------------------------------


def _aggregate(of: Expressions, node: tree.Call, name: str) -> Typed:
    if node.window is None:
        if name in WINDOWS:
            raise SqlRefused(f"Window function {name} requires an OVER clause", "MISSING_OVER", node.at)
        if not of.aggregates_allowed:
            raise SqlRefused(f"Aggregation function '{name}' cannot be used here", "EXPRESSION_NOT_SCALAR", node.at)
    inner = of if node.window is not None else _outside_grouping(of)
    for arg in node.args:
        if node.window is None and any(is_aggregate_call(each) for each in walk(arg, into_queries=False)):
            raise SqlRefused(f"Cannot nest aggregations inside aggregation '{name}'", "NESTED_AGGREGATION", node.at)
    if name in specials.AGGREGATE_SPECIALS:
        kind, template, arguments = specials.AGGREGATE_SPECIALS[name](inner, node)
    else:
        overloads = AGGREGATES.get(name) or WINDOWS[name]
        if name == "count" and not node.star and not node.args:
            raise _unexpected(node, overloads, [])
        (overload, bindings), arguments = matched(inner, node, overloads)
        kind, template = bindings.resolve(overload.result, _kept(overload, arguments)), overload.text
    return Typed(kind, _assembled(of, inner, node, (template, arguments)))


def _outside_grouping(of: Expressions) -> Expressions:
    inner = of.within(of.scope)
    inner.grouping, inner.aggregates_allowed = None, False
    return inner


def _assembled(of: Expressions, inner: Expressions, node: tree.Call, played: tuple[str, Sequence[Typed]]) -> str:
    template, arguments = played
    found = _CALL.search(template)
    assert found is not None
    before, after = filled(template[: found.start()], arguments), filled(template[found.end() :], arguments)
    distinct = "DISTINCT " if node.distinct else ""
    order_by = f" ORDER BY {sort_items(inner, node.order_by)}" if node.order_by else ""
    nulls = f" {node.nulls} NULLS" if node.nulls == "IGNORE" else ""
    text = f"{found.group(1)}({distinct}{filled(found.group(2), arguments)}{nulls}{order_by})"
    if node.filter is not None:
        text += f" FILTER (WHERE {inner.boolean(node.filter, 'FILTER clause')})"
    if node.window is not None:
        text += f" OVER {window(of, node.window)}"
    return f"{before}{text}{after}"


def sort_items(of: Expressions, items: Sequence[tree.SortItem]) -> str:
    """The items of an ORDER BY, the place of nulls said outright.

    Raises: SqlRefused for a type that has no order.
    """
    return ", ".join(sort_item(of(item.expr), item) for item in items)


def sort_item(value: Typed, item: tree.SortItem) -> str:
    """One item of an ORDER BY over a translated value."""
    if not value.type.is_orderable:
        raise SqlRefused(
            f"Type {value.type} is not orderable, and therefore cannot be used in ORDER BY", "TYPE_MISMATCH", item.at
        )
    direction = "DESC" if item.descending else "ASC"
    return f"{value.sql} {direction} NULLS {'FIRST' if item.nulls_first else 'LAST'}"


def window(of: Expressions, node: tree.Window) -> str:
    """What stands behind OVER, a named window written out.

    Raises: SqlRefused where the name is not a window's.
    """
    partition_by, order_by, frame, base = node.partition_by, node.order_by, node.frame, node.base
    while base is not None:
        named = of.windows.get(base.name)
        if named is None:
            raise SqlRefused(f"Cannot resolve WINDOW name {base.written}", "INVALID_WINDOW_REFERENCE", base.at)
        partition_by, order_by = named.partition_by or partition_by, named.order_by or order_by
        frame, base = frame or named.frame, named.base
    parts = []
    if partition_by:
        parts.append("PARTITION BY " + ", ".join(of(each).sql for each in partition_by))
    if order_by:
        parts.append("ORDER BY " + sort_items(of, order_by))
    if frame is not None:
        parts.append(_frame(of, frame))
    return f"({' '.join(parts)})"


def _frame(of: Expressions, frame: tree.Frame) -> str:
    def bound(end: tree.FrameBound) -> str:
        return f"{of(end.offset).sql} {end.kind}" if end.offset is not None else end.kind

    if frame.end is None:
        return f"{frame.unit} {bound(frame.start)}"
    return f"{frame.unit} BETWEEN {bound(frame.start)} AND {bound(frame.end)}"
