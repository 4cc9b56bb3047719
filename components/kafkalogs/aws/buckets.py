"""`ArchiveBucket` and `StateBucket`: the files of the archive and of the stream job, closed to all but their users.

Each bucket is encrypted with a separate key, and no request can choose another key. Both keep versions and accept only
TLS. The archive's versions are locked until their retention ends, and access logs record who read or wrote which file.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_aws import kms, s3

from ..kube.resources import typed
from . import archive_layout as layout
from .keys import AwsPlace, KeyUse, encryption_key
from .policies import Policy, access_log_key_statement, data_bucket_policy, log_bucket_policy

LOG_DAYS: Final = 400
"""How long access logs are kept: more than a year, so that a review covers a full year."""

LOG_PREFIX: Final = "access/"


@dataclass(frozen=True, kw_only=True)
class ArchiveBucketArgs:
    """The arguments of an `ArchiveBucket`."""

    region: str
    """The region of the bucket."""

    account: str
    """The number of the account."""

    bucket: str
    """The name of the bucket; the bucket of its access logs has the same name with -logs."""

    path: str = ""
    """The folder of the warehouse in the bucket."""

    retention_classes: Sequence[str] = ()
    """The retention classes of the archived topics: each has a folder."""

    lock_years: int = 7
    """For how many years no version can be deleted."""

    lock_mode: str = "GOVERNANCE"
    """GOVERNANCE: only those with s3:BypassGovernanceRetention can delete versions early. COMPLIANCE: nobody can."""

    key_admins: Sequence[str] = ()
    """ARNs of who administers the key besides the account."""

    protect: bool = True
    """Whether Pulumi refuses to delete the buckets and the key."""


@dataclass(frozen=True, kw_only=True)
class StateBucketArgs:
    """The arguments of a `StateBucket`."""

    region: str
    """The region of the bucket."""

    account: str
    """The number of the account."""

    bucket: str
    """The name of the bucket."""

    key_admins: Sequence[str] = ()
    """ARNs of who administers the key besides the account."""

    protect: bool = True
    """Whether Pulumi refuses to delete the bucket and the key."""


class ArchiveBucket(pulumi.ComponentResource):
    """The archive's bucket, the bucket's key, and a second bucket for access logs."""

    bucket: pulumi.Output[str]
    """The name of the bucket, known when it is set up."""

    key_arn: pulumi.Output[str]
    """The ARN of its key."""

    log_bucket: pulumi.Output[str]
    """The name of the bucket with its access logs."""

    def __init__(self, name: str, args: ArchiveBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(ArchiveBucketArgs, args)
        super().__init__("kafkalogs:index:ArchiveBucket", name, {}, opts)
        kept = pulumi.ResourceOptions(parent=self, protect=args.protect or None)
        child = pulumi.ResourceOptions(parent=self)
        place = AwsPlace(args.region, args.account)
        logs = f"{args.bucket}-logs"
        delivery = access_log_key_statement(args.region, logs)
        use = KeyUse(args.bucket, f"Log archive {args.bucket}", args.key_admins, [delivery])
        key = encryption_key(name, place, use, kept)
        log_bucket, logs_ready = _bucket(
            f"{name}-logs",
            logs,
            key,
            _Kept(
                log_bucket_policy(args.region, args.account, logs, args.bucket, LOG_PREFIX),
                layout.log_rules(LOG_DAYS),
            ),
            kept,
        )
        bucket, ready = _bucket(
            name,
            args.bucket,
            key,
            _Kept(
                data_bucket_policy(args.region, args.bucket),
                layout.lifecycle_rules(args.path, list(args.retention_classes)),
                lock=True,
            ),
            kept,
        )
        ready.append(
            s3.BucketObjectLockConfiguration(
                name,
                bucket=bucket.bucket,
                object_lock_enabled="Enabled",
                rule={"default_retention": {"mode": args.lock_mode, "years": args.lock_years}},
                # S3 refuses a lock without versions; files written before the lock would not be locked.
                opts=pulumi.ResourceOptions(parent=self, depends_on=ready),
            )
        )
        ready.append(
            s3.BucketLogging(
                name,
                bucket=bucket.bucket,
                target_bucket=log_bucket.bucket,
                target_prefix=LOG_PREFIX,
                target_object_key_format={"partitioned_prefix": {"partition_date_source": "EventTime"}},
                opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=logs_ready)),
            )
        )
        self.bucket = pulumi.Output.all(*(each.id for each in ready)).apply(lambda _: args.bucket)
        self.key_arn = key.arn
        self.log_bucket = log_bucket.bucket
        self.register_outputs({"bucket": self.bucket, "keyArn": self.key_arn, "logBucket": self.log_bucket})


class StateBucket(pulumi.ComponentResource):
    """The bucket with the stream job's checkpoints and savepoints, and its key. No lock: the job deletes old ones."""

    bucket: pulumi.Output[str]
    """The name of the bucket, known when it is set up."""

    key_arn: pulumi.Output[str]
    """The ARN of its key."""

    def __init__(self, name: str, args: StateBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(StateBucketArgs, args)
        super().__init__("kafkalogs:index:StateBucket", name, {}, opts)
        kept = pulumi.ResourceOptions(parent=self, protect=args.protect or None)
        place = AwsPlace(args.region, args.account)
        use = KeyUse(args.bucket, f"State of the stream job {args.bucket}", args.key_admins)
        key = encryption_key(name, place, use, kept)
        rules = _Kept(data_bucket_policy(args.region, args.bucket), layout.state_rules())
        _, ready = _bucket(name, args.bucket, key, rules, kept)
        self.bucket = pulumi.Output.all(*(each.id for each in ready)).apply(lambda _: args.bucket)
        self.key_arn = key.arn
        self.register_outputs({"bucket": self.bucket, "keyArn": self.key_arn})


@dataclass(frozen=True)
class _Kept:
    """Who may access a bucket's files, and how long the files are kept."""

    policy: Policy
    lifecycle: Any
    lock: bool = False
    """Whether versions are locked until their retention ends."""


def _bucket(
    name: str,
    bucket: str,
    key: kms.Key,
    rules: _Kept,
    kept: pulumi.ResourceOptions,
) -> tuple[s3.Bucket, list[pulumi.CustomResource]]:
    """A bucket and the resources that protect it; do not use the bucket before they exist.

    These resources have the bucket's name as plain text, so a preview shows to which bucket they belong.
    """
    made = s3.Bucket(name, bucket=bucket, object_lock_enabled=rules.lock or None, force_destroy=False, opts=kept)
    after = pulumi.ResourceOptions(parent=kept.parent, depends_on=[made])
    encryption: Any = {
        "apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": key.arn},
        # One bucket key for many objects: otherwise each file needs a paid request to KMS.
        "bucket_key_enabled": True,
        # Keys that clients send: S3 does not store them, so nobody else could ever read the object.
        "blocked_encryption_types": ["SSE-C"],
    }
    closed = s3.BucketPublicAccessBlock(
        name,
        bucket=bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=after,
    )
    versions = s3.BucketVersioning(name, bucket=bucket, versioning_configuration={"status": "Enabled"}, opts=after)
    ready: list[pulumi.CustomResource] = [
        closed,
        versions,
        s3.BucketOwnershipControls(name, bucket=bucket, rule={"object_ownership": "BucketOwnerEnforced"}, opts=after),
        s3.BucketServerSideEncryptionConfiguration(name, bucket=bucket, rules=[encryption], opts=after),
        # S3 accepts only one change of a bucket's access at a time.
        s3.BucketPolicy(
            name,
            bucket=bucket,
            policy=json.dumps(rules.policy),
            opts=pulumi.ResourceOptions(parent=kept.parent, depends_on=[made, closed]),
        ),
        s3.BucketLifecycleConfiguration(
            name,
            bucket=bucket,
            rules=rules.lifecycle,
            # Smaller files cost more to move than they save.
            transition_default_minimum_object_size="all_storage_classes_128K",
            opts=pulumi.ResourceOptions(parent=kept.parent, depends_on=[made, versions]),
        ),
    ]
    return made, ready
