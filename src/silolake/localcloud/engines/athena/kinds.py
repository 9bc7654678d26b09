"""What kind of statement it is, and what its result file is called."""

from __future__ import annotations

from typing import assert_never

from silolake import sql

DML, DDL, UTILITY = "DML", "DDL", "UTILITY"


def kind_of(statement: sql.Statement) -> tuple[str, str]:
    """A statement's ``StatementType`` and ``SubstatementType``."""
    match statement:
        case sql.Query():
            return DML, "SELECT"
        case sql.InsertInto():
            return DML, "INSERT"
        case sql.Unload():
            return DML, "UNLOAD"
        case sql.CreateTableAs():
            return DDL, "CREATE_TABLE_AS_SELECT"
        case sql.CreateExternalTable():
            return DDL, "CREATE_TABLE"
        case sql.CreateView():
            return DDL, "CREATE_VIEW"
        case sql.DropView():
            return DDL, "DROP_VIEW"
        case sql.DropTable():
            return DDL, "DROP_TABLE"
        case sql.CreateDatabase():
            return DDL, "CREATE_DATABASE"
        case sql.DropDatabase():
            return DDL, "DROP_DATABASE"
        case sql.AddPartitions():
            return DDL, "ALTER_TABLE_ADD_PARTITION"
        case sql.DropPartitions():
            return DDL, "ALTER_TABLE_DROP_PARTITION"
        case sql.AddColumns() | sql.SetTableProperties() | sql.SetLocation():
            return DDL, "ALTER_TABLE"
        case sql.RepairTable():
            return DDL, "MSCK_REPAIR_TABLE"
        case sql.Describe():
            return UTILITY, "DESCRIBE"
        case (
            sql.ShowDatabases()
            | sql.ShowTables()
            | sql.ShowViews()
            | sql.ShowPartitions()
            | sql.ShowColumns()
            | sql.ShowCreateTable()
            | sql.ShowCreateView()
            | sql.ShowTableProperties()
        ):
            return UTILITY, "SHOW"
        case _:
            assert_never(statement)


def output_location(statement: sql.Statement, location: str, query: str) -> str:
    """Where a statement's result lies, below the workgroup's place.

    >>> output_location(sql.parse("SELECT 1"), "s3://results", "q")
    's3://results/q.csv'
    """
    match statement:
        case sql.Query():
            return f"{location}/{query}.csv"
        case sql.CreateTableAs():
            return f"{location}/tables/{query}"
        case sql.InsertInto() | sql.Unload():
            return f"{location}/{query}"
        case _:
            return f"{location}/{query}.txt"
