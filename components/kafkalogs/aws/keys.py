"""A KMS key, the same for all components here: rotated yearly, with a separate policy and an alias."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_aws import kms

from .policies import Statement, key_policy

ROTATION_DAYS: Final = 365
"""After how many days KMS makes new key material; data encrypted with old material stays readable."""

DELETION_DAYS: Final = 30
"""How long a deleted key can be restored: the longest that KMS allows. Without its key, all data is lost."""


@dataclass(frozen=True)
class AwsPlace:
    """A region and an account of AWS."""

    region: str
    """The region."""

    account: str
    """The number of the account."""


@dataclass(frozen=True)
class KeyUse:
    """The purpose of a key, and who may use it."""

    alias: str
    """Its alias is alias/<alias>."""
    purpose: str
    admins: Sequence[str] = ()
    further: Sequence[Statement] = ()
    """See `key_policy`; the same for `admins`."""


def encryption_key(name: str, place: AwsPlace, use: KeyUse, opts: pulumi.ResourceOptions) -> kms.Key:
    """The key `name` with its alias."""
    key = kms.Key(
        name,
        description=use.purpose,
        enable_key_rotation=True,
        rotation_period_in_days=ROTATION_DAYS,
        deletion_window_in_days=DELETION_DAYS,
        policy=json.dumps(key_policy(place.region, place.account, use.admins, use.further)),
        opts=opts,
    )
    child = pulumi.ResourceOptions(parent=opts.parent)
    kms.Alias(name, name=f"alias/{use.alias}", target_key_id=key.key_id, opts=child)
    return key
