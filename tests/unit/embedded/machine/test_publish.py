"""Images in a real registry: what is there is what was made, and its bill of materials says what is in it."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from embedded import REPOSITORY
from embedded.build.cache import EmbeddedError
from embedded.build.go import go, go_artefact, module_version
from embedded.build.go_info import go_program
from embedded.build.maven import jars
from embedded.build.oci import Copy, Image, files_layer
from embedded.build.python import python_packages
from embedded.machine.engine import Engine, candidates
from embedded.machine.publish import bills, publish
from tests.unit.embedded.conftest import script

MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
NAME = "localhost/kafkalogs/publish-test"
STATUS = "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2\n\n"


@dataclass(frozen=True)
class Parts:
    """What the image is made of: folders of the project's own cache."""

    program: Path
    kind: Path
    jars: Path
    python: Path


@pytest.fixture(scope="module")
def parts() -> Parts:
    requirements = REPOSITORY / "apps" / "requirements.txt"
    return Parts(
        go_artefact("registry").get(),
        go_artefact("kind").get(),
        jars("metrics").get(),
        python_packages(requirements).get(),
    )


@pytest.fixture(scope="module")
def registry(parts: Parts) -> Iterator[str]:
    """The address of a registry."""
    words = [parts.program / "registry", "-port", "0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stderr is not None
            port = re.search(r"serving on port (\d+)", running.stderr.readline())
            assert port is not None
            threading.Thread(target=running.stderr.read, daemon=True).start()
            yield f"localhost:{port[1]}"
        finally:
            running.kill()


@pytest.fixture
def engine() -> Iterator[Engine]:
    """One that is there; what the tests give it is removed again."""
    found = next((found for found in candidates() if found.answers()), None)
    if found is None:
        pytest.skip("no container engine answers")
    yield found
    found.remove_images(NAME)


@pytest.fixture
def image(parts: Parts, tmp_path: Path) -> Image:
    """An image with a package of each kind."""
    status = tmp_path / "debian" / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text(STATUS)
    content = [
        Copy(parts.program, "/usr/local/bin"),
        Copy(parts.jars, "/opt/libs"),
        Copy(parts.python, "/opt/site"),
    ]
    layers = (files_layer("debian", [Copy(tmp_path / "debian", "/")]), files_layer("content", content))
    return Image(NAME, layers, entrypoint=["registry"], user="1001", version="1.0")


def fetch(registry: str, path: str) -> bytes:
    request = urllib.request.Request(f"http://{registry}/v2/{path}", headers={"Accept": MANIFESTS})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def components(name: str) -> dict[str, dict]:
    """What the bill of materials of an image lists, by package URL."""
    bill = json.loads((bills() / f"{name}.cdx.json").read_text())
    return {component["purl"]: component for component in bill["components"]}


def test_what_is_pinned_is_what_was_made(registry: str, engine: Engine, image: Image, tmp_path: Path) -> None:
    pins = tmp_path / "images.yaml"
    refs = publish(engine, {"tool": image}, f"{registry}/team/logs", pins)
    assert yaml.safe_load(pins.read_text()) == refs
    name, digest = refs["tool"].split("@")
    assert name == f"{registry}/team/logs/publish-test:1.0-{image.key}"

    manifest = fetch(registry, f"team/logs/publish-test/manifests/{digest}")
    assert f"sha256:{hashlib.sha256(manifest).hexdigest()}" == digest
    described = json.loads(manifest)
    config = json.loads(fetch(registry, f"team/logs/publish-test/blobs/{described['config']['digest']}"))
    assert (config["config"]["Entrypoint"], config["config"]["User"]) == (["registry"], "1001")
    made = [(layer.get() / "layer.sha256").read_text() for layer in image.layers]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{checksum}" for checksum in made]
    for layer, checksum in zip(described["layers"], made, strict=True):
        blob = fetch(registry, f"team/logs/publish-test/blobs/{layer['digest']}")
        content = gzip.decompress(blob) if blob[:2] == b"\x1f\x8b" else blob
        assert hashlib.sha256(content).hexdigest() == checksum
    # the engine keeps the image, under its own name alone
    assert engine.has_image(image.ref)
    assert not engine.has_image(name)


def test_the_bill_says_what_is_in_the_image(
    registry: str, engine: Engine, image: Image, parts: Parts, tmp_path: Path
) -> None:
    refs = publish(engine, {"tool": image}, registry, tmp_path / "images.yaml")
    text = (bills() / "publish-test.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    about = json.loads(text)["metadata"]["component"]
    for url in (about["purl"], *components("publish-test")):
        assert PackageURL.from_string(url).to_string() == url
    name, digest = refs["tool"].split("@")
    assert about["purl"].startswith(f"pkg:oci/publish-test@{digest}?")
    assert name.endswith(f":{about['version']}")

    listed = components("publish-test")
    assert "pkg:deb/debian/bash@5.2?arch=amd64&distro=debian" in listed
    (agent,) = parts.jars.glob("jmx_prometheus_javaagent-*.jar")
    version = agent.stem.removeprefix("jmx_prometheus_javaagent-")
    jar = listed[f"pkg:maven/io.prometheus.jmx/jmx_prometheus_javaagent@{version}"]
    assert jar["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(agent.read_bytes()).hexdigest()}]
    assert jar["evidence"]["occurrences"] == [{"location": f"opt/libs/{agent.name}"}]
    (metadata,) = parts.python.glob("confluent_kafka-*.dist-info")
    assert f"pkg:pypi/confluent-kafka@{metadata.name.split('-')[1].removesuffix('.dist')}" in listed
    module = "github.com/google/go-containerregistry"
    assert f"pkg:golang/{module}@{module_version('registry', module)}" in listed


def test_go_says_the_same_of_its_program(parts: Parts) -> None:
    file = parts.kind / "kind"
    said = subprocess.run([go(), "version", "-m", file], capture_output=True, text=True, check=True).stdout
    found = go_program(file.read_bytes())
    assert found is not None
    assert found.main is not None
    assert f": {found.go}\n" in said
    assert f"\tmod\t{found.main.path}\t{found.main.version}\t" in said
    listed = re.findall(r"^\tdep\t(\S+)\t(\S+)", said, re.MULTILINE)
    assert [(module.path, module.version) for module in found.modules] == listed
    assert len(listed) > 3


def test_an_image_that_only_the_engine_has(registry: str, engine: Engine, image: Image, tmp_path: Path) -> None:
    """As those are that it built where images can be pulled."""
    publish(engine, {"tool": image}, registry, tmp_path / "images.yaml")
    expected = components("publish-test")
    (bills() / "publish-test.cdx.json").unlink()
    publish(engine, {"tool": image.ref}, registry, tmp_path / "images.yaml")
    assert components("publish-test").keys() == expected.keys()


def test_somebody_elses_image_is_pinned_where_it_is(
    registry: str, engine: Engine, image: Image, tmp_path: Path
) -> None:
    theirs = publish(engine, {"tool": image}, f"{registry}/theirs", tmp_path / "images.yaml")["tool"]
    name = theirs.split("@")[0]
    engine.run("rmi", image.ref)
    insecure = ["--tls-verify=false"] if engine.name == "podman" else []
    engine.run("pull", *insecure, name)
    try:
        refs = publish(engine, {"tool": name}, f"{registry}/ours", tmp_path / "images.yaml")
    finally:
        engine.run("rmi", name)
    assert refs == {"tool": theirs}
    assert json.loads(fetch(registry, "_catalog"))["repositories"].count("ours/publish-test") == 0


def test_pins_stay_when_the_registry_refuses(engine: Engine, image: Image, tmp_path: Path) -> None:
    pins = tmp_path / "images.yaml"
    pins.write_text("tool: before\n")
    with pytest.raises(EmbeddedError, match=r"push.* failed"):
        publish(engine, {"tool": image}, "localhost:1/logs", pins)
    assert pins.read_text() == "tool: before\n"
    assert not engine.has_image(f"localhost:1/logs/publish-test:1.0-{image.key}")


@pytest.mark.parametrize("registry", ["", "https://registry.example.com", "registry.example.com/Logs", "a b"])
def test_a_registry_that_is_none_is_refused(registry: str, tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"write it like registry\.example\.com/kafkalogs"):
        publish(Engine("docker"), {}, registry, tmp_path / "images.yaml")
    assert not (tmp_path / "images.yaml").exists()


def test_docker_says_the_digest_as_it_pushes(programs: Path, tmp_path: Path, image: Image) -> None:
    digest = f"sha256:{'5' * 64}"
    answer = f'echo "1.0: digest: {digest} size: 742"'
    script(programs, "docker", f'echo "$*" >> {tmp_path}/asked; case "$1" in push) {answer};; esac')
    refs = publish(Engine("docker"), {"tool": image}, "registry.example.com", tmp_path / "images.yaml")
    target = f"registry.example.com/publish-test:1.0-{image.key}"
    assert refs == {"tool": f"{target}@{digest}"}
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[-3:] == [f"tag {image.ref} {target}", f"push {target}", f"rmi {target}"]


def test_tls_is_left_out_on_localhost_alone(programs: Path, tmp_path: Path, image: Image) -> None:
    told = 'while [ $# -gt 1 ]; do [ "$1" = --digestfile ] && echo "sha256:$(printf %064d 0)" > "$2"; shift; done'
    script(programs, "podman", f'echo "$*" >> {tmp_path}/asked; case "$1" in push) {told};; esac')
    for registry in ("localhost:5000/x", "localhost.example.com/x", "registry.example.com"):
        publish(Engine("podman"), {"tool": image}, registry, tmp_path / "images.yaml")
    pushes = [line for line in (tmp_path / "asked").read_text().splitlines() if line.startswith("push")]
    assert ["--tls-verify=false" in line for line in pushes] == [True, False, False]
