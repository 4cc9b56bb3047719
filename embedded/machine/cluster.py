"""The kind cluster: created, reused if it is healthy, started or created again if not, filled with images, deleted."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import yaml

from embedded.build.cache import EmbeddedError
from embedded.build.images.node import coredns_tag, etcd_tag
from embedded.build.oci import Image, write_archive
from embedded.build.progress import run, say
from embedded.machine.engine import Engine
from embedded.machine.state import cluster_name, first_port, kubeconfig

PORTS = 4
READY_SECONDS = 180.0
# a cluster that was stopped needs time to start
REUSE_SECONDS = 90.0


class Cluster:
    """A kind cluster of one node. engine: runs it. kind: path of the kind program."""

    def __init__(self, engine: Engine, kind: Path) -> None:
        self.engine = engine
        self.kind = kind
        self.name = cluster_name()
        self.node = f"{self.name}-control-plane"

    def ensure(self, node_image: str, config: dict[str, Any]) -> None:
        """Create the cluster unless it exists and is healthy; start it if it was stopped."""
        state = self.engine.container_state(self.node)
        if state and state != "running":
            say(f"cluster {self.name} was stopped ({state}): starting it")
            with contextlib.suppress(EmbeddedError):
                self.engine.run("start", self.node, timeout=60)
                state = "running"
        if state == "running":
            self._export_kubeconfig()
            if self._becomes_ready(REUSE_SECONDS):
                say(f"cluster {self.name} is there already")
                return
        if state:
            say(f"cluster {self.name} does not answer: creating it again")
            self.delete()
        self._create(node_image, config)

    def delete(self) -> None:
        """Delete the cluster, its volumes and its kubeconfig; does nothing if there is no cluster."""
        self._kind("delete", "cluster", "--name", self.name, "--kubeconfig", str(kubeconfig()))
        kubeconfig().unlink(missing_ok=True)

    def running(self) -> bool:
        """Whether the node's container runs."""
        return self.engine.container_state(self.node) == "running"

    def others(self) -> list[str]:
        """The names of this engine's other kind clusters."""
        return [name for name in self._kind("get", "clusters").split() if name != self.name]

    def load(self, images: Sequence[Image]) -> None:
        """Load images into the node, except those that it has."""
        present = self._images()
        missing = [image for image in images if image.ref not in present]
        if not missing:
            return
        for image in missing:
            image.build()
        say("loading " + ", ".join(image.ref for image in missing))
        with self._importing() as pipe:
            write_archive(missing, pipe)

    def load_from_engine(self, ref: str) -> None:
        """Load an image of the engine into the node, unless the node has it."""
        if ref in self._images():
            return
        say(f"loading {ref}")
        with self._importing() as pipe:
            words = [self.engine.name, "save", ref]
            saving = subprocess.run(
                words, env={**os.environ, **self.engine.env}, stdout=pipe, stderr=subprocess.PIPE, check=False
            )
        if saving.returncode:
            raise EmbeddedError(f"`{' '.join(words)}` failed: {saving.stderr.decode(errors='replace').strip()}")

    def _images(self) -> set[str]:
        return set(self._node("ctr", "--namespace=k8s.io", "images", "list", "--quiet").split())

    @contextmanager
    def _importing(self) -> Iterator[IO[bytes]]:
        """A pipe into the node's containerd that takes an archive of images."""
        words = [self.engine.name, "exec", "--privileged", "--interactive", self.node]
        importing = subprocess.Popen(
            [*words, "ctr", "--namespace=k8s.io", "images", "import", "--no-unpack", "-"],
            env={**os.environ, **self.engine.env},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert importing.stdin is not None
        try:
            with contextlib.suppress(BrokenPipeError), importing.stdin as pipe:
                yield pipe
        finally:
            errors = importing.stderr.read() if importing.stderr else b""
            code = importing.wait()
        if code:
            raise EmbeddedError(f"the node did not accept images: {errors.decode(errors='replace').strip()[-2000:]}")

    def _create(self, node_image: str, config: dict[str, Any]) -> None:
        for port in range(first_port(), first_port() + PORTS):
            _require_free(port)
        say(f"kind create cluster {self.name}")
        try:
            run(
                [
                    *(self.kind, "create", "cluster", "--name", self.name, "--image", node_image),
                    *("--kubeconfig", kubeconfig(), "--config", "-", "--wait", f"{READY_SECONDS:.0f}s"),
                ],
                env=self.engine.env,
                input=yaml.safe_dump(config),
            )
            if not self._becomes_ready(READY_SECONDS):
                raise EmbeddedError(f"the node of cluster {self.name} did not become Ready in {READY_SECONDS:.0f} s.")
            # kubeadm makes two replicas. The second requests a twentieth of two cores, but fails with the same node.
            self._kubectl("--namespace=kube-system", "scale", "deployment/coredns", "--replicas=1")
        except BaseException:
            with _undisturbed():
                self.delete()
            raise

    def _becomes_ready(self, seconds: float) -> bool:
        """Whether the node becomes Ready within ``seconds``."""
        deadline = time.monotonic() + seconds
        path = "{.items[*].status.conditions[?(@.type=='Ready')].status}"
        while time.monotonic() < deadline:
            with contextlib.suppress(EmbeddedError):
                if self._kubectl("get", "nodes", f"-o=jsonpath={path}").strip() == "True":
                    return True
            time.sleep(1)
        return False

    def _kubectl(self, *words: str) -> str:
        return self._node("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", *words, timeout=15)

    def _export_kubeconfig(self) -> None:
        with contextlib.suppress(EmbeddedError):
            self._kind("export", "kubeconfig", "--name", self.name, "--kubeconfig", str(kubeconfig()))

    def _kind(self, *words: str) -> str:
        return run([self.kind, *words], env=self.engine.env)

    def _node(self, *words: str, timeout: float | None = None) -> str:
        return self.engine.run("exec", "--privileged", self.node, *words, timeout=timeout)


def kind_config(*, built: bool) -> dict[str, Any]:
    """kind's configuration of the cluster.

    built: for the node image that is built here; it contains a network plugin for one node.
    The ports from ``first_port()`` on lead from localhost to the same node ports: Kafka's external listener.
    """
    kubelet = {
        "kind": "KubeletConfiguration",
        # so that the platform also runs on machines with cgroup v1, or where root may not raise limits
        "failCgroupV1": False,
        "featureGates": {"KubeletInUserNamespace": True},
    }
    patches: list[dict[str, Any]] = [kubelet]
    config: dict[str, Any] = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [
            {
                "role": "control-plane",
                "extraPortMappings": [
                    {"containerPort": port, "hostPort": port, "listenAddress": "127.0.0.1", "protocol": "TCP"}
                    for port in range(first_port(), first_port() + PORTS)
                ],
            }
        ],
        "containerdConfigPatches": ['[plugins."io.containerd.grpc.v1.cri"]\n  restrict_oom_score_adj = true\n'],
    }
    if built:
        config["networking"] = {"disableDefaultCNI": True, "podSubnet": "10.244.0.0/16"}
        patches.append(
            {
                "kind": "ClusterConfiguration",
                "dns": {"imageTag": coredns_tag()},
                "etcd": {"local": {"imageTag": etcd_tag()}},
            }
        )
    config["kubeadmConfigPatches"] = [json.dumps(patch) for patch in patches]
    return config


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise EmbeddedError(
                f"port {port} on localhost is in use, and Kafka's external listener needs it: stop what uses it, or "
                "set KAFKALOGS_PORT to the first of four free ports (30000 to 32764)."
            ) from error


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Clean up in this block: a second Ctrl-C does not stop it, and its errors do not hide the first error."""
    with contextlib.suppress(EmbeddedError, KeyboardInterrupt):
        yield
