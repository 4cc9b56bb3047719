"""The images of the pager, and of the stand-in for PagerDuty that stacks without an account run beside it."""

from __future__ import annotations

from embedded.images import REPOSITORY, image_from, python_base, python_packages
from embedded.oci import Copy, Image

_SITE = "/opt/site"
_APP = "/opt/app"
_PYTHON = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def pager_image() -> Image:
    """``python3 -m pager``, run as user 1001."""
    apps = REPOSITORY / "apps"
    return image_from(
        "pager",
        python_base(),
        # the same packages as the shop's, of which there is one copy in the cache
        [Copy(python_packages("shop", apps / "requirements.txt"), _SITE), Copy(apps / "pager", f"{_APP}/pager")],
        entrypoint=["python3", "-m", "pager"],
        env={"PYTHONPATH": f"{_APP}:{_SITE}", **_PYTHON},
        workdir=_APP,
    )


def pagerduty_image() -> Image:
    """``python3 -m pagerduty``, run as user 1001; it needs nothing but Python."""
    return image_from(
        "pagerduty",
        python_base(),
        [Copy(REPOSITORY / "apps" / "pagerduty", f"{_APP}/pagerduty")],
        entrypoint=["python3", "-m", "pagerduty"],
        env={"PYTHONPATH": _APP, **_PYTHON},
        workdir=_APP,
    )
