"""The policy pack in the real `pulumi preview`: of `local`, of a stack that breaks a rule, and of other programs."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.render import IMAGES
from tests.support.sandbox import PLATFORM_KEY, REPO, Result, Sandbox
from tests.support.stub_cluster import stub_cluster

pytestmark = pytest.mark.engine

PACK = str(REPO / "policy")
CONTEXT = "kind-stub"
# An exception ends at most 180 days ahead.
SOON = (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=90)).isoformat()

# A program of somebody else, with Strimzi and without this project's components.
OTHER = """
import json
import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap

config = pulumi.Config("other")
place = pulumi.ResourceOptions(provider=Provider("cluster", kubeconfig=config.require("kubeconfig")))
made = ConfigMap("made", data={"a": "b"}, opts=place)
copies = made.id.apply(lambda _: 3) if config.get_bool("unknown") else int(config.require("copies"))
about = {"name": "orders", "namespace": "shop", "labels": {"strimzi.io/cluster": "shop"}}
spec = {
    "partitions": 3,
    "replicas": copies,
    "config": {"retention.ms": 259200000, "min.insync.replicas": 2, "cleanup.policy": "delete"},
}
CustomResource(
    "orders",
    api_version="kafka.strimzi.io/v1beta2",
    kind="KafkaTopic",
    metadata=about,
    spec=spec,
    opts=pulumi.ResourceOptions.merge(place, pulumi.ResourceOptions(protect=True)),
)
"""


@pytest.fixture(scope="module")
def kubeconfig() -> Iterator[str]:
    with stub_cluster(CONTEXT) as text:
        yield text


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, kubeconfig: str) -> Sandbox:
    """The stack `local` on a machine whose cluster is empty."""
    state: Path = tmp_path_factory.mktemp("policy")
    box = Sandbox(state, "kafkalogs-none", 32490)
    box.load_env()
    (state / "kubeconfig").write_text(kubeconfig)
    (state / "crds.yaml").write_text("# none\n")
    record = {
        "operator": "embedded",
        "kubeconfig": str(state / "kubeconfig"),
        "context": CONTEXT,
        "crds": str(state / "crds.yaml"),
        "images": {name: f"localhost/kafkalogs-{name}:1" for name in IMAGES},
    }
    (state / "machine.json").write_text(json.dumps(record))
    box.pulumi("stack", "init", "local")
    return box


def preview(box: Sandbox, *args: str) -> Result:
    return box.pulumi("preview", "--policy-pack", PACK, *args, check=False)


def unclean(platform: dict[str, Any]) -> None:
    """A setting that loses records, and that only the policies mind."""
    platform["kafka"].setdefault("config", {})["unclean.leader.election.enable"] = True


def test_local_keeps_the_policies_without_an_exception(sandbox: Sandbox) -> None:
    bare = sandbox.pulumi("preview")
    result = preview(sandbox)
    assert result.code == 0, result.text[-6000:]
    assert "kafkalogs@v0.1.0 (local:" in result.text
    assert "[mandatory]" not in result.text
    assert "exceptions" not in sandbox.read_stack()["config"][PLATFORM_KEY]
    assert "exception to" not in result.text
    print(f"preview of local: {bare.seconds:.1f} s without the pack, {result.seconds:.1f} s with it", file=sys.stderr)


def test_a_violation_is_refused(sandbox: Sandbox) -> None:
    with sandbox.edited(unclean):
        assert sandbox.pulumi("preview", check=False).code == 0, "only the pack minds"
        result = preview(sandbox)
    assert result.code != 0
    said = " ".join(result.text.split())
    assert "[mandatory] replication (kubernetes:kafka.strimzi.io/v1:Kafka: logs)" in said
    where = "spec.kafka.config.unclean.leader.election.enable: true: a broker that lags may lead"
    assert where in said
    assert "write false, or leave it out" in said
    assert "Traceback" not in result.text


def test_an_exception_lets_it_pass_and_is_printed(sandbox: Sandbox) -> None:
    known = {"rule": "replication", "resource": "Kafka/logs", "reason": "a drill", "expires": SOON}
    needless = {"rule": "replication", "resource": "nobody", "reason": "was once needed", "expires": SOON}

    def change(platform: dict[str, Any]) -> None:
        unclean(platform)
        platform["exceptions"] = [known, needless]

    with sandbox.edited(change):
        result = preview(sandbox)
    assert result.code == 0, result.text[-6000:]
    said = " ".join(result.text.split())
    place = "spec.kafka.config.unclean.leader.election.enable"
    assert f"exception to replication until {SOON}: a drill (it lets pass: {place})" in said
    assert "[advisory] declared-exceptions (kubernetes:kafka.strimzi.io/v1:Kafka: logs)" in said
    assert f"the exception to replication of nobody, until {SOON}: was once needed lets nothing pass" in said


def test_the_environment_of_the_stack_file_is_what_the_pack_goes_by(sandbox: Sandbox) -> None:
    """`staging` is not let off what `local` is."""
    planned = {"plannedShare": 0.05}  # as local's: its disks are small
    outage = {"longestOutage": "15m"}  # as local's: its logs are kept for two hours
    with sandbox.edited(lambda platform: platform.update(environment="staging", stream=planned, **outage)):
        result = preview(sandbox)
    assert result.code != 0
    said = " ".join(result.text.split())
    for rule in ("pinned-images", "encryption-at-rest", "deletion-protection"):
        assert f"[mandatory] {rule} " in said


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox, kubeconfig: str) -> Path:
    """The program of somebody else, with a stack."""
    folder = tmp_path_factory.mktemp("other")
    runtime = {"name": "python", "options": {"virtualenv": str(REPO / ".venv")}}
    (folder / "Pulumi.yaml").write_text(json.dumps({"name": "other", "runtime": runtime}))
    (folder / "__main__.py").write_text(OTHER)
    sandbox.run("pulumi", "-C", str(folder), "stack", "init", "dev", "--non-interactive")
    sandbox.run("pulumi", "-C", str(folder), "config", "set", "-s", "dev", "kubeconfig", kubeconfig)
    return folder


def other_preview(sandbox: Sandbox, folder: Path, *values: str) -> Result:
    told = [word for value in values for word in ("-c", value)]
    command = ["pulumi", "-C", str(folder), "preview", "-s", "dev", "--policy-pack", PACK, "--non-interactive", *told]
    return sandbox.run(*command, "--color", "never", check=False)


def test_the_pack_alone_holds_other_programs_to_the_strictest(sandbox: Sandbox, other: Path) -> None:
    good = other_preview(sandbox, other, "other:copies=3")
    assert good.code == 0, good.text[-4000:]
    bad = other_preview(sandbox, other, "other:copies=2")
    assert bad.code != 0
    assert "spec.replicas: records of the topic: '2' copies" in " ".join(bad.text.split())


def test_a_value_that_is_not_known_is_refused_and_not_passed_in_silence(sandbox: Sandbox, other: Path) -> None:
    result = other_preview(sandbox, other, "other:unknown=true")
    assert result.code != 0
    said = " ".join(result.text.split())
    assert "[mandatory] replication" in said
    assert "spec.replicas: not known before the update, so the rule cannot be checked" in said


def test_other_programs_declare_exceptions_too(sandbox: Sandbox, other: Path) -> None:
    known = {"rule": "replication", "resource": "orders", "reason": "one broker in the office", "expires": SOON}
    stack = other / "Pulumi.dev.yaml"
    before = stack.read_text()
    stack.write_text(before + f"  kafkalogs-policy:settings: {json.dumps({'exceptions': [known]})}\n")
    try:
        result = other_preview(sandbox, other, "other:copies=1")
        assert result.code == 0, result.text[-4000:]
        assert f"exception to replication until {SOON}: one broker in the office" in " ".join(result.text.split())
        stack.write_text(before + f"  kafkalogs-policy:settings: {json.dumps({'exceptions': [{'rule': 'x'}]})}\n")
        wrong = other_preview(sandbox, other, "other:copies=3")
        assert wrong.code != 0
        assert "kafkalogs-policy:settings.exceptions.0: resource is missing; write it" in " ".join(wrong.text.split())
    finally:
        stack.write_text(before)
