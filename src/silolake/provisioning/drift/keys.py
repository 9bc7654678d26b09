"""Keys and their aliases.

https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from silolake.cloud import Cloud
from silolake.provisioning.drift.documents import account_of
from silolake.provisioning.drift.facets import Facet, Kind, listed, same_document, tags_of, tell_document, unless
from silolake.provisioning.drift.templates import Resource

_GONE = ("NotFoundException",)


def _about(cloud: Cloud, resource: Resource) -> dict[str, Any]:
    found: dict[str, Any] = cloud.call("kms", "describe_key", KeyId=resource.id)["KeyMetadata"]
    return found


def _enable(cloud: Cloud, resource: Resource, found: Any) -> None:
    # A key whose deletion is called off is disabled.
    if found == "PendingDeletion":
        cloud.call("kms", "cancel_key_deletion", KeyId=resource.id)
    cloud.call("kms", "enable_key", KeyId=resource.id)


def _policy(cloud: Cloud, resource: Resource) -> Any:
    return json.loads(cloud.call("kms", "get_key_policy", KeyId=resource.id, PolicyName="default")["Policy"])


def _put_policy(cloud: Cloud, resource: Resource, _: Any) -> None:
    document = json.dumps(resource.properties["KeyPolicy"])
    cloud.call("kms", "put_key_policy", KeyId=resource.id, PolicyName="default", Policy=document)


def _tags(cloud: Cloud, resource: Resource) -> dict[str, str]:
    found = cloud.pages("kms", "list_resource_tags", "Tags", KeyId=resource.id)
    return {each["TagKey"]: each["TagValue"] for each in found}


def _put_tags(cloud: Cloud, resource: Resource, _: Any) -> None:
    cloud.call("kms", "tag_resource", KeyId=resource.id, Tags=listed(tags_of(resource), "TagKey", "TagValue"))


def _describe(cloud: Cloud, resource: Resource, _: Any) -> None:
    cloud.call("kms", "update_key_description", KeyId=resource.id, Description=resource.properties["Description"])


def _rotate(cloud: Cloud, resource: Resource, _: Any) -> None:
    if resource.properties.get("EnableKeyRotation"):
        cloud.call("kms", "enable_key_rotation", KeyId=resource.id)


def _rotates(cloud: Cloud, resource: Resource) -> bool:
    # Of a key that waits for its deletion KMS does not answer it; it is told as a key that waits.
    answer = unless(
        ("KMSInvalidStateException",),
        lambda: cloud.call("kms", "get_key_rotation_status", KeyId=resource.id)["KeyRotationEnabled"],
        resource.properties.get("EnableKeyRotation", False),
    )
    return bool(answer)


def _granted_outside(cloud: Cloud, resource: Resource) -> Iterator[str]:
    """Grants to principals of other accounts: they open a key beside its policy.

    https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
    """
    for each in cloud.pages("kms", "list_grants", "Grants", KeyId=resource.id):
        whom = str(each.get("GranteePrincipal", ""))
        if account_of(whom) not in ("", resource.account):
            yield f"the grant {each.get('GrantId', '')} of {', '.join(each.get('Operations', ()))} to {whom}"


KEY = Kind(
    "AWS::KMS::Key",
    "key",
    (
        Facet("state", lambda _: "Enabled", lambda cloud, key: _about(cloud, key)["KeyState"], _enable),
        Facet("policy", lambda key: key.properties["KeyPolicy"], _policy, _put_policy, same_document, tell_document),
        Facet(
            "description",
            lambda key: key.properties.get("Description", ""),
            lambda cloud, key: _about(cloud, key).get("Description", ""),
            _describe,
        ),
        Facet("rotation", lambda key: key.properties.get("EnableKeyRotation", False), _rotates, _rotate),
        Facet("tags", tags_of, _tags, _put_tags),
    ),
    lambda cloud, key: unless(_GONE, lambda: _about(cloud, key), None) is not None,
    None,  # a key that is gone is gone with all that it encrypted
    lambda key: f"key/{key.id}",
    _granted_outside,
)


def _target(cloud: Cloud, resource: Resource) -> str | None:
    found = cloud.pages("kms", "list_aliases", "Aliases")
    return next((each.get("TargetKeyId", "") for each in found if each["AliasName"] == resource.id), None)


def _point(cloud: Cloud, resource: Resource, _: Any) -> None:
    cloud.call("kms", "update_alias", AliasName=resource.id, TargetKeyId=resource.properties["TargetKeyId"])


def _make_alias(cloud: Cloud, resource: Resource) -> None:
    cloud.call("kms", "create_alias", AliasName=resource.id, TargetKeyId=resource.properties["TargetKeyId"])


ALIAS = Kind(
    "AWS::KMS::Alias",
    "alias",
    (Facet("target", lambda alias: alias.properties["TargetKeyId"], _target, _point),),
    lambda cloud, alias: _target(cloud, alias) is not None,
    _make_alias,
)
