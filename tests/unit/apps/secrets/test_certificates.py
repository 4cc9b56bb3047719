"""What the authority issues, and when it is issued anew."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID
from secrets_maker import certificates
from secrets_maker.certificates import (
    Pair,
    ca_problem,
    issue,
    keystore,
    load,
    make_ca,
    problem,
    stores_fit,
    truststore,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
HOSTS = ["s3", "s3.logs.svc", "localhost"]
CA = make_ca("platform-ca", NOW)
PAIR = issue(CA, "s3", HOSTS, NOW)


def verify(pair: Pair, authority: bytes, host: str, moment: datetime) -> None:
    store = verification.Store([load(authority)])
    verification.PolicyBuilder().store(store).time(moment).build_server_verifier(x509.DNSName(host)).verify(
        load(pair.cert), []
    )


@pytest.mark.parametrize("host", HOSTS)
def test_a_client_accepts_the_certificate_for_each_host(host):
    verify(PAIR, CA.cert, host, NOW)


def test_a_client_refuses_other_hosts_other_authorities_and_other_times():
    for host, authority, moment in [
        ("s4", CA.cert, NOW),
        ("s3", make_ca("platform-ca", NOW).cert, NOW),
        ("s3", CA.cert, NOW + timedelta(days=366)),
    ]:
        with pytest.raises(verification.VerificationError):
            verify(PAIR, authority, host, moment)


def test_keys_are_p_256():
    for pair in (CA, PAIR):
        key = load_pem_private_key(pair.key, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert key.curve.name == "secp256r1"


def test_a_certificate_is_no_authority():
    constraints = load(PAIR.cert).extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not constraints.ca


def test_a_certificate_does_not_outlive_its_authority():
    late = issue(CA, "s3", HOSTS, NOW + timedelta(days=3600))
    assert load(late.cert).not_valid_after_utc == load(CA.cert).not_valid_after_utc


def test_a_renewed_authority_vouches_for_what_the_old_one_issued():
    renewed = make_ca("platform-ca", NOW + timedelta(days=300), CA.key)
    assert renewed.cert != CA.cert
    verify(PAIR, renewed.cert, "s3", NOW + timedelta(days=301))


@pytest.mark.parametrize(
    ("pair", "hosts", "days", "expected"),
    [
        (PAIR, HOSTS, 0, None),
        (PAIR, HOSTS, 334, None),
        (PAIR, HOSTS, 336, "it expires soon"),
        (PAIR, [*HOSTS, "more"], 0, "its hosts changed"),
        (PAIR, HOSTS[:2], 0, "its hosts changed"),
        (Pair(PAIR.cert, CA.key), HOSTS, 0, "its key is another's"),
        (Pair(b"", b""), HOSTS, 0, "it cannot be read"),
        (issue(make_ca("platform-ca", NOW), "s3", HOSTS, NOW), HOSTS, 0, "another authority signed it"),
    ],
)
def test_when_a_certificate_fits(pair, hosts, days, expected):
    assert problem(pair, CA.cert, hosts, NOW + timedelta(days=days)) == expected


@pytest.mark.parametrize(
    ("authority", "days", "expected"),
    [
        (CA, 3600, None),
        (CA, 3640, "it expires soon"),
        (Pair(CA.cert, PAIR.key), 0, "its key is another's"),
        (Pair(CA.cert, b"?"), 0, "it cannot be read"),
    ],
)
def test_when_an_authority_fits(authority, days, expected):
    assert ca_problem(authority, NOW + timedelta(days=days)) == expected


def test_stores_hold_the_pair_and_the_authority():
    key, trust = keystore(PAIR, CA.cert, "s3", b"secret"), truststore(CA.cert, b"secret")
    assert stores_fit(PAIR, CA.cert, key, trust, b"secret")
    own = pkcs12.load_pkcs12(key, b"secret")
    assert own.cert is not None
    assert own.cert.friendly_name == b"s3"
    other = issue(CA, "s3", HOSTS, NOW)
    assert not stores_fit(PAIR, CA.cert, key, trust, b"other")
    assert not stores_fit(other, CA.cert, key, trust, b"secret")
    assert not stores_fit(PAIR, make_ca("x", NOW).cert, key, trust, b"secret")
    assert not stores_fit(PAIR, CA.cert, key, truststore(other.cert, b"secret"), b"secret")
    assert not stores_fit(PAIR, CA.cert, key, b"", b"secret")


def test_a_key_is_not_in_a_printed_pair():
    assert "PRIVATE" not in repr(PAIR)


def test_a_certificate_is_for_servers_and_for_clients():
    verifier = verification.PolicyBuilder().store(verification.Store([load(CA.cert)])).time(NOW).build_client_verifier()
    verifier.verify(load(PAIR.cert), [])


def test_a_certificate_for_servers_only_is_made_anew(monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(certificates, "_PURPOSES", (ExtendedKeyUsageOID.SERVER_AUTH,))
        old = issue(CA, "s3", HOSTS, NOW)
    assert problem(old, CA.cert, HOSTS, NOW) == "it is for other purposes"
    assert problem(PAIR, CA.cert, HOSTS, NOW) is None
