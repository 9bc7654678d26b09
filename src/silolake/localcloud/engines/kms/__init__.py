"""KMS with symmetric keys and real AES-256-GCM. Other engines find keys with ``keys.find_key``."""

from __future__ import annotations

from silolake.localcloud.engines.kms import alias_operations, crypto_operations, key_operations
from silolake.localcloud.engines.kms.plays import PLAYS
from silolake.localcloud.engines.kms.schema import SCHEMA

__all__ = ["PLAYS", "SCHEMA", "alias_operations", "crypto_operations", "key_operations"]
