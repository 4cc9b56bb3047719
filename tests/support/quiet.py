"""The lines in which the platform's own parts report an error."""

from __future__ import annotations

import re

from tests.support.sandbox import Sandbox

# The level stands alone: as a word of its own, or as the value of `level` in JSON and logfmt.
_ERROR = re.compile(
    r"""(?:^|[\s\[|])(?:ERROR|FATAL|CRITICAL|SEVERE)(?=[\s\]|:])|"?level"?[=:]\s*"?(?:error|fatal|critical)\b"""
)
# The shop's pods print what their services "log": errors belong to them.
_SHOP = "app.kubernetes.io/part-of=shop"


def error_lines(platform: Sandbox, seconds: float) -> dict[str, list[str]]:
    """The error lines of the last ``seconds`` of each container that has one, by pod and container."""
    shop = {pod["metadata"]["name"] for pod in platform.get("pods", "-l", _SHOP)["items"]}
    found: dict[str, list[str]] = {}
    for pod in platform.get("pods")["items"]:
        name = pod["metadata"]["name"]
        if name in shop:
            continue
        for container in pod["spec"]["containers"]:
            words = ("-n", "kafkalogs", "logs", name, "-c", container["name"], f"--since={max(1, round(seconds))}s")
            lines = [line for line in platform.kubectl(*words).splitlines() if is_error(line)]
            if lines:
                found[f"{name}/{container['name']}"] = lines
    return found


def is_error(line: str) -> bool:
    """Whether a line reports an error by its level."""
    return bool(_ERROR.search(line[:400]))
