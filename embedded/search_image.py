"""The search engine of stacks without one: Elasticsearch's server as Maven repositories have it, on a Java runtime.

That distribution has the server and security, but few modules: no index life cycle, no users kept in an index.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from embedded.cache import Artefact
from embedded.images import image_from, jre_base
from embedded.maven import Jar, jars
from embedded.oci import Copy, Image
from embedded.pins import pins

HOME = "/usr/share/elasticsearch"
# the user of Elasticsearch's own image, so that a pod is described alike for both
USER = "1000"


def search_image() -> Image:
    """Elasticsearch in the folder of its own image; its configuration is expected in ``ES_PATH_CONF``."""
    distribution = _distribution()
    return image_from(
        "search",
        jre_base(),
        [Copy(_unpacked(distribution), HOME, f"{distribution.artifact}-{distribution.version}")],
        entrypoint=[f"{HOME}/bin/elasticsearch"],
        # The start script looks for a Java of its own unless it is told of one.
        env={"ES_JAVA_HOME": "/usr"},
        user=USER,
        workdir=HOME,
        version=distribution.version,
    )


def _distribution() -> Jar:
    """The one archive of the list."""
    (coordinates,) = pins()["maven"]["jars"]["elasticsearch"]
    return Jar.parse(coordinates)


def _unpacked(distribution: Jar) -> Artefact:
    published = jars("elasticsearch")
    return Artefact(
        "elasticsearch",
        {"archive": published.key, "recipe": 1},
        lambda out: unpack(published.get() / distribution.file, out),
        needs_gib=0.5,
    )


def unpack(file: Path, out: Path) -> None:
    """Unpack a zip archive into the folder ``out``; programs stay executable, which zipfile alone forgets."""
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, out))
            if entry.external_attr >> 16 & 0o100 and not entry.is_dir():
                path.chmod(0o755)
