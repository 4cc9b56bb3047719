"""`AwsSecrets`: passwords from AWS Secrets Manager as Secrets in the cluster; they do not pass through Pulumi.

The External Secrets Operator, which must be in the cluster, fetches the passwords every hour with a role that can read
only these secrets. To change a password, change it in Secrets Manager.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ServiceAccount

from ..kube.resources import Manifest, after, metadata, typed, untyped
from ..kube.service_secrets import credentials_secret
from . import names
from .roles import ROLE_ANNOTATION, SecretsRole, SecretsRoleArgs

READER: Final = "secrets-reader"
"""The service account that the operator uses to read secrets; no pod runs with it."""

STORE: Final = "aws-secrets-manager"
API: Final = "external-secrets.io/v1"
REFRESH: Final = "1h"


@dataclass(frozen=True, kw_only=True)
class AwsSecretsArgs:
    """The arguments of an `AwsSecrets`. A namespace can hold only one."""

    region: str
    """The region of the secrets."""

    account: str
    """The number of the account."""

    oidc_provider: str
    """The issuer of the cluster's tokens, which must be an identity provider in IAM."""

    namespace: str
    """The namespace of the Secrets."""

    role: str
    """The name of the role that reads the secrets."""

    secrets: Mapping[str, str]
    """The name in Secrets Manager of each credential. Each NAME becomes a Secret NAME-credentials with the fields of
    the secret's JSON object: username and password."""


def store_manifest(namespace: str, region: str) -> Manifest:
    """The SecretStore: Secrets Manager, with the role of the reader's service account."""
    return {
        "metadata": _waited_for(STORE, namespace),
        "spec": {
            "provider": {
                "aws": {
                    "service": "SecretsManager",
                    "region": region,
                    "auth": {"jwt": {"serviceAccountRef": {"name": READER}}},
                }
            }
        },
    }


def external_secret_manifest(namespace: str, name: str, secret: str) -> Manifest:
    """The ExternalSecret of one credential. secret: its name in Secrets Manager."""
    target = credentials_secret(name)
    return {
        "metadata": _waited_for(target, namespace),
        "spec": {
            "refreshInterval": REFRESH,
            "secretStoreRef": {"kind": "SecretStore", "name": STORE},
            # The Secret stays if its source is deleted, so the pods that use it keep running.
            "target": {"name": target, "creationPolicy": "Owner", "deletionPolicy": "Retain"},
            "dataFrom": [{"extract": {"key": secret}}],
        },
    }


def _waited_for(name: str, namespace: str) -> Manifest:
    return metadata(name, namespace, wait=True, at_once=True)


class AwsSecrets(pulumi.ComponentResource):
    """A SecretStore with its role, and an ExternalSecret for each credential."""

    secrets: pulumi.Output[list[str]]
    """The Secrets; known when all exist."""

    def __init__(self, name: str, args: AwsSecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(AwsSecretsArgs, args)
        super().__init__("kafkalogs:index:AwsSecrets", name, {}, opts)
        role = SecretsRole(
            name,
            SecretsRoleArgs(
                region=args.region,
                account=args.account,
                oidc_provider=args.oidc_provider,
                namespace=args.namespace,
                service_account=READER,
                role=args.role,
                secrets=tuple(args.secrets.values()),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        about = metadata(READER, args.namespace, at_once=True)
        about["annotations"][ROLE_ANNOTATION] = names.role_arn(args.region, args.account, args.role)
        reader = ServiceAccount(
            name,
            metadata=untyped(about),
            automount_service_account_token=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        store = CustomResource(
            name,
            api_version=API,
            kind="SecretStore",
            **store_manifest(args.namespace, args.region),
            opts=after(self, [role, reader], minutes=3, delete="3m"),
        )
        made = [
            CustomResource(
                f"{name}-{credential}",
                api_version=API,
                kind="ExternalSecret",
                **external_secret_manifest(args.namespace, credential, secret),
                opts=after(self, [store], minutes=5, delete="5m"),
            )
            for credential, secret in sorted(args.secrets.items())
        ]
        secrets = [credentials_secret(credential) for credential in sorted(args.secrets)]
        self.secrets = pulumi.Output.all(*(each.id for each in made)).apply(lambda _: secrets)
        self.register_outputs({"secrets": self.secrets})
