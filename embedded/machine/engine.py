"""The container engine: docker or podman, the first that runs a privileged container.

Only a running container proves that a client has a daemon and that an engine has the capabilities. As root on Debian or
Ubuntu, podman is installed; it gets our settings (``CONTAINERS_CONF``), and the machine's settings stay unchanged.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from embedded.build.cache import EmbeddedError, scratch
from embedded.build.images.node import pause
from embedded.build.oci import OURS, Copy, Image, files_layer, write_archive
from embedded.build.progress import run, say
from embedded.machine.state import state_dir

# runc, because crun needs capabilities that a machine may lack; no raised limits, for the same reason
# Podman lets a container have 2,048 processes and threads; a node with the whole platform has more. 0 is no limit.
_NO_LIMIT = "[containers]\npids_limit = 0\n"
_PODMAN_SETTINGS = f'{_NO_LIMIT}default_ulimits = []\n\n[engine]\nruntime = "runc"\n'
_LIMITS = "limits.conf"
_PODMAN_PACKAGES = ("podman", "runc", "containernetworking-plugins", "iptables", "ca-certificates")
# nodes mount this folder; a machine without loadable modules may not have it
MODULES = Path("/lib/modules")
# the Debian packages of the programs that build images
_BUILD_PACKAGES = {"mmdebstrap": ("mmdebstrap", "debian-archive-keyring"), "mvn": ("maven",)}


@dataclass(frozen=True)
class Engine:
    """A container engine. name: ``docker`` or ``podman``. env: the environment that the engine and kind need."""

    name: str
    env: Mapping[str, str] = field(default_factory=dict[str, str])

    def run(self, *words: str | Path, timeout: float | None = None) -> str:
        """Run a command of the engine and return its output; raises EmbeddedError if the command fails."""
        return run([self.name, *words], env=self.env, timeout=timeout)

    def has_image(self, ref: str) -> bool:
        """Whether the engine has the image ``ref``."""
        return self._succeeds("image", "inspect", ref)

    def load(self, image: Image) -> None:
        """Build an image and load it into the engine, unless the engine has it."""
        if self.has_image(image.ref):
            return
        image.build()
        with tempfile.NamedTemporaryFile(suffix=".tar", dir=scratch()) as archive:
            write_archive([image], archive)
            archive.flush()
            self.run("load", "--quiet", "--input", archive.name)

    def container_state(self, container: str) -> str:
        """``running``, ``exited``, ...; an empty string if there is no such container."""
        done = self._capture("container", "inspect", "--format", "{{.State.Status}}", container)
        return done.stdout.strip() if done.returncode == 0 else ""

    def remove_images(self, prefix: str) -> None:
        """Remove all images whose name begins with ``prefix``."""
        names = self.run("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        for name in names:
            if name.startswith(prefix):
                self.run("rmi", "--force", name)

    def remove_network(self, name: str) -> None:
        """Remove a network if it exists and nothing uses it."""
        self._capture("network", "rm", name)

    def answers(self) -> bool:
        """Whether the engine is installed and its daemon answers."""
        return shutil.which(self.name) is not None and self._succeeds("info")

    def works(self) -> bool:
        """Whether a privileged container runs."""
        if not self.answers():
            return False
        probe = Image(f"{OURS}probe", (files_layer("pause", [Copy(pause(), "/pause", "pause")]),))
        try:
            self.load(probe)
            self.run("run", "--rm", "--privileged", "--network=none", "--entrypoint=/pause", probe.ref, "--try")
        except EmbeddedError:
            return False
        return True

    def _succeeds(self, *words: str) -> bool:
        return self._capture(*words).returncode == 0

    def _capture(self, *words: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [self.name, *words],
                env={**os.environ, **self.env},
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return subprocess.CompletedProcess([self.name, *words], 1, "", str(error))


def find_engine(*, building: bool) -> Engine:
    """An engine that works, installed if possible. Else raises EmbeddedError that lists the programs to install.

    building: also require, or install, the programs that build images from packages.
    """
    missing = [package for program, names in _BUILD_PACKAGES.items() for package in names if not shutil.which(program)]
    if not building:
        # Maven fetches the connectors for pulled images. Without Maven, that step fails with an error that names Maven.
        missing = [package for package in missing if package == "maven" and _can_install()]
    engine = _working_engine()
    if engine is None:
        missing = [*_PODMAN_PACKAGES, *missing]
    if missing and _can_install():
        _install(missing)
        missing = []
        engine = engine or _working_engine()
    if missing or engine is None:
        raise EmbeddedError(_what_to_install(engine, missing))
    return engine


def candidates() -> list[Engine]:
    """Engines to try, in this order: docker and podman with the machine's settings, then podman with ours.

    With the machine's settings, podman from 4.4 on still takes our limit of processes.
    """
    podman = {"KIND_EXPERIMENTAL_PROVIDER": "podman", "CONTAINERS_CONF_OVERRIDE": str(state_dir() / _LIMITS)}
    return [
        Engine("docker", {"KIND_EXPERIMENTAL_PROVIDER": "docker"}),
        Engine("podman", podman),
        Engine("podman", {**podman, "CONTAINERS_CONF": str(state_dir() / "containers.conf")}),
    ]


def _working_engine() -> Engine | None:
    (state_dir() / "containers.conf").write_text(_PODMAN_SETTINGS)
    (state_dir() / _LIMITS).write_text(_NO_LIMIT)
    if os.geteuid() == 0:
        MODULES.mkdir(exist_ok=True)
    return next((engine for engine in candidates() if engine.works()), None)


def _can_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _install(packages: list[str]) -> None:
    say(f"apt-get install {' '.join(packages)}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "--quiet"], env=quiet)
    run(["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages], env=quiet)


def _what_to_install(engine: Engine | None, missing: list[str]) -> str:
    wanted: list[str] = []
    if engine is None:
        found = ", ".join(name for name in ("docker", "podman") if shutil.which(name))
        wanted.append(
            "a container engine that runs privileged containers: docker, or podman with runc"
            + (f" ({found} is installed, but no privileged container ran)" if found else "")
        )
    build = [name for name in missing if name not in _PODMAN_PACKAGES]
    if build:
        wanted.append(f"the Debian packages {' '.join(build)}, to build images where none can be pulled")
    return "please install " + "; and ".join(wanted) + ". As root on Debian or Ubuntu this is done for you."
