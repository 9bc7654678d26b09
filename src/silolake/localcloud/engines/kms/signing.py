"""Real signatures: RSA and the curve P-256, by ``cryptography``. Pure; keys are kept as PKCS #8.

https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

SYMMETRIC, RSA_2048, RSA_3072, P256 = "SYMMETRIC_DEFAULT", "RSA_2048", "RSA_3072", "ECC_NIST_P256"
ENCRYPT_DECRYPT, SIGN_VERIFY = "ENCRYPT_DECRYPT", "SIGN_VERIFY"

_RSA_ALGORITHMS = tuple(f"RSASSA_{scheme}_SHA_{bits}" for scheme in ("PKCS1_V1_5", "PSS") for bits in (256, 384, 512))
ALGORITHMS = {RSA_2048: _RSA_ALGORITHMS, RSA_3072: _RSA_ALGORITHMS, P256: ("ECDSA_SHA_256",)}
"""What each kind of signing key signs with."""

_DIGESTS: dict[str, tuple[hashes.HashAlgorithm, Callable[..., hashlib._Hash]]] = {
    "256": (hashes.SHA256(), hashlib.sha256),
    "384": (hashes.SHA384(), hashlib.sha384),
    "512": (hashes.SHA512(), hashlib.sha512),
}


def new_signing_key(spec: str) -> bytes:
    """A private key of one of ``ALGORITHMS``' kinds, as PKCS #8."""
    made: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if spec == P256:
        made = ec.generate_private_key(ec.SECP256R1())
    else:
        made = rsa.generate_private_key(public_exponent=65537, key_size=int(spec.removeprefix("RSA_")))
    return made.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, and what can be done with it.

    >>> key = SigningKey(new_signing_key("ECC_NIST_P256"))
    >>> digest = digest_of(b"bundle", "ECDSA_SHA_256")
    >>> key.has_signed(digest, key.sign(digest, "ECDSA_SHA_256"), "ECDSA_SHA_256")
    True
    """

    pkcs8: bytes

    @property
    def _private(self) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
        found = serialization.load_der_private_key(self.pkcs8, password=None)
        if not isinstance(found, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise ValueError(f"no key of ours is a {type(found).__name__}")
        return found

    @property
    def public(self) -> bytes:
        """The public key, DER-encoded as X.509 SubjectPublicKeyInfo."""
        return self._private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, digest: bytes, algorithm: str) -> bytes:
        """The signature of a digest; one of a curve is DER-encoded, as ANSI X9.62 has it."""
        hashed, private = _hash(algorithm), self._private
        if isinstance(private, ec.EllipticCurvePrivateKey):
            return private.sign(digest, ec.ECDSA(Prehashed(hashed)))
        return private.sign(digest, _padding(algorithm), Prehashed(hashed))

    def has_signed(self, digest: bytes, signature: bytes, algorithm: str) -> bool:
        """Whether the signature is this key's, of this digest."""
        hashed, public = _hash(algorithm), self._private.public_key()
        try:
            if isinstance(public, ec.EllipticCurvePublicKey):
                public.verify(signature, digest, ec.ECDSA(Prehashed(hashed)))
            else:
                public.verify(signature, digest, _padding(algorithm), Prehashed(hashed))
        except InvalidSignature:
            return False
        return True


def digest_of(message: bytes, algorithm: str) -> bytes:
    """A message's digest, by the algorithm's hash."""
    return _DIGESTS[algorithm[-3:]][1](message).digest()


def digest_bytes(algorithm: str) -> int:
    """How long the digest is that the algorithm signs."""
    return _hash(algorithm).digest_size


def _hash(algorithm: str) -> hashes.HashAlgorithm:
    return _DIGESTS[algorithm[-3:]][0]


def _padding(algorithm: str) -> padding.AsymmetricPadding:
    if "PKCS1" in algorithm:
        return padding.PKCS1v15()
    # The salt is as long as the digest: RFC 8017, and KMS' documentation of RSASSA-PSS.
    return padding.PSS(padding.MGF1(_hash(algorithm)), salt_length=padding.PSS.DIGEST_LENGTH)
