"""Data contracts: what an Open Data Contract Standard v3 file promises, in values; their Glue tables; their check.

Pure: nothing here opens a file or a connection. ``check_csv`` imports pyarrow when it is called.
"""

from __future__ import annotations

from silolake.contracts.check import check_csv, schema_of
from silolake.contracts.checked import Checked, EmptyFile, Fault, NotText, WrongColumns
from silolake.contracts.contract import Column, Contract, DateFormat, Erasure, Limits, Retention
from silolake.contracts.glue import glue_table
from silolake.contracts.odcs import read_contract
from silolake.contracts.types import ColumnType, column_type

__all__ = [
    "Checked",
    "Column",
    "ColumnType",
    "Contract",
    "DateFormat",
    "EmptyFile",
    "Erasure",
    "Fault",
    "Limits",
    "NotText",
    "Retention",
    "WrongColumns",
    "check_csv",
    "column_type",
    "glue_table",
    "read_contract",
    "schema_of",
]
