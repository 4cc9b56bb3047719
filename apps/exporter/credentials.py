"""Credentials that lie in another namespace: ``python3 -m exporter.credentials NAMESPACE FOLDER SECRET/KEY...``.

Kubernetes mounts no Secret of another namespace. The shipper's lies beside Kafka, where its operator makes and renews
it; a Role there lets the shipper's account read it, by name, and nothing else. Each KEY becomes a file of FOLDER.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PATIENCE = 300.0
"""Seconds for which the Secrets are waited for: the operator may not have made them yet."""

Get = Callable[[str], Mapping[str, str]]
"""From the path of a Secret in Kubernetes' API to its data in base64. Raises OSError if it cannot be read now."""


def get(path: str, account: Path = ACCOUNT) -> Mapping[str, str]:
    """Ask the API of the cluster that the pod runs in."""
    context = ssl.create_default_context(cafile=str(account / "ca.crt"))
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"])
    connection = http.client.HTTPSConnection(host, port, context=context, timeout=20)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {(account / 'token').read_text()}"})
        answer = connection.getresponse()
        body = answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"GET {path}: {error!r}") from error
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise OSError(f"GET {path}: {answer.status} {body[:300].decode(errors='replace')}")
    return json.loads(body).get("data") or {}


def fetch(namespace: str, wanted: Sequence[str], get: Get = get) -> dict[str, bytes]:
    """The values of SECRET/KEY words, by key. Raises OSError when one is missing."""
    secrets = {word.partition("/")[0] for word in wanted}
    data = {name: get(f"/api/v1/namespaces/{namespace}/secrets/{name}") for name in sorted(secrets)}
    found: dict[str, bytes] = {}
    for word in wanted:
        name, _, key = word.partition("/")
        if key not in data[name]:
            raise OSError(f"the Secret {namespace}/{name} has no {key} yet")
        found[key] = base64.b64decode(data[name][key])
    return found


def store(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Write the files that differ, each atomically; returns whether any did."""
    changed = False
    for name, content in files.items():
        path = folder / name
        if path.exists() and path.read_bytes() == content:
            continue
        new = path.with_name(f".{name}.new")
        new.touch(mode=0o600)
        new.write_bytes(content)
        new.replace(path)
        changed = True
    return changed


def main() -> int:
    """0 when all files are written; 1 when a Secret did not appear in time; 2 for wrong arguments."""
    if len(sys.argv) < 4 or not all(word.count("/") == 1 for word in sys.argv[3:]):
        print(__doc__, file=sys.stderr)
        return 2
    namespace, folder, *wanted = sys.argv[1:]
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            store(Path(folder), fetch(namespace, wanted))
            return 0
        except OSError as error:
            print(f"credentials: {error}", file=sys.stderr, flush=True)
            if time.monotonic() > deadline:
                return 1
            time.sleep(3)


if __name__ == "__main__":
    sys.exit(main())
