"""How the archive lies in its bucket, and what follows: when which files get colder, and what nobody may delete.

An Iceberg table is one folder, and S3's life cycle knows folders only. So on AWS the table's first partition is the
retention class of the topic: `<warehouse>/events/data/retention_class=audit/timestamp_day=.../service=...`. A class is
then a folder. Pure; docs/aws.md says why each is so.
"""

from collections.abc import Mapping
from typing import Any, Final

CLASS_COLUMN: Final = "retention_class"
"""The column with the retention class of the topic that an event came by."""

TABLE: Final = "events"
"""The name of the table."""

COLDER: Final[Mapping[str, tuple[tuple[int, str], ...]]] = {
    "access": ((30, "STANDARD_IA"), (90, "GLACIER_IR")),
    "application": ((30, "STANDARD_IA"), (90, "GLACIER_IR")),
    "audit": ((30, "GLACIER_IR"),),
    "errors": ((30, "STANDARD_IA"), (180, "GLACIER_IR")),
}
"""After how many days the files of a retention class move to which storage class of S3. Only those that answer at once:
Iceberg's readers know nothing of restoring, and fail on a file in Glacier's other classes."""

DEFAULT_COLDER: Final = COLDER["application"]
"""Of retention classes that a stack adds."""

_DEAD_DAYS: Final = 30
_GONE_DAYS: Final = 210
"""A version that no table knows any more goes to the coldest class, which answers after hours, and is removed when it
has been there for the half year that is charged anyway, and when no lock holds it."""

_UPLOAD_DAYS: Final = 7
"""After so many days an upload that nobody ended is thrown away."""


def table_path(path: str) -> str:
    """The folder of the table in the bucket. path: of the warehouse; the catalog's database points to it."""
    return f"{path}/{TABLE}" if path else TABLE


def class_prefix(path: str, kind: str) -> str:
    """What the names of a retention class's files begin with."""
    return f"{table_path(path)}/data/{CLASS_COLUMN}={kind}/"


def lifecycle_rules(path: str, kinds: list[str]) -> list[dict[str, Any]]:
    """The rules of the archive's bucket, as `BucketLifecycleConfiguration` takes them.

    None removes a file that a table knows: that is for the table's own deletion, by which a file becomes a version that
    nothing refers to. Table metadata stays where it is: it is small, often read and soon replaced.
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
    """The rules of the bucket with the stream job's state: what was deleted by mistake can be had back for a week."""
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
    """The rules of the bucket with the access logs, which are kept for so many days."""
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
    """What the archive's connector needs for this, beside its own settings. classes: the class of each topic.

    Kafka Connect puts the class in by the topic, so a replayed record is filed like the first. A lock takes no upload
    without a checksum. Metadata is packed: each commit writes all of it, and the lock keeps every one.
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
