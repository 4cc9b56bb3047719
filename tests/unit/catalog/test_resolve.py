from kafkalogs import load
from kafkalogs.catalog import resolve as catalog
from kafkalogs.config import sizing, units

from tests.support.stack import VALID, changed


def resolved(*changes):
    platform = load(changed(*changes))
    return platform, catalog.resolve(platform)


def test_topics_of_each_layout():
    _, found = resolved()
    assert set(found.topics) == {
        *("logs.checkout-service", "logs.auth-service", "logs.audit", "logs.access"),
        *("logs.debug", "logs.info", "logs.warning", "logs.error", "logs.critical"),
    }
    assert found.writers["auth-service"].topics == {"application": "logs.auth-service", "audit": "logs.audit"}
    assert found.writers["nginx"].topics == {"access": "logs.access"}
    assert found.writers["mailer"].topics["critical"] == "logs.critical"


def test_retention_follows_the_class_unless_the_service_or_the_topic_says_otherwise():
    _, found = resolved(("topics.logs/audit.retention", "30d"))
    assert found.topics["logs.checkout-service"].retention_ms == 12 * units.HOUR  # the stack's class
    assert found.topics["logs.error"].retention_ms == 14 * units.DAY  # the default of errors
    assert found.topics["logs.info"].retention_ms == 12 * units.HOUR
    assert found.topics["logs.access"].retention_ms == 6 * units.HOUR  # its only writer's
    assert found.topics["logs.audit"].retention_ms == 30 * units.DAY  # the topic's own


def test_a_further_class_is_a_further_type():
    _, found = resolved(("retention.slow-queries", "2h"), ("services.nginx.types", ["access", "slow-queries"]))
    assert found.topics["logs.slow-queries"].retention_class == "slow-queries"


def test_settings_of_a_service_with_an_own_topic_stay_there():
    _, found = resolved(("services.auth-service.retention", "1h"), ("services.auth-service.partitionBy", "user_id"))
    assert found.topics["logs.auth-service"].retention_ms == units.HOUR
    assert found.topics["logs.auth-service"].partition_by == "user_id"
    assert found.topics["logs.audit"].retention_ms == 7 * units.DAY
    assert found.topics["logs.audit"].partition_by == "instance_id"


def test_writers_of_a_shared_topic_add_up_and_agree():
    cdn = {"team": "edge", "rate": "30MiB/s", "types": ["access"], "partitionBy": "trace_id"}
    raw = changed(("services.cdn", cdn), ("kafka.pools.kafka.storage.size", "4TiB"))
    found = catalog.resolve(load(raw))
    access = found.topics["logs.access"]
    assert access.writers == ("nginx", "cdn")
    assert access.partition_by == "trace_id"
    assert access.partitions == sizing.partitions_for(30 * units.MIB + 500 * units.KIB, 3) == 9


def test_explicit_partitions_are_kept_and_the_quota_follows_the_busiest_broker():
    _, found = resolved(("services.checkout-service.partitions", 4))
    assert found.topics["logs.checkout-service"].partitions == 4
    assert found.writers["checkout-service"].quota == sizing.quota_per_broker(200 * units.KIB, [2 / 4])


def test_few_instances_need_more_of_the_rate_on_one_broker():
    _, many = resolved()
    _, one = resolved(("services.nginx.instances", 1))
    assert many.writers["nginx"].quota == sizing.quota_per_broker(500 * units.KIB, [1 / 3])
    assert one.writers["nginx"].quota == sizing.quota_per_broker(500 * units.KIB, [1])
    _, keyed = resolved(("services.checkout-service.instances", 1))
    assert keyed.writers["checkout-service"].quota == many.writers["checkout-service"].quota, "keyed by trace"


def test_readers():
    _, found = resolved()
    security = found.readers["security"]
    assert (security.user, security.group_prefix) == ("team-security", "security.")
    assert (security.topics, security.prefixes) == (("logs.audit",), ("logs.",))
    assert security.quota == sizing.quota_per_broker(10 * units.MIB, [1 / 3])
    assert found.readers["edge"].quota is None


def test_disk_needs_take_the_longest_retention_of_each_service():
    platform, found = resolved()
    needs = {need.name: need for need in catalog.disk_needs(platform, found.topics)}
    assert needs["auth-service"].retention == 7 * units.DAY
    assert needs["nginx"].retention == 6 * units.HOUR
    assert all(need.copies == 3 for need in needs.values())


def test_document_is_what_programs_on_the_platform_read():
    platform, found = resolved()
    document = catalog.document(platform, found)
    assert document["bootstrap"] == "logs-kafka-bootstrap.kafkalogs.svc:9093"
    assert document["external"] == "localhost:32090"
    assert document["topics"]["logs.audit"] == {
        "partitions": 3,
        "replicas": 3,
        "minInsyncReplicas": 2,
        "retentionMs": 7 * units.DAY,
        "maxMessageBytes": units.MIB,
        "compression": "producer",
        "partitionBy": "instance_id",
        "retentionClass": "audit",
    }
    assert document["services"]["checkout-service"] == {
        "team": "payments",
        "user": "checkout-service",
        "layout": "service",
        "topics": {"application": "logs.checkout-service"},
        "bytesPerSecond": 200 * units.KIB,
    }
    assert document["teams"]["security"] == {
        "user": "team-security",
        "groupPrefix": "security.",
        "topics": ["logs.audit"],
        "prefixes": ["logs."],
    }
    assert document["services"].keys() == VALID["services"].keys()
