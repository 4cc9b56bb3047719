"""Certificates: the two authorities of a Kafka cluster, and what they issue. Nothing here talks to Kubernetes.

Keys are ECDSA P-256 in PKCS#8 PEM. Distinguished names have the order that Strimzi's have, so that Kafka
sees a node as `CN=<cluster>-kafka,O=io.strimzi` and a user as `CN=<name>`.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ORGANIZATION = "io.strimzi"
SKEW = timedelta(minutes=5)
"""Certificates are valid from this time before their creation, for machines whose clocks are behind."""


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both PEM."""

    cert: str
    key: str

    def __repr__(self) -> str:
        return "Pair(...)"  # a private key never gets into a log


def _name(common_name: str, organization: str | None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _load_key(pem: str) -> ec.EllipticCurvePrivateKey:
    return serialization.load_pem_private_key(pem.encode(), None)  # type: ignore[return-value]  # or RSA, same calls


def load(pem: str) -> x509.Certificate:
    """The first certificate of a PEM text. Raises ValueError when there is none."""
    return x509.load_pem_x509_certificate(pem.encode())


def _usage(**allowed: bool) -> x509.KeyUsage:
    names = [
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ]
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in names})


def make_ca(common_name: str, days: int, moment: datetime, key: str | None = None) -> Pair:
    """A self-signed authority; with `key` it renews an authority, and issued certificates stay valid."""
    private = _load_key(key) if key else ec.generate_private_key(ec.SECP256R1())
    name = _name(common_name, ORGANIZATION)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - SKEW)
        .not_valid_after(moment + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .sign(private, hashes.SHA256())
    )
    return Pair(cert.public_bytes(serialization.Encoding.PEM).decode(), _pem(private))


def issue(
    authority: Pair,
    common_name: str,
    days: int,
    moment: datetime,
    organization: str | None = None,
    names: Iterable[str] = (),
) -> Pair:
    """A certificate for a TLS server and client, for `names` (DNS names or IP addresses).

    Raises ValueError when the common name has more than the 64 characters that X.509 allows.
    """
    private = ec.generate_private_key(ec.SECP256R1())
    signer, issuer = _load_key(authority.key), load(authority.cert)
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common_name, organization))
        .issuer_name(issuer.subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - SKEW)
        .not_valid_after(moment + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()),  # type: ignore[arg-type]
            critical=False,
        )
    )
    if subjects := [_general_name(name) for name in sorted(set(names))]:
        builder = builder.add_extension(x509.SubjectAlternativeName(subjects), critical=False)
    cert = builder.sign(signer, hashes.SHA256())
    return Pair(cert.public_bytes(serialization.Encoding.PEM).decode(), _pem(private))


def _general_name(name: str) -> x509.GeneralName:
    """An IP address or a DNS name, for a certificate."""
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def subject_names(cert: str) -> set[str]:
    """The DNS names and IP addresses that a certificate is for."""
    try:
        found = load(cert).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return set(found.get_values_for_type(x509.DNSName)) | {
        str(address) for address in found.get_values_for_type(x509.IPAddress)
    }


def is_due(cert: str, renewal_days: int, moment: datetime) -> bool:
    """Whether fewer than `renewal_days` days of the certificate's validity are left."""
    return load(cert).not_valid_after_utc - moment < timedelta(days=renewal_days)


def is_issued_by(cert: str, authority: str) -> bool:
    """Whether the authority signed the certificate with its key and its present name."""
    try:
        load(cert).verify_directly_issued_by(load(authority))
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def is_pair(pair: Pair) -> bool:
    """Whether the key belongs to the certificate."""
    try:
        return _load_key(pair.key).public_key() == load(pair.cert).public_key()
    except (ValueError, TypeError):
        return False


def password(length: int = 32) -> str:
    """A random password of letters and digits (Strimzi's are 32 characters)."""
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(length))


def truststore(cert: str, secret: str) -> bytes:
    """PKCS#12 store that a JVM reads as truststore."""
    entry = pkcs12.PKCS12Certificate(load(cert), b"ca.crt")
    return pkcs12.serialize_java_truststore([entry], serialization.BestAvailableEncryption(secret.encode()))


def keystore(pair: Pair, authority: str, name: str, secret: str) -> bytes:
    """PKCS#12 store with the key, its certificate and the authority."""
    return pkcs12.serialize_key_and_certificates(
        name.encode(),
        _load_key(pair.key),
        load(pair.cert),
        [load(authority)],
        serialization.BestAvailableEncryption(secret.encode()),
    )
