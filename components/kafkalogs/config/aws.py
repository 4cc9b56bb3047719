"""The settings under `aws` of a stack file: the account, and what the platform uses in it."""

from typing import Annotated, Final, Literal

from pydantic import Field

from . import units
from .types import Form, Settings, Size

STORAGE_CLASS: Final = "kafkalogs-encrypted"
"""The StorageClass that `aws.storageClass` makes. Brokers' disks use it unless their pool names another."""

SECRETS: Final = ("elastic", "pagerduty", "postgres", "registry-writer", "search-sink")
"""The credentials that may come from Secrets Manager; those of NAME become the Secret NAME-credentials."""

FOR_SEARCH: Final = ("elastic", "search-sink")
"""The credentials that `aws.search` needs: the domain's administrator and the sink's user."""

REGION: Final = Form(r"[a-z]{2}(-[a-z]+)+-\d", "not a region of AWS; write its code, like eu-central-1")
BUCKET: Final = Form(
    r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
    "not the name of a bucket; use 3 to 63 of a-z, 0-9 and -, with a letter or digit at both ends",
)

Subnet = Annotated[str, Form(r"subnet-[0-9a-f]{8,17}", "not the id of a subnet; write one like subnet-0a1b2c3d")]
SecurityGroup = Annotated[str, Form(r"sg-[0-9a-f]{8,17}", "not the id of a security group; write one like sg-0a1b2c3d")]
Principal = Annotated[
    str,
    Form(
        r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/\S+",
        "not the ARN of a role or user; write one like arn:aws:iam::123456789012:role/admin",
    ),
]
SecretName = Annotated[
    str, Form(r"[A-Za-z0-9/_+=.@-]{1,512}", "not a name in Secrets Manager; write its name, like logs/pagerduty")
]


class AwsSearch(Settings):
    """The OpenSearch Service domain for `search`."""

    instance_type: Annotated[
        str,
        Form(r"[a-z0-9-]+\.[a-z0-9]+\.search", "not an instance type of OpenSearch; write one like r7g.large.search"),
    ] = "r7g.large.search"
    """The instance type of the data nodes."""

    instances: Annotated[int, Field(ge=1, le=80, strict=True)] = 3
    """How many data nodes; a multiple of `zones`."""

    volume: Size = 100 * units.GIB
    """The disk of each data node, in whole GiB."""

    zones: Annotated[int, Field(ge=1, le=3, strict=True)] = 3
    """The number of availability zones over which the nodes are spread."""

    subnets: Annotated[tuple[Subnet, ...], Field(min_length=1)]
    """The subnets of the domain's addresses, one in each zone."""

    security_groups: Annotated[tuple[SecurityGroup, ...], Field(min_length=1, max_length=5)]
    """The security groups of the domain's addresses. They must let the cluster's nodes connect to port 443."""


class Aws(Settings):
    """The AWS account, and what the platform uses in it: the archive's bucket and catalog, rights, search, secrets."""

    region: Annotated[str, REGION]
    """The region of everything below."""

    account: Annotated[str, Form(r"\d{12}", "not an account; write its 12 digits in quotes")]
    """The account's number, in quotes: YAML can read a number with a leading zero as another number."""

    oidc_provider: Annotated[
        str,
        Form(
            r"(https://|arn:aws[a-z-]*:iam::\d{12}:oidc-provider/)?[a-z0-9-]+(\.[a-z0-9-]+)+(/[A-Za-z0-9._/-]+)?",
            "not an issuer; write its address, like oidc.eks.eu-central-1.amazonaws.com/id/0A1B2C3D",
        ),
    ]
    """The issuer of the cluster's service account tokens: its address, or its ARN in IAM. IAM must know this issuer."""

    bucket: Annotated[str, BUCKET]
    """The archive's bucket. The platform makes it."""

    kms_admins: tuple[Principal, ...] = ()
    """Who, besides the account's administrators, may manage the bucket's key. They cannot use the key."""

    object_lock: Literal["GOVERNANCE", "COMPLIANCE"] = "GOVERNANCE"
    """How objects are locked for the years of `compliance`. GOVERNANCE: a user with a special right can lift the lock.
    COMPLIANCE: nobody can."""

    search: AwsSearch | None = None
    """The domain for `search`; none when absent."""

    secrets: dict[str, SecretName] = Field(default={})
    """The names in Secrets Manager of the credentials elastic, pagerduty, postgres, registry-writer and search-sink."""

    storage_class: bool = Field(default=True, strict=True)
    """Whether an encrypted StorageClass is made, for the brokers' disks."""
