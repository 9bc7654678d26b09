"""Queries, as Trino's grammar has them."""

from __future__ import annotations

from typing import Literal

from silolake.sql import tree
from silolake.sql.grammar.expressions import ExpressionGrammar
from silolake.sql.grammar.lexer import Kind
from silolake.sql.names import TableName
from silolake.sql.positions import Position
from silolake.sql.refusals import SqlNotPlayed, SqlRefused
from silolake.sql.tree import Body, Identifier, Query, Relation

_MOST_NAME_PARTS = 3


class QueryGrammar(ExpressionGrammar):
    """Reads queries."""

    def query(self) -> Query:
        """A query, with its WITH."""
        at = self.here
        items: tuple[tree.WithItem, ...] = ()
        recursive = False
        if self.accept("WITH"):
            recursive = self.accept("RECURSIVE")
            items = self.listed(self._with_item)
        return self._ordered(at, items, recursive)

    def _with_item(self) -> tree.WithItem:
        name = self.identifier()
        columns = self.names() if self.sees("(") else ()
        self.expect("AS")
        return tree.WithItem(name, columns, self.in_parentheses(self.query), at=name.at)

    def _ordered(self, at: Position, items: tuple[tree.WithItem, ...], recursive: bool) -> Query:
        body = self._union()
        order_by = self.listed(self.sort_item) if self.accept("ORDER", "BY") else ()
        offset = limit = None
        with_ties = False
        if self.accept("OFFSET"):
            offset = self._row_count()
            if not self.accept("ROWS"):
                self.accept("ROW")
        if self.accept("LIMIT"):
            limit = None if self.accept("ALL") else self._row_count()
        elif self.accept("FETCH"):
            limit, with_ties = self._fetch()
        return Query(body, items, recursive, order_by, offset, limit, with_ties, at=at)

    def _row_count(self) -> int:
        at = self.here
        if not self.sees("?"):
            return self.integer()
        bound = self.primary()
        if not isinstance(bound, tree.NumberLiteral) or bound.kind != "integer":
            raise SqlRefused("Invalid parameter value for a row count", "INVALID_PARAMETER_USAGE", at)
        return int(bound.text)

    def _fetch(self) -> tuple[int, bool]:
        if not (self.accept("FIRST") or self.accept("NEXT")):
            self.fail("'FIRST'", "'NEXT'")
        count = 1 if self.sees_any("ROW", "ROWS") else self._row_count()
        if not (self.accept("ROW") or self.accept("ROWS")):
            self.fail("'ROW'", "'ROWS'")
        if self.accept("WITH", "TIES"):
            return count, True
        self.expect("ONLY")
        return count, False

    # --- bodies --------------------------------------------------------------------------------

    def _union(self) -> Body:
        left = self._intersect()
        while self.sees_any("UNION", "EXCEPT"):
            token = self.take()
            operator: Literal["UNION", "EXCEPT"] = "UNION" if token.value == "UNION" else "EXCEPT"
            left = tree.SetOperation(operator, self._is_distinct(), left, self._intersect(), at=token.at)
        return left

    def _intersect(self) -> Body:
        left = self._body()
        while self.sees("INTERSECT"):
            at = self.take().at
            left = tree.SetOperation("INTERSECT", self._is_distinct(), left, self._body(), at=at)
        return left

    def _is_distinct(self) -> bool:
        if self.accept("ALL"):
            return False
        self.accept("DISTINCT")
        return True

    def _body(self) -> Body:
        at = self.here
        if self.sees("SELECT"):
            return self._select()
        if self.accept("VALUES"):
            return tree.Values(self.listed(self.expression), at=at)
        if self.accept("TABLE"):
            return tree.Select((tree.SelectAll(None, at=at),), source=self._table(), at=at)
        if self.accept("("):
            inner = self._ordered(at, (), False)
            self.expect(")")
            return inner
        self.fail("'('", "'SELECT'", "'TABLE'", "'VALUES'")

    def _select(self) -> tree.Select:
        at = self.expect("SELECT").at
        distinct = self.accept("DISTINCT")
        if not distinct:
            self.accept("ALL")
        items = self.listed(self._select_item)
        source = self._from() if self.accept("FROM") else None
        where = self.expression() if self.accept("WHERE") else None
        group_by: tuple[tree.GroupingElement, ...] = ()
        if self.accept("GROUP", "BY"):
            if self.sees("DISTINCT"):
                raise SqlNotPlayed("GROUP BY DISTINCT", self.here)
            self.accept("ALL")
            group_by = self.listed(self._grouping_element)
        having = self.expression() if self.accept("HAVING") else None
        windows = self.listed(self._named_window) if self.accept("WINDOW") else ()
        return tree.Select(items, distinct, source, where, group_by, having, windows, at=at)

    def _named_window(self) -> tree.NamedWindow:
        name = self.identifier()
        self.expect("AS")
        return tree.NamedWindow(name, self.in_parentheses(self.window), at=name.at)

    def _select_item(self) -> tree.SelectExpr | tree.SelectAll:
        at = self.here
        if self.accept("*"):
            return tree.SelectAll(None, at=at)
        expr = self.expression()
        if self.sees(".", "*"):
            self.expect(".", "*")
            aliases = self.names() if self.accept("AS") else ()
            return tree.SelectAll(expr, aliases, at=at)
        return tree.SelectExpr(expr, self._alias(), at=at)

    def _alias(self) -> Identifier | None:
        if self.accept("AS"):
            return self.identifier()
        # FETCH, LIMIT, OFFSET and WINDOW are not reserved; behind an item they still begin a clause.
        if self.sees_identifier() and not self._sees_clause():
            return self.identifier()
        return None

    def _sees_clause(self) -> bool:
        following = self.ahead(1)
        if self.sees("LIMIT"):
            return following.kind is Kind.INTEGER or following.value in ("ALL", "?")
        if self.sees("OFFSET"):
            return following.kind is Kind.INTEGER or following.value == "?"
        if self.sees("FETCH"):
            return following.value in ("FIRST", "NEXT")
        if self.sees("TABLESAMPLE"):
            return following.value in ("BERNOULLI", "SYSTEM")
        if self.sees("MATCH_RECOGNIZE"):
            return following.value == "("
        return self.sees("WINDOW") and self.ahead(2).value == "AS"

    def _grouping_element(self) -> tree.GroupingElement:
        at = self.here
        if self.accept("GROUPING", "SETS"):
            return tree.GroupingElement("SETS", self.in_parentheses(lambda: self.listed(self._grouping_set)), at=at)
        kind: Literal["ROLLUP", "CUBE"]
        for kind in ("ROLLUP", "CUBE"):
            if self.sees(kind, "("):
                self.take()
                sets = self.in_parentheses(lambda: self.listed(self._grouping_set))
                return tree.GroupingElement(kind, sets, at=at)
        return tree.GroupingElement("SIMPLE", (self._grouping_set(),), at=at)

    def _grouping_set(self) -> tuple[tree.Expr, ...]:
        if self.accept("(", ")"):
            return ()
        expr = self.expression()
        return expr.items if isinstance(expr, tree.RowConstructor) else (expr,)

    # --- relations -----------------------------------------------------------------------------

    def _from(self) -> Relation:
        left = self._relation()
        while self.sees(","):
            at = self.take().at
            left = tree.Join("CROSS", left, self._relation(), at=at)
        return left

    def _relation(self) -> Relation:
        left = self._aliased()
        while True:
            joined = self._joined(left)
            if joined is None:
                return left
            left = joined

    def _joined(self, left: Relation) -> Relation | None:
        at = self.here
        if self.accept("CROSS"):
            self.expect("JOIN")
            return tree.Join("CROSS", left, self._aliased(), at=at)
        natural = self.accept("NATURAL")
        kind = self._join_kind()
        if kind is None:
            if natural:
                self.fail("'JOIN'")
            return None
        if natural:
            return tree.Join(kind, left, self._aliased(), natural=True, at=at)
        right = self._relation()
        if self.accept("USING"):
            return tree.Join(kind, left, right, using=self.names(), at=at)
        if not self.sees("ON"):
            self.fail("'ON'", "'USING'")
        self.take()
        return tree.Join(kind, left, right, on=self.expression(), at=at)

    def _join_kind(self) -> Literal["INNER", "LEFT", "RIGHT", "FULL"] | None:
        kind: Literal["LEFT", "RIGHT", "FULL"]
        for kind in ("LEFT", "RIGHT", "FULL"):
            if self.accept(kind):
                self.accept("OUTER")
                self.expect("JOIN")
                return kind
        if self.accept("INNER"):
            self.expect("JOIN")
            return "INNER"
        return "INNER" if self.accept("JOIN") else None

    def _aliased(self) -> Relation:
        relation = self._primary_relation()
        if self.sees("TABLESAMPLE") or self.sees("MATCH_RECOGNIZE", "("):
            raise SqlNotPlayed(self.next.value, self.here)
        if self.sees("FOR") and self.ahead(1).value in ("TIMESTAMP", "VERSION", "SYSTEM_TIME", "SYSTEM_VERSION"):
            raise SqlNotPlayed("time travel", self.here)
        named = self.accept("AS") or (self.sees_identifier() and not self._sees_clause() and not self._sees_natural())
        if named:
            alias = self.identifier()
            columns = self.names() if self.sees("(") else ()
            relation = tree.Aliased(relation, alias, columns, at=alias.at)
        if self.sees("TABLESAMPLE") or self.sees("MATCH_RECOGNIZE", "("):
            raise SqlNotPlayed(self.next.value, self.here)
        return relation

    def _sees_natural(self) -> bool:
        return self.sees_any("NATURAL", "CROSS")

    def _primary_relation(self) -> Relation:
        at = self.here
        if self.sees("UNNEST", "("):
            self.take()
            items = self.in_parentheses(lambda: self.listed(self.expression))
            ordinality = self.accept("WITH", "ORDINALITY")
            return tree.Unnest(items, ordinality, at=at)
        if self.sees("LATERAL", "("):
            self.take()
            return tree.Lateral(self.in_parentheses(self.query), at=at)
        if self.sees("TABLE", "(") or self.sees("JSON_TABLE", "("):
            raise SqlNotPlayed("table functions" if self.sees("TABLE") else "JSON_TABLE", at)
        if not self.sees("("):
            return self._table()
        return self._parenthesized(at)

    def _parenthesized(self, at: Position) -> Relation:
        # `((SELECT …) UNION …)` and `((a JOIN b))` look alike until the far end; the query is tried first.
        start, used = self.place, self.parameters_used
        self.expect("(")
        if not self.sees_query():
            relation = self._relation()
            self.expect(")")
            return relation
        try:
            query = self.query()
            self.expect(")")
        except SqlRefused:
            if self.tokens[start + 1].value != "(":
                raise
            self.place, self.parameters_used = start + 1, used
            relation = self._relation()
            self.expect(")")
            return relation
        return tree.SubqueryRelation(query, at=at)

    def _table(self) -> tree.Table:
        at = self.here
        return tree.Table(self.table_name(), at=at)

    def table_name(self) -> TableName:
        """One to three names with points between.

        Raises: SqlRefused for more.
        """
        at = self.here
        parts = [self.identifier().name]
        while self.accept("."):
            parts.append(self.identifier().name)
        if len(parts) > _MOST_NAME_PARTS:
            raise SqlRefused(f"Too many dots in table name: {'.'.join(parts)}", "SYNTAX_ERROR", at)
        return TableName.of(*parts)
