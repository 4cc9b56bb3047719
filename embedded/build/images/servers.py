"""The images of other projects' servers, each from a Debian package, a Go module or an archive.

S3, database and search replace the external servers that other stacks use. An image has the user and the
folder of the project's official image, so the same pod manifest works with both.
"""

from __future__ import annotations

from pathlib import Path

from embedded.build.cache import Artefact
from embedded.build.debian import debian_layer
from embedded.build.go import go_artefact, module_version
from embedded.build.images.programs import USER, jre_base, python_base
from embedded.build.maven import only_jar, unpacked
from embedded.build.oci import OURS, Copy, Image, files_layer
from embedded.build.pins import pins

FILES = Path(__file__).parent / "files"
_SEARCH_HOME = "/usr/share/elasticsearch"
_REGISTRY_HOME = "/opt/registry"
_FILEBEAT_HOME = "/usr/share/filebeat"


def s3_image() -> Image:
    """Versity's S3 gateway on a folder. Its base is that of our programs, which the node already has."""
    return Image(
        f"{OURS}s3",
        (python_base(), files_layer("s3", [Copy(go_artefact("versitygw"), "/usr/local/bin")])),
        entrypoint=["/usr/local/bin/versitygw"],
        user=USER,
        version=module_version("versitygw", "github.com/versity/versitygw").removeprefix("v"),
    )


def database_image() -> Image:
    """PostgreSQL below /usr/lib/postgresql/<version>/bin, run as user 999, whose name is ``postgres``."""
    version: str = pins()["postgresql"]["version"]
    packages, customize = (f"postgresql-{version}",), FILES / "database" / "customize.sh"
    return Image(
        f"{OURS}database",
        (debian_layer("postgresql", pins()["debian"]["base"], packages, customize),),
        entrypoint=[f"/usr/lib/postgresql/{version}/bin/postgres"],
        user="999",
        # on SIGTERM PostgreSQL waits until every client has gone
        stop_signal="SIGINT",
        version=version,
    )


def search_image() -> Image:
    """Elasticsearch's server from a Maven repository; it expects its configuration in ``ES_PATH_CONF``.

    That distribution has the server and security, but few modules: no index life cycle, no users kept in an index.
    """
    published = only_jar("elasticsearch")
    inside = f"{published.artifact}-{published.version}"
    return Image(
        f"{OURS}search",
        (jre_base(), files_layer("search", [Copy(unpacked("elasticsearch"), _SEARCH_HOME, inside)])),
        entrypoint=[f"{_SEARCH_HOME}/bin/elasticsearch"],
        user="1000",
        # otherwise the start script looks for a Java inside the distribution
        env={"ES_JAVA_HOME": "/usr"},
        workdir=_SEARCH_HOME,
        version=published.version,
    )


def registry_image() -> Image:
    """Apicurio Registry's published distribution on a Java 21 runtime."""
    return Image(
        f"{OURS}registry",
        (jre_base(), files_layer("registry", [Copy(unpacked("registry"), _REGISTRY_HOME)])),
        entrypoint=["java", "-jar", f"{_REGISTRY_HOME}/quarkus-run.jar"],
        user=USER,
        workdir=_REGISTRY_HOME,
        version=only_jar("registry").version,
    )


def filebeat() -> Artefact:
    """The folder with the program ``filebeat``."""
    return go_artefact("filebeat", needs_gib=4)


def filebeat_image() -> Image:
    """Filebeat: one static program, so the image has no base: no shell and no packages that need updates.

    It runs as root, which owns the logs of a node's pods; it needs no capability.
    """
    # Filebeat reads os-release at each request for its counters, and warns if the file is missing
    copies = [
        Copy(filebeat(), f"{_FILEBEAT_HOME}/filebeat", inside="filebeat"),
        Copy(FILES / "filebeat" / "etc", "/etc"),
    ]
    return Image(
        f"{OURS}filebeat",
        (files_layer("filebeat", copies),),
        entrypoint=[f"{_FILEBEAT_HOME}/filebeat"],
        workdir=_FILEBEAT_HOME,
        version=module_version("filebeat", "github.com/elastic/beats/v7").removeprefix("v"),
    )


def monitoring_layer() -> Artefact:
    """The layer with the programs of Prometheus and Alertmanager."""
    packages = ("prometheus", "prometheus-alertmanager", "ca-certificates")
    return debian_layer("monitoring", pins()["debian"]["base"], packages)


def monitoring_image() -> Image:
    """Prometheus and Alertmanager; a pod names one of them as its command."""
    return Image(f"{OURS}monitoring", (monitoring_layer(),), entrypoint=["/usr/bin/prometheus"], user=USER)
