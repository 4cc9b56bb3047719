"""Pulumi's command line with what it needs for this project: a folder to put on PATH.

What is installed already is used. Where Pulumi's own download can be reached, it is fetched; else the CLI and the
Kubernetes provider are built from their Go modules, and the language host is the one of ``embedded.language_host``.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
import shutil
import stat
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from embedded.cache import Artefact, EmbeddedError, cache_root, sha256, tree_digest
from embedded.go_builds import MODULES, go, go_artefact, go_build, go_environment, go_module_source
from embedded.pins import pins
from embedded.progress import run, say

OLDEST = (3, 200)
RELEASES = "https://get.pulumi.com/releases/sdk"
SDK = "github.com/pulumi/pulumi/sdk/v3"
PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"
# where a module keeps what go generate makes of it before a release, and its source
EMBEDDED_FILES = {"schema-embed.json": "schema.json", "terraform-mapping-embed.json": "terraform-mapping.json"}
HOST = "pulumi-language-python"


def toolchain(*, pull: bool, others: Mapping[str, Path] | None = None) -> Path:
    """The folder with pulumi, and with its language host and Kubernetes provider if it does not find them itself.

    pull: whether downloads other than from package registries can be reached.
    others: further programs by the name they get in the folder.
    Raises EmbeddedError when something can neither be found, nor fetched, nor built.
    """
    programs = dict(others or {})
    installed = installed_pulumi()
    if installed:
        say(f"using the installed {installed}")
        programs["pulumi"] = installed
    elif pull:
        downloaded = _download().get()
        programs |= {file.name: file for file in downloaded.iterdir()}
    else:
        programs["pulumi"] = _cli().get() / "pulumi"
        programs[f"{HOST}-exec"] = _exec_script()
    if not pull and not (installed and _has_provider(installed)):
        programs["pulumi-resource-kubernetes"] = _provider().get() / "pulumi-resource-kubernetes"
    return _folder(programs).get()


def installed_pulumi() -> Path | None:
    """The pulumi on PATH, if it is new enough, has its Python language host and is not one of this cache."""
    found = shutil.which("pulumi")
    if found is None or Path(found).resolve().is_relative_to(cache_root().resolve()):
        return None
    pulumi = Path(found).resolve()
    version = re.match(r"v?(\d+)\.(\d+)\.", run([pulumi, "version"]))
    if version is None or (int(version[1]), int(version[2])) < OLDEST:
        return None
    host = pulumi.with_name(HOST)
    if not host.exists():
        beside = shutil.which(HOST)
        if beside is None or Path(beside).resolve().is_relative_to(cache_root().resolve()):
            return None
    return pulumi


def _has_provider(pulumi: Path) -> bool:
    """Whether this pulumi has the Kubernetes provider that the SDK in use asks for."""
    wanted = importlib.metadata.version("pulumi-kubernetes")
    plugins = json.loads(run([pulumi, "plugin", "ls", "--json"]) or "[]")
    return any(p["name"] == "kubernetes" and p["kind"] == "resource" and p.get("version") == wanted for p in plugins)


def _folder(programs: Mapping[str, Path]) -> Artefact:
    def build(out: Path) -> None:
        for name, program in programs.items():
            (out / name).symlink_to(program)
        if f"{HOST}-exec" in programs and HOST not in programs:
            # the CLI warns about a language host that is not in the folder of its own file, where no link leads
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
    """The program ``pulumi-language-python``: this environment's Python and this checkout's language host."""
    return f"""#!{sys.executable}
import sys
from pathlib import Path

sys.path.insert(0, {str(Path(__file__).parent.parent)!r})

from embedded.language_host import main

main(Path({str(executor)!r}))
"""


def _cli() -> Artefact:
    return go_artefact("pulumi", version_flags={f"{SDK}/go/common/version.Version": f"v{pins()['pulumi']['version']}"})


def _exec_script() -> Path:
    """``pulumi-language-python-exec``: the script of the SDK's Go module that runs a program."""

    def build(out: Path) -> None:
        script = go_module_source("pulumi", SDK) / "python" / "cmd" / f"{HOST}-exec"
        shutil.copyfile(script, out / script.name)

    return Artefact(f"{HOST}-exec", {"version": pins()["pulumi"]["version"]}, build, 0.1).get() / f"{HOST}-exec"


def _provider() -> Artefact:
    inputs = {
        "go": pins()["go"],
        "pin": pins()["pulumi"]["kubernetes"],
        "module": tree_digest(MODULES / "pulumi-kubernetes"),
    }
    return Artefact("go-pulumi-kubernetes", inputs, _build_provider, needs_gib=3)


def _build_provider(out: Path) -> None:
    """Build the provider from a copy of its module, which as published lacks two generated files.

    Its go.mod points at folders of its repository that are not in the module, too; the one in
    ``embedded/go/pulumi-kubernetes`` points at the released SDK.
    """
    pin = pins()["pulumi"]["kubernetes"]
    with tempfile.TemporaryDirectory(prefix="kafkalogs-provider-") as folder:
        source = Path(folder) / "source"
        found = json.loads(
            run(
                [go(), "mod", "download", "-json", f"{PROVIDER}@{pin['module']}"],
                cwd=Path(folder),
                env=go_environment(),
            )
        )
        if found["Sum"] != pin["sum"]:
            raise EmbeddedError(
                f"{PROVIDER}@{pin['module']} has the checksum {found['Sum']}, pinned in embedded/pins.toml is "
                f"{pin['sum']}. The Go proxy in use serves changed code: ask who runs it, and do not change the pin."
            )
        shutil.copytree(found["Dir"], source)
        # Go makes its module cache read-only
        for file in source.rglob("*"):
            file.chmod(file.stat().st_mode | stat.S_IWUSR)
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(MODULES / "pulumi-kubernetes" / name, source / name)
        main = source / "cmd" / "pulumi-resource-kubernetes"
        for name, origin in EMBEDDED_FILES.items():
            content = json.loads((main / origin).read_text())
            if origin == "schema.json":
                content["version"] = pin["version"]
            (main / name).write_text(json.dumps(content))
        go_build(
            "pulumi-kubernetes",
            ["./cmd/pulumi-resource-kubernetes"],
            version_flags={f"{PROVIDER}/pkg/version.Version": pin["version"]},
            out=out,
            module=source,
        )


def _download() -> Artefact:
    version = pins()["pulumi"]["version"]
    target = f"{platform.system().lower()}-{'arm64' if platform.machine() in ('aarch64', 'arm64') else 'x64'}"
    return Artefact(
        "pulumi-release", {"version": version, "target": target}, lambda out: fetch_release(version, target, out), 1.5
    )


def fetch_release(version: str, target: str, out: Path, releases: str = RELEASES) -> None:
    """Unpack Pulumi's release for ``target`` (``linux-x64``) into ``out``, verified by the release's checksums."""
    archive = f"pulumi-v{version}-{target}.tar.gz"
    say(f"downloading {archive}")
    try:
        with urllib.request.urlopen(f"{releases}/pulumi-{version}-checksums.txt", timeout=60) as answer:  # noqa: S310
            lines = [line.split() for line in answer.read().decode().splitlines()]
        sums = {name: checksum for checksum, name in (line for line in lines if len(line) == 2)}
        with tempfile.TemporaryDirectory(prefix="kafkalogs-pulumi-") as folder:
            file = Path(folder) / archive
            with (
                urllib.request.urlopen(f"{releases}/{archive}", timeout=60) as answer,  # noqa: S310
                file.open("wb") as target_file,
            ):
                shutil.copyfileobj(answer, target_file)
            if sha256(file) != sums.get(archive):
                raise EmbeddedError(
                    f"{archive} arrived with the SHA-256 {sha256(file)}, its release says {sums.get(archive)}. "
                    "It was removed; run it again."
                )
            with tarfile.open(file) as tar:
                for member in tar.getmembers():
                    if member.isfile():
                        member.name = Path(member.name).name
                        tar.extract(member, out, filter="data")
    except (urllib.error.URLError, tarfile.TarError, TimeoutError) as error:
        raise EmbeddedError(
            f"downloading {archive} failed: {error}. Run it again, install Pulumi {OLDEST[0]}.{OLDEST[1]} or newer, "
            "or set KAFKALOGS_SOURCE=build to build it from package registries."
        ) from error
