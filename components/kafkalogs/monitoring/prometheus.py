"""The configuration files of Prometheus and Alertmanager.

Prometheus finds pods by label and port, so a new part changes nothing here: the label `kafkalogs.io/metrics:
"true"` with a port named `metrics`, or Strimzi's port `tcp-prometheus`.
"""

from typing import Any, Final

from ..kube.resources import METRICS_LABEL, METRICS_PORT
from .record import ALERTMANAGER_PORT, PROMETHEUS_PORT
from .watchdog import WATCHDOG

STRIMZI_PORT: Final = "tcp-prometheus"

CONFIG: Final = "/etc/kafkalogs/config"
"""Where the configuration is mounted."""
TLS: Final = "/etc/kafkalogs/tls"
"""Where the certificate is mounted: tls.crt, tls.key, and ca.crt, which signed those of the other parts too."""
ROUTING_KEY: Final = "/etc/kafkalogs/pagerduty/routing-key"
WATCHDOG_URL: Final = "/etc/kafkalogs/watchdog/url"

INTERVAL: Final = "15s"

# Alertmanager asks for Prometheus' certificate.
_OWN_TLS: Final = {"ca_file": f"{TLS}/ca.crt", "cert_file": f"{TLS}/tls.crt", "key_file": f"{TLS}/tls.key"}

_POD: Final = "__meta_kubernetes_pod_"


def prometheus_config(cluster: str, namespace: str, shipper: str | None) -> dict[str, Any]:
    """prometheus.yml. shipper: the name of the headless Service before the shipper's pods, with its port."""
    label = METRICS_LABEL.replace(".", "_").replace("/", "_")
    pods: dict[str, Any] = {
        "job_name": "pods",
        "kubernetes_sd_configs": [{"role": "pod", "namespaces": {"names": [namespace]}}],
        "relabel_configs": [
            {
                "source_labels": [f"{_POD}label_{label}", f"{_POD}container_port_name"],
                "regex": f"true;{METRICS_PORT}|.*;{STRIMZI_PORT}",
                "action": "keep",
            },
            {"source_labels": [f"{_POD}phase"], "regex": "Succeeded|Failed", "action": "drop"},
            {"source_labels": [f"{_POD}label_app_kubernetes_io_name"], "target_label": "job"},
            {"source_labels": [f"{_POD}name"], "target_label": "pod"},
        ],
    }
    scraped = [pods, _tls_target("prometheus", PROMETHEUS_PORT), _tls_target("alertmanager", ALERTMANAGER_PORT)]
    if shipper:
        # The shipper runs in another namespace, where Prometheus may list nothing. DNS gives the addresses of its pods.
        name, _, port = shipper.partition(":")
        scraped.append(
            {
                "job_name": "shipper",
                "dns_sd_configs": [{"names": [name], "type": "A", "port": int(port), "refresh_interval": INTERVAL}],
                "relabel_configs": [{"source_labels": ["__address__"], "regex": "(.+):.*", "target_label": "pod"}],
            }
        )
    return {
        "global": {
            "scrape_interval": INTERVAL,
            "evaluation_interval": INTERVAL,
            "external_labels": {"cluster": cluster, "namespace": namespace},
        },
        "rule_files": [f"{CONFIG}/rules.yml"],
        "alerting": {
            "alertmanagers": [
                {
                    "scheme": "https",
                    "tls_config": _OWN_TLS,
                    "static_configs": [{"targets": [f"alertmanager:{ALERTMANAGER_PORT}"]}],
                }
            ]
        },
        "scrape_configs": scraped,
    }


def _tls_target(name: str, port: int) -> dict[str, Any]:
    return {
        "job_name": name,
        "scheme": "https",
        "tls_config": _OWN_TLS,
        "static_configs": [{"targets": [f"{name}:{port}"], "labels": {"pod": name}}],
    }


def web_config(client: str | None = None) -> dict[str, Any]:
    """The file by which Prometheus and Alertmanager serve TLS
    (https://prometheus.io/docs/prometheus/latest/configuration/https/).

    client: the only host whose certificate, of the platform's authority, lets a client in. Everybody when None.
    """
    tls: dict[str, Any] = {"cert_file": f"{TLS}/tls.crt", "key_file": f"{TLS}/tls.key", "min_version": "TLS12"}
    if client:
        tls |= {
            "client_auth_type": "RequireAndVerifyClientCert",
            "client_ca_file": f"{TLS}/ca.crt",
            "client_allowed_sans": [client],
        }
    return {"tls_server_config": tls}


def alertmanager_config(
    pagerduty: bool,
    pagerduty_url: str | None,
    pagerduty_own_ca: bool,
    webhook_url: str | None,
    *,
    watchdog: bool = False,
) -> dict[str, Any]:
    """alertmanager.yml: `critical` goes to PagerDuty, everything but `info` to the webhook; alerts without a
    receiver are only shown.

    pagerduty_url: the events API; PagerDuty's own when None. pagerduty_own_ca: its certificate is of the platform's
    CA, as that of the local stand-in is. watchdog: whether there is a URL that is told that people can be paged.
    """
    receivers: list[dict[str, Any]] = [{"name": "shown"}]
    routes: list[dict[str, Any]] = [{"receiver": "shown", "matchers": ['severity="info"']}]
    if watchdog:
        # Alertmanager repeats a notification only when the group's interval ends, and only after more than
        # `repeat_interval`: equal times would skip each second one.
        often = {"group_wait": "0s", "group_interval": "1m", "repeat_interval": "50s"}
        receivers.append({"name": "watchdog", "webhook_configs": [{"url_file": WATCHDOG_URL, "send_resolved": False}]})
        routes.insert(0, {"receiver": "watchdog", "matchers": [f'alertname="{WATCHDOG}"'], **often})
    if webhook_url:
        receivers.append({"name": "webhook", "webhook_configs": [{"url": webhook_url, "send_resolved": True}]})
        routes.append({"receiver": "webhook", "matchers": ['severity=~"critical|warning"'], "continue": True})
    if pagerduty:
        told: dict[str, Any] = {
            "routing_key_file": ROUTING_KEY,
            "send_resolved": True,
            "severity": "{{ .CommonLabels.severity }}",
            "description": "{{ .CommonLabels.alertname }}: {{ (index .Alerts 0).Annotations.summary }}",
            "details": {"about": "{{ (index .Alerts 0).Annotations.description }}", "alerts": "{{ .Alerts | len }}"},
        }
        if pagerduty_url:
            told["url"] = pagerduty_url
        if pagerduty_own_ca:
            told["http_config"] = {"tls_config": {"ca_file": f"{TLS}/ca.crt"}}
        receivers.append({"name": "pagerduty", "pagerduty_configs": [told]})
        routes.append({"receiver": "pagerduty", "matchers": ['severity="critical"']})
    return {
        "route": {
            "receiver": "shown",
            "group_by": ["alertname", "consumergroup", "topic", "connector", "pod"],
            "group_wait": "10s",
            "group_interval": "1m",
            "repeat_interval": "4h",
            "routes": routes,
        },
        "inhibit_rules": [
            # Without the exporter every group looks absent: page once, not once for each group.
            {
                "source_matchers": ['alertname="MonitoringBlind"'],
                "target_matchers": ['alertname=~".+NoConsumer"'],
            }
        ],
        "receivers": receivers,
    }
