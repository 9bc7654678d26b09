"""Tags, which of the catalog's things only databases bear."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

from silolake.localcloud.call import Call
from silolake.localcloud.engines.glue.access import on_arn
from silolake.localcloud.engines.glue.bodies import from_text, to_text
from silolake.localcloud.engines.glue.catalog import database_row
from silolake.localcloud.engines.glue.names import Catalog, invalid, not_found, required
from silolake.localcloud.engines.glue.plays import PLAYS
from silolake.localcloud.errors import AwsError, NotPlayed

TAGS_PER_RESOURCE = 50
"""https://docs.aws.amazon.com/glue/latest/dg/monitor-tags.html"""


@PLAYS("TagResource", access=on_arn)
def tag_resource(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_TagResource.html. Writes."""
    added = required(call.parameters, "TagsToAdd")
    if reserved := [key for key in added if key.lower().startswith("aws:")]:
        raise invalid(f"Tag key {reserved[0]} is reserved: it begins with aws:")
    with call.cloud.store.write() as connection:
        row = _database(connection, call)
        tags = from_text(row["tags"]) | dict(added)
        if len(tags) > TAGS_PER_RESOURCE:
            raise AwsError("ResourceNumberLimitExceededException", f"A resource has at most {TAGS_PER_RESOURCE} tags.")
        _keep(connection, row, tags)
    return {}


@PLAYS("UntagResource", access=on_arn)
def untag_resource(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_UntagResource.html. Writes."""
    removed = set(required(call.parameters, "TagsToRemove"))
    with call.cloud.store.write() as connection:
        row = _database(connection, call)
        _keep(connection, row, {key: value for key, value in from_text(row["tags"]).items() if key not in removed})
    return {}


@PLAYS("GetTags", access=on_arn)
def get_tags(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_GetTags.html. Reads only."""
    with call.cloud.store.read() as connection:
        return {"Tags": from_text(_database(connection, call)["tags"])}


def _database(connection: sqlite3.Connection, call: Call) -> sqlite3.Row:
    arn = call.parameters["ResourceArn"]
    matched = re.fullmatch(r"arn:aws:glue:([\w-]+):(\d{12}):(\w+)(?:/(.+))?", arn)
    if matched is None:
        raise invalid(f"{arn} is not an ARN of Glue.")
    region, account, kind, name = matched.groups()
    if kind != "database":
        raise NotPlayed(f"glue:{call.operation} on a {kind}")
    if account != call.account or region != call.region:
        raise not_found(f"Resource {arn} not found.")
    return database_row(connection, Catalog(account, region), name.lower())


def _keep(connection: sqlite3.Connection, row: sqlite3.Row, tags: dict[str, str]) -> None:
    connection.execute(
        "UPDATE glue_databases SET tags = ? WHERE account = ? AND region = ? AND name = ?",
        (to_text(tags), row["account"], row["region"], row["name"]),
    )
