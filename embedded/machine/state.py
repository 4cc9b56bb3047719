"""The state of this checkout's platform, in ``.kafkalogs/`` or ``KAFKALOGS_STATE``, and the name of its cluster."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from embedded import REPOSITORY
from embedded.build.cache import EmbeddedError


def state_dir() -> Path:
    """The folder of machine.json, the kubeconfig, the engine's settings and Pulumi's state; created if missing."""
    configured = os.environ.get("KAFKALOGS_STATE")
    path = Path(configured).expanduser().resolve() if configured else REPOSITORY / ".kafkalogs"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def own_stack_file() -> str | None:
    """The stack file of `local`, if it is not the one in ``stacks/``: ``KAFKALOGS_STACK_FILE``."""
    return os.environ.get("KAFKALOGS_STACK_FILE") or None


def kubeconfig() -> Path:
    """The kubeconfig of the cluster; the user's own kubeconfig is never changed."""
    return state_dir() / "kubeconfig"


def machine_file() -> Path:
    """The file that tells the Pulumi program which cluster and images were made."""
    return state_dir() / "machine.json"


def cluster_name() -> str:
    """The name of the kind cluster: ``kafkalogs``, or ``KAFKALOGS_CLUSTER``."""
    name = os.environ.get("KAFKALOGS_CLUSTER", "kafkalogs")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", name):
        raise EmbeddedError(
            f"KAFKALOGS_CLUSTER={name!r} is no name for a cluster: use at most 40 of a-z, 0-9 and '-', "
            "beginning and ending with a letter or digit."
        )
    return name


def first_port() -> int:
    """The first of the four ports on localhost that lead to Kafka: 32090, or ``KAFKALOGS_PORT``."""
    text = os.environ.get("KAFKALOGS_PORT", "32090")
    if not text.isdigit() or not 30000 <= int(text) <= 32764:
        raise EmbeddedError(
            f"KAFKALOGS_PORT={text!r} cannot be used: the port and the next three are Kubernetes node ports, "
            "so choose a number from 30000 to 32764."
        )
    return int(text)


def environment(programs: Path) -> dict[str, str]:
    """The environment of Pulumi and kubectl: our programs first, our cluster, Pulumi's state in files.

    The file backend needs a passphrase even if it stores no secret. All secrets stay in the cluster, so the passphrase
    is empty.
    """
    backend = state_dir() / "state"
    backend.mkdir(exist_ok=True)
    return {
        # The `kafkalogs` command is in this Python's folder, which comes last, so that the user's Python comes first.
        "PATH": os.pathsep.join([str(programs), os.environ["PATH"], str(Path(sys.executable).parent)]),
        "KUBECONFIG": str(kubeconfig()),
        "KAFKALOGS_STATE": str(state_dir()),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def forget() -> None:
    """Remove this program's files from the state folder, and the folder unless it has other files."""
    for name in ("machine.json", "kubeconfig", "containers.conf", "limits.conf"):
        (state_dir() / name).unlink(missing_ok=True)
    for name in ("state", "replay"):
        shutil.rmtree(state_dir() / name, ignore_errors=True)
    if not any(state_dir().iterdir()):
        state_dir().rmdir()
