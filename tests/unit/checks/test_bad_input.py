"""Every mistake in a stack file gets a line with its path, its value and the remedy, all of them at once."""

import pulumi
import pytest
from kafkalogs import ConfigError, load

from tests.support.stack import REMOVED, VALID, changed

SERVICE = "services.checkout-service"

# what is changed, and the whole line that the person sees (its beginning, where it goes on)
BAD = [
    ([("operatr", "x")], "operatr: 'x': unknown key; did you mean operator?"),
    ([(f"{SERVICE}.retenton", "1h")], f"{SERVICE}.retenton: '1h': unknown key; did you mean retention?"),
    ([(f"{SERVICE}.zzz", 1)], f"{SERVICE}.zzz: 1: unknown key; known are instances, layout,"),
    ([("operator", "confluent")], "operator: 'confluent': unknown value; write strimzi, embedded or auto"),
    ([("protect", "yes")], "protect: 'yes': not true or false"),
    ([("services", ["nginx"])], 'services: ["nginx"]: not a mapping'),
    ([(SERVICE, None)], f"{SERVICE}: null: not a mapping; write keys with values below it"),
    ([(f"{SERVICE}.team", REMOVED)], f"{SERVICE}.team: missing"),
    ([(f"{SERVICE}.rate", REMOVED)], f"{SERVICE}.rate: missing"),
    ([(f"{SERVICE}.rate", "2MiB")], f"{SERVICE}.rate: '2MiB': not a rate; write bytes per second"),
    ([(f"{SERVICE}.rate", 2048)], f"{SERVICE}.rate: 2048: not a rate; write bytes per second"),
    ([(f"{SERVICE}.rate", "0B/s")], f"{SERVICE}.rate: '0B/s': a rate must be more than zero; write"),
    ([(f"{SERVICE}.rate", "-1MiB/s")], f"{SERVICE}.rate: '-1MiB/s': a rate must be more than zero; write"),
    (
        [("services.nginx.retention", "24 parsecs")],
        "services.nginx.retention: '24 parsecs': not a duration; write a number and s, m, h or d, like 24h",
    ),
    ([("retention.audit", "1y")], "retention.audit: '1y': not a duration"),
    (
        [(f"{SERVICE}.partitionBy", "session_id")],
        f"{SERVICE}.partitionBy: 'session_id': unknown value; write trace_id, instance_id or user_id",
    ),
    ([(f"{SERVICE}.partitions", 0)], f"{SERVICE}.partitions: 0: too small; write at least 1"),
    ([(f"{SERVICE}.partitions", "3")], f"{SERVICE}.partitions: '3': not a whole number"),
    ([(f"{SERVICE}.layout", "host")], f"{SERVICE}.layout: 'host': unknown value; write service, type or level"),
    (
        [("services.nginx.types", ["acess"]), ("teams.edge", REMOVED)],
        "services.nginx.types.0: 'acess': no retention class of this name; did you mean access?",
    ),
    ([("services.nginx.types", [])], "services.nginx.types: []: empty; write at least one entry"),
    ([("services.nginx.types", ["access", "access"])], 'services.nginx.types: ["access", "access"]: a type twice'),
    ([("services.mailer.types", ["audit"])], 'services.mailer.types: ["audit"]: layout level has no types'),
    ([("services.nginx.topic", "web")], "services.nginx.topic: 'web': layout type has no topic of its own"),
    ([("services.Check_Out", VALID["services"]["mailer"])], "services.Check_Out: 'Check_Out': not a name Kubernetes"),
    ([(f"services.{'x' * 64}", VALID["services"]["mailer"])], f"services.{'x' * 64}: '{'x' * 64}': 64 characters long"),
    ([("services.team-a", VALID["services"]["mailer"])], "services.team-a: 'team-a': names that begin with team-"),
    ([("services.logs-x", VALID["services"]["mailer"])], "services.logs-x: 'logs-x': names that begin with logs-"),
    ([(f"{SERVICE}.team", "Pay Team")], f"{SERVICE}.team: 'Pay Team': not a name Kubernetes takes"),
    ([("teams.Security", {"reads": ["logs.*"]})], "teams.Security: 'Security': not a name Kubernetes takes"),
    ([("namespace", "my.logs")], "namespace: 'my.logs': not a name Kubernetes takes"),
    ([("kafka.name", "x" * 33)], f"kafka.name: '{'x' * 33}': 33 characters long; use at most 32"),
    ([(f"{SERVICE}.topic", "logs checkout")], f"{SERVICE}.topic: 'logs checkout': not a topic name Kafka takes"),
    ([(f"{SERVICE}.topic", "x" * 250)], f"{SERVICE}.topic: '{'x' * 80}"[:80]),
    (
        [("services.b", {"team": "x", "rate": "1KiB/s", "topic": "logs.checkout-service"})],
        "services.b.topic: 'logs.checkout-service': the service checkout-service already writes to it",
    ),
    (
        [("services.audit", {"team": "x", "rate": "1KiB/s"})],
        "services.audit: 'logs.audit': the topic that auth-service share",
    ),
    (
        [
            ("services.a", {"team": "x", "rate": "1KiB/s", "topic": "logs.a.b"}),
            ("services.b", {"team": "x", "rate": "1KiB/s", "topic": "logs.a_b"}),
        ],
        "services.b: 'logs.a_b': this topic and logs.a.b differ only in '.' and '_'",
    ),
    (
        [("services.b", {"team": "x", "rate": "1KiB/s", "topic": "logs.Checkout-Service"})],
        "services.b: 'logs.Checkout-Service': this topic and logs.checkout-service get the same name in Kubernetes",
    ),
    (
        [("services.cdn", {"team": "edge", "rate": "1KiB/s", "types": ["access"], "retention": "7h"})],
        "services.cdn.retention: '7h': its writers ask for different values: nginx 6h and cdn 7h; "
        "set topics.logs.access.retention for all of them",
    ),
    (
        [
            ("services.cdn", {"team": "edge", "rate": "1KiB/s", "types": ["access"], "partitionBy": "user_id"}),
            ("services.nginx.partitionBy", "trace_id"),
        ],
        "services.cdn.partitionBy: 'user_id': its writers ask for different values: nginx trace_id and cdn user_id",
    ),
    (
        [("topics.logs/acces", {})],
        "topics.logs.acces: 'logs.acces': no service writes to it; did you mean logs.access?",
    ),
    (
        [("topics.logs/checkout-service", {})],
        "topics.logs.checkout-service: 'logs.checkout-service': this topic is checkout-service's own",
    ),
    ([("kafka.replicationFactor", 5)], "kafka.replicationFactor: 5: more copies than the 3 brokers; add brokers or"),
    ([("kafka.minInSyncReplicas", 3)], "kafka.minInSyncReplicas: 3: not below replicationFactor 3,"),
    ([("kafka.replicationFactor", 0)], "kafka.replicationFactor: 0: too small; write at least 1"),
    ([("kafka.pools.kafka.replicas", 4)], "kafka.pools: 4: an even number of controllers"),
    ([("kafka.pools.kafka.roles", ["controller"])], 'kafka.pools: ["kafka"]: no pool has the role broker'),
    ([("kafka.pools.kafka.roles", ["broker"])], 'kafka.pools: ["kafka"]: no pool has the role controller'),
    ([("kafka.pools.kafka.roles", ["boker"])], "kafka.pools.kafka.roles.0: 'boker': unknown value; write controller"),
    ([("kafka.pools.kafka.memory", "1Gb")], "kafka.pools.kafka.memory: '1Gb': not a size; write a number and"),
    ([("kafka.pools.kafka.memory", "100Mi")], "kafka.pools.kafka.memory: '100Mi': too little for a Kafka node"),
    (
        [("kafka.pools.kafka.cpuLimit", "100m")],
        "kafka.pools.kafka.cpuLimit: '100m': below what the pool requests, 500m",
    ),
    ([("kafka.pools.kafka.storage.type", "nfs")], "kafka.pools.kafka.storage.type: 'nfs': unknown value; write"),
    (
        [("kafka.pools.Kafka_1", {"roles": ["broker"], "replicas": 1, "storage": {"size": "100Gi"}})],
        "kafka.pools.Kafka_1: 'Kafka_1': not a name",
    ),
    ([("kafka.external.port", 9092)], "kafka.external.port: 9092: too small; write at least 30000"),
    ([("kafka.external.port", 32766)], "kafka.external.port: 32766: the 3 brokers take the ports up to 32769"),
    ([("kafka.config", {"ssl.client.auth": "none"})], "kafka.config.ssl.client.auth: 'none': the operator sets this"),
    (
        [
            ("stream", {}),
            ("services.mailer.layout", "service"),
            ("kafka.config", {"transaction.max.timeout.ms": 900000}),
        ],
        "kafka.config.transaction.max.timeout.ms: 900000: the stream job's transactions last up to 21600000",
    ),
    ([("kafka.config", {"auto.create.topics.enable": True})], "kafka.config.auto.create.topics.enable: true: topics"),
    (
        [("teams.security.reads", ["logs.audt"])],
        "teams.security.reads.0: 'logs.audt': no service writes to this topic; did you mean logs.audit?",
    ),
    ([("teams.security.reads", ["metrics.*"])], "teams.security.reads.0: 'metrics.*': no topic begins like this;"),
    ([("teams.security.reads", ["*"])], "teams.security.reads.0: '*': not a topic or prefix"),
    ([("teams.security.reads", ["logs.*.x"])], "teams.security.reads.0: 'logs.*.x': not a topic or prefix"),
    ([("teams.security.reads", [])], "teams.security.reads: []: empty; write at least one entry"),
    ([("shop.rate", float("inf"))], "shop.rate: Infinity: not a finite number"),
    ([("shop.rate", 0)], "shop.rate: 0: too small; write more than 0"),
    (
        [("services.nginx.rate", "50MiB/s")],
        "services: '3.6 TiB': all topics need 3.6 TiB on disk, but the brokers have 3 x 100.0 GiB x 0.85 = 255.0 GiB "
        "for logs. Rate x (retention + segment) x copies: nginx 50MiB/s x (6h + 42m) x 3 = 3.5 TiB",
    ),
]


@pytest.mark.parametrize(("changes", "line"), BAD, ids=[line[:60] for _, line in BAD])
def test_bad_input(changes, line):
    with pytest.raises(ConfigError) as error:
        load(changed(*changes))
    lines = [text.strip() for text in str(error.value).splitlines()[1:]]
    assert [t for t in lines if t.startswith(f"kafkalogs:platform.{line}")], f"{line!r} is not in {lines}"
    assert len(lines) == 1, f"consequences of one mistake are not further problems: {lines}"
    assert ";" in lines[0], "no remedy"


@pytest.mark.parametrize("raw", [[], "services", None, 3])
def test_a_configuration_that_is_no_mapping(raw):
    with pytest.raises(ConfigError, match=r"kafkalogs:platform: .*: not a mapping; write keys"):
        load(raw)


def test_the_valid_configuration_is_valid():
    assert load(VALID).services["nginx"].rate == 500 * 1024


def test_all_problems_are_reported_together_whatever_their_kind():
    config = changed(
        ("operatr", "x"),
        ("services.nginx.retention", "24 parsecs"),
        (f"{SERVICE}.rate", "0B/s"),
        ("services.Bad_Name", {"team": "x", "rate": "1KiB/s"}),
        ("kafka.replicationFactor", 7),
        ("kafka.minInSyncReplicas", 7),
        ("teams.security.reads", ["logs.nothing"]),
        ("kafka.pools.kafka.memory", "lots"),
    )
    with pytest.raises(ConfigError) as error:
        load(config)
    assert len(error.value.problems) == 8
    assert str(error.value).startswith("8 problems in the stack's configuration:\n")


def test_checks_leave_out_what_a_broken_value_would_mislead():
    """The disk check needs every rate; the check of names does not."""
    config = changed((f"{SERVICE}.rate", "fast"), ("services.nginx.rate", "50MiB/s"), ("namespace", "A"))
    with pytest.raises(ConfigError) as error:
        load(config)
    assert [problem.path for problem in error.value.problems] == [
        ("services", "checkout-service", "rate"),
        ("namespace",),
    ]


def test_pulumi_shows_the_text_alone():
    assert issubclass(ConfigError, pulumi.RunError)


def test_one_broker_alone_may_have_one_copy():
    single = [("kafka.pools.kafka.replicas", 1), ("kafka.replicationFactor", 1), ("kafka.minInSyncReplicas", 1)]
    assert load(changed(*single)).brokers() == 1


def test_configuration_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        load(VALID).namespace = "other"  # type: ignore[misc]
