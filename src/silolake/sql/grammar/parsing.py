"""From a text to a statement: which grammar reads it, and what is not read at all."""

from __future__ import annotations

import re
from collections.abc import Sequence

from silolake.sql import statements as s
from silolake.sql import tree
from silolake.sql.grammar.definitions import DefinitionGrammar
from silolake.sql.grammar.lexer import Dialect
from silolake.sql.grammar.queries import QueryGrammar
from silolake.sql.refusals import SqlNotPlayed, SqlRefused

# https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
MOST_BYTES = 262_144

_LEADING = re.compile(r"(?:\s+|--[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_WORDS = re.compile(r"[A-Za-z]+|\(")
_QUERIES = {"SELECT", "WITH", "VALUES", "TABLE", "("}
_NOT_PLAYED = {
    "EXPLAIN", "PREPARE", "EXECUTE", "DEALLOCATE", "DELETE", "UPDATE", "MERGE", "OPTIMIZE", "VACUUM", "ANALYZE",
}  # fmt: skip
_DEFINITIONS = {"CREATE", "DROP", "ALTER", "MSCK", "SHOW", "DESCRIBE", "DESC"}


def parse(text: str, parameters: Sequence[str] = ()) -> s.Statement:
    """One Athena statement.

    ``parameters`` are the texts that stand for ``?``, as ``StartQueryExecution`` takes them in
    ``ExecutionParameters``. Reads and writes nothing.

    Returns: a member of the closed union ``Statement``.
    Raises: SqlRefused in Athena's words for what Athena does not take; SqlNotPlayed, naming it, for what it
    takes and the local cloud does not play.
    """
    if len(text.encode()) > MOST_BYTES:
        raise SqlRefused(f"Query string length must be less than or equal to {MOST_BYTES} bytes")
    words = _first_words(text)
    match words[:1]:
        case [] if not text.strip().strip(";"):
            raise SqlRefused("Query string is empty")
        case ["CREATE"] if _is_view(words) or _is_table_as(words, text):
            return _Athena(text, Dialect.TRINO, parameters).statement()
        case ["DROP"] if words[1:2] == ["VIEW"]:
            return _Athena(text, Dialect.TRINO, parameters).statement()
        case [word] if word in _DEFINITIONS:
            return DefinitionGrammar(text).statement()
        case [word] if word in _NOT_PLAYED:
            raise SqlNotPlayed(word)
        case [word] if word in _QUERIES | {"INSERT", "UNLOAD"}:
            return _Athena(text, Dialect.TRINO, parameters).statement()
        case _:
            return _Athena(text, Dialect.TRINO).unknown()


def parse_query(text: str, parameters: Sequence[str] = ()) -> tree.Query:
    """A query and nothing but a query, as the text of a view is.

    Raises: SqlRefused where it is anything else.
    """
    statement = parse(text, parameters)
    if not isinstance(statement, tree.Query):
        raise SqlRefused("Queries of this type are not supported")
    return statement


def _first_words(text: str) -> list[str]:
    place, words = 0, []
    for _ in range(6):
        skipped = _LEADING.match(text, place)
        place = skipped.end() if skipped else place
        found = _WORDS.match(text, place)
        if found is None:
            break
        words.append(found.group().upper())
        place = found.end()
    return words


def _is_view(words: list[str]) -> bool:
    return words[1:2] == ["VIEW"] or words[1:4] == ["OR", "REPLACE", "VIEW"]


# `CREATE TABLE t (a int …)` is Hive's; `CREATE TABLE t [WITH (…)] AS …` is Trino's.
_TABLE_AS = re.compile(
    r"""CREATE\s+TABLE\s+(IF\s+NOT\s+EXISTS\s+)?("[^"]*"|[\w$]+)(\s*\.\s*("[^"]*"|[\w$]+))*\s*(\(\s*("[^"]*"|\w+)\s*[,)]|WITH\b|AS\b|COMMENT\b)""",
    re.IGNORECASE,
)


def _is_table_as(words: list[str], text: str) -> bool:
    leading = _LEADING.match(text)
    return words[1:2] == ["TABLE"] and _TABLE_AS.match(text, leading.end() if leading else 0) is not None


class _Athena(QueryGrammar):
    """The statements that Athena reads with Trino's grammar, and its own UNLOAD."""

    def statement(self) -> s.Statement:
        found = self._statement()
        self.finish()
        if self.parameters_used < len(self.parameters):
            raise SqlRefused(
                f"Incorrect number of parameters: expected {self.parameters_used} but found {len(self.parameters)}",
                "INVALID_PARAMETER_USAGE",
            )
        return found

    def unknown(self) -> s.Statement:
        self.fail("'ALTER'", "'CREATE'", "'DESCRIBE'", "'DROP'", "'INSERT'", "'MSCK'", "'SHOW'", "'UNLOAD'", "<query>")

    def _statement(self) -> s.Statement:
        if self.accept("INSERT"):
            return self._insert()
        if self.accept("UNLOAD"):
            return self._unload()
        if self.accept("DROP", "VIEW"):
            if_exists = self.accept("IF", "EXISTS")
            return s.DropView(self.table_name(), if_exists)
        if self.accept("CREATE", "TABLE"):
            return self._create_table_as()
        if self.sees("CREATE"):
            return self._create_view()
        return self.query()

    def _insert(self) -> s.InsertInto:
        self.expect("INTO")
        name = self.table_name()
        columns: tuple[str, ...] = ()
        if self.sees("(") and self.ahead(1).value not in ("SELECT", "WITH", "VALUES", "("):
            columns = tuple(each.name for each in self.names())
        return s.InsertInto(name, columns, self.query())

    def _unload(self) -> s.Unload:
        query = self.in_parentheses(self.query)
        self.expect("TO")
        location = self.string()
        properties = self._properties() if self.accept("WITH") else ()
        return s.Unload(query, location, properties)

    def _properties(self) -> tuple[tuple[str, tree.Expr], ...]:
        return self.in_parentheses(lambda: self.listed(self._property))

    def _property(self) -> tuple[str, tree.Expr]:
        name = self.identifier().name
        self.expect("=")
        return name, self.expression()

    def _create_table_as(self) -> s.CreateTableAs:
        if_not_exists = self.accept("IF", "NOT", "EXISTS")
        name = self.table_name()
        if self.sees("("):
            raise SqlNotPlayed("column aliases in CREATE TABLE AS", self.here)
        if self.sees("COMMENT"):
            raise SqlNotPlayed("COMMENT in CREATE TABLE AS", self.here)
        properties = self._properties() if self.accept("WITH") else ()
        self.expect("AS")
        query = self.query()
        with_data = True
        if self.accept("WITH", "NO", "DATA"):
            with_data = False
        else:
            self.accept("WITH", "DATA")
        return s.CreateTableAs(name, query, properties, if_not_exists, with_data)

    def _create_view(self) -> s.CreateView:
        self.expect("CREATE")
        or_replace = self.accept("OR", "REPLACE")
        self.expect("VIEW")
        name = self.table_name()
        if self.sees("("):
            self.fail("'AS'")
        self.expect("AS")
        start = self.next.start
        query = self.query()
        return s.CreateView(name, query, self.text[start : self.tokens[self.place - 1].end], or_replace)
