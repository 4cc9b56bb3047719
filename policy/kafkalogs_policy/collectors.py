"""The one program that may read files of its node as root: the platform's shipper of the pods' logs.

The node's log files belong to root, so every shipper needs it. The allowance is narrow and has no end. The DaemonSet
`shipper` in its own namespace may read /var/log, and write its place in the files to its own folder. Its containers
have no other right of root.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .kinds import containers, kind
from .values import View

NAME: Final = "shipper"
_LOGS: Final = "/var/log"
_OWN: Final = "/var/lib/kafkalogs/"


def is_collector(type_: str, view: View) -> bool:
    """Whether it is the shipper."""
    if kind(type_) != "DaemonSet":
        return False
    about = view["metadata"]
    return about["name"].text == NAME and about["namespace"].text.endswith(f"-{NAME}")


def may_be_root(container: View) -> bool:
    """Whether a container has no right of root but to read root's files."""
    context = container["securityContext"]
    bare = context["allowPrivilegeEscalation"].text == "false" and context["readOnlyRootFilesystem"].true
    dropped = [item.text for item in context["capabilities"]["drop"].items] == ["ALL"]
    return bare and dropped and not context["capabilities"]["add"].items and not context["privileged"].true


def allowed_folders(namespace: str, spec: View) -> Iterator[str]:
    """The names of the volumes of the node that the shipper may mount."""
    for volume in spec["volumes"].items:
        path, name = volume["hostPath"]["path"].text, volume["name"].text
        mounts = [m for c in containers(spec) for m in c["volumeMounts"].items if m["name"].text == name]
        read_only = all(mount["readOnly"].true for mount in mounts)
        if (path == _LOGS and read_only) or path == f"{_OWN}{namespace}":
            yield name
