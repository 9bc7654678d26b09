"""What a query says, as values: the closed tree that Trino's grammar yields.

Two nodes are equal when they say the same, wherever they stand in the text.
https://trino.io/docs/current/sql/select.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from silolake.sql.names import TableName
from silolake.sql.positions import START, Position
from silolake.sql.types import Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Anything that stands somewhere in a statement."""

    at: Position = field(default=START, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Identifier(Node):
    """A name, compared without regard to case; ``written`` is how it was spelled."""

    name: str
    written: str = field(default="", compare=False)


# --- expressions -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NullLiteral(Node):
    """NULL."""


@dataclass(frozen=True, slots=True)
class BooleanLiteral(Node):
    """TRUE or FALSE."""

    value: bool


@dataclass(frozen=True, slots=True)
class NumberLiteral(Node):
    """A number as it was written; an integer, a decimal (``1.5``) or a double (``1.5E0``)."""

    kind: Literal["integer", "decimal", "double"]
    text: str


@dataclass(frozen=True, slots=True)
class StringLiteral(Node):
    """Text in quotes."""

    value: str


@dataclass(frozen=True, slots=True)
class BinaryLiteral(Node):
    """X'65683F'."""

    digits: str


@dataclass(frozen=True, slots=True)
class TypedLiteral(Node):
    """DATE '2013-01-01', DECIMAL '1.50', JSON '{}' and the like."""

    type_name: str
    text: str


@dataclass(frozen=True, slots=True)
class IntervalLiteral(Node):
    """INTERVAL '2' DAY."""

    negative: bool
    text: str
    unit: str
    to: str | None


@dataclass(frozen=True, slots=True)
class Column(Node):
    """A column, or the first part of a dereference."""

    name: Identifier


@dataclass(frozen=True, slots=True)
class Dereference(Node):
    """``base.field``: a column of a relation, or a field of a row."""

    base: Expr
    name: Identifier


@dataclass(frozen=True, slots=True)
class Subscript(Node):
    """``base[index]``."""

    base: Expr
    index: Expr


@dataclass(frozen=True, slots=True)
class SortItem(Node):
    """One item of ORDER BY."""

    expr: Expr
    descending: bool
    nulls_first: bool | None


@dataclass(frozen=True, slots=True)
class FrameBound(Node):
    """One end of a window's frame."""

    kind: Literal["UNBOUNDED PRECEDING", "PRECEDING", "CURRENT ROW", "FOLLOWING", "UNBOUNDED FOLLOWING"]
    offset: Expr | None = None


@dataclass(frozen=True, slots=True)
class Frame(Node):
    """ROWS BETWEEN … AND …."""

    unit: Literal["ROWS", "RANGE", "GROUPS"]
    start: FrameBound
    end: FrameBound | None


@dataclass(frozen=True, slots=True)
class Window(Node):
    """What stands behind OVER."""

    base: Identifier | None
    partition_by: tuple[Expr, ...]
    order_by: tuple[SortItem, ...]
    frame: Frame | None


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function call with all that SQL can hang on it."""

    name: str
    args: tuple[Expr, ...]
    star: bool = False
    distinct: bool = False
    order_by: tuple[SortItem, ...] = ()
    filter: Expr | None = None
    nulls: Literal["RESPECT", "IGNORE"] | None = None
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Lambda(Node):
    """``x -> …`` or ``(x, y) -> …``."""

    parameters: tuple[Identifier, ...]
    body: Expr


@dataclass(frozen=True, slots=True)
class Cast(Node):
    """CAST or, where ``safe``, TRY_CAST."""

    expr: Expr
    type: Type
    safe: bool


@dataclass(frozen=True, slots=True)
class When(Node):
    """WHEN … THEN …."""

    condition: Expr
    result: Expr


@dataclass(frozen=True, slots=True)
class Case(Node):
    """CASE, simple where it has an operand."""

    operand: Expr | None
    whens: tuple[When, ...]
    otherwise: Expr | None


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """Arithmetic, comparison, concatenation."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """A sign."""

    operator: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class Logical(Node):
    """AND or OR over two or more terms."""

    operator: Literal["AND", "OR"]
    terms: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Not(Node):
    """NOT."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Between(Node):
    """BETWEEN low AND high, both included."""

    operand: Expr
    low: Expr
    high: Expr


@dataclass(frozen=True, slots=True)
class InList(Node):
    """IN (…)."""

    operand: Expr
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class InQuery(Node):
    """IN (SELECT …)."""

    operand: Expr
    query: Query


@dataclass(frozen=True, slots=True)
class Like(Node):
    """LIKE, with its ESCAPE."""

    operand: Expr
    pattern: Expr
    escape: Expr | None


@dataclass(frozen=True, slots=True)
class IsNull(Node):
    """IS NULL."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class IsDistinct(Node):
    """IS DISTINCT FROM."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Exists(Node):
    """EXISTS (SELECT …)."""

    query: Query


@dataclass(frozen=True, slots=True)
class ScalarSubquery(Node):
    """A query that stands for one value."""

    query: Query


@dataclass(frozen=True, slots=True)
class Quantified(Node):
    """``x = ANY (SELECT …)``; SOME is ANY."""

    operator: str
    quantifier: Literal["ANY", "ALL"]
    left: Expr
    query: Query


@dataclass(frozen=True, slots=True)
class ArrayConstructor(Node):
    """ARRAY[…]."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class RowConstructor(Node):
    """ROW(…) or (a, b)."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Extract(Node):
    """EXTRACT(field FROM …)."""

    part: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class AtTimeZone(Node):
    """… AT TIME ZONE …."""

    operand: Expr
    zone: Expr


@dataclass(frozen=True, slots=True)
class Trim(Node):
    """TRIM([LEADING|TRAILING|BOTH] [characters] FROM …)."""

    side: Literal["LEADING", "TRAILING", "BOTH"]
    characters: Expr | None
    operand: Expr


@dataclass(frozen=True, slots=True)
class CurrentTime(Node):
    """CURRENT_DATE, CURRENT_TIMESTAMP and their kin."""

    name: str
    precision: int | None


Expr = (
    NullLiteral | BooleanLiteral | NumberLiteral | StringLiteral | BinaryLiteral | TypedLiteral | IntervalLiteral
    | Column | Dereference | Subscript | Call | Lambda | Cast | Case | Binary | Unary | Logical | Not | Between
    | InList | InQuery | Like | IsNull | IsDistinct | Exists | ScalarSubquery | Quantified | ArrayConstructor
    | RowConstructor | Extract | AtTimeZone | Trim | CurrentTime
)  # fmt: skip


# --- relations ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table(Node):
    """A table, a view or a common table expression, by name."""

    name: TableName


@dataclass(frozen=True, slots=True)
class Aliased(Node):
    """``relation AS alias (columns)``."""

    relation: Relation
    alias: Identifier
    columns: tuple[Identifier, ...]


@dataclass(frozen=True, slots=True)
class SubqueryRelation(Node):
    """A query in FROM."""

    query: Query


@dataclass(frozen=True, slots=True)
class Lateral(Node):
    """LATERAL (SELECT …)."""

    query: Query


@dataclass(frozen=True, slots=True)
class Unnest(Node):
    """UNNEST(…) [WITH ORDINALITY]."""

    items: tuple[Expr, ...]
    ordinality: bool


@dataclass(frozen=True, slots=True)
class Join(Node):
    """Two relations joined; an implicit join (a comma) is a cross join."""

    kind: Literal["INNER", "LEFT", "RIGHT", "FULL", "CROSS"]
    left: Relation
    right: Relation
    on: Expr | None = None
    using: tuple[Identifier, ...] = ()
    natural: bool = False


Relation = Table | Aliased | SubqueryRelation | Lateral | Unnest | Join


# --- queries -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SelectExpr(Node):
    """One expression of a select list, with its alias."""

    expr: Expr
    alias: Identifier | None


@dataclass(frozen=True, slots=True)
class SelectAll(Node):
    """``*``, ``t.*`` or ``row.*``."""

    base: Expr | None
    aliases: tuple[Identifier, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupingElement(Node):
    """One element of GROUP BY: a plain set, or several that GROUPING SETS, ROLLUP or CUBE make."""

    kind: Literal["SIMPLE", "SETS", "ROLLUP", "CUBE"]
    sets: tuple[tuple[Expr, ...], ...]


@dataclass(frozen=True, slots=True)
class NamedWindow(Node):
    """WINDOW name AS (…)."""

    name: Identifier
    window: Window


@dataclass(frozen=True, slots=True)
class Select(Node):
    """One SELECT."""

    items: tuple[SelectExpr | SelectAll, ...]
    distinct: bool = False
    source: Relation | None = None
    where: Expr | None = None
    group_by: tuple[GroupingElement, ...] = ()
    having: Expr | None = None
    windows: tuple[NamedWindow, ...] = ()


@dataclass(frozen=True, slots=True)
class Values(Node):
    """VALUES …, rows or single values."""

    rows: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class SetOperation(Node):
    """UNION, INTERSECT, EXCEPT."""

    operator: Literal["UNION", "INTERSECT", "EXCEPT"]
    distinct: bool
    left: Body
    right: Body


@dataclass(frozen=True, slots=True)
class WithItem(Node):
    """One common table expression."""

    name: Identifier
    columns: tuple[Identifier, ...]
    query: Query


@dataclass(frozen=True, slots=True)
class Query(Node):
    """A query with what orders and limits it."""

    body: Body
    with_items: tuple[WithItem, ...] = ()
    recursive: bool = False
    order_by: tuple[SortItem, ...] = ()
    offset: int | None = None
    limit: int | None = None
    with_ties: bool = False


Body = Select | Values | SetOperation | Query
