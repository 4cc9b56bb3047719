"""Policies of AWS as plain values: who may do what with the archive, its keys, its catalog and the search domain.

All are dicts as IAM takes them in JSON, see https://docs.aws.amazon.com/service-authorization/latest/reference. What is
denied in the policy of a bucket holds for everyone, administrators too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from . import names

Policy = dict[str, Any]
Statement = dict[str, Any]

TOKEN_AUDIENCE: Final = "sts.amazonaws.com"  # noqa: S105 - a name
"""For whom a pod's token must be: EKS gives it out for this, and for nothing else."""

_ADMINISTER: Final = [
    *(f"kms:{verb}*" for verb in ("Create", "Describe", "Enable", "List", "Put", "Update", "Revoke", "Disable")),
    *("kms:Get*", "kms:Delete*", "kms:TagResource", "kms:UntagResource", "kms:RotateKeyOnDemand"),
    *("kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion"),
]
"""What administrators of a key do: all but use it."""

_USE: Final = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]

_ALL: Final = {"Resource": "*"}
"""In the policy of a key: the key itself."""


def document(statements: Iterable[Statement]) -> Policy:
    """The policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust_policy(region: str, account: str, oidc_provider: str, namespace: str, service_account: str) -> Policy:
    """Who may take on a role: the pods of one service account, by the token that the cluster gives them."""
    issuer = names.issuer(oidc_provider)
    return document(
        [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Principal": {"Federated": names.iam_arn(region, account, f"oidc-provider/{issuer}")},
                "Condition": {
                    # Both, and to the letter: without the subject every pod of the cluster could.
                    "StringEquals": {
                        f"{issuer}:sub": f"system:serviceaccount:{namespace}:{service_account}",
                        f"{issuer}:aud": TOKEN_AUDIENCE,
                    }
                },
            }
        ]
    )


def key_policy(region: str, account: str, admins: Sequence[str] = (), further: Sequence[Statement] = ()) -> Policy:
    """The policy of a key: IAM's policies of the account decide, so that nobody can lock the account out of its data.

    admins: ARNs of who administers it besides, and may not use it. further: statements for services of AWS.
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
    """That every principal of the account may use a key, but for disks only: as AWS's own key for EBS has it. So the
    CSI driver's role needs no rights that follow from this stack."""
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
    """That CloudWatch may use a key for the log groups whose names begin so."""
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
    """That S3's log delivery may use a key for a bucket with access logs. Who may have logs put there is said by the
    policy of that bucket."""
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
    """That nobody reaches a bucket without TLS, or with less than 1.2."""
    arn = names.bucket_arn(region, bucket)
    deny: Statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    return [
        {"Sid": "TlsOnly", **deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Sid": "Tls12", **deny, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
    ]


def own_key_statements(region: str, bucket: str) -> list[Statement]:
    """That nobody writes with an encryption of their own choice: what the bucket does, with its own key, is the only
    one left. S3 looks at a policy before it applies a bucket's default, so requests that choose nothing pass.

    To name the right key is denied as well. The policy so needs no ARN of a key, and a preview can read it before the
    key is there.
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
    """A folder of a bucket, and the key of its files."""

    region: str
    bucket: str
    path: str
    """Below which the files are; empty for the whole bucket."""
    key_arn: str


def connect_policy(files: BucketPath, account: str, database: str, table: str) -> Policy:
    """What Connect may do: write and read the files of one table, and move the table's pointer in the catalog.

    files: of the warehouse. Of the table's files it may delete the old metadata, and no data. The sink
    asks for the database to be made each time it makes its table, and takes "is there" but not "denied" for an answer.
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
                "Sid": "OldMetadata",
                "Effect": "Allow",
                "Action": "s3:DeleteObject",
                "Resource": f"{home}/metadata/*",
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
    """What the stream job may do: keep its state below a path of a bucket, and remove it again."""
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
    """What the secrets' reader may do: read these secrets of Secrets Manager, which ends each ARN in six letters."""
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
    """The policy of a search domain in a VPC: HTTP from there, and the domain's own users decide.

    Users with a password sign no requests, so IAM sees nobody in them; a policy that names someone refuses them all.
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
    """That a search domain may write into these log groups of CloudWatch."""
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
