"""The image of what writes the service catalog into its topic."""

from __future__ import annotations

from embedded.images import REPOSITORY, python_image
from embedded.oci import Image


def catalog_image() -> Image:
    """``python3 -m catalog``, run as user 1001."""
    apps = REPOSITORY / "apps"
    # the same packages as the shop's, of which there is one copy in the cache
    return python_image("catalog", apps / "catalog", apps / "requirements.txt", packages="shop")
