"""`AwsServices`: the resources on AWS that the stack file's `aws` declares, and the Secrets of all parts.

`AwsServices` replaces `LocalServices` for a stack on AWS: both provide the services that the platform's parts need.
None of the AWS services runs in the cluster; pods reach AWS by the roles of their service accounts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import pulumi
import pulumi_aws
from kafkalogs import Endpoints, LogPlatform, parts
from kafkalogs.aws import names
from kafkalogs.aws.buckets import ArchiveBucket, ArchiveBucketArgs, StateBucket, StateBucketArgs
from kafkalogs.aws.disks import EncryptedStorageClass, EncryptedStorageClassArgs
from kafkalogs.aws.glue import GlueCatalog, GlueCatalogArgs
from kafkalogs.aws.roles import ROLE_ANNOTATION, ConnectRole, ConnectRoleArgs, StreamRole, StreamRoleArgs
from kafkalogs.aws.search import SearchDomain, SearchDomainArgs
from kafkalogs.aws.secrets import AwsSecrets, AwsSecretsArgs
from kafkalogs.config.aws import STORAGE_CLASS, Aws, AwsSearch
from kafkalogs.config.models import Archive, Platform, Stream
from kafkalogs.config.problems import ConfigError, Problem
from kafkalogs.kube.service_secrets import ServiceSecrets, ServiceSecretsArgs
from kafkalogs.sinks.connect import service_account
from kafkalogs.sinks.record import CONNECT
from kafkalogs.stream.record import STREAM


@dataclass(frozen=True)
class AwsServicesArgs:
    """The arguments of `AwsServices`."""

    platform: LogPlatform
    """The platform whose parts need the services."""

    images: Mapping[str, str]
    """The references of the images by name; `secrets` is needed."""

    stack: str
    """The name of the stack; part of all names that must be unique in an account."""


def check(config: Platform, images: Mapping[str, str]) -> None:
    """Raise ConfigError for missing images, before anything is registered."""
    parts.check_images(config, images)
    problems: list[Problem] = []
    if parts.switched_on(config) and "secrets" not in images:
        problems.append(Problem(("aws",), "on", "the image `secrets` is missing; run make images REGISTRY=..."))
    if problems:
        raise ConfigError(problems)


def options(config: Platform, stack: str) -> pulumi.ResourceOptions:
    """The options of AWS's resources: only the stack file's region and account are allowed."""
    aws = _aws(config)
    provider = pulumi_aws.Provider(
        "aws",
        region=aws.region,
        # With the credentials of another account, Pulumi stops instead of creating resources there.
        allowed_account_ids=[aws.account],
        default_tags={"tags": {"kafkalogs:stack": stack, "kafkalogs:environment": config.environment}},
    )
    return pulumi.ResourceOptions(providers=[provider])


def disks(config: Platform, stack: str, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """The StorageClass of the brokers' disks, if the stack file has one. It must exist before the brokers."""
    aws = _aws(config)
    if not aws.storage_class:
        return []
    args = EncryptedStorageClassArgs(
        region=aws.region,
        account=aws.account,
        storage_class=STORAGE_CLASS,
        alias=f"kafkalogs-{stack}-disks",
        key_admins=aws.kms_admins,
        protect=config.protect,
    )
    return [EncryptedStorageClass("disks", args, opts)]


def database_name(stack: str) -> str:
    """The database of a stack in the account's Glue catalog."""
    return f"kafkalogs_{names.fitting(stack, 60).replace('-', '_')}"


def role_name(stack: str, part: str) -> str:
    """The name of the role of a part."""
    return names.fitting(f"kafkalogs-{stack}-{part}", names.ROLE_LENGTH)


def archived_classes(config: Platform) -> list[str]:
    """The retention classes of the topics that are archived."""
    return sorted(set(parts.log_classes(config).values()))


def lock_years(config: Platform, classes: list[str]) -> int:
    """For how many years no version of an archived file can be removed: the longest retention of the classes.

    A bucket has one default for all its files. A shorter default would not keep every class for its required time.
    """
    return max(config.compliance.years(kind) for kind in classes)


class AwsServices(pulumi.ComponentResource):
    """The archive's bucket and catalog, the state's bucket, the search domain, roles, and Secrets."""

    endpoints: Endpoints
    """The addresses of the services that the platform's parts need."""

    def __init__(self, name: str, args: AwsServicesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        config = args.platform.config
        aws = _aws(config)
        super().__init__("kafkalogs:index:AwsServices", name, {}, opts)
        self._args, self._config, self._aws = args, config, aws
        self._child = pulumi.ResourceOptions(parent=self)
        self._place = {"region": aws.region, "account": aws.account}
        self._workload = {**self._place, "oidc_provider": aws.oidc_provider, "namespace": config.namespace}
        identities: dict[str, Mapping[str, str]] = {}
        certificates, credentials = parts.needed_secrets(config)
        wanted = {key: user for key, user in credentials.items() if key not in aws.secrets}
        ServiceSecrets(
            f"{name}-secrets",
            ServiceSecretsArgs(config.namespace, args.images["secrets"], certificates, wanted),
            self._child,
        )
        if aws.secrets:
            from_aws = AwsSecretsArgs(
                **self._workload, role=role_name(args.stack, "secrets"), secrets=dict(aws.secrets)
            )
            AwsSecrets("aws-secrets", from_aws, self._child)
        if config.archive:
            identities["connect"] = self._archive(config.archive)
        if config.stream:
            identities[STREAM] = self._stream(config.stream)
        search = self._search(aws.search) if aws.search else config.endpoints.search
        self.endpoints = Endpoints(
            database=config.endpoints.database,
            search=search,
            pagerduty=config.pager and config.pager.url,
            ca_secrets=config.endpoints.ca_secrets.named(),
            identities=identities,
            archive_table=f"{database_name(args.stack)}.events",
            archive_by_class=True,
        )
        self.register_outputs({})

    def _archive(self, archive: Archive) -> dict[str, str]:
        """Make the archive's bucket, catalog and role; return the annotations of Connect's service account."""
        stack, bucket = self._args.stack, names.bucket_of(archive.warehouse)
        path, role = names.path_of(archive.warehouse), role_name(stack, "connect")
        classes = archived_classes(self._config)
        made = ArchiveBucket(
            "archive-bucket",
            ArchiveBucketArgs(
                **self._place,
                bucket=bucket,
                path=path,
                retention_classes=classes,
                lock_years=lock_years(self._config, classes),
                lock_mode=self._aws.object_lock,
                key_admins=self._aws.kms_admins,
                protect=self._config.protect,
            ),
            self._child,
        )
        GlueCatalog(
            "catalog",
            GlueCatalogArgs(
                account=self._aws.account,
                database=database_name(stack),
                warehouse=archive.warehouse,
                protect=self._config.protect,
            ),
            self._child,
        )
        ConnectRole(
            "connect-role",
            ConnectRoleArgs(
                **self._workload,
                service_account=service_account(CONNECT),
                role=role,
                bucket=bucket,
                path=path,
                key_arn=made.key_arn,
                database=database_name(stack),
            ),
            self._child,
        )
        return self._annotation(role)

    def _stream(self, stream: Stream) -> dict[str, str]:
        """Make the state bucket and the role of the stream job; return the annotations of the job's service account."""
        role, bucket = role_name(self._args.stack, "stream"), names.bucket_of(stream.state)
        made = StateBucket(
            "state-bucket",
            StateBucketArgs(
                **self._place, bucket=bucket, key_admins=self._aws.kms_admins, protect=self._config.protect
            ),
            self._child,
        )
        StreamRole(
            "stream-role",
            StreamRoleArgs(
                **self._workload,
                service_account=STREAM,
                role=role,
                bucket=bucket,
                path=names.path_of(stream.state),
                key_arn=made.key_arn,
            ),
            self._child,
        )
        return self._annotation(role)

    def _search(self, search: AwsSearch) -> pulumi.Output[str]:
        """Make the search domain and return its URL."""
        admin = self._search_admin()
        domain = SearchDomain(
            "search-domain",
            SearchDomainArgs(
                **self._place,
                domain=names.fitting(f"kafkalogs-{self._args.stack}", names.DOMAIN_LENGTH),
                subnets=search.subnets,
                security_groups=search.security_groups,
                admin_name=admin.apply(lambda known: known["username"]),
                admin_password=admin.apply(lambda known: known["password"]),
                instance_type=search.instance_type,
                instances=search.instances,
                volume=search.volume,
                zones=search.zones,
                key_admins=self._aws.kms_admins,
                protect=self._config.protect,
            ),
            self._child,
        )
        return domain.url

    def _search_admin(self) -> pulumi.Output[dict[str, str]]:
        """The user name and password of the domain's administrator. A preview does not read them: a user who may only
        preview needs no access to them, and Pulumi does not compare them after the domain's creation."""
        if pulumi.runtime.is_dry_run():
            return pulumi.Output.secret(cast("str", pulumi.UNKNOWN)).apply(_credentials)
        found = pulumi_aws.secretsmanager.get_secret_version_output(
            secret_id=self._aws.secrets["elastic"], opts=pulumi.InvokeOutputOptions(parent=self)
        )
        return pulumi.Output.secret(found.secret_string).apply(_credentials)

    def _annotation(self, role: str) -> dict[str, str]:
        return {ROLE_ANNOTATION: names.role_arn(self._aws.region, self._aws.account, role)}


def _credentials(text: str) -> dict[str, str]:
    """The user name and password in a secret. Raises pulumi.RunError with the required form, without the secret."""
    try:
        found = json.loads(text)
        return {key: str(found[key]) for key in ("username", "password")}
    except (ValueError, KeyError, TypeError):
        text = 'not a user name and a password; store {"username": ..., "password": ...} under this name'
        raise pulumi.RunError(f"aws.secrets.elastic: {text}") from None


def _aws(config: Platform) -> Aws:
    if config.aws is None:
        raise ConfigError([Problem(("aws",), None, "missing; write region, account, oidcProvider and bucket")])
    return config.aws
