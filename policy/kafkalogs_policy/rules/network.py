"""closed-network: a policy opens ports for those that need them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..kinds import of
from ..model import Context, Rule, Violation, each
from ..values import View

_LEAST_PREFIX: Final = 8
"""The least bits of an address block; a shorter one is a large part of all addresses."""
_MOST_PORTS: Final = 100
"""The most ports of a range."""


def _examine(type_: str, view: View, context: Context) -> Iterator[Violation]:
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for opened in view["spec"][direction].items:
            yield from each(_bounded(opened, peers))


def _bounded(opened: View, peers: str) -> Iterator[Violation]:
    ports = opened["ports"].items
    if ports and all(_some(port) for port in ports):
        return
    named = opened[peers].items
    if not named:
        yield Violation(opened.path, "opens every port to everybody", f"write {peers} and ports")
    for peer in named:
        selectors = (peer["namespaceSelector"], peer["podSelector"])
        if peer["ipBlock"].there and _large(peer["ipBlock"]["cidr"].text):
            yield Violation(f"{peer.path}.ipBlock.cidr", "opens every port to every address", "write ports")
        elif not peer["ipBlock"].there and selectors[0].there and not any(map(_chooses, selectors)):
            yield Violation(peer.path, "opens every port to every pod of the cluster", "write ports")


def _some(port: View) -> bool:
    """Whether it is a port, or a few."""
    first, last = port["port"], port["endPort"]
    return bool(first.text) and (not last.there or (last.number or 0) - (first.number or 0) < _MOST_PORTS)


def _large(cidr: str) -> bool:
    bits = cidr.rpartition("/")[2]
    return "/" in cidr and (not bits.isdigit() or int(bits) < _LEAST_PREFIX)


def _chooses(selector: View) -> bool:
    """Whether a selector leaves anything out; that a label exists, every namespace fulfils by its name's."""
    return bool(selector["matchLabels"].entries) or any(
        one["operator"].text == "In" for one in selector["matchExpressions"].items
    )


RULE: Final = Rule(
    name="closed-network",
    title="A network policy names who may come, or to which port",
    applies=of("NetworkPolicy"),
    examine=_examine,
)
