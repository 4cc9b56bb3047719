"""The image of the search set-up, which puts index templates and deletes what is past its retention."""

from __future__ import annotations

from embedded.images import REPOSITORY, image_from, python_base, python_packages
from embedded.oci import Copy, Image


def search_setup_image() -> Image:
    """``python3 -m search_setup``, run as user 1001."""
    folder = REPOSITORY / "apps" / "search_setup"
    return image_from(
        "search-setup",
        python_base(),
        [
            Copy(python_packages("search-setup", folder / "requirements.txt"), "/opt/site"),
            Copy(folder, "/opt/app/search_setup"),
        ],
        entrypoint=["python3", "-m", "search_setup"],
        env={"PYTHONPATH": "/opt/app:/opt/site", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        workdir="/opt/app",
    )
