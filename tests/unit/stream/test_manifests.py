"""The script and the manifests of the stream job."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from jinja2 import UndefinedError
from kafkalogs.kafka.identity import user_manifest
from kafkalogs.stream import manifests
from kafkalogs.stream import script as stream_script
from kafkalogs.stream.args import FlinkJobArgs
from kafkalogs.stream.record import OUTPUTS, TOPICS, stream_user
from kafkalogs.stream.script import sampled_below

from embedded.build.flink_crds import flink_crds

JOBS = Path(__file__).resolve().parents[3] / "jobs"
TEMPLATE = "\n".join((JOBS / name).read_text() for name in ("macros.sql", "tables.sql", "logs.sql"))


def script(**changes: Any) -> str:
    return manifests.script_manifest(job_args(**changes))["data"]["job.sql"]


def job_args(**changes: Any) -> FlinkJobArgs:
    about = ("kafkalogs", "logs", "flink:1", "catalog:1")
    return FlinkJobArgs(*about, **{"template": TEMPLATE, "services": {}, **changes})


def deployment(**changes: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "s3_endpoint": "https://s3:7070",
        "s3_credentials_secret": "s3-credentials",
        "s3_ca_secret": "platform-ca",
    }
    return manifests.flink_manifest(job_args(**{**settings, **changes}))


def table(name: str) -> str:
    found = re.search(rf"CREATE TABLE {name} \(.*?\n\);", script(), re.DOTALL)
    assert found, name
    return found.group()


@pytest.mark.parametrize("topic", ["logs.checkout-service", "logs.access", "logs.error-service", "logs.errors"])
def test_service_topics_are_read(topic: str) -> None:
    assert re.fullmatch(TOPICS, topic)


@pytest.mark.parametrize("topic", ["logs.error", "logs.sampled", "errors.critical", "dlq.stream", "mylogs.a"])
def test_its_own_topics_and_others_are_not(topic: str) -> None:
    assert not re.fullmatch(TOPICS, topic)


def test_the_job_reads_no_topic_that_it_writes() -> None:
    assert not [topic for topic in OUTPUTS.values() if re.fullmatch(TOPICS, topic)]


def test_new_topics_are_found_while_it_runs() -> None:
    records = table("records")
    assert f"'topic-pattern' = '{TOPICS}'" in records
    assert "'scan.topic-partition-discovery.interval' = '10 s'" in records
    assert "'properties.group.id' = 'stream.logs'" in records


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("logs_error", "error"),
        ("errors_critical", "critical"),
        ("logs_sampled", "sampled"),
        ("error_rates", "rate"),
        ("latencies", "latency"),
        ("correlations", "correlations"),
        ("dead_letters", "dead_letters"),
    ],
)
def test_every_sink_is_exactly_once_with_ids_that_the_user_may_use(name: str, key: str) -> None:
    sink = table(name)
    assert f"'topic' = '{OUTPUTS[key]}'" in sink
    assert "'sink.delivery-guarantee' = 'exactly-once'" in sink
    assert f"'sink.transactional-id-prefix' = 'stream.{OUTPUTS[key]}'" in sink


def test_no_password_is_in_the_script() -> None:
    assert "'properties.ssl.keystore.password' = '${dir:/opt/kafkalogs/user:user.password}'" in script()


def test_no_comment_or_template_is_left() -> None:
    assert not re.search(r"\{\{|\}\}|\{%|%\}|\{#", script())
    # the client of Flink splits statements at a semicolon at the end of a line
    assert all(line.endswith(";") for line in script().splitlines() if ";" in line and "--" not in line)


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        stream_script.render("{{ nobody_knows }}")


def test_another_script_has_another_name() -> None:
    names = {
        manifests.script_manifest(job_args(watermark_delay_seconds=delay))["metadata"]["name"] for delay in (10, 11, 10)
    }
    assert len(names) == 2


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_a_share_of_all_traces_is_sampled(share: float) -> None:
    below = sampled_below(share)
    kept = sum(hashlib.md5(f"{number:032x}".encode()).hexdigest() < below for number in range(4000))
    assert kept / 4000 == pytest.approx(share, abs=0.02)


def test_the_user_may_do_what_the_job_does_and_no_more() -> None:
    user = user_manifest("kafkalogs", "logs", stream_user(None))
    granted = {
        (acl["resource"]["type"], acl["resource"]["name"], acl["resource"]["patternType"]): set(acl["operations"])
        for acl in user["spec"]["authorization"]["acls"]
    }
    assert granted == {
        ("topic", "logs.", "prefix"): {"Read", "Describe"},
        **{("topic", topic, "literal"): {"Read", "Write", "Describe"} for topic in OUTPUTS.values()},
        ("group", "stream.", "prefix"): {"Read", "Describe"},
        ("transactionalId", "stream.", "prefix"): {"Write", "Describe"},
    }


def test_the_manifest_is_valid_against_the_published_definition() -> None:
    definition = yaml.safe_load(flink_crds().read_text())
    (version,) = definition["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    jsonschema.Draft202012Validator(schema).validate(deployment()["spec"])
    assert set(deployment()["spec"]) <= set(schema["properties"])
    for part in ("job", "jobManager", "taskManager"):
        assert set(deployment()["spec"][part]) <= set(schema["properties"][part]["properties"])


def test_only_versions_of_flink_are_added_to_the_published_definition() -> None:
    definition = yaml.safe_load(flink_crds().read_text())
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    assert spec["flinkVersion"]["enum"] == [f"v1_{n}" for n in range(13, 21)] + [f"v2_{n}" for n in range(4)]


def test_pods_are_restricted() -> None:
    pod = deployment()["spec"]["podTemplate"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in (*pod["containers"], *pod["initContainers"]):
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}


def test_secrets_are_mounted_and_never_in_the_resource() -> None:
    pod = deployment()["spec"]["podTemplate"]["spec"]
    env = pod["containers"][0]["env"]
    assert {item["name"]: item["valueFrom"]["secretKeyRef"] for item in env} == {
        "AWS_ACCESS_KEY_ID": {"name": "s3-credentials", "key": "username"},
        "AWS_SECRET_ACCESS_KEY": {"name": "s3-credentials", "key": "password"},
    }
    mounted = {
        v["secret"]["secretName"]: [i["key"] for i in v["secret"]["items"]] for v in pod["volumes"] if "secret" in v
    }
    assert mounted == {
        "stream": ["user.p12", "user.password"],
        "logs-cluster-ca-cert": ["ca.crt"],
        "platform-ca": ["ca.crt"],
    }


def test_an_s3_of_the_cloud_needs_no_secret_and_no_endpoint() -> None:
    made = deployment(s3_endpoint=None, s3_credentials_secret=None, s3_ca_secret=None)["spec"]
    assert "initContainers" not in made["podTemplate"]["spec"]
    assert not [key for key in made["flinkConfiguration"] if key.startswith("s3.endpoint")]
    assert "trustStore" not in str(made["flinkConfiguration"])
    assert "env" not in made["podTemplate"]["spec"]["containers"][0]


def test_it_recovers_by_itself_and_is_waited_for() -> None:
    made = deployment()
    assert made["spec"]["flinkConfiguration"]["high-availability.type"] == "kubernetes"
    assert made["metadata"]["annotations"]["pulumi.com/waitFor"] == "jsonpath={.status.lifecycleState}=STABLE"


def test_metrics_are_found_and_only_prometheus_and_the_operators_come_in() -> None:
    template = deployment()["spec"]["podTemplate"]
    assert template["metadata"]["labels"]["kafkalogs.io/metrics"] == "true"
    assert {"name": "metrics", "containerPort": 9249} in template["spec"]["containers"][0]["ports"]
    rules = manifests.policy_manifest(job_args())["spec"]["ingress"]
    assert [rule.get("ports", [{}])[0].get("port") for rule in rules] == [None, 8081, 9249]
    own = {"app.kubernetes.io/name": "stream"}
    assert rules[0]["from"] == [{"podSelector": {"matchLabels": own}}]
