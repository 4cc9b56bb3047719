"""What rules share about resources of AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from ..model import Member
from ..values import UNKNOWN, View

BUCKETS: Final = frozenset({"aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"})
BUCKET_POLICIES: Final = frozenset({"aws:s3/bucketPolicy:BucketPolicy"})


def buckets(members: Sequence[Member]) -> list[Member]:
    """The buckets of a stack."""
    return [member for member in members if member.type in BUCKETS]


def concerns(member: Member, bucket: Member) -> bool:
    """Whether a resource about a bucket is about this one: its `bucket` was made of that resource, or is its name."""
    if bucket.urn and bucket.urn in member.uses.get("bucket", ()):
        return True
    named = member.view["bucket"]
    places = [bucket.view[key] for key in ("bucket", "id")]
    names = {place.text for place in places if place.value is not UNKNOWN} - {""}
    return named.value is not UNKNOWN and named.text in names


def statements(document: View) -> list[dict[str, Any]]:
    """The statements of a policy document (JSON text, or its content); none if it is none. Raises UnknownValueError."""
    value: Any = document.known
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    if not isinstance(value, dict):
        return []
    found: Any = cast("dict[str, Any]", value).get("Statement", [])
    several = cast("list[Any]", found) if isinstance(found, list) else [found]
    return [cast("dict[str, Any]", item) for item in several if isinstance(item, dict)]


def listed(value: Any) -> set[str]:
    """The words of a policy's entry, which may be one or several."""
    return {str(item) for item in cast("list[Any]", value)} if isinstance(value, list) else {str(value)}


def allowing(document: View) -> Iterator[dict[str, Any]]:
    """The statements that allow."""
    return (statement for statement in statements(document) if statement.get("Effect") == "Allow")
