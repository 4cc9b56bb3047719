"""The settings of Aiven's S3 sink, which writes unchanged records into gzipped objects.

They follow the sink's sources (https://github.com/Aiven-Open/cloud-storage-connectors-for-apache-kafka). No test runs
the sink.
"""

from typing import Any, Final

from ..config import units
from ..kube.resources import known
from .args import RawS3SinkArgs
from .connect import secret_value
from .heap import ConnectorLoad

PART: Final = 5 * units.MIB
"""The bytes of an upload that each open object holds in memory: the smallest part that S3 takes."""

BUFFER: Final = 60 * units.MIB
"""The bytes of records that a task buffers before it pauses its topics and writes; fixed in the sink."""


def raw_config(args: RawS3SinkArgs) -> dict[str, Any]:
    """The settings of Aiven's S3 sink; `None` removes a setting that the other sinks have.

    Values pass as bytes. The format csv, with the value as its only field and no encoding, writes these bytes with a
    line feed between two records. The format jsonl would write bytes as base64, and would change JSON that it parses.
    """
    config: dict[str, Any] = {
        "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
        "value.converter.max.bytes": None,
        "format.output.type": "csv",
        "format.output.fields": "value",
        "format.output.fields.value.encoding": "none",
        "file.compression.type": "gzip",
        # Only the position in Kafka is in the name, and there is no limit of records: so an object that is written
        # again replaces the earlier one. The offset is padded, so that names sort like offsets.
        "file.name.template": known(args.prefix) + "{{topic}}/{{partition}}/{{start_offset:padding=true}}.jsonl.gz",
        "aws.s3.bucket.name": known(args.bucket),
        "aws.s3.region": known(args.region),
        "aws.s3.part.size.bytes": PART,
        # Up to two minutes without S3 before a task fails, which is then restarted; below max.poll.interval.ms.
        "aws.s3.backoff.delay.ms": 500,
        "aws.s3.backoff.max.delay.ms": 10 * units.SECOND,
        "aws.s3.backoff.max.retries": 15,
    }
    if endpoint := known(args.endpoint):
        config["aws.s3.endpoint"] = endpoint
    if credentials := known(args.credentials):
        config["aws.access.key.id"] = secret_value(credentials, "username")
        config["aws.secret.access.key"] = secret_value(credentials, "password")
    return config


def raw_load(tasks: int, partitions: int) -> ConnectorLoad:
    """What its tasks hold in the heap of the workers: buffered records, and a part of each partition's object."""
    return ConnectorLoad(tasks=tasks, partitions=partitions, task_bytes=BUFFER, partition_bytes=PART)
