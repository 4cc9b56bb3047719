"""The program that `pulumi up` runs: which cluster, which operator, and the shop."""

import json

import demo_shop
import machine
import pulumi
import pytest
import registration
from kafkalogs import LogPlatform, LogPlatformArgs
from kafkalogs.kube.crds import CRDS_URL
from pulumi.runtime.settings import _get_rpc_manager

from tests.support.graph import registered
from tests.support.stack import VALID, changed

RECORD = {
    "source": "build",
    "reason": "no registry",
    "operator": "embedded",
    "kubeconfig": "/state/kubeconfig",
    "context": "kind-kafkalogs",
    "crds": "/state/strimzi-crds.yaml",
    "images": {"operator": "op:1", "kafka": "kafka:1", "shop": "shop:1"},
}


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("KAFKALOGS_STATE", str(tmp_path))
    return tmp_path


def test_auto_takes_what_make_cluster_recorded(state):
    (state / "machine.json").write_text(json.dumps(RECORD))
    found = machine.read({"operator": "auto"})
    assert found.resolve({"operator": "auto", "namespace": "n"}) == {"operator": "embedded", "namespace": "n"}
    assert (found.crds, found.images["shop"]) == ("/state/strimzi-crds.yaml", "shop:1")
    assert (found.kubeconfig, found.context) == ("/state/kubeconfig", "kind-kafkalogs")


def test_auto_without_a_record_stays_and_is_refused_by_the_platform(state):
    found = machine.read({"operator": "auto"})
    assert found.resolve({"operator": "auto"}) == {"operator": "auto"}


@pytest.mark.parametrize("config", [{"operator": "strimzi"}, {}, {"operator": "strimzzi"}])
def test_other_stacks_do_not_ask_this_machine(state, config):
    (state / "machine.json").write_text(json.dumps(RECORD))
    found = machine.read(config)
    assert found.resolve(config) == config
    assert (found.kubeconfig, found.crds) == (None, CRDS_URL)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"operator": "embedded"}'])
def test_a_broken_record_says_so(state, text):
    (state / "machine.json").write_text(text)
    with pytest.raises(
        pulumi.RunError, match=r"machine.json is not what make cluster writes .*; run make cluster again"
    ):
        machine.read({"operator": "auto"})


def test_the_state_folder_is_at_the_root_of_the_checkout(monkeypatch):
    monkeypatch.delenv("KAFKALOGS_STATE", raising=False)
    assert machine.state_folder().name == ".kafkalogs"
    assert (machine.state_folder().parent / "Pulumi.yaml").exists()


def test_resources_go_to_the_recorded_cluster():
    def build() -> None:
        assert machine.Machine().options().providers is None
        machine.Machine(kubeconfig="/state/kubeconfig", context="kind-kafkalogs").options()

    provider = registered(build).one("providers:kubernetes", "cluster").inputs
    assert (provider["kubeconfig"], provider["context"]) == ("/state/kubeconfig", "kind-kafkalogs")


def shop(image: str) -> None:
    raw = changed(("operator", "embedded"))
    platform = LogPlatform("kafkalogs", LogPlatformArgs(raw, operator_image="op:1", kafka_image="kafka:1"))
    demo_shop.Shop("shop", demo_shop.ShopArgs(platform, image))


def test_every_service_runs_in_the_shop():
    graph = registered(lambda: shop("shop:1"))
    names = {r.inputs["metadata"]["name"] for r in graph.of("apps/v1:Deployment") if r.name.startswith("shop-")}
    assert names == set(VALID["services"])


def test_a_shop_without_its_image_is_refused():
    with pytest.raises(pulumi.RunError, match="its image comes from make cluster; run it"):
        demo_shop.needed_image(None)


def test_registrations_begin_before_the_program_ends():
    """Else the SDK waits for all outputs at once, over and over: the square of their number."""
    seen: list[int] = []

    def build() -> None:
        LogPlatform("kafkalogs", LogPlatformArgs(VALID))
        seen.append(len(_get_rpc_manager().rpcs))
        registration.begin()
        seen.append(len(_get_rpc_manager().rpcs))

    graph = registered(build)
    assert seen[0] == 0
    assert seen[1] > 20
    assert len(graph.of("KafkaTopic")) == 9


def test_other_stacks_run_what_was_pinned(state, monkeypatch, tmp_path):
    pinned = tmp_path / "stacks" / "images.yaml"
    pinned.parent.mkdir()
    pinned.write_text("flink: registry.example.com/flink:2.3.0@sha256:1\n")
    monkeypatch.setattr(machine, "__file__", str(tmp_path / "infra" / "machine.py"))
    assert machine.read({"operator": "strimzi"}).images == {"flink": "registry.example.com/flink:2.3.0@sha256:1"}
    assert machine.read({"operator": "auto"}).images == {}
