"""Strimzi's own CRDs, generated here. Needs Maven, or the cache that `make crds` fills."""

import pytest
import yaml

from embedded import flink_crds
from embedded.crds import EMBEDDED, MODELS, crds, embedded_crds


@pytest.fixture(scope="module")
def definitions():
    return {d["spec"]["names"]["kind"]: d for d in yaml.safe_load_all(crds().read_text())}


def test_all_kinds_are_there(definitions):
    assert set(definitions) == set(MODELS)


def test_the_embedded_operator_gets_those_that_it_looks_after(definitions):
    own = list(yaml.safe_load_all(embedded_crds().read_text()))
    assert own[:-1] == [definitions[kind] for kind in EMBEDDED]
    assert own[-1]["spec"]["names"]["kind"] == "FlinkDeployment"


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


def test_flinks_definition_knows_flink_2_and_is_what_kubernetes_stores():
    definition = yaml.safe_load(flink_crds.flink_crds().read_text())
    (version,) = definition["spec"]["versions"]
    known = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["flinkVersion"]["enum"]
    assert {"v1_20", "v2_3"} <= set(known)
    assert all("priority" not in column for column in version["additionalPrinterColumns"])


def test_pod_templates_are_left_to_kubernetes_where_the_embedded_operator_runs():
    whole = yaml.safe_load(flink_crds.flink_crds().read_text())
    own = list(yaml.safe_load_all(embedded_crds().read_text()))[-1]

    def pods(schema):
        if isinstance(schema, dict):
            yield from [schema["podTemplate"]] if "podTemplate" in schema else []
            for key, value in schema.items():
                yield from [] if key == "podTemplate" else pods(value)

    def specs(definition):
        return definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]

    assert len(list(pods(specs(whole)))) == 3
    assert list(pods(specs(own))) == [{"type": "object", "x-kubernetes-preserve-unknown-fields": True}] * 3
    assert specs(own)["properties"]["job"] == specs(whole)["properties"]["job"]
