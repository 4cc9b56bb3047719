"""Names on AWS: ARNs and other names that follow from a region, an account and a stack. Pure functions.

This module makes the names, and not AWS, so a preview shows them: the policy pack can check rights before any resource
exists. Only few names come from AWS (the ids of keys, the address of a search domain).
"""

import hashlib
import re
from typing import Final

ROLE_LENGTH: Final = 64
"""The longest name of a role."""

DOMAIN_LENGTH: Final = 28
"""The longest name of a search domain."""

_CUT: Final = 6


def partition(region: str) -> str:
    """The partition of a region, as in ARNs: aws, aws-cn, aws-us-gov."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def dns_suffix(region: str) -> str:
    """The DNS suffix of the services in a region."""
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def arn(service: str, region: str, account: str, resource: str) -> str:
    """The ARN of a resource in a region."""
    return f"arn:{partition(region)}:{service}:{region}:{account}:{resource}"


def bucket_arn(region: str, bucket: str) -> str:
    """The ARN of a bucket."""
    return f"arn:{partition(region)}:s3:::{bucket}"


def iam_arn(region: str, account: str, resource: str) -> str:
    """The ARN of a resource of IAM, which has no region; `region` determines the partition."""
    return f"arn:{partition(region)}:iam::{account}:{resource}"


def role_arn(region: str, account: str, role: str) -> str:
    """The ARN of a role."""
    return iam_arn(region, account, f"role/{role}")


def issuer(oidc_provider: str) -> str:
    """The issuer of a cluster's tokens without its scheme, as IAM writes it.

    oidc_provider: its URL, with https:// or without, or the ARN of the provider in IAM.
    """
    return oidc_provider.rpartition(":oidc-provider/")[2].removeprefix("https://").rstrip("/")


def fitting(name: str, longest: int) -> str:
    """`name` in small letters, digits and -, cut to `longest` characters; a digest keeps cut names distinct."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if plain == name and len(plain) <= longest:
        return plain
    digest = hashlib.sha256(name.encode()).hexdigest()[:_CUT]
    return f"{plain[: longest - _CUT - 1].rstrip('-')}-{digest}"


def bucket_of(uri: str) -> str:
    """The bucket of s3://bucket/path."""
    return uri.removeprefix("s3://").partition("/")[0]


def path_of(uri: str) -> str:
    """The path of s3://bucket/path, without / at its ends; empty for the bucket itself."""
    return uri.removeprefix("s3://").partition("/")[2].strip("/")
