"""`LocalPagerDuty`: a stand-in for PagerDuty's Events API inside the cluster, for stacks without an account."""

from dataclasses import dataclass
from typing import Any, Final

import pulumi
from kafkalogs.catalog.network import PodGroup, Served, named
from kafkalogs.kube import policies
from kafkalogs.kube.pods import USER
from kafkalogs.kube.resources import POD_WAITED_FOR, RESTRICTED_CONTAINER, RESTRICTED_POD, Manifest, metadata
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import Service
from pulumi_kubernetes.networking.v1 import NetworkPolicy

PAGERDUTY: Final = "pagerduty"
"""The name of the Service and the Deployment; ServiceSecrets makes a certificate of this name."""

ROUTING_KEY_SECRET: Final = "pagerduty-credentials"  # noqa: S105 - a name
ROUTING_KEY_FIELD: Final = "password"
"""The routing key is a random password of 32 letters and digits."""

TOKEN_SECRET: Final = "pagerduty-admin-credentials"  # noqa: S105 - a name
"""The Secret whose `password` is the token for all requests except events."""

PORT: Final = 8443

PODS: Final = PodGroup(peer=named(PAGERDUTY), serves=(Served(PORT, (named("pager"), named("alertmanager"))),))
"""The stand-in's pods, for the network policies."""

_FOLDER: Final = "/etc/pagerduty"


@dataclass(frozen=True)
class LocalPagerDutyArgs:
    """The arguments of a `LocalPagerDuty`, which needs the Secrets `pagerduty-tls`, `pagerduty-credentials` and
    `pagerduty-admin-credentials`."""

    namespace: str
    """The platform's namespace."""

    image: str | None
    """The stand-in's image."""


def endpoint(namespace: str) -> str:
    """The URL that receives the events."""
    return f"https://{PAGERDUTY}.{namespace}.svc:{PORT}/v2/enqueue"


def deployment_manifest(namespace: str, image: str) -> Manifest:
    """The Deployment of the stand-in."""
    volumes = [
        _secret("tls", f"{PAGERDUTY}-tls", {name: name for name in ("tls.crt", "tls.key", "ca.crt")}),
        _secret("key", ROUTING_KEY_SECRET, {ROUTING_KEY_FIELD: "routing-key"}),
        _secret("token", TOKEN_SECRET, {"password": "token"}),
    ]
    health = {"httpGet": {"path": "/healthz", "port": "https", "scheme": "HTTPS"}}
    container: dict[str, Any] = {
        "name": PAGERDUTY,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [
            {"name": "PAGERDUTY_PORT", "value": str(PORT)},
            {"name": "PAGERDUTY_CERTS", "value": f"{_FOLDER}/tls"},
            {"name": "PAGERDUTY_ROUTING_KEY", "value": f"{_FOLDER}/key/routing-key"},
            {"name": "PAGERDUTY_TOKEN", "value": f"{_FOLDER}/token/token"},
        ],
        "ports": [{"name": "https", "containerPort": PORT}],
        "readinessProbe": {**health, "periodSeconds": 2, "timeoutSeconds": 5},
        "livenessProbe": {**health, "periodSeconds": 20, "timeoutSeconds": 10},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "500m", "memory": "128Mi"}},
        "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
        "volumeMounts": [
            {"name": volume["name"], "mountPath": f"{_FOLDER}/{volume['name']}", "readOnly": True} for volume in volumes
        ],
    }
    return {
        "metadata": metadata(PAGERDUTY, namespace),
        "spec": {
            "replicas": 1,
            # Each of two pods would know only half of the alerts.
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": _labels()},
            "template": {
                "metadata": {"labels": _labels()},
                "spec": {
                    "automountServiceAccountToken": False,
                    "securityContext": {**RESTRICTED_POD, "runAsUser": USER, "fsGroup": USER},
                    "containers": [container],
                    "volumes": volumes,
                },
            },
        },
    }


def service_manifest(namespace: str) -> Manifest:
    """The Service of the stand-in."""
    ports = [{"name": "https", "port": PORT, "targetPort": "https"}]
    about = {**metadata(PAGERDUTY, namespace), "annotations": dict(POD_WAITED_FOR)}
    return {"metadata": about, "spec": {"selector": _labels(), "ports": ports}}


def policy_manifest(namespace: str) -> Manifest:
    """The NetworkPolicy: only the pager and Alertmanager may connect."""
    return {"metadata": metadata(PAGERDUTY, namespace), "spec": policies.ingress(PODS)}


def _labels() -> Manifest:
    return {"app.kubernetes.io/name": PAGERDUTY, "app.kubernetes.io/part-of": "kafkalogs"}


def _secret(volume: str, secret: str, files: dict[str, str]) -> Manifest:
    items = [{"key": key, "path": path} for key, path in files.items()]
    return {"name": volume, "secret": {"secretName": secret, "defaultMode": 0o440, "items": items}}


class LocalPagerDuty(pulumi.ComponentResource):
    """PagerDuty's Events API without people to alert: it stores the alerts, so that a person can read them."""

    endpoint: pulumi.Output[str]
    """The URL that receives the events, known when the stand-in is ready."""

    def __init__(self, name: str, args: LocalPagerDutyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        if not args.image:
            raise pulumi.RunError("the stand-in for PagerDuty: its image comes from make cluster; run it")
        super().__init__("kafkalogs:index:LocalPagerDuty", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        policy = policy_manifest(args.namespace)
        NetworkPolicy(f"{name}-ingress", metadata=policy["metadata"], spec=policy["spec"], opts=child)
        policy = policies.egress_manifest(PODS, [PODS], args.namespace, {})
        NetworkPolicy(f"{name}-egress", metadata=policy["metadata"], spec=policy["spec"], opts=child)
        manifest = deployment_manifest(args.namespace, args.image)
        timeouts = pulumi.CustomTimeouts(create="5m")
        deployment = Deployment(
            name,
            metadata=manifest["metadata"],
            spec=manifest["spec"],
            opts=pulumi.ResourceOptions(parent=self, custom_timeouts=timeouts),
        )
        service = service_manifest(args.namespace)
        made = Service(
            name,
            metadata=service["metadata"],
            spec=service["spec"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[deployment]),
        )
        self.endpoint = made.id.apply(lambda _: endpoint(args.namespace))
        self.register_outputs({"endpoint": self.endpoint})
