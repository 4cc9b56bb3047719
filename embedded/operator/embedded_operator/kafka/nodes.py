"""Node pools and their nodes, which are brokers, controllers or both. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain, count

from embedded_operator.common.names import Obj, annotation, dig

DATA = "/var/lib/kafka"
"""The folder of mounted volumes, as in Strimzi's images."""


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
        """Path at which the volume is mounted."""
        return f"{DATA}/{self.name}"


@dataclass(frozen=True)
class Pool:
    """A KafkaNodePool; `present` are the node ids in its status, `node_ids` are those that it must have."""

    name: str
    replicas: int
    controller: bool
    broker: bool
    volumes: tuple[Volume, ...]
    present: tuple[int, ...] = ()
    node_ids: tuple[int, ...] = ()
    next_ids: tuple[int, ...] = ()
    """The ids that its annotation strimzi.io/next-node-ids asks for."""
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
        """Kafka's log directory on a volume."""
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
        next_ids=_next_ids(resource),
        spec=spec,
        resource=resource,
    )


def _next_ids(resource: Obj) -> tuple[int, ...]:
    try:
        return tuple(id_range(annotation(resource, "strimzi.io/next-node-ids") or ""))
    except ValueError:
        # As Strimzi does: an invalid annotation is ignored, and the pool gets the lowest free ids.
        return ()


def id_range(text: str) -> list[int]:
    """The ids of Strimzi's annotation next-node-ids, like [0,1,10-20], in its order. Raises ValueError."""
    ids: list[int] = []
    for part in filter(None, text.strip().removeprefix("[").removesuffix("]").replace(" ", "").split(",")):
        first, _, last = part.partition("-")
        low, high = int(first), int(last or first)
        ids += range(low, high + 1) if low <= high else range(low, high - 1, -1)
    return ids


def assign_ids(
    pools: dict[str, tuple[int, list[int]]], preferred: Mapping[str, list[int]] | None = None
) -> dict[str, list[int]]:
    """Node ids of every pool, from its replicas and its present ids; no two nodes of the cluster share an id.

    A pool keeps its ids. It grows by its preferred ids in their order, then by the lowest ids, as far as they are free
    in the cluster. It shrinks from the highest id.
    """
    kept = {name: sorted(ids)[:replicas] for name, (replicas, ids) in pools.items()}
    taken = {node_id for _, ids in pools.values() for node_id in ids}
    result: dict[str, list[int]] = {}
    for name in sorted(pools):
        ids = kept[name]
        candidates = chain((preferred or {}).get(name, ()), count())
        while len(ids) < pools[name][0]:
            candidate = next(candidates)
            if candidate not in taken:
                taken.add(candidate)
                ids.append(candidate)
        result[name] = sorted(ids)
    return result
