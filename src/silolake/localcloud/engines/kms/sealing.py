"""Real encryption: AES-256-GCM, the encryption context as additional authenticated data.

https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#encrypt_context

A ciphertext is ``b"SLK1"``, the length of the key's ARN in two bytes, the ARN, a nonce of twelve bytes, and what
AES-GCM made. AWS's own layout is not published; clients must not read it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_MARK = b"SLK1"
_NONCE = 12
MATERIAL_BYTES = 32


class NotOurs(Exception):
    """A ciphertext that no key of this cloud made, or that was made under another encryption context."""


def new_material() -> bytes:
    """A key's own secret."""
    return os.urandom(MATERIAL_BYTES)


def seal(material: bytes, arn: str, plaintext: bytes, context: Mapping[str, str]) -> bytes:
    """Encrypt; the ciphertext names its key.

    >>> secret = new_material()
    >>> open_sealed(secret, seal(secret, "arn:aws:kms:…:key/1", b"rows", {"for": "a"}), {"for": "a"})
    b'rows'
    """
    name = arn.encode()
    head = _MARK + len(name).to_bytes(2, "big") + name
    nonce = os.urandom(_NONCE)
    return head + nonce + AESGCM(material).encrypt(nonce, plaintext, head + _canonical(context))


def key_arn_of(ciphertext: bytes) -> str:
    """The ARN of the key that made a ciphertext.

    Raises:
        NotOurs: it is none of ours.
    """
    head, _ = _split(ciphertext)
    try:
        return head[6:].decode()
    except UnicodeDecodeError as error:
        raise NotOurs from error


def open_sealed(material: bytes, ciphertext: bytes, context: Mapping[str, str]) -> bytes:
    """Decrypt.

    Raises:
        NotOurs: another key or another context made it, or it was changed since.
    """
    head, sealed = _split(ciphertext)
    try:
        return AESGCM(material).decrypt(sealed[:_NONCE], sealed[_NONCE:], head + _canonical(context))
    except InvalidTag as error:
        raise NotOurs from error


def _split(ciphertext: bytes) -> tuple[bytes, bytes]:
    end = 6 + int.from_bytes(ciphertext[4:6], "big")
    if not ciphertext.startswith(_MARK) or len(ciphertext) < end + _NONCE + 16:
        raise NotOurs
    return ciphertext[:end], ciphertext[end:]


def _canonical(context: Mapping[str, str]) -> bytes:
    return json.dumps(dict(context), sort_keys=True, separators=(",", ":")).encode()
