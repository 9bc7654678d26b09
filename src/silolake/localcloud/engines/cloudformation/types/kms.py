"""Keys and their aliases.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_KMS.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from silolake.localcloud.engines.cloudformation.types.kinds import (
    LOGICAL_ID_TAG,
    STACK_ID_TAG,
    Act,
    Part,
    ResourceType,
    answering_id,
    asks,
    document,
    removed_by,
    tag_pairs,
)
from silolake.localcloud.engines.cloudformation.types.shapes import JSON, TAGS

_GONE = ("NotFoundException",)


def _create_key(act: Act) -> str:
    parameters: dict[str, Any] = {
        key: act.wanted[key]
        for key in ("Description", "KeyUsage", "KeySpec", "MultiRegion", "BypassPolicyLockoutSafetyCheck")
        if key in act.wanted
    }
    if "KeyPolicy" in act.wanted:
        parameters["Policy"] = document(act.wanted["KeyPolicy"])
    parameters["Tags"] = _key_tags(act.wanted.get("Tags", []))
    return str(act.ask("kms:CreateKey", parameters)["KeyMetadata"]["KeyId"])


def _key_tags(tags: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{"TagKey": each["Key"], "TagValue": each["Value"]} for each in tags]


def _find_key(act: Act) -> str:
    """A key has no name, so one that was made and not yet noted is known by the tags of its stack."""
    if act.physical_id:
        found = act.ask_if_there("kms:DescribeKey", {"KeyId": act.physical_id}, _GONE)
        is_there = found is not None and found["KeyMetadata"]["KeyState"] != "PendingDeletion"
        return act.physical_id if is_there else ""
    for key in _pages(act, "kms:ListKeys", "Keys"):
        tags = act.ask("kms:ListResourceTags", {"KeyId": key["KeyId"]}).get("Tags", [])
        known = {each["TagKey"]: each["TagValue"] for each in tags}
        if (known.get(STACK_ID_TAG), known.get(LOGICAL_ID_TAG)) == (act.stack_id, act.logical_id):
            described = act.ask("kms:DescribeKey", {"KeyId": key["KeyId"]})["KeyMetadata"]
            if described["KeyState"] != "PendingDeletion":
                return str(key["KeyId"])
    return ""


def _pages(act: Act, operation: str, member: str) -> Iterator[dict[str, Any]]:
    more: dict[str, Any] = {}
    while True:
        page = act.ask(operation, more)
        yield from page.get(member, [])
        if not page.get("Truncated"):
            return
        more = {"Marker": page["NextMarker"]}


def _delete_key(act: Act) -> None:
    act.ask(
        "kms:ScheduleKeyDeletion",
        {"KeyId": act.physical_id, "PendingWindowInDays": act.wanted.get("PendingWindowInDays", 30)},
    )


def _put_policy(act: Act) -> None:
    if "KeyPolicy" in act.wanted:
        parameters = {"KeyId": act.physical_id, "PolicyName": "default", "Policy": document(act.wanted["KeyPolicy"])}
        act.ask("kms:PutKeyPolicy", parameters)


def _describe(act: Act) -> None:
    act.ask("kms:UpdateKeyDescription", {"KeyId": act.physical_id, "Description": act.wanted.get("Description", "")})


def _rotate(act: Act) -> None:
    parameters: dict[str, Any] = {"KeyId": act.physical_id}
    if act.wanted.get("EnableKeyRotation"):
        if "RotationPeriodInDays" in act.wanted:
            parameters["RotationPeriodInDays"] = act.wanted["RotationPeriodInDays"]
        act.ask("kms:EnableKeyRotation", parameters)
    elif act.before.get("EnableKeyRotation"):
        act.ask("kms:DisableKeyRotation", parameters)


def _enable(act: Act) -> None:
    if not act.wanted.get("Enabled", True):
        act.ask("kms:DisableKey", {"KeyId": act.physical_id})
    elif act.is_forced or not act.before.get("Enabled", True):
        act.ask("kms:EnableKey", {"KeyId": act.physical_id})


def _tag(act: Act) -> None:
    put, gone = tag_pairs(act)
    if put:
        act.ask("kms:TagResource", {"KeyId": act.physical_id, "Tags": _key_tags(put)})
    if gone:
        act.ask("kms:UntagResource", {"KeyId": act.physical_id, "TagKeys": gone})


KEY = ResourceType(
    name="AWS::KMS::Key",
    shape={
        "Description": str,
        "Enabled": bool,
        "EnableKeyRotation": bool,
        "RotationPeriodInDays": int,
        "KeyPolicy": JSON,
        "KeySpec": str,
        "KeyUsage": str,
        "MultiRegion": bool,
        "PendingWindowInDays": int,
        "BypassPolicyLockoutSafetyCheck": bool,
        "Tags": TAGS,
    },
    identify=lambda _: "",
    create=_create_key,
    find=_find_key,
    delete=removed_by(_delete_key, "KMSInvalidStateException", *_GONE),
    # A disabled key can be neither given a policy nor rotated, so it is disabled last.
    parts=(
        Part(("KeyPolicy",), _put_policy),
        Part(("Description",), _describe),
        Part(("EnableKeyRotation", "RotationPeriodInDays"), _rotate),
        Part(("Tags",), _tag),
        Part(("Enabled",), _enable),
    ),
    made_with=("KeyPolicy", "Description", "Tags"),
    attributes=lambda act: {
        "Arn": f"arn:aws:kms:{act.region}:{act.account}:key/{act.physical_id}",
        "KeyId": act.physical_id,
    },
    attribute_names=("Arn", "KeyId"),
    replaced_by=("KeySpec", "KeyUsage", "MultiRegion"),
    has_tags=True,
)


def _find_alias(act: Act) -> str:
    names = {each["AliasName"] for each in _pages(act, "kms:ListAliases", "Aliases")}
    return act.physical_id if act.physical_id in names else ""


ALIAS = ResourceType(
    name="AWS::KMS::Alias",
    shape={"AliasName!": str, "TargetKeyId!": str},
    identify=lambda act: str(act.wanted["AliasName"]),
    create=answering_id(asks("kms:CreateAlias", "TargetKeyId", AliasName="@id")),
    update=asks("kms:UpdateAlias", "TargetKeyId", AliasName="@id"),
    find=_find_alias,
    delete=removed_by(asks("kms:DeleteAlias", AliasName="@id"), *_GONE),
    replaced_by=("AliasName",),
)
