"""A sandboxed DuckDB session that answers Athena's queries over files handed to it; nothing else opens DuckDB."""

from __future__ import annotations

from silolake.athena.faults import QueryCancelled, QueryFault
from silolake.athena.results import ColumnInfo, column_info, parse_csv, read_csv, write_text
from silolake.athena.session import Result, Session
from silolake.athena.sources import BoundFile, BoundPartition, Serde, Source, serde_of_glue
from silolake.athena.writing import MOST_PARTITIONS, Destination, WrittenFile, check_writable

__all__ = [
    "MOST_PARTITIONS", "BoundFile", "BoundPartition", "ColumnInfo", "Destination", "QueryCancelled", "QueryFault",
    "Result", "Serde", "Session", "Source", "WrittenFile", "check_writable", "column_info", "parse_csv", "read_csv",
    "serde_of_glue", "write_text",
]  # fmt: skip
