"""What the doctor takes for declared is what the program of `infra/` really asks for, of every stack."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import pytest
import yaml
from kafkalogs.checks.loading import load
from kafkalogs.config import units
from kafkalogs.doctor import declared as want

from tests.support.render import PLATFORM_KEY, Rendered, render_config
from tests.support.sandbox import LOCAL_STACK

QUOTAS: Final[Mapping[str, str]] = {
    "producerByteRate": "producer_byte_rate",
    "consumerByteRate": "consumer_byte_rate",
    "requestPercentage": "request_percentage",
    "controllerMutationRate": "controller_mutation_rate",
}
"""Kafka's names of the quotas of a KafkaUser."""


def topic_of(manifest: dict[str, Any]) -> want.Topic:
    """The topic of a KafkaTopic."""
    spec = manifest["spec"]
    settings = cast("dict[str, Any]", spec.get("config") or {})
    return want.Topic(
        name=spec.get("topicName") or manifest["metadata"]["name"],
        partitions=int(spec["partitions"]),
        replicas=int(spec["replicas"]),
        config={key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in settings.items()},
    )


def user_of(manifest: dict[str, Any]) -> want.User:
    """The user of a KafkaUser."""
    spec, name = manifest["spec"], str(manifest["metadata"]["name"])
    certified = spec["authentication"]["type"].startswith("tls")
    rules = cast("list[dict[str, Any]]", spec.get("authorization", {}).get("acls", []))
    limits = cast("dict[str, int]", spec.get("quotas") or {})
    return want.User(
        name=name,
        principal=f"CN={name}" if certified else name,
        acls=frozenset(one for rule in rules for one in acls_of(rule)),
        quotas={QUOTAS[key]: float(value) for key, value in limits.items()},
    )


def acls_of(rule: dict[str, Any]) -> Iterable[want.Acl]:
    """The rights of one rule of a KafkaUser."""
    resource = rule["resource"]
    whole = resource["type"] == "cluster"
    for operation in rule["operations"]:
        yield want.Acl(
            kind=resource["type"],
            name=want.CLUSTER_RESOURCE if whole else resource["name"],
            pattern="literal" if whole else resource.get("patternType", "literal"),
            operation=operation,
            permission=rule.get("type", "allow"),
            host=rule.get("host", "*"),
        )


LOCAL: dict[str, Any] = yaml.safe_load(LOCAL_STACK.read_text())["config"]


def config(**changes: Any) -> dict[str, Any]:
    values = copy.deepcopy(LOCAL)
    platform = values[PLATFORM_KEY]
    for key, value in changes.items():
        if value is None:
            platform.pop(key)
        else:
            platform[key] = value
    return values


SERVICES = {"mailer": {"team": "crm", "rate": "10KiB/s", "layout": "level"}}
POOLS = {
    "controllers": {"roles": ["controller"], "replicas": 3},
    "brokers": {"roles": ["broker"], "replicas": 4, "storage": {"size": "20Gi"}},
}
STACKS: dict[str, dict[str, Any]] = {
    "local": config(),
    "bare": config(
        **dict.fromkeys(("schemas", "archive", "search", "audit", "stream", "pager", "shipper", "monitoring"))
    ),
    "sinks without audit logs": config(services=SERVICES, stream=None, pager=None, teams={}),
    "two pools": config(kafka={**LOCAL[PLATFORM_KEY]["kafka"], "pools": POOLS}),
    "a registry elsewhere": config(
        schemas={"url": "https://registry.example.org"}, shipper={"kind": "fluentd", "rate": "64KiB/s"}
    ),
}


STACKS |= {
    file.name.split(".")[1]: yaml.safe_load(file.read_text())["config"]
    for file in LOCAL_STACK.parent.glob("Pulumi.*.yaml")
    if file != LOCAL_STACK
}


@pytest.fixture(scope="module", params=list(STACKS))
def both(request: pytest.FixtureRequest) -> tuple[want.Declared, list[Rendered]]:
    values = STACKS[request.param]
    return want.declared(load(values[PLATFORM_KEY])), render_config(values)


def manifests(rendered: list[Rendered], kind: str) -> list[dict[str, Any]]:
    found = [
        one for one in rendered if one.type.startswith("kubernetes:kafka.strimzi.io") and one.type.endswith(f":{kind}")
    ]
    return [one.properties for one in found]


def whole(value: Any) -> Any:
    """Numbers come through the mocks as floats."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    return [whole(item) for item in value] if isinstance(value, list) else value


def test_topics(both: tuple[want.Declared, list[Rendered]]) -> None:
    declared, rendered = both
    asked = [topic_of(whole(one)) for one in manifests(rendered, "KafkaTopic")]
    assert {topic.name: topic for topic in asked} == dict(declared.topics)


def test_users_with_their_rights_and_quotas(both: tuple[want.Declared, list[Rendered]]) -> None:
    declared, rendered = both
    asked = [user_of(whole(one)) for one in manifests(rendered, "KafkaUser")]
    assert {user.name: user for user in asked} == dict(declared.users)


def test_connectors(both: tuple[want.Declared, list[Rendered]]) -> None:
    declared, rendered = both
    asked = {one["metadata"]["name"]: whole(one["spec"]) for one in manifests(rendered, "KafkaConnector")}
    assert asked.keys() == declared.connectors.keys()
    for name, connector in declared.connectors.items():
        assert (connector.class_, connector.tasks) == (asked[name]["class"], asked[name]["tasksMax"])
        told = {
            key: str(value).lower() if isinstance(value, bool) else str(value)
            for key, value in asked[name]["config"].items()
        }
        assert connector.config.items() <= told.items()


def test_groups_read_what_the_connectors_read(both: tuple[want.Declared, list[Rendered]]) -> None:
    declared, _ = both
    for group in declared.groups:
        if group.part in declared.connectors:
            assert ",".join(group.topics) == declared.connectors[group.part].config["topics"]
        assert set(group.topics) <= declared.topics.keys()


def test_brokers_and_their_disks(both: tuple[want.Declared, list[Rendered]]) -> None:
    declared, rendered = both
    kafka = manifests(rendered, "Kafka")[0]["spec"]["kafka"]
    for external in (one for one in kafka["listeners"] if one["name"] == "external"):
        assert list(declared.brokers) == [int(one["broker"]) for one in external["configuration"]["brokers"]]
    assert len(declared.brokers) == declared.platform.brokers()
    pools = manifests(rendered, "KafkaNodePool")
    assert len(declared.nodes) == sum(int(one["spec"]["replicas"]) for one in pools)
    sizes = {one["spec"]["storage"]["volumes"][0]["size"] for one in pools if "broker" in one["spec"]["roles"]}
    assert {units.quantity(size) for size in want.disks(declared.platform).values()} == sizes


def test_subjects_and_certificates(both: tuple[want.Declared, list[Rendered]]) -> None:
    declared, rendered = both
    lists = [one.properties["data"] for one in rendered if one.type == "kubernetes:core/v1:ConfigMap"]
    told = [yaml.safe_load(data["schemas.json"]) for data in lists if "schemas.json" in data]
    assert dict(declared.subjects) == (told[0]["subjects"] if told else {})
    made = [yaml.safe_load(data["wanted.json"]) for data in lists if "wanted.json" in data]
    assert set(declared.certificates) <= set(made[0]["certificates"] if made else ())


def test_the_doctor_sees_everything_and_reads_nothing() -> None:
    acls = want.declared(load(LOCAL[PLATFORM_KEY])).users["doctor"].acls
    assert {acl.operation for acl in acls} == {"Describe", "DescribeConfigs"}
    assert {acl.kind for acl in acls} == {"topic", "group", "cluster"}
