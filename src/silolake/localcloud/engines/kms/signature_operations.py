"""Signing, verifying, and the public key."""

from __future__ import annotations

from typing import Any

from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.kms.access import call_context, key_access, material_of, named_key, on_key, usable
from silolake.localcloud.engines.kms.keys import Key
from silolake.localcloud.engines.kms.plays import PLAYS
from silolake.localcloud.engines.kms.signing import ALGORITHMS, SIGN_VERIFY, SigningKey, digest_bytes, digest_of
from silolake.localcloud.errors import AwsError, NotPlayed

_LONGEST_MESSAGE = 4_096


def _on_signature(call: Call) -> tuple[Access, ...]:
    """``Sign`` and ``Verify``: the algorithm and the kind of message can be conditions."""
    context = {
        **call_context(call),
        "kms:SigningAlgorithm": (call.parameters.get("SigningAlgorithm", ""),),
        "kms:MessageType": (call.parameters.get("MessageType", "RAW"),),
    }
    return (key_access(call, named_key(call, call.parameters["KeyId"]), context=context),)


@PLAYS("Sign", access=_on_signature)
def sign(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html"""
    key, algorithm, digest = _asked(call)
    signature = SigningKey(material_of(call, key)).sign(digest, algorithm)
    return {"KeyId": key.arn, "Signature": signature, "SigningAlgorithm": algorithm}


@PLAYS("Verify", access=_on_signature)
def verify(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Verify.html"""
    key, algorithm, digest = _asked(call)
    if not SigningKey(material_of(call, key)).has_signed(digest, call.parameters["Signature"], algorithm):
        # KMS says it by the code alone.
        raise AwsError("KMSInvalidSignatureException", "")
    return {"KeyId": key.arn, "SignatureValid": True, "SigningAlgorithm": algorithm}


@PLAYS("GetPublicKey", access=on_key)
def get_public_key(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html"""
    key = named_key(call, call.parameters["KeyId"])
    if not key.signs:
        raise AwsError("UnsupportedOperationException", f"{key.arn} is a symmetric key; it has no public key.")
    usable(call, key, SIGN_VERIFY)
    return {
        "KeyId": key.arn,
        "PublicKey": SigningKey(material_of(call, key)).public,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "KeyUsage": key.usage,
        "SigningAlgorithms": list(ALGORITHMS[key.spec]),
    }


def _asked(call: Call) -> tuple[Key, str, bytes]:
    """The key, the algorithm and the digest that a call is about.

    Raises:
        AwsError: they do not fit each other.
        NotPlayed: a message type that is not played.
    """
    asked = call.parameters
    key = usable(call, named_key(call, asked["KeyId"]), SIGN_VERIFY)
    algorithm, kind, message = asked["SigningAlgorithm"], asked.get("MessageType", "RAW"), asked["Message"]
    if algorithm not in ALGORITHMS[key.spec]:
        raise AwsError(
            "InvalidKeyUsageException",
            f"Algorithm {algorithm} and key spec {key.spec} are incompatible for key {key.arn}.",
        )
    if not 1 <= len(message) <= _LONGEST_MESSAGE:
        raise AwsError("ValidationException", f"A message has 1 to {_LONGEST_MESSAGE} bytes; sign its digest instead.")
    match kind:
        case "RAW":
            return key, algorithm, digest_of(message, algorithm)
        case "DIGEST":
            if len(message) != digest_bytes(algorithm):
                raise AwsError("ValidationException", f"Digest is invalid length for algorithm {algorithm}.")
            return key, algorithm, message
        case _:
            raise NotPlayed(f"kms:{call.operation} with MessageType {kind}")
