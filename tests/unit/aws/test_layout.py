"""How the archive lies in its bucket: classes are folders, and nothing that a table knows is hidden or removed."""

import re
from typing import Any

import pytest
from kafkalogs.aws import archive_layout as layout

CLASSES = {"logs.shop": "application", "logs.access": "access", "logs.audit": "audit", "logs.platform": "application"}
# Storage classes whose objects are read without being restored first.
AT_ONCE = {"STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"}


@pytest.fixture
def rules() -> dict[str, dict[str, Any]]:
    return {rule["id"]: rule for rule in layout.lifecycle_rules("logs", ["access", "application", "audit", "fraud"])}


def file_of(kind: str, path: str = "logs") -> str:
    """As Iceberg names a data file: <table>/data/<partition>/<file>, the partition in the order of the spec."""
    fields = layout.sink_settings(CLASSES)["iceberg.tables.default-partition-by"].split(",")
    assert fields == ["retention_class", "day(timestamp)", "service"]
    home = f"{path}/events" if path else "events"
    return f"{home}/data/retention_class={kind}/timestamp_day=2026-11-23/service=shop/00000-1-x.parquet"


@pytest.mark.parametrize("path", ["logs", "", "a/b"])
def test_the_files_of_a_class_are_those_of_its_rule(path: str) -> None:
    for rule in layout.lifecycle_rules(path, ["access", "audit"])[:-1]:
        kind = rule["id"].removeprefix("colder-")
        assert file_of(kind, path).startswith(rule["filter"]["prefix"])
        assert not file_of(f"{kind}-2", path).startswith(rule["filter"]["prefix"])


def test_what_a_table_knows_is_never_removed_and_answers_at_once(rules: dict[str, dict[str, Any]]) -> None:
    for rule in rules.values():
        assert "days" not in rule.get("expiration", {})
        assert {step["storage_class"] for step in rule.get("transitions", ())} <= AT_ONCE


def test_each_class_gets_colder_and_metadata_does_not(rules: dict[str, dict[str, Any]]) -> None:
    assert set(rules) == {"colder-access", "colder-application", "colder-audit", "colder-fraud", "versions"}
    assert rules["colder-audit"]["transitions"] == [{"days": 30, "storage_class": "GLACIER_IR"}]
    assert rules["colder-fraud"]["transitions"] == rules["colder-application"]["transitions"]
    assert not [r for r in rules.values() if "transitions" in r and "/data/" not in r["filter"]["prefix"]]


def test_steps_are_ones_that_s3_takes(rules: dict[str, dict[str, Any]]) -> None:
    for rule in rules.values():
        days = [step["days"] for step in rule.get("transitions", ())]
        assert all(later - sooner >= 30 for sooner, later in zip([0, *days], days, strict=False))
        for step in rule.get("noncurrent_version_transitions", ()):
            expiry = rules["versions"]["noncurrent_version_expiration"]["noncurrent_days"]
            # what is charged for at least
            assert expiry - step["noncurrent_days"] >= 180


def test_dead_versions_and_broken_uploads_go(rules: dict[str, dict[str, Any]]) -> None:
    last = rules["versions"]
    assert last["filter"] == {"prefix": ""}
    assert last["expiration"] == {"expired_object_delete_marker": True}
    assert last["abort_incomplete_multipart_upload"] == {"days_after_initiation": 7}


def test_each_topic_gets_exactly_its_class() -> None:
    settings = layout.sink_settings({**CLASSES, "logs.audit2": "application", "logsXaudit": "access"})
    transforms = settings["transforms"].split(",")
    assert transforms == ["origin", "class-access", "class-application", "class-audit"]
    for topic, kind in {**CLASSES, "logs.audit2": "application", "logsXaudit": "access"}.items():
        given = [
            settings[f"transforms.{name}.static.value"]
            for name in transforms[1:]
            if re.fullmatch(settings[f"predicates.{settings[f'transforms.{name}.predicate']}.pattern"], topic)
        ]
        assert given == [kind], topic
    assert set(settings["predicates"].split(",")) == {"is-access", "is-application", "is-audit"}


def test_the_first_transformation_is_the_sinks_own() -> None:
    from kafkalogs.sinks.args import S3SinkArgs
    from kafkalogs.sinks.settings import archive_config

    about = {"namespace": "n", "cluster": "logs", "connect": "connect", "topics": ["logs.a"]}
    own = archive_config("archive", S3SinkArgs(**about, warehouse="s3://b/logs", catalog="glue"))
    merged = {**own, **layout.sink_settings(CLASSES)}
    assert merged["transforms"].split(",")[0] == own["transforms"] == "origin"
    assert merged["iceberg.catalog.type"] == "glue"
    assert "iceberg.catalog.s3.endpoint" not in merged
    # An object with a lock is refused without one.
    assert merged["iceberg.catalog.s3.checksum-enabled"] is True
