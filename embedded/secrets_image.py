"""The image of the secrets maker, which runs as a Job and makes the platform's certificates and passwords."""

from __future__ import annotations

from embedded.images import REPOSITORY, python_image
from embedded.oci import Image


def secrets_image() -> Image:
    """``python3 -m secrets_maker``, run as user 1001."""
    folder = REPOSITORY / "apps" / "secrets"
    return python_image("secrets", folder / "secrets_maker", folder / "requirements.txt")
