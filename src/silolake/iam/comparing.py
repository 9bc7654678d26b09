"""What each family of condition operators compares, compiled once; and which values a policy may give it."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

from silolake.iam.patterns import ArnGlob, Glob, Lookup, arn_glob, glob

_Number = TypeVar("_Number", float, Decimal)

_EPOCH = re.compile(r"(\d{1,3}|\d{5,15})(\.\d{1,9})?")
# The W3C's profile of ISO 8601, http://www.w3.org/TR/NOTE-datetime, which IAM reads.
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?)?)?")


class Matcher(Protocol):
    """A policy's values, ready to be compared."""

    def matches(self, value: str, lookup: Lookup) -> bool:
        """Whether one value of a request matches any of them."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts: those without wildcard or variable in a set, the others as patterns."""

    exact: frozenset[str]
    globs: tuple[Glob, ...]
    fold: bool = False

    def matches(self, value: str, lookup: Lookup) -> bool:
        """Whether a text is one of them."""
        if (value.casefold() if self.fold else value) in self.exact:
            return True
        return any(each.matches(value, lookup) for each in self.globs)


@dataclass(frozen=True, slots=True)
class Arns:
    """ARN patterns."""

    globs: tuple[ArnGlob, ...]

    def matches(self, value: str, lookup: Lookup) -> bool:
        """Whether an ARN matches one of them, segment by segment."""
        return any(each.matches(value, lookup) for each in self.globs)


@dataclass(frozen=True, slots=True)
class Ordered(Generic[_Number]):
    """Numbers or moments, and how a request's is to stand to one of them."""

    wanted: tuple[_Number, ...]
    compare: Callable[[_Number, _Number], bool]
    parse: Callable[[str], _Number | None]

    def matches(self, value: str, lookup: Lookup) -> bool:
        """Whether a number stands so to one of them; what is no number stands to none."""
        found = self.parse(value)
        return found is not None and any(self.compare(found, each) for each in self.wanted)


@dataclass(frozen=True, slots=True)
class Binaries:
    """Bytes, base64 in policy and request."""

    wanted: frozenset[bytes]

    def matches(self, value: str, lookup: Lookup) -> bool:
        """Whether a value's bytes are one of them."""
        return _bytes_of(value) in self.wanted


@dataclass(frozen=True, slots=True)
class Networks:
    """Address ranges."""

    wanted: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

    def matches(self, value: str, lookup: Lookup) -> bool:
        """Whether an address lies in one of them; IPv4 never lies in IPv6."""
        address = _address_of(value)
        return address is not None and any(address in network for network in self.wanted)


def _texts(values: Iterable[str], variables: bool, *, wildcards: bool, fold: bool = False) -> Matcher:
    compiled = [glob(value, variables=variables, wildcards=wildcards, ignore_case=fold) for value in values]
    exact = frozenset((each.exact.casefold() if fold else each.exact) for each in compiled if each.exact is not None)
    return Texts(exact, tuple(each for each in compiled if each.exact is None), fold)


def equal_texts(values: Iterable[str], variables: bool) -> Matcher:
    """``StringEquals``."""
    return _texts(values, variables, wildcards=False)


def folded_texts(values: Iterable[str], variables: bool) -> Matcher:
    """``StringEqualsIgnoreCase``."""
    return _texts(values, variables, wildcards=False, fold=True)


def like_texts(values: Iterable[str], variables: bool) -> Matcher:
    """``StringLike``."""
    return _texts(values, variables, wildcards=True)


def arns(values: Iterable[str], variables: bool) -> Matcher:
    """``ArnLike`` and ``ArnEquals``, which behave identically."""
    return Arns(tuple(arn_glob(value, variables=variables) for value in values))


def _numbers(compare: Callable[[Decimal, Decimal], bool]) -> Callable[[Iterable[str], bool], Matcher]:
    def compile_(values: Iterable[str], variables: bool) -> Matcher:
        return Ordered(tuple(n for value in values if (n := number(value)) is not None), compare, number)

    return compile_


def _dates(compare: Callable[[float, float], bool]) -> Callable[[Iterable[str], bool], Matcher]:
    def compile_(values: Iterable[str], variables: bool) -> Matcher:
        return Ordered(tuple(at for value in values if (at := moment(value)) is not None), compare, moment)

    return compile_


equal_numbers = _numbers(operator.eq)
smaller_numbers = _numbers(operator.lt)
smaller_or_equal_numbers = _numbers(operator.le)
greater_numbers = _numbers(operator.gt)
greater_or_equal_numbers = _numbers(operator.ge)
equal_dates = _dates(operator.eq)
earlier_dates = _dates(operator.lt)
earlier_or_equal_dates = _dates(operator.le)
later_dates = _dates(operator.gt)
later_or_equal_dates = _dates(operator.ge)


def booleans(values: Iterable[str], variables: bool) -> Matcher:
    """``Bool``."""
    return Texts(frozenset(value.casefold() for value in values), (), fold=True)


def binaries(values: Iterable[str], variables: bool) -> Matcher:
    """``BinaryEquals``."""
    return Binaries(frozenset(found for value in values if (found := _bytes_of(value)) is not None))


def networks(values: Iterable[str], variables: bool) -> Matcher:
    """``IpAddress``."""
    return Networks(tuple(found for value in values if (found := _network_of(value)) is not None))


def number(text: str) -> Decimal | None:
    """A number, integer or decimal; ``None`` for what is none.

    >>> number("10.0") == number("10")
    True
    """
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


@lru_cache(maxsize=1024)
def moment(text: str) -> float | None:
    """A moment in seconds since 1970, of an ISO 8601 date or of such seconds; ``None`` for what is neither.

    >>> moment("2013-01-01T10:00:00Z") == moment("1357034400")
    True
    """
    if _EPOCH.fullmatch(text):
        return float(text)
    if not _DATE.fullmatch(text):
        return None
    padded = text + {4: "-01-01", 7: "-01"}.get(len(text), "")
    try:
        found = datetime.fromisoformat(padded)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _bytes_of(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _network_of(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def any_text(text: str) -> str:
    """Every text may be compared as text."""
    return ""


def a_number(text: str) -> str:
    """What is wrong with a number."""
    return "" if number(text) is not None else "it is not a number"


def a_date(text: str) -> str:
    """What is wrong with a date."""
    return "" if moment(text) is not None else "it is neither a date like 2013-01-01T10:00:00Z nor seconds since 1970"


def a_boolean(text: str) -> str:
    """What is wrong with a boolean."""
    return "" if text.casefold() in ("true", "false") else "it is neither true nor false"


def a_binary(text: str) -> str:
    """What is wrong with base64."""
    return "" if _bytes_of(text) is not None else "it is not base64"


def a_network(text: str) -> str:
    """What is wrong with an address range."""
    return "" if _network_of(text) is not None else "it is not an address or a range like 203.0.113.0/24"
