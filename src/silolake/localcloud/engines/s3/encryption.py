"""How an object is encrypted, and what that asks of KMS.

The bytes themselves lie unencrypted in the data directory; what is played is who may use which key.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from silolake.iam import Policy, PolicyKind, compile_policy
from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.kms import keys
from silolake.localcloud.engines.s3.buckets import Bucket
from silolake.localcloud.engines.s3.description import SSE_KMS, Encryption
from silolake.localcloud.engines.s3.errors import invalid_argument
from silolake.localcloud.errors import AwsError, NotPlayed

GENERATE, DECRYPT = "kms:GenerateDataKey", "kms:Decrypt"


@dataclass(frozen=True, slots=True)
class _Key:
    arn: str
    account: str
    policy: Policy
    state: str
    tags: Mapping[str, str]


def default_encryption(bucket: Bucket) -> dict[str, Any]:
    """The rule that a bucket encrypts by where a request says nothing; SSE-S3 unless another was put."""
    rule: dict[str, Any] = json.loads(bucket.encryption or '{"SSEAlgorithm": "AES256"}')
    return rule


def wanted(call: Call, bucket: Bucket) -> Encryption:
    """How the object that a request creates is to be encrypted: as its headers say, else by the bucket's rule.

    A key that is not named by its ARN is looked up in the requester's account, and where none is named at all it is
    the requester's own ``aws/s3``, even if the bucket's rule names another.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html

    Raises:
        AwsError: no such key, or headers that do not go together.
    """
    asked = call.parameters.get("ServerSideEncryption")
    named = call.parameters.get("SSEKMSKeyId")
    if call.parameters.get("SSEKMSEncryptionContext"):
        raise NotPlayed(f"s3:{call.operation} with SSEKMSEncryptionContext")
    if named and asked != SSE_KMS:
        message = (
            "Server Side Encryption with AWS KMS managed key requires HTTP header"
            " x-amz-server-side-encryption : aws:kms"
        )
        raise invalid_argument(message, "x-amz-server-side-encryption", asked or "null")
    rule = default_encryption(bucket)
    bucket_key = bool(call.parameters.get("BucketKeyEnabled", rule.get("BucketKeyEnabled", False)))
    if asked is None:
        asked, named = rule["SSEAlgorithm"], rule.get("KMSMasterKeyID")
    match asked:
        case "AES256":
            return Encryption()
        case "aws:kms":
            with call.cloud.store.read() as connection:
                key = _find_key(connection, call.account, bucket.region, named or "alias/aws/s3")
            return Encryption(SSE_KMS, key.arn, bucket_key)
        case "aws:kms:dsse":
            raise NotPlayed(f"s3:{call.operation} with aws:kms:dsse")
        case _:
            message = "The encryption method specified is not supported"
            raise AwsError("InvalidEncryptionAlgorithmError", message, 400)


def key_accesses(
    connection: sqlite3.Connection, caller_account: str, bucket: Bucket, key: str, encryption: Encryption, *actions: str
) -> list[Access]:
    """What IAM must allow on the KMS key for an object to be written or read; nothing for SSE-S3. Reads only.

    Raises:
        AwsError: the key is gone, disabled or about to be deleted.
    """
    if encryption.algorithm != SSE_KMS:
        return []
    found = _find_key(connection, encryption.key_arn.split(":")[4], bucket.region, encryption.key_arn)
    context = {
        "kms:ViaService": (f"s3.{bucket.region}.amazonaws.com",),
        "kms:CallerAccount": (caller_account,),
        "kms:EncryptionContext:aws:s3:arn": (bucket.arn if encryption.bucket_key else f"{bucket.arn}/{key}",),
        "kms:EncryptionContextKeys": ("aws:s3:arn",),
    }
    return [Access(action, found.arn, found.account, context, found.policy, found.tags) for action in actions]


def require_key(call: Call, bucket: Bucket, key: str, encryption: Encryption, *actions: str) -> None:
    """Refuse the call unless IAM allows the KMS actions and the key is usable. Reads only.

    Raises:
        AwsError: as S3 words what KMS answers.
    """
    if encryption.algorithm != SSE_KMS:
        return
    with call.cloud.store.read() as connection:
        accesses = key_accesses(connection, call.account, bucket, key, encryption, *actions)
        found = _find_key(connection, call.account, bucket.region, encryption.key_arn)
    call.cloud.require(call, accesses)
    match found.state:
        case keys.ENABLED:
            return
        case keys.DISABLED:
            raise AwsError("KMS.DisabledException", f"{found.arn} is disabled.", 400)
        case _:
            raise AwsError("KMS.KMSInvalidStateException", f"{found.arn} is pending deletion.", 400)


def _find_key(connection: sqlite3.Connection, account: str, region: str, name: str) -> _Key:
    managed = _managed(_account_of(name, account), region)
    if name in (managed.arn, "alias/aws/s3", managed.arn.rsplit(":", 1)[0] + ":alias/aws/s3"):
        return managed
    key = keys.find_key(connection, account, region, name)
    if key is None:
        raise AwsError("KMS.NotFoundException", f"Invalid keyId {name}", 400)
    if key.signs:
        raise AwsError("KMS.UnsupportedOperationException", f"{key.arn} is asymmetric; S3 needs a symmetric key.", 400)
    return _Key(key.arn, key.account, key.policy, key.state, key.tags)


def _account_of(name: str, account: str) -> str:
    return name.split(":")[4] if name.startswith("arn:aws:kms:") and name.count(":") >= 5 else account


@lru_cache(maxsize=1024)
def _managed(account: str, region: str) -> _Key:
    """The AWS managed key ``aws/s3`` of an account, with the policy AWS gives it: its own account only.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    """
    number = uuid.uuid5(uuid.NAMESPACE_URL, f"aws/s3 of {account} in {region}")
    arn = f"arn:aws:kms:{region}:{account}:key/{number}"
    text = {
        "Version": "2012-10-17",
        "Id": "auto-s3-2",
        "Statement": [
            {
                "Sid": "Allow access through S3 for all principals in the account that are authorized to use S3",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                "Resource": "*",
                "Condition": {
                    "StringEquals": {
                        "kms:CallerAccount": account,
                        "kms:ViaService": f"s3.{region}.amazonaws.com",
                    }
                },
            }
        ],
    }
    policy = compile_policy(text, PolicyKind.RESOURCE, f"key policy of aws/s3 in {account}")
    return _Key(arn, account, policy, keys.ENABLED, {})
