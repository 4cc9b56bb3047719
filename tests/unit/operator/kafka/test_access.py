"""KafkaUser: ACLs, quotas, Secrets, and what is left of users that are gone."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from embedded_operator.kafka import acls, ca, users
from embedded_operator.kafka.acls import Acl
from embedded_operator.kafka.spec import Authority
from embedded_operator.kafka.users import Changes, Grants, InvalidUserError
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ACLS = st.sets(
    st.builds(
        Acl,
        resource_type=st.sampled_from([2, 3]),
        name=st.sampled_from("ab"),
        pattern=st.sampled_from([3, 4]),
        host=st.just("*"),
        operation=st.integers(3, 5),
        permission=st.sampled_from([2, 3]),
    )
)


def user(name: str = "checkout-service", authentication: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    if authentication is not None:
        spec["authentication"] = authentication
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaUser",
        "metadata": {"name": name, "namespace": "kafkalogs", "uid": "u", "labels": {"strimzi.io/cluster": "logs"}},
        "spec": spec,
    }


def rule(**resource: str) -> dict[str, Any]:
    return {"resource": resource, "operations": ["Read", "Describe"]}


@given(wanted=ACLS, present=ACLS)
def test_the_difference_leads_from_what_is_to_exactly_what_is_wanted(wanted: set[Acl], present: set[Acl]) -> None:
    add, remove = acls.difference(wanted, present)
    assert (present - remove) | add == wanted
    assert not add & present
    assert remove <= present
    assert acls.difference(wanted, wanted) == (set(), set())


def test_a_rule_becomes_one_acl_per_operation() -> None:
    found = acls.parse([{**rule(type="topic", name="logs.", patternType="prefix"), "host": "10.0.0.1"}])
    assert found == {Acl(2, "logs.", 4, "10.0.0.1", 3, 3), Acl(2, "logs.", 4, "10.0.0.1", 8, 3)}
    assert acls.parse([{**rule(type="cluster"), "type": "deny"}]) == {
        Acl(4, "kafka-cluster", 3, "*", 3, 2),
        Acl(4, "kafka-cluster", 3, "*", 8, 2),
    }


def test_a_rule_without_a_name_says_which() -> None:
    with pytest.raises(ValueError, match=r"acls\[1\]\.resource\.name"):
        acls.parse([rule(type="topic", name="a"), rule(type="group")])


@pytest.mark.parametrize(
    ("authentication", "principal"),
    [("tls", "CN=checkout-service"), ("tls-external", "CN=checkout-service"), ("scram-sha-512", "checkout-service")],
)
def test_a_principal_follows_from_the_authentication(authentication: str, principal: str) -> None:
    assert users.parse(user(authentication={"type": authentication}), True).principal == principal


def test_a_long_name_fits_scram_but_no_certificate() -> None:
    assert users.parse(user("x" * 65, {"type": "scram-sha-512"}), True)
    with pytest.raises(InvalidUserError, match="64"):
        users.parse(user("x" * 65, {"type": "tls"}), True)


def test_acls_need_a_cluster_with_authorization() -> None:
    asked = user(
        authentication={"type": "tls"}, authorization={"type": "simple", "acls": [rule(type="topic", name="a")]}
    )
    with pytest.raises(InvalidUserError, match="authorization"):
        users.parse(asked, False)


def test_quotas_are_set_changed_and_removed_and_foreign_ones_stay() -> None:
    wanted = users.parse(
        user(authentication={"type": "tls"}, quotas={"producerByteRate": 10, "requestPercentage": 5}), True
    )
    present = Grants(
        {}, {wanted.principal: {"producer_byte_rate": 7.0, "consumer_byte_rate": 1.0, "other": 2.0}}, set()
    )
    changes = Changes()
    users.compare(wanted, present, changes)
    assert changes.quotas == {
        wanted.principal: {"producer_byte_rate": 10.0, "request_percentage": 5.0, "consumer_byte_rate": None}
    }
    again = Changes()
    users.compare(wanted, Grants({}, {wanted.principal: wanted.quotas}, set()), again)
    assert again == Changes()


def test_who_has_no_kafkauser_loses_everything_but_wildcards_and_internals_stay() -> None:
    acl = Acl(2, "a", 3, "*", 3, 3)
    present = Grants(
        acls={"CN=gone": {acl}, "*": {acl}, "ANONYMOUS": {acl}, "CN=logs-kafka,O=io.strimzi": {acl}},
        quotas={"old": {"producer_byte_rate": 1.0}},
        scram={"old", "here"},
    )
    gone = users.leftovers(present, {"here"}, {"CN=logs-kafka,O=io.strimzi"})
    assert [one.principal for one in gone] == ["CN=gone", "old"]
    changes = Changes()
    for one in gone:
        users.compare(one, present, changes)
    assert changes == Changes(remove=[("CN=gone", acl)], quotas={"old": {"producer_byte_rate": None}}, forget=["old"])


def test_changing_the_way_to_authenticate_moves_everything_to_the_new_principal() -> None:
    acl = Acl(2, "a", 3, "*", 3, 3)
    now = users.parse(user(authentication={"type": "tls"}), True)
    gone = users.leftovers(Grants({"checkout-service": {acl}}, {}, {"checkout-service"}), {now.principal}, set())
    assert [one.principal for one in gone] == ["checkout-service"]


class TestSecret:
    authority = ca.make_ca("clients-ca v0", 365, NOW)
    policy = Authority(validity=365, renewal=30)

    def make(self, resource: dict[str, Any], present: dict[str, Any] | None, moment: datetime = NOW) -> dict[str, Any]:
        made, _ = users.secret(
            resource, present, self.authority, self.policy, moment, lambda name, key: f"{name}/{key}"
        )
        assert made
        return made

    def test_a_certificate_stays_until_its_renewal(self) -> None:
        first = self.make(user(authentication={"type": "tls"}), None)
        assert first["data"].keys() == {"ca.crt", "user.crt", "user.key", "user.p12", "user.password"}
        assert base64.b64decode(first["data"]["ca.crt"]).decode() == self.authority.cert
        assert self.make(user(authentication={"type": "tls"}), first, NOW + timedelta(days=300)) == first
        renewed = self.make(user(authentication={"type": "tls"}), first, NOW + timedelta(days=336))
        assert renewed["data"]["user.crt"] != first["data"]["user.crt"]
        assert renewed["data"]["user.password"] == first["data"]["user.password"]

    def test_a_users_own_validity_counts(self) -> None:
        resource = user(authentication={"type": "tls", "validityDays": 10, "renewalDays": 5})
        cert = base64.b64decode(self.make(resource, None)["data"]["user.crt"]).decode()
        assert ca.load(cert).not_valid_after_utc == NOW + timedelta(days=10)

    def test_a_certificate_of_a_former_authority_is_replaced(self) -> None:
        first = self.make(user(authentication={"type": "tls"}), None)
        other = ca.make_ca("clients-ca v0", 365, NOW)
        made, _ = users.secret(user(authentication={"type": "tls"}), first, other, self.policy, NOW, lambda *_: "")
        assert made
        cert = base64.b64decode(made["data"]["user.crt"]).decode()
        assert ca.is_issued_by(cert, other.cert)

    def test_a_password_stays_and_can_be_the_users_own(self) -> None:
        resource = user(authentication={"type": "scram-sha-512"})
        first = self.make(resource, None)
        assert first["data"].keys() == {"password", "sasl.jaas.config"}
        assert self.make(resource, first) == first
        own = user(
            authentication={
                "type": "scram-sha-512",
                "password": {"valueFrom": {"secretKeyRef": {"name": "mine", "key": "pw"}}},
            }
        )
        made, password = users.secret(own, first, self.authority, self.policy, NOW, lambda name, key: f"{name}/{key}")
        assert password == "mine/pw"
        assert made
        assert 'password="mine/pw";' in base64.b64decode(made["data"]["sasl.jaas.config"]).decode()

    def test_an_external_certificate_has_no_secret(self) -> None:
        resource = user(authentication={"type": "tls-external"})
        assert users.secret(resource, None, self.authority, self.policy, NOW, lambda *_: "") == (None, None)
