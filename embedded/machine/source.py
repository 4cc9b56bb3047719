"""Where the images come from: pulled from image registries, or built from packages."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from embedded.build.cache import EmbeddedError

REGISTRIES = ("quay.io", "registry-1.docker.io")
TIMEOUT = 5.0


@dataclass(frozen=True)
class Source:
    """Pull or build. reason: why, for the output of the command."""

    kind: Literal["pull", "build"]
    reason: str


def choose_source() -> Source:
    """``KAFKALOGS_SOURCE`` if set; else pull if all image registries answer within 5 seconds, else build."""
    by_hand = os.environ.get("KAFKALOGS_SOURCE", "")
    if by_hand == "pull" or by_hand == "build":
        return Source(by_hand, f"KAFKALOGS_SOURCE={by_hand}")
    if by_hand:
        raise EmbeddedError(f"KAFKALOGS_SOURCE={by_hand!r} is not known: set it to pull or build, or unset it.")
    with ThreadPoolExecutor(len(REGISTRIES)) as pool:
        problems = [problem for problem in pool.map(unreachable, REGISTRIES) if problem]
    if problems:
        return Source("build", "image registries cannot be reached: " + "; ".join(problems))
    return Source("pull", f"image registries answer: {', '.join(REGISTRIES)}")


def unreachable(registry: str) -> str:
    """Why images cannot be pulled from ``registry``; empty if they can.

    A registry answers its version check with 200, or with 401 to ask for a token
    (https://distribution.github.io/distribution/spec/api/#api-version-check); a proxy that blocks it does not.
    """
    try:
        with urllib.request.urlopen(f"https://{registry}/v2/", timeout=TIMEOUT) as answer:
            headers = answer.headers
    except urllib.error.HTTPError as error:
        if error.code != 401:
            return f"{registry} answered {error.code}"
        headers = error.headers
    except (OSError, ValueError) as error:
        return f"{registry}: {getattr(error, 'reason', None) or error}"
    if "registry/2.0" not in headers.get("Docker-Distribution-Api-Version", ""):
        return f"{registry} did not answer as a registry"
    return ""
