"""Asking Athena a question and waiting for its answer."""

from __future__ import annotations

import time
from dataclasses import dataclass

from silolake.cloud.door import Cloud
from silolake.errors import QueryFailed

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 2.0


@dataclass(frozen=True)
class Answer:
    """What a query answered.

    Attributes:
        query_id: Athena's id of it.
        columns: the columns' names.
        types: their Athena types.
        rows: each value as Athena prints it; ``None`` for NULL.
        scanned_bytes: what Athena counts as scanned.
        engine_ms: how long the engine worked.
    """

    query_id: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    scanned_bytes: int
    engine_ms: int


def query(
    cloud: Cloud, sql: str, *, workgroup: str, database: str = "default", catalog: str = "AwsDataCatalog"
) -> Answer:
    """Run one statement in a workgroup and read its whole answer.

    Args:
        cloud: who asks; its own Glue and S3 rights count.
        sql: one statement in Athena's dialect.
        workgroup: whose settings say where results go.
        database: what unqualified tables belong to.
        catalog: the data catalog that database is in.

    Raises:
        QueryFailed: Athena ended it as FAILED or CANCELLED, with its reason.
        Denied: the caller may not use the workgroup.
    """
    started = cloud.call(
        "athena",
        "start_query_execution",
        QueryString=sql,
        WorkGroup=workgroup,
        QueryExecutionContext={"Database": database, "Catalog": catalog},
    )["QueryExecutionId"]
    wait = _FIRST_WAIT_S
    while True:
        execution = cloud.call("athena", "get_query_execution", QueryExecutionId=started)["QueryExecution"]
        status = execution["Status"]
        if status["State"] == "SUCCEEDED":
            break
        if status["State"] in ("FAILED", "CANCELLED"):
            raise QueryFailed(started, status["State"], status.get("StateChangeReason", "no reason was given"))
        time.sleep(wait)
        wait = min(wait * 1.5, _LONGEST_WAIT_S)
    statistics = execution.get("Statistics", {})
    columns, types, rows = _read(cloud, started, execution.get("StatementType", "DML"))
    return Answer(
        started,
        columns,
        types,
        rows,
        int(statistics.get("DataScannedInBytes", 0)),
        int(statistics.get("EngineExecutionTimeInMillis", 0)),
    )


def _read(
    cloud: Cloud, query_id: str, kind: str
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str | None, ...], ...]]:
    rows: list[tuple[str | None, ...]] = []
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    token: dict[str, str] = {}
    while True:
        page = cloud.call("athena", "get_query_results", QueryExecutionId=query_id, MaxResults=1000, **token)
        about = page["ResultSet"].get("ResultSetMetadata", {}).get("ColumnInfo", [])
        columns = tuple(each["Name"] for each in about)
        types = tuple(each["Type"] for each in about)
        rows += (
            tuple(cell.get("VarCharValue") for cell in row.get("Data", [])) for row in page["ResultSet"].get("Rows", [])
        )
        if not page.get("NextToken"):
            break
        token = {"NextToken": page["NextToken"]}
    # The first row of a SELECT's answer repeats the columns' names; that of a DDL statement does not.
    if kind == "DML" and rows and rows[0] == columns:
        rows = rows[1:]
    return columns, types, tuple(rows)
