"""Which key a call means, and what its policy must allow.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.iam.tags import tag_context
from silolake.localcloud.engines.kms.keys import DISABLED, PENDING_DELETION, Key, find_key
from silolake.localcloud.engines.kms.lifecycle import remove_expired
from silolake.localcloud.errors import AwsError, NotPlayed

AccessFor = Callable[[Call], tuple[Access, ...]]


def named_key(call: Call, name: str) -> Key:
    """The key of that name, as the caller sees it. Writes: keys whose time has come are removed.

    Raises:
        AwsError: ``NotFoundException``, or ``AccessDeniedException`` where it would be another account's.
    """
    remove_expired(call.cloud)
    with call.cloud.store.read() as connection:
        key = find_key(connection, call.account, call.region, name)
    if key is not None:
        return key
    parts = name.split(":", 5)
    if name.startswith("arn:") and (len(parts) != 6 or parts[2] != "kms" or not parts[4]):
        raise AwsError("NotFoundException", f"Invalid arn {name}")
    if name.startswith("arn:") and parts[3] != call.region:
        raise AwsError("NotFoundException", f"Invalid arn {parts[3]}")
    if name.startswith("arn:") and parts[4] != call.account:
        raise unseen(call, f"kms:{call.operation}")
    if "alias/" in name:
        arn = name if name.startswith("arn:") else f"arn:aws:kms:{call.region}:{call.account}:{name}"
        raise AwsError("NotFoundException", f"Alias {arn} is not found.")
    arn = name if name.startswith("arn:") else f"arn:aws:kms:{call.region}:{call.account}:key/{name}"
    raise AwsError("NotFoundException", f"Key '{arn}' does not exist")


def unseen(call: Call, action: str) -> AwsError:
    """What AWS says of a key in another account that is not there or not shown."""
    return AwsError(
        "AccessDeniedException",
        f"User: {call.caller.arn} is not authorized to perform: {action} on this resource because the resource does "
        "not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly "
        "denies access",
    )


def on_key(call: Call) -> tuple[Access, ...]:
    """Operations on a key of any account that lets the caller in."""
    return (key_access(call, named_key(call, call.parameters["KeyId"]), context=call_context(call)),)


def on_own_key(call: Call) -> tuple[Access, ...]:
    """Operations that never work on a key of another account, whatever its policy says."""
    key = named_key(call, call.parameters["KeyId"])
    if key.account != call.account:
        raise unseen(call, f"kms:{call.operation}")
    return (key_access(call, key, context=call_context(call)),)


def on_account(call: Call) -> tuple[Access, ...]:
    """Operations that name no key."""
    return (Access(f"kms:{call.operation}", "*", call.account),)


def key_access(call: Call, key: Key, action: str = "", context: Mapping[str, tuple[str, ...]] | None = None) -> Access:
    """What must be allowed on a key: its policy is asked, as AWS asks it, in its own account too.

    Args:
        action: the operation's own by default.
        context: condition keys of this request.
    """
    return Access(
        action or f"kms:{call.operation}",
        key.arn,
        key.account,
        {**_about_caller(call), **_about_key(key), **(context or {})},
        key.policy,
        key.tags,
    )


def _about_caller(call: Call) -> dict[str, tuple[str, ...]]:
    context: dict[str, tuple[str, ...]] = {"kms:CallerAccount": (call.account,)}
    if call.caller.principal.via_services:
        service, domain = call.caller.principal.via_services[-1].split(".", 1)
        context["kms:ViaService"] = (f"{service}.{call.region}.{domain}",)
    return context


def _about_key(key: Key) -> dict[str, tuple[str, ...]]:
    context: dict[str, tuple[str, ...]] = {
        "kms:KeySpec": (key.spec,),
        "kms:KeyUsage": (key.usage,),
        "kms:KeyOrigin": ("AWS_KMS",),
        "kms:MultiRegion": ("false",),
    }
    return {**context, "kms:ResourceAliases": key.aliases} if key.aliases else context


def call_context(call: Call) -> dict[str, tuple[str, ...]]:
    """The condition keys that a call's own parameters fill."""
    asked = call.parameters
    context = _tags(asked.get("Tags"), asked.get("TagKeys"))
    if "alias/" in asked.get("KeyId", ""):
        context["kms:RequestAlias"] = ("alias/" + asked["KeyId"].split("alias/", 1)[1],)
    if "PendingWindowInDays" in asked:
        context["kms:ScheduleKeyDeletionPendingWindowInDays"] = (str(asked["PendingWindowInDays"]),)
    if "RotationPeriodInDays" in asked:
        context["kms:RotationPeriodInDays"] = (str(asked["RotationPeriodInDays"]),)
    if "BypassPolicyLockoutSafetyCheck" in asked:
        context["kms:BypassPolicyLockoutSafetyCheck"] = (str(bool(asked["BypassPolicyLockoutSafetyCheck"])).lower(),)
    return {**context, **encryption_context(asked.get("EncryptionContext"))}


def encryption_context(pairs: Mapping[str, str] | None) -> dict[str, tuple[str, ...]]:
    """The condition keys that an encryption context fills."""
    if not pairs:
        return {}
    context = {f"kms:EncryptionContext:{key}": (value,) for key, value in pairs.items()}
    return {**context, "kms:EncryptionContextKeys": tuple(pairs)}


def _tags(tags: list[dict[str, str]] | None, keys: list[str] | None) -> dict[str, tuple[str, ...]]:
    return tag_context([{"Key": tag["TagKey"], "Value": tag["TagValue"]} for tag in tags or ()], keys)


def on_new_key(call: Call) -> tuple[Access, ...]:
    """``CreateKey``: and ``TagResource`` where it is born with tags."""
    context = {
        **_about_caller(call),
        **call_context(call),
        "kms:KeySpec": (call.parameters.get("KeySpec", "SYMMETRIC_DEFAULT"),),
        "kms:KeyUsage": (call.parameters.get("KeyUsage", "ENCRYPT_DECRYPT"),),
        "kms:KeyOrigin": (call.parameters.get("Origin", "AWS_KMS"),),
    }
    create = Access("kms:CreateKey", "*", call.account, context)
    if not call.parameters.get("Tags"):
        return (create,)
    return (create, Access("kms:TagResource", "*", call.account, context))


def usable(call: Call, key: Key, usage: str) -> Key:
    """The key, refused where it cannot do what the call asks of it now.

    Args:
        usage: what it must be for, ``SIGN_VERIFY``.

    Raises:
        AwsError: ``InvalidKeyUsageException``, or the key's state does not allow it, or ``DryRun`` was asked.
        NotPlayed: a parameter that is not played.
    """
    for parameter in ("GrantTokens", "Recipient", "DryRunModifiers"):
        if call.parameters.get(parameter):
            raise NotPlayed(f"kms:{call.operation} with {parameter}")
    if key.usage != usage:
        raise AwsError(
            "InvalidKeyUsageException", f"{key.arn} key usage is {key.usage} which is not valid for {call.operation}."
        )
    if key.state == DISABLED:
        raise AwsError("DisabledException", f"{key.arn} is disabled.")
    if key.state == PENDING_DELETION:
        raise AwsError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
    if call.parameters.get("DryRun", False):
        raise AwsError(
            "DryRunOperationException", "The request would have succeeded, but the DryRun option is set.", 412
        )
    return key


def material_of(call: Call, key: Key) -> bytes:
    """A key's own secret. Reads only."""
    with call.cloud.store.read() as connection:
        row = connection.execute("SELECT material FROM kms_material WHERE key = ?", (key.id,)).fetchone()
    return bytes(row["material"])
