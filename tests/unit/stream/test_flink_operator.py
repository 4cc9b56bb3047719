"""Flink's own operator, for clusters that pull images."""

import pytest
from kafkalogs.stream.args import FlinkJobArgs
from kafkalogs.stream.flink_operator import FlinkOperator, FlinkOperatorArgs, crd_urls, flink_chart_values
from kafkalogs.stream.manifests import FLINK_VERSION, policy_manifest

from tests.support.graph import UNKNOWN, Graph, registered, unknown


@pytest.fixture(scope="module")
def graph() -> Graph:
    return registered(lambda: FlinkOperator("flink", FlinkOperatorArgs("logs-space")))


def test_the_chart_is_the_release_that_runs_the_job(graph):
    release = graph.one("helm.sh/v3:Release", "flink").inputs
    version = release["version"]
    assert release["repositoryOpts"]["repo"].endswith(f"/flink-kubernetes-operator-{version}/")
    # 1.16 is the first that knows Flink 2.3
    assert FLINK_VERSION == "v2_3"
    assert tuple(int(part) for part in version.split(".")) >= (1, 16, 0)
    assert all(f"release-{version}/" in url for url in crd_urls())


def test_it_runs_in_its_namespace_alone(graph):
    release = graph.one("helm.sh/v3:Release", "flink").inputs
    assert release["namespace"] == "logs-space"
    assert release["values"]["watchNamespaces"] == ["logs-space"]
    assert release["values"]["webhook"] == {"create": False}


def test_it_leaves_the_job_its_own_account():
    values = flink_chart_values(FlinkOperatorArgs("n", memory="768Mi"))
    assert values["jobServiceAccount"] == {"create": False}
    assert values["rbac"] == {"jobRole": {"create": False}, "jobRoleBinding": {"create": False}}


def test_its_pod_is_restricted():
    values = flink_chart_values(FlinkOperatorArgs("n", memory="768Mi"))
    assert values["podSecurityContext"]["runAsNonRoot"] is True
    assert values["operatorSecurityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert values["operatorPod"]["resources"]["limits"]["memory"] == "768Mi"


def test_definitions_are_there_before_it_and_apart_from_the_chart(graph):
    release = graph.one("helm.sh/v3:Release", "flink")
    definitions = graph.of("yaml/v2:ConfigFile")
    assert {one.inputs["file"] for one in definitions} == set(crd_urls())
    assert release.inputs["skipCrds"] is True
    assert {one.urn for one in definitions} <= release.dependencies


def test_the_jobs_network_policy_lets_it_in():
    """The chart labels its pod with its own name."""
    allowed = [
        source
        for rule in policy_manifest(FlinkJobArgs("n", "logs", "flink:1", "catalog:1", "", {}))["spec"]["ingress"]
        for source in rule["from"]
    ]
    assert {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "flink-kubernetes-operator"}}} in allowed


def test_an_unknown_namespace_stays_unknown_in_a_preview():
    graph = registered(lambda: FlinkOperator("flink", FlinkOperatorArgs(unknown())), preview=True)
    assert graph.one("helm.sh/v3:Release", "flink").inputs["values"] == UNKNOWN


def test_its_outputs_are_registered(graph):
    (component,) = graph.of("index:FlinkOperator")
    assert component.outputs is not None
    assert set(component.outputs) == set(FlinkOperator.__annotations__)
