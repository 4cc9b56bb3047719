"""Node pools and the nodes (brokers, controllers) they hold. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from embedded_operator.names import Obj, dig

DATA = "/var/lib/kafka"
"""Where volumes are mounted, as in Strimzi's images."""


@dataclass(frozen=True)
class Volume:
    """One volume of each node of a pool; `size` is a Kubernetes quantity (the limit, when ephemeral)."""

    name: str
    persistent: bool
    size: str | None = None
    storage_class: str | None = None
    selector: Obj | None = None
    delete_claim: bool = False
    metadata: bool = False
    """Whether it holds the metadata log."""

    @property
    def mount(self) -> str:
        return f"{DATA}/{self.name}"


@dataclass(frozen=True)
class Pool:
    """A KafkaNodePool; `present` are the ids its status knows, `node_ids` those it shall have."""

    name: str
    replicas: int
    controller: bool
    broker: bool
    volumes: tuple[Volume, ...]
    present: tuple[int, ...] = ()
    node_ids: tuple[int, ...] = ()
    spec: Obj = field(default_factory=dict)
    resource: Obj = field(default_factory=dict)


@dataclass(frozen=True)
class Node:
    """One broker or controller."""

    id: int
    pod: str
    pool: Pool

    @property
    def roles(self) -> list[str]:
        """Kafka's process.roles."""
        return [role for role, has in (("broker", self.pool.broker), ("controller", self.pool.controller)) if has]

    def log_dir(self, volume: Volume) -> str:
        return f"{volume.mount}/kafka-log{self.id}"

    def claim(self, volume: Volume) -> str:
        """Name of the volume's PersistentVolumeClaim."""
        return f"{volume.name}-{self.pod}"


def volumes(storage: Obj) -> tuple[Volume, ...]:
    """The volumes of a pool's `storage`."""

    def one(item: Obj, name: str) -> Volume:
        persistent = item["type"] == "persistent-claim"
        return Volume(
            name=name,
            persistent=persistent,
            size=item.get("size") if persistent else item.get("sizeLimit"),
            storage_class=item.get("class"),
            selector=item.get("selector"),
            delete_claim=bool(item.get("deleteClaim")),
            metadata=item.get("kraftMetadata") == "shared",
        )

    if storage["type"] != "jbod":
        return (one({**storage, "kraftMetadata": "shared"}, "data"),)
    items = sorted(storage.get("volumes") or [], key=lambda item: item["id"])
    found = [one(item, f"data-{item['id']}") for item in items]
    if found and not any(volume.metadata for volume in found):
        found[0] = one({**items[0], "kraftMetadata": "shared"}, found[0].name)
    return tuple(found)


def parse(resource: Obj) -> Pool:
    """A pool from its KafkaNodePool."""
    spec = resource["spec"]
    return Pool(
        name=resource["metadata"]["name"],
        replicas=spec["replicas"],
        controller="controller" in spec["roles"],
        broker="broker" in spec["roles"],
        volumes=volumes(spec["storage"]),
        present=tuple(dig(resource, "status", "nodeIds", default=[])),
        spec=spec,
        resource=resource,
    )


def assign_ids(pools: dict[str, tuple[int, list[int]]]) -> dict[str, list[int]]:
    """Node ids of every pool, from its replicas and the ids it has; no two nodes of the cluster share one.

    A pool keeps its ids; it grows by the lowest ids that are free in the cluster and shrinks from the highest.
    """
    kept = {name: sorted(ids)[:replicas] for name, (replicas, ids) in pools.items()}
    taken = {node_id for _, ids in pools.values() for node_id in ids}
    result: dict[str, list[int]] = {}
    for name in sorted(pools):
        ids = kept[name]
        candidate = 0
        while len(ids) < pools[name][0]:
            if candidate not in taken:
                taken.add(candidate)
                ids.append(candidate)
            candidate += 1
        result[name] = sorted(ids)
    return result
