"""Tags of workgroups and data catalogs."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.athena.data_catalogs import find_data_catalog
from silolake.localcloud.engines.athena.errors import bad_request
from silolake.localcloud.engines.athena.names import required, tags_of
from silolake.localcloud.engines.athena.plays import PLAYS
from silolake.localcloud.engines.athena.workgroups import find_workgroup, keep_tags
from silolake.localcloud.errors import AwsError, NotPlayed

TAGS_PER_RESOURCE = 50
"""https://docs.aws.amazon.com/athena/latest/ug/tags.html"""

_ARN = re.compile(r"arn:aws:athena:(?P<region>[\w-]+):(?P<account>\d{12}):(?P<kind>[\w-]+)/(?P<name>.+)")


def _on_resource(call: Call) -> Iterable[Access]:
    arn = required(call.parameters, "ResourceARN")
    return (Access(f"athena:{call.operation}", arn, call.account),)


@PLAYS("TagResource", access=_on_resource)
def tag_resource(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_TagResource.html. Writes."""
    with call.cloud.store.write() as connection:
        tags = _tags(connection, call) | tags_of(required(call.parameters, "Tags"))
        if len(tags) > TAGS_PER_RESOURCE:
            raise bad_request(f"A resource has at most {TAGS_PER_RESOURCE} tags.")
        _keep(connection, call, tags)
    return {}


@PLAYS("UntagResource", access=_on_resource)
def untag_resource(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_UntagResource.html. Writes."""
    removed = set(required(call.parameters, "TagKeys"))
    with call.cloud.store.write() as connection:
        kept = {key: value for key, value in _tags(connection, call).items() if key not in removed}
        _keep(connection, call, kept)
    return {}


@PLAYS("ListTagsForResource", access=_on_resource)
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_ListTagsForResource.html. Reads only."""
    with call.cloud.store.read() as connection:
        tags = _tags(connection, call)
    return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())]}


def _named(call: Call) -> tuple[str, str]:
    arn = call.parameters["ResourceARN"]
    matched = _ARN.fullmatch(arn)
    if matched is None or (matched["account"], matched["region"]) != (call.account, call.region):
        raise AwsError("ResourceNotFoundException", f"Resource {arn} was not found", 400, ResourceName=arn)
    if matched["kind"] not in ("workgroup", "datacatalog"):
        raise NotPlayed(f"athena:{call.operation} on a {matched['kind']}")
    return matched["kind"], matched["name"]


def _tags(connection: sqlite3.Connection, call: Call) -> dict[str, str]:
    kind, name = _named(call)
    if kind == "workgroup":
        return dict(find_workgroup(connection, call.account, call.region, name).tags)
    row = connection.execute(
        "SELECT tags FROM athena_data_catalogs WHERE account = ? AND region = ? AND name = ?",
        (call.account, call.region, name),
    ).fetchone()
    if row is not None:
        return dict(json.loads(row["tags"]))
    if find_data_catalog(connection, call.account, call.region, name) is not None:
        return {}
    raise AwsError("ResourceNotFoundException", f"Resource {name} was not found", 400, ResourceName=name)


def _keep(connection: sqlite3.Connection, call: Call, tags: Mapping[str, str]) -> None:
    kind, name = _named(call)
    if kind == "workgroup":
        keep_tags(connection, call, name, tags)
        return
    connection.execute(
        "UPDATE athena_data_catalogs SET tags = ? WHERE account = ? AND region = ? AND name = ?",
        (json.dumps(dict(tags)), call.account, call.region, name),
    )
