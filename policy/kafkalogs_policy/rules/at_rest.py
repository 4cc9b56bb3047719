"""encryption-at-rest: logs are encrypted wherever they lie: brokers' disks, buckets, search engines, queues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ..environments import Demands
from ..kinds import kind, of
from ..model import Context, Finding, Member, Rule, Violation, each
from ..values import UnknownValueError, View
from . import aws

_SSE: Final = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
)
_KMS: Final = frozenset({"aws:kms", "aws:kms:dsse"})
# Provisioners that encrypt whatever a StorageClass says.
_ALWAYS: Final = frozenset({"pd.csi.storage.gke.io", "disk.csi.azure.com", "file.csi.azure.com"})

# type: (properties of which one must be true or name a key, what it is called)
_SWITCHES: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "aws:sqs/queue:Queue": (("kmsMasterKeyId", "sqsManagedSseEnabled"), "a queue"),
    "aws:sns/topic:Topic": (("kmsMasterKeyId",), "a topic of notifications"),
    "aws:kinesis/stream:Stream": (("kmsKeyId",), "a stream"),
    "aws:rds/instance:Instance": (("storageEncrypted",), "a database"),
    "aws:rds/cluster:Cluster": (("storageEncrypted",), "a database"),
    "aws:ebs/volume:Volume": (("encrypted",), "a disk"),
    "aws:efs/fileSystem:FileSystem": (("encrypted",), "a file system"),
}
_DOMAIN: Final = "aws:opensearch/domain:Domain"
_KEY: Final = "aws:kms/key:Key"


def disks(type_: str, view: View) -> Iterator[View]:
    """The places that name the StorageClass of a disk that outlives its pod."""
    name = kind(type_)
    if name in {"KafkaNodePool", "Kafka"}:
        storage = view["spec"]["storage"] if name == "KafkaNodePool" else view["spec"]["kafka"]["storage"]
        for volume in [storage, *storage["volumes"].items]:
            if volume["type"].text == "persistent-claim":
                yield volume["class"]
    elif name == "StatefulSet":
        for claim in view["spec"]["volumeClaimTemplates"].items:
            yield claim["spec"]["storageClassName"]
    elif name == "PersistentVolumeClaim":
        yield view["spec"]["storageClassName"]


def _examine(type_: str, view: View, context: Context) -> Iterator[Violation]:
    name = kind(type_)
    if name == "StorageClass":
        if context.demands.encrypted_disks:
            yield from each(_storage_class(view))
    elif name in _SSE:
        yield from each(_bucket_rules(view))
    elif name == _DOMAIN:
        enabled = view["encryptAtRest"]["enabled"]
        if not enabled.true:
            yield Violation(enabled.path, f"a search engine whose encryptAtRest is {enabled.shown}", "write true")
    elif name == _KEY:
        rotation = view["enableKeyRotation"]
        if view["customerMasterKeySpec"].text in {"", "SYMMETRIC_DEFAULT"} and not rotation.true:
            told = f"a key whose enableKeyRotation is {rotation.shown}"
            yield Violation(rotation.path, told, "write true: an old key then opens less and less")
    elif name in _SWITCHES:
        keys, what = _SWITCHES[name]
        # Of a key that another resource makes, it is known that it is named.
        if not any(view[key].true or (key.startswith("kms") and view[key].there) for key in keys):
            told = f"{what} that is not encrypted: {keys[0]} is {view[keys[0]].shown}"
            yield Violation(keys[0], told, f"write {' or '.join(keys)}")
    elif context.demands.encrypted_disks:
        for place in disks(type_, view):
            yield from each(_disk(place))


def _disk(place: View) -> Iterator[Violation]:
    if not place.text:
        told = "a disk of the cluster's default StorageClass, which may or may not encrypt"
        yield Violation(place.path, told, "name a StorageClass that encrypts (kafka.pools.<pool>.storage.class)")


def _encrypts(view: View) -> bool:
    provisioner = view["provisioner"].text
    return provisioner in _ALWAYS or any(
        value.true for key, value in view["parameters"].entries.items() if key.lower() == "encrypted"
    )


def _storage_class(view: View) -> Iterator[Violation]:
    if not _encrypts(view):
        told = f"a StorageClass of {view['provisioner'].shown} with encrypted {view['parameters']['encrypted'].shown}"
        yield Violation("parameters.encrypted", told, 'write encrypted: "true"')


def _bucket_rules(view: View) -> Iterator[Violation]:
    remedy = "write applyServerSideEncryptionByDefault with sseAlgorithm aws:kms and the key's kmsMasterKeyId"
    if not view["rules"].items:
        yield Violation("rules", "no rule that encrypts what comes into the bucket", remedy)
    for rule in view["rules"].items:
        algorithm = rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"]
        if algorithm.text not in _KMS:
            told = f"sseAlgorithm is {algorithm.shown}: whoever may read the bucket may read the logs"
            yield Violation(algorithm.path, told, remedy)


def _stack(members: Sequence[Member], demands: Demands) -> Iterator[Finding]:
    """Each bucket has its default encryption, and each disk a StorageClass that is known to encrypt."""
    configured = [member for member in members if member.type in _SSE]
    for bucket in aws.buckets(members):
        own = bucket.view["serverSideEncryptionConfiguration"].there
        if not own and not any(aws.concerns(member, bucket) for member in configured):
            remedy = "add a BucketServerSideEncryptionConfiguration with aws:kms"
            yield bucket, Violation("", "a bucket without encryption by a key of your own", remedy)
    if not demands.encrypted_disks:
        return
    encrypted = {*demands.encrypted_classes, *_encrypted_classes(members)}
    for member in members:
        for violation in each(_unknown_class(member, encrypted)):
            yield member, violation


def _encrypted_classes(members: Sequence[Member]) -> Iterator[str]:
    for member in members:
        try:
            if kind(member.type) == "StorageClass" and _encrypts(member.view):
                yield member.view["metadata"]["name"].text
        except UnknownValueError:
            continue


def _unknown_class(member: Member, encrypted: set[str]) -> Iterator[Violation]:
    for place in disks(member.type, member.view):
        if place.text and place.text not in encrypted:
            told = f"a disk of the StorageClass {place.shown}, of which nothing says that it encrypts"
            remedy = "make it in this stack, or name it in kafkalogs-policy:settings.encryptedStorageClasses"
            yield Violation(place.path, told, remedy)


RULE: Final = Rule(
    name="encryption-at-rest",
    title="Logs are encrypted where they lie: on disks, in buckets, search engines and queues",
    applies=of(
        *("KafkaNodePool", "Kafka", "StatefulSet", "PersistentVolumeClaim", "StorageClass"),
        *(*_SSE, _DOMAIN, _KEY, *_SWITCHES),
    ),
    examine=_examine,
    stack=_stack,
)
