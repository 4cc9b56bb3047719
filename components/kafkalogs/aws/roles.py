"""`ConnectRole`, `StreamRole` and `SecretsRole`: what pods may do on AWS, each with the token of its service account.

The cluster stores no AWS access key. The names of roles are fixed, so the service accounts can have the roles' ARNs
before the roles exist.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_aws import iam

from ..kube.resources import known, manifest_of, typed
from . import names
from .archive_layout import TABLE
from .policies import BucketPath, Policy, connect_policy, secrets_policy, stream_policy, trust_policy

ROLE_ANNOTATION: Final = "eks.amazonaws.com/role-arn"
"""The annotation with a service account's role; EKS gives its pods what they need to assume the role."""

_HOUR: Final = 3600


@dataclass(frozen=True, kw_only=True)
class WorkloadRoleArgs:
    """The arguments of all roles."""

    region: str
    """The region of the resources that the role may use."""

    account: str
    """The number of the account."""

    oidc_provider: str
    """The issuer of the cluster's tokens, which must be an identity provider in IAM."""

    namespace: str
    """The namespace of the service account."""

    service_account: str
    """The service account; no other may assume the role."""

    role: str
    """The name of the role."""


@dataclass(frozen=True, kw_only=True)
class ConnectRoleArgs(WorkloadRoleArgs):
    """The arguments of a `ConnectRole`."""

    bucket: str
    """The archive's bucket."""

    path: str
    """The folder of the warehouse in the bucket."""

    key_arn: pulumi.Input[str]
    """The ARN of the bucket's key."""

    database: str
    """The database of the Glue catalog."""

    table: str = TABLE
    """The table in the database."""


@dataclass(frozen=True, kw_only=True)
class StreamRoleArgs(WorkloadRoleArgs):
    """The arguments of a `StreamRole`."""

    bucket: str
    """The bucket with the job's state."""

    path: str
    """The folder in the bucket."""

    key_arn: pulumi.Input[str]
    """The ARN of the bucket's key."""


@dataclass(frozen=True, kw_only=True)
class SecretsRoleArgs(WorkloadRoleArgs):
    """The arguments of a `SecretsRole`."""

    secrets: Sequence[str]
    """The names of the secrets in Secrets Manager."""


class _WorkloadRole(pulumi.ComponentResource):
    """A role for one service account, with one policy."""

    arn: pulumi.Output[str]

    def _make(self, name: str, args: WorkloadRoleArgs, policy: pulumi.Input[Policy]) -> None:
        role = iam.Role(
            name,
            name=args.role,
            description=f"kafkalogs: {args.service_account} in {args.namespace}",
            assume_role_policy=json.dumps(
                trust_policy(args.region, args.account, args.oidc_provider, args.namespace, args.service_account)
            ),
            max_session_duration=_HOUR,
            opts=pulumi.ResourceOptions(parent=self),
        )
        text = json.dumps(policy) if isinstance(policy, dict) else pulumi.Output.json_dumps(policy)
        allowed = iam.RolePolicy(
            name,
            name="rights",
            role=args.role,
            policy=text,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[role]),
        )
        arn = names.role_arn(args.region, args.account, args.role)
        self.arn = allowed.id.apply(lambda _: arn)
        self.register_outputs({"arn": self.arn})


class ConnectRole(_WorkloadRole):
    """What Kafka Connect may do: access the files of the archive's table, and the table's entry in the catalog."""

    arn: pulumi.Output[str]
    """The ARN of the role, known when it has its rights."""

    def __init__(self, name: str, args: ConnectRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(ConnectRoleArgs, args)
        super().__init__("kafkalogs:index:ConnectRole", name, {}, opts)
        self._make(name, args, manifest_of(_connect_rights, args))


def _connect_rights(args: ConnectRoleArgs) -> Policy:
    files = BucketPath(known(args.region), known(args.bucket), known(args.path), known(args.key_arn))
    return connect_policy(files, known(args.account), known(args.database), known(args.table))


class StreamRole(_WorkloadRole):
    """What the stream job may do: keep its state in a bucket."""

    arn: pulumi.Output[str]
    """The ARN of the role, known when it has its rights."""

    def __init__(self, name: str, args: StreamRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(StreamRoleArgs, args)
        super().__init__("kafkalogs:index:StreamRole", name, {}, opts)
        self._make(name, args, manifest_of(_stream_rights, args))


def _stream_rights(args: StreamRoleArgs) -> Policy:
    return stream_policy(BucketPath(known(args.region), known(args.bucket), known(args.path), known(args.key_arn)))


class SecretsRole(_WorkloadRole):
    """What the secrets reader may do: read the secrets that the stack file names."""

    arn: pulumi.Output[str]
    """The ARN of the role, known when it has its rights."""

    def __init__(self, name: str, args: SecretsRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(SecretsRoleArgs, args)
        super().__init__("kafkalogs:index:SecretsRole", name, {}, opts)
        self._make(name, args, secrets_policy(args.region, args.account, args.secrets))
