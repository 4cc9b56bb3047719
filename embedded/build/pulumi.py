"""Pulumi's command line with its Kubernetes provider: downloaded as a release, or built from Go modules."""

from __future__ import annotations

import json
import platform
import shutil
import stat
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from embedded.build.archives import unpack
from embedded.build.cache import Artefact, EmbeddedError, sha256, tree_digest
from embedded.build.go import MODULES, download_module, go_artefact, go_build, go_module_source
from embedded.build.pins import pins
from embedded.build.progress import say

OLDEST = (3, 200)
"""The oldest version of Pulumi that this project runs with."""

RELEASES = "https://get.pulumi.com/releases/sdk"
HOST = "pulumi-language-python"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"
# files that `go generate` makes before a release of the provider, and their sources in the module
_GENERATED = {"schema-embed.json": "schema.json", "terraform-mapping-embed.json": "terraform-mapping.json"}


def command_line() -> Artefact:
    """The program ``pulumi``."""
    return go_artefact("pulumi", version_flags={f"{_SDK}/go/common/version.Version": f"v{pins()['pulumi']['version']}"})


def host_executor() -> Artefact:
    """The script ``pulumi-language-python-exec`` of the SDK's Go module, which runs a program."""

    def build(out: Path) -> None:
        script = go_module_source("pulumi", _SDK) / "python" / "cmd" / f"{HOST}-exec"
        shutil.copyfile(script, out / script.name)

    return Artefact(f"{HOST}-exec", {"version": pins()["pulumi"]["version"]}, build, needs_gib=0.1)


def kubernetes_provider() -> Artefact:
    """The program ``pulumi-resource-kubernetes``."""
    inputs = {
        "go": pins()["go"],
        "pin": pins()["pulumi"]["kubernetes"],
        "module": tree_digest(MODULES / "pulumi-kubernetes"),
    }
    return Artefact("go-pulumi-kubernetes", inputs, _build_provider, needs_gib=3)


def _build_provider(out: Path) -> None:
    """Build the provider from a copy of its module, since the published module lacks two generated files.

    The published go.mod also refers to folders of the provider's repository that are not in the module; the go.mod in
    ``go_modules/pulumi-kubernetes`` refers to the released SDK.
    """
    pin = pins()["pulumi"]["kubernetes"]
    with tempfile.TemporaryDirectory(prefix="kafkalogs-provider-") as folder:
        source = Path(folder) / "source"
        found = download_module(f"{_PROVIDER}@{pin['module']}", Path(folder))
        if found["Sum"] != pin["sum"]:
            raise EmbeddedError(
                f"{_PROVIDER}@{pin['module']} has the checksum {found['Sum']}, pinned in embedded/build/pins.toml is "
                f"{pin['sum']}. The Go proxy serves changed code: ask who runs the proxy, and do not change the pin."
            )
        shutil.copytree(found["Dir"], source)
        # Go makes its module cache read-only
        for file in source.rglob("*"):
            file.chmod(file.stat().st_mode | stat.S_IWUSR)
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(MODULES / "pulumi-kubernetes" / name, source / name)
        main = source / "cmd" / "pulumi-resource-kubernetes"
        for name, origin in _GENERATED.items():
            content = json.loads((main / origin).read_text())
            if origin == "schema.json":
                content["version"] = pin["version"]
            (main / name).write_text(json.dumps(content))
        go_build(
            "pulumi-kubernetes",
            ["./cmd/pulumi-resource-kubernetes"],
            version_flags={f"{_PROVIDER}/pkg/version.Version": pin["version"]},
            out=out,
            module=source,
        )


def release() -> Artefact:
    """The programs of Pulumi's release, which includes its language hosts."""
    version = pins()["pulumi"]["version"]
    target = f"{platform.system().lower()}-{'arm64' if platform.machine() in ('aarch64', 'arm64') else 'x64'}"
    inputs = {"version": version, "target": target}
    return Artefact("pulumi-release", inputs, lambda out: fetch_release(version, target, out), needs_gib=1.5)


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
            with urllib.request.urlopen(f"{releases}/{archive}", timeout=60) as answer, file.open("wb") as copy:  # noqa: S310
                shutil.copyfileobj(answer, copy)
            if sha256(file) != sums.get(archive):
                raise EmbeddedError(
                    f"{archive} arrived with the SHA-256 {sha256(file)}, its release says {sums.get(archive)}. "
                    "It was removed; run it again."
                )
            unpack(file, out, lambda name: Path(name).name)
    except (urllib.error.URLError, tarfile.TarError, TimeoutError) as error:
        raise EmbeddedError(
            f"downloading {archive} failed: {error}. Run it again, install Pulumi {OLDEST[0]}.{OLDEST[1]} or newer, "
            "or set KAFKALOGS_SOURCE=build to build it from package registries."
        ) from error
