"""S3, search and database on one machine: their manifests, their files, their scripts."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import local_backends as local
import pytest
import yaml
from kafkalogs.kube.resources import RESTRICTED_CONTAINER

from tests.support.graph import registered

BACKENDS = Path(local.__file__).parent / "backends"
MANIFESTS = {
    "s3": local.s3_manifest(local.LocalS3Args("logs", "i:1", "5Gi", ("a", "b")), "config-1"),
    "elasticsearch": local.search_manifest(local.LocalBackendArgs("logs", "i:1", "5Gi"), "config-1"),
    "postgres": local.database_manifest(local.LocalBackendArgs("logs", "i:1", "5Gi"), "config-1"),
}
SECRETS = {
    "s3": {"s3-tls": ["tls.crt", "tls.key"]},
    "elasticsearch": {
        "elasticsearch-tls": ["tls.crt", "tls.key", "ca.crt"],
        "elastic-credentials": ["username", "password"],
        "search-sink-credentials": ["username", "password"],
        "search-reader-credentials": ["username", "password"],
    },
    "postgres": {"postgres-tls": ["tls.crt", "tls.key"], "postgres-credentials": ["username", "password"]},
}


@pytest.fixture(params=MANIFESTS)
def name(request):
    return request.param


@pytest.fixture
def pod(name):
    return MANIFESTS[name]["spec"]["template"]["spec"]


def test_pods_are_restricted(pod):
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] > 0
    for container in [*pod["initContainers"], *pod["containers"]]:
        assert container["securityContext"] == {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True}
        assert container["imagePullPolicy"] == "IfNotPresent"
        assert set(container["resources"]) == {"requests", "limits"}
        assert set(container["resources"]["limits"]) == {"cpu", "memory"}
        assert "latest" not in container["image"]


def test_pods_are_probed_and_get_their_secrets(name, pod):
    (container,) = pod["containers"]
    assert {"readinessProbe", "livenessProbe"} <= set(container)
    mounted = {
        volume["secret"]["secretName"]: [item["key"] for item in volume["secret"]["items"]]
        for volume in pod["volumes"]
        if "secret" in volume
    }
    assert mounted == SECRETS[name]
    assert all(volume["secret"]["defaultMode"] == 0o440 for volume in pod["volumes"] if "secret" in volume)


def test_every_mount_has_its_volume(name, pod):
    volumes = {volume["name"] for volume in pod["volumes"]}
    volumes |= {claim["metadata"]["name"] for claim in MANIFESTS[name]["spec"]["volumeClaimTemplates"]}
    mounts = [m["name"] for c in [*pod["initContainers"], *pod["containers"]] for m in c["volumeMounts"]]
    assert set(mounts) == volumes


def test_data_is_on_a_claim_that_goes_with_it(name):
    spec = MANIFESTS[name]["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"] == {"storage": "5Gi"}
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Delete", "whenScaled": "Retain"}
    (container,) = spec["template"]["spec"]["containers"]
    assert {"name": "data", "mountPath": "/data"} in container["volumeMounts"]


def test_s3():
    pod = MANIFESTS["s3"]["spec"]["template"]["spec"]
    assert pod["initContainers"][0]["command"] == ["sh", "/config/prepare.sh", "a", "b"]
    env = {entry["name"]: entry for entry in pod["containers"][0]["env"]}
    assert env["VGW_PORT"]["value"] == ":7070"
    assert env["VGW_CERT"]["value"] == "/tls/tls.crt"
    for variable, key in {"ROOT_ACCESS_KEY_ID": "username", "ROOT_SECRET_ACCESS_KEY": "password"}.items():
        assert env[variable]["valueFrom"] == {"secretKeyRef": {"name": "s3-credentials", "key": key}}
    assert pod["containers"][0]["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"


def test_the_password_of_a_superuser_is_for_the_start_only():
    for name, secret in {"elasticsearch": "elastic-credentials", "postgres": "postgres-credentials"}.items():
        pod = MANIFESTS[name]["spec"]["template"]["spec"]
        volume = next(v["name"] for v in pod["volumes"] if v.get("secret", {}).get("secretName") == secret)
        assert volume in {mount["name"] for mount in pod["initContainers"][0]["volumeMounts"]}
        assert volume not in {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}


def test_who_may_reach_them():
    policy = local.policy_manifest(local.S3, "logs")["spec"]
    assert policy == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "s3"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [
                    {"podSelector": {"matchLabels": {"kafkalogs.io/uses-s3": "true"}}},
                ],
                "ports": [{"protocol": "TCP", "port": 7070}],
            }
        ],
    }


GRAPHS = {
    "s3": lambda: local.LocalS3("x", local.LocalS3Args("logs", "i:1")),
    "elasticsearch": lambda: local.LocalSearch("x", local.LocalBackendArgs("logs", "i:1")),
    "postgres": lambda: local.LocalDatabase("x", local.LocalBackendArgs("logs", "i:1")),
}
COMPONENTS = {
    "s3": ("LocalS3", "s3", 7070, {"endpoint": "https://s3.logs.svc:7070"}),
    "elasticsearch": ("LocalSearch", "search", 9200, {"url": "https://elasticsearch.logs.svc:9200"}),
    "postgres": ("LocalDatabase", "database", 5432, {"host": "postgres.logs.svc"}),
}


def test_the_graph(name):
    component, use, port, outputs = COMPONENTS[name]
    graph = registered(GRAPHS[name])
    assert graph.one(f"index:{component}", "x").outputs == outputs
    pods = graph.one("apps/v1:StatefulSet", "x").inputs
    service = graph.one("core/v1:Service", "x").inputs
    policy = graph.one("v1:NetworkPolicy", "x").inputs["spec"]
    assert pods["metadata"]["name"] == service["metadata"]["name"] == pods["spec"]["serviceName"] == name
    assert service["spec"]["ports"][0]["port"] == policy["ingress"][0]["ports"][0]["port"] == port
    labels = pods["spec"]["template"]["metadata"]["labels"].items()
    assert service["spec"]["selector"].items() <= labels
    assert policy["podSelector"]["matchLabels"].items() <= labels
    users = [source["podSelector"]["matchLabels"] for source in policy["ingress"][0]["from"]]
    assert {f"kafkalogs.io/uses-{use}": "true"} in users


def test_a_changed_file_makes_the_pod_anew(name, tmp_path, monkeypatch):
    def mounted() -> str:
        graph = registered(GRAPHS[name])
        (config,) = graph.of("core/v1:ConfigMap")
        pods = graph.one("apps/v1:StatefulSet", "x")
        assert config.urn in pods.dependencies
        volumes = pods.inputs["spec"]["template"]["spec"]["volumes"]
        assert config.inputs["metadata"]["name"] in [v["configMap"]["name"] for v in volumes if "configMap" in v]
        return config.inputs["metadata"]["name"]

    before = mounted()
    assert mounted() == before
    shutil.copytree(BACKENDS, tmp_path / "backends")
    monkeypatch.setattr(local, "_FILES", tmp_path / "backends")
    assert mounted() == before
    for folder in ("s3", "search", "database"):
        (tmp_path / "backends" / folder / "prepare.sh").write_text("true\n")
    assert mounted() != before


def test_the_search_roles_are_those_that_the_script_gives():
    roles = yaml.safe_load((BACKENDS / "search" / "roles.yml").read_text())
    script = (BACKENDS / "search" / "prepare.sh").read_text()
    given = dict(re.findall(r"^user (\S+) (\S+)$", script, re.MULTILINE))
    assert given == {"elastic": "superuser", "search-sink": "search_sink", "search-reader": "search_reader"}
    assert set(given.values()) - {"superuser"} == set(roles)
    assert all(grant["names"] == ["logs-*"] for role in roles.values() for grant in role["indices"])
    writes = {"create_doc", "index", "create", "write", "delete", "all", "manage"}
    assert not writes & set(roles["search_reader"]["indices"][0]["privileges"])
    assert not {"read", "delete", "all"} & set(roles["search_sink"]["indices"][0]["privileges"])


def test_the_search_is_served_by_tls_only():
    settings = yaml.safe_load((BACKENDS / "search" / "elasticsearch.yml").read_text())
    assert settings["xpack.security.enabled"] is True
    assert settings["xpack.security.http.ssl"]["enabled"] is True
    assert settings["transport.host"] == "127.0.0.1"


def test_the_database_takes_nothing_without_tls():
    lines = (BACKENDS / "database" / "pg_hba.conf").read_text().splitlines()
    rules = [line.split() for line in lines if line and not line.startswith("#")]
    assert [rule[0] for rule in rules] == ["local", "hostssl", "hostssl"]
    assert [rule[-1] for rule in rules] == ["peer", "reject", "scram-sha-256"]
    assert "\nssl = on\n" in (BACKENDS / "database" / "postgresql.conf").read_text()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl, as the image has it")
def test_the_script_writes_users_as_elasticsearch_reads_them(tmp_path):
    for user in ("elastic", "search-sink", "search-reader"):
        folder = tmp_path / "credentials" / user
        folder.mkdir(parents=True)
        (folder / "username").write_text(f"{user}-name")
        (folder / "password").write_text(f"{user}-password")
    (tmp_path / "out").mkdir()
    script = (BACKENDS / "search" / "prepare.sh").read_text()
    script = script.replace("/config/", f"{BACKENDS / 'search'}/").replace("/credentials/", f"{tmp_path}/credentials/")
    script = script.replace("/tmp/salt", f"{tmp_path}/salt")
    subprocess.run(["bash", "-c", script], check=True, env={**os.environ, "ES_PATH_CONF": str(tmp_path / "out")})
    users = dict(line.split(":", 1) for line in (tmp_path / "out" / "users").read_text().splitlines())
    assert set(users) == {"elastic-name", "search-sink-name", "search-reader-name"}
    for name, hashed in users.items():
        cost, salt, key = hashed.removeprefix("{PBKDF2}").split("$")
        password = name.replace("-name", "-password").encode()
        expected = hashlib.pbkdf2_hmac("sha512", password, base64.b64decode(salt), int(cost), 32)
        assert base64.b64decode(key) == expected
    assert len(set(users.values())) == 3
    roles = (tmp_path / "out" / "users_roles").read_text().splitlines()
    assert roles == ["superuser:elastic-name", "search_sink:search-sink-name", "search_reader:search-reader-name"]
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"elasticsearch.yml", "roles.yml", "jvm.options", "log4j2.properties", "users", "users_roles"}


@pytest.mark.parametrize("script", sorted(BACKENDS.rglob("*.sh")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_scripts_are_bash(script):
    subprocess.run(["bash", "-n", script], check=True)
