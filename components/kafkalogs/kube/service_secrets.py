"""`ServiceSecrets`: makes the certificates and passwords of the platform's services inside the cluster.

A Job makes them, so that no key and no password is in Pulumi's state. A CronJob with the same image renews certificates
that expire. The ConfigMap with the list of the Secrets is their owner, and its name contains a digest of the list. A
changed list makes a new ConfigMap and a new Job. This Job makes the new ConfigMap the owner of the Secrets that are
still on the list. When the old ConfigMap is deleted, Kubernetes garbage-collects only the Secrets that are no longer on
the list; on destroy, all of them.
"""

import json
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_kubernetes.batch.v1 import CronJob, Job
from pulumi_kubernetes.core.v1 import ConfigMap, ServiceAccount
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

from ..config.naming import CA_KEY_SECRET, CA_SECRET
from .pods import container, digest, labels, resources
from .resources import (
    DELETE_AT_ONCE,
    LONGEST_DELETION,
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

NAME: Final = "service-secrets"
RENEWAL: Final = "17 3 * * *"
"""When the CronJob runs (UTC). It renews a certificate that is valid for less than 30 days."""

_FOLDER: Final = "/etc/kafkalogs"


@dataclass(frozen=True)
class ServiceSecretsArgs:
    """The Secrets to make. There is one `ServiceSecrets` in a namespace."""

    namespace: pulumi.Input[str]
    """The namespace of the services."""

    image: pulumi.Input[str]
    """The image of the secrets maker."""

    certificates: pulumi.Input[list[str]]
    """The services that serve TLS. Each NAME gets a Secret NAME-tls: tls.crt, tls.key, ca.crt, and keystore.p12 and
    truststore.p12 with the password in `password`. It is for the hosts NAME, NAME.<namespace>, NAME.<namespace>.svc,
    NAME.<namespace>.svc.cluster.local and localhost."""

    credentials: pulumi.Input[dict[str, str]]
    """The user name of each credential. Each NAME gets a Secret NAME-credentials with username and password."""


def tls_secret(name: str) -> str:
    """The Secret with the certificate of a service."""
    return f"{name}-tls"


def credentials_secret(name: str) -> str:
    """The Secret with the user name and password of a credential."""
    return f"{name}-credentials"


def list_manifest(args: ServiceSecretsArgs) -> Manifest:
    """The ConfigMap with the list of the Secrets. Its name contains a digest of the list."""
    wanted = {"certificates": sorted(known(args.certificates)), "credentials": known(args.credentials)}
    text = json.dumps(wanted, sort_keys=True)
    # The ConfigMap is deleted at once; Kubernetes then garbage-collects the Secrets that it owns.
    about = metadata(f"{NAME}-{_digest(text)}", known(args.namespace), at_once=True)
    return {"metadata": about, "immutable": True, "data": {"wanted.json": text}}


def role_manifest(args: ServiceSecretsArgs) -> Manifest:
    """The Job's rights: on its own Secrets, by name. Kubernetes cannot limit `create` to names."""
    names = [CA_KEY_SECRET, CA_SECRET, *map(tls_secret, sorted(known(args.certificates)))]
    names += map(credentials_secret, sorted(known(args.credentials)))
    return {
        "rules": [
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": names, "verbs": ["get", "patch"]},
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
        ]
    }


@dataclass(frozen=True)
class JobArgs:
    """The arguments of the Job and the CronJob."""

    namespace: pulumi.Input[str]
    image: pulumi.Input[str]
    list_name: pulumi.Input[str | None]
    """The ConfigMap that owns the Secrets."""
    list_uid: pulumi.Input[str | None]


def job_manifest(args: JobArgs) -> Manifest:
    """The Job that makes the Secrets.

    Its name contains a digest of its spec: Kubernetes cannot change a Job, so a new spec needs a new Job.
    """
    spec = _job_spec(args)
    about = metadata(f"{NAME}-{_digest(json.dumps(spec, sort_keys=True))}", known(args.namespace))
    # The next `pulumi up` replaces a failed Job and does not wait for it.
    return {"metadata": {**about, "annotations": {**DELETE_AT_ONCE, "pulumi.com/replaceUnready": "true"}}, "spec": spec}


def cron_manifest(args: JobArgs) -> Manifest:
    """The CronJob that renews certificates before they expire."""
    return {
        "metadata": metadata(f"{NAME}-renewal", known(args.namespace), at_once=True),
        "spec": {
            "schedule": RENEWAL,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {"spec": _job_spec(args)},
        },
    }


def _job_spec(args: JobArgs) -> Manifest:
    runs = container("secrets", known(args.image)) | {
        "env": [
            {"name": "NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "OWNER_NAME", "value": known(args.list_name)},
            {"name": "OWNER_UID", "value": known(args.list_uid)},
        ],
        "resources": resources("10m", "48Mi", "1", "128Mi"),
        "volumeMounts": [{"name": "list", "mountPath": _FOLDER, "readOnly": True}],
    }
    return {
        "backoffLimit": 3,
        "activeDeadlineSeconds": 240,
        "template": {
            "metadata": {"labels": labels(NAME)},
            "spec": {
                "serviceAccountName": NAME,
                "restartPolicy": "Never",
                "securityContext": RESTRICTED_POD,
                "containers": [runs],
                "volumes": [{"name": "list", "configMap": {"name": known(args.list_name)}}],
            },
        },
    }


def _digest(text: str) -> str:
    return digest(text)[:10]


class ServiceSecrets(pulumi.ComponentResource):
    """The certificate authority of the platform's own services, their certificates and passwords."""

    ca_secret: pulumi.Output[str]
    """The Secret with the `ca.crt` that verifies the services; known when all Secrets are made."""

    def __init__(self, name: str, args: ServiceSecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(ServiceSecretsArgs, args)
        super().__init__("kafkalogs:index:ServiceSecrets", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        wanted = manifest_of(list_manifest, args)
        listed = ConfigMap(
            name, metadata=part(wanted, "metadata"), data=part(wanted, "data"), immutable=True, opts=child
        )
        rights = self._rights(name, args)
        job_args = JobArgs(
            args.namespace,
            args.image,
            listed.metadata.apply(lambda of: of.name),
            listed.metadata.apply(lambda of: of.uid),
        )
        # Destroy deletes the Job first, then its rights and the list, which owns the Secrets.
        opts = after(self, [listed, *rights], minutes=5, delete=LONGEST_DELETION)
        job = manifest_of(job_manifest, job_args)
        made = Job(name, metadata=part(job, "metadata"), spec=part(job, "spec"), opts=opts)
        cron = manifest_of(cron_manifest, job_args)
        CronJob(f"{name}-renewal", metadata=part(cron, "metadata"), spec=part(cron, "spec"), opts=opts)
        self.ca_secret = made.urn.apply(lambda _: CA_SECRET)
        self.register_outputs({"caSecret": self.ca_secret})

    def _rights(self, name: str, args: ServiceSecretsArgs) -> list[pulumi.Resource]:
        about = untyped(metadata(NAME, args.namespace, at_once=True))
        child = pulumi.ResourceOptions(parent=self)
        rules = part(manifest_of(role_manifest, args), "rules")
        return [
            ServiceAccount(name, metadata=about, opts=child),
            Role(name, metadata=about, rules=rules, opts=child),
            RoleBinding(
                name,
                metadata=about,
                role_ref=untyped({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NAME}),
                subjects=untyped([{"kind": "ServiceAccount", "name": NAME, "namespace": args.namespace}]),
                opts=child,
            ),
        ]
