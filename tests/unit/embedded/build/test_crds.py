"""Strimzi's own CRDs, generated here. Needs Maven, or the cache that `make crds` fills."""

import pytest
import yaml

from embedded.build.crds import EMBEDDED, MODELS, crds, embedded_crds, small
from embedded.build.flink_crds import flink_crds


@pytest.fixture(scope="module")
def definitions():
    return {d["spec"]["names"]["kind"]: d for d in yaml.safe_load_all(crds().read_text())}


@pytest.fixture(scope="module")
def embedded_definitions():
    return list(yaml.safe_load_all(embedded_crds().read_text()))


@pytest.fixture(scope="module")
def flink():
    return yaml.safe_load(flink_crds().read_text())


def test_all_kinds_are_there(definitions):
    assert set(definitions) == set(MODELS)


def test_the_embedded_operator_gets_those_that_it_looks_after(definitions, embedded_definitions):
    assert [d["spec"]["names"]["kind"] for d in embedded_definitions] == [*EMBEDDED, "FlinkDeployment"]
    assert embedded_definitions[:-1] == [small(definitions[kind]) for kind in EMBEDDED]


def test_only_v1_is_served(definitions):
    for definition in definitions.values():
        versions = [(v["name"], v["served"], v["storage"]) for v in definition["spec"]["versions"]]
        assert versions == [("v1", True, True)]


def test_names_and_labels_are_those_of_the_release(definitions):
    topic = definitions["KafkaTopic"]
    assert topic["metadata"] == {
        "name": "kafkatopics.kafka.strimzi.io",
        "labels": {"app": "strimzi", "strimzi.io/crd-install": "true"},
    }
    assert "status" in topic["spec"]["versions"][0]["subresources"]


def test_schemas_have_their_rules(definitions):
    connect = definitions["KafkaConnect"]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert {"bootstrapServers", "groupId", "configStorageTopic"} <= set(connect["properties"]["spec"]["required"])


def test_flinks_definition_knows_flink_2(flink):
    (version,) = flink["spec"]["versions"]
    known = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["flinkVersion"]["enum"]
    assert {"v1_20", "v2_3"} <= set(known)


def schemas(kind, definition):
    """Every schema of this name in a definition."""
    if isinstance(definition, dict):
        for key, value in definition.items():
            yield from [value] if key == kind and isinstance(value, dict) else schemas(kind, value)


def test_what_pods_can_be_is_left_to_kubernetes_where_the_embedded_operator_runs(definitions, flink):
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    for whole, kind, places in ((flink, "podTemplate", 3), (definitions["KafkaNodePool"], "template", 1)):
        (version,) = whole["spec"]["versions"]
        (own,) = small(whole)["spec"]["versions"]
        assert len(list(schemas(kind, version["schema"]))) == places
        assert list(schemas(kind, own["schema"])) == [anything] * places
        ruled = [v["schema"]["openAPIV3Schema"]["properties"]["spec"].get("required") for v in (version, own)]
        assert ruled[0] == ruled[1]
        assert len(str(own)) < len(str(version)) / 3


def test_a_field_called_description_or_template_stays():
    field = {"properties": {"description": {"type": "string"}, "template": {"type": "string"}}, "description": "words"}
    assert small(field) == {"properties": {"description": {"type": "string"}, "template": {"type": "string"}}}
