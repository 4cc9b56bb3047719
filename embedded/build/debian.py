"""Root file systems of Debian as image layers, made by mmdebstrap from signed packages."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path

from embedded.build.cache import Artefact, tree_digest
from embedded.build.oci import seal_layer
from embedded.build.progress import run, say

# A container needs none of these files, and they are half of the size.
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/lintian/*")


def debian_layer(name: str, suite: str, packages: Sequence[str], customize: Path | None = None) -> Artefact:
    """A minimal Debian with ``packages`` and no recommended ones.

    suite: Debian release, e.g. ``trixie``.
    customize: a script that runs at the end, with the root folder as its argument.
    """
    return Artefact(
        f"debian-{name}",
        {
            "suite": suite,
            "packages": sorted(packages),
            "customize": tree_digest(customize) if customize else "",
            "machine": platform.machine(),
            "recipe": 1,
        },
        lambda out: _bootstrap(out, suite, packages, customize),
        needs_gib=2,
    )


def _bootstrap(out: Path, suite: str, packages: Sequence[str], customize: Path | None) -> None:
    say(f"Debian {suite} with {', '.join(packages) or 'nothing more'}")
    command: list[str | Path] = ["mmdebstrap", "--variant=minbase", "--quiet"]
    command += [f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT]
    # man pages' folders must exist for the JRE's alternatives
    command += ["--dpkgopt=path-include=/usr/share/man/man[1-9]"]
    if packages:
        command.append(f"--include={','.join(packages)}")
    if customize:
        command.append(f"--customize-hook={customize} $1")
    run(
        [*command, suite, out / "layer.tar"],
        remedy="If the Debian mirror did not answer, check the network (and http_proxy) and run it again.",
    )
    seal_layer(out)
