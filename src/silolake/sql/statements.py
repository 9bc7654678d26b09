"""Everything Athena can be told to do, as one closed union.

https://docs.aws.amazon.com/athena/latest/ug/ddl-reference.html ·
https://docs.aws.amazon.com/athena/latest/ug/dml-queries-functions-operators.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import assert_never

from silolake.sql import tree
from silolake.sql.names import TableName
from silolake.sql.tree import Query
from silolake.sql.walking import children

Properties = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ColumnDefinition:
    """A column as CREATE EXTERNAL TABLE declares it; ``type`` is spelled Glue's way."""

    name: str
    type: str
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class PartitionSpec:
    """``PARTITION (k = 'v', …)`` with its LOCATION."""

    values: tuple[tuple[str, str], ...]
    location: str | None = None


@dataclass(frozen=True, slots=True)
class RowFormat:
    """ROW FORMAT and STORED AS: what the table's storage descriptor will say.

    Attributes:
        serde: the SerDe's class, or None where only STORED AS says it.
        serde_properties: WITH SERDEPROPERTIES, or what ROW FORMAT DELIMITED amounts to.
        stored_as: ``PARQUET``, ``TEXTFILE`` … in capitals, or None.
    """

    serde: str | None = None
    serde_properties: Properties = ()
    stored_as: str | None = None
    input_format: str | None = None
    output_format: str | None = None


@dataclass(frozen=True, slots=True)
class CreateTableAs:
    """CREATE TABLE … WITH (…) AS SELECT …."""

    name: TableName
    query: Query
    properties: tuple[tuple[str, tree.Expr], ...] = ()
    if_not_exists: bool = False
    with_data: bool = True


@dataclass(frozen=True, slots=True)
class InsertInto:
    """INSERT INTO table [(columns)] SELECT … or VALUES …."""

    name: TableName
    columns: tuple[str, ...]
    query: Query


@dataclass(frozen=True, slots=True)
class CreateExternalTable:
    """CREATE EXTERNAL TABLE, with all that Hive's grammar hangs on it."""

    name: TableName
    columns: tuple[ColumnDefinition, ...]
    partitioned_by: tuple[ColumnDefinition, ...] = ()
    comment: str | None = None
    row_format: RowFormat = field(default_factory=RowFormat)
    location: str | None = None
    properties: Properties = ()
    if_not_exists: bool = False
    clustered_by: tuple[str, ...] = ()
    buckets: int | None = None


@dataclass(frozen=True, slots=True)
class AddPartitions:
    """ALTER TABLE … ADD [IF NOT EXISTS] PARTITION (…) [LOCATION …] …."""

    name: TableName
    partitions: tuple[PartitionSpec, ...]
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class DropPartitions:
    """ALTER TABLE … DROP [IF EXISTS] PARTITION (…), …."""

    name: TableName
    partitions: tuple[PartitionSpec, ...]
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class AddColumns:
    """ALTER TABLE … ADD COLUMNS (…), or REPLACE COLUMNS."""

    name: TableName
    columns: tuple[ColumnDefinition, ...]
    replace: bool = False


@dataclass(frozen=True, slots=True)
class SetTableProperties:
    """ALTER TABLE … SET TBLPROPERTIES (…)."""

    name: TableName
    properties: Properties


@dataclass(frozen=True, slots=True)
class SetLocation:
    """ALTER TABLE … [PARTITION (…)] SET LOCATION …."""

    name: TableName
    location: str
    partition: PartitionSpec | None = None


@dataclass(frozen=True, slots=True)
class CreateView:
    """CREATE [OR REPLACE] VIEW … AS SELECT …; ``text`` is the query as it was written."""

    name: TableName
    query: Query
    text: str
    or_replace: bool = False


@dataclass(frozen=True, slots=True)
class DropView:
    """DROP VIEW [IF EXISTS] …."""

    name: TableName
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class DropTable:
    """DROP TABLE [IF EXISTS] …."""

    name: TableName
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class CreateDatabase:
    """CREATE DATABASE or SCHEMA."""

    name: str
    if_not_exists: bool = False
    comment: str | None = None
    location: str | None = None
    properties: Properties = ()


@dataclass(frozen=True, slots=True)
class DropDatabase:
    """DROP DATABASE or SCHEMA."""

    name: str
    if_exists: bool = False
    cascade: bool = False


@dataclass(frozen=True, slots=True)
class RepairTable:
    """MSCK REPAIR TABLE …."""

    name: TableName


@dataclass(frozen=True, slots=True)
class Unload:
    """UNLOAD (SELECT …) TO 's3://…' WITH (…)."""

    query: Query
    location: str
    properties: tuple[tuple[str, tree.Expr], ...] = ()


@dataclass(frozen=True, slots=True)
class ShowDatabases:
    """SHOW DATABASES | SCHEMAS [LIKE 'regexp']."""

    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class ShowTables:
    """SHOW TABLES [IN database] ['regexp']."""

    database: str | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class ShowViews:
    """SHOW VIEWS [IN database] [LIKE 'regexp']."""

    database: str | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class ShowPartitions:
    """SHOW PARTITIONS table."""

    name: TableName


@dataclass(frozen=True, slots=True)
class ShowColumns:
    """SHOW COLUMNS IN table."""

    name: TableName


@dataclass(frozen=True, slots=True)
class ShowCreateTable:
    """SHOW CREATE TABLE table."""

    name: TableName


@dataclass(frozen=True, slots=True)
class ShowCreateView:
    """SHOW CREATE VIEW view."""

    name: TableName


@dataclass(frozen=True, slots=True)
class ShowTableProperties:
    """SHOW TBLPROPERTIES table [('property')]."""

    name: TableName
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Describe:
    """DESCRIBE [EXTENDED | FORMATTED] table [PARTITION (…)] [column], or DESCRIBE VIEW."""

    name: TableName
    detail: str | None = None
    column: str | None = None


Statement = (
    Query | CreateTableAs | InsertInto | CreateExternalTable | AddPartitions | DropPartitions | AddColumns
    | SetTableProperties | SetLocation | CreateView | DropView | DropTable | CreateDatabase | DropDatabase | RepairTable
    | Unload | ShowDatabases | ShowTables | ShowViews | ShowPartitions | ShowColumns | ShowCreateTable | ShowCreateView
    | ShowTableProperties | Describe
)  # fmt: skip


def is_dml(statement: Statement) -> bool:
    """True where Athena's ``StatementType`` is DML: what reads rows; views are definition, CTAS too."""
    return isinstance(statement, Query | InsertInto | Unload)


def query_of(statement: Statement) -> Query | None:
    """The query inside a statement, or None where there is none."""
    match statement:
        case Query():
            return statement
        case CreateTableAs() | InsertInto() | CreateView() | Unload():
            return statement.query
        case _:
            return None


def tables_read(statement: Statement) -> tuple[TableName, ...]:
    """The tables whose rows a statement reads, once each, in the order of the text; not the names WITH makes."""
    query = query_of(statement)
    return tuple(dict.fromkeys(_tables(query, frozenset()))) if query else ()


def table_written(statement: Statement) -> TableName | None:
    """The table or view that a statement makes, fills, changes or drops; None where it does nothing of the kind."""
    match statement:
        case (
            CreateTableAs() | InsertInto() | CreateExternalTable() | AddPartitions() | DropPartitions() | AddColumns()
            | SetTableProperties() | SetLocation() | CreateView() | DropView() | DropTable() | RepairTable()
        ):  # fmt: skip
            return statement.name
        case (
            Query() | CreateDatabase() | DropDatabase() | Unload() | ShowDatabases() | ShowTables() | ShowViews()
            | ShowPartitions() | ShowColumns() | ShowCreateTable() | ShowCreateView() | ShowTableProperties()
            | Describe()
        ):  # fmt: skip
            return None
        case _:
            assert_never(statement)


def _tables(node: tree.Node, hidden: frozenset[str]) -> Iterator[TableName]:
    if isinstance(node, tree.Table):
        if node.name.database is not None or node.name.table not in hidden:
            yield node.name
        return
    if isinstance(node, Query):
        for item in node.with_items:
            own = {item.name.name} if node.recursive else set()
            yield from _tables(item.query, hidden | own)
            hidden = hidden | {item.name.name}
        for rest in (node.body, *node.order_by):
            yield from _tables(rest, hidden)
        return
    for child in children(node):
        yield from _tables(child, hidden)
