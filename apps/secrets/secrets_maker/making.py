"""Creates and updates the Secrets of a namespace, and reports what was done, by name."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from .contents import Data, Wanted, contents
from .kube import KubeError, Obj

MADE_BY = {"app.kubernetes.io/managed-by": "kafkalogs-service-secrets", "app.kubernetes.io/part-of": "kafkalogs"}
"""The labels of Secrets made here. A Secret of the same name without them has another owner and is not changed."""

_TRIES = 5


class Store(Protocol):
    """Where the Secrets are; `kube.Secrets` is one."""

    def get(self, name: str) -> Obj | None:
        """A Secret; None if there is none."""
        ...

    def create(self, secret: Obj) -> None:
        """Create a Secret."""
        ...

    def patch(self, name: str, change: Obj) -> None:
        """Change a Secret by a merge patch."""
        ...


class ForeignSecret(Exception):  # noqa: N818 - the text of a problem, for a person
    """A Secret with a needed name has another owner."""


def make(wanted: Wanted, owner: Mapping[str, str], store: Store, moment: datetime) -> list[str]:
    """One line for each Secret: what was done, and its name.

    owner: the owner reference of each Secret; when the owner is deleted, the Secrets are garbage-collected.
    Raises ForeignSecret, KubeError, or the store's own errors.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            return _make(wanted, owner, store, moment)
        except KubeError as error:
            # Another process, for instance the other Job, was faster: read the Secret again.
            if error.status != 409 or attempt == _TRIES:
                raise
    raise AssertionError


def _make(wanted: Wanted, owner: Mapping[str, str], store: Store, moment: datetime) -> list[str]:
    found = {name: secret for name in wanted.names() if (secret := store.get(name)) is not None}
    for name, secret in found.items():
        labels = secret["metadata"].get("labels") or {}
        if any(labels.get(key) != value for key, value in MADE_BY.items()):
            raise ForeignSecret(
                f"Secret {name} is there already, and is not one of the platform's: rename or delete it"
            )
    present = {name: _decoded(secret) for name, secret in found.items()}
    wants = contents(wanted, present, moment)
    done: list[str] = []
    for name in wanted.names():
        about: Obj = {"name": name, "labels": MADE_BY, "ownerReferences": [dict(owner)]}
        data = {key: base64.b64encode(value).decode() for key, value in wants[name].items()}
        if name not in found:
            store.create({"apiVersion": "v1", "kind": "Secret", "metadata": about, "type": "Opaque", "data": data})
            done.append(f"made {name}")
            continue
        version = {"resourceVersion": found[name]["metadata"]["resourceVersion"]}
        if present[name] != wants[name]:
            gone = dict.fromkeys(present[name].keys() - wants[name].keys())
            store.patch(name, {"metadata": {**about, **version}, "data": {**data, **gone}})
            done.append(f"renewed {name}")
        elif found[name]["metadata"].get("ownerReferences") != about["ownerReferences"]:
            store.patch(name, {"metadata": {**version, "ownerReferences": about["ownerReferences"]}})
            done.append(f"kept {name}, for its new owner")
        else:
            done.append(f"kept {name}")
    return done


def _decoded(secret: Obj) -> Data:
    return {key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()}
