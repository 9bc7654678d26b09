"""KMS: real AES-256-GCM, and real signatures by RSA and on P-256. Other engines find keys with ``keys.find_key``."""

from __future__ import annotations

from silolake.localcloud.engines.kms import alias_operations, crypto_operations, key_operations, signature_operations
from silolake.localcloud.engines.kms.plays import PLAYS
from silolake.localcloud.engines.kms.schema import SCHEMA

__all__ = ["PLAYS", "SCHEMA", "alias_operations", "crypto_operations", "key_operations", "signature_operations"]
