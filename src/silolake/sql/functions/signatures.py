"""Trino function signatures: how they are written here, and which one a call means.

A signature is one line, ``name(parameters) -> result = DuckDB text``, in which ``{0}`` is the first
argument and ``{*}`` all of them. Types are Trino's; single capitals are type variables:

- ``N`` any number, ``D`` a decimal, ``S`` a date or timestamp, ``T K V U R`` anything;
- ``varchar`` a varchar of any length, ``timestamp`` and ``timestamptz`` of any precision;
- ``(T)->U`` a lambda; a last parameter with ``...`` repeats.

In an aggregate or window function ``«name|arguments»`` is the call itself, inside which DISTINCT and
ORDER BY and behind which FILTER and OVER are put; what stands around it is done to its result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from silolake.sql import types as t
from silolake.sql.types import Type, common_type, is_coercible

_LINE = re.compile(r"(\w+)\((.*)\) -> (.+?) = (.+)")
_VARIABLES = frozenset("TKVURNDS")
_BY_NAME = {
    "boolean": t.BOOLEAN, "tinyint": t.TINYINT, "smallint": t.SMALLINT, "integer": t.INTEGER, "bigint": t.BIGINT,
    "real": t.REAL, "double": t.DOUBLE, "varchar": t.VARCHAR, "varbinary": t.VARBINARY, "json": t.JSON, "date": t.DATE,
    "uuid": t.UUID, "unknown": t.UNKNOWN, "timestamp": t.TIMESTAMP, "timestamptz": t.TIMESTAMP_TZ,
    "day_to_second": t.DAY_TO_SECOND, "year_to_month": t.YEAR_TO_MONTH, "time": t.TIME,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pattern:
    """What one parameter or result may be."""

    name: str
    of: tuple[Pattern, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.of))})" if self.of else self.name

    @property
    def is_lambda(self) -> bool:
        """True for ``(T)->U``."""
        return self.name == "function"


@dataclass(frozen=True, slots=True)
class Overload:
    """One signature of a function."""

    name: str
    parameters: tuple[Pattern, ...]
    is_variadic: bool
    result: Pattern
    text: str

    def patterns(self, count: int) -> tuple[Pattern, ...] | None:
        """The parameters for so many arguments, or None where they cannot be so many."""
        if not self.is_variadic:
            return self.parameters if count == len(self.parameters) else None
        fixed = self.parameters[:-1]
        if count < len(fixed):
            return None
        return fixed + self.parameters[-1:] * (count - len(fixed))


@dataclass(slots=True)
class Bindings:
    """What the type variables of one call stand for."""

    types: dict[str, Type] = field(default_factory=dict)

    def takes(self, pattern: Pattern, kind: Type, coerce: bool) -> bool:
        """True where an argument of a type fits a parameter; binds the variables it meets."""
        if pattern.name in _VARIABLES:
            return self._binds(pattern.name, kind, coerce)
        if pattern.of:
            if kind.name == "unknown":
                return coerce
            return (
                kind.name == pattern.name
                and len(kind.of) == len(pattern.of)
                and all(self.takes(p, k, coerce) for p, k in zip(pattern.of, kind.of, strict=True))
            )
        wanted = _BY_NAME[pattern.name]
        if wanted.name == kind.name:
            return True
        return coerce and is_coercible(kind, _reached(wanted, kind))

    def _binds(self, variable: str, kind: Type, coerce: bool) -> bool:
        if not _allowed(variable, kind):
            return coerce and kind.name == "unknown"
        bound = self.types.get(variable)
        if bound is None or bound == kind:
            self.types[variable] = kind
            return True
        if bound.name == kind.name == "varchar" or coerce:
            common = common_type(bound, kind)
            if common is not None:
                self.types[variable] = common
                return True
        return False

    def resolve(self, pattern: Pattern, given: Type | None = None) -> Type:
        """The type a parameter or result comes to; ``given`` is the argument's own, kept where it fits."""
        if pattern.name in _VARIABLES:
            return self.types.get(pattern.name, t.UNKNOWN)
        if pattern.name == "row":
            return t.row(*((None, self.resolve(each)) for each in pattern.of))
        if pattern.of:
            return Type(pattern.name, of=tuple(self.resolve(each) for each in pattern.of))
        wanted = _BY_NAME[pattern.name]
        if given is None:
            return wanted
        return given if given.name == wanted.name else _reached(wanted, given)


def _reached(wanted: Type, kind: Type) -> Type:
    # A parameter `timestamp` takes every precision, so a date becomes timestamp(0) on its way in.
    if wanted.name.startswith("timestamp") and kind.name in ("date", "timestamp"):
        return Type(wanted.name, kind.numbers or (0,))
    return wanted


def _allowed(variable: str, kind: Type) -> bool:
    match variable:
        case "N":
            return kind.is_numeric
        case "D":
            return kind.name == "decimal"
        case "S":
            return kind.name in ("date", "timestamp", "timestamp with time zone", "time")
        case _:
            return True


def signatures(text: str) -> Iterator[Overload]:
    """The signatures of a table, line by line; blank lines and ``#`` lines are skipped."""
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None:
            raise ValueError(f"not a signature: {line.strip()}")
        name, parameters, result, template = found.groups()
        listed = _split(parameters)
        variadic = bool(listed) and listed[-1].endswith("...")
        patterns = tuple(pattern(each.removesuffix("...")) for each in listed)
        yield Overload(name, patterns, variadic, pattern(result), template)


def by_name(*tables: str) -> Mapping[str, tuple[Overload, ...]]:
    """Signatures grouped by function."""
    grouped: dict[str, list[Overload]] = {}
    for table in tables:
        for overload in signatures(table):
            grouped.setdefault(overload.name, []).append(overload)
    return {name: tuple(found) for name, found in grouped.items()}


@cache
def pattern(text: str) -> Pattern:
    """A type as signatures write it."""
    text = text.strip()
    if text.startswith("("):
        inside, _, result = text.rpartition("->")
        return Pattern("function", (*(pattern(each) for each in _split(inside.strip()[1:-1])), pattern(result)))
    name, bracket, rest = text.partition("(")
    if bracket:
        return Pattern(name, tuple(pattern(each) for each in _split(rest[:-1])))
    if name not in _VARIABLES and name not in _BY_NAME:
        raise ValueError(f"unknown type in a signature: {text}")
    return Pattern(name)


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def chosen(overloads: Sequence[Overload], given: Sequence[Type | None]) -> tuple[Overload, Bindings] | None:
    """The overload that a call means: the first that fits as it is, else the first that fits by coercion.

    An argument whose type is None is a lambda, which fits wherever one is wanted.
    """
    for coerce in (False, True):
        for overload in overloads:
            patterns = overload.patterns(len(given))
            if patterns is None:
                continue
            bindings = Bindings()
            if all(
                wanted.is_lambda if kind is None else not wanted.is_lambda and bindings.takes(wanted, kind, coerce)
                for wanted, kind in zip(patterns, given, strict=True)
            ):
                return overload, bindings
    return None
