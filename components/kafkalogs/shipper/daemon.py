"""`LogShipper`: the logs of pods and files, for programs that do not write their logs to Kafka.

A pod on each node (DaemonSet) reads the files in which Kubernetes keeps the output of pods. Pod Security "baseline" and
"restricted" allow no pod to read files of the node. So only the shipper runs in the namespace `<namespace>-shipper`,
which allows such pods, and the platform's namespace stays "restricted". The shipper runs as root, because root owns
these files. It has a read-only root file system and no capability, and cannot gain one.

Strimzi requires the shipper's KafkaUser, and the Secret with its certificate, in the namespace of Kafka. Kubernetes
mounts no Secret of another namespace. So the shipper's service account may read this Secret by name, and a container
beside Filebeat fetches the Secret into memory and fetches it again after a renewal. The key is stored nowhere else.
"""

import pulumi
from pulumi_kubernetes.apps.v1 import DaemonSet
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace, Service, ServiceAccount
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

from ..kafka.identity import ServiceIdentity, ServiceIdentityArgs
from ..kafka.topic import topic_resource
from ..kube.pods import labels
from ..kube.resources import after, manifest_of, metadata, part, typed, untyped
from .args import LogShipperArgs
from .manifests import (
    KINDS,
    config_manifest,
    daemon_manifest,
    namespace_manifest,
    policy_manifest,
    role_manifest,
    service_port,
    shipped_manifest,
    shipper_namespace,
)
from .record import METRICS_SERVICE, NAME


class LogShipper(pulumi.ComponentResource):
    """The logs of the nodes' pods and files, as log events in a separate topic."""

    topic: pulumi.Output[str]
    """The topic, known when it is ready."""

    namespace: pulumi.Output[str]
    """The namespace of the shipper's pods."""

    def __init__(self, name: str, args: LogShipperArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(LogShipperArgs, args)
        if args.kind not in KINDS:
            raise pulumi.RunError(f"LogShipper {name}: kind {args.kind!r}: write {' or '.join(KINDS)}")
        super().__init__("kafkalogs:index:LogShipper", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        shipped = topic_resource(
            f"{name}-topic",
            manifest_of(shipped_manifest, args),
            pulumi.ResourceOptions(parent=self, protect=args.protect or None),
        )
        identity = ServiceIdentity(
            f"{name}-user",
            ServiceIdentityArgs(
                namespace=args.namespace,
                cluster=args.cluster,
                user=args.user,
                writes=pulumi.Output.from_input(args.topic).apply(lambda known: [known]),
                producer_byte_rate=args.producer_byte_rate,
            ),
            child,
        )
        namespace = manifest_of(namespace_manifest, args)
        own = Namespace(name, metadata=part(namespace, "metadata"), opts=child)
        self.own_namespace = own
        where = pulumi.Output.from_input(args.namespace).apply(shipper_namespace)
        inside = pulumi.ResourceOptions(parent=self, depends_on=[own])
        needed = self._rights(name, args, where, inside)
        config = manifest_of(config_manifest, args)
        files = ConfigMap(name, metadata=untyped(metadata(NAME, where)), data=part(config, "data"), opts=inside)
        NetworkPolicy(
            name,
            metadata=untyped(metadata(NAME, where)),
            spec=part(manifest_of(policy_manifest, args), "spec"),
            opts=inside,
        )
        # A headless Service: its name resolves to the addresses of all the shipper's pods.
        Service(
            name,
            metadata=untyped(metadata(METRICS_SERVICE, where)),
            spec=untyped({"clusterIP": "None", "selector": labels(NAME), "ports": [service_port(args.kind)]}),
            opts=inside,
        )
        manifest = manifest_of(daemon_manifest, args)
        daemon = DaemonSet(
            name,
            metadata=part(manifest, "metadata"),
            spec=part(manifest, "spec"),
            # The shipper would report a topic that does not exist yet as a missing right.
            opts=after(self, [own, files, shipped, identity, *needed], minutes=5, delete=None),
        )
        self.topic = shipped.urn.apply(lambda _: args.topic)
        self.namespace = daemon.urn.apply(lambda _: where)
        self.register_outputs({"topic": self.topic, "namespace": self.namespace})

    def _rights(
        self, name: str, args: LogShipperArgs, where: pulumi.Output[str], inside: pulumi.ResourceOptions
    ) -> list[pulumi.Resource]:
        """The shipper's service account, with the right to read the certificate in the platform's namespace."""
        child = pulumi.ResourceOptions(parent=self)
        account = ServiceAccount(name, metadata=untyped(metadata(NAME, where)), opts=inside)
        about = untyped(metadata(f"{NAME}-credentials", args.namespace))
        rights = manifest_of(role_manifest, args)
        role = Role(name, metadata=about, rules=part(rights, "rules"), opts=child)
        binding = RoleBinding(
            name,
            metadata=about,
            role_ref=untyped({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": f"{NAME}-credentials"}),
            subjects=untyped([{"kind": "ServiceAccount", "name": NAME, "namespace": where}]),
            opts=child,
        )
        return [account, role, binding]
