"""What the policies say of requests: of those that must pass, and of those that must not."""

from typing import Any

import pytest
from kafkalogs.aws import names, policies

from .aws_graph import ISSUER, KEY, PLACE, answer

BUCKET = "arn:aws:s3:::example"
DATA = f"{BUCKET}/logs/events/data/retention_class=audit/timestamp_day=2026-11-23/service=shop/1.parquet"
METADATA = f"{BUCKET}/logs/events/metadata/00001-x.gz.metadata.json"
SECURE = {"aws__SecureTransport": "true", "s3__TlsVersion": "1.3"}
GLUE = "arn:aws:glue:eu-central-1:123456789012"


@pytest.fixture
def bucket() -> dict[str, Any]:
    return policies.data_bucket_policy("eu-central-1", "example")


@pytest.fixture
def connect() -> dict[str, Any]:
    files = policies.BucketPath(PLACE["region"], "example", "logs", KEY)
    return policies.connect_policy(files, PLACE["account"], "kafkalogs_prod", "events")


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:PutObjectRetention"])
def test_plain_http_and_old_tls_are_denied_for_everything(bucket: dict[str, Any], action: str) -> None:
    assert answer(bucket, action, DATA, aws__SecureTransport="false") == "Deny"
    assert answer(bucket, action, DATA, aws__SecureTransport="true", s3__TlsVersion="1.1") == "Deny"
    assert answer(bucket, action, DATA, **SECURE) == ""
    assert answer(bucket, "s3:ListBucket", BUCKET, aws__SecureTransport="false") == "Deny"


def denied_with(bucket: dict[str, Any], header: str, value: str) -> bool:
    policy = {"Statement": bucket["Statement"]}
    context = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3", f"s3:x-amz-server-side-encryption{header}": value}
    keys = {key.replace(":", "__").replace("-", "_"): text for key, text in context.items()}
    return answer(policy, "s3:PutObject", DATA, **keys) == "Deny"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("-aws-kms-key-id", "arn:aws:kms:eu-central-1:999999999999:key/theirs"),
        ("-aws-kms-key-id", KEY),
        ("-customer-algorithm", "AES256"),
        ("", "AES256"),
        ("", "aws:kms"),
    ],
)
def test_nobody_chooses_an_encryption(bucket: dict[str, Any], header: str, value: str) -> None:
    assert denied_with(bucket, header, value)


def test_who_chooses_none_gets_the_buckets(bucket: dict[str, Any]) -> None:
    assert answer(bucket, "s3:PutObject", DATA, **SECURE) == ""


def test_access_logs_come_from_s3_and_this_bucket_alone() -> None:
    policy = policies.log_bucket_policy("eu-central-1", "123456789012", "example-logs", "example", "access/")
    target = "arn:aws:s3:::example-logs/access/x"
    ours = {**SECURE, "aws__SourceArn": BUCKET, "aws__SourceAccount": "123456789012"}
    assert answer(policy, "s3:PutObject", target, **ours) == "Allow"
    assert answer(policy, "s3:PutObject", target, **{**ours, "aws__SourceAccount": "999999999999"}) == ""
    assert answer(policy, "s3:PutObject", target, **{**ours, "aws__SourceArn": "arn:aws:s3:::other"}) == ""
    assert answer(policy, "s3:PutObject", "arn:aws:s3:::example-logs/other/x", **ours) == ""
    (allowing,) = [s for s in policy["Statement"] if s["Effect"] == "Allow"]
    assert allowing["Principal"] == {"Service": "logging.s3.amazonaws.com"}


def test_connect_writes_the_table_and_nothing_else(connect: dict[str, Any]) -> None:
    assert answer(connect, "s3:PutObject", DATA) == answer(connect, "s3:GetObject", METADATA) == "Allow"
    assert answer(connect, "s3:DeleteObject", METADATA) == answer(connect, "s3:DeleteObject", DATA) == "Allow"
    assert answer(connect, "s3:ListBucket", BUCKET, s3__prefix="logs/events/data/") == "Allow"
    for action, resource in (
        ("s3:DeleteObject", f"{BUCKET}/logs/other/data/x.parquet"),
        ("s3:DeleteObjectVersion", DATA),
        ("s3:DeleteObjectVersion", METADATA),
        ("s3:BypassGovernanceRetention", DATA),
        ("s3:PutObjectRetention", DATA),
        ("s3:PutObject", f"{BUCKET}/elsewhere/x"),
        ("s3:PutObject", "arn:aws:s3:::other/logs/events/x"),
        ("s3:PutBucketPolicy", BUCKET),
    ):
        assert answer(connect, action, resource) == "", (action, resource)
    assert answer(connect, "s3:ListBucket", BUCKET, s3__prefix="elsewhere/") == ""


def test_connect_uses_the_buckets_key_through_s3_alone(connect: dict[str, Any]) -> None:
    through = {"kms__ViaService": "s3.eu-central-1.amazonaws.com"}
    assert answer(connect, "kms:GenerateDataKey", KEY, **through) == "Allow"
    assert answer(connect, "kms:Decrypt", KEY, **through) == "Allow"
    assert answer(connect, "kms:Decrypt", KEY) == ""
    assert answer(connect, "kms:Decrypt", KEY.replace("archive", "state"), **through) == ""
    assert answer(connect, "kms:ScheduleKeyDeletion", KEY, **through) == ""


def test_connect_moves_one_table_of_the_catalog_and_deletes_none(connect: dict[str, Any]) -> None:
    for action in ("glue:GetTable", "glue:CreateTable", "glue:UpdateTable"):
        assert answer(connect, action, f"{GLUE}:table/kafkalogs_prod/events") == "Allow"
        assert answer(connect, action, f"{GLUE}:table/other/events") == ""
    assert answer(connect, "glue:CreateDatabase", f"{GLUE}:database/kafkalogs_prod") == "Allow"
    assert answer(connect, "glue:DeleteTable", f"{GLUE}:table/kafkalogs_prod/events") == ""
    assert answer(connect, "glue:DeleteDatabase", f"{GLUE}:database/kafkalogs_prod") == ""


def test_the_job_keeps_its_state_below_its_path() -> None:
    policy = policies.stream_policy(policies.BucketPath("eu-central-1", "example-stream", "state", KEY))
    home = "arn:aws:s3:::example-stream"
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert answer(policy, action, f"{home}/state/checkpoints/1") == "Allow"
        assert answer(policy, action, f"{home}/other/1") == ""
    assert answer(policy, "s3:DeleteObjectVersion", f"{home}/state/checkpoints/1") == ""
    whole = policies.stream_policy(policies.BucketPath("eu-central-1", "example-stream", "", KEY))
    assert answer(whole, "s3:ListBucket", home, s3__prefix="") == "Allow"
    assert answer(whole, "s3:PutObject", f"{home}/checkpoints/1") == "Allow"


def test_secrets_are_read_by_their_names() -> None:
    policy = policies.secrets_policy("eu-central-1", "123456789012", ["prod/pagerduty"])
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/pagerduty"
    assert answer(policy, "secretsmanager:GetSecretValue", f"{arn}-AbC123") == "Allow"
    assert answer(policy, "secretsmanager:GetSecretValue", f"{arn}-of-others-AbC123") == ""
    assert answer(policy, "secretsmanager:PutSecretValue", f"{arn}-AbC123") == ""


@pytest.mark.parametrize(
    "provider", [ISSUER, f"https://{ISSUER}", f"https://{ISSUER}/", f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"]
)
def test_a_role_is_for_one_service_account(provider: str) -> None:
    policy = policies.trust_policy("eu-central-1", "123456789012", provider, "kafkalogs", "connect-connect")
    (statement,) = policy["Statement"]
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"}
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {
            f"{ISSUER}:sub": "system:serviceaccount:kafkalogs:connect-connect",
            f"{ISSUER}:aud": "sts.amazonaws.com",
        }
    }


def test_administrators_of_a_key_cannot_use_it() -> None:
    admin = "arn:aws:iam::123456789012:role/keys"
    policy = policies.key_policy("eu-central-1", "123456789012", [admin])
    theirs = {"Statement": [s for s in policy["Statement"] if admin in s["Principal"]["AWS"]]}
    assert answer(theirs, "kms:ScheduleKeyDeletion", KEY) == answer(theirs, "kms:PutKeyPolicy", KEY) == "Allow"
    for action in ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom"):
        assert answer(theirs, action, KEY) == ""
    root = [s for s in policy["Statement"] if s["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}]
    assert [s["Action"] for s in root] == ["kms:*"]


def test_disks_use_their_key_within_the_account_alone() -> None:
    statements = policies.disk_key_statements("eu-central-1", "123456789012")
    policy = policies.document(statements)
    disk = {"kms__ViaService": "ec2.eu-central-1.amazonaws.com", "kms__CallerAccount": "123456789012"}
    assert answer(policy, "kms:GenerateDataKeyWithoutPlaintext", KEY, **disk) == "Allow"
    assert answer(policy, "kms:CreateGrant", KEY, **disk, kms__GrantIsForAWSResource="true") == "Allow"
    assert answer(policy, "kms:CreateGrant", KEY, **disk) == ""
    for other in ({**disk, "kms__CallerAccount": "999999999999"}, {"kms__CallerAccount": "123456789012"}):
        assert answer(policy, "kms:Decrypt", KEY, **other) == ""


def test_the_domain_logs_into_its_groups_alone() -> None:
    policy = policies.search_log_policy("eu-central-1", "123456789012", "logs", ["/aws/opensearch/logs/audit-logs"])
    group = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/opensearch/logs/audit-logs:log-stream:x"
    domain = "arn:aws:es:eu-central-1:123456789012:domain/logs"
    ours = {"aws__SourceAccount": "123456789012", "aws__SourceArn": domain}
    assert answer(policy, "logs:PutLogEvents", group, **ours) == "Allow"
    assert answer(policy, "logs:PutLogEvents", group, **{**ours, "aws__SourceArn": f"{domain}-2"}) == ""
    assert answer(policy, "logs:PutLogEvents", group.replace("audit-logs", "other"), **ours) == ""


def test_no_right_is_for_everything() -> None:
    written = [
        policies.connect_policy(policies.BucketPath(PLACE["region"], "b", "", KEY), PLACE["account"], "d", "t"),
        policies.stream_policy(policies.BucketPath("eu-central-1", "b", "", KEY)),
        policies.secrets_policy("eu-central-1", "123456789012", ["a", "b"]),
    ]
    for statement in (s for policy in written for s in policy["Statement"]):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action]
        assert statement["Resource"] != "*"
        assert "*" not in list(statement["Resource"] if isinstance(statement["Resource"], list) else [])


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_other_parts_of_aws_have_other_arns(region: str, partition: str) -> None:
    assert names.role_arn(region, "1", "r") == f"arn:{partition}:iam::1:role/r"
    assert names.bucket_arn(region, "b") == f"arn:{partition}:s3:::b"


def test_long_names_are_cut_and_stay_apart() -> None:
    assert names.fitting("kafkalogs-prod", 28) == "kafkalogs-prod"
    first, second = (names.fitting(f"kafkalogs-a-very-long-name-of-a-stack-{n}", 28) for n in (1, 2))
    assert first != second
    assert max(len(first), len(second)) <= 28
    assert names.fitting("kafkalogs-Prod", 28) != "kafkalogs-prod"


def test_a_warehouse_is_a_bucket_and_a_path() -> None:
    assert (names.bucket_of("s3://b/a/c/"), names.path_of("s3://b/a/c/")) == ("b", "a/c")
    assert (names.bucket_of("s3://b"), names.path_of("s3://b")) == ("b", "")
