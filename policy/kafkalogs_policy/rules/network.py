"""closed-network: a policy opens ports for those that need them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..kinds import of
from ..model import Context, Rule, Violation, each
from ..values import View

_WORLD: Final = frozenset({"0.0.0.0/0", "::/0"})


def _examine(type_: str, view: View, context: Context) -> Iterator[Violation]:
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for opened in view["spec"][direction].items:
            yield from each(_bounded(opened, peers))


def _bounded(opened: View, peers: str) -> Iterator[Violation]:
    if opened["ports"].items:
        return
    named = opened[peers].items
    if not named:
        yield Violation(opened.path, "opens every port to everybody", f"write {peers} and ports")
    for peer in named:
        selectors = (peer["namespaceSelector"], peer["podSelector"])
        if peer["ipBlock"]["cidr"].text in _WORLD:
            yield Violation(f"{peer.path}.ipBlock.cidr", "opens every port to every address", "write ports")
        elif selectors[0].there and not any(list(selector.leaves()) for selector in selectors):
            yield Violation(peer.path, "opens every port to every pod of the cluster", "write ports")


RULE: Final = Rule(
    name="closed-network",
    title="A network policy names who may come, or to which port",
    applies=of("NetworkPolicy"),
    examine=_examine,
)
