"""The image of the log shipper: Filebeat, built from its Go module, and nothing else.

It is one static program, so the image has no base: no shell, no packages, nothing to keep up to date but Filebeat.
"""

from __future__ import annotations

from pathlib import Path

from embedded.cache import Artefact
from embedded.go_builds import go_artefact, module_version
from embedded.oci import Copy, Image, files_layer

HOME = "/usr/share/filebeat"
"""The folder of Filebeat's official image; its configuration may lie anywhere."""
# Filebeat looks for the name of its system at each request for its counters, and warns where there is none.
_ETC = Path(__file__).parent / "filebeat" / "etc"
_MODULE = "github.com/elastic/beats/v7"


def filebeat() -> Artefact:
    """The program ``filebeat``."""
    return go_artefact("filebeat", needs_gib=4)


def filebeat_image() -> Image:
    """Filebeat, run as root: the logs of a node's pods belong to root. It needs no capability for that."""
    return Image(
        "localhost/kafkalogs/filebeat",
        (files_layer("filebeat", [Copy(filebeat(), f"{HOME}/filebeat", inside="filebeat"), Copy(_ETC, "/etc")]),),
        entrypoint=[f"{HOME}/filebeat"],
        user="0",
        workdir=HOME,
        version=module_version("filebeat", _MODULE).removeprefix("v"),
    )
