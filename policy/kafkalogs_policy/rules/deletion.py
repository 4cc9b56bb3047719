"""deletion-protection: what holds data does not go by a mistake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from ..environments import Demands
from ..kinds import kind, of
from ..model import Context, Finding, Member, Rule, Violation, each
from ..topics import REPEATABLE, class_of, topic_name
from ..values import UnknownValueError, View
from . import aws

_DOMAIN: Final = "aws:opensearch/domain:Domain"
_KEY: Final = "aws:kms/key:Key"
_VERSIONING: Final = ("aws:s3/bucketVersioning:BucketVersioning", "aws:s3/bucketVersioningV2:BucketVersioningV2")
_DATABASES: Final = ("aws:rds/instance:Instance", "aws:rds/cluster:Cluster")
_PROTECTED: Final = ("Kafka", "KafkaNodePool", "PersistentVolumeClaim", _DOMAIN, _KEY, *aws.BUCKETS, *_DATABASES)
_CATALOG: Final = "aws:glue/catalogDatabase:CatalogDatabase"
_CONTROL: Final = "iceberg.control.topic"
_FOREVER: Final = -1
_SHORTEST_KEY_WINDOW: Final = 14
"""Days between the deletion of a key and its end, in which it can be taken back."""


def _examine(type_: str, view: View, context: Context) -> Iterator[Violation]:
    if not context.demands.protected:
        return
    name = kind(type_)
    if name == "KafkaTopic":
        yield from each(_topic(view, context))
        return
    if name in {*_PROTECTED, _CATALOG}:
        yield from _protect(context)
    if name in {"KafkaNodePool", "Kafka"}:
        storage = view["spec"]["storage"] if name == "KafkaNodePool" else view["spec"]["kafka"]["storage"]
        yield from each(_volume(storage))
        for volume in storage["volumes"].items:
            yield from each(_volume(volume))
    elif name == "StatefulSet":
        place = view["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"]
        if place.text == "Delete":
            yield Violation(place.path, "its data goes with it", "write Retain, or leave it out")
    elif name in aws.BUCKETS:
        if view["forceDestroy"].true:
            told = "true: the bucket goes with all that is in it"
            yield Violation("forceDestroy", told, "leave it out: a bucket with objects is then not deleted")
    elif name in _VERSIONING:
        status = view["versioningConfiguration"]["status"]
        if status.text != "Enabled":
            told = f"versioning is {status.shown}: what is overwritten or deleted is gone"
            yield Violation(status.path, told, "write Enabled")
    elif name == _KEY:
        yield from each(_window(view["deletionWindowInDays"]))
    elif name in _DATABASES and not view["deletionProtection"].true:
        told = f"deletionProtection is {view['deletionProtection'].shown}"
        yield Violation("deletionProtection", told, "write true")


def _protect(context: Context) -> Iterator[Violation]:
    if not context.protect:
        told = "it holds data, and one destroy, or one line that is taken out, deletes it"
        yield Violation("", told, "give it the resource option protect=True (protect: true in the stack file)")


def _topic(view: View, context: Context) -> Iterator[Violation]:
    if class_of(view) not in REPEATABLE:
        yield from _protect(context)


def _volume(volume: View) -> Iterator[Violation]:
    if volume["type"].text == "ephemeral":
        told = "ephemeral: the disk goes with its pod"
        yield Violation(f"{volume.path}.type", told, "write persistent-claim (storage.type: persistent)")
    if volume["deleteClaim"].true:
        told = "true: the disks go with the cluster"
        yield Violation(f"{volume.path}.deleteClaim", told, "write false, or leave it out")


def _window(place: View) -> Iterator[Violation]:
    # 30 days where nothing is written
    if place.there and (place.number is None or place.number < _SHORTEST_KEY_WINDOW):
        told = f"{place.shown} days: with a key that is gone, so is all that it encrypted"
        yield Violation(place.path, told, f"write at least {_SHORTEST_KEY_WINDOW}")


def _stack(members: Sequence[Member], demands: Demands) -> Iterator[Finding]:
    """Buckets keep old versions, and the namespace of a Kafka cluster does not go before it."""
    if not demands.protected:
        return
    versioned = [member for member in members if member.type in _VERSIONING]
    for bucket in aws.buckets(members):
        if not bucket.view["versioning"].there and not any(aws.concerns(member, bucket) for member in versioned):
            told = "a bucket without versioning: what is overwritten or deleted is gone"
            yield bucket, Violation("", told, "add a BucketVersioning with status Enabled")
    homes: set[str] = set()
    for member in members:
        if kind(member.type) == "Kafka":
            try:
                homes.add(member.view["metadata"]["namespace"].text)
            except UnknownValueError:
                continue
    for member in members:
        if kind(member.type) == "Namespace" and not member.protect:
            for violation in each(_home(member.view, homes)):
                yield member, violation


def _controls(members: Sequence[Member], demands: Demands) -> Iterator[Finding]:
    """The control topic of an Iceberg sink stays whole: the files that it announces are known from nowhere else, and
    the table skips what another topic of the same name announces."""
    if not demands.protected:
        return
    controls: set[str] = set()
    for member in members:
        if kind(member.type) == "KafkaConnector":
            with suppress(UnknownValueError):
                controls.add(member.view["spec"]["config"][_CONTROL].text)
    controls.discard("")
    for member in members if controls else ():
        if kind(member.type) == "KafkaTopic":
            for violation in each(_control(member, controls)):
                yield member, violation


def _control(member: Member, controls: set[str]) -> Iterator[Violation]:
    if topic_name(member.view) not in controls:
        return
    if not member.protect:
        told = "it is the control topic of an Iceberg sink: without it, rows of the table are lost"
        yield Violation("", told, "give it the resource option protect=True (protect: true in the stack file)")
    config = member.view["spec"]["config"]
    for key in ("retention.ms", "retention.bytes"):
        if config[key].number != _FOREVER:
            told = f"{config[key].shown}: announced files are lost when this control topic's records expire"
            yield Violation(config[key].path, told, "write -1")
    if config["cleanup.policy"].there and config["cleanup.policy"].text != "delete":
        told = f"{config['cleanup.policy'].shown}: compaction deletes records of this control topic"
        yield Violation(config["cleanup.policy"].path, told, "write delete")


def _stacks(members: Sequence[Member], demands: Demands) -> Iterator[Finding]:
    yield from _stack(members, demands)
    yield from _controls(members, demands)


def _home(view: View, homes: set[str]) -> Iterator[Violation]:
    if view["metadata"]["name"].text in homes:
        told = "a Kafka cluster is in it, and goes with it"
        yield Violation("", told, "give it the resource option protect=True (protect: true in the stack file)")


RULE: Final = Rule(
    name="deletion-protection",
    title="What holds data is protected against deletion",
    applies=of("KafkaTopic", *_PROTECTED, _CATALOG, "StatefulSet", *_VERSIONING),
    examine=_examine,
    stack=_stacks,
)
