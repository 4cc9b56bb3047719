"""Dangers of what is on AWS: each watched property, each guard, policies that allow more."""

import json
from typing import Any

import pytest

from .steps import UNKNOWN, Json, changed, kinds, step


def statement(effect: str = "Allow", action: str = "s3:GetObject", resource: str = "arn:x/*", **more: Any) -> Json:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def policy(*statements: Json) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


TLS_ONLY = statement("Deny", "s3:*", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})
READ = statement(Principal={"AWS": "arn:role"})

BUCKET: Json = {"bucket": "logs", "forceDestroy": False}
SSE: Json = {
    "bucket": "logs",
    "rules": [
        {
            "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "arn:key"},
            "blockedEncryptionTypes": ["SSE-C"],
        }
    ],
}
CLOSED: Json = {
    "blockPublicAcls": True,
    "blockPublicPolicy": True,
    "ignorePublicAcls": True,
    "restrictPublicBuckets": True,
}
LOCK: Json = {"rule": {"defaultRetention": {"mode": "COMPLIANCE", "years": 7}}}
KEY: Json = {"enableKeyRotation": True, "deletionWindowInDays": 30, "policy": policy(READ)}
DOMAIN: Json = {
    "domainName": "logs",
    "encryptAtRest": {"enabled": True},
    "nodeToNodeEncryption": {"enabled": True},
    "domainEndpointOptions": {"enforceHttps": True, "tlsSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10"},
    "advancedSecurityOptions": {"enabled": True},
    "clusterConfig": {"instanceCount": 3, "zoneAwarenessEnabled": True},
    "ebsOptions": {"volumeSize": 100},
    "vpcOptions": {"securityGroupIds": ["sg-1"], "subnetIds": ["a"]},
    "accessPolicies": policy(READ),
}
RULES: Json = {"rules": [{"id": "audit", "status": "Enabled", "expiration": {"days": 2555}}]}

S3 = "aws:s3/"
MUTATIONS: list[tuple[str, Json, tuple[str | int, ...], Any, str]] = [
    (f"{S3}bucket:Bucket", BUCKET, ("forceDestroy",), True, "protection"),
    (f"{S3}bucketV2:BucketV2", BUCKET, ("forceDestroy",), True, "protection"),
    *(
        (f"{S3}x:BucketServerSideEncryptionConfiguration", SSE, ("rules", 0, *path), to, kind)
        for path, to, kind in (
            (("applyServerSideEncryptionByDefault", "sseAlgorithm"), "AES256", "encryption"),
            (("applyServerSideEncryptionByDefault", "kmsMasterKeyId"), "arn:other", "encryption"),
            (("applyServerSideEncryptionByDefault", "kmsMasterKeyId"), ..., "encryption"),
            (("applyServerSideEncryptionByDefault", "kmsMasterKeyId"), UNKNOWN, "unknown"),
            (("blockedEncryptionTypes",), ..., "encryption"),
        )
    ),
    *((f"{S3}x:BucketPublicAccessBlock", CLOSED, (flag,), False, "access") for flag in CLOSED),
    *((f"{S3}x:BucketPublicAccessBlock", CLOSED, (flag,), ..., "access") for flag in CLOSED),
    (
        f"{S3}x:BucketOwnershipControls",
        {"rule": {"objectOwnership": "BucketOwnerEnforced"}},
        ("rule", "objectOwnership"),
        "ObjectWriter",
        "access",
    ),
    (
        f"{S3}x:BucketVersioning",
        {"versioningConfiguration": {"status": "Enabled"}},
        ("versioningConfiguration", "status"),
        "Suspended",
        "protection",
    ),
    (f"{S3}x:BucketObjectLockConfiguration", LOCK, ("rule", "defaultRetention", "mode"), "GOVERNANCE", "protection"),
    (f"{S3}x:BucketObjectLockConfiguration", LOCK, ("rule", "defaultRetention", "years"), 1, "protection"),
    (f"{S3}x:BucketObjectLockConfiguration", LOCK, ("rule",), ..., "protection"),
    (f"{S3}x:BucketLifecycleConfiguration", RULES, ("rules", 0, "expiration", "days"), 30, "retention"),
    (f"{S3}x:BucketLifecycleConfiguration", {"rules": []}, ("rules",), RULES["rules"], "retention"),
    (f"{S3}x:BucketPolicy", {"policy": policy(TLS_ONLY, READ)}, ("policy",), policy(READ), "encryption"),
    (f"{S3}x:BucketPolicy", {"policy": policy(TLS_ONLY)}, ("policy",), policy(TLS_ONLY, READ), "access"),
    (f"{S3}x:BucketPolicy", {"policy": policy(READ)}, ("policy",), policy(READ | {"Principal": "*"}), "access"),
    (f"{S3}x:BucketPolicy", {"policy": policy(READ)}, ("policy",), UNKNOWN, "unknown"),
    ("aws:kms/key:Key", KEY, ("enableKeyRotation",), False, "encryption"),
    ("aws:kms/key:Key", KEY, ("deletionWindowInDays",), 7, "protection"),
    ("aws:kms/key:Key", KEY, ("isEnabled",), False, "encryption"),
    ("aws:kms/key:Key", KEY, ("policy",), policy(READ, statement(action="kms:*", Principal="*")), "access"),
    (
        "aws:iam/rolePolicy:RolePolicy",
        {"policy": policy(statement())},
        ("policy",),
        policy(statement(action="s3:*")),
        "access",
    ),
    (
        "aws:iam/rolePolicy:RolePolicy",
        {"policy": policy(statement())},
        ("policy",),
        policy(statement(resource="*")),
        "access",
    ),
    (
        "aws:iam/role:Role",
        {"assumeRolePolicy": policy(READ)},
        ("assumeRolePolicy",),
        policy(READ, statement(Principal="*")),
        "access",
    ),
    *(
        ("aws:opensearch/domain:Domain", DOMAIN, path, to, kind)
        for path, to, kind in (
            (("encryptAtRest", "enabled"), False, "encryption"),
            (("encryptAtRest",), ..., "encryption"),
            (("nodeToNodeEncryption", "enabled"), False, "encryption"),
            (("domainEndpointOptions", "enforceHttps"), False, "encryption"),
            (("domainEndpointOptions", "tlsSecurityPolicy"), "Policy-Min-TLS-1-0-2019-07", "encryption"),
            (("advancedSecurityOptions", "enabled"), False, "access"),
            (("vpcOptions", "securityGroupIds"), ["sg-2"], "access"),
            (("clusterConfig", "zoneAwarenessEnabled"), False, "copies"),
            (("clusterConfig", "instanceCount"), 2, "copies"),
            (("ebsOptions", "volumeSize"), 50, "store"),
            (("accessPolicies",), policy(READ, statement(action="es:*", Principal="*")), "access"),
        )
    ),
]


@pytest.mark.parametrize(
    "case", MUTATIONS, ids=lambda case: f"{case[0].rpartition(':')[2]}-{case[2]}-{str(case[3])[:20]}"
)
def test_one_weaker_property_is_told(case: tuple[str, Json, tuple[str | int, ...], Any, str]) -> None:
    kind, deployed, path, to, danger = case
    assert kinds(step("update", kind, deployed, changed(deployed, *path, to=to))) == {danger}
    assert kinds(step("update", kind, deployed, changed(deployed, "tags", to={"a": "b"}))) == set()
    # The other way round nothing gets weaker, unless what counts is that it is another.
    back = kinds(step("update", kind, changed(deployed, *path, to=to), deployed))
    assert back == set() or danger in {"encryption", "access", "unknown"}


@pytest.mark.parametrize(
    ("kind", "danger"),
    [
        ("s3/bucket:Bucket", "store"),
        ("kms/key:Key", "store"),
        ("opensearch/domain:Domain", "store"),
        ("glue/catalogDatabase:CatalogDatabase", "store"),
        ("s3/x:BucketServerSideEncryptionConfiguration", "encryption"),
        ("s3/x:BucketPublicAccessBlock", "access"),
        ("s3/x:BucketPolicy", "access"),
        ("s3/x:BucketVersioning", "protection"),
        ("s3/x:BucketObjectLockConfiguration", "protection"),
        ("s3/x:BucketLogging", "protection"),
        ("rds/instance:Instance", "unknown"),
        ("iam/rolePolicy:RolePolicy", None),
        ("kms/alias:Alias", None),
    ],
)
def test_what_guards_or_holds_data_does_not_go_unseen(kind: str, danger: str | None) -> None:
    assert kinds(step("delete", f"aws:{kind}", {"bucket": "logs"})) == ({danger} if danger else set())


def test_a_new_policy_that_is_unknown_is_told() -> None:
    assert kinds(step("create", "aws:iam/rolePolicy:RolePolicy", None, {"policy": UNKNOWN})) == {"unknown"}


def test_a_policy_in_other_words_is_not_told() -> None:
    before = policy(statement(action="s3:*", resource="*"))
    after = policy(statement(action=["s3:GetObject", "s3:PutObject"], resource=["arn:a", "arn:b"]))  # type: ignore[arg-type]
    assert kinds(step("update", "aws:iam/policy:Policy", {"policy": before}, {"policy": after})) == set()


def test_rights_with_fewer_conditions_are_told() -> None:
    before = policy(statement(Condition={"StringEquals": {"a": "b"}}))
    assert kinds(step("update", "aws:iam/policy:Policy", {"policy": before}, {"policy": policy(statement())})) == {
        "access"
    }
