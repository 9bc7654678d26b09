"""Functions whose type or text no signature can say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from silolake.sql import tree
from silolake.sql import types as t
from silolake.sql.refusals import SqlNotPlayed, SqlRefused
from silolake.sql.translation import casts, formats, operators
from silolake.sql.translation.expressions import Expressions
from silolake.sql.translation.units import DATE_UNITS, MAKERS, UNITS
from silolake.sql.translation.values import Typed, coerce, instant, text
from silolake.sql.types import Type, as_decimal, common_type, decimal, duckdb_type

Special = Callable[[Expressions, tree.Call], Typed]
Aggregate = tuple[Type, str, Sequence[Typed]]


def _arguments(of: Expressions, node: tree.Call, least: int, most: int | None = None) -> list[Typed]:
    if not least <= len(node.args) <= (most or least):
        raise SqlRefused(
            f"Unexpected parameters for function {node.name}: it takes {least} argument(s), not {len(node.args)}",
            "FUNCTION_NOT_FOUND", node.at,
        )  # fmt: skip
    return [of(arg) for arg in node.args]


def _refused(node: tree.Call, *values: Typed) -> SqlRefused:
    given = ", ".join(str(value.type) for value in values)
    return SqlRefused(f"Unexpected parameters ({given}) for function {node.name}", "FUNCTION_NOT_FOUND", node.at)


def _word(value: Typed, node: tree.Call, what: str) -> str:
    if not isinstance(value.constant, str):
        raise SqlNotPlayed(f"a {what} in {node.name} that is not a literal", node.at)
    return value.constant


# --- conditional ---------------------------------------------------------------------------------


def coalesce(of: Expressions, node: tree.Call) -> Typed:
    """COALESCE takes two or more."""
    if len(node.args) < 2:
        raise SqlRefused(
            "The 'coalesce' function must have at least two arguments", "INVALID_FUNCTION_ARGUMENT", node.at
        )
    values, common = of.unified(node.args, "All COALESCE operands")
    return Typed(common, f"coalesce({', '.join(value.sql for value in values)})")


def if_(of: Expressions, node: tree.Call) -> Typed:
    """IF(condition, value[, otherwise])."""
    if not 2 <= len(node.args) <= 3:
        raise SqlRefused("Invalid number of arguments for 'if' function", "MALFORMED_QUERY", node.at)
    otherwise = node.args[2] if len(node.args) > 2 else None
    return of(tree.Case(None, (tree.When(node.args[0], node.args[1], at=node.at),), otherwise, at=node.at))


def nullif(of: Expressions, node: tree.Call) -> Typed:
    """NULLIF keeps the type of its first argument."""
    first, second = _arguments(of, node, 2)
    equal = operators.compared("=", first, second, node.at)
    return Typed(first.type, f"(CASE WHEN {equal.sql} THEN NULL ELSE {first.sql} END)")


def try_(of: Expressions, node: tree.Call) -> Typed:
    """TRY turns a failing value into NULL."""
    (value,) = _arguments(of, node, 1)
    return Typed(value.type, f"TRY({value.sql})")


def _extreme(name: str) -> Special:
    def extreme(of: Expressions, node: tree.Call) -> Typed:
        """greatest and least are NULL where any argument is; DuckDB's skip NULL."""
        values, common = of.unified(node.args, f"All {name} arguments")
        if not values or not common.is_orderable:
            raise _refused(node, *values)
        any_null = " OR ".join(f"{value.sql} IS NULL" for value in values)
        listed = ", ".join(value.sql for value in values)
        return Typed(common, f"(CASE WHEN {any_null} THEN NULL ELSE {name}({listed}) END)")

    return extreme


def typeof(of: Expressions, node: tree.Call) -> Typed:
    """typeof names Trino's type, which is known before a row is read."""
    (value,) = _arguments(of, node, 1)
    return Typed(t.VARCHAR, text(str(value.type)))


# --- numbers -------------------------------------------------------------------------------------


def _rounding(duckdb_name: str) -> Special:
    def rounding(of: Expressions, node: tree.Call) -> Typed:
        """round, ceil, floor and truncate of whole numbers and decimals keep their kind."""
        values = _arguments(of, node, 1, 2 if node.name in ("round", "truncate") else 1)
        value = values[0]
        digits = values[1].sql if len(values) > 1 else None
        if len(values) > 1 and not values[1].type.is_integral:
            raise _refused(node, *values)
        if value.type.is_integral and duckdb_name != "trunc":
            return (
                value
                if digits is None
                else Typed(value.type, f"CAST(round({value.sql}, {digits}) AS {duckdb_type(value.type)})")
            )
        if value.type.name == "decimal":
            return _rounded_decimal(value, duckdb_name, digits)
        if not value.type.is_numeric and value.type.name != "unknown":
            raise _refused(node, *values)
        kind = value.type if value.type.name == "real" else t.DOUBLE
        number = coerce(value, kind).sql
        if digits is None:
            return Typed(kind, f"{duckdb_name}({number})")
        if duckdb_name == "trunc":
            return Typed(kind, f"(trunc({number} * pow(1e1, {digits})) / pow(1e1, {digits}))")
        return Typed(kind, f"CAST(round({number}, CAST({digits} AS INTEGER)) AS {duckdb_type(kind)})")

    return rounding


def _rounded_decimal(value: Typed, name: str, digits: str | None) -> Typed:
    p, s = value.type.precision, value.type.scale
    if digits is not None:
        kind = decimal(min(38, p + 1), s) if name == "round" else value.type
        return Typed(kind, f"CAST({name}({value.sql}, {digits}) AS {duckdb_type(kind)})")
    grown = 1 if s > 0 and name != "trunc" else 0
    kind = decimal(max(p - s + grown, 1), 0)
    return Typed(kind, f"CAST({name}({value.sql}) AS {duckdb_type(kind)})")


def mod(of: Expressions, node: tree.Call) -> Typed:
    """mod(n, m) is n % m."""
    left, right = _arguments(of, node, 2)
    return operators.arithmetic("%", left, right, node.at)


# --- dates ---------------------------------------------------------------------------------------


def _unit(of: Expressions, node: tree.Call, kind: Type) -> str:
    unit = _word(of(node.args[0]), node, "unit").lower()
    known = DATE_UNITS if kind.name == "date" else UNITS
    if unit not in known:
        article = "DATE" if kind.name == "date" else "timestamp"
        raise SqlRefused(f"'{unit}' is not a valid {article} field", "INVALID_FUNCTION_ARGUMENT", node.at)
    return unit


def _is_time(kind: Type) -> bool:
    return kind.name in ("date", "timestamp", "timestamp with time zone")


def date_trunc(of: Expressions, node: tree.Call) -> Typed:
    """date_trunc keeps the type of what it truncates; DuckDB's makes every date a timestamp."""
    values = _arguments(of, node, 2)
    value = values[1]
    if not _is_time(value.type):
        raise _refused(node, *values)
    unit = text(_unit(of, node, value.type))
    match value.type.name:
        case "date":
            return Typed(value.type, f"CAST(date_trunc({unit}, {value.sql}) AS DATE)")
        case "timestamp":
            return Typed(value.type, f"date_trunc({unit}, {value.sql})")
        case _:
            return Typed(value.type, f"trino_relocal(date_trunc({unit}, trino_local({value.sql})), {value.sql})")


def date_add(of: Expressions, node: tree.Call) -> Typed:
    """date_add(unit, count, value) keeps the type of the value."""
    values = _arguments(of, node, 3)
    count, value = values[1], values[2]
    if not (_is_time(value.type) and count.type.is_integral):
        raise _refused(node, *values)
    unit = _unit(of, node, value.type)
    interval = t.YEAR_TO_MONTH if unit in ("month", "quarter", "year") else t.DAY_TO_SECOND
    moved = operators.shifted(value, f"+ {MAKERS[unit]}(CAST({count.sql} AS INTEGER))", interval)
    return Typed(value.type, moved.sql)


def date_diff(of: Expressions, node: tree.Call) -> Typed:
    """date_diff counts whole units passed, as DuckDB's date_sub does; DuckDB's date_diff counts boundaries."""
    values = _arguments(of, node, 3)
    common = common_type(values[1].type, values[2].type)
    if common is None or not _is_time(common):
        raise _refused(node, *values)
    unit = _unit(of, node, common)
    first, second = (instant(coerce(value, common)) for value in values[1:])
    return Typed(t.BIGINT, f"date_sub({text(unit)}, {first}, {second})")


def date(of: Expressions, node: tree.Call) -> Typed:
    """date(x) is CAST(x AS date)."""
    (value,) = _arguments(of, node, 1)
    return casts.cast(value, t.DATE, False, node.at)


def now(of: Expressions, node: tree.Call) -> Typed:
    """now() is CURRENT_TIMESTAMP."""
    _arguments(of, node, 0)
    return of(tree.CurrentTime("CURRENT_TIMESTAMP", None, at=node.at))


def _local(value: Typed, node: tree.Call) -> str:
    match value.type.name:
        case "timestamp with time zone":
            return f"trino_local({value.sql})"
        case "timestamp" | "date":
            return f"CAST({value.sql} AS TIMESTAMP)"
        case _:
            raise _refused(node, value)


def date_format(of: Expressions, node: tree.Call) -> Typed:
    """date_format speaks MySQL's specifiers."""
    value, pattern = _arguments(of, node, 2)
    written = formats.mysql(_word(pattern, node, "format"), node.at)
    return Typed(t.VARCHAR, f"strftime({_local(value, node)}, {text(written)})")


def date_parse(of: Expressions, node: tree.Call) -> Typed:
    """date_parse reads what date_format writes."""
    value, pattern = _arguments(of, node, 2)
    if not value.type.is_text and value.type.name != "unknown":
        raise _refused(node, value, pattern)
    written = formats.mysql(_word(pattern, node, "format"), node.at)
    return Typed(t.TIMESTAMP, f"strptime({coerce(value, t.VARCHAR).sql}, {text(written)})")


def format_datetime(of: Expressions, node: tree.Call) -> Typed:
    """format_datetime speaks Joda's letters."""
    value, pattern = _arguments(of, node, 2)
    written = formats.joda(_word(pattern, node, "format"), node.at)
    return Typed(t.VARCHAR, f"strftime({_local(value, node)}, {text(written)})")


def parse_datetime(of: Expressions, node: tree.Call) -> Typed:
    """parse_datetime reads what format_datetime writes, in UTC."""
    value, pattern = _arguments(of, node, 2)
    written = formats.joda(_word(pattern, node, "format"), node.at)
    return Typed(t.TIMESTAMP_TZ, f"trino_instant(strptime({coerce(value, t.VARCHAR).sql}, {text(written)}), 'UTC')")


# --- collections ---------------------------------------------------------------------------------


def array_join(of: Expressions, node: tree.Call) -> Typed:
    """array_join spells its elements as CAST to varchar does, and skips NULL unless told what to write."""
    values = _arguments(of, node, 2, 3)
    if values[0].type.name != "array":
        raise _refused(node, *values)
    spelled = casts.cast_text("trino_c", values[0].type.of[0], t.VARCHAR)
    if len(values) > 2:
        spelled = f"coalesce({spelled}, {values[2].sql})"
    return Typed(
        t.VARCHAR, f"array_to_string(list_transform({values[0].sql}, lambda trino_c: {spelled}), {values[1].sql})"
    )


def map_entries(of: Expressions, node: tree.Call) -> Typed:
    """map_entries gives rows without names."""
    (value,) = _arguments(of, node, 1)
    if value.type.name != "map":
        raise _refused(node, value)
    kind = t.array(t.row((None, value.type.of[0]), (None, value.type.of[1])))
    packed = "struct_pack(field0 := trino_c.key, field1 := trino_c.value)"
    return Typed(kind, f"list_transform(map_entries({value.sql}), lambda trino_c: {packed})")


def map_from_entries(of: Expressions, node: tree.Call) -> Typed:
    """map_from_entries takes rows of two."""
    (value,) = _arguments(of, node, 1)
    inner = value.type.of[0] if value.type.name == "array" else t.UNKNOWN
    if inner.name != "row" or len(inner.of) != 2:
        raise _refused(node, value)
    return Typed(t.map_of(*inner.of), f"map_from_entries({value.sql})")


def reduce(of: Expressions, node: tree.Call) -> Typed:
    """reduce(array, start, (state, element) -> state, state -> result)."""
    from silolake.sql.translation.calls import lambda_body

    if len(node.args) != 4:
        raise _refused(node)
    array, start = of(node.args[0]), of(node.args[1])
    step, finish = node.args[2], node.args[3]
    if array.type.name != "array" or not isinstance(step, tree.Lambda) or not isinstance(finish, tree.Lambda):
        raise _refused(node, array, start)
    element = array.type.of[0]
    state, item = of.usage.alias("l_state"), of.usage.alias("l_item")
    grown = lambda_body(of, step, [start.type, element], [state, item])
    kind = common_type(start.type, grown.type)
    if kind is None:
        raise _refused(node, start, grown)
    # DuckDB reduces a list of one type, so state and element travel together in a struct.
    blank = coerce(Typed(t.UNKNOWN, "NULL"), kind).sql
    wrapped = f"list_transform({array.sql}, lambda {item}: {{'s': {blank}, 'e': {item}}})"
    body = coerce(lambda_body(of, step, [kind, element], [f"{state}.s", f"{item}.e"]), kind)
    first = f"{{'s': {coerce(start, kind).sql}, 'e': {coerce(Typed(t.UNKNOWN, 'NULL'), element).sql}}}"
    reduced = f"list_reduce({wrapped}, lambda {state}, {item}: {{'s': {body.sql}, 'e': {item}.e}}, {first}).s"
    return lambda_body(of, finish, [kind], [f"({reduced})"])


def zip_with(of: Expressions, node: tree.Call) -> Typed:
    """zip_with(a, b, (x, y) -> …); the shorter is filled with NULL."""
    from silolake.sql.translation.calls import lambda_body

    if len(node.args) != 3 or not isinstance(node.args[2], tree.Lambda):
        raise _refused(node)
    first, second = of(node.args[0]), of(node.args[1])
    if first.type.name != "array" or second.type.name != "array":
        raise _refused(node, first, second)
    pair = of.usage.alias("l_pair")
    body = lambda_body(of, node.args[2], [first.type.of[0], second.type.of[0]], [f"{pair}[1]", f"{pair}[2]"])
    return Typed(t.array(body.type), f"list_transform(list_zip({first.sql}, {second.sql}), lambda {pair}: {body.sql})")


def grouping(of: Expressions, node: tree.Call) -> Typed:
    """GROUPING says which columns a grouping set left out."""
    return Typed(
        t.INTEGER if len(node.args) < 32 else t.BIGINT,
        f"CAST(grouping({', '.join(of(arg).sql for arg in node.args)}) AS INTEGER)",
    )


SPECIALS: Mapping[str, Special] = {
    "coalesce": coalesce, "if": if_, "nullif": nullif, "try": try_, "typeof": typeof, "mod": mod,
    "greatest": _extreme("greatest"), "least": _extreme("least"),
    "round": _rounding("round"), "ceil": _rounding("ceil"), "ceiling": _rounding("ceil"), "floor": _rounding("floor"),
    "truncate": _rounding("trunc"),
    "date_trunc": date_trunc, "date_add": date_add, "date_diff": date_diff, "date": date, "now": now,
    "date_format": date_format, "date_parse": date_parse, "format_datetime": format_datetime,
    "parse_datetime": parse_datetime,
    "array_join": array_join, "map_entries": map_entries, "map_from_entries": map_from_entries, "reduce": reduce,
    "zip_with": zip_with, "grouping": grouping,
}  # fmt: skip


# --- aggregates over decimals --------------------------------------------------------------------


def _sum(of: Expressions, node: tree.Call) -> Aggregate:
    (value,) = _arguments(of, node, 1)
    match value.type.name:
        case "decimal":
            kind = decimal(38, value.type.scale)
            return kind, "«sum|{0}»", [value]
        case "real":
            return t.REAL, "CAST(«sum|{0}» AS FLOAT)", [value]
        case "double":
            return t.DOUBLE, "«sum|{0}»", [value]
        case "interval day to second" | "interval year to month":
            return value.type, "«sum|{0}»", [value]
        case "unknown":
            return t.BIGINT, "CAST(«sum|{0}» AS BIGINT)", [coerce(value, t.BIGINT)]
        case _ if value.type.is_integral:
            return t.BIGINT, "CAST(«sum|{0}» AS BIGINT)", [value]
        case _:
            raise _refused(node, value)


def _avg(of: Expressions, node: tree.Call) -> Aggregate:
    (value,) = _arguments(of, node, 1)
    match value.type.name:
        case "decimal":
            # Trino's average of decimals is exact, rounded half up to their own scale.
            kind = as_decimal(value.type)
            return kind, f"CAST(round(«avg|{{0}}», {kind.scale}) AS {duckdb_type(kind)})", [value]
        case "real":
            return t.REAL, "CAST(«avg|{0}» AS FLOAT)", [value]
        case "interval day to second":
            return value.type, "«avg|{0}»", [value]
        case _ if value.type.is_numeric or value.type.name == "unknown":
            return t.DOUBLE, "«avg|{0}»", [coerce(value, t.DOUBLE)]
        case _:
            raise _refused(node, value)


AGGREGATE_SPECIALS: Mapping[str, Callable[[Expressions, tree.Call], Aggregate]] = {"sum": _sum, "avg": _avg}
