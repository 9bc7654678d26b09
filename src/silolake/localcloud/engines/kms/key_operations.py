"""Keys: their birth, state, policy, rotation and end."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from silolake.iam import Policies, PolicyKind, PolicyMalformed, Request, Resource, compile_policy, decide
from silolake.limits import KEY_POLICY
from silolake.localcloud.call import Call
from silolake.localcloud.engines.iam.documents import unknown_principals
from silolake.localcloud.engines.kms.access import named_key, on_account, on_key, on_new_key, on_own_key
from silolake.localcloud.engines.kms.keys import DISABLED, ENABLED, PENDING_DELETION, Key, compiled, find_key
from silolake.localcloud.engines.kms.lifecycle import remove_expired
from silolake.localcloud.engines.kms.plays import PLAYS
from silolake.localcloud.engines.kms.sealing import new_material
from silolake.localcloud.engines.kms.signing import (
    ALGORITHMS,
    ENCRYPT_DECRYPT,
    P256,
    SIGN_VERIFY,
    SYMMETRIC,
    new_signing_key,
)
from silolake.localcloud.engines.organizations import tree
from silolake.localcloud.errors import AwsError, NotPlayed
from silolake.localcloud.paging import page

_ANYTHING = compile_policy(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
    PolicyKind.IDENTITY,
    "whatever its author may do",
)
_USUAL = {"Origin": "AWS_KMS", "MultiRegion": False}


def own_key(call: Call) -> Key:
    """The key that a call names, read again inside the transaction that will change it.

    Raises:
        AwsError: ``NotFoundException``.
    """
    return named_key(call, call.parameters["KeyId"])


def changeable_key(call: Call) -> Key:
    """The key that a call names, refused while it is pending deletion.

    Raises:
        AwsError: ``NotFoundException``, ``KMSInvalidStateException``.
    """
    key = own_key(call)
    if key.state == PENDING_DELETION:
        raise AwsError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
    return key


def shown_key(key: Key) -> dict[str, Any]:
    """A key as ``DescribeKey`` answers it."""
    metadata: dict[str, Any] = {
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": datetime.fromisoformat(key.created_at),
        "Enabled": key.state == ENABLED,
        "Description": key.description,
        "KeyUsage": key.usage,
        "KeyState": key.state,
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "MultiRegion": False,
    }
    if key.signs:
        metadata["SigningAlgorithms"] = list(ALGORITHMS[key.spec])
    else:
        metadata["EncryptionAlgorithms"] = [SYMMETRIC]
    return {**metadata, "DeletionDate": datetime.fromisoformat(key.deletion_at)} if key.deletion_at else metadata


def _default_policy(account: str) -> str:
    """https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html"""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]})


def _check_policy(call: Call, key: Key, document: str) -> None:
    """Refuse a key policy that is malformed, names nobody, or locks its author out.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html
    """
    if len(document) > KEY_POLICY:
        raise AwsError("LimitExceededException", f"A key policy has at most {KEY_POLICY} bytes.")
    try:
        compile_policy(document, PolicyKind.RESOURCE, "key policy")
    except PolicyMalformed as error:
        raise AwsError("MalformedPolicyDocumentException", str(error)) from error
    with call.cloud.store.read() as connection:
        if unknown_principals(connection, document):
            raise AwsError(
                "MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals."
            )
    if call.parameters.get("BypassPolicyLockoutSafetyCheck", False):
        return
    if not _may_put_again(call, key, document):
        raise AwsError(
            "MalformedPolicyDocumentException",
            "The new key policy will not allow you to update the key policy in the future.",
        )


def _may_put_again(call: Call, key: Key, document: str) -> bool:
    """Whether the document by itself leaves its author, or the author's account, the right to change it again."""
    with call.cloud.store.read() as connection:
        where = tree.placement(connection, call.account)
    author = replace(call.caller.principal, org_path=where.path, management_account=where.management_account)
    later = Request(author, "kms:PutKeyPolicy", Resource(key.arn, key.account, where.path, key.tags))
    return bool(decide(later, Policies(identity=(_ANYTHING,), resource=compiled(document, key.arn))))


def _spec(asked: Mapping[str, Any]) -> str:
    """The kind of key that is asked for.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html#KMS-CreateKey-request-KeyUsage

    Raises:
        AwsError: ``ValidationException``; kind and usage do not fit.
        NotPlayed: a kind that is not played.
    """
    if "KeySpec" in asked and "CustomerMasterKeySpec" in asked:
        raise AwsError("ValidationException", "You cannot specify KeySpec and CustomerMasterKeySpec in one request.")
    spec = asked.get("KeySpec", asked.get("CustomerMasterKeySpec", SYMMETRIC))
    usage = asked.get("KeyUsage", ENCRYPT_DECRYPT)
    if spec not in (SYMMETRIC, *ALGORITHMS):
        raise NotPlayed(f"kms:CreateKey with KeySpec {spec}")
    if spec != SYMMETRIC and "KeyUsage" not in asked:
        message = "You must specify a KeyUsage value for all KMS keys except for symmetric encryption KMS keys."
        raise AwsError("ValidationException", message)
    if usage not in (ENCRYPT_DECRYPT, SIGN_VERIFY) or (usage == ENCRYPT_DECRYPT and spec not in (SYMMETRIC, P256)):
        raise NotPlayed(f"kms:CreateKey with KeySpec {spec} and KeyUsage {usage}")
    if (spec == SYMMETRIC) != (usage == ENCRYPT_DECRYPT):
        raise AwsError("ValidationException", f"KeyUsage {usage} is not compatible with KeySpec {spec}")
    return str(spec)


@PLAYS(
    "CreateKey",
    access=on_new_key,
    differs="Symmetric keys, and keys that sign (RSA_2048, RSA_3072, ECC_NIST_P256), made by KMS itself; "
    "other kinds are refused by name.",
)
def create_key(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html"""
    asked = call.parameters
    for parameter, usual in _USUAL.items():
        if asked.get(parameter, usual) != usual:
            raise NotPlayed(f"kms:CreateKey with {parameter} {asked[parameter]}")
    if "CustomKeyStoreId" in asked or "XksKeyId" in asked:
        raise NotPlayed("kms:CreateKey in a custom key store")
    spec = _spec(asked)
    material = new_material() if spec == SYMMETRIC else new_signing_key(spec)
    key_id = str(uuid.uuid4())
    arn = f"arn:aws:kms:{call.region}:{call.account}:key/{key_id}"
    text = asked.get("Policy", _default_policy(call.account))
    born_at, description = call.cloud.clock.now().isoformat(), asked.get("Description", "")
    with call.cloud.store.write() as connection:
        connection.execute(
            "INSERT INTO kms_keys (id, arn, account, region, description, state, policy, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (key_id, arn, call.account, call.region, description, ENABLED, _default_policy(call.account), born_at),
        )
        if spec != SYMMETRIC:
            connection.execute("INSERT INTO kms_signing VALUES (?, ?)", (key_id, spec))
        _check_policy(call, _require(call, key_id), text)
        connection.execute("UPDATE kms_keys SET policy = ? WHERE id = ?", (text, key_id))
        connection.execute("INSERT INTO kms_material VALUES (?, ?)", (key_id, material))
        connection.executemany(
            "INSERT OR REPLACE INTO kms_tags VALUES (?, ?, ?)",
            [(key_id, tag["TagKey"], tag["TagValue"]) for tag in asked.get("Tags", ())],
        )
        return {"KeyMetadata": shown_key(_require(call, key_id))}


def _require(call: Call, key_id: str) -> Key:
    with call.cloud.store.read() as connection:
        key = find_key(connection, call.account, call.region, key_id)
    if key is None:
        raise AwsError("NotFoundException", f"Key '{key_id}' does not exist")
    return key


@PLAYS("DescribeKey", access=on_key)
def describe_key(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html"""
    return {"KeyMetadata": shown_key(own_key(call))}


@PLAYS("ListKeys", access=on_account)
def list_keys(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html"""
    remove_expired(call.cloud)
    with call.cloud.store.read() as connection:
        rows = connection.execute(
            "SELECT id, arn FROM kms_keys WHERE account = ? AND region = ?", (call.account, call.region)
        ).fetchall()
    entries = [{"KeyId": row["id"], "KeyArn": row["arn"]} for row in rows]
    return paged("Keys", entries, lambda each: each["KeyId"], call.parameters)


def paged(
    name: str, entries: list[dict[str, Any]], key: Callable[[dict[str, Any]], str], asked: Mapping[str, Any]
) -> dict[str, Any]:
    """A list operation's output.

    Args:
        name: the output's member.
        key: what orders the entries.
        asked: the parameters, with ``Marker`` and ``Limit``.

    Raises:
        AwsError: ``InvalidMarkerException``.
    """
    try:
        shown, marker = page(entries, key, asked.get("Marker"), int(asked.get("Limit", 100)))
    except ValueError as error:
        raise AwsError("InvalidMarkerException", str(error)) from error
    answer: dict[str, Any] = {name: shown, "Truncated": marker is not None}
    return {**answer, "NextMarker": marker} if marker else answer


@PLAYS("UpdateKeyDescription", access=on_own_key)
def update_key_description(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateKeyDescription.html"""
    with call.cloud.store.write() as connection:
        key = changeable_key(call)
        connection.execute("UPDATE kms_keys SET description = ? WHERE id = ?", (call.parameters["Description"], key.id))


@PLAYS("GetKeyPolicy", access=on_own_key)
def get_key_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html"""
    _check_policy_name(call)
    return {"Policy": own_key(call).policy_text, "PolicyName": "default"}


@PLAYS("PutKeyPolicy", access=on_own_key)
def put_key_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html"""
    _check_policy_name(call)
    document = call.parameters["Policy"]
    with call.cloud.store.write() as connection:
        key = changeable_key(call)
        _check_policy(call, key, document)
        connection.execute("UPDATE kms_keys SET policy = ? WHERE id = ?", (document, key.id))


def _check_policy_name(call: Call) -> None:
    if call.parameters.get("PolicyName", "default") != "default":
        raise AwsError("NotFoundException", "No such policy exists")


@PLAYS("ListGrants", access=on_own_key, differs="No key has one: CreateGrant is not played.")
def list_grants(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListGrants.html"""
    own_key(call)
    return {"Grants": [], "Truncated": False}


@PLAYS("ListKeyPolicies", access=on_own_key)
def list_key_policies(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyPolicies.html"""
    own_key(call)
    return {"PolicyNames": ["default"], "Truncated": False}


@PLAYS("EnableKey", access=on_own_key)
def enable_key(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKey.html"""
    _turn(call, ENABLED)


@PLAYS("DisableKey", access=on_own_key)
def disable_key(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKey.html"""
    _turn(call, DISABLED)


def _turn(call: Call, state: str) -> None:
    with call.cloud.store.write() as connection:
        key = changeable_key(call)
        connection.execute("UPDATE kms_keys SET state = ? WHERE id = ?", (state, key.id))


@PLAYS("ScheduleKeyDeletion", access=on_own_key)
def schedule_key_deletion(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html"""
    days = int(call.parameters.get("PendingWindowInDays", 30))
    if not 7 <= days <= 30:
        raise AwsError("ValidationException", "PendingWindowInDays must be between 7 and 30.")
    deletion_at = call.cloud.clock.now() + timedelta(days=days)
    with call.cloud.store.write() as connection:
        key = changeable_key(call)
        connection.execute(
            "UPDATE kms_keys SET state = ?, deletion_at = ? WHERE id = ?",
            (PENDING_DELETION, deletion_at.isoformat(), key.id),
        )
    return {
        "KeyId": key.arn,
        "DeletionDate": deletion_at,
        "KeyState": PENDING_DELETION,
        "PendingWindowInDays": days,
    }


@PLAYS("CancelKeyDeletion", access=on_own_key)
def cancel_key_deletion(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_CancelKeyDeletion.html"""
    with call.cloud.store.write() as connection:
        key = own_key(call)
        if key.state != PENDING_DELETION:
            raise AwsError("KMSInvalidStateException", f"{key.arn} is not pending deletion.")
        connection.execute("UPDATE kms_keys SET state = ?, deletion_at = '' WHERE id = ?", (DISABLED, key.id))
    return {"KeyId": key.arn}


def _rotatable(key: Key) -> Key:
    """AWS rotates symmetric keys alone."""
    if key.signs:
        raise AwsError("UnsupportedOperationException", f"{key.arn} is asymmetric; it cannot be rotated.")
    return key


@PLAYS(
    "EnableKeyRotation",
    access=on_own_key,
    differs="The schedule is kept and answered; the material itself is not exchanged, which no client can see.",
)
def enable_key_rotation(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html"""
    days = int(call.parameters.get("RotationPeriodInDays", 365))
    if not 90 <= days <= 2560:
        raise AwsError("ValidationException", "RotationPeriodInDays must be between 90 and 2560.")
    with call.cloud.store.write() as connection:
        key = _rotatable(changeable_key(call))
        if key.state == DISABLED:
            raise AwsError("DisabledException", f"{key.arn} is disabled.")
        connection.execute(
            "UPDATE kms_keys SET rotates_every_days = ?, rotation_enabled_at = ? WHERE id = ?",
            (days, call.cloud.clock.now().isoformat(), key.id),
        )


@PLAYS("DisableKeyRotation", access=on_own_key)
def disable_key_rotation(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKeyRotation.html"""
    with call.cloud.store.write() as connection:
        key = _rotatable(changeable_key(call))
        connection.execute(
            "UPDATE kms_keys SET rotates_every_days = 0, rotation_enabled_at = '' WHERE id = ?", (key.id,)
        )


@PLAYS("GetKeyRotationStatus", access=on_key)
def get_key_rotation_status(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html"""
    key = _rotatable(own_key(call))
    answer: dict[str, Any] = {"KeyId": key.arn, "KeyRotationEnabled": bool(key.rotates_every_days)}
    if key.rotates_every_days:
        period = timedelta(days=key.rotates_every_days)
        passed = (call.cloud.clock.now() - datetime.fromisoformat(key.rotation_enabled_at)) // period
        answer["RotationPeriodInDays"] = key.rotates_every_days
        answer["NextRotationDate"] = datetime.fromisoformat(key.rotation_enabled_at) + period * (passed + 1)
    return answer


@PLAYS("TagResource", access=on_own_key)
def tag_resource(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_TagResource.html"""
    with call.cloud.store.write() as connection:
        key = changeable_key(call)
        asked = {tag["TagKey"]: tag["TagValue"] for tag in call.parameters["Tags"]}
        if len({**key.tags, **asked}) > 50:
            raise AwsError("LimitExceededException", "A key has at most 50 tags.")
        connection.executemany(
            "INSERT OR REPLACE INTO kms_tags VALUES (?, ?, ?)", [(key.id, name, value) for name, value in asked.items()]
        )


@PLAYS("UntagResource", access=on_own_key)
def untag_resource(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_UntagResource.html"""
    with call.cloud.store.write() as connection:
        key = changeable_key(call)
        connection.executemany(
            "DELETE FROM kms_tags WHERE key = ? AND name = ?", [(key.id, name) for name in call.parameters["TagKeys"]]
        )


@PLAYS("ListResourceTags", access=on_own_key)
def list_resource_tags(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListResourceTags.html"""
    entries = [{"TagKey": name, "TagValue": value} for name, value in own_key(call).tags.items()]
    return paged("Tags", entries, lambda each: each["TagKey"], call.parameters)
