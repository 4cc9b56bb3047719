"""Manifests around values that are not known yet."""

import json
from dataclasses import dataclass, replace
from typing import Any

import pulumi
import pytest
from kafkalogs.kube.resources import known, manifest_of, part
from kafkalogs.kube.unknowns import Unknowns, named_by
from pulumi_kubernetes.core.v1 import ConfigMap

from tests.support.graph import UNKNOWN, Graph, registered, unknown


@dataclass(frozen=True)
class Args:
    url: Any
    more: Any
    kind: Any


def built(args: Args) -> dict[str, Any]:
    url, kind = known(args.url), known(args.kind)
    return {
        "metadata": {"name": f"made-of-{url}", "namespace": "n"},
        "data": {"url": url, "path": f"{url}/x", "json": json.dumps({"url": url}), "kind": kind, **known(args.more)},
    }


def program(url: Any, more: Any, kind: Any) -> None:
    args = Args(url, more, kind)
    late = Unknowns()
    marked = replace(args, url=late.text(url), more={key: late.text(value) for key, value in more.items()})
    shown = late.manifest(built, marked, args)
    ConfigMap("c", metadata=named_by(shown, manifest_of(built, args)), data=part(shown, "data"))


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


@dataclass(frozen=True)
class Two:
    read: Any
    other: Any


def test_an_argument_that_a_builder_does_not_read_hides_nothing() -> None:
    def program() -> None:
        made = manifest_of(lambda args: {"data": {"read": f"{args.read}!"}}, Two("a", unknown()))
        ConfigMap("c", data=part(made, "data"))

    assert registered(program, True).one("ConfigMap", "c").inputs["data"] == {"read": "a!"}


@pytest.mark.parametrize(
    "read",
    [str, bool, len, list, repr, lambda value: f"{value}", lambda value: value + "x", lambda value: value.x, known],
)
def test_a_builder_that_reads_an_unknown_value_in_any_way_waits_for_it(read: Any) -> None:
    seen: list[Any] = []

    def build(args: Two) -> dict[str, Any]:
        seen.append(args.other)
        read(args.other)
        return {"data": {"read": "a"}}

    def program() -> None:
        made = manifest_of(build, Two("a", unknown()))
        ConfigMap("c", data=part(made, "data"))

    assert registered(program, True).one("ConfigMap", "c").inputs["data"] == UNKNOWN
    assert len(seen) == 1, "the builder is tried once, and ends at the value"


def test_an_unknown_value_that_is_passed_on_unread_is_waited_for() -> None:
    def program() -> None:
        made = manifest_of(lambda args: {"data": {"list": [args.other]}}, Two("a", unknown()))
        ConfigMap("c", data=part(made, "data"))

    assert registered(program, True).one("ConfigMap", "c").inputs["data"] == UNKNOWN


def test_a_value_that_is_read_without_manifest_of_is_an_error() -> None:
    with pytest.raises(TypeError, match="manifest_of"):
        known(pulumi.Output.from_input("x"))
