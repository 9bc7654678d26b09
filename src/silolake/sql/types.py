"""Trino's types: how they are spelled, which fit into which, and what DuckDB calls them.

https://trino.io/docs/current/language/types.html ·
https://docs.aws.amazon.com/athena/latest/ug/data-types.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_DIGITS = 38
UNBOUNDED = 2147483647


@dataclass(frozen=True, slots=True)
class Type:
    """A Trino type.

    >>> print(Type("decimal", (10, 2)), array(BIGINT), row(("a", BIGINT), (None, VARCHAR)))
    decimal(10,2) array(bigint) row(a bigint, varchar)
    """

    name: str
    numbers: tuple[int, ...] = ()
    of: tuple[Type, ...] = ()
    fields: tuple[str | None, ...] = ()

    def __str__(self) -> str:
        match self.name:
            case "row":
                inner = (f"{n} {t}" if n else str(t) for n, t in zip(self.fields, self.of, strict=True))
                return f"row({', '.join(inner)})"
            case "array" | "map" | "function":
                return f"{self.name}({', '.join(map(str, self.of))})"
            case "timestamp with time zone" | "time with time zone":
                base = self.name.split()[0]
                return f"{base}({self.numbers[0]}) with time zone"
            case _:
                return f"{self.name}({','.join(map(str, self.numbers))})" if self.numbers else self.name

    @property
    def precision(self) -> int:
        """The digits of a decimal or of a second."""
        return self.numbers[0]

    @property
    def scale(self) -> int:
        """The digits behind a decimal's point."""
        return self.numbers[1]

    @property
    def is_integral(self) -> bool:
        """True for tinyint to bigint."""
        return self.name in _INTEGRAL_DIGITS

    @property
    def is_numeric(self) -> bool:
        """True for every number."""
        return self.is_integral or self.name in {"decimal", "real", "double"}

    @property
    def is_text(self) -> bool:
        """True for varchar and char."""
        return self.name in {"varchar", "char"}

    @property
    def is_orderable(self) -> bool:
        """True where ``<`` is defined."""
        if self.name in {"array", "row"}:
            return all(t.is_orderable for t in self.of)
        return self.name not in {"map", "json", "function"}


BOOLEAN = Type("boolean")
TINYINT, SMALLINT, INTEGER, BIGINT = Type("tinyint"), Type("smallint"), Type("integer"), Type("bigint")
REAL, DOUBLE = Type("real"), Type("double")
VARCHAR, VARBINARY, JSON, UUID = Type("varchar"), Type("varbinary"), Type("json"), Type("uuid")
DATE, TIME = Type("date"), Type("time", (3,))
TIMESTAMP, TIMESTAMP_TZ = Type("timestamp", (3,)), Type("timestamp with time zone", (3,))
DAY_TO_SECOND, YEAR_TO_MONTH = Type("interval day to second"), Type("interval year to month")
UNKNOWN = Type("unknown")

_INTEGRAL_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
_INTEGRALS = tuple(_INTEGRAL_DIGITS)
_DUCKDB = {
    "boolean": "BOOLEAN", "tinyint": "TINYINT", "smallint": "SMALLINT", "integer": "INTEGER", "bigint": "BIGINT",
    "real": "FLOAT", "double": "DOUBLE", "varchar": "VARCHAR", "char": "VARCHAR", "varbinary": "BLOB", "json": "JSON",
    "uuid": "UUID", "date": "DATE", "time": "TIME", "timestamp": "TIMESTAMP", "unknown": "INTEGER",
    # A Trino timestamp with time zone keeps its zone; DuckDB's TIMESTAMPTZ is a bare instant.
    "timestamp with time zone": "STRUCT(t TIMESTAMP, z VARCHAR)",
    "interval day to second": "INTERVAL", "interval year to month": "INTERVAL",
}  # fmt: skip


def varchar(length: int) -> Type:
    """varchar(n); unbounded where n is 2147483647."""
    return VARCHAR if length >= UNBOUNDED else Type("varchar", (length,))


def decimal(precision: int, scale: int) -> Type:
    """decimal(p,s), cut at 38 digits as Trino cuts it."""
    return Type("decimal", (min(MOST_DIGITS, precision), min(scale, MOST_DIGITS)))


def array(of: Type) -> Type:
    """array(T)."""
    return Type("array", of=(of,))


def map_of(key: Type, value: Type) -> Type:
    """map(K, V)."""
    return Type("map", of=(key, value))


def row(*fields: tuple[str | None, Type]) -> Type:
    """row(name type, …); a field may have no name."""
    return Type("row", of=tuple(t for _, t in fields), fields=tuple(n for n, _ in fields))


def field_name(kind: Type, index: int) -> str:
    """The name of a row's field in DuckDB and in results; ``field0`` where Trino has none."""
    return kind.fields[index] or f"field{index}"


def quoted(name: str) -> str:
    """A name as DuckDB reads it."""
    return '"' + name.replace('"', '""') + '"'


def duckdb_type(kind: Type) -> str:
    """The DuckDB type that holds a Trino type's values."""
    match kind.name:
        case "decimal":
            return f"DECIMAL({kind.precision},{kind.scale})"
        case "array":
            return f"{duckdb_type(kind.of[0])}[]"
        case "map":
            return f"MAP({duckdb_type(kind.of[0])}, {duckdb_type(kind.of[1])})"
        case "row":
            inner = (f"{quoted(field_name(kind, i))} {duckdb_type(t)}" for i, t in enumerate(kind.of))
            return f"STRUCT({', '.join(inner)})"
        case name:
            return _DUCKDB[name]


def is_coercible(source: Type, target: Type) -> bool:
    """True where Trino turns a value of one type into the other without being asked."""
    return source == target or common_type(source, target) == target


def common_type(left: Type, right: Type) -> Type | None:
    """The type to which Trino brings both, or None where it refuses."""
    if left == right:
        return left
    if left.name == "unknown":
        return right
    if right.name == "unknown":
        return left
    if left.is_numeric and right.is_numeric:
        return _common_number(left, right)
    if left.is_text and right.is_text:
        return _common_text(left, right)
    return _common_time(left, right) or _common_nested(left, right)


def _common_number(left: Type, right: Type) -> Type:
    for wide in (DOUBLE, REAL):
        if wide in (left, right):
            return wide
    if left.is_integral and right.is_integral:
        return max(left, right, key=lambda t: _INTEGRALS.index(t.name))
    a, b = as_decimal(left), as_decimal(right)
    scale = max(a.scale, b.scale)
    return decimal(max(a.precision - a.scale, b.precision - b.scale) + scale, scale)


def as_decimal(kind: Type) -> Type:
    """The decimal that holds every value of an integer type; a decimal itself."""
    return kind if kind.name == "decimal" else decimal(_INTEGRAL_DIGITS[kind.name], 0)


def _common_text(left: Type, right: Type) -> Type:
    name = "char" if "char" in (left.name, right.name) else "varchar"
    length = max((t.numbers[0] if t.numbers else UNBOUNDED) for t in (left, right))
    return varchar(length) if name == "varchar" else Type("char", (min(length, 65536),))


_TIMES = ("date", "timestamp", "timestamp with time zone")


def _common_time(left: Type, right: Type) -> Type | None:
    if left.name in _TIMES and right.name in _TIMES:
        name = max(left.name, right.name, key=_TIMES.index)
        return Type(name, (max((t.numbers[0] if t.numbers else 0) for t in (left, right)),))
    if left.name == right.name == "time":
        return Type("time", (max(left.precision, right.precision),))
    return None


def _common_nested(left: Type, right: Type) -> Type | None:
    if left.name != right.name or len(left.of) != len(right.of) or not left.of:
        return None
    inner = [common_type(a, b) for a, b in zip(left.of, right.of, strict=True)]
    if None in inner:
        return None
    names = tuple(a if a == b else None for a, b in zip(left.fields, right.fields, strict=True))
    return Type(left.name, of=tuple(t for t in inner if t is not None), fields=names)


# --- Glue's spelling -----------------------------------------------------------------------------

_GLUE = {
    "boolean": BOOLEAN, "tinyint": TINYINT, "smallint": SMALLINT, "int": INTEGER, "integer": INTEGER,
    "bigint": BIGINT, "float": REAL, "real": REAL, "double": DOUBLE, "string": VARCHAR, "varchar": VARCHAR,
    "binary": VARBINARY, "date": DATE, "timestamp": TIMESTAMP, "decimal": decimal(10, 0),
}  # fmt: skip
_GLUE_TOKEN = re.compile(r"\s*([<>,:()]|[^<>,:()\s]+)")


class UnknownGlueType(ValueError):
    """A type that no Glue table has."""


def from_glue(text: str) -> Type:
    """A Glue (Hive) type as a Trino type.

    >>> print(from_glue("struct<id:int,tags:array<string>,price:decimal(5,2)>"))
    row(id integer, tags array(varchar), price decimal(5,2))

    Raises: UnknownGlueType for a type that Glue does not have.
    """
    reader = _GlueReader(text, _GLUE_TOKEN.findall(text))
    kind = reader.type()
    if reader.tokens:
        raise UnknownGlueType(text)
    return kind


class _GlueReader:
    def __init__(self, text: str, tokens: list[str]) -> None:
        self.text, self.tokens = text, tokens

    def take(self, wanted: str | None = None) -> str:
        if not self.tokens or (wanted is not None and self.tokens[0] != wanted):
            raise UnknownGlueType(self.text)
        return self.tokens.pop(0)

    def type(self) -> Type:
        name = self.take().lower()
        match name:
            case "array":
                self.take("<")
                kind = array(self.type())
                self.take(">")
                return kind
            case "map":
                self.take("<")
                key = self.type()
                self.take(",")
                kind = map_of(key, self.type())
                self.take(">")
                return kind
            case "struct":
                return self._struct()
            case "decimal" | "varchar" | "char":
                numbers = self._numbers()
                if name == "decimal":
                    return decimal(numbers[0], numbers[1] if len(numbers) > 1 else 0) if numbers else decimal(10, 0)
                return Type(name, numbers) if numbers else VARCHAR
            case _ if name in _GLUE:
                return _GLUE[name]
            case _:
                raise UnknownGlueType(self.text)

    def _struct(self) -> Type:
        self.take("<")
        fields: list[tuple[str | None, Type]] = []
        while True:
            name = self.take()
            self.take(":")
            fields.append((name.lower(), self.type()))
            if self.take() == ">":
                return row(*fields)

    def _numbers(self) -> tuple[int, ...]:
        if not self.tokens or self.tokens[0] != "(":
            return ()
        self.take("(")
        numbers: list[int] = []
        while True:
            digits = self.take()
            if not digits.isdigit():
                raise UnknownGlueType(self.text)
            numbers.append(int(digits))
            if self.take() == ")":
                return tuple(numbers)


_TO_GLUE = {"integer": "int", "real": "float", "varchar": "string", "varbinary": "binary", "unknown": "string"}


def to_glue(kind: Type) -> str:
    """A Trino type as Glue spells it, for the tables that CTAS makes.

    >>> to_glue(array(row(("a", INTEGER))))
    'array<struct<a:int>>'
    """
    match kind.name:
        case "array":
            return f"array<{to_glue(kind.of[0])}>"
        case "map":
            return f"map<{to_glue(kind.of[0])},{to_glue(kind.of[1])}>"
        case "row":
            inner = (f"{field_name(kind, i)}:{to_glue(t)}" for i, t in enumerate(kind.of))
            return f"struct<{','.join(inner)}>"
        case "decimal":
            return f"decimal({kind.precision},{kind.scale})"
        case "char" | "varchar" if kind.numbers:
            return f"{kind.name}({kind.numbers[0]})"
        case "timestamp":
            return "timestamp"
        case name:
            return _TO_GLUE.get(name, name)
