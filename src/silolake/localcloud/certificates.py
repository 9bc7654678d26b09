"""A certificate authority of the data directory's own, and the server's certificate from it."""

from __future__ import annotations

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = timedelta(days=825)
_RENEWED_BEFORE = timedelta(days=30)


def ensure(directory: Path) -> tuple[Path, Path]:
    """The server's certificate chain and its key, made where they are missing, damaged or soon to expire. Writes.

    ``ca.pem`` in the directory is what clients trust (``AWS_CA_BUNDLE``). The authority's own key is thrown away
    once it has signed, so nobody can make it sign another name.

    Args:
        directory: where ``ca.pem``, ``server.pem`` and ``server.key`` lie.
    """
    authority, chain, key = directory / "ca.pem", directory / "server.pem", directory / "server.key"
    if _fit(authority, chain, key):
        return chain, key
    authority_key = ec.generate_private_key(ec.SECP256R1())
    server_key = ec.generate_private_key(ec.SECP256R1())
    root = _authority(authority_key)
    leaf = _leaf(root, authority_key, server_key)
    pem = serialization.Encoding.PEM
    _write(key, server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    _write(chain, leaf.public_bytes(pem) + root.public_bytes(pem))
    _write(authority, root.public_bytes(pem))
    return chain, key


def _fit(authority: Path, chain: Path, key: Path) -> bool:
    """Whether the three belong together and last for a while."""
    try:
        (root,) = x509.load_pem_x509_certificates(authority.read_bytes())
        leaf, *above = x509.load_pem_x509_certificates(chain.read_bytes())
        held = serialization.load_pem_private_key(key.read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError):
        return False
    lasting = min(root.not_valid_after_utc, leaf.not_valid_after_utc) - datetime.now(UTC) > _RENEWED_BEFORE
    return lasting and above == [root] and held.public_key() == leaf.public_key()


def _write(path: Path, content: bytes) -> None:
    passing = path.with_suffix(path.suffix + ".new")
    with os.fdopen(os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    passing.replace(path)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _start(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
    )


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("silolake local cloud")
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    # The authority may speak for loopback alone, should its certificate ever be trusted more widely.
    loopback = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_network("127.0.0.0/8")),
        x509.IPAddress(ipaddress.ip_network("::1/128")),
    ]
    return (
        _start(name, name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.NameConstraints(permitted_subtrees=loopback, excluded_subtrees=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    root: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey, key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    names = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return (
        _start(_name("localhost"), root.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
