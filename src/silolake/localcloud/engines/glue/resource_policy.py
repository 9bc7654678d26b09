"""The catalog's resource policy: one document for an account and Region, replaced whole.

https://docs.aws.amazon.com/glue/latest/dg/glue-resource-policies.html
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sqlite3
from datetime import datetime
from typing import Any

from silolake.iam import PolicyMalformed
from silolake.limits import CATALOG_POLICY
from silolake.localcloud.call import Call
from silolake.localcloud.engines.glue.access import on_catalog
from silolake.localcloud.engines.glue.catalog import compiled
from silolake.localcloud.engines.glue.names import Catalog, catalog_of, invalid, not_found, required
from silolake.localcloud.engines.glue.plays import PLAYS
from silolake.localcloud.errors import AwsError, NotPlayed

_PRINCIPAL = re.compile(r"\*|\d{12}|arn:aws[\w-]*:(iam|sts)::\d{12}:[^*?]+")


@PLAYS(
    "PutResourcePolicy",
    access=on_catalog,
    differs="A principal's form is checked, not that it exists. EnableHybrid is accepted and changes nothing, because "
    "RAM and Lake Formation are not played.",
)
def put_resource_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_PutResourcePolicy.html. Writes."""
    catalog, text = _catalog(call), required(call.parameters, "PolicyInJson")
    _check(text, catalog)
    digest, now = _hash(text), call.cloud.clock.now().isoformat()
    with call.cloud.store.write() as connection:
        found = _row(connection, catalog)
        _meet_conditions(call, found)
        connection.execute(
            "INSERT OR REPLACE INTO glue_resource_policies VALUES (?, ?, ?, ?, ?, ?)",
            (catalog.account, catalog.region, text, digest, found["created_at"] if found else now, now),
        )
    return {"PolicyHash": digest}


@PLAYS("GetResourcePolicy", access=on_catalog)
def get_resource_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetResourcePolicy.html. Reads only."""
    with call.cloud.store.read() as connection:
        found = _row(connection, _catalog(call))
    if found is None:
        raise not_found("Policy not found")
    return _policy(found)


@PLAYS("GetResourcePolicies", access=on_catalog)
def get_resource_policies(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetResourcePolicies.html. Reads only.

    It lists the catalog's own policy; those that RAM makes there are none of here.
    """
    with call.cloud.store.read() as connection:
        found = _row(connection, _catalog(call))
    return {"GetResourcePoliciesResponseList": [_policy(found)] if found else []}


@PLAYS("DeleteResourcePolicy", access=on_catalog)
def delete_resource_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_DeleteResourcePolicy.html. Writes."""
    catalog = _catalog(call)
    with call.cloud.store.write() as connection:
        found = _row(connection, catalog)
        if found is None:
            raise not_found("Policy not found")
        _meet_conditions(call, found)
        connection.execute(
            "DELETE FROM glue_resource_policies WHERE account = ? AND region = ?", (catalog.account, catalog.region)
        )
    return {}


def _catalog(call: Call) -> Catalog:
    """The caller's own catalog: there is no ``CatalogId`` among these operations' parameters."""
    catalog = catalog_of(call)
    if call.parameters.get("ResourceArn") not in (None, catalog.arn):
        raise NotPlayed(f"glue:{call.operation} with ResourceArn other than the caller's own catalog")
    return catalog


def _row(connection: sqlite3.Connection, catalog: Catalog) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM glue_resource_policies WHERE account = ? AND region = ?", (catalog.account, catalog.region)
    ).fetchone()
    return row


def _policy(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "PolicyInJson": row["body"],
        "PolicyHash": row["hash"],
        "CreateTime": datetime.fromisoformat(row["created_at"]),
        "UpdateTime": datetime.fromisoformat(row["updated_at"]),
    }


def _meet_conditions(call: Call, found: sqlite3.Row | None) -> None:
    """Refuse the call if the policy is not as the caller thinks it is.

    Raises:
        AwsError: ``ConditionCheckFailureException``, or ``EntityNotFoundException``.
    """
    existence = call.parameters.get("PolicyExistsCondition") or "NONE"
    if existence == "MUST_EXIST" and found is None:
        raise not_found("Policy not found")
    if existence == "NOT_EXIST" and found is not None:
        raise AwsError("ConditionCheckFailureException", "Policy already exists")
    expected = call.parameters.get("PolicyHashCondition")
    if expected is not None and (found is None or expected != found["hash"]):
        raise AwsError("ConditionCheckFailureException", "Policy hash condition check failed: the policy has changed")


def _check(text: str, catalog: Catalog) -> None:
    """Refuse a document that Glue would not take.

    Raises:
        AwsError: ``InvalidInputException`` with what is wrong, or ``ResourceNumberLimitExceededException``.
    """
    size = len(text.encode())
    if size > CATALOG_POLICY:
        raise AwsError(
            "ResourceNumberLimitExceededException", f"The policy has {size} bytes; at most {CATALOG_POLICY}."
        )
    try:
        compiled(text, catalog.arn)
    except PolicyMalformed as error:
        raise invalid(f"Malformed policy document: {error}") from error
    statements = json.loads(text)["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        _check_statement(statement, catalog)


def _check_statement(statement: dict[str, Any], catalog: Catalog) -> None:
    for member in ("NotPrincipal", "NotResource", "NotAction"):
        if member in statement:
            raise invalid(f"A catalog's resource policy cannot have {member}.")
    principals = statement["Principal"]
    if isinstance(principals, dict):
        for name in _listed(principals.get("AWS", [])):
            if not _PRINCIPAL.fullmatch(name):
                raise invalid(f"Principal {name} must identify a valid existing principal, or be * alone.")
    actions = _listed(statement["Action"])
    if foreign := [action for action in actions if not action.lower().startswith("glue:")]:
        raise invalid(f"Action {foreign[0]} is not an action of Glue.")
    head = f"arn:aws:glue:{catalog.region}:{catalog.account}:"
    if outside := [resource for resource in _listed(statement["Resource"]) if not resource.startswith(head)]:
        raise invalid(f"Resource {outside[0]} is not of this catalog: it must begin with {head}")


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.md5(text.encode(), usedforsecurity=False).digest()).decode()
