"""Reads the case files: their shorthand for principals, resources and policies, and what they expect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from silolake.iam import Policies, Policy, PolicyKind, Principal, Request, Resource, compile_policy

CASES = Path(__file__).parents[1] / "cases" / "iam"


def load(name: str) -> Any:
    return YAML(typ="safe").load(CASES / name)


WORLD = load("world.yaml")
ACCOUNTS = {name: each["id"] for name, each in WORLD["accounts"].items()}
LAKE = load("lake_policies.yaml")["policies"]


@dataclass(frozen=True)
class Case:
    """One row of a truth table."""

    family: str
    name: str
    request: Request
    policies: Policies
    expect: Mapping[str, str]


def cases() -> Iterator[Case]:
    """Every case of every family."""
    for path in sorted(CASES.glob("*.yaml")):
        table = load(path.name)
        for row in table.get("cases", []):
            yield read_case(table, row)


def read_case(table: Mapping[str, Any], row: Mapping[str, Any]) -> Case:
    known = {"name", "says", "principal", "action", "resource", "context", "tags", "identity", "boundary", "session"}
    known |= {"resource_policy", "trust", "scps", "rcps", "expect", "when", "version"}
    assert set(row) <= known, f"{row['name']}: unknown {set(row) - known}"
    asked = {**table.get("given", {}), **row}
    named = {**LAKE, **table.get("policies", {})}

    def one(what: Any, kind: PolicyKind) -> Policy:
        return read_policy(what, kind, named, asked.get("version", "2012-10-17"))

    def some(key: str, kind: PolicyKind) -> tuple[Policy, ...]:
        return tuple(one(each, kind) for each in asked.get(key, []))

    identity = some("identity", PolicyKind.IDENTITY)
    if "when" in asked:
        it = {"Sid": "It", "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": asked["when"]}
        identity = (*identity, one([it], PolicyKind.IDENTITY))
    own = "trust" if "trust" in asked else "resource_policy"
    kind = PolicyKind.TRUST if own == "trust" else PolicyKind.RESOURCE
    policies = Policies(
        identity=identity,
        boundary=one(asked["boundary"], PolicyKind.BOUNDARY) if "boundary" in asked else None,
        session=some("session", PolicyKind.SESSION),
        resource=one(asked[own], kind) if own in asked else None,
        scps=tuple(tuple(one(each, PolicyKind.SCP) for each in level) for level in asked.get("scps", [])),
        rcps=tuple(tuple(one(each, PolicyKind.RCP) for each in level) for level in asked.get("rcps", [])),
    )
    context = {key: values_of(value) for key, value in asked.get("context", {}).items()}
    resource = read_resource(asked["resource"], asked.get("tags", {}))
    request = Request(read_principal(asked["principal"]), asked["action"], resource, context)
    return Case(table["family"], row["name"], request, policies, row["expect"])


def values_of(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else (value,)


def read_policy(what: Any, kind: PolicyKind, named: Mapping[str, Any], version: str) -> Policy:
    """A policy by its name, or its statements."""
    name = what if isinstance(what, str) else "inline"
    statements = named[what] if isinstance(what, str) else what
    return compile_policy({"Version": version, "Statement": statements}, kind, name)


def read_principal(what: str | Mapping[str, Any]) -> Principal:
    told: Mapping[str, Any] = {"is": what} if isinstance(what, str) else what
    if told["is"] == "anonymous":
        return Principal("", "", "anonymous")
    where, who = told["is"].split(":", 1)
    if where in ("service", "federated"):
        return Principal(who, "", where)
    account = WORLD["accounts"][where]
    number, path = account["id"], account["path"]
    kind, _, name = who.partition("/")
    session = told.get("session", "at-work")
    return Principal(
        arn=f"arn:aws:iam::{number}:{who}",
        account=number,
        kind=kind,
        session_arn=f"arn:aws:sts::{number}:assumed-role/{name.rsplit('/', 1)[-1]}/{session}" if kind == "role" else "",
        user_id=told.get("user_id", ""),
        org_path=path,
        management_account=account.get("management", WORLD["management"]) if path else "",
        service_linked=told.get("service_linked", False),
        tags=told.get("tags", {}),
        source_identity=told.get("source_identity", ""),
        via_services=tuple(told.get("via", ())),
    )


def read_resource(what: str, tags: Mapping[str, str]) -> Resource:
    owner, _, arn = what.rpartition(" ")
    account = WORLD["accounts"].get(owner, {"id": "", "path": ""})
    return Resource(arn, account["id"], account["path"], tags)
