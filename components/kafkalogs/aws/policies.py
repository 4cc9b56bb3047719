"""AWS policies as plain values: who may do what with the archive, its keys, its catalog and the search domain.

All are dicts in IAM's JSON format, see https://docs.aws.amazon.com/service-authorization/latest/reference. A Deny in
the policy of a bucket applies to everyone, administrators too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from . import names

Policy = dict[str, Any]
Statement = dict[str, Any]

TOKEN_AUDIENCE: Final = "sts.amazonaws.com"  # noqa: S105 - a name
"""The audience of a pod's token: EKS issues the token for this audience only."""

_ADMINISTER: Final = [
    *(f"kms:{verb}*" for verb in ("Create", "Describe", "Enable", "List", "Put", "Update", "Revoke", "Disable")),
    *("kms:Get*", "kms:Delete*", "kms:TagResource", "kms:UntagResource", "kms:RotateKeyOnDemand"),
    *("kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion"),
]
"""What administrators of a key may do: everything except using it."""

_USE: Final = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]

_ALL: Final = {"Resource": "*"}
"""In a key's policy, * means the key itself."""


def document(statements: Iterable[Statement]) -> Policy:
    """The policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust_policy(region: str, account: str, oidc_provider: str, namespace: str, service_account: str) -> Policy:
    """Who may assume a role: the pods of one service account, with the token that the cluster gives them."""
    issuer = names.issuer(oidc_provider)
    return document(
        [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Principal": {"Federated": names.iam_arn(region, account, f"oidc-provider/{issuer}")},
                "Condition": {
                    # Both must be equal: without the subject, every pod of the cluster could assume the role.
                    "StringEquals": {
                        f"{issuer}:sub": f"system:serviceaccount:{namespace}:{service_account}",
                        f"{issuer}:aud": TOKEN_AUDIENCE,
                    }
                },
            }
        ]
    )


def key_policy(region: str, account: str, admins: Sequence[str] = (), further: Sequence[Statement] = ()) -> Policy:
    """The policy of a key: the account's IAM policies decide, so nobody can lock the account out of its data.

    admins: ARNs of further principals that may administer the key but not use it. further: statements for AWS services.
    """
    root = {"AWS": names.iam_arn(region, account, "root")}
    statements: list[Statement] = [
        {"Sid": "AsIamSays", "Effect": "Allow", "Principal": root, "Action": "kms:*", **_ALL}
    ]
    if admins:
        people = {"AWS": sorted(admins)}
        statements.append(
            {"Sid": "Administration", "Effect": "Allow", "Principal": people, "Action": list(_ADMINISTER), **_ALL}
        )
    return document([*statements, *further])


def disk_key_statements(region: str, account: str) -> list[Statement]:
    """Allows every principal of the account to use a key, but only for disks, like AWS's default key for EBS. So the
    CSI driver's role needs no rights from this stack."""
    via = {
        "kms:ViaService": f"ec2.{region}.{names.dns_suffix(region)}",
        "kms:CallerAccount": account,
    }
    everyone: Statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, **_ALL}
    return [
        {"Sid": "DisksOfTheAccount", **everyone, "Action": list(_USE), "Condition": {"StringEquals": via}},
        {
            "Sid": "GrantsForDisks",
            **everyone,
            "Action": "kms:CreateGrant",
            "Condition": {"StringEquals": via, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
    ]


def log_key_statement(region: str, account: str, log_groups: str) -> Statement:
    """Allows CloudWatch to use a key for the log groups whose names begin with `log_groups`."""
    context = {"kms:EncryptionContext:aws:logs:arn": names.arn("logs", region, account, f"log-group:{log_groups}*")}
    return {
        "Sid": "LogGroups",
        "Effect": "Allow",
        "Principal": {"Service": f"logs.{region}.amazonaws.com"},
        "Action": [verb for verb in _USE if verb != "kms:DescribeKey"] + ["kms:Describe*"],
        **_ALL,
        "Condition": {"ArnLike": context},
    }


def access_log_key_statement(region: str, bucket: str) -> Statement:
    """Allows S3's log delivery to use a key for a bucket with access logs. The policy of that bucket defines whose
    logs it accepts."""
    arn = names.bucket_arn(region, bucket)
    return {
        "Sid": "AccessLogs",
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        **_ALL,
        "Condition": {"ArnLike": {"kms:EncryptionContext:aws:s3:arn": [arn, f"{arn}/*"]}},
    }


def tls_statements(region: str, bucket: str) -> list[Statement]:
    """Denies access to a bucket without TLS, or with a version below 1.2."""
    arn = names.bucket_arn(region, bucket)
    deny: Statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    return [
        {"Sid": "TlsOnly", **deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Sid": "Tls12", **deny, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
    ]


def own_key_statements(region: str, bucket: str) -> list[Statement]:
    """Denies writes that choose an encryption, so only the bucket's default encryption with the bucket's key remains.
    S3 checks a policy before it applies a bucket's default, so requests that choose no encryption pass.

    Requests that name the right key are denied too. So the policy needs no ARN of a key, and a preview shows the policy
    before the key exists.
    """
    headers = {
        "NoOtherAlgorithm": "s3:x-amz-server-side-encryption",
        "NoOtherKey": "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "NoKeyOfTheClient": "s3:x-amz-server-side-encryption-customer-algorithm",
    }
    return [
        {
            "Sid": sid,
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"{names.bucket_arn(region, bucket)}/*",
            "Condition": {"Null": {header: "false"}},
        }
        for sid, header in headers.items()
    ]


def data_bucket_policy(region: str, bucket: str) -> Policy:
    """The policy of a bucket with data."""
    return document([*tls_statements(region, bucket), *own_key_statements(region, bucket)])


def log_bucket_policy(region: str, account: str, bucket: str, source: str, prefix: str) -> Policy:
    """The policy of the bucket with the access logs of the bucket `source`: S3's log delivery writes below `prefix`."""
    return document(
        [
            *tls_statements(region, bucket),
            {
                "Sid": "AccessLogs",
                "Effect": "Allow",
                "Principal": {"Service": "logging.s3.amazonaws.com"},
                "Action": "s3:PutObject",
                "Resource": f"{names.bucket_arn(region, bucket)}/{prefix}*",
                "Condition": {
                    "ArnLike": {"aws:SourceArn": names.bucket_arn(region, source)},
                    "StringEquals": {"aws:SourceAccount": account},
                },
            },
        ]
    )


def _key_statement(region: str, key_arn: str) -> Statement:
    return {
        "Sid": "Key",
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": key_arn,
        "Condition": {"StringEquals": {"kms:ViaService": f"s3.{region}.{names.dns_suffix(region)}"}},
    }


def _list_statement(region: str, bucket: str, path: str) -> Statement:
    statement: Statement = {
        "Sid": "List",
        "Effect": "Allow",
        "Action": ["s3:ListBucket", "s3:ListBucketMultipartUploads"],
        "Resource": names.bucket_arn(region, bucket),
    }
    return {**statement, "Condition": {"StringLike": {"s3:prefix": [path, f"{path}/*"]}}} if path else statement


@dataclass(frozen=True)
class BucketPath:
    """A folder of a bucket, and the key that encrypts its files."""

    region: str
    bucket: str
    path: str
    """The folder of the files; empty for the whole bucket."""
    key_arn: str


def connect_policy(files: BucketPath, account: str, database: str, table: str) -> Policy:
    """What Connect may do: write and read the files of one table, and move the table's pointer in the catalog.

    files: the warehouse. Connect may delete files of the table, as its maintenance does. The bucket keeps their
    versions, of which Connect may delete none. Each time the sink makes its table, it also tries to make the database;
    it accepts the answer "exists" but not "denied".
    """
    home = "/".join(filter(None, (names.bucket_arn(files.region, files.bucket), files.path, table)))
    catalog = [
        names.arn("glue", files.region, account, resource)
        for resource in ("catalog", f"database/{database}", f"table/{database}/{table}")
    ]
    return document(
        [
            _list_statement(files.region, files.bucket, files.path),
            {
                "Sid": "Files",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
                "Resource": f"{home}/*",
            },
            {
                "Sid": "OldFiles",
                "Effect": "Allow",
                "Action": "s3:DeleteObject",
                "Resource": [f"{home}/data/*", f"{home}/metadata/*"],
            },
            _key_statement(files.region, files.key_arn),
            {
                "Sid": "Database",
                "Effect": "Allow",
                "Action": ["glue:GetDatabase", "glue:CreateDatabase"],
                "Resource": catalog[:2],
            },
            {
                "Sid": "Table",
                "Effect": "Allow",
                "Action": ["glue:GetTable", "glue:CreateTable", "glue:UpdateTable"],
                "Resource": catalog,
            },
        ]
    )


def stream_policy(files: BucketPath) -> Policy:
    """What the stream job may do: write and delete its state below a path of a bucket."""
    home = "/".join(filter(None, (names.bucket_arn(files.region, files.bucket), files.path)))
    return document(
        [
            _list_statement(files.region, files.bucket, files.path),
            {
                "Sid": "State",
                "Effect": "Allow",
                "Action": [
                    *("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
                    *("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
                ],
                "Resource": f"{home}/*",
            },
            _key_statement(files.region, files.key_arn),
        ]
    )


def secrets_policy(region: str, account: str, secrets: Iterable[str]) -> Policy:
    """What the secrets reader may do: read these secrets. Secrets Manager adds six characters to each secret's ARN."""
    return document(
        [
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
                "Resource": [
                    names.arn("secretsmanager", region, account, f"secret:{name}-??????")
                    for name in sorted(set(secrets))
                ],
            }
        ]
    )


def search_access_policy(region: str, account: str, domain: str) -> Policy:
    """The policy of a search domain in a VPC: HTTP from the VPC is allowed, and the domain's users limit access.

    Users with a password sign no requests, so IAM sees no principal; a policy that names a principal refuses them all.
    """
    return document(
        [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": "es:ESHttp*",
                "Resource": f"{names.arn('es', region, account, f'domain/{domain}')}/*",
            }
        ]
    )


def search_log_policy(region: str, account: str, domain: str, log_groups: Iterable[str]) -> Policy:
    """Allows a search domain to write to these log groups of CloudWatch."""
    return document(
        [
            {
                "Effect": "Allow",
                "Principal": {"Service": "es.amazonaws.com"},
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents", "logs:PutLogEventsBatch"],
                "Resource": [names.arn("logs", region, account, f"log-group:{name}:*") for name in log_groups],
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": account},
                    "ArnLike": {"aws:SourceArn": names.arn("es", region, account, f"domain/{domain}")},
                },
            }
        ]
    )
