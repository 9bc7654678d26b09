"""Aliases: names of keys within one account and Region."""

from __future__ import annotations

import re
import sqlite3
from datetime import datetime
from typing import Any

from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.kms.access import key_access, named_key, on_account, unseen
from silolake.localcloud.engines.kms.key_operations import paged
from silolake.localcloud.engines.kms.keys import PENDING_DELETION, Key
from silolake.localcloud.engines.kms.plays import PLAYS
from silolake.localcloud.errors import AwsError

_NAME = re.compile(r"alias/[a-zA-Z0-9/_-]{1,250}")


def _alias_arn(call: Call) -> str:
    return f"arn:aws:kms:{call.region}:{call.account}:{call.parameters['AliasName']}"


def _target(call: Call) -> Key:
    name = call.parameters["TargetKeyId"]
    if "alias/" in name:
        raise AwsError("ValidationException", "Aliases must refer to keys. Not aliases")
    key = named_key(call, name)
    if key.account != call.account:
        raise unseen(call, f"kms:{call.operation}")
    return key


def _current(connection: sqlite3.Connection, call: Call) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM kms_aliases WHERE account = ? AND region = ? AND name = ?",
        (call.account, call.region, call.parameters["AliasName"]),
    ).fetchone()
    return row


def _on_alias(call: Call) -> tuple[Access, ...]:
    """The alias, and every key that it names or will name."""
    alias = Access(f"kms:{call.operation}", _alias_arn(call), call.account)
    with call.cloud.store.read() as connection:
        current = _current(connection, call)
    keys = [named_key(call, current["key"])] if current else []
    if "TargetKeyId" in call.parameters:
        keys.append(_target(call))
    return (alias, *(key_access(call, key) for key in keys))


@PLAYS("CreateAlias", access=_on_alias)
def create_alias(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html"""
    name, now = call.parameters["AliasName"], call.cloud.clock.now().isoformat()
    if not _NAME.fullmatch(name):
        raise AwsError(
            "ValidationException", 'Alias must start with the prefix "alias/" and hold letters, digits, / _ -'
        )
    if name.startswith("alias/aws/"):
        raise AwsError("NotAuthorizedException", "")
    with call.cloud.store.write() as connection:
        key = _usable_target(call)
        if _current(connection, call):
            raise AwsError("AlreadyExistsException", f"An alias with the name {_alias_arn(call)} already exists")
        connection.execute(
            "INSERT INTO kms_aliases VALUES (?, ?, ?, ?, ?, ?)", (call.account, call.region, name, key.id, now, now)
        )


def _usable_target(call: Call) -> Key:
    key = _target(call)
    if key.state == PENDING_DELETION:
        raise AwsError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
    return key


@PLAYS("UpdateAlias", access=_on_alias)
def update_alias(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateAlias.html"""
    with call.cloud.store.write() as connection:
        key = _usable_target(call)
        changed = connection.execute(
            "UPDATE kms_aliases SET key = ?, updated_at = ? WHERE account = ? AND region = ? AND name = ?",
            (key.id, call.cloud.clock.now().isoformat(), call.account, call.region, call.parameters["AliasName"]),
        )
        if not changed.rowcount:
            raise _not_found(call)


@PLAYS("DeleteAlias", access=_on_alias)
def delete_alias(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteAlias.html"""
    with call.cloud.store.write() as connection:
        removed = connection.execute(
            "DELETE FROM kms_aliases WHERE account = ? AND region = ? AND name = ?",
            (call.account, call.region, call.parameters["AliasName"]),
        )
        if not removed.rowcount:
            raise _not_found(call)


def _not_found(call: Call) -> AwsError:
    return AwsError("NotFoundException", f"Alias {_alias_arn(call)} is not found.")


@PLAYS("ListAliases", access=on_account, differs="The aliases of AWS's own keys, alias/aws/..., are not listed.")
def list_aliases(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListAliases.html"""
    only = named_key(call, call.parameters["KeyId"]).id if "KeyId" in call.parameters else ""
    with call.cloud.store.read() as connection:
        rows = connection.execute(
            "SELECT * FROM kms_aliases WHERE account = ? AND region = ?", (call.account, call.region)
        ).fetchall()
    entries = [
        {
            "AliasName": row["name"],
            "AliasArn": f"arn:aws:kms:{row['region']}:{row['account']}:{row['name']}",
            "TargetKeyId": row["key"],
            "CreationDate": datetime.fromisoformat(row["created_at"]),
            "LastUpdatedDate": datetime.fromisoformat(row["updated_at"]),
        }
        for row in rows
        if not only or row["key"] == only
    ]
    return paged("Aliases", entries, lambda each: each["AliasName"], call.parameters)
