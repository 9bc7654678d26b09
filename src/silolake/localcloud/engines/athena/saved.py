"""Named queries and prepared statements: texts kept for later."""

from __future__ import annotations

import json
import re
import sqlite3
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from silolake.limits import QUERY
from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.athena.errors import bad_request
from silolake.localcloud.engines.athena.names import PRIMARY, page_size, required
from silolake.localcloud.engines.athena.plays import PLAYS
from silolake.localcloud.engines.athena.workgroups import access_in, find_workgroup, on_workgroup
from silolake.localcloud.errors import AwsError
from silolake.localcloud.paging import page

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_@:]{0,255}")


def _on_named_query(call: Call) -> Iterable[Access]:
    with call.cloud.store.read() as connection:
        row = _named_query(connection, call, required(call.parameters, "NamedQueryId"))
    return access_in(call, row["workgroup"])


def _on_named_queries(call: Call) -> Iterable[Access]:
    with call.cloud.store.read() as connection:
        rows = _named_queries(connection, call)
    groups = dict.fromkeys(row["workgroup"] for row in rows.values())
    return [access for group in groups for access in access_in(call, group)]


@PLAYS("CreateNamedQuery", access=on_workgroup())
def create_named_query(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_CreateNamedQuery.html. Writes."""
    body = {name: required(call.parameters, name) for name in ("Name", "Database", "QueryString")}
    _check_length(body["QueryString"])
    body["Description"] = call.parameters.get("Description") or ""
    workgroup = call.parameters.get("WorkGroup") or PRIMARY
    token = call.parameters.get("ClientRequestToken") or ""
    with call.cloud.store.write() as connection:
        find_workgroup(connection, call.account, call.region, workgroup)
        known = connection.execute(
            "SELECT id, body FROM athena_named_queries WHERE account = ? AND region = ? AND token = ? AND token <> ''",
            (call.account, call.region, token),
        ).fetchone()
        if known is not None:
            if known["body"] != json.dumps(body):
                raise bad_request("Idempotent parameters do not match")
            return {"NamedQueryId": known["id"]}
        made = str(uuid.uuid4())
        connection.execute(
            "INSERT INTO athena_named_queries VALUES (?, ?, ?, ?, ?, ?)",
            (made, call.account, call.region, workgroup, token, json.dumps(body)),
        )
    return {"NamedQueryId": made}


@PLAYS("GetNamedQuery", access=_on_named_query)
def get_named_query(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_GetNamedQuery.html. Reads only."""
    with call.cloud.store.read() as connection:
        return {"NamedQuery": _shown_query(_named_query(connection, call, call.parameters["NamedQueryId"]))}


@PLAYS("BatchGetNamedQuery", access=_on_named_queries)
def batch_get_named_query(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_BatchGetNamedQuery.html. Reads only."""
    with call.cloud.store.read() as connection:
        rows = _named_queries(connection, call)
    missing = [
        {"NamedQueryId": each, "ErrorCode": "INVALID_INPUT", "ErrorMessage": f"NamedQuery {each} was not found"}
        for each in call.parameters["NamedQueryIds"]
        if each not in rows
    ]
    return {"NamedQueries": [_shown_query(row) for row in rows.values()], "UnprocessedNamedQueryIds": missing}


@PLAYS("UpdateNamedQuery", access=_on_named_query)
def update_named_query(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_UpdateNamedQuery.html. Writes."""
    with call.cloud.store.write() as connection:
        row = _named_query(connection, call, call.parameters["NamedQueryId"])
        body = json.loads(row["body"])
        body |= {name: required(call.parameters, name) for name in ("Name", "QueryString")}
        _check_length(body["QueryString"])
        body["Description"] = call.parameters.get("Description", body["Description"])
        connection.execute("UPDATE athena_named_queries SET body = ? WHERE id = ?", (json.dumps(body), row["id"]))
    return {}


@PLAYS("DeleteNamedQuery", access=_on_named_query)
def delete_named_query(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_DeleteNamedQuery.html. Writes."""
    with call.cloud.store.write() as connection:
        row = _named_query(connection, call, call.parameters["NamedQueryId"])
        connection.execute("DELETE FROM athena_named_queries WHERE id = ?", (row["id"],))
    return {}


@PLAYS("ListNamedQueries", access=on_workgroup())
def list_named_queries(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_ListNamedQueries.html. Reads only."""
    with call.cloud.store.read() as connection:
        rows = connection.execute(
            "SELECT id FROM athena_named_queries WHERE account = ? AND region = ? AND workgroup = ?",
            (call.account, call.region, call.parameters.get("WorkGroup") or PRIMARY),
        ).fetchall()
    shown, token = _page(call, [row["id"] for row in rows])
    return {"NamedQueryIds": shown} | ({"NextToken": token} if token else {})


@PLAYS("CreatePreparedStatement", access=on_workgroup())
def create_prepared_statement(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_CreatePreparedStatement.html. Writes."""
    name, workgroup = required(call.parameters, "StatementName"), required(call.parameters, "WorkGroup")
    if not _NAME.fullmatch(name):
        raise bad_request(f"Prepared statement name {name} is not valid")
    with call.cloud.store.write() as connection:
        find_workgroup(connection, call.account, call.region, workgroup)
        if _prepared(connection, call, workgroup, name) is not None:
            raise bad_request(f"PreparedStatement {name} already exists")
        _keep_prepared(connection, call, required(call.parameters, "QueryStatement"))
    return {}


@PLAYS("UpdatePreparedStatement", access=on_workgroup())
def update_prepared_statement(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_UpdatePreparedStatement.html. Writes."""
    with call.cloud.store.write() as connection:
        _need_prepared(connection, call)
        _keep_prepared(connection, call, required(call.parameters, "QueryStatement"))
    return {}


@PLAYS("GetPreparedStatement", access=on_workgroup())
def get_prepared_statement(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_GetPreparedStatement.html. Reads only."""
    with call.cloud.store.read() as connection:
        row = _need_prepared(connection, call)
    return {
        "PreparedStatement": {
            "StatementName": row["name"],
            "QueryStatement": row["query"],
            "WorkGroupName": row["workgroup"],
            "Description": row["description"],
            "LastModifiedTime": datetime.fromisoformat(row["modified_at"]),
        }
    }


@PLAYS("ListPreparedStatements", access=on_workgroup())
def list_prepared_statements(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_ListPreparedStatements.html. Reads only."""
    with call.cloud.store.read() as connection:
        rows = connection.execute(
            "SELECT * FROM athena_prepared_statements WHERE account = ? AND region = ? AND workgroup = ?",
            (call.account, call.region, required(call.parameters, "WorkGroup")),
        ).fetchall()
    by_name = {row["name"]: row for row in rows}
    shown, token = _page(call, list(by_name))
    summaries = [
        {"StatementName": name, "LastModifiedTime": datetime.fromisoformat(by_name[name]["modified_at"])}
        for name in shown
    ]
    return {"PreparedStatements": summaries} | ({"NextToken": token} if token else {})


@PLAYS("DeletePreparedStatement", access=on_workgroup())
def delete_prepared_statement(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_DeletePreparedStatement.html. Writes."""
    with call.cloud.store.write() as connection:
        row = _need_prepared(connection, call)
        connection.execute(
            "DELETE FROM athena_prepared_statements WHERE account = ? AND region = ? AND workgroup = ? AND name = ?",
            (call.account, call.region, row["workgroup"], row["name"]),
        )
    return {}


def prepared_query(connection: sqlite3.Connection, call: Call, workgroup: str, name: str) -> str:
    """The text of a prepared statement, for ``EXECUTE``. Reads only.

    Raises:
        AwsError: ``InvalidRequestException``, there is none.
    """
    row = _prepared(connection, call, workgroup, name)
    if row is None:
        raise bad_request(f"PreparedStatement {name} was not found in workGroup {workgroup}")
    return str(row["query"])


def _prepared(connection: sqlite3.Connection, call: Call, workgroup: str, name: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM athena_prepared_statements WHERE account = ? AND region = ? AND workgroup = ? AND name = ?",
        (call.account, call.region, workgroup, name),
    ).fetchone()
    return row


def _need_prepared(connection: sqlite3.Connection, call: Call) -> sqlite3.Row:
    name, workgroup = required(call.parameters, "StatementName"), required(call.parameters, "WorkGroup")
    row = _prepared(connection, call, workgroup, name)
    if row is None:
        raise AwsError(
            "ResourceNotFoundException", f"PreparedStatement {name} was not found in workGroup {workgroup}", 400
        )
    return row


def _keep_prepared(connection: sqlite3.Connection, call: Call, query: str) -> None:
    _check_length(query)
    connection.execute(
        "INSERT OR REPLACE INTO athena_prepared_statements VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            call.account,
            call.region,
            call.parameters["WorkGroup"],
            call.parameters["StatementName"],
            query,
            call.parameters.get("Description") or "",
            call.cloud.clock.now().isoformat(),
        ),
    )


def _named_query(connection: sqlite3.Connection, call: Call, identity: str) -> sqlite3.Row:
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM athena_named_queries WHERE id = ? AND account = ? AND region = ?",
        (identity, call.account, call.region),
    ).fetchone()
    if row is None:
        raise bad_request(f"NamedQuery {identity} was not found")
    return row


def _named_queries(connection: sqlite3.Connection, call: Call) -> dict[str, sqlite3.Row]:
    wanted = required(call.parameters, "NamedQueryIds")
    if len(wanted) > 50:
        raise bad_request("At most 50 named queries can be asked for at once.")
    found = {}
    for each in wanted:
        row = connection.execute(
            "SELECT * FROM athena_named_queries WHERE id = ? AND account = ? AND region = ?",
            (each, call.account, call.region),
        ).fetchone()
        if row is not None:
            found[each] = row
    return found


def _shown_query(row: sqlite3.Row) -> dict[str, Any]:
    return {**json.loads(row["body"]), "NamedQueryId": row["id"], "WorkGroup": row["workgroup"]}


def _check_length(query: str) -> None:
    if len(query.encode()) > QUERY:
        raise bad_request(f"A statement has at most {QUERY} bytes.")


def _page(call: Call, names: list[str]) -> tuple[list[str], str | None]:
    try:
        return page(names, str, call.parameters.get("NextToken"), page_size(call, 50))
    except ValueError as error:
        raise bad_request("NextToken is not valid.") from error
