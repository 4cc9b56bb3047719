"""The table of all images that the platform runs, by the names that machine.json has for them: name -> recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from embedded.build.images import servers
from embedded.build.images.connect import connect_image
from embedded.build.images.flink import flink_image
from embedded.build.images.kafka import kafka_image
from embedded.build.images.programs import Program, python_image
from embedded.build.oci import Image

# one file for all programs without special needs, so their images share one copy of the packages
_APPS = "apps/requirements.txt"

PROGRAMS: Mapping[str, Program] = {
    "operator": Program("embedded/operator/embedded_operator", "embedded/operator/requirements.txt"),
    "shop": Program("apps/shop", _APPS),
    "secrets": Program("apps/secrets/secrets_maker", "apps/secrets/requirements.txt"),
    "search-setup": Program("apps/search_setup", "apps/search_setup/requirements.txt"),
    "schemas": Program("apps/schemas"),
    "catalog": Program("apps/catalog", _APPS),
    "pager": Program("apps/pager", _APPS),
    "pagerduty": Program("apps/pagerduty"),
    "exporter": Program("apps/exporter", _APPS),
}
"""The images of our Python programs."""

IMAGES: Mapping[str, Callable[[], Image]] = {
    **{name: partial(python_image, name, program) for name, program in PROGRAMS.items()},
    "kafka": kafka_image,
    "s3": servers.s3_image,
    "database": servers.database_image,
    "search": servers.search_image,
    "registry": servers.registry_image,
    "connect": connect_image,
    "flink": flink_image,
    "shipper": servers.filebeat_image,
    "monitoring": servers.monitoring_image,
}
"""All images. Add one here; a program needs a row of ``PROGRAMS`` only."""

BASE = ("operator", "kafka", "shop")
"""The images of a platform without any of the parts that read the logs."""


def images(*, parts: bool) -> dict[str, Image]:
    """The images of the platform by name. parts: also those of the parts that read the logs."""
    return {name: recipe() for name, recipe in IMAGES.items() if parts or name in BASE}
