"""What the images hold, read off without building them."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from embedded import database_image, s3_image, search_image, secrets_image
from embedded.images import REPOSITORY

IMAGES = {
    "secrets": (secrets_image.secrets_image, "1001"),
    "s3": (s3_image.s3_image, "1001"),
    "search": (search_image.search_image, "1000"),
    "database": (database_image.database_image, "999"),
}


@pytest.mark.parametrize("part", IMAGES)
def test_images(part):
    build, user = IMAGES[part]
    image = build()
    assert image.ref.startswith(f"localhost/kafkalogs/{part}:")
    assert image.user == user
    assert build().key == image.key


def test_versions():
    assert s3_image.s3_image().ref.startswith("localhost/kafkalogs/s3:1.8.0-")
    assert search_image.search_image().ref.startswith("localhost/kafkalogs/search:8.19.21-")
    assert database_image.database_image().ref.startswith("localhost/kafkalogs/database:17-")


def test_pods_run_the_user_and_the_program_of_their_image():
    import local_backends as local

    for part, manifest in {
        "s3": local.s3_manifest("logs", "i", "1Gi", "c", ()),
        "search": local.search_manifest("logs", "i", "1Gi", "c"),
        "database": local.database_manifest("logs", "i", "1Gi", "c"),
    }.items():
        image = IMAGES[part][0]()
        pod = manifest["spec"]["template"]["spec"]
        assert str(pod["securityContext"]["runAsUser"]) == image.user
        assert pod["containers"][0]["command"][0] == image.entrypoint[0]


def test_the_secrets_maker_is_pinned_with_hashes():
    lines = (REPOSITORY / "apps" / "secrets" / "requirements.txt").read_text().splitlines()
    names = {line.split("==")[0] for line in lines if "==" in line}
    assert {"cryptography", "requests"} <= names
    assert sum("--hash=sha256:" in line for line in lines) >= len(names)


def test_programs_stay_executable(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, mode in {"x-1/bin/run": 0o100755, "x-1/lib/data.jar": 0o100644}.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, "x")
    search_image.unpack(tmp_path / "x.zip", tmp_path / "out")
    assert (tmp_path / "out" / "x-1" / "bin" / "run").stat().st_mode & 0o777 == 0o755
    assert not (tmp_path / "out" / "x-1" / "lib" / "data.jar").stat().st_mode & 0o111


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
    subprocess.run([database_image.CUSTOMIZE, root], check=True)
    assert not list(Path(root).rglob("*snakeoil*"))
    assert not (root / "var/lib/postgresql").exists()
    assert "postgres:x:999:999:" in (root / "etc/passwd").read_text()
    assert (root / "etc/group").read_text() == "root:x:0:\npostgres:x:999:\nssl-cert:x:101:postgres\n"
    with (root / "etc/passwd").open("a") as passwd:
        passwd.write("other:x:999:999::/:/bin/sh\n")
    assert subprocess.run([database_image.CUSTOMIZE, root], capture_output=True, check=False).returncode == 1
