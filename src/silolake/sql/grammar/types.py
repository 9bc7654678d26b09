"""Types, as a query spells them."""

from __future__ import annotations

from silolake.sql.grammar.cursor import Cursor
from silolake.sql.grammar.lexer import Kind
from silolake.sql.refusals import SqlNotPlayed, SqlRefused
from silolake.sql.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DAY_TO_SECOND,
    DOUBLE,
    INTEGER,
    JSON,
    MOST_DIGITS,
    REAL,
    SMALLINT,
    TINYINT,
    UUID,
    VARBINARY,
    VARCHAR,
    YEAR_TO_MONTH,
    Type,
    array,
    decimal,
    map_of,
    row,
)  # fmt: skip

_PLAIN = {
    t.name: t for t in (BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT, REAL, DOUBLE, VARBINARY, JSON, UUID, DATE)
} | {"int": INTEGER, "float": REAL}  # fmt: skip
_FINEST = 12
_NOT_PLAYED = (
    "hyperloglog",
    "p4hyperloglog",
    "qdigest",
    "tdigest",
    "setdigest",
    "ipaddress",
    "geometry",
    "sphericalgeography",
)


class TypeGrammar(Cursor):
    """Reads types."""

    def type(self) -> Type:
        """A type, with the suffix form ``bigint array``.

        Raises: SqlRefused for one that Trino does not have; SqlNotPlayed for one that is not played here.
        """
        kind = self._type()
        while self.sees("ARRAY"):
            self.take()
            kind = array(kind)
        return kind

    def _type(self) -> Type:
        at = self.here
        name = self.identifier().name
        match name:
            case "double":
                self.accept("PRECISION")
                return DOUBLE
            case "array" | "map":
                closing = self._opening()
                first = self.type()
                second = None
                if name == "map":
                    self.expect(",")
                    second = self.type()
                self.expect(closing)
                return map_of(first, second) if second else array(first)
            case "row":
                return row(*self.in_parentheses(lambda: self.listed(self._row_field)))
            case "timestamp" | "time":
                return self._time(name)
            case "interval":
                first_unit = self.take().value
                self.accept("TO") and self.take()
                return YEAR_TO_MONTH if first_unit in ("YEAR", "MONTH") else DAY_TO_SECOND
            case "varchar" | "char":
                length = self.in_parentheses(self.integer) if self.sees("(") else None
                return (
                    Type(name, (length,)) if length is not None else VARCHAR if name == "varchar" else Type(name, (1,))
                )
            case "decimal" | "numeric" | "dec":
                numbers = self.in_parentheses(lambda: self.listed(self.integer)) if self.sees("(") else (MOST_DIGITS,)
                if numbers[0] > MOST_DIGITS:
                    raise SqlRefused(f"DECIMAL precision must be in range [1, 38]: {numbers[0]}", "TYPE_NOT_FOUND", at)
                return decimal(numbers[0], numbers[1] if len(numbers) > 1 else 0)
            case _ if name in _NOT_PLAYED:
                raise SqlNotPlayed(f"the type {name}", at)
            case _ if name in _PLAIN:
                return _PLAIN[name]
            case _:
                raise SqlRefused(f"Unknown type: {name}", "TYPE_NOT_FOUND", at)

    def _opening(self) -> str:
        if self.accept("<"):
            return ">"
        self.expect("(")
        return ")"

    def _row_field(self) -> tuple[str | None, Type]:
        if self._sees_field_name():
            name = self.identifier().name
            return name, self.type()
        return None, self.type()

    def _sees_field_name(self) -> bool:
        # `row(a bigint)` names its field; `row(bigint array)` and `row(timestamp with time zone)` do not.
        following = self.ahead(1)
        if following.kind not in (Kind.WORD, Kind.NAME):
            return False
        if following.value == "ARRAY":
            return self.ahead(2).value in ("(", "<")
        return following.value not in ("PRECISION", "WITH", "WITHOUT")

    def _time(self, name: str) -> Type:
        precision = self.in_parentheses(self.integer) if self.sees("(") else 3
        if precision > _FINEST:
            raise SqlRefused(
                f"{name.upper()} precision must be in range [0, 12]: {precision}", "TYPE_NOT_FOUND", self.here
            )
        if self.accept("WITH", "TIME", "ZONE"):
            if name == "time":
                raise SqlNotPlayed("the type time with time zone", self.here)
            return Type("timestamp with time zone", (precision,))
        self.accept("WITHOUT", "TIME", "ZONE")
        return Type(name, (precision,))
