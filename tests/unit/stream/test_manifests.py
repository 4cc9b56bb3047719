"""The script and the manifests of the stream job."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml
from embedded_operator.flink.spec import parse
from jinja2 import UndefinedError
from kafkalogs.config import limits, units
from kafkalogs.kafka.cluster import broker_config
from kafkalogs.kafka.identity import user_manifest
from kafkalogs.stream import manifests
from kafkalogs.stream import script as stream_script
from kafkalogs.stream.args import FlinkJobArgs
from kafkalogs.stream.record import OUTPUTS, RETENTION, TOPICS, stream_user
from kafkalogs.stream.script import sampled_below

from embedded.build.flink_crds import flink_crds
from embedded.build.images.flink import HOME

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


def test_what_a_source_has_taken_fits_into_memory_if_all_of_it_is_large() -> None:
    """Flink's reader holds four portions: the one that is polled, two that wait, and the one that is processed."""
    (polled,) = re.findall(r"'properties.max.poll.records' = '([0-9]+)'", table("records"))
    memory = deployment()["spec"]["taskManager"]["resource"]["memory"]
    assert memory.endswith("m")
    assert 4 * int(polled) * limits.DEFAULT_BATCH <= int(memory[:-1]) * units.MIB / 4


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


def test_no_transaction_lasts_longer_than_the_brokers_allow() -> None:
    allowed = broker_config(3, 2)["transaction.max.timeout.ms"]
    asked = [int(text) for text in re.findall(r"'properties.transaction.timeout.ms' = '(\d+)'", script())]
    assert len(asked) == len(OUTPUTS) - 1  # the catalog is not the job's
    assert set(asked) == {allowed}
    # Longer would keep nothing more: the records themselves are gone by then.
    assert allowed == RETENTION


def test_no_batch_of_a_sink_overtakes_another() -> None:
    """The broker refuses a batch that arrives while it verifies the transaction, and logs an error."""
    sinks = [table for table in script().split("CREATE TABLE ") if "'exactly-once'" in table]
    assert sinks
    assert all("'properties.max.in.flight.requests.per.connection' = '1'" in table for table in sinks)


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


@pytest.mark.parametrize("component", ["jobManager", "taskManager"])
def test_a_probe_finds_every_file_that_it_names(component: str) -> None:
    spec = deployment()["spec"]
    (main,) = spec["podTemplate"]["spec"]["containers"]
    (probed,) = spec[component]["podTemplate"]["spec"]["containers"]
    folders = [*(mount["mountPath"] for mount in main["volumeMounts"]), f"{HOME}/lib"]
    files = set(re.findall(r"/(?:opt|tmp)/[^\s;'\"]+", json.dumps(probed["livenessProbe"])))
    assert len(files) >= 4
    assert not [file for file in files if not any(file.startswith(f"{folder}/") for folder in folders)]


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


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"s3_ca_secret": "other-ca"},
        {"s3_endpoint": None, "s3_credentials_secret": None, "s3_ca_secret": None, "aws_region": "eu-west-1"},
        {"s3_endpoint": None, "aws_region": "eu-west-1", "state": "s3a://state"},
        {"aws_region": "eu-west-1"},
    ],
)
def test_flinks_operator_takes_the_configuration(changes: dict[str, Any]) -> None:
    made = deployment(**changes)
    keys = list(made["spec"]["flinkConfiguration"])
    # Flink's operator for Flink 2 (FlinkConfMountDecorator): no key may be the beginning of another one.
    assert [(a, b) for a in keys for b in keys if b.startswith(f"{a}.")] == []
    assert all(isinstance(value, str) for value in made["spec"]["flinkConfiguration"].values())
    assert parse(made).config == made["spec"]["flinkConfiguration"]


def test_the_s3_client_knows_its_region() -> None:
    assert deployment()["spec"]["flinkConfiguration"]["s3a.endpoint.region"] == "us-east-1"
    of_aws = deployment(s3_endpoint=None, aws_region="eu-west-1")["spec"]["flinkConfiguration"]
    assert of_aws["s3a.endpoint.region"] == "eu-west-1"


def test_a_new_application_cannot_find_the_result_of_the_one_before() -> None:
    """The folder is in a volume that ends with the JobManager's pod; the operator's is shared by all applications."""
    spec = deployment()["spec"]
    folder = urlsplit(spec["flinkConfiguration"]["application-result-store.storage-path"])
    assert folder.scheme == "file"
    pod = spec["podTemplate"]["spec"]
    mounted = {mount["name"] for mount in pod["containers"][0]["volumeMounts"] if under(folder.path, mount)}
    assert [volume["emptyDir"] for volume in pod["volumes"] if volume["name"] in mounted] == [{}]
    # Two JobManagers would need one folder.
    assert spec["jobManager"]["replicas"] == 1


def under(path: str, mount: dict[str, Any]) -> bool:
    return PurePosixPath(path).is_relative_to(mount["mountPath"]) and not mount.get("readOnly")


def test_an_upgrade_leaves_no_resource_that_would_outlive_the_operator() -> None:
    assert deployment()["spec"]["flinkConfiguration"]["kubernetes.operator.snapshot.resource.enabled"] == "false"


def test_parallelism_decides_the_number_of_task_managers() -> None:
    """Flink's operator warns at each reconciliation where both are written."""
    spec = deployment(parallelism=4)["spec"]
    assert "replicas" not in spec["taskManager"]
    assert parse(deployment(parallelism=4)).task_managers == 1
    assert spec["flinkConfiguration"]["taskmanager.numberOfTaskSlots"] == "4"


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
