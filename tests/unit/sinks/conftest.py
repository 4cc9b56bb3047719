import subprocess
from pathlib import Path

import pytest

from embedded.build.images.connect import SOURCES, libraries
from embedded.build.java import java_compiler

from .support import PASSWORD, USER, Plugins, Search
from .worker import Kafka, Worker

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def classes(tmp_path_factory):
    # The sources that stand here now, and not what an earlier build left in the cache.
    folder = tmp_path_factory.mktemp("classes")
    sources = (SOURCES / "src", HERE / "java")
    subprocess.run(java_compiler([library.get() for library in libraries()], folder, *sources), check=True)
    return folder


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    running = Kafka(tmp_path_factory.mktemp("kafka"))
    yield running
    running.end()


@pytest.fixture(scope="module")
def worker(tmp_path_factory, classes, kafka):
    running = Worker(tmp_path_factory.mktemp("worker"), classes, kafka)
    yield running
    running.end()


@pytest.fixture(scope="session")
def plugins(classes):
    running = Plugins(classes)
    yield running
    running.end()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    running = Search(tmp_path_factory.mktemp("tls"))
    yield running
    running.server.shutdown()


@pytest.fixture
def search(server):
    server.forget()
    return server


@pytest.fixture
def sink(plugins, search):
    """Start the sink's task; settings by their name without `search.`, with _ for the dot."""

    def start(topics=("logs.shop",), reporter=True, **changes):
        settings = {
            "search.url": search.url,
            "search.username": USER,
            "search.password": PASSWORD,
            "search.tls.ca.path": str(search.ca),
            "search.streams": "logs.shop=logs-application-default,logs.audit=logs-audit-default",
            "search.retry.backoff.ms": "8",
            "search.request.timeout.ms": "5000",
            **{"search." + name.replace("_", "."): str(value) for name, value in changes.items()},
        }
        given = {name: value for name, value in settings.items() if value != "None"}
        return plugins.do("start", settings=given, topics=list(topics), reporter=reporter)

    return start
