"""Jars: the pins are well-formed, and nothing but the pinned jars gets into the cache."""

import hashlib
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.build import maven
from embedded.build.cache import Artefact, EmbeddedError
from embedded.build.maven import Jar, fetch, local_repository, pom
from embedded.build.pins import pins

JAR = "org.example:thing:1.0"
CONTENT = b"a jar"
SUM = hashlib.sha256(CONTENT).hexdigest()

# Stands for Maven: takes the folder from the generated project and puts a jar into it and into the store.
FAKE_MVN = """#!/bin/bash
set -eu
for word; do case $word in --file=*) project=${word#--file=};; -Dmaven.repo.local=*) store=${word#*=};; esac; done
out=$(sed -n 's:.*<outputDirectory>\\(.*\\)</outputDirectory>.*:\\1:p' "$project")
mkdir -p "$out" "$store/org/example/thing/1.0"
%s
"""
DELIVER = 'printf "%s" "a jar" | tee "$store/org/example/thing/1.0/thing-1.0.jar" > "$out/thing-1.0.jar"'


@pytest.fixture
def mvn(tmp_path, monkeypatch):
    """Install a Maven that does what it is told, and use an empty cache."""
    monkeypatch.setenv("KAFKALOGS_CACHE", str(tmp_path / "cache"))

    def install(does: str) -> None:
        program = tmp_path / "bin" / "mvn"
        program.parent.mkdir(exist_ok=True)
        program.write_text(FAKE_MVN % does)
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    return install


def artefact(checksum: str = SUM) -> Artefact:
    return Artefact("jars-test", {"jars": {JAR: checksum}}, lambda out: fetch({JAR: checksum}, out), needs_gib=0.001)


@pytest.mark.parametrize("name", sorted(pins()["maven"]["jars"]))
def test_pins_are_well_formed(name):
    sums = pins()["maven"]["jars"][name]
    assert all(re.fullmatch(r"[0-9a-f]{64}", checksum) for checksum in sums.values())
    files = [Jar.parse(coordinates).file for coordinates in sums]
    assert len(files) == len(set(files)), "two jars of one list would be the same file"


def test_pins_have_the_versions_they_claim():
    jars = pins()["maven"]["jars"]
    assert f"org.apache.kafka:kafka_2.13:{pins()['maven']['kafka']}" in jars["kafka"]
    assert f"io.strimzi:api:{pins()['maven']['strimzi']}" in jars["crds"]
    assert f"io.strimzi:crd-generator:{pins()['maven']['strimzi']}" in jars["crds"]


@given(st.text().filter(lambda text: text.count(":") not in {2, 3, 4}))
def test_other_text_is_no_coordinates(text):
    with pytest.raises(EmbeddedError, match="group:artifact:version"):
        Jar.parse(text)


word = st.from_regex(r"[a-z0-9][a-zA-Z0-9._-]{0,20}", fullmatch=True)


@given(st.lists(word, min_size=3, max_size=5).filter(lambda words: words[3:] != ["jar"]))
def test_coordinates_are_read_back(words):
    assert str(Jar.parse(":".join(words))) == ":".join(words)


@pytest.mark.parametrize(
    ("coordinates", "file"),
    [
        ("g:a:1", "a-1.jar"),
        ("g:a:1:zip", "a-1.zip"),
        ("g:a:1:tar.gz:plugin", "a-1-plugin.tar.gz"),
        ("g:a:1:jar:nohive", "a-1-nohive.jar"),
    ],
)
def test_the_file_has_the_name_that_maven_gives_it(coordinates, file):
    assert Jar.parse(coordinates).file == file


def test_an_empty_part_is_refused():
    with pytest.raises(EmbeddedError, match="group:artifact:version"):
        Jar.parse("g:a:1::plugin")


def test_the_project_names_every_jar_and_the_folder():
    jars = [Jar("g", "a", "1"), Jar("org.x", "b&c", "2", "tar.gz", "plugin")]
    tree = ElementTree.fromstring(pom(jars, Path("/some where/<here>")))
    space = "{http://maven.apache.org/POM/4.0.0}"
    items = [[field.text for field in item] for item in tree.iter(f"{space}artifactItem")]
    assert items == [["g", "a", "1", "jar", None], ["org.x", "b&c", "2", "tar.gz", "plugin"]]
    assert [e.text for e in tree.iter(f"{space}outputDirectory")] == ["/some where/<here>"]


def test_pinned_jars_arrive(mvn):
    mvn(DELIVER)
    assert (artefact().get() / "thing-1.0.jar").read_bytes() == CONTENT


def test_another_jar_is_refused_and_forgotten(mvn):
    mvn(DELIVER)
    wrong = artefact("0" * 64)
    with pytest.raises(EmbeddedError) as error:
        wrong.get()
    for part in (JAR, SUM, "0" * 64, "Run it again"):
        assert part in str(error.value)
    assert not wrong.path.parent.exists(), "something half-made is in the cache"
    assert not (local_repository() / Jar.parse(JAR).folder).exists(), "the next run would get the same file"


def test_a_jar_that_does_not_come_is_named(mvn):
    mvn("true")
    with pytest.raises(EmbeddedError, match="did not deliver") as error:
        artefact().get()
    assert JAR in str(error.value)


def test_failure_of_maven_is_shown(mvn):
    mvn("echo 'Could not transfer artifact'; exit 1")
    with pytest.raises(EmbeddedError, match=r"Could not transfer artifact[\s\S]*settings\.xml"):
        artefact().get()
    assert not artefact().ready


def test_missing_maven_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedError, match="apt-get install maven"):
        maven.fetch({JAR: SUM}, tmp_path)
