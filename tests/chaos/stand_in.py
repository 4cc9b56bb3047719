"""A pod that takes a server's place and answers errors, by the server's own name and certificate."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafkalogs.kube.pods import container, labels, mounts, pod, resources, secret_volume
from kafkalogs.kube.service_secrets import tls_secret

from tests.chaos.state import SPACE, back
from tests.support.sandbox import Sandbox

NAME = "refuser"
READY_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """name: of the server's Service and certificate. workload: what runs it. port: of its pods."""

    name: str
    workload: str
    port: int


S3 = Server("s3", "statefulset/s3", 7070)
SEARCH = Server("elasticsearch", "statefulset/elasticsearch", 9200)
REGISTRY = Server("registry", "deployment/registry", 8443)


def pod_manifest(server: Server, status: int, image: str) -> dict[str, Any]:
    """The pod. With the labels of the server's pods, the server's Service and network policies select it too."""
    text = (Path(__file__).parent / "refuser.py").read_text()
    runs = container(NAME, image) | {
        "command": ["python3", "-c", text, str(server.port), str(status), "/tls"],
        "ports": [{"name": "https", "containerPort": server.port}],
        "readinessProbe": {"tcpSocket": {"port": "https"}, "periodSeconds": 1},
        "resources": resources("10m", "32Mi", "500m", "128Mi"),
        "volumeMounts": mounts("", ["tls"]),
    }
    volumes = [secret_volume("tls", tls_secret(server.name), "tls.crt", "tls.key")]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "namespace": "kafkalogs", "labels": labels(server.name)},
        "spec": pod([runs], volumes),
    }


@contextmanager
def replaced(platform: Sandbox, server: Server, status: int) -> Iterator[None]:
    """Each request to the server is answered with this status.

    The server itself is away meanwhile: clients would go on with the connections that they have to it.
    """
    # of the images with Python, this one runs in each stack that is tested
    exporter = platform.get("deployment", "exporter")
    image = exporter["spec"]["template"]["spec"]["containers"][0]["image"]
    platform.kubectl(*SPACE, "scale", server.workload, "--replicas=0")
    try:
        platform.kubectl("apply", "-f", "-", input=json.dumps(pod_manifest(server, status, image)))
        platform.kubectl(*SPACE, "wait", f"pod/{NAME}", "--for=condition=Ready", f"--timeout={READY_SECONDS}s")
        yield
    finally:
        platform.kubectl(*SPACE, "delete", "pod", NAME, "--ignore-not-found", "--now")
        platform.kubectl(*SPACE, "scale", server.workload, "--replicas=1")


def answers(platform: Sandbox, server: Server, status: int, seconds: float) -> None:
    """Let a server answer each request with this status for so long, and wait until the server is back."""
    with replaced(platform, server, status):
        time.sleep(seconds)
    back(platform)
