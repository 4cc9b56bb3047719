"""`Shop`: the demo. It has a Deployment for each service of the stack; each logs with its service's certificate."""

from dataclasses import dataclass
from typing import Any

import pulumi
from kafkalogs import LogPlatform, parts
from kafkalogs.catalog.network import Peer, PodGroup
from kafkalogs.config import naming
from kafkalogs.kafka.record import TO_KAFKA
from kafkalogs.kube import pods, policies
from kafkalogs.kube.resources import RESTRICTED_CONTAINER, RESTRICTED_POD, Manifest, metadata
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.networking.v1 import NetworkPolicy

CATALOG = "/etc/kafkalogs/catalog.json"
USER = "/etc/kafkalogs/user"
CA = "/etc/kafkalogs/ca"


PODS = PodGroup(peer=Peer("shop", {"app.kubernetes.io/part-of": "shop"}), needs=(TO_KAFKA,))
"""The pods of all services of the shop: they log, and connect to nobody else."""


@dataclass(frozen=True)
class ShopArgs:
    """The arguments of a `Shop`."""

    platform: LogPlatform
    """The platform that gets the shop's logs. The shop has the services of this platform."""

    image: str
    """The shop's image."""


def needed_image(image: str | None) -> str:
    """The shop's image, for a stack with the shop. Raises RunError if the image does not exist."""
    if not image:
        raise pulumi.RunError("kafkalogs:platform.shop.enabled: true: its image comes from make cluster; run it")
    return image


def deployment_manifest(service: str, namespace: str, cluster: str, image: str, rate: float, seed: int) -> Manifest:
    """The Deployment of one service; `rate` is the log events per second of all services together."""
    labels = {"app.kubernetes.io/name": service, "app.kubernetes.io/part-of": "shop"}
    container: dict[str, Any] = {
        "name": "service",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "shop", service],
        "env": [
            {"name": "KAFKALOGS_CATALOG", "value": CATALOG},
            {"name": "SHOP_RATE", "value": str(rate)},
            {"name": "SHOP_SEED", "value": str(seed)},
            {"name": "SHOP_CERTS", "value": USER},
            {"name": "SHOP_CA", "value": f"{CA}/ca.crt"},
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "resources": {"requests": {"cpu": "5m", "memory": "48Mi"}, "limits": {"cpu": "500m", "memory": "96Mi"}},
        "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
        "volumeMounts": [
            {"name": "catalog", "mountPath": CATALOG, "subPath": "catalog.json", "readOnly": True},
            {"name": "user", "mountPath": USER, "readOnly": True},
            {"name": "ca", "mountPath": CA, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the container's own
        ],
    }
    # Only the files that the client reads, without the second copy of the key: a PKCS #12 store and its password.
    credentials = [{"key": key, "path": key} for key in ("user.crt", "user.key")]
    volumes: list[Manifest] = [
        {"name": "catalog", "configMap": {"name": naming.CATALOG_CONFIG_MAP}},
        {"name": "user", "secret": {"secretName": service, "defaultMode": 0o440, "items": credentials}},
        {
            "name": "ca",
            "secret": {"secretName": naming.cluster_ca_secret(cluster), "items": [{"key": "ca.crt", "path": "ca.crt"}]},
        },
        {"name": "tmp", "emptyDir": {}},
    ]
    return {
        "metadata": metadata(service, namespace),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "automountServiceAccountToken": False,
                    "securityContext": {**RESTRICTED_POD, "fsGroup": pods.USER},
                    "containers": [container],
                    "volumes": volumes,
                },
            },
        },
    }


class Shop(pulumi.ComponentResource):
    """An e-commerce platform whose services only log."""

    def __init__(self, name: str, args: ShopArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kafkalogs:index:Shop", name, {}, opts)
        config = args.platform.config
        policy = policies.egress_manifest(PODS, [PODS, *parts.pods(config)], config.namespace, {})
        NetworkPolicy(
            f"{name}-egress",
            metadata=policy["metadata"],
            spec=policy["spec"],
            opts=pulumi.ResourceOptions(parent=self),
        )
        for service in config.services:
            manifest = deployment_manifest(
                service, config.namespace, config.kafka.name, args.image, config.shop.rate, config.shop.seed
            )
            Deployment(
                f"{name}-{service}",
                metadata=manifest["metadata"],
                spec=manifest["spec"],
                opts=pulumi.ResourceOptions(parent=self, custom_timeouts=pulumi.CustomTimeouts(create="5m")),
            )
        self.register_outputs({})
