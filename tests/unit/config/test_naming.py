import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafkalogs.config import naming

SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


@given(st.from_regex(r"[a-zA-Z0-9._-]{1,100}", fullmatch=True))
def test_every_topic_gets_a_name_that_kubernetes_takes(topic):
    assert SUBDOMAIN.fullmatch(naming.resource_name(topic))


@pytest.mark.parametrize("topic", ["logs.checkout-service", "errors.critical", "a"])
def test_a_name_that_kubernetes_takes_stays(topic):
    assert naming.resource_name(topic) == topic


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Checkout", "not a name Kubernetes takes"),
        ("check_out", "not a name Kubernetes takes"),
        ("-checkout", "not a name Kubernetes takes"),
        ("checkout.service", "not a name Kubernetes takes"),
        ("", "not a name Kubernetes takes"),
        ("é", "not a name Kubernetes takes"),
        ("x" * 64, "64 characters long; use at most 63"),
        ("team-security", "identities of teams"),
        ("logs-kafka-0", "the Kafka cluster's own"),
    ],
)
def test_service_names_refused(name, problem):
    assert problem in (naming.service_problem(name, "logs") or "")


@pytest.mark.parametrize("name", ["checkout-service", "a", "x" * 63, "0nline", "logs"])
def test_service_names_taken(name):
    assert naming.service_problem(name, "logs") is None


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("..", "not a topic"),
        ("a b", "not a topic"),
        ("x" * 250, "at most 249"),
        ("__logs", "Kafka's own"),
        ("", "not a"),
    ],
)
def test_topic_names_refused(name, problem):
    assert problem in (naming.topic_problem(name) or "")


def test_dot_and_underscore_are_the_same_in_metrics():
    assert naming.metric_name("logs.a_b") == naming.metric_name("logs_a.b")


def test_identities_and_groups():
    assert naming.team_user("security") == "team-security"
    assert naming.group_prefix("security") == "security."
    assert naming.bootstrap("logs", "kafkalogs", 9093) == "logs-kafka-bootstrap.kafkalogs.svc:9093"
