"""Where a checkout keeps what it runs, ``.kafkalogs/`` or ``KAFKALOGS_STATE``, and what its cluster is called."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from embedded.cache import EmbeddedError

REPOSITORY = Path(__file__).parent.parent


def state_dir() -> Path:
    """The folder of machine.json, the kubeconfig, the engine's settings and Pulumi's state; made if need be."""
    configured = os.environ.get("KAFKALOGS_STATE")
    path = Path(configured).expanduser().resolve() if configured else REPOSITORY / ".kafkalogs"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def own_stack_file() -> str | None:
    """The stack file of `local` where it is not that of ``stacks/``: ``KAFKALOGS_STACK_FILE``."""
    return os.environ.get("KAFKALOGS_STACK_FILE") or None


def kubeconfig() -> Path:
    """The only kubeconfig that is written; a user's own is never touched."""
    return state_dir() / "kubeconfig"


def machine_file() -> Path:
    """What was made, and how: read by the Pulumi program."""
    return state_dir() / "machine.json"


def cluster_name() -> str:
    """The kind cluster: ``kafkalogs``, or ``KAFKALOGS_CLUSTER``."""
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
    """What Pulumi and kubectl are run with: our programs first, our cluster, Pulumi's state in files.

    The file backend needs a passphrase even if no secret is stored; secrets stay in the cluster, so it is empty.
    """
    backend = state_dir() / "state"
    backend.mkdir(exist_ok=True)
    return {
        # the `kafkalogs` command is beside this Python; at the end, so that it hides no Python of the user's
        "PATH": os.pathsep.join([str(programs), os.environ["PATH"], str(Path(sys.executable).parent)]),
        "KUBECONFIG": str(kubeconfig()),
        "KAFKALOGS_STATE": str(state_dir()),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def forget() -> None:
    """Remove what this program keeps in the state folder, and the folder unless something else is in it."""
    for name in ("machine.json", "kubeconfig", "containers.conf"):
        (state_dir() / name).unlink(missing_ok=True)
    for name in ("state", "tmp", "replay"):
        shutil.rmtree(state_dir() / name, ignore_errors=True)
    if not any(state_dir().iterdir()):
        state_dir().rmdir()
