"""The resources of the stand-in for PagerDuty: restricted, and open to its senders only."""

from __future__ import annotations

import local_pagerduty

from tests.support.graph import registered
from tests.support.pods import assert_restricted, container, env


def test_the_stand_in_is_restricted_and_open_to_its_senders_only():
    made = local_pagerduty.deployment_manifest("kafkalogs", "pagerduty:1")
    assert_restricted(made)
    only = container(made)
    assert only["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
    (port,) = only["ports"]
    assert (port["containerPort"], env(made)["PAGERDUTY_PORT"]) == (8443, "8443")
    service = local_pagerduty.service_manifest("kafkalogs")
    assert service["metadata"]["name"] == "pagerduty"
    assert service["spec"]["ports"] == [{"name": "https", "port": 8443, "targetPort": "https"}]
    labels = made["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    (rule,) = local_pagerduty.policy_manifest("kafkalogs")["spec"]["ingress"]
    assert rule["ports"] == [{"port": 8443, "protocol": "TCP"}]
    senders = {peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for peer in rule["from"]}
    assert senders == {"pager", "alertmanager"}
    files = {
        f"{mount['mountPath']}/{item['path']}"
        for mount, v in zip(only["volumeMounts"], made["spec"]["template"]["spec"]["volumes"], strict=True)
        for item in v["secret"]["items"]
    }
    assert {env(made)["PAGERDUTY_ROUTING_KEY"], env(made)["PAGERDUTY_TOKEN"]} <= files
    assert f"{env(made)['PAGERDUTY_CERTS']}/tls.key" in files


def test_the_stand_in_as_a_component():
    args = local_pagerduty.LocalPagerDutyArgs("kafkalogs", "pagerduty:1")
    graph = registered(lambda: local_pagerduty.LocalPagerDuty("pagerduty", args))
    (component,) = graph.of("index:LocalPagerDuty")
    assert component.outputs == {"endpoint": "https://pagerduty.kafkalogs.svc:8443/v2/enqueue"}
