"""The service catalog: what the Job is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kafkalogs.stream.args import FlinkJobArgs
from kafkalogs.stream.services import TOPIC, catalog_manifests


def manifests(**services: Any) -> dict[str, Any]:
    return catalog_manifests(FlinkJobArgs("n", "logs", "flink:1", "catalog:1", "", services))


def test_the_catalog_is_a_line_for_each_service_and_another_one_is_another_job() -> None:
    made = manifests(b={"team": "y"}, a={"team": "x", "tier": 1})
    assert [json.loads(line) for line in made["ConfigMap"]["data"]["services.json"].splitlines()] == [
        {"service": "a", "team": "x", "tier": 1},
        {"service": "b", "team": "y", "tier": None},
    ]
    name = made["Job"]["metadata"]["name"]
    assert made["ConfigMap"]["metadata"]["name"] == name
    volumes = made["Job"]["spec"]["template"]["spec"]["volumes"]
    assert {"name": "catalog", "configMap": {"name": name}} in volumes
    assert manifests(a={"team": "x", "tier": 1}, b={"team": "y"}) == made
    assert manifests(a={"team": "x", "tier": 2}, b={"team": "y"})["Job"]["metadata"]["name"] != name


def test_what_the_job_mounts_is_where_its_settings_say(tmp_path: Path) -> None:
    container = manifests()["Job"]["spec"]["template"]["spec"]["containers"][0]
    folders = {mount["mountPath"] for mount in container["volumeMounts"]}
    env = {item["name"]: item["value"] for item in container["env"]}
    assert env["KAFKA_USER"] in folders
    assert all(str(Path(env[name]).parent) in folders for name in ("KAFKA_CA", "CATALOG_FILE"))
    assert env["CATALOG_TOPIC"] == TOPIC
