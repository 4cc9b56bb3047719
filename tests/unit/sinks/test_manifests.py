"""The sinks' resources: valid by Strimzi's definitions, every record accounted for, no secret in them."""

import json
import re
from dataclasses import replace

import pulumi
import pytest
from kafkalogs.client import logevent
from kafkalogs.kafka.topic import topic_manifest
from kafkalogs.kube.resources import Manifest
from kafkalogs.sinks import record
from kafkalogs.sinks.args import JdbcSinkArgs, S3SinkArgs, SearchSinkArgs
from kafkalogs.sinks.connect import SECRETS
from kafkalogs.sinks.connectors import JdbcSink, S3Sink, archive_manifest, database_manifest, search_manifest
from kafkalogs.sinks.record import SEARCH_SINK
from kafkalogs.sinks.settings import (
    BULK_BYTES,
    MAINTENANCE_BYTES,
    MAX_EVENT,
    ROW_GROUP,
    archive_load,
    data_stream,
    database_load,
    jdbc_url,
    search_load,
)

from embedded.build.images.connect import SOURCES
from tests.support.crd_schema import problems

from .recorded import Recorded

COMMON = {
    "namespace": "ns",
    "cluster": "logs",
    "connect": "connect",
    "topics": ["logs.a", "logs.b"],
    "tasks": 2,
}
ARCHIVE = {
    "warehouse": "s3://archive",
    "database": "postgres:5432/kafkalogs",
    "database_credentials": "postgres-credentials",
    "endpoint": "https://s3:7070",
    "credentials": "s3-credentials",
    "ca_secret": "platform-ca",
    "database_ca_secret": "platform-ca",
    "commit_interval_ms": 60_000,
}
SEARCH = {
    "url": "https://elasticsearch:9200",
    "streams": {"logs.b": "logs-audit-default", "logs.a": "logs-application-default"},
    "credentials": "search-sink-credentials",
    "ca_secret": "platform-ca",
}
AUDIT = {"database": "postgres:5432/kafkalogs", "credentials": "postgres-credentials", "ca_secret": "platform-ca"}
BUILD = {
    "archive": lambda **more: archive_manifest("archive", S3SinkArgs(**COMMON, **{**ARCHIVE, **more})),
    "search": lambda **more: search_manifest("search", SearchSinkArgs(**COMMON, **{**SEARCH, **more})),
    "audit": lambda **more: database_manifest("audit", JdbcSinkArgs(**COMMON, **{**AUDIT, **more})),
}
OWN = list(BUILD)


def manifest(name: str, **further) -> Manifest:
    return BUILD[name](config=further or None)


def archive_config(**more) -> dict:
    return BUILD["archive"](**more)["spec"]["config"]


def dead_letters() -> Manifest:
    return topic_manifest("ns", "logs", record.dead_letters("dlq.archive", 3, 2, 2**20))


def control() -> Manifest:
    return topic_manifest("ns", "logs", record.control("archive.control", 3, 2))


def config(name: str) -> dict:
    return manifest(name)["spec"]["config"]


@pytest.mark.parametrize("name", OWN)
def test_connectors_are_valid(name):
    assert problems(manifest(name)) == []


@pytest.mark.parametrize("build", [dead_letters, control])
def test_topics_are_valid_and_replicated(build):
    made = build()
    assert problems(made) == []
    assert made["spec"]["replicas"] == 3
    assert made["spec"]["config"]["min.insync.replicas"] == 2


@pytest.mark.parametrize("name", OWN)
def test_what_fails_goes_to_the_sinks_own_dead_letter_topic_with_the_reason(name):
    given = config(name)
    assert given["errors.tolerance"] == "all"
    assert given["errors.deadletterqueue.topic.name"] == f"dlq.{name}"
    assert given["errors.deadletterqueue.topic.replication.factor"] == 3
    assert given["errors.deadletterqueue.context.headers.enable"] is True
    assert given["errors.log.enable"] is False


@pytest.mark.parametrize("name", OWN)
def test_all_sinks_refuse_the_same_records(name):
    given = config(name)
    assert given["value.converter"] == "kafkalogs.events.LogEventConverter"
    assert given["value.converter.max.bytes"] == MAX_EVENT < 900_000
    # what cannot fail
    assert given["key.converter"].endswith("ByteArrayConverter")
    assert given["header.converter"].endswith("ByteArrayConverter")


@pytest.mark.parametrize("name", OWN)
def test_a_new_sink_begins_with_the_oldest_record(name):
    assert config(name)["consumer.override.auto.offset.reset"] == "earliest"


def test_a_dead_letter_topic_takes_the_largest_record_of_any_age():
    letters = dead_letters()["spec"]["config"]
    assert 1024 * 1024 < letters["max.message.bytes"] <= config("archive")["producer.override.max.request.size"]
    assert letters["message.timestamp.type"] == "LogAppendTime"


def test_nothing_of_the_control_topic_is_ever_deleted():
    config = control()["spec"]["config"]
    assert (config["retention.ms"], config["retention.bytes"], config["cleanup.policy"]) == (-1, -1, "delete")


def test_what_the_archive_names_itself_is_what_its_identity_may_use():
    given = config("archive")
    for key in ("iceberg.control.group-id-prefix", "iceberg.coordinator.transactional.prefix"):
        assert given[key].startswith("connect-archive-")
    assert given["iceberg.kafka.auto.offset.reset"] == "earliest"


@pytest.mark.parametrize("name", OWN)
def test_no_secret_stands_in_a_connector(name):
    secrets = {key: value for key, value in config(name).items() if re.search(r"password|user(name)?$|access-key", key)}
    assert secrets
    for value in secrets.values():
        assert re.fullmatch(rf"\$\{{dir:{SECRETS}/[a-z0-9-]+-credentials:(username|password)\}}", value)


def test_every_connection_is_verified():
    assert config("archive")["iceberg.catalog.s3.endpoint"].startswith("https://")
    assert config("archive")["iceberg.catalog.kafkalogs.s3.ca.path"] == f"{SECRETS}/platform-ca/ca.crt"
    assert config("search")["search.tls.ca.path"] == f"{SECRETS}/platform-ca/ca.crt"
    url = f"jdbc:postgresql://postgres:5432/kafkalogs?sslmode=verify-full&sslrootcert={SECRETS}/platform-ca/ca.crt"
    assert config("audit")["connection.url"] == config("archive")["iceberg.catalog.uri"] == url
    assert "sslmode=verify-full" in jdbc_url("db:5432/x", None)


def test_the_archives_database_and_its_s3_server_have_authorities_of_their_own():
    given = archive_config(ca_secret=None, database_ca_secret="rds-ca")
    assert given["iceberg.catalog.uri"].endswith(f"?sslmode=verify-full&sslrootcert={SECRETS}/rds-ca/ca.crt")
    assert "iceberg.catalog.s3.client-factory-impl" not in given, "Iceberg's own clients trust public authorities"
    given = archive_config(ca_secret="store-ca", database_ca_secret=None)
    assert given["iceberg.catalog.kafkalogs.s3.ca.path"] == f"{SECRETS}/store-ca/ca.crt"
    assert given["iceberg.catalog.uri"].endswith(
        "?sslmode=verify-full&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory"
    )


def test_an_archive_on_aws_takes_what_aws_gives():
    on_aws = {"catalog": "glue", "endpoint": None, "credentials": None, "ca_secret": None, "database_ca_secret": None}
    given = archive_config(**on_aws, database=None, database_credentials=None)
    assert given["iceberg.catalog.type"] == "glue"
    assert not [key for key in given if "jdbc" in key or "endpoint" in key or "access-key" in key or "factory" in key]


def test_a_catalog_needs_what_it_needs():
    with pytest.raises(ValueError, match="jdbc with a database"):
        archive_config(database=None)
    with pytest.raises(ValueError, match="'hive'"):
        archive_config(catalog="hive")


def test_a_row_belongs_to_its_place_in_kafka_and_its_content():
    given = config("audit")
    assert (given["primary.key.mode"], given["insert.mode"]) == ("record_value", "upsert")
    key = given["primary.key.fields"].split(",")
    assert key == [f"__connect_{part}" for part in ("topic", "partition", "offset", "digest")]
    assert (SOURCES / "src" / f"{given['transforms.key.type'].replace('.', '/')}.java").is_file()
    assert given["delete.enabled"] is False
    assert given["value.converter.postgresql"] is True
    assert "value.converter.postgresql" not in {**config("archive"), **config("search")}


def test_the_archive_bounds_what_its_open_files_hold():
    given = archive_config(open_file_bytes=99)
    assert given["iceberg.catalog.kafkalogs.open-files.bytes"] == 99
    java = "".join(path.read_text() for path in SOURCES.rglob("PartitionedAppendWriter.java"))
    assert '"kafkalogs.open-files.bytes"' in java
    assert f"FULL = {ROW_GROUP >> 20}L << 20" in java
    assert given["iceberg.tables.auto-create-props.write.parquet.row-group-size-bytes"] == ROW_GROUP
    checks = [value for key, value in given.items() if "row-group-check" in key]
    assert checks == [10, 10]
    assert checks[0] * MAX_EVENT < ROW_GROUP


@pytest.mark.parametrize("name", OWN)
def test_a_poll_is_bounded_by_the_largest_event(name):
    assert config(name)["consumer.override.max.poll.records"] * MAX_EVENT <= 32 * 1024 * 1024


def test_the_search_sink_knows_how_many_records_a_whole_poll_has():
    assert config("search")["search.poll.records"] == config("search")["consumer.override.max.poll.records"]


def test_each_topic_has_its_data_stream():
    assert config("search")["search.streams"] == "logs.a=logs-application-default,logs.b=logs-audit-default"
    assert data_stream("audit") == "logs-audit-default"


def test_the_settings_of_our_own_plugins_are_those_that_they_know():
    java = "".join(path.read_text() for path in SOURCES.rglob("*.java"))
    names = {key for key in config("search") if key.startswith("search.")} | {"max.bytes", "postgresql", "services"}
    assert {name for name in names if f'"{name}"' not in java} == set()
    for class_ in (SEARCH_SINK, config("search")["value.converter"], "kafkalogs.archive.S3Clients"):
        assert (SOURCES / "src" / f"{class_.replace('.', '/')}.java").is_file()
    assert all(f'"{level}"' in java for level in logevent.LEVELS)


@pytest.mark.parametrize("name", OWN)
def test_the_converter_knows_who_may_write_each_topic(name):
    given = BUILD[name](writers={"logs.b": ["*"], "logs.a": ["shop", "auth"]})["spec"]["config"]
    assert given["value.converter.services"] == "logs.a=auth|shop,logs.b=*"
    assert "value.converter.services" not in config(name)


@pytest.mark.parametrize(
    "writers", [{"logs.a": ["a,b"]}, {"logs.a": ["a|b"]}, {"logs=a": ["a"]}, {"a": [""]}, {"a": []}]
)
def test_writers_that_would_allow_others_are_refused(writers):
    with pytest.raises(ValueError, match="writers: "):
        BUILD["archive"](writers=writers)


def test_what_a_caller_adds_wins():
    assert manifest("audit", **{"batch.size": 9})["spec"]["config"]["batch.size"] == 9


def test_loads_grow_with_what_is_open():
    def open_files(tasks: int, services: int) -> int:
        return archive_load(tasks, 30, services).task_bytes - MAINTENANCE_BYTES

    assert open_files(1, 14) * 2 == open_files(1, 28)
    assert open_files(1, 1) == open_files(1, 4), "a small stack has room for some days"
    assert open_files(2, 14) * 2 == open_files(1, 14)
    assert search_load(1, 30).task_bytes >= BULK_BYTES
    assert database_load(1, 3).partitions == 3


@pulumi.runtime.test
def test_components_make_their_topics_and_their_connector():
    recorded = Recorded()
    pulumi.runtime.set_mocks(recorded)
    common = {"namespace": "ns", "cluster": "logs", "connect": "connect", "topics": ["logs.a"], "ca_secret": "ca"}
    about = {"database": "postgres:5432/kafkalogs"}
    archive = S3Sink(
        "archive", S3SinkArgs(**common, **about, warehouse="s3://a", database_credentials="pg", endpoint="https://s3")
    )
    audit = JdbcSink("audit", JdbcSinkArgs(**common, **about, credentials="pg"))

    def check(known):
        assert known == ["archive", "dlq.archive", "audit", "dlq.audit"]
        kinds = {name: args.typ for name, args in recorded.made.items()}
        assert kinds["archive-control"] == kinds["audit-dead-letters"] == "kubernetes:kafka.strimzi.io/v1:KafkaTopic"
        assert "pg:password" in json.dumps(recorded.made["audit"].inputs)

    outputs = (archive.connector, archive.dead_letters, audit.connector, audit.dead_letters)
    return pulumi.Output.all(*outputs).apply(check)


def test_an_archive_without_a_database_is_refused_before_anything_is_made():
    args = S3SinkArgs(namespace="ns", cluster="logs", connect="c", topics=[], warehouse="s3://a")
    with pytest.raises(pulumi.RunError, match="database"):
        S3Sink("archive", args)
    with pytest.raises(pulumi.RunError, match="'hive'"):
        S3Sink("archive", replace(args, catalog="hive"))
