"""A key of KMS as all components here make one: it turns yearly, has a policy of its own, and a name."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_aws import kms

from .policies import Statement, key_policy

ROTATION_DAYS: Final = 365
"""After how many days KMS makes new key material; what was encrypted with the old stays readable."""

DELETION_DAYS: Final = 30
"""How long a deleted key can be called back: the longest that KMS knows. Without it, all of its data is lost."""


@dataclass(frozen=True)
class AwsPlace:
    """Where on AWS something is."""

    region: str
    """The region."""

    account: str
    """The number of the account."""


def encryption_key(
    name: str,
    place: AwsPlace,
    alias: str,
    purpose: str,
    opts: pulumi.ResourceOptions,
    admins: Sequence[str] = (),
    further: Sequence[Statement] = (),
) -> kms.Key:
    """The key `name` with the alias alias/<alias>. admins, further: see `key_policy`."""
    key = kms.Key(
        name,
        description=purpose,
        enable_key_rotation=True,
        rotation_period_in_days=ROTATION_DAYS,
        deletion_window_in_days=DELETION_DAYS,
        policy=json.dumps(key_policy(place.region, place.account, admins, further)),
        opts=opts,
    )
    child = pulumi.ResourceOptions(parent=opts.parent)
    kms.Alias(name, name=f"alias/{alias}", target_key_id=key.key_id, opts=child)
    return key
