"""The database of stacks without one: PostgreSQL from Debian."""

from __future__ import annotations

from pathlib import Path

from embedded.debian import debian_layer
from embedded.oci import Image
from embedded.pins import pins

CUSTOMIZE = Path(__file__).parent / "database" / "customize.sh"
# the user of PostgreSQL's own image, so that a pod is described alike for both
USER = "999"


def database_image() -> Image:
    """PostgreSQL below /usr/lib/postgresql/<version>/bin, run as user 999, whose name is ``postgres``."""
    version: str = pins()["postgresql"]["version"]
    layer = debian_layer("postgresql", pins()["debian"]["base"], (f"postgresql-{version}",), CUSTOMIZE)
    return Image(
        "localhost/kafkalogs/database",
        (layer,),
        entrypoint=[f"/usr/lib/postgresql/{version}/bin/postgres"],
        user=USER,
        # PostgreSQL takes SIGTERM as: wait until every client has gone.
        stop_signal="SIGINT",
        version=version,
    )
