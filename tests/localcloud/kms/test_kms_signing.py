"""Keys that sign: what they sign is verified by KMS, and by anybody with the public key."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from house import House, allow, document

from silolake.cloud import Cloud
from silolake.localcloud.cloud import LocalCloud

MESSAGE = b"the digest of a bundle"
KINDS = [
    ("ECC_NIST_P256", "ECDSA_SHA_256"),
    ("RSA_2048", "RSASSA_PSS_SHA_256"),
    ("RSA_3072", "RSASSA_PKCS1_V1_5_SHA_512"),
]


def _key(house: House, spec: str = "ECC_NIST_P256", **more: Any) -> str:
    asked = {"KeySpec": spec, "KeyUsage": "SIGN_VERIFY", **more}
    return str(house.ask(house.management, "kms:CreateKey", **asked)["KeyMetadata"]["Arn"])


def _signed(house: House, key: str, algorithm: str = "ECDSA_SHA_256", message: bytes = MESSAGE) -> dict[str, Any]:
    asked = {"KeyId": key, "Message": message, "SigningAlgorithm": algorithm}
    signature = house.ask(house.management, "kms:Sign", **asked)["Signature"]
    return {**asked, "Signature": signature}


@pytest.mark.parametrize(("spec", "algorithm"), KINDS)
def test_what_a_key_signed_is_verified_and_nothing_else_is(house: House, spec: str, algorithm: str) -> None:
    signed = _signed(house, _key(house, spec), algorithm)
    answer = house.ask(house.management, "kms:Verify", **signed)
    assert answer == {"KeyId": signed["KeyId"], "SignatureValid": True, "SigningAlgorithm": algorithm}
    for wrong in ({"Message": b"another"}, {"Signature": b"x" * 64}, {"KeyId": _key(house, spec)}):
        assert house.code(house.management, "kms:Verify", **{**signed, **wrong}) == "KMSInvalidSignatureException"


@pytest.mark.parametrize(("spec", "algorithm"), KINDS)
def test_anybody_verifies_with_the_public_key(house: House, spec: str, algorithm: str) -> None:
    signed = _signed(house, _key(house, spec), algorithm)
    answer = house.ask(house.management, "kms:GetPublicKey", KeyId=signed["KeyId"])
    assert (answer["KeySpec"], answer["KeyUsage"]) == (spec, "SIGN_VERIFY")
    assert algorithm in answer["SigningAlgorithms"]
    public = serialization.load_der_public_key(answer["PublicKey"])
    hashed = {"256": hashes.SHA256(), "512": hashes.SHA512()}[algorithm[-3:]]
    if isinstance(public, ec.EllipticCurvePublicKey):
        public.verify(signed["Signature"], MESSAGE, ec.ECDSA(hashed))
    else:
        assert isinstance(public, rsa.RSAPublicKey)
        pss = padding.PSS(padding.MGF1(hashed), hashed.digest_size)
        public.verify(signed["Signature"], MESSAGE, pss if "PSS" in algorithm else padding.PKCS1v15(), hashed)


def test_a_message_and_its_digest_have_the_same_signature(house: House) -> None:
    key = _key(house)
    signed = _signed(house, key)
    digest = {"Message": hashlib.sha256(MESSAGE).digest(), "MessageType": "DIGEST"}
    assert house.ask(house.management, "kms:Verify", **{**signed, **digest})["SignatureValid"] is True
    short = {**signed, **digest, "Message": b"short"}
    assert house.code(house.management, "kms:Verify", **short) == "ValidationException"


def test_a_key_that_signs_survives_a_restart(house: House) -> None:
    signed = _signed(house, _key(house))
    house.cloud.close()
    again = LocalCloud(house.cloud.directory, "us-east-1")
    assert again.invoke(house.management, "kms", "Verify", signed)["SignatureValid"] is True
    again.close()


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("Encrypt", {"Plaintext": b"x"}, "InvalidKeyUsageException"),
        ("GenerateDataKey", {"KeySpec": "AES_256"}, "InvalidKeyUsageException"),
        ("Sign", {"Message": b"x", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}, "InvalidKeyUsageException"),
        ("Sign", {"Message": b"", "SigningAlgorithm": "ECDSA_SHA_256"}, "ValidationException"),
        ("Sign", {"Message": b"x" * 4097, "SigningAlgorithm": "ECDSA_SHA_256"}, "ValidationException"),
        ("Sign", {"Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256", "MessageType": "EXTERNAL_MU"}, "NotPlayed"),
        ("Sign", {"Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256", "GrantTokens": ["t"]}, "NotPlayed"),
        ("Sign", {"Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256", "DryRun": True}, "DryRunOperationException"),
        ("EnableKeyRotation", {}, "UnsupportedOperationException"),
        ("GetKeyRotationStatus", {}, "UnsupportedOperationException"),
    ],
)
def test_what_a_signing_key_does_not_do(house: House, operation: str, parameters: dict[str, Any], code: str) -> None:
    assert house.code(house.management, f"kms:{operation}", KeyId=_key(house), **parameters) == code


def test_a_symmetric_key_neither_signs_nor_has_a_public_key(house: House) -> None:
    key = house.ask(house.management, "kms:CreateKey")["KeyMetadata"]["KeyId"]
    asked = {"KeyId": key, "Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
    assert house.code(house.management, "kms:Sign", **asked) == "InvalidKeyUsageException"
    assert house.code(house.management, "kms:GetPublicKey", KeyId=key) == "UnsupportedOperationException"


def test_a_disabled_key_signs_nothing(house: House) -> None:
    signed = _signed(house, _key(house))
    house.ask(house.management, "kms:DisableKey", KeyId=signed["KeyId"])
    assert house.code(house.management, "kms:Verify", **signed) == "DisabledException"
    assert house.code(house.management, "kms:GetPublicKey", KeyId=signed["KeyId"]) == "DisabledException"


def test_who_may_verify_may_not_sign(organized: House) -> None:
    """Leg one signs, every silo verifies: the key's policy says which, to another account too."""
    silo = organized.member("ewr")
    reader = organized.make_role(organized.admin(silo), "reader", allow(["kms:Verify", "kms:Sign"]))
    owner = {"AWS": f"arn:aws:iam::{organized.management_id}:root"}
    policy = document(
        {"Effect": "Allow", "Principal": owner, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": reader}, "Action": "kms:Verify", "Resource": "*",
         "Condition": {"StringEquals": {"kms:SigningAlgorithm": "ECDSA_SHA_256"}}},
    )  # fmt: skip
    signed = _signed(organized, _key(organized, Policy=policy))
    me = organized.cloud.as_role(reader, "test")
    assert organized.ask(me, "kms:Verify", **signed)["SignatureValid"] is True
    del signed["Signature"]
    assert organized.code(me, "kms:Sign", **signed) == "AccessDeniedException"


def test_s3_takes_no_signing_key(house: House) -> None:
    house.ask(house.management, "s3:CreateBucket", Bucket="code-cases")
    asked = {"Bucket": "code-cases", "Key": "a", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": _key(house)}
    assert house.code(house.management, "s3:PutObject", **asked) == "KMS.UnsupportedOperationException"


def test_boto3_signs_and_is_told_what_does_not_verify(management: Cloud) -> None:
    kms = management.client("kms")
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    asked = {"KeyId": key, "Message": MESSAGE, "SigningAlgorithm": "ECDSA_SHA_256"}
    signed = {**asked, "Signature": kms.sign(**asked)["Signature"]}
    assert kms.verify(**signed)["SignatureValid"] is True
    with pytest.raises(kms.exceptions.KMSInvalidSignatureException):
        kms.verify(**{**signed, "Message": b"another"})
    serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
