"""Pulumi's command line and its plugins for this project: a folder to put on PATH.

An installed Pulumi is used. Else Pulumi is downloaded if its site can be reached. Else the command line and the
Kubernetes provider are built from their Go modules, and the language host is ``language_host`` of this folder.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from embedded import REPOSITORY
from embedded.build import pulumi
from embedded.build.cache import Artefact
from embedded.build.progress import run, say
from embedded.build.pulumi import HOST
from embedded.machine.programs import installed, is_new_enough


def toolchain(*, pull: bool, others: Mapping[str, Path] | None = None) -> Path:
    """The folder with pulumi; also with the language host and the Kubernetes provider that pulumi does not find itself.

    pull: whether more than package registries can be reached.
    others: further programs, by their names in the folder.
    Raises EmbeddedError if a program can neither be found, nor downloaded, nor built.
    """
    programs = dict(others or {})
    found = installed_pulumi()
    if found:
        say(f"using the installed {found}")
        programs["pulumi"] = found
    elif pull:
        programs |= {file.name: file for file in pulumi.release().get().iterdir()}
    else:
        programs["pulumi"] = pulumi.command_line().get() / "pulumi"
        programs[f"{HOST}-exec"] = pulumi.host_executor().get() / f"{HOST}-exec"
    if not pull and not (found and _has_provider(found)):
        programs["pulumi-resource-kubernetes"] = pulumi.kubernetes_provider().get() / "pulumi-resource-kubernetes"
    return _folder(programs).get()


def installed_pulumi() -> Path | None:
    """The pulumi on PATH, if it is new enough, has its Python language host and does not come from our cache."""
    found = installed("pulumi")
    if found is None or not is_new_enough(found, pulumi.OLDEST):
        return None
    return found if found.with_name(HOST).exists() or installed(HOST) else None


def _has_provider(program: Path) -> bool:
    """Whether this pulumi has the Kubernetes provider of the version that the SDK needs."""
    wanted = importlib.metadata.version("pulumi-kubernetes")
    plugins = json.loads(run([program, "plugin", "ls", "--json"]) or "[]")
    return any(p["name"] == "kubernetes" and p["kind"] == "resource" and p.get("version") == wanted for p in plugins)


def _folder(programs: Mapping[str, Path]) -> Artefact:
    def build(out: Path) -> None:
        for name, program in programs.items():
            (out / name).symlink_to(program)
        if f"{HOST}-exec" in programs and HOST not in programs:
            # The CLI warns about a language host outside the CLI's folder, and follows links to find that folder.
            (out / "pulumi").unlink()
            (out / "pulumi").hardlink_to(programs["pulumi"])
            script = out / HOST
            script.write_text(host_script(programs[f"{HOST}-exec"]))
            script.chmod(0o755)

    inputs = {
        "programs": {name: str(program) for name, program in sorted(programs.items())},
        "host": host_script(Path()),
        "layout": 2,
    }
    return Artefact("toolchain", inputs, build, needs_gib=0.1)


def host_script(executor: Path) -> str:
    """The program ``pulumi-language-python``: this checkout's language host, run by this environment's Python."""
    return f"""#!{sys.executable}
import sys
from pathlib import Path

sys.path.insert(0, {str(REPOSITORY)!r})

from embedded.machine.language_host import main

main(Path({str(executor)!r}))
"""
