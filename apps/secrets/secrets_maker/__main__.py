"""``python3 -m secrets_maker``: make the Secrets in the list and keep those that are valid, then exit.

Environment: NAMESPACE, OWNER_NAME and OWNER_UID (the ConfigMap with the list, the owner of the Secrets),
WANTED (the list's file, /etc/kafkalogs/wanted.json).
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import requests

from .contents import Wanted
from .kube import KubeError, Secrets
from .making import ForeignSecret, make


def main() -> int:
    """0 when every Secret is valid; 1 when one is not."""
    namespace = os.environ["NAMESPACE"]
    file = Path(os.environ.get("WANTED") or "/etc/kafkalogs/wanted.json")
    owner = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": os.environ["OWNER_NAME"],
        "uid": os.environ["OWNER_UID"],
    }
    try:
        wanted = Wanted.parse(file.read_text(), namespace)
        done = make(wanted, owner, Secrets(namespace), datetime.now(UTC))
    except (ForeignSecret, KubeError, requests.RequestException) as error:
        print(f"secrets: {error}", file=sys.stderr)
        return 1
    print("\n".join(done))
    return 0


if __name__ == "__main__":
    sys.exit(main())
