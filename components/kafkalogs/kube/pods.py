"""Builds pods that comply with Pod Security "restricted": container, Secret volumes, labels and user.

See https://kubernetes.io/docs/concepts/security/pod-security-standards.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ..catalog.network import NAME_LABEL
from .resources import RESTRICTED_CONTAINER, RESTRICTED_POD, Manifest

USER: Final = 1001
"""The user and the group of the platform's images; also the group that may read mounted Secrets."""


def labels(name: str) -> dict[str, str]:
    """The labels of a part's pods. Services and network policies select pods by these labels."""
    return {NAME_LABEL: name, "app.kubernetes.io/part-of": "kafkalogs"}


def environment(values: Mapping[str, str]) -> list[Manifest]:
    """The environment variables of a container."""
    return [{"name": name, "value": value} for name, value in values.items()]


def secret_files(secret: str, *keys: str, files: Mapping[str, str] | None = None) -> Manifest:
    """The source of a volume with only the given keys of a Secret. files: file name by key, if they differ."""
    named = {**{key: key for key in keys}, **(files or {})}
    items = [{"key": key, "path": path} for key, path in named.items()]
    return {"secret": {"secretName": secret, "defaultMode": 0o440, "items": items}}


def secret_volume(volume: str, secret: str, *keys: str, files: Mapping[str, str] | None = None) -> Manifest:
    """A volume with only the given keys of a Secret, see `secret_files`."""
    return {"name": volume, **secret_files(secret, *keys, files=files)}


def mounts(folder: str, volumes: Iterable[str]) -> list[Manifest]:
    """Read-only mounts of volumes, each at its name below `folder`."""
    return [{"name": volume, "mountPath": f"{folder}/{volume}", "readOnly": True} for volume in volumes]


def resources(cpu: str, memory: str, cpu_limit: str, memory_limit: str) -> Manifest:
    """What a container requests, and its limits."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu_limit, "memory": memory_limit}}


def container(name: str, image: str) -> Manifest:
    """A container without rights and with a read-only root file system; callers add the program's settings with `|`."""
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
    }


def pod(containers: Sequence[Manifest], volumes: Sequence[Manifest], user: int | None = USER) -> Manifest:
    """The spec of a pod without a token of Kubernetes. user: the pod's user and the group of its volumes; None: the
    image's user, with the group `USER`."""
    runs = {"runAsUser": user, "fsGroup": user} if user is not None else {"fsGroup": USER}
    return {
        "automountServiceAccountToken": False,
        "securityContext": {**RESTRICTED_POD, **runs},
        "containers": list(containers),
        "volumes": list(volumes),
    }


_STARTED_WITH: Final = "/tmp/certificates"  # noqa: S108 - the container's own


def restarted_with_new(
    files: Iterable[str], alive: str, probe: Manifest, before: str = "", renew: str = ""
) -> Manifest:
    """The hook and the liveness probe of a container whose process reads `files` only when it starts, as Java does.

    When Kubernetes has replaced one of the mounted files, the probe fails and Kubernetes restarts the container. The
    image needs bash and coreutils. alive: a command that says whether the process lives. probe: times of the probe.
    before, renew: commands that run before the files are noted, and before each look at them.
    """
    note = f"{before}sha256sum {' '.join(files)} > {_STARTED_WITH}"
    look = f"{renew}sha256sum --status -c {_STARTED_WITH} && {alive}"
    return {
        "lifecycle": {"postStart": {"exec": {"command": ["bash", "-c", note]}}},
        "livenessProbe": {"exec": {"command": ["bash", "-c", look]}, **probe},
    }


def open_port(port: int) -> str:
    """A command for `restarted_with_new`: something listens at the port of the pod's address."""
    return f"exec 3<>/dev/tcp/$HOSTNAME/{port}"


def answers_ok(port: int, path: str) -> str:
    """A command for `restarted_with_new`: GET of the path is answered with status 200."""
    ask = f"printf 'GET {path} HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"
    return f"{open_port(port)} && {ask}"


def digest(text: str) -> str:
    """A digest of a text: 12 hexadecimal digits. An object with this digest in its name is replaced when the text
    changes."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
