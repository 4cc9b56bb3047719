"""The images of clusters that pull: our layers on official images."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

import pytest

from embedded.build.cache import Artefact
from embedded.build.images.flink import CONNECTOR_JAR, flink_image
from embedded.build.images.table import IMAGES
from embedded.build.oci import Copy, Image, files_layer
from embedded.build.pins import pins
from embedded.machine import pull
from embedded.machine.engine import Engine
from embedded.machine.pull import containerfile, flink_layer, monitoring_containerfile, pulled_images
from tests.unit.embedded.conftest import script

REF = re.compile(r"[a-z0-9.-]+\.[a-z]+/[a-z0-9/-]+:[A-Za-z0-9._-]+")


class HasAll(Engine):
    """An engine that has every image already."""

    def has_image(self, ref: str) -> bool:
        return True


@pytest.fixture
def refs() -> dict[str, str]:
    return pulled_images(HasAll("docker"), parts=True)


def test_every_part_has_an_image(refs: dict[str, str]) -> None:
    assert set(refs) == set(IMAGES) - {"operator", "kafka"}


def test_without_parts_there_is_the_shop() -> None:
    assert set(pulled_images(HasAll("docker"), parts=False)) == {"shop"}


def test_official_images_have_a_registry_and_a_version(refs: dict[str, str]) -> None:
    official = {name: ref for name, ref in refs.items() if not ref.startswith("localhost/kafkalogs/")}
    assert set(official) == {"database", "s3", "shipper"}
    based_on = [value for name, value in pins()["pull"].items() if name not in {"s3", "filebeat", "node"}]
    for ref in (*official.values(), *based_on):
        assert REF.fullmatch(ref), ref


def test_what_runs_is_as_in_the_image_that_is_built() -> None:
    image = Image("x", (), ["python3", "-m", "x"], user="1001", workdir="/opt/app", env={"PYTHONPATH": "/opt/app"})
    assert containerfile("example.org/base:1", 2, image) == (
        "FROM example.org/base:1\n"
        "ADD layer0.tar /\n"
        "ADD layer1.tar /\n"
        'ENV PYTHONPATH="/opt/app"\n'
        "WORKDIR /opt/app\n"
        "USER 1001\n"
        "STOPSIGNAL SIGTERM\n"
        'ENTRYPOINT ["python3", "-m", "x"]\n'
        "CMD []\n"
    )


def test_what_only_gets_more_files_runs_as_it_did() -> None:
    assert containerfile("example.org/base:1", 1) == "FROM example.org/base:1\nADD layer0.tar /\n"


def test_programs_are_where_the_monitoring_starts_them() -> None:
    text = monitoring_containerfile()
    assert "COPY --from=prometheus /bin/prometheus /usr/bin/prometheus\n" in text
    assert "COPY --from=alertmanager /bin/alertmanager /usr/bin/prometheus-alertmanager\n" in text


def test_flink_gets_what_the_official_image_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetched(out: Path) -> None:
        for file in files:
            (out / file).touch()

    files = [f"{coordinates.split(':')[1]}-{coordinates.split(':')[2]}.jar" for coordinates in listed()]
    monkeypatch.setattr(pull, "jars", lambda _: Artefact("jars", {}, fetched, 0))
    with tarfile.open(flink_layer().get() / "layer.tar") as layer:
        found = {member.name for member in layer if member.isfile()}
    assert {Path(name).name for name in found} == {*files, CONNECTOR_JAR}
    folders = {Path(name).parent.name for name in found}
    assert folders == {"lib", "opt", "s3-fs-hadoop"}
    assert flink_image().version in pins()["pull"]["flink"]


def listed() -> dict[str, str]:
    return pins()["maven"]["jars"]["flink"]


def test_the_engine_gets_the_layers_and_the_recipe(programs: Path, tmp_path: Path) -> None:
    # the words are: build --tag REF --file FILE CONTEXT
    kept = f'echo "$3 $5" > {tmp_path}/asked; set -- "$6"/*; echo $# > {tmp_path}/files'
    script(programs, "docker", f'case "$1" in image) exit 1;; build) {kept};; esac')
    image = IMAGES["schemas"]()
    ref = pull._on(Engine("docker"), "example.org/base:1", image)
    asked, file = (tmp_path / "asked").read_text().split()
    assert asked == ref
    assert ref.startswith("localhost/kafkalogs/schemas:")
    assert file.endswith("/Containerfile")
    assert (tmp_path / "files").read_text() == "2\n"
    assert not Path(file).exists()


def test_other_content_is_another_image(tmp_path: Path) -> None:
    def ref(base: str) -> str:
        layers = (files_layer("base", []), files_layer("x", [Copy(tmp_path / "file", "/x")]))
        return pull._on(HasAll("docker"), base, Image("localhost/kafkalogs/x", layers))

    (tmp_path / "file").write_text("1")
    first = ref("a:1")
    assert ref("a:1") == first
    assert ref("a:2") != first
    (tmp_path / "file").write_text("2")
    assert ref("a:1") != first
