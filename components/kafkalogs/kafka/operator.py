"""`StrimziOperator`: the operator that runs Kafka from Strimzi's resources.

Two operators handle the same resources: Strimzi's, installed by its Helm chart, and the embedded one, which runs Kafka
on a single machine where Strimzi's images are not available. Nothing outside this module depends on the choice.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ServiceAccount
from pulumi_kubernetes.rbac.v1 import ClusterRoleBinding, Role, RoleBinding

from ..kube.crds import STRIMZI_VERSION
from ..kube.pods import resources
from ..kube.resources import (
    RESTRICTED_CONTAINER,
    RESTRICTED_POD,
    Manifest,
    after,
    known,
    manifest_of,
    metadata,
    part,
    typed,
    untyped,
)

CHART: Final = "oci://quay.io/strimzi-helm/strimzi-kafka-operator"
EMBEDDED: Final = "kafkalogs-operator"
_HEALTH_PORT: Final = 8080


@dataclass(frozen=True)
class StrimziOperatorArgs:
    """Which operator runs, and where."""

    namespace: pulumi.Input[str]
    """The namespace that it runs in and watches."""

    kind: str = "strimzi"
    """`strimzi`, or `embedded`."""

    memory: pulumi.Input[str] = "768Mi"
    """The memory request and limit of Strimzi's operator. The chart's 384Mi is too little on small machines: the
    operator is killed while it starts."""

    image: pulumi.Input[str] | None = None
    """The image of the embedded operator; needed by that kind only."""

    kafka_image: pulumi.Input[str] | None = None
    """The image with which the embedded operator runs Kafka; needed by that kind only."""

    kafka_version: pulumi.Input[str] = "4.3.1"
    """The version of Kafka in `kafka_image`."""

    node_readers: list[str] | None = None
    """The Kafka clusters with `rack` or an external listener. Strimzi lets their brokers read their nodes by a
    ClusterRoleBinding, which would stay on destroy: Strimzi's operator goes before it has removed the binding."""


def chart_values(args: StrimziOperatorArgs) -> Manifest:
    """The values of Strimzi's chart."""
    memory = known(args.memory)
    return {
        "resources": resources("50m", memory, "1", memory),
        "podSecurityContext": RESTRICTED_POD,
        "securityContext": RESTRICTED_CONTAINER,
        # Pods without security settings in their resources get the "restricted" settings too.
        "extraEnvs": [{"name": "STRIMZI_POD_SECURITY_PROVIDER_CLASS", "value": "restricted"}],
    }


def node_reader_manifest(namespace: str, cluster: str) -> Manifest:
    """The ClusterRoleBinding that Strimzi makes for a cluster whose brokers read their nodes, as Strimzi makes it."""
    return {
        "metadata": {"name": f"strimzi-{namespace}-{cluster}-kafka-init"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "strimzi-kafka-broker",
        },
        "subjects": [{"kind": "ServiceAccount", "name": f"{cluster}-kafka", "namespace": namespace}],
    }


def embedded_rules() -> list[Manifest]:
    """What the embedded operator may do, in its own namespace."""
    strimzi, flink, core = "kafka.strimzi.io", "flink.apache.org", ""
    kinds = ["kafkas", "kafkanodepools", "kafkatopics", "kafkausers", "kafkaconnects", "kafkaconnectors"]
    keep = ["get", "list", "create", "patch", "delete"]
    return [
        {"apiGroups": [strimzi], "resources": kinds, "verbs": ["get", "list", "watch"]},
        # to remove a topic's finalizer, and a connector's annotation when the requested action is done
        {"apiGroups": [strimzi], "resources": ["kafkatopics", "kafkaconnectors"], "verbs": ["patch"]},
        {"apiGroups": [strimzi], "resources": [f"{kind}/status" for kind in kinds], "verbs": ["patch"]},
        {"apiGroups": [flink], "resources": ["flinkdeployments"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [flink], "resources": ["flinkdeployments/status"], "verbs": ["patch"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": keep},
        {"apiGroups": [core], "resources": ["pods"], "verbs": ["get", "list", "watch", "create", "delete"]},
        {"apiGroups": [core], "resources": ["secrets"], "verbs": [*keep, "watch"]},
        {"apiGroups": [core], "resources": ["services", "configmaps", "persistentvolumeclaims"], "verbs": keep},
        {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": keep},
        {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": keep},
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
        # to see whether the operator's own namespace is being deleted
        {"apiGroups": [core], "resources": ["namespaces"], "verbs": ["get"]},
    ]


def embedded_manifest(args: StrimziOperatorArgs) -> Manifest:
    """The Deployment of the embedded operator."""
    # Strimzi's network policies let pods with the second label connect to the brokers' internal listeners.
    labels = {"app.kubernetes.io/name": EMBEDDED, "strimzi.io/kind": "cluster-operator"}
    health = {"httpGet": {"path": "/healthz", "port": _HEALTH_PORT}}
    container: dict[str, Any] = {
        "name": "operator",
        "image": known(args.image),
        "imagePullPolicy": "IfNotPresent",
        "env": [
            {"name": "STRIMZI_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "STRIMZI_KAFKA_IMAGES", "value": f"{known(args.kafka_version)}={known(args.kafka_image)}"},
        ],
        "ports": [{"name": "health", "containerPort": _HEALTH_PORT}],
        "readinessProbe": {**health, "periodSeconds": 2},
        "livenessProbe": {**health, "initialDelaySeconds": 30, "periodSeconds": 20, "timeoutSeconds": 5},
        "resources": {"requests": {"cpu": "30m", "memory": "192Mi"}, "limits": {"cpu": "1", "memory": "384Mi"}},
        "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the container's own
    }
    return {
        "metadata": metadata(EMBEDDED, known(args.namespace)),
        "spec": {
            "replicas": 1,
            # Two operators at once would both act on the same resources.
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app.kubernetes.io/name": EMBEDDED}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": EMBEDDED,
                    "securityContext": RESTRICTED_POD,
                    "containers": [container],
                    "volumes": [{"name": "tmp", "emptyDir": {}}],
                },
            },
        },
    }


def _node_reader(cluster: str, args: StrimziOperatorArgs) -> Manifest:
    return node_reader_manifest(known(args.namespace), cluster)


class StrimziOperator(pulumi.ComponentResource):
    """The operator of Kafka clusters, topics and users in a namespace. `StrimziCrds` installs its CRDs."""

    kind: pulumi.Output[str]
    """The kind of the operator, known when the operator runs."""

    def __init__(self, name: str, args: StrimziOperatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(StrimziOperatorArgs, args)
        if args.kind not in {"strimzi", "embedded"}:
            raise pulumi.RunError(f"StrimziOperator {name}: kind {args.kind!r}: write strimzi or embedded")
        if args.kind == "embedded" and not (args.image and args.kafka_image):
            raise pulumi.RunError(f"StrimziOperator {name}: kind embedded needs image and kafka_image")
        super().__init__("kafkalogs:index:StrimziOperator", name, {}, opts)
        running = self._embedded(name, args) if args.kind == "embedded" else self._chart(name, args)
        self.kind = running.apply(lambda _: args.kind)
        self.register_outputs({"kind": self.kind})

    def _chart(self, name: str, args: StrimziOperatorArgs) -> pulumi.Output[str]:
        # Imported here because the import takes long, and only this kind needs it.
        from pulumi_kubernetes.helm.v3 import Release

        # Declared here, so that Pulumi deletes them, after the operator.
        readers: list[pulumi.Resource] = []
        for cluster in args.node_readers or ():
            manifest = manifest_of(partial(_node_reader, cluster), args)
            readers.append(
                ClusterRoleBinding(
                    f"{name}-{cluster}-nodes",
                    metadata=part(manifest, "metadata"),
                    role_ref=part(manifest, "roleRef"),
                    subjects=part(manifest, "subjects"),
                    opts=pulumi.ResourceOptions(parent=self),
                )
            )
        release = Release(
            name,
            chart=CHART,
            version=STRIMZI_VERSION,
            name="strimzi",
            namespace=args.namespace,
            skip_crds=True,
            values=manifest_of(chart_values, args),
            opts=after(self, readers, minutes=10, delete="5m"),
        )
        return release.id

    def _embedded(self, name: str, args: StrimziOperatorArgs) -> pulumi.Output[str]:
        about = untyped(metadata(EMBEDDED, args.namespace))
        child = pulumi.ResourceOptions(parent=self)
        account = ServiceAccount(name, metadata=about, opts=child)
        role = Role(name, metadata=about, rules=untyped(embedded_rules()), opts=child)
        binding = RoleBinding(
            name,
            metadata=about,
            role_ref=untyped({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": EMBEDDED}),
            subjects=untyped([{"kind": "ServiceAccount", "name": EMBEDDED, "namespace": args.namespace}]),
            opts=child,
        )
        manifest = manifest_of(embedded_manifest, args)
        deployment = Deployment(
            name,
            metadata=part(manifest, "metadata"),
            spec=part(manifest, "spec"),
            # The operator needs its rights to remove what it made, so they are deleted after the operator.
            opts=after(self, [account, role, binding], minutes=5),
        )
        return deployment.id
