"""The scripts of the Kafka image: each starts a class that its jars hold, with the options it should."""

import os
import re
import subprocess
import zipfile

import pytest

from embedded.build.images.kafka import FILES, LOAD_TOOLS, SERVERS, TOOLS, kafka_image, scripts
from embedded.build.maven import jars
from embedded.build.pins import pins

ALL = {**SERVERS, **LOAD_TOOLS, **TOOLS}


@pytest.fixture(scope="module")
def classes():
    names = set()
    for jar in jars("kafka").get().glob("*.jar"):
        with zipfile.ZipFile(jar) as archive:
            names.update(archive.namelist())
    return names


@pytest.fixture
def home(tmp_path):
    """Kafka's folder as the image has it, and a `java` that prints its arguments."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "kafka-run-class.sh").write_bytes((FILES / "bin" / "kafka-run-class.sh").read_bytes())
    for name, text in scripts().items():
        (tmp_path / "bin" / name).write_text(text)
    (tmp_path / "bin" / "java").write_text('#!/bin/bash\nprintf "%s\\n" "$@"\n')
    for script in (tmp_path / "bin").iterdir():
        script.chmod(0o755)
    return tmp_path


def run(home, name, *words, **env):
    environment = {"PATH": f"{home}/bin:{os.environ['PATH']}", **env}
    return subprocess.check_output([home / "bin" / name, *words], env=environment, text=True).splitlines()


@pytest.mark.parametrize(("script", "name"), ALL.items())
def test_class_is_in_the_jars(classes, script, name):
    assert f"{name.replace('.', '/')}.class" in classes


@pytest.mark.parametrize("name", sorted(ALL))
def test_script_passes_its_words_on(home, name):
    words = run(home, name, "--one", "two words")
    assert words[-3:] == [ALL[name], "--one", "two words"]
    assert f"{home}/libs/*" in words


def test_tools_start_fast_and_log_to_the_error_output(home):
    words = run(home, "kafka-topics.sh")
    assert "-XX:TieredStopAtLevel=1" in words
    assert f"-Dlog4j2.configurationFile={home}/config/tools-log4j2.properties" in words


@pytest.mark.parametrize("name", [*SERVERS, *LOAD_TOOLS])
def test_what_moves_data_is_compiled_fully(home, name):
    assert not [word for word in run(home, name) if "TieredStopAtLevel" in word]


def test_variables_of_kafka_scripts_are_honoured(home):
    words = run(
        home,
        "kafka-server-start.sh",
        "server.properties",
        KAFKA_HEAP_OPTS="-Xmx1G -Xms1G",
        KAFKA_OPTS="-Da=b",
        KAFKA_JVM_PERFORMANCE_OPTS="-XX:+UseZGC",
        CLASSPATH="/plugins/x.jar",
    )
    assert words[:3] == ["-Xmx1G", "-Xms1G", "-XX:+UseZGC"]
    assert f"/plugins/x.jar:{home}/libs/*" in words
    assert words[-3:] == ["-Da=b", "kafka.Kafka", "server.properties"]


def test_script_works_through_a_link(home, tmp_path):
    link = tmp_path / "topics"
    link.symlink_to(home / "bin" / "kafka-topics.sh")
    out = subprocess.check_output([link], env={"PATH": f"{home}/bin:{os.environ['PATH']}"}, text=True)
    assert f"{home}/libs/*" in out.splitlines()


def test_image_runs_as_nobody_special_and_tells_its_version():
    image = kafka_image()
    assert image.user == "1001"
    assert re.fullmatch(rf"localhost/kafkalogs/kafka:{re.escape(pins()['maven']['kafka'])}-[0-9a-f]{{16}}", image.ref)
