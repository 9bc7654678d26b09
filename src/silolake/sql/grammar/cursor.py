"""Reading tokens one after another, and saying in Trino's words what was expected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

from silolake.sql.grammar.lexer import Dialect, Kind, Token, tokens
from silolake.sql.positions import Position
from silolake.sql.refusals import SqlRefused
from silolake.sql.tree import Identifier

T = TypeVar("T")

_WORDS = """
    ALTER AND AS BETWEEN BY CASE CAST CONSTRAINT CREATE CROSS CUBE CURRENT_CATALOG CURRENT_DATE CURRENT_PATH
    CURRENT_ROLE CURRENT_SCHEMA CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DEALLOCATE DELETE DESCRIBE DISTINCT DROP
    ELSE END ESCAPE EXCEPT EXECUTE EXISTS EXTRACT FALSE FOR FROM FULL GROUP GROUPING HAVING IN INNER INSERT
    INTERSECT INTO IS JOIN JSON_ARRAY JSON_EXISTS JSON_OBJECT JSON_QUERY JSON_TABLE JSON_VALUE LEFT LIKE LISTAGG
    LOCALTIME LOCALTIMESTAMP NATURAL NORMALIZE NOT NULL ON OR ORDER OUTER PREPARE RECURSIVE RIGHT ROLLUP SELECT SKIP
    TABLE THEN TRIM TRUE UESCAPE UNION UNNEST USING VALUES WHEN WHERE WITH
"""
RESERVED = frozenset(_WORDS.split())


class Cursor:
    """A place in a statement's tokens."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self.text = text
        self.tokens: Sequence[Token] = tuple(tokens(text, dialect))
        self.place = 0

    @property
    def next(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.place]

    @property
    def here(self) -> Position:
        """Where the next token stands."""
        return self.next.at

    def ahead(self, distance: int) -> Token:
        """A token further on; the end where there is none."""
        return self.tokens[min(self.place + distance, len(self.tokens) - 1)]

    def take(self) -> Token:
        """The next token, and go past it."""
        token = self.next
        if token.kind is not Kind.END:
            self.place += 1
        return token

    def sees(self, *values: str) -> bool:
        """True where exactly these words and operators come next."""
        return all(
            self.ahead(i).kind in (Kind.WORD, Kind.OPERATOR) and self.ahead(i).value == value
            for i, value in enumerate(values)
        )

    def sees_any(self, *values: str) -> bool:
        """True where one of these words or operators comes next."""
        return any(self.sees(value) for value in values)

    def accept(self, *values: str) -> bool:
        """Go past these words and operators if they come next."""
        if not self.sees(*values):
            return False
        self.place += len(values)
        return True

    def expect(self, *values: str) -> Token:
        """Go past these words and operators; the first of them.

        Raises: SqlRefused where something else comes.
        """
        first = self.next
        for value in values:
            if not self.accept(value):
                self.fail(f"'{value}'")
        return first

    def fail(self, *expected: str) -> NoReturn:
        """Refuse the next token, in Trino's words."""
        wanted = f". Expecting: {', '.join(expected)}" if expected else ""
        shown = self.next.text.replace("\n", "\\n")
        raise SqlRefused(f"mismatched input '{shown}'{wanted}", at=self.here)

    def sees_identifier(self) -> bool:
        """True where a name comes next."""
        return self.next.kind is Kind.NAME or (self.next.kind is Kind.WORD and self.next.value not in RESERVED)

    def identifier(self) -> Identifier:
        """A name, quoted or not."""
        if not self.sees_identifier():
            self.fail("<identifier>")
        token = self.take()
        written = token.value if token.kind is Kind.NAME else token.text
        return Identifier(written.lower(), written, at=token.at)

    def string(self) -> str:
        """Text in quotes."""
        if self.next.kind is not Kind.STRING:
            self.fail("<string>")
        return self.take().value

    def integer(self) -> int:
        """A whole number."""
        if self.next.kind is not Kind.INTEGER:
            self.fail("<integer>")
        return int(self.take().value)

    def listed(self, item: Callable[[], T]) -> tuple[T, ...]:
        """One or more items between commas."""
        items = [item()]
        while self.accept(","):
            items.append(item())
        return tuple(items)

    def in_parentheses(self, item: Callable[[], T]) -> T:
        """One thing in parentheses."""
        self.expect("(")
        inner = item()
        self.expect(")")
        return inner

    def names(self) -> tuple[Identifier, ...]:
        """``(a, b, c)``."""
        return self.in_parentheses(lambda: self.listed(self.identifier))

    def finish(self) -> None:
        """Refuse anything but the end; one semicolon may stand before it.

        Raises: SqlRefused for more, in Athena's words where it is a second statement.
        """
        if self.accept(";") and self.next.kind is not Kind.END:
            raise SqlRefused("Only one sql statement is allowed. Got: " + self.text.strip())
        if self.next.kind is not Kind.END:
            self.fail("<EOF>")
