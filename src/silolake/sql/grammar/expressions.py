"""Expressions, as Trino's grammar has them.

https://github.com/trinodb/trino/blob/master/core/trino-grammar/src/main/antlr4/io/trino/grammar/sql/SqlBase.g4
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from silolake.sql import tree
from silolake.sql.grammar.lexer import Dialect, Kind
from silolake.sql.grammar.types import TypeGrammar
from silolake.sql.positions import Position
from silolake.sql.refusals import SqlNotPlayed, SqlRefused
from silolake.sql.tree import Expr, Identifier

_COMPARISONS = ("=", "<>", "!=", "<", "<=", ">", ">=")
_CURRENT = ("CURRENT_DATE", "CURRENT_TIMESTAMP", "CURRENT_TIME", "LOCALTIME", "LOCALTIMESTAMP")
_NOT_PLAYED = (
    "JSON_EXISTS", "JSON_VALUE", "JSON_QUERY", "JSON_OBJECT", "JSON_ARRAY", "NORMALIZE",
    "CURRENT_USER", "CURRENT_CATALOG", "CURRENT_SCHEMA", "CURRENT_PATH", "CURRENT_ROLE",
)  # fmt: skip
_UNITS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")


class ExpressionGrammar(TypeGrammar):
    """Reads expressions; what a nested query is, a subclass says."""

    def __init__(self, text: str, dialect: Dialect, parameters: Sequence[str] = ()) -> None:
        super().__init__(text, dialect)
        self.parameters = parameters
        self.parameters_used = 0

    def query(self) -> tree.Query:
        """A query, with its WITH."""
        raise NotImplementedError

    def expression(self) -> Expr:
        """Anything with a value; OR binds loosest."""
        return self._logical("OR", lambda: self._logical("AND", self._negation))

    def _logical(self, operator: Literal["AND", "OR"], term: Callable[[], Expr]) -> Expr:
        at, first = self.here, term()
        terms = [first]
        while self.accept(operator):
            terms.append(term())
        return first if len(terms) == 1 else tree.Logical(operator, tuple(terms), at=at)

    def _negation(self) -> Expr:
        at = self.here
        if self.accept("NOT"):
            return tree.Not(self._negation(), at=at)
        return self._predicate()

    def _predicate(self) -> Expr:
        # Trino takes one predicate after a value, so `a = b = c` is refused.
        left = self.value()
        return self._comparison(left) or left

    def _comparison(self, left: Expr) -> Expr | None:
        at = self.here
        for operator in _COMPARISONS:
            if self.accept(operator):
                return self._compared(operator.replace("!=", "<>"), left, at)
        if self.accept("IS"):
            negated = self.accept("NOT")
            if self.accept("DISTINCT"):
                self.expect("FROM")
                found: Expr = tree.IsDistinct(left, self.value(), at=at)
            else:
                if not self.accept("NULL"):
                    self.fail("'DISTINCT'", "'NULL'")
                found = tree.IsNull(left, at=at)
            return tree.Not(found, at=at) if negated else found
        negated = self.sees("NOT") and self.ahead(1).value in ("BETWEEN", "IN", "LIKE")
        if negated:
            self.take()
        if self.accept("BETWEEN"):
            low = self.value()
            self.expect("AND")
            found = tree.Between(left, low, self.value(), at=at)
        elif self.accept("IN"):
            found = self._membership(left, at)
        elif self.accept("LIKE"):
            pattern = self.value()
            found = tree.Like(left, pattern, self.value() if self.accept("ESCAPE") else None, at=at)
        else:
            return None
        return tree.Not(found, at=at) if negated else found

    def _compared(self, operator: str, left: Expr, at: Position) -> Expr:
        for word in ("ALL", "ANY", "SOME"):
            if self.sees(word, "("):
                self.take()
                quantifier: Literal["ANY", "ALL"] = "ALL" if word == "ALL" else "ANY"
                return tree.Quantified(operator, quantifier, left, self.in_parentheses(self.query), at=at)
        return tree.Binary(operator, left, self.value(), at=at)

    def _membership(self, left: Expr, at: Position) -> Expr:
        self.expect("(")
        if self.sees_query():
            found: Expr = tree.InQuery(left, self.query(), at=at)
        else:
            found = tree.InList(left, self.listed(self.expression), at=at)
        self.expect(")")
        return found

    def sees_query(self) -> bool:
        """True where a query comes next, perhaps in parentheses of its own."""
        distance = 0
        while self.ahead(distance).value == "(" and self.ahead(distance).kind is Kind.OPERATOR:
            distance += 1
        token = self.ahead(distance)
        if token.kind is not Kind.WORD:
            return False
        if token.value in ("SELECT", "WITH"):
            return True
        return distance == 0 and token.value in ("VALUES", "TABLE")

    # --- arithmetic ----------------------------------------------------------------------------

    def value(self) -> Expr:
        """A value expression: everything that binds tighter than a comparison."""
        return self._binary(
            ("||",), lambda: self._binary(("+", "-"), lambda: self._binary(("*", "/", "%"), self._sign))
        )

    def _binary(self, operators: tuple[str, ...], operand: Callable[[], Expr]) -> Expr:
        left = operand()
        while self.sees_any(*operators):
            token = self.take()
            left = tree.Binary(token.value, left, operand(), at=token.at)
        return left

    def _sign(self) -> Expr:
        at = self.here
        for sign in ("-", "+"):
            if self.accept(sign):
                return tree.Unary(sign, self._sign(), at=at)
        operand = self.primary()
        while self.sees("AT", "TIME", "ZONE"):
            at = self.here
            self.expect("AT", "TIME", "ZONE")
            zone: Expr = self._interval() if self.sees("INTERVAL") else tree.StringLiteral(self.string(), at=at)
            operand = tree.AtTimeZone(operand, zone, at=at)
        return operand

    # --- primaries -----------------------------------------------------------------------------

    def primary(self) -> Expr:
        """A literal, a name, a call, or anything in parentheses, with its subscripts and fields."""
        base = self._primary()
        while True:
            at = self.here
            if self.accept("["):
                base = tree.Subscript(base, self.value(), at=at)
                self.expect("]")
            elif self.sees(".") and self.ahead(1).value != "*":
                self.take()
                base = tree.Dereference(base, self.identifier(), at=base.at)
            else:
                return base

    def _primary(self) -> Expr:
        token = self.next
        match token.kind:
            case Kind.STRING:
                return tree.StringLiteral(self.take().value, at=token.at)
            case Kind.INTEGER:
                return tree.NumberLiteral("integer", self.take().value, at=token.at)
            case Kind.DECIMAL:
                return tree.NumberLiteral("decimal", self.take().value, at=token.at)
            case Kind.DOUBLE:
                return tree.NumberLiteral("double", self.take().value, at=token.at)
            case Kind.BINARY:
                return tree.BinaryLiteral(self.take().value, at=token.at)
            case Kind.OPERATOR:
                return self._bracketed()
            case Kind.END:
                self.fail("<expression>")
            case _:
                return self._worded()

    def _bracketed(self) -> Expr:
        at = self.here
        if self.accept("?"):
            return self._parameter(at)
        if not self.sees("("):
            self.fail("<expression>")
        if self._sees_lambda():
            parameters = self.names() if not self.accept("(", ")") else ()
            self.expect("->")
            return tree.Lambda(parameters, self.expression(), at=at)
        self.expect("(")
        if self.sees_query():
            query = self.query()
            self.expect(")")
            return tree.ScalarSubquery(query, at=at)
        items = self.listed(self.expression)
        self.expect(")")
        return items[0] if len(items) == 1 else tree.RowConstructor(items, at=at)

    def _sees_lambda(self) -> bool:
        distance = 1
        while self.ahead(distance).kind in (Kind.WORD, Kind.NAME) or self.ahead(distance).value == ",":
            distance += 1
        return self.ahead(distance).value == ")" and self.ahead(distance + 1).value == "->"

    def _parameter(self, at: Position) -> Expr:
        self.parameters_used += 1
        if self.parameters_used > len(self.parameters):
            raise SqlRefused(
                f"Incorrect number of parameters: expected {self.parameters_used} but found {len(self.parameters)}",
                "INVALID_PARAMETER_USAGE", at,
            )  # fmt: skip
        nested = type(self)(self.parameters[self.parameters_used - 1], Dialect.TRINO)
        found = nested.expression()
        nested.finish()
        return found

    def _worded(self) -> Expr:
        token = self.next
        word = token.value if token.kind is Kind.WORD else ""
        following = self.ahead(1)
        match word:
            case "NULL":
                self.take()
                return tree.NullLiteral(at=token.at)
            case "TRUE" | "FALSE":
                self.take()
                return tree.BooleanLiteral(word == "TRUE", at=token.at)
            case "CASE":
                return self._case()
            case "CAST" | "TRY_CAST" if following.value == "(":
                return self._cast()
            case "EXISTS":
                self.take()
                return tree.Exists(self.in_parentheses(self.query), at=token.at)
            case "ARRAY" if following.value == "[":
                self.expect("ARRAY", "[")
                items = () if self.sees("]") else self.listed(self.expression)
                self.expect("]")
                return tree.ArrayConstructor(items, at=token.at)
            case "ROW" if following.value == "(":
                self.take()
                return tree.RowConstructor(self.in_parentheses(lambda: self.listed(self.expression)), at=token.at)
            case "INTERVAL" if following.kind is Kind.STRING or following.value in ("+", "-"):
                return self._interval()
            case "EXTRACT" | "TRIM" | "POSITION" | "SUBSTRING" | "LISTAGG" | "GROUPING" if following.value == "(":
                return self._spoken(word)
            case _ if word in _CURRENT:
                return self._current_time()
            case _ if word in _NOT_PLAYED:
                raise SqlNotPlayed(word, token.at)
        if token.kind is Kind.WORD and following.kind is Kind.STRING and self.sees_identifier():
            self.take()
            return tree.TypedLiteral(word.lower(), self.string(), at=token.at)
        return self._named()

    def _named(self) -> Expr:
        token = self.next
        if self.ahead(1).value == "->" and self.sees_identifier():
            parameter = self.identifier()
            self.expect("->")
            return tree.Lambda((parameter,), self.expression(), at=token.at)
        if not self.sees_identifier():
            self.fail("<expression>")
        name = self.identifier()
        if self.sees("("):
            return self._call(name.name, token.at)
        return tree.Column(name, at=token.at)

    def _case(self) -> Expr:
        at = self.expect("CASE").at
        operand = None if self.sees("WHEN") else self.expression()
        whens: list[tree.When] = []
        while self.sees("WHEN"):
            place = self.take().at
            condition = self.expression()
            self.expect("THEN")
            whens.append(tree.When(condition, self.expression(), at=place))
        if not whens:
            self.fail("'WHEN'")
        otherwise = self.expression() if self.accept("ELSE") else None
        self.expect("END")
        return tree.Case(operand, tuple(whens), otherwise, at=at)

    def _cast(self) -> Expr:
        token = self.take()
        self.expect("(")
        operand = self.expression()
        self.expect("AS")
        kind = self.type()
        self.expect(")")
        return tree.Cast(operand, kind, token.value == "TRY_CAST", at=token.at)

    def _interval(self) -> Expr:
        at = self.expect("INTERVAL").at
        negative = self.accept("-")
        if not negative:
            self.accept("+")
        text, unit = self.string(), self._unit()
        return tree.IntervalLiteral(negative, text, unit, self._unit() if self.accept("TO") else None, at=at)

    def _unit(self) -> str:
        if not self.sees_any(*_UNITS):
            self.fail(*(f"'{unit}'" for unit in _UNITS))
        return self.take().value

    def _current_time(self) -> Expr:
        token = self.take()
        precision = self.in_parentheses(self.integer) if self.sees("(") and token.value != "CURRENT_DATE" else None
        return tree.CurrentTime(token.value, precision, at=token.at)

    # --- calls ---------------------------------------------------------------------------------

    def _spoken(self, word: str) -> Expr:
        at = self.take().at
        match word:
            case "EXTRACT":
                self.expect("(")
                part = self.identifier().name
                self.expect("FROM")
                found: Expr = tree.Extract(part, self.value(), at=at)
            case "TRIM":
                self.expect("(")
                found = self._trim(at)
            case "POSITION":
                self.expect("(")
                needle = self.value()
                self.expect("IN")
                found = tree.Call("strpos", (self.value(), needle), at=at)
            case "SUBSTRING":
                self.expect("(")
                args = [self.value()]
                separators = ("FROM", "FOR") if self.sees("FROM") else (",", ",")
                for separator in separators:
                    if self.accept(separator):
                        args.append(self.value())
                found = tree.Call("substring", tuple(args), at=at)
            case "GROUPING":
                return tree.Call("grouping", self.in_parentheses(lambda: self.listed(self.primary)), at=at)
            case _:
                return self._listagg(at)
        self.expect(")")
        return found

    def _trim(self, at: Position) -> Expr:
        side: Literal["LEADING", "TRAILING", "BOTH"] = "BOTH"
        spoken = False
        for word in ("LEADING", "TRAILING", "BOTH"):
            if self.sees(word) and self.ahead(1).value not in (")", ",", "."):
                self.take()
                side, spoken = ("LEADING" if word == "LEADING" else "TRAILING" if word == "TRAILING" else "BOTH"), True
        if spoken and self.accept("FROM"):
            return tree.Trim(side, None, self.value(), at=at)
        first = self.value()
        if self.accept("FROM"):
            return tree.Trim(side, first, self.value(), at=at)
        if spoken:
            self.fail("'FROM'")
        return tree.Trim(side, self.value() if self.accept(",") else None, first, at=at)

    def _listagg(self, at: Position) -> Expr:
        self.expect("(")
        distinct = self._quantifier()
        args = self.listed(self.expression)
        if self.sees("ON"):
            raise SqlNotPlayed("LISTAGG … ON OVERFLOW", self.here)
        self.expect(")")
        self.expect("WITHIN", "GROUP", "(", "ORDER", "BY")
        order_by = self.listed(self.sort_item)
        self.expect(")")
        return tree.Call("listagg", args, distinct=distinct, order_by=order_by, filter=self._filter(), at=at)

    def _call(self, name: str, at: Position) -> Expr:
        self.expect("(")
        star = self.accept("*")
        distinct = not star and self._quantifier()
        args = () if star or self.sees_any(")", "ORDER") else self.listed(self.expression)
        order_by = self.listed(self.sort_item) if self.accept("ORDER", "BY") else ()
        self.expect(")")
        found_filter = self._filter()
        nulls: Literal["RESPECT", "IGNORE"] | None = None
        if self.accept("IGNORE", "NULLS"):
            nulls = "IGNORE"
        elif self.accept("RESPECT", "NULLS"):
            nulls = "RESPECT"
        window = self._over()
        return tree.Call(name, args, star, distinct, order_by, found_filter, nulls, window, at=at)

    def _quantifier(self) -> bool:
        if self.accept("DISTINCT"):
            return True
        if self.sees("ALL") and self.ahead(1).value not in (",", ")", "."):
            self.take()
        return False

    def _filter(self) -> Expr | None:
        if not self.accept("FILTER", "("):
            return None
        self.expect("WHERE")
        condition = self.expression()
        self.expect(")")
        return condition

    def sort_item(self) -> tree.SortItem:
        """One item of ORDER BY."""
        at, expr = self.here, self.expression()
        descending = self.accept("DESC")
        if not descending:
            self.accept("ASC")
        nulls_first: bool | None = None
        if self.accept("NULLS"):
            if not self.sees_any("FIRST", "LAST"):
                self.fail("'FIRST'", "'LAST'")
            nulls_first = self.take().value == "FIRST"
        return tree.SortItem(expr, descending, nulls_first, at=at)

    def _over(self) -> tree.Window | None:
        at = self.here
        if not self.accept("OVER"):
            return None
        if self.sees("("):
            return self.in_parentheses(self.window)
        return tree.Window(self.identifier(), (), (), None, at=at)

    def window(self) -> tree.Window:
        """The inside of OVER (…)."""
        at = self.here
        base: Identifier | None = None
        if self.sees_identifier() and not self.sees_any("PARTITION", "ROWS", "RANGE", "GROUPS"):
            base = self.identifier()
        partition_by = self.listed(self.expression) if self.accept("PARTITION", "BY") else ()
        order_by = self.listed(self.sort_item) if self.accept("ORDER", "BY") else ()
        frame = self._frame() if self.sees_any("ROWS", "RANGE", "GROUPS") else None
        return tree.Window(base, partition_by, order_by, frame, at=at)

    def _frame(self) -> tree.Frame:
        token = self.take()
        unit: Literal["ROWS", "RANGE", "GROUPS"] = (
            "ROWS" if token.value == "ROWS" else "RANGE" if token.value == "RANGE" else "GROUPS"
        )
        if self.accept("BETWEEN"):
            start = self._bound()
            self.expect("AND")
            return tree.Frame(unit, start, self._bound(), at=token.at)
        return tree.Frame(unit, self._bound(), None, at=token.at)

    def _bound(self) -> tree.FrameBound:
        at = self.here
        if self.accept("UNBOUNDED"):
            if self.accept("PRECEDING"):
                return tree.FrameBound("UNBOUNDED PRECEDING", at=at)
            self.expect("FOLLOWING")
            return tree.FrameBound("UNBOUNDED FOLLOWING", at=at)
        if self.accept("CURRENT", "ROW"):
            return tree.FrameBound("CURRENT ROW", at=at)
        offset = self.expression()
        if self.accept("PRECEDING"):
            return tree.FrameBound("PRECEDING", offset, at=at)
        self.expect("FOLLOWING")
        return tree.FrameBound("FOLLOWING", offset, at=at)
