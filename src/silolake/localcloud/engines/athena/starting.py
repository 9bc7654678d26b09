"""Starting a query: what fails the call, and what is remembered before anything runs."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from silolake import sql
from silolake.localcloud.call import Call
from silolake.localcloud.engines.athena import history, kinds, running
from silolake.localcloud.engines.athena.data_catalogs import find_data_catalog
from silolake.localcloud.engines.athena.errors import bad_request
from silolake.localcloud.engines.athena.execution import run
from silolake.localcloud.engines.athena.history import Execution
from silolake.localcloud.engines.athena.names import (
    DEFAULT_CATALOG,
    PRIMARY,
    refuse_unplayed,
    required,
    s3_location,
)
from silolake.localcloud.engines.athena.plays import PLAYS
from silolake.localcloud.engines.athena.rights import forwarded
from silolake.localcloud.engines.athena.saved import prepared_query
from silolake.localcloud.engines.athena.workgroups import (
    ENGINE,
    WorkGroup,
    check_encryption,
    find_workgroup,
    on_workgroup,
)
from silolake.localcloud.errors import AwsError, NotPlayed

_EXECUTE = re.compile(r"\s*EXECUTE\s+(?P<name>\w+)(?:\s+USING\s+(?P<values>.+?))?\s*;?\s*", re.IGNORECASE | re.DOTALL)
_LITERAL = re.compile(r"\s*((?:'(?:[^']|'')*'|[^',])+?)\s*(?:,|$)")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to run.

    Attributes:
        text: as it was sent.
        statement: what it says, parameters filled in.
    """

    text: str
    statement: sql.Statement


@PLAYS(
    "StartQueryExecution",
    access=on_workgroup(),
    differs="ResultReuseConfiguration is accepted, and every query is run anew. BytesScannedCutoffPerQuery is held "
    "against the size of the files that a query opens, before it reads them.",
)
def start_query_execution(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html. Writes."""
    refuse_unplayed("athena:StartQueryExecution", call.parameters, ("EngineConfiguration",))
    text = required(call.parameters, "QueryString")
    workgroup_name = call.parameters.get("WorkGroup") or PRIMARY
    token = call.parameters.get("ClientRequestToken") or ""
    asked = json.dumps(dict(call.parameters), sort_keys=True, default=str)
    with call.cloud.store.read() as connection:
        workgroup = find_workgroup(connection, call.account, call.region, workgroup_name)
    if workgroup.state != "ENABLED":
        raise bad_request(f"WorkGroup {workgroup_name} is disabled.")
    context = _context(call)
    query = Asked(text, _parsed(call, text, workgroup_name))
    results = _results(call, workgroup)
    execution = _execution(call, query, workgroup, {"context": context, "results": results})
    with call.cloud.store.write() as connection:
        known = connection.execute(
            "SELECT id, asked FROM athena_executions WHERE account = ? AND region = ? AND token = ? AND token <> ''",
            (call.account, call.region, token),
        ).fetchone()
        if known is not None:
            if known["asked"] != asked:
                raise bad_request("Idempotent parameters do not match")
            return {"QueryExecutionId": known["id"]}
        running.begin(execution.id)
        history.submit(connection, execution, token, asked)
    caller = forwarded(call.caller)
    call.cloud.in_background(lambda: run(call.cloud, caller, execution, query.statement))
    return {"QueryExecutionId": execution.id}


def _execution(call: Call, query: Asked, workgroup: WorkGroup, found: Mapping[str, Any]) -> Execution:
    identity = str(uuid.uuid4())
    kind, substatement = kinds.kind_of(query.statement)
    location = found["results"]["OutputLocation"].rstrip("/")
    body = {
        "Query": query.text,
        "StatementType": kind,
        "SubstatementType": substatement,
        "ResultConfiguration": {
            **found["results"],
            "OutputLocation": kinds.output_location(query.statement, location, identity),
        },
        "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": False}},
        "QueryExecutionContext": found["context"],
        "EngineVersion": ENGINE,
        **({"ExecutionParameters": call.parameters["ExecutionParameters"]} if _parameters(call) else {}),
    }
    return Execution(
        0,
        identity,
        call.account,
        call.region,
        workgroup.name,
        body,
        history.QUEUED,
        "",
        {},
        {},
        (),
        None,
        call.cloud.clock.now(),
        None,
    )


def _parameters(call: Call) -> tuple[str, ...]:
    return tuple(call.parameters.get("ExecutionParameters") or ())


def _context(call: Call) -> dict[str, str]:
    given = call.parameters.get("QueryExecutionContext") or {}
    catalog = given.get("Catalog") or DEFAULT_CATALOG
    with call.cloud.store.read() as connection:
        if find_data_catalog(connection, call.account, call.region, catalog) is None:
            raise bad_request(f"Catalog {catalog} does not exist")
    found = {"Catalog": catalog.lower() if catalog == DEFAULT_CATALOG else catalog}
    # awswrangler puts the database in Hive's quotes before a DESCRIBE or MSCK, and Athena takes it so.
    database = (given.get("Database") or "").strip("`").lower()
    return found | ({"Database": database} if database else {})


def _parsed(call: Call, text: str, workgroup: str) -> sql.Statement:
    """What a text says.

    Raises:
        AwsError: ``InvalidRequestException`` for what Athena does not take, and for what is not played by name.
    """
    parameters = _parameters(call)
    if matched := _EXECUTE.fullmatch(text):
        with call.cloud.store.read() as connection:
            text = prepared_query(connection, call, workgroup, matched["name"])
        parameters = parameters or tuple(_LITERAL.findall(matched["values"] or ""))
    try:
        return sql.parse(text, parameters)
    except sql.SqlNotPlayed as refused:
        raise NotPlayed(f"athena:StartQueryExecution with {refused.what}") from refused
    except sql.SqlRefused as refused:
        code = "MALFORMED_QUERY" if refused.fails_the_call else refused.code
        raise bad_request(refused.message, code) from refused


def _results(call: Call, workgroup: WorkGroup) -> dict[str, Any]:
    """The result configuration in force.

    Raises:
        AwsError: ``InvalidRequestException``, no place is given, or it is none the caller can see.
    """
    given = call.parameters.get("ResultConfiguration") or {}
    results = dict(workgroup.results) if workgroup.is_enforced else {**workgroup.results, **given}
    # An enforced workgroup without a place of its own leaves the place to the query.
    location = results.get("OutputLocation") or given.get("OutputLocation")
    if not location:
        raise bad_request(
            "No output location provided. An output location is required either through the Workgroup result "
            "configuration setting or as an API input."
        )
    bucket, _ = s3_location(location)
    check_encryption(call, results)
    asked = {"Bucket": bucket, **{k: v for k, v in results.items() if k == "ExpectedBucketOwner"}}
    try:
        call.cloud.invoke(forwarded(call.caller), "s3", "GetBucketLocation", asked, call.region)
    except AwsError as error:
        raise bad_request(f"Unable to verify/create output bucket {bucket}. {error.message}") from error
    return {**results, "OutputLocation": location}
