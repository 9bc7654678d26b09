"""Athena's SQL as values: parsed, held against a schema, and told to DuckDB. Pure: text in, text out.

>>> from silolake.sql import parse, tables_read
>>> [str(name) for name in tables_read(parse('SELECT f.dest FROM "ewr"."processed"."flights" f'))]
['ewr.processed.flights']
"""

from __future__ import annotations

from silolake.sql.grammar.parsing import MOST_BYTES, parse, parse_query
from silolake.sql.names import DEFAULT_CATALOG, TableName
from silolake.sql.positions import Position
from silolake.sql.pruning import Predicate, partition_filter
from silolake.sql.refusals import SqlNotPlayed, SqlRefused
from silolake.sql.rendering import result_text
from silolake.sql.schemas import Column, Relations, Schema, View
from silolake.sql.statements import (
    AddColumns,
    AddPartitions,
    ColumnDefinition,
    CreateDatabase,
    CreateExternalTable,
    CreateTableAs,
    CreateView,
    Describe,
    DropDatabase,
    DropPartitions,
    DropTable,
    DropView,
    InsertInto,
    PartitionSpec,
    RepairTable,
    RowFormat,
    SetLocation,
    SetTableProperties,
    ShowColumns,
    ShowCreateTable,
    ShowCreateView,
    ShowDatabases,
    ShowPartitions,
    ShowTableProperties,
    ShowTables,
    ShowViews,
    Statement,
    Unload,
    is_dml,
    query_of,
    table_written,
    tables_read,
)  # fmt: skip
from silolake.sql.translation.translating import Translation, coerced, to_duckdb, translate
from silolake.sql.tree import Query
from silolake.sql.types import Type, UnknownGlueType, from_glue, to_glue
from silolake.sql.views import ViewText, decode_view, encode_view

__all__ = [
    "DEFAULT_CATALOG", "MOST_BYTES", "AddColumns", "AddPartitions", "Column", "ColumnDefinition", "CreateDatabase",
    "CreateExternalTable", "CreateTableAs", "CreateView", "Describe", "DropDatabase", "DropPartitions", "DropTable",
    "DropView", "InsertInto", "PartitionSpec", "Position", "Predicate", "Query", "Relations", "RepairTable",
    "RowFormat", "Schema", "SetLocation", "SetTableProperties", "ShowColumns", "ShowCreateTable", "ShowCreateView",
    "ShowDatabases", "ShowPartitions", "ShowTableProperties", "ShowTables", "ShowViews", "SqlNotPlayed",
    "SqlRefused", "Statement", "TableName", "Translation", "Type", "UnknownGlueType", "Unload", "View", "ViewText",
    "coerced", "decode_view", "encode_view", "from_glue", "is_dml", "parse", "parse_query", "partition_filter",
    "query_of", "result_text", "table_written", "tables_read", "to_duckdb", "to_glue", "translate",
]  # fmt: skip
