"""Manifests around values that are not known yet."""

import json
from typing import Any

import pulumi
from kafkalogs.kube.resources import part
from kafkalogs.kube.unknowns import manifest_around, named_by
from pulumi_kubernetes.core.v1 import ConfigMap

from tests.unit.components.graph import UNKNOWN, Graph, registered, unknown


def built(url: str, more: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        "metadata": {"name": f"made-of-{url}", "namespace": "n"},
        "data": {"url": url, "path": f"{url}/x", "json": json.dumps({"url": url}), "kind": kind, **more},
    }


def program(url: Any, more: Any, kind: Any, late: tuple[str, ...] = ("url",)) -> None:
    whole = (
        built(url, more, kind)
        if isinstance(url, str)
        else pulumi.Output.all(url=url, more=more, kind=kind).apply(lambda known: built(**known))
    )
    shown = manifest_around(built, late=late, within=["more"], url=url, more=more, kind=kind)
    ConfigMap("c", metadata=named_by(shown, whole), data=part(shown, "data"))


def graph_of(url: Any, more: Any, kind: Any = "k", preview: bool = False) -> Graph:
    return registered(lambda: program(url(), more(), kind() if callable(kind) else kind), preview)


def test_known_values_make_the_same_manifest() -> None:
    graph = graph_of(lambda: "https://a", lambda: {"one": "1"})
    assert graph.one("ConfigMap", "c").inputs["data"]["json"] == '{"url": "https://a"}'


def test_outputs_that_are_known_make_the_same_manifest() -> None:
    given = graph_of(lambda: pulumi.Output.from_input("https://a"), lambda: {"one": pulumi.Output.from_input("1")})
    plain = graph_of(lambda: "https://a", lambda: {"one": "1"})
    assert given.one("ConfigMap", "c").inputs == plain.one("ConfigMap", "c").inputs


def test_only_what_follows_from_an_unknown_value_is_unknown() -> None:
    inputs = graph_of(unknown, lambda: {"one": unknown(), "two": "2"}, preview=True).one("ConfigMap", "c").inputs
    assert inputs["metadata"] == {"name": UNKNOWN, "namespace": "n"}
    assert inputs["data"] == {
        "url": UNKNOWN,
        "path": UNKNOWN,
        "json": UNKNOWN,
        "kind": "k",
        "one": UNKNOWN,
        "two": "2",
    }


def test_values_that_are_looked_at_are_waited_for() -> None:
    graph = graph_of(unknown, lambda: {}, kind=unknown, preview=True)
    assert graph.one("ConfigMap", "c").inputs["data"] == UNKNOWN
