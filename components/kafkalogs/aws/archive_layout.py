"""The archive's layout in its bucket, and the rules based on it: which files move to colder storage, and when.

An Iceberg table is one folder, and S3's lifecycle rules select files by folder. So on AWS the table's first partition
is the retention class of the topic: `<warehouse>/events/data/retention_class=audit/timestamp_day=.../service=...`. Each
class is then a folder. Pure functions; docs/aws.md gives the reasons.
"""

from collections.abc import Mapping
from typing import Any, Final

CLASS_COLUMN: Final = "retention_class"
"""The column with the retention class of an event's topic."""

TABLE: Final = "events"
"""The name of the table."""

COLDER: Final[Mapping[str, tuple[tuple[int, str], ...]]] = {
    "access": ((30, "STANDARD_IA"), (90, "GLACIER_IR")),
    "application": ((30, "STANDARD_IA"), (90, "GLACIER_IR")),
    "audit": ((30, "GLACIER_IR"),),
    "errors": ((30, "STANDARD_IA"), (180, "GLACIER_IR")),
}
"""After how many days the files of a retention class move to which storage class of S3. Only classes with instant
access: Iceberg's readers cannot restore files, and fail on a file in Glacier's other classes."""

DEFAULT_COLDER: Final = COLDER["application"]
"""For retention classes that a stack adds."""

_DEAD_DAYS: Final = 30
_GONE_DAYS: Final = 210
"""A version that no table refers to any more moves to the coldest class, which needs hours to restore. S3 deletes the
version after the half year there that AWS charges in any case, and when no lock holds it."""

_UPLOAD_DAYS: Final = 7
"""After so many days S3 deletes an unfinished upload."""


def table_path(path: str) -> str:
    """The folder of the table in the bucket. path: the warehouse, to which the catalog's database points."""
    return f"{path}/{TABLE}" if path else TABLE


def class_prefix(path: str, kind: str) -> str:
    """The prefix of the names of a retention class's files."""
    return f"{table_path(path)}/data/{CLASS_COLUMN}={kind}/"


def lifecycle_rules(path: str, kinds: list[str]) -> list[dict[str, Any]]:
    """The rules of the archive's bucket, as `BucketLifecycleConfiguration` takes them.

    No rule deletes a file that a table refers to. Only the table deletes its files; a deleted file becomes a version
    that nothing refers to. Table metadata stays in its storage class: it is small, often read and soon replaced.
    """
    dead = {"noncurrent_days": _DEAD_DAYS, "storage_class": "DEEP_ARCHIVE"}
    rules: list[dict[str, Any]] = [
        {
            "id": f"colder-{kind}",
            "status": "Enabled",
            "filter": {"prefix": class_prefix(path, kind)},
            "transitions": [
                {"days": days, "storage_class": colder} for days, colder in COLDER.get(kind, DEFAULT_COLDER)
            ],
            "noncurrent_version_transitions": [dead],
        }
        for kind in sorted(kinds)
    ]
    return [
        *rules,
        {
            "id": "versions",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "noncurrent_version_expiration": {"noncurrent_days": _GONE_DAYS},
            "expiration": {"expired_object_delete_marker": True},
            "abort_incomplete_multipart_upload": {"days_after_initiation": _UPLOAD_DAYS},
        },
    ]


def state_rules() -> list[dict[str, Any]]:
    """The rules of the bucket with the stream job's state: a file deleted by mistake can be restored for a week."""
    return [
        {
            "id": "versions",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "noncurrent_version_expiration": {"noncurrent_days": _UPLOAD_DAYS},
            "expiration": {"expired_object_delete_marker": True},
            "abort_incomplete_multipart_upload": {"days_after_initiation": _UPLOAD_DAYS},
        }
    ]


def log_rules(days: int) -> list[dict[str, Any]]:
    """The rules of the bucket with the access logs. days: how long the logs are kept."""
    return [
        {
            "id": "access-logs",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "expiration": {"days": days},
            "noncurrent_version_expiration": {"noncurrent_days": _UPLOAD_DAYS},
            "abort_incomplete_multipart_upload": {"days_after_initiation": _UPLOAD_DAYS},
        }
    ]


def sink_settings(classes: Mapping[str, str]) -> dict[str, Any]:
    """The further settings of the archive's connector for this layout. classes: the class of each topic.

    Kafka Connect sets the class by the topic, so a replayed record has the same class as the first. A locked bucket
    refuses uploads without a checksum. Metadata is compressed: each commit writes all of it, and the lock keeps all.
    """
    by_kind: dict[str, list[str]] = {}
    for topic, kind in sorted(classes.items()):
        by_kind.setdefault(kind, []).append(topic.replace(".", r"\."))
    settings: dict[str, Any] = {
        "iceberg.tables.default-partition-by": f"{CLASS_COLUMN},day(timestamp),service",
        "iceberg.tables.auto-create-props.write.metadata.compression-codec": "gzip",
        "iceberg.catalog.s3.checksum-enabled": True,
        "transforms": ",".join(["origin", *(f"class-{kind}" for kind in sorted(by_kind))]),
        "predicates": ",".join(f"is-{kind}" for kind in sorted(by_kind)),
    }
    for kind, topics in sorted(by_kind.items()):
        settings |= {
            f"transforms.class-{kind}.type": "org.apache.kafka.connect.transforms.InsertField$Value",
            f"transforms.class-{kind}.static.field": CLASS_COLUMN,
            f"transforms.class-{kind}.static.value": kind,
            f"transforms.class-{kind}.predicate": f"is-{kind}",
            f"predicates.is-{kind}.type": "org.apache.kafka.connect.transforms.predicates.TopicNameMatches",
            f"predicates.is-{kind}.pattern": "|".join(topics),
        }
    return settings
