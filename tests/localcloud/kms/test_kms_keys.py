"""Keys: who may use them, what they seal, and how they end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from house import House, allow, document
from hypothesis import given
from hypothesis import strategies as st

from silolake.localcloud.engines.kms.keys import find_key
from silolake.localcloud.engines.kms.sealing import NotOurs, new_material, open_sealed, seal


def _key(house: House, caller: Any = None, **parameters: Any) -> str:
    return str(house.ask(caller or house.management, "kms:CreateKey", **parameters)["KeyMetadata"]["Arn"])


def _root(account: str) -> dict[str, Any]:
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    return {"Sid": "Account", "Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"}


contexts = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3)


@given(st.binary(max_size=300), contexts, contexts)
def test_what_is_sealed_opens_under_its_own_context_only(plaintext: bytes, sealed_as: Any, opened_as: Any) -> None:
    material = new_material()
    ciphertext = seal(material, "arn:aws:kms:us-east-1:111111111111:key/k", plaintext, sealed_as)
    if sealed_as == opened_as:
        assert open_sealed(material, ciphertext, opened_as) == plaintext
    else:
        with pytest.raises(NotOurs):
            open_sealed(material, ciphertext, opened_as)


@given(st.binary(min_size=1, max_size=64), st.data())
def test_a_ciphertext_that_was_changed_anywhere_does_not_open(plaintext: bytes, data: st.DataObject) -> None:
    material = new_material()
    ciphertext = bytearray(seal(material, "arn:aws:kms:us-east-1:111111111111:key/k", plaintext, {}))
    ciphertext[data.draw(st.integers(0, len(ciphertext) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(NotOurs):
        open_sealed(material, bytes(ciphertext), {})


def test_encrypt_and_decrypt_need_the_same_context(house: House) -> None:
    me, key = house.management, _key(house)
    sealed = house.ask(me, "kms:Encrypt", KeyId=key, Plaintext=b"rows", EncryptionContext={"table": "flights"})
    blob = sealed["CiphertextBlob"]
    assert b"rows" not in blob
    opened = house.ask(me, "kms:Decrypt", CiphertextBlob=blob, EncryptionContext={"table": "flights"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"rows", key)
    for wrong in ({}, {"EncryptionContext": {"table": "weather"}}):
        assert house.code(me, "kms:Decrypt", CiphertextBlob=blob, **wrong) == "InvalidCiphertextException"
    assert house.code(me, "kms:Decrypt", CiphertextBlob=b"not ours" * 9) == "InvalidCiphertextException"
    other = _key(house)
    named = {"CiphertextBlob": blob, "EncryptionContext": {"table": "flights"}, "KeyId": other}
    assert house.code(me, "kms:Decrypt", **named) == "IncorrectKeyException"


def test_a_data_key_is_the_one_that_its_ciphertext_holds(house: House) -> None:
    me, key = house.management, _key(house)
    made = house.ask(me, "kms:GenerateDataKey", KeyId=key, KeySpec="AES_256")
    assert len(made["Plaintext"]) == 32
    assert house.ask(me, "kms:Decrypt", CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]
    hidden = house.ask(me, "kms:GenerateDataKeyWithoutPlaintext", KeyId=key, NumberOfBytes=7)
    assert "Plaintext" not in hidden
    assert len(house.ask(me, "kms:Decrypt", CiphertextBlob=hidden["CiphertextBlob"])["Plaintext"]) == 7
    for bad in ({}, {"KeySpec": "AES_256", "NumberOfBytes": 32}, {"NumberOfBytes": 1025}, {"KeySpec": "RSA_2048"}):
        assert house.code(me, "kms:GenerateDataKey", KeyId=key, **bad) == "ValidationException"
    assert len(house.ask(me, "kms:GenerateRandom", NumberOfBytes=16)["Plaintext"]) == 16


def test_re_encrypting_leaves_one_key_for_another(house: House) -> None:
    me, old, new = house.management, _key(house), _key(house)
    blob = house.ask(me, "kms:Encrypt", KeyId=old, Plaintext=b"rows")["CiphertextBlob"]
    moved = house.ask(
        me, "kms:ReEncrypt", CiphertextBlob=blob, DestinationKeyId=new, DestinationEncryptionContext={"a": "b"}
    )
    assert (moved["SourceKeyId"], moved["KeyId"]) == (old, new)
    opened = house.ask(me, "kms:Decrypt", CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"a": "b"})
    assert opened["Plaintext"] == b"rows"
    half = house.make_role(me, "half", allow("kms:ReEncryptFrom"))
    refused = house.refusal(
        house.cloud.as_role(half, "test"), "kms:ReEncrypt", CiphertextBlob=blob, DestinationKeyId=new
    )
    assert refused is not None and "kms:ReEncryptTo" in refused.message


def test_keys_are_found_by_every_name_they_have(house: House) -> None:
    me = house.management
    key = _key(house, Tags=[{"TagKey": "lake", "TagValue": "nyc"}])
    key_id = key.rsplit("/", 1)[1]
    house.ask(me, "kms:CreateAlias", AliasName="alias/lake-drop", TargetKeyId=key)
    alias = f"arn:aws:kms:us-east-1:{me.account}:alias/lake-drop"
    with house.cloud.store.read() as connection:
        for name in (key, key_id, "alias/lake-drop", alias):
            found = find_key(connection, me.account, "us-east-1", name)
            assert found is not None and (found.arn, found.account, found.state) == (key, me.account, "Enabled")
            assert found.aliases == ("alias/lake-drop",) and found.tags == {"lake": "nyc"}
        assert find_key(connection, "999999999999", "us-east-1", key) is not None
        assert find_key(connection, "999999999999", "us-east-1", "alias/lake-drop") is None
        assert find_key(connection, me.account, "eu-west-1", key) is None
        assert find_key(connection, me.account, "us-east-1", "arn:aws:kms") is None
    other = _key(house)
    house.ask(me, "kms:UpdateAlias", AliasName="alias/lake-drop", TargetKeyId=other)
    assert house.ask(me, "kms:DescribeKey", KeyId="alias/lake-drop")["KeyMetadata"]["Arn"] == other
    listed = house.ask(me, "kms:ListAliases", KeyId=other)["Aliases"]
    assert [each["AliasName"] for each in listed] == ["alias/lake-drop"]
    again = house.code(me, "kms:CreateAlias", AliasName="alias/lake-drop", TargetKeyId=key)
    assert again == "AlreadyExistsException"
    house.ask(me, "kms:DeleteAlias", AliasName="alias/lake-drop")
    assert house.code(me, "kms:DescribeKey", KeyId="alias/lake-drop") == "NotFoundException"


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ({"Principal": {"AWS": "@analytics"}, "Action": "kms:Decrypt"}, ""),
        ({"Principal": {"AWS": "*"}, "Action": "kms:Decrypt"}, ""),
        ({"Principal": {"AWS": "@analytics"}, "Action": "kms:Encrypt"}, "AccessDeniedException"),
        (
            {
                "Principal": {"AWS": "*"},
                "Action": "kms:Decrypt",
                "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/lake/*"}},
            },
            "AccessDeniedException",
        ),
        (
            {
                "Principal": {"AWS": "*"},
                "Action": "kms:Decrypt",
                "Condition": {"StringEquals": {"kms:EncryptionContext:table": "flights"}},
            },
            "",
        ),
        (
            {
                "Principal": {"AWS": "*"},
                "Action": "kms:Decrypt",
                "Condition": {"StringEquals": {"kms:EncryptionContext:table": "weather"}},
            },
            "AccessDeniedException",
        ),
        (
            {
                "Principal": {"AWS": "*"},
                "Action": "kms:Decrypt",
                "Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}},
            },
            "AccessDeniedException",
        ),
        (None, "AccessDeniedException"),
    ],
)
def test_the_key_policy_decides_for_another_account(
    organized: House, statement: dict[str, Any] | None, code: str
) -> None:
    silo, analytics = organized.member("ewr"), organized.member("analytics")
    more = [{"Effect": "Allow", "Resource": "*", **statement}] if statement else []
    policy = document(_root(silo), *more).replace("@analytics", analytics)
    key = _key(organized, organized.admin(silo), Policy=policy)
    context = {"EncryptionContext": {"table": "flights"}}
    blob = organized.ask(organized.admin(silo), "kms:Encrypt", KeyId=key, Plaintext=b"rows", **context)
    given_ = {"CiphertextBlob": blob["CiphertextBlob"], **context}
    assert organized.code(organized.admin(analytics), "kms:Decrypt", **given_) == code


def test_a_key_that_is_used_through_a_service_knows_the_service(organized: House) -> None:
    silo, analytics = organized.member("ewr"), organized.member("analytics")
    through_s3 = {
        "Effect": "Allow",
        "Principal": {"AWS": analytics},
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}},
    }
    key = _key(organized, organized.admin(silo), Policy=document(_root(silo), through_s3))
    blob = organized.ask(organized.admin(silo), "kms:Encrypt", KeyId=key, Plaintext=b"rows")["CiphertextBlob"]
    reader = organized.admin(analytics)
    assert organized.code(reader, "kms:Decrypt", CiphertextBlob=blob) == "AccessDeniedException"
    assert organized.code(reader.through("s3.amazonaws.com"), "kms:Decrypt", CiphertextBlob=blob) == ""
    assert organized.code(reader.through("glue.amazonaws.com"), "kms:Decrypt", CiphertextBlob=blob) != ""


def test_without_the_root_statement_an_accounts_own_policies_open_nothing(house: House) -> None:
    me = house.management
    owner = {"AWS": me.principal.arn}
    key = _key(
        house,
        Policy=document({"Effect": "Allow", "Principal": owner, "Action": "kms:*", "Resource": "*"}),
    )
    other = house.cloud.as_role(house.make_role(me, "other", allow("kms:*")), "test")
    refused = house.refusal(other, "kms:DescribeKey", KeyId=key)
    assert refused is not None and "no resource-based policy allows the kms:DescribeKey action" in refused.message
    assert house.code(me, "kms:DescribeKey", KeyId=key) == ""


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ("{", "MalformedPolicyDocumentException"),
        (
            document({"Effect": "Allow", "Principal": {"AWS": "@me"}, "Action": "kms:Encrypt", "Resource": "*"}),
            "MalformedPolicyDocumentException",
        ),
        (
            document({"Effect": "Allow", "Principal": {"AWS": "999999999999"}, "Action": "kms:*", "Resource": "*"}),
            "MalformedPolicyDocumentException",
        ),
        (document({"Effect": "Allow", "Principal": {"AWS": "@me"}, "Action": "kms:*", "Resource": "*"}), ""),
    ],
)
def test_nobody_locks_themselves_out_by_mistake(house: House, policy: str, code: str) -> None:
    me = house.management
    text = policy.replace("@me", me.account)
    assert house.code(me, "kms:CreateKey", Policy=text) == code
    key = _key(house)
    assert house.code(me, "kms:PutKeyPolicy", KeyId=key, PolicyName="default", Policy=text) == code
    kept = house.ask(me, "kms:GetKeyPolicy", KeyId=key)["Policy"]
    assert (kept == text) is (code == "")
    assert len(house.ask(me, "kms:ListKeys")["Keys"]) == (2 if code == "" else 1)


def test_the_lockout_check_is_passed_over_on_purpose(house: House) -> None:
    me = house.management
    shut = document({"Effect": "Allow", "Principal": {"AWS": me.account}, "Action": "kms:Encrypt", "Resource": "*"})
    key = _key(house, Policy=shut, BypassPolicyLockoutSafetyCheck=True)
    assert house.code(me, "kms:PutKeyPolicy", KeyId=key, Policy=document(_root(me.account))) != ""


def test_a_key_that_is_off_or_leaving_seals_nothing_and_is_gone_in_the_end(house: House) -> None:
    me, key = house.management, _key(house)
    blob = house.ask(me, "kms:Encrypt", KeyId=key, Plaintext=b"rows")["CiphertextBlob"]
    house.ask(me, "kms:CreateAlias", AliasName="alias/a", TargetKeyId=key)
    house.ask(me, "kms:DisableKey", KeyId=key)
    assert house.code(me, "kms:Decrypt", CiphertextBlob=blob) == "DisabledException"
    house.ask(me, "kms:EnableKey", KeyId=key)
    planned = house.ask(me, "kms:ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    assert planned["KeyState"] == "PendingDeletion"
    assert house.code(me, "kms:Decrypt", CiphertextBlob=blob) == "KMSInvalidStateException"
    assert house.code(me, "kms:PutKeyPolicy", KeyId=key, Policy="{}") == "KMSInvalidStateException"
    house.ask(me, "kms:CancelKeyDeletion", KeyId=key)
    house.ask(me, "kms:EnableKey", KeyId=key)
    assert house.ask(me, "kms:Decrypt", CiphertextBlob=blob)["Plaintext"] == b"rows"
    house.ask(me, "kms:ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    house.days_pass(6.9)
    assert house.ask(me, "kms:DescribeKey", KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    house.days_pass(0.2)
    assert house.code(me, "kms:DescribeKey", KeyId=key) == "NotFoundException"
    assert house.ask(me, "kms:ListAliases")["Aliases"] == []
    assert house.code(me, "kms:Decrypt", CiphertextBlob=blob) == "AccessDeniedException"


def test_rotation_says_when_it_comes_next(house: House) -> None:
    me, key = house.management, _key(house)
    assert house.ask(me, "kms:GetKeyRotationStatus", KeyId=key)["KeyRotationEnabled"] is False
    house.ask(me, "kms:EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    first = house.ask(me, "kms:GetKeyRotationStatus", KeyId=key)["NextRotationDate"]
    house.days_pass(100)
    second = house.ask(me, "kms:GetKeyRotationStatus", KeyId=key)["NextRotationDate"]
    assert (second - first).days == 90
    assert house.code(me, "kms:EnableKeyRotation", KeyId=key, RotationPeriodInDays=10) == "ValidationException"
    house.ask(me, "kms:DisableKeyRotation", KeyId=key)
    assert house.ask(me, "kms:GetKeyRotationStatus", KeyId=key)["KeyRotationEnabled"] is False


def test_a_key_of_another_account_is_never_administered_from_here(organized: House) -> None:
    silo, other = organized.member("ewr"), organized.member("jfk")
    everyone = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}
    key = _key(organized, organized.admin(silo), Policy=document(everyone))
    stranger = organized.admin(other)
    assert organized.code(stranger, "kms:DescribeKey", KeyId=key) == ""
    for operation, more in {
        "PutKeyPolicy": {"Policy": document(everyone)},
        "ScheduleKeyDeletion": {},
        "DisableKey": {},
        "TagResource": {"Tags": [{"TagKey": "a", "TagValue": "b"}]},
        "CreateAlias": {"AliasName": "alias/mine", "TargetKeyId": key},
    }.items():
        named = {} if operation == "CreateAlias" else {"KeyId": key}
        assert organized.code(stranger, f"kms:{operation}", **named, **more) == "AccessDeniedException", operation


def test_tags_on_a_key_come_and_go(house: House) -> None:
    me, key = house.management, _key(house)
    house.ask(
        me, "kms:TagResource", KeyId=key, Tags=[{"TagKey": "a", "TagValue": "1"}, {"TagKey": "b", "TagValue": "2"}]
    )
    house.ask(me, "kms:UntagResource", KeyId=key, TagKeys=["a"])
    assert house.ask(me, "kms:ListResourceTags", KeyId=key)["Tags"] == [{"TagKey": "b", "TagValue": "2"}]


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("CreateKey", {"KeySpec": "RSA_4096", "KeyUsage": "SIGN_VERIFY"}, "NotPlayed"),
        ("CreateKey", {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}, "NotPlayed"),
        ("CreateKey", {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}, "NotPlayed"),
        ("CreateKey", {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}, "NotPlayed"),
        ("CreateKey", {"KeySpec": "ECC_NIST_P256", "KeyUsage": "ENCRYPT_DECRYPT"}, "ValidationException"),
        ("CreateKey", {"KeySpec": "RSA_2048"}, "ValidationException"),
        ("CreateKey", {"KeyUsage": "SIGN_VERIFY"}, "ValidationException"),
        ("CreateKey", {"MultiRegion": True}, "NotPlayed"),
        ("CreateKey", {"Origin": "EXTERNAL"}, "NotPlayed"),
        ("CreateGrant", {}, "NotPlayed"),
        ("GenerateMac", {}, "NotPlayed"),
        ("Encrypt", {"Plaintext": b"x", "GrantTokens": ["t"]}, "NotPlayed"),
        ("Encrypt", {"Plaintext": b"x" * 4097}, "ValidationException"),
        ("Encrypt", {"Plaintext": b"x", "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}, "InvalidKeyUsageException"),
        ("Encrypt", {"Plaintext": b"x", "DryRun": True}, "DryRunOperationException"),
        ("DescribeKey", {"KeyId": "alias/none"}, "NotFoundException"),
        ("DescribeKey", {"KeyId": "arn:aws:kms:eu-west-1:111111111111:key/k"}, "NotFoundException"),
        ("DescribeKey", {"KeyId": "arn:aws:kms:us-east-1:999999999999:key/k"}, "AccessDeniedException"),
        ("ScheduleKeyDeletion", {"PendingWindowInDays": 6}, "ValidationException"),
        ("CancelKeyDeletion", {}, "KMSInvalidStateException"),
        ("CreateAlias", {"AliasName": "lake", "TargetKeyId": "@key"}, "ValidationException"),
        ("UpdateAlias", {"AliasName": "alias/none", "TargetKeyId": "@key"}, "NotFoundException"),
        ("GetKeyPolicy", {"PolicyName": "other"}, "NotFoundException"),
        ("ListKeys", {"Marker": "?"}, "InvalidMarkerException"),
    ],
)
def test_what_a_key_cannot_do_is_refused(house: House, operation: str, parameters: dict[str, Any], code: str) -> None:
    key = _key(house)
    given_ = {"KeyId": key, **{name: key if value == "@key" else value for name, value in parameters.items()}}
    if operation in ("CreateKey", "ListKeys", "CreateAlias", "UpdateAlias"):
        del given_["KeyId"]
    assert house.code(house.management, f"kms:{operation}", **given_) == code


def test_plain_http_is_denied_where_the_key_policy_says_so(house: House) -> None:
    me = house.management
    tls = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "kms:*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    key = _key(house, Policy=document(_root(me.account), tls))
    assert house.code(me, "kms:DescribeKey", KeyId=key) == ""
    assert house.code(replace(me, secure=False), "kms:DescribeKey", KeyId=key) == "AccessDeniedException"
