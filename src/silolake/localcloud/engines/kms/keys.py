"""Keys as others find them. Asked directly by engines that encrypt; reads only."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from silolake.iam import Policy, PolicyKind, compile_policy
from silolake.localcloud.engines.kms.signing import ENCRYPT_DECRYPT, SIGN_VERIFY, SYMMETRIC

ENABLED, DISABLED, PENDING_DELETION = "Enabled", "Disabled", "PendingDeletion"


@dataclass(frozen=True, slots=True)
class Key:
    """A KMS key, symmetric unless it signs.

    Attributes:
        spec: ``SYMMETRIC_DEFAULT``, or the kind of its pair of keys, ``RSA_2048``.
        policy: the key policy, compiled.
        policy_text: the key policy as it was put.
        state: ``Enabled``, ``Disabled`` or ``PendingDeletion``; only the first may be used.
        deletion_at: when a key that is pending deletion goes, as ISO 8601; else empty.
    """

    id: str
    arn: str
    account: str
    region: str
    description: str
    state: str
    policy: Policy
    policy_text: str
    created_at: str
    deletion_at: str
    rotates_every_days: int
    rotation_enabled_at: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    spec: str = SYMMETRIC

    @property
    def signs(self) -> bool:
        """Whether it is a pair of keys, for signing and verifying."""
        return self.spec != SYMMETRIC

    @property
    def usage(self) -> str:
        """What it is for, in KMS' word."""
        return SIGN_VERIFY if self.signs else ENCRYPT_DECRYPT


def find_key(connection: sqlite3.Connection, account: str, region: str, name: str) -> Key | None:
    """A key by its id, its ARN, its alias' name or its alias' ARN; ``None`` where there is none. Reads only.

    Args:
        account: where an id or an alias' name is looked up; an ARN says its own.
        region: the same; an ARN of another Region finds nothing, as on AWS.
        name: ``1234abcd-…``, ``arn:aws:kms:…:key/…``, ``alias/lake-drop`` or ``arn:aws:kms:…:alias/…``.
    """
    if name.startswith("arn:"):
        parts = name.split(":", 5)
        if len(parts) != 6 or parts[2] != "kms" or parts[3] != region:
            return None
        account, name = parts[4], parts[5].removeprefix("key/")
    if name.startswith("alias/"):
        query = (
            "SELECT k.* FROM kms_aliases a JOIN kms_keys k ON k.id = a.key"
            " WHERE a.account = ? AND a.region = ? AND a.name = ?"
        )
    else:
        query = "SELECT * FROM kms_keys WHERE account = ? AND region = ? AND id = ?"
    row = connection.execute(query, (account, region, name)).fetchone()
    return key_of(connection, row) if row else None


def key_of(connection: sqlite3.Connection, row: sqlite3.Row) -> Key:
    """The key that a row of ``kms_keys`` tells of. Reads only."""
    values: dict[str, Any] = dict(row)
    text = values.pop("policy")
    tags = connection.execute("SELECT name, value FROM kms_tags WHERE key = ? ORDER BY name", (row["id"],))
    aliases = connection.execute("SELECT name FROM kms_aliases WHERE key = ? ORDER BY name", (row["id"],))
    signing = connection.execute("SELECT spec FROM kms_signing WHERE key = ?", (row["id"],)).fetchone()
    return Key(
        **values,
        spec=signing["spec"] if signing else SYMMETRIC,
        policy=compiled(text, row["arn"]),
        policy_text=text,
        tags=dict(tags),
        aliases=tuple(name for (name,) in aliases),
    )


@lru_cache(maxsize=2048)
def compiled(text: str, arn: str) -> Policy:
    """A key policy's compiled form, remembered by its text."""
    return compile_policy(text, PolicyKind.RESOURCE, f"key policy of {arn}")
