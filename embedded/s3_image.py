"""The S3 server of stacks without a cloud: Versity's gateway on a folder, built from its Go module."""

from __future__ import annotations

from embedded.go_builds import go_artefact, module_version
from embedded.images import image_from, python_base
from embedded.oci import Copy, Image

MODULE = "github.com/versity/versitygw"


def s3_image() -> Image:
    """``versitygw``, where its own image has it, run as user 1001. The base is one that the node has anyway."""
    return image_from(
        "s3",
        python_base(),
        [Copy(go_artefact("versitygw"), "/usr/local/bin")],
        entrypoint=["/usr/local/bin/versitygw"],
        version=module_version("versitygw", MODULE).removeprefix("v"),
    )
