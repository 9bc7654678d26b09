"""Tags on accounts, units, the root and policies; selectors and conditions read them."""

from __future__ import annotations

import sqlite3
from typing import Any

from silolake import limits
from silolake.localcloud.call import Call
from silolake.localcloud.engines.iam.tags import as_list
from silolake.localcloud.engines.organizations.access import Reach, access, put_tags, tags_on
from silolake.localcloud.engines.organizations.nodes import Organization, find_node, organization_of
from silolake.localcloud.engines.organizations.pages import paged
from silolake.localcloud.engines.organizations.plays import PLAYS
from silolake.localcloud.errors import AwsError


def _resource(connection: sqlite3.Connection, call: Call) -> tuple[Organization, str]:
    organization = organization_of(connection, call.account)
    resource = str(call.parameters["ResourceId"])
    known = resource == organization.resource_policy_id or (
        connection.execute(
            "SELECT 1 FROM org_policies WHERE organization = ? AND id = ?", (organization.id, resource)
        ).fetchone()
        or find_node(connection, organization, resource)
    )
    if not known:
        raise AwsError("TargetNotFoundException", "You specified a target that doesn't exist.")
    return organization, resource


@PLAYS("TagResource", access=access(Reach.DELEGABLE, "ResourceId"))
def tag_resource(call: Call) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_TagResource.html"""
    with call.cloud.store.write() as connection:
        organization, resource = _resource(connection, call)
        put_tags(connection, organization, resource, call.parameters["Tags"])
        if len(tags_on(connection, organization, resource)) > limits.TAGS_PER_ENTITY:
            raise AwsError(
                "ConstraintViolationException",
                f"A resource has at most {limits.TAGS_PER_ENTITY} tags.",
                Reason="MAX_TAG_LIMIT_EXCEEDED",
            )


@PLAYS("UntagResource", access=access(Reach.DELEGABLE, "ResourceId"))
def untag_resource(call: Call) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_UntagResource.html"""
    with call.cloud.store.write() as connection:
        organization, resource = _resource(connection, call)
        connection.executemany(
            "DELETE FROM org_tags WHERE organization = ? AND resource = ? AND key = ?",
            [(organization.id, resource, key) for key in call.parameters["TagKeys"]],
        )


@PLAYS("ListTagsForResource", access=access(Reach.READ, "ResourceId"))
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListTagsForResource.html"""
    with call.cloud.store.read() as connection:
        organization, resource = _resource(connection, call)
        return paged(call, "Tags", as_list(tags_on(connection, organization, resource)), key="Key")
