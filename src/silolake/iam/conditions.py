"""Conditions: operators, what they compare, and when they hold.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from silolake.iam import comparing
from silolake.iam.comparing import Matcher
from silolake.iam.patterns import Lookup


class Quantifier(Enum):
    """How many of a key's values must match."""

    ONE = ""
    ALL = "ForAllValues"
    ANY = "ForAnyValue"


class Values(Protocol):
    """Where a condition finds the request's values."""

    def values(self, key: str) -> tuple[str, ...] | None:
        """The values of a key by its lower-case name; ``None`` where it is absent."""

    def single(self, key: str) -> str | None:
        """The one value of a key; ``None`` where it is absent or has several."""


# Keys that AWS documents as multivalued. Without a set operator they match nothing, even where a request happens to
# carry one value.
MULTIVALUED = frozenset(
    {
        "aws:calledvia",
        "aws:principalorgpaths",
        "aws:principalservicenameslist",
        "aws:resourceorgpaths",
        "aws:sourceorgpaths",
        "aws:tagkeys",
        "aws:vpceorgpaths",
    }
)


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator.

    Attributes:
        name: as AWS spells it.
        compile: makes a matcher of the policy's values.
        negated: whether it holds where the matcher does not match.
        accepts: says what is wrong with a value, or nothing.
        variables: whether its values may hold policy variables.
    """

    name: str
    compile: Callable[[Iterable[str], bool], Matcher]
    negated: bool
    accepts: Callable[[str], str]
    variables: bool = False


def _pair(
    name: str, other: str, compile_: Callable[[Iterable[str], bool], Matcher], accepts: Callable[[str], str]
) -> list[Operator]:
    variables = accepts is comparing.any_text
    return [Operator(name, compile_, False, accepts, variables), Operator(other, compile_, True, accepts, variables)]


OPERATORS: dict[str, Operator] = {
    operator.name.lower(): operator
    for operator in (
        *_pair("StringEquals", "StringNotEquals", comparing.equal_texts, comparing.any_text),
        *_pair("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", comparing.folded_texts, comparing.any_text),
        *_pair("StringLike", "StringNotLike", comparing.like_texts, comparing.any_text),
        *_pair("ArnEquals", "ArnNotEquals", comparing.arns, comparing.any_text),
        *_pair("ArnLike", "ArnNotLike", comparing.arns, comparing.any_text),
        *_pair("NumericEquals", "NumericNotEquals", comparing.equal_numbers, comparing.a_number),
        Operator("NumericLessThan", comparing.smaller_numbers, False, comparing.a_number),
        Operator("NumericLessThanEquals", comparing.smaller_or_equal_numbers, False, comparing.a_number),
        Operator("NumericGreaterThan", comparing.greater_numbers, False, comparing.a_number),
        Operator("NumericGreaterThanEquals", comparing.greater_or_equal_numbers, False, comparing.a_number),
        *_pair("DateEquals", "DateNotEquals", comparing.equal_dates, comparing.a_date),
        Operator("DateLessThan", comparing.earlier_dates, False, comparing.a_date),
        Operator("DateLessThanEquals", comparing.earlier_or_equal_dates, False, comparing.a_date),
        Operator("DateGreaterThan", comparing.later_dates, False, comparing.a_date),
        Operator("DateGreaterThanEquals", comparing.later_or_equal_dates, False, comparing.a_date),
        Operator("Bool", comparing.booleans, False, comparing.a_boolean),
        Operator("BinaryEquals", comparing.binaries, False, comparing.a_binary),
        *_pair("IpAddress", "NotIpAddress", comparing.networks, comparing.a_network),
        Operator("Null", comparing.booleans, False, comparing.a_boolean),
    )
}


@dataclass(frozen=True, slots=True)
class Spelling:
    """An operator as a policy writes it: ``ForAnyValue:StringLikeIfExists``."""

    operator: Operator
    quantifier: Quantifier
    if_exists: bool


def spelled(text: str) -> Spelling | None:
    """What an operator's text means; ``None`` where it means nothing.

    >>> spelled("ForAnyValue:StringLikeIfExists").quantifier.value
    'ForAnyValue'
    """
    quantifier, name = Quantifier.ONE, text.lower()
    for each in (Quantifier.ALL, Quantifier.ANY):
        if name.startswith(f"{each.value.lower()}:"):
            quantifier, name = each, name[len(each.value) + 1 :]
    if_exists = name.endswith("ifexists")
    operator = OPERATORS.get(name.removesuffix("ifexists"))
    if operator is None or (if_exists and operator.name == "Null"):
        return None
    return Spelling(operator, quantifier, if_exists)


@dataclass(frozen=True, slots=True)
class Clause:
    """One key under one operator.

    Attributes:
        operator: as the policy writes it.
        key: as the policy writes it.
        wanted: the policy's values.
        name: the key in lower case.
    """

    operator: str
    key: str
    wanted: tuple[str, ...]
    name: str
    matcher: Matcher
    quantifier: Quantifier
    if_exists: bool
    negated: bool
    null: bool

    def holds(self, request: Values) -> bool:
        """Whether a request meets it."""
        found = request.values(self.name)
        if self.null:
            return self.matcher.matches("false" if found and any(found) else "true", request.single)
        if not found:
            return self._holds_without_the_key()
        match self.quantifier:
            case Quantifier.ONE:
                if len(found) > 1 or self.name in MULTIVALUED:
                    return self.negated
                return self.matcher.matches(found[0], request.single) != self.negated
            case Quantifier.ALL:
                return not any(found) or all(self._value_holds(value, request.single) for value in found)
            case Quantifier.ANY:
                return any(found) and any(self._value_holds(value, request.single) for value in found)

    def _value_holds(self, value: str, lookup: Lookup) -> bool:
        return self.matcher.matches(value, lookup) != self.negated

    def _holds_without_the_key(self) -> bool:
        if self.if_exists:
            return True
        match self.quantifier:
            case Quantifier.ONE:
                return self.negated
            case Quantifier.ALL:
                return True
            case Quantifier.ANY:
                return False


def clause(operator: str, key: str, wanted: tuple[str, ...], variables: bool) -> Clause:
    """Compile one key under one operator that is known to be well spelled.

    Raises:
        ValueError: the operator is not known.
    """
    spelling = spelled(operator)
    if spelling is None:
        raise ValueError(f"{operator!r} is not a condition operator")
    known = spelling.operator
    return Clause(
        operator=operator,
        key=key,
        wanted=wanted,
        name=key.lower(),
        matcher=known.compile(wanted, variables),
        quantifier=spelling.quantifier,
        if_exists=spelling.if_exists,
        negated=known.negated,
        null=known.name == "Null",
    )
