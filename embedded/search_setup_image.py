"""The image of the search set-up, which puts index templates and deletes what is past its retention."""

from __future__ import annotations

from embedded.images import REPOSITORY, python_image
from embedded.oci import Image


def search_setup_image() -> Image:
    """``python3 -m search_setup``, run as user 1001."""
    folder = REPOSITORY / "apps" / "search_setup"
    return python_image("search-setup", folder, folder / "requirements.txt")
