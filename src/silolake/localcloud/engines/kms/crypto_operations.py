"""Encrypting and decrypting."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from silolake.localcloud.call import Access, Call
from silolake.localcloud.engines.kms.access import (
    call_context,
    encryption_context,
    key_access,
    material_of,
    named_key,
    on_account,
    on_key,
    usable,
)
from silolake.localcloud.engines.kms.keys import Key, find_key
from silolake.localcloud.engines.kms.lifecycle import remove_expired
from silolake.localcloud.engines.kms.plays import PLAYS
from silolake.localcloud.engines.kms.sealing import NotOurs, key_arn_of, open_sealed, seal
from silolake.localcloud.engines.kms.signing import ENCRYPT_DECRYPT
from silolake.localcloud.errors import AwsError, NotPlayed

_ALGORITHM = "SYMMETRIC_DEFAULT"
_LONGEST_PLAINTEXT, _LONGEST_DATA_KEY = 4_096, 1_024


def _sealing_key(ciphertext: bytes, call: Call) -> Key:
    """The key that made a ciphertext."""
    remove_expired(call.cloud)
    try:
        arn = key_arn_of(ciphertext)
    except NotOurs as error:
        raise AwsError("InvalidCiphertextException", "") from error
    with call.cloud.store.read() as connection:
        key = find_key(connection, call.account, call.region, arn)
    if key is None:
        raise AwsError(
            "AccessDeniedException",
            "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
            "or you are not allowed to access.",
        )
    return key


def _check_named(call: Call, parameter: str, key: Key) -> None:
    if parameter in call.parameters and named_key(call, call.parameters[parameter]).arn != key.arn:
        raise AwsError(
            "IncorrectKeyException",
            "The key ID in the request does not identify a CMK that can perform this operation.",
        )


def _usable(call: Call, key: Key) -> Key:
    for parameter, algorithm in call.parameters.items():
        if parameter.endswith("EncryptionAlgorithm") and algorithm != _ALGORITHM:
            raise AwsError("InvalidKeyUsageException", f"{key.arn} does not encrypt with {algorithm}.")
    return usable(call, key, ENCRYPT_DECRYPT)


def _seal(call: Call, key: Key, plaintext: bytes, context: Mapping[str, str] | None) -> bytes:
    return seal(material_of(call, key), key.arn, plaintext, context or {})


def _open(call: Call, key: Key, ciphertext: bytes, context: Mapping[str, str] | None) -> bytes:
    try:
        return open_sealed(material_of(call, key), ciphertext, context or {})
    except NotOurs as error:
        raise AwsError("InvalidCiphertextException", "") from error


@PLAYS("Encrypt", access=on_key)
def encrypt(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html"""
    key = _usable(call, named_key(call, call.parameters["KeyId"]))
    plaintext = call.parameters["Plaintext"]
    if not 1 <= len(plaintext) <= _LONGEST_PLAINTEXT:
        raise AwsError("ValidationException", f"A plaintext has 1 to {_LONGEST_PLAINTEXT} bytes.")
    sealed = _seal(call, key, plaintext, call.parameters.get("EncryptionContext"))
    return {"CiphertextBlob": sealed, "KeyId": key.arn, "EncryptionAlgorithm": _ALGORITHM}


def _on_ciphertext(call: Call) -> tuple[Access, ...]:
    key = _sealing_key(call.parameters["CiphertextBlob"], call)
    return (key_access(call, key, context=call_context(call)),)


@PLAYS("Decrypt", access=_on_ciphertext)
def decrypt(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html"""
    ciphertext = call.parameters["CiphertextBlob"]
    key = _sealing_key(ciphertext, call)
    _check_named(call, "KeyId", key)
    _usable(call, key)
    plaintext = _open(call, key, ciphertext, call.parameters.get("EncryptionContext"))
    return {"KeyId": key.arn, "Plaintext": plaintext, "EncryptionAlgorithm": _ALGORITHM}


def _from_and_to(call: Call) -> tuple[Access, ...]:
    """``ReEncrypt`` needs a right on the key it leaves and another on the key it goes to."""
    asked = call.parameters
    source = _sealing_key(asked["CiphertextBlob"], call)
    target = named_key(call, asked["DestinationKeyId"])
    same = {"kms:ReEncryptOnSameKey": (str(source.arn == target.arn).lower(),)}
    return (
        key_access(
            call, source, "kms:ReEncryptFrom", {**same, **encryption_context(asked.get("SourceEncryptionContext"))}
        ),
        key_access(
            call, target, "kms:ReEncryptTo", {**same, **encryption_context(asked.get("DestinationEncryptionContext"))}
        ),
    )


@PLAYS("ReEncrypt", access=_from_and_to)
def re_encrypt(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html"""
    asked = call.parameters
    source = _sealing_key(asked["CiphertextBlob"], call)
    _check_named(call, "SourceKeyId", source)
    target = _usable(call, named_key(call, asked["DestinationKeyId"]))
    plaintext = _open(call, _usable(call, source), asked["CiphertextBlob"], asked.get("SourceEncryptionContext"))
    return {
        "CiphertextBlob": _seal(call, target, plaintext, asked.get("DestinationEncryptionContext")),
        "SourceKeyId": source.arn,
        "KeyId": target.arn,
        "SourceEncryptionAlgorithm": _ALGORITHM,
        "DestinationEncryptionAlgorithm": _ALGORITHM,
    }


@PLAYS("GenerateDataKey", access=on_key)
def generate_data_key(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html"""
    key = _usable(call, named_key(call, call.parameters["KeyId"]))
    plaintext = os.urandom(_data_key_bytes(call))
    sealed = _seal(call, key, plaintext, call.parameters.get("EncryptionContext"))
    return {"CiphertextBlob": sealed, "Plaintext": plaintext, "KeyId": key.arn}


@PLAYS("GenerateDataKeyWithoutPlaintext", access=on_key)
def generate_data_key_without_plaintext(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyWithoutPlaintext.html"""
    key = _usable(call, named_key(call, call.parameters["KeyId"]))
    sealed = _seal(call, key, os.urandom(_data_key_bytes(call)), call.parameters.get("EncryptionContext"))
    return {"CiphertextBlob": sealed, "KeyId": key.arn}


def _data_key_bytes(call: Call) -> int:
    spec, size = call.parameters.get("KeySpec"), call.parameters.get("NumberOfBytes")
    if (spec is None) == (size is None):
        raise AwsError("ValidationException", "Please specify either number of bytes or key spec.")
    if spec is not None:
        if spec not in ("AES_256", "AES_128"):
            raise AwsError("ValidationException", f"{spec} is no KeySpec of a data key.")
        return 32 if spec == "AES_256" else 16
    return _checked_size(int(size or 0))


def _checked_size(size: int) -> int:
    if not 1 <= size <= _LONGEST_DATA_KEY:
        raise AwsError("ValidationException", f"NumberOfBytes must be between 1 and {_LONGEST_DATA_KEY}.")
    return size


@PLAYS("GenerateRandom", access=on_account)
def generate_random(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateRandom.html"""
    for parameter in ("CustomKeyStoreId", "Recipient"):
        if call.parameters.get(parameter):
            raise NotPlayed(f"kms:GenerateRandom with {parameter}")
    if "NumberOfBytes" not in call.parameters:
        raise AwsError("ValidationException", "NumberOfBytes is required.")
    return {"Plaintext": os.urandom(_checked_size(int(call.parameters["NumberOfBytes"])))}
