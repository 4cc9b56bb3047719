"""The table of images, and what images hold, read without building them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from embedded import REPOSITORY
from embedded.build.images.servers import FILES
from embedded.build.images.table import BASE, IMAGES, PROGRAMS, images

USERS = dict.fromkeys(IMAGES, "1001") | {"search": "1000", "database": "999", "flink": "9999", "shipper": "0"}
VERSIONS = {"s3": "1.8.0", "search": "8.19.21", "database": "17", "registry": "3.3.3"}


@pytest.mark.parametrize("part", IMAGES)
def test_images(part):
    image = IMAGES[part]()
    assert image.ref.startswith(f"localhost/kafkalogs/{'filebeat' if part == 'shipper' else part}:")
    assert image.user == USERS[part]
    assert IMAGES[part]().key == image.key


@pytest.mark.parametrize("part", VERSIONS)
def test_the_tag_begins_with_the_version(part):
    assert IMAGES[part]().ref.startswith(f"localhost/kafkalogs/{part}:{VERSIONS[part]}-")


def test_the_base_is_what_a_platform_without_parts_needs():
    assert set(images(parts=False)) == set(BASE) < set(images(parts=True)) == set(IMAGES)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_a_package_that_python_can_run(name):
    program = PROGRAMS[name]
    assert (REPOSITORY / program.package / "__main__.py").exists()
    assert list(IMAGES[name]().entrypoint) == ["python3", "-m", Path(program.package).name]


def test_pods_run_the_user_and_the_program_of_their_image():
    import local_backends as local

    for part, manifest in {
        "s3": local.s3_manifest(local.LocalS3Args("logs", "i"), "c"),
        "search": local.search_manifest(local.LocalBackendArgs("logs", "i"), "c"),
        "database": local.database_manifest(local.LocalBackendArgs("logs", "i"), "c"),
    }.items():
        image = IMAGES[part]()
        pod = manifest["spec"]["template"]["spec"]
        assert str(pod["securityContext"]["runAsUser"]) == image.user
        assert pod["containers"][0]["command"][0] == image.entrypoint[0]


def test_the_secrets_maker_is_pinned_with_hashes():
    lines = (REPOSITORY / "apps" / "secrets" / "requirements.txt").read_text().splitlines()
    names = {line.split("==")[0] for line in lines if "==" in line}
    assert {"cryptography", "requests"} <= names
    assert sum("--hash=sha256:" in line for line in lines) >= len(names)


def test_the_database_layer_has_no_key_that_every_copy_would_share(tmp_path):
    root = tmp_path / "root"
    for file in (
        "etc/ssl/private/ssl-cert-snakeoil.key",
        "etc/ssl/certs/ssl-cert-snakeoil.pem",
        "var/lib/postgresql/17",
    ):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text("x")
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/bash\npostgres:x:100:102::/var/lib/postgresql:/bin/bash\n")
    (root / "etc/group").write_text("root:x:0:\npostgres:x:102:\nssl-cert:x:101:postgres\n")
    subprocess.run([FILES / "database" / "customize.sh", root], check=True)
    assert not list(Path(root).rglob("*snakeoil*"))
    assert not (root / "var/lib/postgresql").exists()
    assert "postgres:x:999:999:" in (root / "etc/passwd").read_text()
    assert (root / "etc/group").read_text() == "root:x:0:\npostgres:x:999:\nssl-cert:x:101:postgres\n"
    with (root / "etc/passwd").open("a") as passwd:
        passwd.write("other:x:999:999::/:/bin/sh\n")
    assert subprocess.run([FILES / "database" / "customize.sh", root], capture_output=True, check=False).returncode == 1


def test_the_program_that_registers_needs_nothing_but_python():
    imported: set[str] = set()
    for file in (REPOSITORY / "apps" / "schemas").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
    assert imported <= sys.stdlib_module_names | {"schemas"}
