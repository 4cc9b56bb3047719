"""Certificates that the embedded operator issues: chains, names, renewal, stores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.verification import PolicyBuilder, Store
from embedded_operator.kafka import ca
from embedded_operator.kafka.authorities import is_good
from embedded_operator.kafka.spec import Authority
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> ca.Pair:
    return ca.make_ca("cluster-ca v0", 365, NOW)


def test_a_server_certificate_verifies_against_its_authority_under_strict_rules(authority: ca.Pair) -> None:
    names = {"logs-kafka-0.logs-kafka-brokers.kafkalogs.svc", "localhost", "127.0.0.1"}
    leaf = ca.issue(authority, "logs-kafka", 365, NOW, ca.ORGANIZATION, names)
    store = Store([ca.load(authority.cert)])
    verifier = PolicyBuilder().store(store).time(NOW).build_server_verifier(x509.DNSName("localhost"))
    chain = verifier.verify(ca.load(leaf.cert), [])
    assert len(chain) == 2
    assert ca.subject_names(leaf.cert) == names
    assert ca.is_pair(leaf)
    # the order that Kafka reads as the principal of the nodes
    assert ca.load(leaf.cert).subject.rfc4514_string() == "CN=logs-kafka,O=io.strimzi"


def test_a_user_is_its_common_name_and_nothing_else(authority: ca.Pair) -> None:
    leaf = ca.issue(authority, "checkout-service", 365, NOW)
    assert ca.load(leaf.cert).subject.rfc4514_string() == "CN=checkout-service"
    assert ca.subject_names(leaf.cert) == set()


def test_another_authority_of_the_same_name_has_not_issued_it(authority: ca.Pair) -> None:
    leaf = ca.issue(authority, "a", 365, NOW)
    other = ca.make_ca("cluster-ca v0", 365, NOW)
    assert ca.is_issued_by(leaf.cert, authority.cert)
    assert not ca.is_issued_by(leaf.cert, other.cert)


def test_renewing_an_authority_keeps_what_it_issued_valid(authority: ca.Pair) -> None:
    leaf = ca.issue(authority, "a", 365, NOW)
    renewed = ca.make_ca("cluster-ca v0", 365, NOW + timedelta(days=340), authority.key)
    assert renewed.cert != authority.cert
    assert renewed.key == authority.key
    assert ca.is_issued_by(leaf.cert, renewed.cert)


@settings(max_examples=30, deadline=None)
@given(validity=st.integers(2, 3650), renewal=st.integers(1, 3650), age=st.integers(0, 4000))
def test_renewal_is_due_exactly_in_the_last_days(validity: int, renewal: int, age: int) -> None:
    cert = ca.make_ca("x", validity, NOW).cert
    assert ca.is_due(cert, renewal, NOW + timedelta(days=age)) == (validity - age < renewal)


def test_stores_open_with_their_password_only(authority: ca.Pair) -> None:
    leaf = ca.issue(authority, "checkout-service", 365, NOW)
    store = ca.keystore(leaf, authority.cert, "checkout-service", "secret")
    loaded = pkcs12.load_pkcs12(store, b"secret")
    assert loaded.cert
    assert loaded.cert.certificate == ca.load(leaf.cert)
    assert [item.certificate for item in loaded.additional_certs] == [ca.load(authority.cert)]
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_pkcs12(store, b"wrong")
    trusted = pkcs12.load_pkcs12(ca.truststore(authority.cert, "secret"), b"secret")
    assert [item.certificate for item in trusted.additional_certs] == [ca.load(authority.cert)]


def test_a_node_certificate_is_replaced_when_a_name_is_missing_or_time_is_up(authority: ca.Pair) -> None:
    policy = Authority(validity=365, renewal=30)
    leaf = ca.issue(authority, "logs-kafka", 365, NOW, ca.ORGANIZATION, {"a", "b"})
    assert is_good(leaf, authority, policy, {"a", "b"}, NOW)
    assert not is_good(leaf, authority, policy, {"a", "b", "c"}, NOW)
    assert not is_good(leaf, authority, policy, {"a", "b"}, NOW + timedelta(days=336))
    assert not is_good(ca.Pair(leaf.cert, authority.key), authority, policy, {"a", "b"}, NOW)
    assert not is_good(ca.Pair("no certificate", leaf.key), authority, policy, {"a", "b"}, NOW)


def test_private_keys_do_not_show(authority: ca.Pair) -> None:
    assert "PRIVATE" not in repr(authority)


def test_a_name_of_more_than_64_characters_is_refused(authority: ca.Pair) -> None:
    with pytest.raises(ValueError, match="64"):
        ca.issue(authority, "x" * 65, 365, NOW)
