"""The image of the secrets maker, which runs as a Job and makes the platform's certificates and passwords."""

from __future__ import annotations

from embedded.images import REPOSITORY, image_from, python_base, python_packages
from embedded.oci import Copy, Image


def secrets_image() -> Image:
    """``python3 -m secrets_maker``, run as user 1001."""
    folder = REPOSITORY / "apps" / "secrets"
    return image_from(
        "secrets",
        python_base(),
        [
            Copy(python_packages("secrets", folder / "requirements.txt"), "/opt/site"),
            Copy(folder / "secrets_maker", "/opt/app/secrets_maker"),
        ],
        entrypoint=["python3", "-m", "secrets_maker"],
        env={"PYTHONPATH": "/opt/app:/opt/site", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        workdir="/opt/app",
    )
