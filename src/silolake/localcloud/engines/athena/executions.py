"""Asking after queries, and stopping them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.athena import history, running
from silolake.localcloud.engines.athena.errors import bad_request
from silolake.localcloud.engines.athena.history import Execution
from silolake.localcloud.engines.athena.names import PRIMARY, required
from silolake.localcloud.engines.athena.plays import PLAYS
from silolake.localcloud.engines.athena.workgroups import access_in, find_workgroup, on_workgroup


def need_execution(call: Call) -> Execution:
    """The query that ``QueryExecutionId`` means. Reads only.

    Raises:
        AwsError: ``InvalidRequestException``, the account has none such.
    """
    identity = required(call.parameters, "QueryExecutionId")
    with call.cloud.store.read() as connection:
        found = history.find(connection, call.account, call.region, identity)
    if found is None:
        raise bad_request(f"QueryExecution {identity} was not found")
    return found


def on_execution(call: Call) -> Iterable[Access]:
    """The access of an operation on a query: its workgroup."""
    return access_in(call, need_execution(call).workgroup)


def _on_executions(call: Call) -> Iterable[Access]:
    groups = dict.fromkeys(found.workgroup for found in _several(call) if found is not None)
    return [access for group in groups for access in access_in(call, group)]


def _several(call: Call) -> list[Execution | None]:
    wanted = required(call.parameters, "QueryExecutionIds")
    if len(wanted) > 50:
        raise bad_request("At most 50 query executions can be asked for at once.")
    with call.cloud.store.read() as connection:
        return [history.find(connection, call.account, call.region, each) for each in wanted]


@PLAYS("GetQueryExecution", access=on_execution)
def get_query_execution(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryExecution.html. Reads only."""
    return {"QueryExecution": need_execution(call).shown()}


@PLAYS("BatchGetQueryExecution", access=_on_executions)
def batch_get_query_execution(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_BatchGetQueryExecution.html. Reads only."""
    found = list(zip(call.parameters["QueryExecutionIds"], _several(call), strict=True))
    missing = [
        {
            "QueryExecutionId": identity,
            "ErrorCode": "INVALID_INPUT",
            "ErrorMessage": f"QueryExecution {identity} was not found",
        }
        for identity, execution in found
        if execution is None
    ]
    shown = [execution.shown() for _, execution in found if execution is not None]
    return {"QueryExecutions": shown, "UnprocessedQueryExecutionIds": missing}


@PLAYS("ListQueryExecutions", access=on_workgroup())
def list_query_executions(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_ListQueryExecutions.html. Reads only; newest first."""
    workgroup = call.parameters.get("WorkGroup") or PRIMARY
    size, token = call.parameters.get("MaxResults") or 50, call.parameters.get("NextToken")
    if not 0 <= size <= 50:
        raise bad_request("MaxResults must be between 0 and 50.")
    if token is not None and not token.isdecimal():
        raise bad_request("NextToken is not valid.")
    with call.cloud.store.read() as connection:
        find_workgroup(connection, call.account, call.region, workgroup)
        rows = connection.execute(
            "SELECT sequence, id FROM athena_executions WHERE account = ? AND region = ? AND workgroup = ? "
            "AND sequence < ? ORDER BY sequence DESC LIMIT ?",
            (call.account, call.region, workgroup, int(token or 1 << 62), size + 1),
        ).fetchall()
    answer: dict[str, Any] = {"QueryExecutionIds": [row["id"] for row in rows[:size]]}
    return answer | ({"NextToken": str(rows[size - 1]["sequence"])} if len(rows) > size else {})


@PLAYS("StopQueryExecution", access=on_execution)
def stop_query_execution(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_StopQueryExecution.html. Writes."""
    found = need_execution(call)
    with call.cloud.store.write() as connection:
        history.cancel(connection, found.id, call.cloud.clock.now())
    running.interrupt(found.id)
    return {}


@PLAYS("GetQueryRuntimeStatistics", access=on_execution, differs="The stages of a query's plan are not told.")
def get_query_runtime_statistics(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryRuntimeStatistics.html. Reads only."""
    found = need_execution(call)
    if not found.is_finished:
        raise bad_request("Query has not yet finished. Current state: " + found.state)
    timeline = {name: value for name, value in found.statistics.items() if name.endswith("InMillis")}
    rows = {"InputBytes": found.statistics.get("DataScannedInBytes", 0)}
    return {"QueryRuntimeStatistics": {"Timeline": timeline, "Rows": rows}}
