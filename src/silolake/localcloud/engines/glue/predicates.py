"""Glue's filter language for partitions: ``flight_month >= '2013-06' AND origin IN ('EWR', 'JFK')``.

Each literal takes the type of the partition key it is held against. A key without a value
(``__HIVE_DEFAULT_PARTITION__``) is NULL, and NULL compares to neither true nor false.
https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from silolake.localcloud.engines.glue.names import invalid

NULL_VALUE = "__HIVE_DEFAULT_PARTITION__"

Test = Callable[[Sequence[str]], bool | None]
"""True, false, or ``None`` where NULL leaves it unknown."""

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>'(?:[^']|'')*')
      | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?![\w.]))
      | (?P<quoted>"[^"]+"|`[^`]+`)
      | (?P<word>[^\W\d][\w.$-]*)
      | (?P<sign><=|>=|<>|!=|=|<|>|\(|\)|,)
    )""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_RESERVED = frozenset(("AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS", "NULL"))
_READ: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("string", "char", "varchar"), str),
    **dict.fromkeys(("tinyint", "smallint", "int", "integer", "bigint", "long"), int),
    "decimal": Decimal,
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
}


@dataclass(frozen=True, slots=True)
class Predicate:
    """An expression, ready to be asked about the values of a partition.

    Attributes:
        first_value: what the first key must be, letter for letter; ``None`` where the expression leaves it open.
    """

    test: Test
    first_value: str | None = None

    def __call__(self, values: Sequence[str]) -> bool:
        """Whether a partition of these values passes."""
        return self.test(values) is True


def compile_predicate(expression: str, keys: Sequence[Mapping[str, str]]) -> Predicate:
    """Read an expression over a table's partition keys.

    >>> keys = [{"Name": "flight_month", "Type": "string"}, {"Name": "day", "Type": "int"}]
    >>> jan = compile_predicate("flight_month = '2013-01' AND day BETWEEN 2 AND 9", keys)
    >>> jan(("2013-01", "05")), jan(("2013-01", "10")), jan.first_value
    (True, False, '2013-01')

    Raises:
        AwsError: ``InvalidInputException``, it cannot be read, or names what is no partition key.
    """
    return _Reader(expression, keys).whole()


@dataclass(frozen=True, slots=True)
class _Key:
    name: str
    position: int
    read: Callable[[str], Any]

    def of(self, values: Sequence[str]) -> Any:
        text = values[self.position]
        if text == NULL_VALUE:
            return None
        try:
            return self.read(text)
        except (ValueError, InvalidOperation):
            return None

    def literal(self, text: str) -> Any:
        try:
            return self.read(text)
        except (ValueError, InvalidOperation) as error:
            raise invalid(f"Unsupported expression: '{text}' is not a value of partition key {self.name}.") from error


class _Reader:
    """A recursive descent over the expression: OR, AND, NOT, then one comparison."""

    def __init__(self, expression: str, keys: Sequence[Mapping[str, str]]) -> None:
        self._expression = expression
        self._keys = {key["Name"].lower(): _Key(key["Name"], at, _reader(key)) for at, key in enumerate(keys)}
        self._tokens = self._split()
        self._at = 0
        self._first: str | None = None

    def whole(self) -> Predicate:
        """The expression from its beginning to its end."""
        test = self._or(fixing=True)
        if self._at < len(self._tokens):
            raise self._unsupported()
        return Predicate(test, self._first)

    def _split(self) -> list[tuple[str, str]]:
        found, at, text = [], 0, self._expression.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise self._unsupported()
            found.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        return found

    def _unsupported(self) -> Exception:
        return invalid(f"Unsupported expression '{self._expression}'")

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _taken(self, *words: str) -> bool:
        kind, text = self._peek()
        if kind in ("word", "sign") and text.upper() in words:
            self._at += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._taken(word):
            raise self._unsupported()

    def _or(self, fixing: bool) -> Test:
        start, first = self._at, self._first
        tests = [self._and(fixing)]
        if self._taken("OR"):
            # What one branch fixes the other leaves open: read again, fixing nothing.
            self._at, self._first = start, first
            tests = [self._and(fixing=False)]
            while self._taken("OR"):
                tests.append(self._and(fixing=False))
        return tests[0] if len(tests) == 1 else lambda values: _any([test(values) for test in tests])

    def _and(self, fixing: bool) -> Test:
        tests = [self._not(fixing)]
        while self._taken("AND"):
            tests.append(self._not(fixing))
        return tests[0] if len(tests) == 1 else lambda values: _all([test(values) for test in tests])

    def _not(self, fixing: bool) -> Test:
        if self._taken("NOT"):
            return _negated(self._not(fixing=False))
        if self._taken("("):
            test = self._or(fixing)
            self._expect(")")
            return test
        return self._comparison(fixing)

    def _comparison(self, fixing: bool) -> Test:
        kind, _ = self._peek()
        if kind in ("string", "number"):
            literal = self._literal_text()
            sign = self._sign()
            return self._compared(self._key(), _MIRRORED.get(sign, sign), literal, fixing)
        key = self._key()
        if self._taken("IS"):
            negative = self._taken("NOT")
            self._expect("NULL")
            return lambda values: (key.of(values) is None) is not negative
        if self._taken("NOT"):
            return _negated(self._listed(key))
        if self._peek()[0] == "sign":
            return self._compared(key, self._sign(), self._literal_text(), fixing)
        return self._listed(key)

    def _listed(self, key: _Key) -> Test:
        """IN, BETWEEN or LIKE, after the key and perhaps NOT."""
        if self._taken("IN"):
            self._expect("(")
            members = [key.literal(self._literal_text())]
            while self._taken(","):
                members.append(key.literal(self._literal_text()))
            self._expect(")")
            return lambda values: _unless_null(key.of(values), lambda value: value in members)
        if self._taken("BETWEEN"):
            low = key.literal(self._literal_text())
            self._expect("AND")
            high = key.literal(self._literal_text())
            return lambda values: _unless_null(key.of(values), lambda value: low <= value <= high)
        self._expect("LIKE")
        kind, text = self._next()
        if kind != "string" or key.read is not str:
            raise self._unsupported()
        pattern = _like(text[1:-1].replace("''", "'"))
        return lambda values: _unless_null(key.of(values), lambda value: pattern.fullmatch(value) is not None)

    def _compared(self, key: _Key, sign: str, text: str, fixing: bool) -> Test:
        literal, holds = key.literal(text), _COMPARE[sign]
        if fixing and sign == "=" and key.position == 0 and key.read is str:
            self._first = text
        return lambda values: _unless_null(key.of(values), lambda value: holds(value, literal))

    def _sign(self) -> str:
        kind, text = self._next()
        if kind != "sign" or text not in _COMPARE:
            raise self._unsupported()
        return text

    def _key(self) -> _Key:
        kind, text = self._next()
        if kind not in ("word", "quoted") or (kind == "word" and text.upper() in _RESERVED):
            raise self._unsupported()
        name = text.strip('"`').lower()
        if name not in self._keys:
            raise invalid(f"Unsupported expression '{self._expression}': {name} is not a partition key")
        return self._keys[name]

    def _literal_text(self) -> str:
        kind, text = self._next()
        # DATE '2013-01-01' and TIMESTAMP '…' say what the key's own type says already.
        if kind == "word" and text.upper() in ("DATE", "TIMESTAMP") and self._peek()[0] == "string":
            kind, text = self._next()
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return text
        raise self._unsupported()


def _reader(key: Mapping[str, str]) -> Callable[[str], Any]:
    declared = re.split(r"[(\s]", key.get("Type", "string").lower())[0]
    if declared in _READ:
        return _READ[declared]

    def refuse(_: str) -> Any:
        raise invalid(f"Unsupported expression: partition key {key['Name']} is of type {declared}.")

    return refuse


def _unless_null(value: Any, test: Callable[[Any], bool]) -> bool | None:
    return None if value is None else test(value)


def _negated(test: Test) -> Test:
    def turned(values: Sequence[str]) -> bool | None:
        answer = test(values)
        return None if answer is None else not answer

    return turned


def _any(answers: Sequence[bool | None]) -> bool | None:
    return True if True in answers else (None if None in answers else False)


def _all(answers: Sequence[bool | None]) -> bool | None:
    return False if False in answers else (None if None in answers else True)


def _like(pattern: str) -> re.Pattern[str]:
    parts = ("." if letter == "_" else ".*" if letter == "%" else re.escape(letter) for letter in pattern)
    return re.compile("".join(parts), re.DOTALL)
