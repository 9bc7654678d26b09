"""Reading a result back: the file is read from S3 with the reader's own rights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.athena.errors import bad_request
from silolake.localcloud.engines.athena.executions import need_execution, on_execution
from silolake.localcloud.engines.athena.history import SUCCEEDED, Execution
from silolake.localcloud.engines.athena.names import page_size, s3_location
from silolake.localcloud.engines.athena.plays import PLAYS
from silolake.localcloud.engines.athena.rights import forwarded
from silolake.localcloud.errors import AwsError, NotPlayed

_VALUE = re.compile(rb'(?:"([^"]*(?:""[^"]*)*)"|([^",\n]*))(,|\n)')
_WINDOW = 1 << 20


@PLAYS("GetQueryResults", access=on_execution)
def get_query_results(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html. Reads only."""
    if call.parameters.get("QueryResultType") == "DATA_MANIFEST":
        raise NotPlayed("athena:GetQueryResults with QueryResultType DATA_MANIFEST")
    found, size = need_execution(call), page_size(call, 1000)
    if not found.is_finished:
        raise bad_request(f"Query has not yet finished. Current state: {found.state}")
    if found.state != SUCCEEDED:
        raise bad_request(f"Query did not finish successfully. Final query state: {found.state}")
    rows, following = _page(call, found, size)
    answer: dict[str, Any] = {
        "ResultSet": {
            "Rows": [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in rows],
            "ResultSetMetadata": {"ColumnInfo": list(found.columns)},
        }
    }
    if found.update_count is not None:
        answer["UpdateCount"] = found.update_count
    return answer | ({"NextToken": str(following)} if following is not None else {})


def _page(call: Call, found: Execution, size: int) -> tuple[list[list[str | None]], int | None]:
    """A page of rows, and the offset in the file at which the next begins."""
    token = call.parameters.get("NextToken") or "0"
    if not token.isdecimal():
        raise bad_request("NextToken is not valid.")
    if not found.output_location.endswith((".csv", ".txt")):
        return [], None
    read = _csv_rows if found.output_location.endswith(".csv") else _lines
    first, window = int(token), _WINDOW
    while True:
        data, is_whole = _bytes(call, found.output_location, first, window)
        rows: list[list[str | None]] = []
        at = first
        for row, end in read(data):
            if len(rows) == size:
                return rows, at
            rows.append(row)
            at = first + end
        if is_whole:
            return rows, None
        window *= 4


def _bytes(call: Call, location: str, first: int, window: int) -> tuple[bytes, bool]:
    """A stretch of a result file, and whether it reaches the end."""
    bucket, key = s3_location(location)
    caller, named = forwarded(call.caller), {"Bucket": bucket, "Key": key}
    try:
        size = call.cloud.invoke(caller, "s3", "HeadObject", named, call.region)["ContentLength"]
        if size <= first:
            return b"", True
        asked = {**named, "Range": f"bytes={first}-{first + window - 1}"}
        body = call.cloud.invoke(caller, "s3", "GetObject", asked, call.region)["Body"]
    except AwsError as error:
        raise bad_request(f"Could not find results: {error.message}") from error
    return body.read(), first + window >= size


def _csv_rows(data: bytes) -> Iterator[tuple[list[str | None], int]]:
    """Rows of a result file, and the offset behind each; what is not quoted is NULL."""
    row: list[str | None] = []
    at = 0
    while matched := _VALUE.match(data, at):
        quoted, _, end = matched.groups()
        row.append(None if quoted is None else quoted.replace(b'""', b'"').decode())
        at = matched.end()
        if end == b"\n":
            yield row, at
            row = []


def _lines(data: bytes) -> Iterator[tuple[list[str | None], int]]:
    """Lines of a definition's answer, each a single value, and the offset behind each."""
    at = 0
    while (end := data.find(b"\n", at)) >= 0:
        yield [data[at:end].decode()], end + 1
        at = end + 1
