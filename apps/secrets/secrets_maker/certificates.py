"""Certificates: the authority of the platform's services, and the certificates that it issues. No Kubernetes here.

Keys are ECDSA P-256 in PKCS#8 PEM, certificates PEM, stores PKCS#12 as a JVM reads them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ORGANIZATION = "kafkalogs"
CA_DAYS = 3650
"""How long the authority is valid. A renewal keeps its key, so the certificates that it issued stay valid."""
DAYS = 365
"""How long a service's certificate is valid, though never longer than its authority."""
RENEW = timedelta(days=30)
"""A certificate that is valid for less than this is renewed."""
SKEW = timedelta(minutes=5)
"""Certificates are valid from this long before now, for machines whose clocks are slow."""

_PURPOSES = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
"""Prometheus shows its certificate to Alertmanager, which answers nobody without one."""


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both PEM."""

    cert: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Pair(...)"  # a private key never gets into a log


def make_ca(common_name: str, moment: datetime, key: bytes | None = None) -> Pair:
    """A self-signed authority; with `key`, a renewal of the authority with this key."""
    private = _load_key(key) if key else ec.generate_private_key(ec.SECP256R1())
    name = _name(common_name)
    cert = (
        _builder(private, name, name, moment, moment + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(private, hashes.SHA256())
    )
    return Pair(cert.public_bytes(serialization.Encoding.PEM), _pem(private))


def issue(authority: Pair, common_name: str, hosts: Collection[str], moment: datetime) -> Pair:
    """A certificate for the TLS server `hosts` (DNS names), which it may also show to another server as a client."""
    private = ec.generate_private_key(ec.SECP256R1())
    signer, issuer = _load_key(authority.key), load(authority.cert)
    until = min(moment + timedelta(days=DAYS), issuer.not_valid_after_utc)
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in sorted(set(hosts))])
    cert = (
        _builder(private, _name(common_name), issuer.subject, moment, until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage(_PURPOSES), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(names, critical=False)
        .sign(signer, hashes.SHA256())
    )
    return Pair(cert.public_bytes(serialization.Encoding.PEM), _pem(private))


def ca_problem(authority: Pair, moment: datetime) -> str | None:
    """Why an authority must be renewed or replaced; None if it is valid."""
    try:
        if _load_key(authority.key).public_key() != load(authority.cert).public_key():
            return "its key is another's"
        return "it expires soon" if _due(load(authority.cert), moment) else None
    except (ValueError, TypeError):
        return "it cannot be read"


def problem(pair: Pair, authority: bytes, hosts: Collection[str], moment: datetime) -> str | None:
    """Why a service's certificate must be replaced; None if it is valid. authority: the CA's certificate."""
    try:
        cert = load(pair.cert)
        if _load_key(pair.key).public_key() != cert.public_key():
            return "its key is another's"
        cert.verify_directly_issued_by(load(authority))
        found = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        purposes = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except InvalidSignature:
        return "another authority signed it"
    except (ValueError, TypeError, x509.ExtensionNotFound):
        return "it cannot be read"
    if set(found.get_values_for_type(x509.DNSName)) != set(hosts):
        return "its hosts changed"
    if set(purposes) != set(_PURPOSES):
        return "it is for other purposes"
    return "it expires soon" if _due(cert, moment) else None


def stores_fit(pair: Pair, authority: bytes, keystore_: bytes, truststore_: bytes, password: bytes) -> bool:
    """Whether both stores open with the password, and hold this pair and this authority."""
    try:
        own = pkcs12.load_pkcs12(keystore_, password)
        trusted = pkcs12.load_pkcs12(truststore_, password)
    except ValueError:
        return False
    return (
        own.cert is not None
        and own.cert.certificate == load(pair.cert)
        and own.key is not None
        and cast(ec.EllipticCurvePrivateKey, own.key).public_key() == load(pair.cert).public_key()
        and [entry.certificate for entry in own.additional_certs] == [load(authority)]
        and [entry.certificate for entry in trusted.additional_certs] == [load(authority)]
    )


def keystore(pair: Pair, authority: bytes, name: str, password: bytes) -> bytes:
    """PKCS#12 store with the key, its certificate and the authority."""
    encryption = serialization.BestAvailableEncryption(password)
    return pkcs12.serialize_key_and_certificates(
        name.encode(), _load_key(pair.key), load(pair.cert), [load(authority)], encryption
    )


def truststore(authority: bytes, password: bytes) -> bytes:
    """PKCS#12 store with the authority, marked as trusted."""
    entry = pkcs12.PKCS12Certificate(load(authority), b"ca.crt")
    return pkcs12.serialize_java_truststore([entry], serialization.BestAvailableEncryption(password))


def load(pem: bytes) -> x509.Certificate:
    """The first certificate of a PEM text. Raises ValueError when there is none."""
    return x509.load_pem_x509_certificate(pem)


def _builder(
    private: ec.EllipticCurvePrivateKey, subject: x509.Name, issuer: x509.Name, moment: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - SKEW)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION)
    return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(**allowed: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=allowed.get("digital_signature", False),
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=allowed.get("key_cert_sign", False),
        crl_sign=allowed.get("crl_sign", False),
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not a key of an elliptic curve")
    return key


def _due(cert: x509.Certificate, moment: datetime) -> bool:
    return cert.not_valid_after_utc - moment < RENEW
