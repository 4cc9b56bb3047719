"""The sink for raw objects: records as they are, in objects named by their place in Kafka, without a secret in it."""

import json
import re

import pulumi
from kafkalogs.sinks.args import RawS3SinkArgs
from kafkalogs.sinks.connect import SECRETS
from kafkalogs.sinks.connectors import RawS3Sink, raw_manifest
from kafkalogs.sinks.heap import heap_bytes
from kafkalogs.sinks.raw import PART, raw_load
from kafkalogs.sinks.record import RAW

from tests.support.crd_schema import problems

from .recorded import Recorded

GIVEN = {
    "bucket": "raw-logs",
    "region": "eu-central-1",
    "prefix": "raw/",
    "endpoint": "https://s3.example.com",
    "credentials": "s3-credentials",
}
TOPICS = ["logs.a", "logs.b"]


def manifest(further: dict | None = None, **more) -> dict:
    common = {"namespace": "ns", "cluster": "logs", "connect": "connect", "topics": TOPICS, "tasks": 2}
    return raw_manifest("raw", RawS3SinkArgs(**common, **{**GIVEN, **more}, config=further))


def config(further: dict | None = None) -> dict:
    return manifest(further)["spec"]["config"]


def test_the_raw_connector_is_valid():
    assert problems(manifest()) == []
    assert manifest()["spec"]["class"] == "io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector"


def test_a_raw_record_is_one_line_of_its_own_bytes():
    given = config()
    for key in ("key.converter", "value.converter", "header.converter"):
        assert given[key] == "org.apache.kafka.connect.converters.ByteArrayConverter"
    output = {key: value for key, value in given.items() if key.startswith("format.output")}
    # jsonl would write bytes as base64, and so would csv without this encoding
    assert output == {
        "format.output.type": "csv",
        "format.output.fields": "value",
        "format.output.fields.value.encoding": "none",
    }
    assert given["file.compression.type"] == "gzip"


def test_no_setting_is_left_of_a_converter_that_raw_records_do_not_pass():
    assert not [key for key in config() if key.startswith("value.converter.")]
    assert None not in config().values()


def test_a_raw_object_written_again_has_the_same_name():
    name = config()["file.name.template"]
    assert name == "raw/{{topic}}/{{partition}}/{{start_offset:padding=true}}.jsonl.gz"
    assert not [key for key in config() if key.startswith("file.max") or key == "aws.s3.prefix"]


def test_raw_records_that_fail_before_the_sink_go_to_its_own_dead_letter_topic():
    given = config()
    assert given["errors.tolerance"] == "all"
    assert given["errors.deadletterqueue.topic.name"] == "dlq.raw"
    assert given["errors.deadletterqueue.topic.replication.factor"] == 3
    assert given["consumer.override.auto.offset.reset"] == "earliest"
    assert given["topics"] == "logs.a,logs.b"


def test_no_secret_stands_in_the_raw_connector():
    secrets = {key: value for key, value in config().items() if re.search(r"access\.key", key)}
    assert secrets == {
        "aws.access.key.id": f"${{dir:{SECRETS}/s3-credentials:username}}",
        "aws.secret.access.key": f"${{dir:{SECRETS}/s3-credentials:password}}",
    }


def test_raw_objects_on_aws_take_what_aws_gives():
    given = manifest(endpoint=None, credentials=None)["spec"]["config"]
    assert not [key for key in given if "endpoint" in key or "access" in key]
    assert (given["aws.s3.bucket.name"], given["aws.s3.region"]) == ("raw-logs", "eu-central-1")


def test_the_raw_sink_waits_for_s3_less_than_kafka_waits_for_it():
    given = config()
    retries, longest = given["aws.s3.backoff.max.retries"], given["aws.s3.backoff.max.delay.ms"]
    assert 1 <= retries <= 30  # what the sink takes
    waits = [min(longest, given["aws.s3.backoff.delay.ms"] * 2**i) for i in range(retries)]
    assert 60_000 < sum(waits) < 300_000


def test_what_a_caller_of_the_raw_sink_adds_wins():
    assert config({"file.compression.type": "zstd"})["file.compression.type"] == "zstd"
    assert "aws.s3.endpoint" not in config({"aws.s3.endpoint": None})


def test_the_heap_has_room_for_a_part_of_each_raw_object():
    more = heap_bytes([raw_load(1, 60)], 2) - heap_bytes([raw_load(1, 10)], 2)
    assert more >= 50 * PART == 50 * config()["aws.s3.part.size.bytes"]


@pulumi.runtime.test
def test_the_raw_sink_makes_its_dead_letter_topic_and_its_connector():
    recorded = Recorded()
    pulumi.runtime.set_mocks(recorded)
    args = RawS3SinkArgs(
        namespace="ns", cluster="logs", connect="raw", topics=TOPICS, bucket="raw-logs", credentials="s3-credentials"
    )
    raw = RawS3Sink("raw-objects", args)

    def check(known):
        assert known == ["raw-objects", "dlq.raw"]
        kinds = {name: made.typ.rpartition(":")[2] for name, made in recorded.made.items()}
        assert kinds == {"raw-objects": "KafkaConnector", "raw-objects-dead-letters": "KafkaTopic"}
        inputs = recorded.made["raw-objects"].inputs
        assert inputs["spec"]["class"] == RAW
        assert inputs["metadata"]["labels"]["strimzi.io/cluster"] == "raw"
        assert inputs["spec"]["config"]["file.name.template"].startswith("{{topic}}/")
        assert "s3-credentials:password" in json.dumps(inputs)

    return pulumi.Output.all(raw.connector, raw.dead_letters).apply(check)
