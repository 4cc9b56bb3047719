"""Dangers of the Kafka cluster and of the resources that hold its data: nodes, disks, namespaces."""

from collections.abc import Iterator
from typing import Any, Final

from .findings import NONE, Context, Danger, fewer, resource_name, shown
from .markdown import Markdown, code
from .preview import Step
from .values import Hidden, at, by_name, mapping, sequence, true

_OUTSIDE: Final = frozenset({"nodeport", "loadbalancer", "route", "ingress", "cluster-ip"})

_COPIES: Final = {
    "default.replication.factor": "copies of topics that do not say how many",
    "min.insync.replicas": "copies in sync, of topics that do not say how many",
    "offsets.topic.replication.factor": "copies of the readers' positions",
    "transaction.state.log.replication.factor": "copies of transactions",
    "transaction.state.log.min.isr": "copies in sync of transactions",
    "share.coordinator.state.topic.replication.factor": "copies of share groups' state",
    "share.coordinator.state.topic.min.isr": "copies in sync of share groups' state",
}
_RETENTION: Final = (
    "log.retention.ms",
    "log.retention.minutes",
    "log.retention.hours",
    "log.retention.bytes",
    "offsets.retention.minutes",
)
_GONE: Final = Markdown("deleted")
_THERE: Final = Markdown("there")


def _gone(step: Step) -> Markdown:
    return Markdown("replaced") if step.op == "replace" else _GONE


def kafka_dangers(step: Step, context: Context) -> Iterator[Danger]:
    """The dangers of a Kafka resource."""
    where = Markdown(f"Kafka cluster {code(resource_name(step))}")
    if step.goes:
        text = Markdown("nobody can write or read logs; whether the logs stay depends on the disks of its node pools")
        yield Danger("store", where, _THERE, _gone(step), text)
    if step.new is None:
        return
    old, new = at(step.old, "spec", "kafka"), at(step.new, "spec", "kafka")
    yield from _listeners(step, old, new)
    if step.old is None:
        return
    if at(old, "authorization") and not at(new, "authorization"):
        text = Markdown("everyone who can connect may read and write every topic; no ACL counts")
        yield Danger("access", where, Markdown("by ACL"), Markdown("no authorization"), text)
    users = [user for user in sequence(at(new, "authorization", "superUsers")) if user not in _super_users(old)]
    if users:
        text = Markdown("this user may do everything, regardless of ACLs")
        yield Danger("access", where, NONE, Markdown(", ".join(code(user) for user in users)), text)
    if at(old, "rack") and at(new, "rack") is None:
        text = Markdown("copies are no longer spread over zones: one zone can hold all copies of a record")
        yield Danger("copies", where, Markdown("spread over zones"), Markdown("not spread"), text)
    yield from _config(where, at(old, "config"), at(new, "config"))


def _super_users(kafka: Any) -> list[Any]:
    return sequence(at(kafka, "authorization", "superUsers"))


def _config(where: Markdown, old: Any, new: Any) -> Iterator[Danger]:
    if isinstance(new, Hidden):
        return
    for key, what in _COPIES.items():
        before, after = at(old, key), at(new, key)
        if fewer(before, after) and not isinstance(after, Hidden):
            yield Danger("copies", where, shown(before), shown(after), Markdown(f"fewer {what}"))
    for key in _RETENTION:
        before, after = at(old, key), at(new, key)
        if fewer(before, after) or (before is None and after is not None and not isinstance(after, Hidden)):
            text = Markdown(f"{code(key)}: topics that do not set it themselves keep less")
            yield Danger("retention", where, shown(before), shown(after), text)
    for key, kind, text in (
        (
            "unclean.leader.election.enable",
            "copies",
            "a broker that lags may become leader: acknowledged records are lost",
        ),
        ("allow.everyone.if.no.acl.found", "access", "everyone who can connect may use topics without an ACL"),
    ):
        if true(at(new, key)) and not true(at(old, key)):
            yield Danger(kind, where, shown(at(old, key)), shown(at(new, key)), Markdown(f"{code(key)}: {text}"))
    for key in sorted({*mapping(old), *mapping(new)}):
        before, after = at(old, key), at(new, key)
        if before == after or isinstance(after, Hidden):
            continue
        if key.startswith("ssl.") or ".ssl." in key:
            text = Markdown(
                f"{code(key)}: the accepted TLS versions or ciphers change; check that TLS is no weaker than before"
            )
            yield Danger("encryption", where, shown(before), shown(after), text)
        if key in {"super.users", "authorizer.class.name"} or key.startswith("listener.security.protocol"):
            text = Markdown(f"{code(key)} changes rights outside the ACLs")
            yield Danger("access", where, shown(before), shown(after), text)


def _listeners(step: Step, old: Any, new: Any) -> Iterator[Danger]:
    before, after = by_name(at(old, "listeners")), by_name(at(new, "listeners"))
    for name, listener in after.items():
        where = Markdown(f"listener {code(name)} of {code(resource_name(step))}")
        had = before.get(name)
        tls = listener.get("tls")
        if not true(tls) and not isinstance(tls, Hidden) and (had is None or true(had.get("tls"))):
            text = Markdown("logs and passwords cross the network in clear text")
            yield Danger("encryption", where, NONE if had is None else Markdown("TLS"), Markdown("no TLS"), text)
        open_to = listener.get("authentication")
        if open_to is None and (had is None or had.get("authentication") is not None):
            text = Markdown("clients need no credentials: all of them are the same anonymous user")
            yield Danger(
                "access", where, NONE if had is None else Markdown("credentials"), Markdown("none required"), text
            )
        kind, was = listener.get("type"), had.get("type") if had else None
        if kind in _OUTSIDE and was not in _OUTSIDE and step.old is not None:
            text = Markdown("clients outside Kubernetes can connect")
            yield Danger("access", where, NONE if was is None else code(was), code(kind), text)
        if had is not None:
            yield from _reach(where, had, listener)


def _reach(where: Markdown, had: dict[str, Any], listener: dict[str, Any]) -> Iterator[Danger]:
    """Who may connect over the network: a listener without peers is open to all pods."""
    before, after = had.get("networkPolicyPeers"), listener.get("networkPolicyPeers")
    if isinstance(after, Hidden) or not before:
        return
    if not after or any(peer not in sequence(before) for peer in sequence(after)):
        text = Markdown("more pods can connect")
        shown_after = f"{len(sequence(after))} peers" if after else "every pod"
        yield Danger("access", where, Markdown(f"{len(sequence(before))} peers"), Markdown(shown_after), text)


def pool_dangers(step: Step, context: Context) -> Iterator[Danger]:
    """The dangers of a KafkaNodePool."""
    where = Markdown(f"node pool {code(resource_name(step))}")
    if step.goes:
        lost = "its disks are deleted too" if _loses_disks(step.old) else "its disks stay as PersistentVolumeClaims"
        yield Danger("store", where, _THERE, _gone(step), Markdown(f"its brokers are removed; {lost}"))
    if not step.stays:
        return
    old, new = at(step.old, "spec"), at(step.new, "spec")
    if fewer(at(old, "replicas"), at(new, "replicas")) and not isinstance(at(new, "replicas"), Hidden):
        text = Markdown(
            "the removed brokers must hold no partitions: move the partitions first, or the operator refuses"
        )
        yield Danger("store", where, shown(at(old, "replicas")), shown(at(new, "replicas")), text)
    gone = [role for role in sequence(at(old, "roles")) if role not in sequence(at(new, "roles"))]
    if gone and not isinstance(at(new, "roles"), Hidden):
        text = Markdown("nodes of this pool lose a role and its data")
        yield Danger("store", where, shown(at(old, "roles")), shown(at(new, "roles")), text)
    if isinstance(at(new, "storage"), Hidden):
        return
    before, after = _volumes(old), _volumes(new)
    for volume, had in before.items():
        yield from _volume(where, had, after.get(volume))


def _volumes(spec: Any) -> dict[str, dict[str, Any]]:
    """The volumes of a pool by their id."""
    storage = mapping(at(spec, "storage"))
    several = sequence(storage.get("volumes")) or [storage]
    return {str(at(volume, "id") or 0): mapping(volume) for volume in several}


def _loses_disks(inputs: Any) -> bool:
    volumes = _volumes(at(inputs, "spec")).values()
    return any(volume.get("type") == "ephemeral" or true(volume.get("deleteClaim")) for volume in volumes)


def _volume(where: Markdown, had: dict[str, Any], has: dict[str, Any] | None) -> Iterator[Danger]:
    if has is None:
        yield Danger("store", where, _THERE, Markdown("removed"), Markdown("each broker loses a disk with its logs"))
        return
    if had.get("type") != has.get("type") and has.get("type") == "ephemeral":
        text = Markdown("a broker loses its data each time its pod is deleted")
        yield Danger("store", where, Markdown("kept disk"), Markdown("disk of the pod"), text)
        return
    size, wanted = (str(volume.get("size") or volume.get("sizeLimit")) for volume in (had, has))
    if (small := _bytes(wanted)) and (large := _bytes(size)) and small < large:
        text = Markdown("Kubernetes does not shrink disks: the operator keeps the old size, or refuses")
        yield Danger("store", where, code(size), code(wanted), text)
    if true(has.get("deleteClaim")) and not true(had.get("deleteClaim")):
        text = Markdown("its disks and logs are deleted together with the cluster")
        yield Danger("protection", where, Markdown("disks stay"), Markdown("disks are deleted"), text)
    if had.get("class") != has.get("class"):
        text = Markdown("new disks use another StorageClass; the preview does not show whether it encrypts them")
        before, after = (volume.get("class") or "the default" for volume in (had, has))
        yield Danger("encryption", where, code(before), code(after), text)


def _bytes(size: str) -> int | None:
    from ..config.units import parse_size

    try:
        return parse_size(size)
    except ValueError:
        return None


_STORES: Final = {
    "Namespace": "everything in it is deleted: brokers, topics, users, Secrets, PersistentVolumeClaims",
    "CustomResourceDefinition": "every object of this kind is deleted, in all namespaces",
    "PersistentVolumeClaim": "its data is deleted, unless the reclaim policy keeps the volume",
    "PersistentVolume": "its data is deleted, unless the reclaim policy keeps the volume",
}


def store_dangers(step: Step, context: Context) -> Iterator[Danger]:
    """The dangers of other resources in Kubernetes that hold data."""
    where = Markdown(f"{_STORE_WORDS.get(step.kind, code(step.kind))} {code(resource_name(step))}")
    if step.goes and step.kind in _STORES:
        yield Danger("store", where, _THERE, _gone(step), Markdown(_STORES[step.kind]))
    if step.goes and step.kind == "StatefulSet":
        policy = at(step.old, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted")
        templates = sequence(at(step.old, "spec", "volumeClaimTemplates"))
        if templates and policy == "Delete":
            yield Danger("store", where, _THERE, _gone(step), Markdown("its disks are deleted with it"))
        elif templates and step.op == "delete":
            yield Danger(
                "store",
                where,
                _THERE,
                _gone(step),
                Markdown("it no longer runs; its disks stay as PersistentVolumeClaims"),
            )
        elif not templates:
            yield Danger("store", where, _THERE, _gone(step), Markdown("it has no persistent disk: its data is lost"))
    if step.kind == "StorageClass":
        yield from _storage_class(step, where)


_STORE_WORDS: Final = {
    "Namespace": "namespace",
    "PersistentVolumeClaim": "disk claim",
    "PersistentVolume": "disk",
    "StorageClass": "StorageClass",
    "StatefulSet": "StatefulSet",
    "CustomResourceDefinition": "resource definition",
}


def _storage_class(step: Step, where: Markdown) -> Iterator[Danger]:
    if step.op == "delete":
        text = Markdown("new claims that name this class get no disk")
        yield Danger("encryption", where, _THERE, _GONE, text)
    if not step.stays:
        return
    old, new = at(step.old, "parameters"), at(step.new, "parameters")
    if isinstance(new, Hidden):
        return
    if true(at(old, "encrypted")) and not true(at(new, "encrypted")) and not isinstance(at(new, "encrypted"), Hidden):
        yield Danger("encryption", where, Markdown("encrypted"), Markdown("not encrypted"), _NEW_DISKS)
    if at(old, "kmsKeyId") and at(new, "kmsKeyId") is None:
        text = Markdown("new disks are encrypted with AWS' key, not with the platform's")
        yield Danger("encryption", where, Markdown("own key"), Markdown("AWS' key"), text)
    before, after = at(step.old, "reclaimPolicy") or "Delete", at(step.new, "reclaimPolicy") or "Delete"
    if before == "Retain" and after == "Delete":
        text = Markdown("a disk is deleted with its claim")
        yield Danger("protection", where, code(before), code(after), text)


_NEW_DISKS: Final = Markdown("new disks are not encrypted")
