"""Who may reach which port of whom: the groups of pods that the parts' records declare, and their edges.

An edge is a group of pods, a port and the group that connects to this port. The group that serves a port names its
callers. Two kinds of port serve more pods than the platform's: Kafka's listeners and the registry's API. Such a port is
open, and each group of the platform that needs it says so in `needs`.

`kube/policies.py` renders all network policies from these groups, and `LogPipeline` knows all groups.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

NAME_LABEL: Final = "app.kubernetes.io/name"

USES_LABEL: Final = "kafkalogs.io/uses-"
"""The first part of a label of pods; the rest is a server: s3, database or search. Where this server runs in the
platform, it answers pods whose label is "true"."""

API_PORTS: Final = (443, 6443)
"""The usual ports of the Kubernetes API: of its Service, and of the server behind it."""


@dataclass(frozen=True)
class Peer:
    """Pods that connect or serve, by their labels."""

    name: str
    labels: Mapping[str, str]


def named(name: str) -> Peer:
    """The pods with this name in their labels."""
    return Peer(name, {NAME_LABEL: name})


def user_of(server: str) -> Peer:
    """The pods that use a server outside the platform: s3, database or search."""
    return Peer(f"uses-{server}", {f"{USES_LABEL}{server}": "true"})


PROMETHEUS: Final = named("prometheus")
STRIMZI_OPERATOR: Final = Peer("strimzi-operator", {"strimzi.io/kind": "cluster-operator"})
"""Strimzi's operator, or the embedded one."""
FLINK_OPERATOR: Final = named("flink-kubernetes-operator")


@dataclass(frozen=True)
class Served:
    """A TCP port and the pods that may connect to it."""

    port: int
    callers: tuple[Peer, ...] = ()
    open: bool = False
    """Whether pods outside the platform may connect too. The server itself then asks who they are."""


@dataclass(frozen=True, kw_only=True)
class PodGroup:
    """Pods of one kind, with the edges to and from them."""

    peer: Peer
    serves: tuple[Served, ...] = ()
    needs: tuple[tuple[str, int], ...] = ()
    """The open ports that these pods need: the name of a group, and the port."""
    uses: tuple[str, ...] = ()
    """The servers outside the platform that these pods use: s3, database, search, pagerduty, registry or aws."""
    api: bool = False
    """Whether these pods use the Kubernetes API."""
    among_themselves: bool = False
    """Whether these pods connect to each other at ports that they choose."""
    shipper: bool = False
    """Whether these pods run in the shipper's namespace."""

    @property
    def name(self) -> str:
        """The name of the group, and the first part of the name of its policy."""
        return self.peer.name


@dataclass(frozen=True)
class Edge:
    """One group may connect to one port of another group; port None: to each port."""

    caller: PodGroup
    server: PodGroup
    port: int | None


def edges(groups: Iterable[PodGroup]) -> Iterator[Edge]:
    """The edges between these groups. Raises KeyError if a group needs a port of no group."""
    groups = list(groups)
    by_name = {group.name: group for group in groups}
    for server in groups:
        if server.among_themselves:
            yield Edge(server, server, None)
        for served in server.serves:
            for caller in groups:
                if any(_is(caller, peer) for peer in served.callers):
                    yield Edge(caller, server, served.port)
    for caller in groups:
        for name, port in caller.needs:
            yield Edge(caller, by_name[name], port)


def _is(group: PodGroup, peer: Peer) -> bool:
    return group.peer == peer or any(user_of(server) == peer for server in group.uses)
