"""The images of the pager, and of the stand-in for PagerDuty that stacks without an account run beside it."""

from __future__ import annotations

from embedded.images import REPOSITORY, python_image
from embedded.oci import Image

_APPS = REPOSITORY / "apps"


def pager_image() -> Image:
    """``python3 -m pager``, run as user 1001."""
    # the same packages as the shop's, of which there is one copy in the cache
    return python_image("pager", _APPS / "pager", _APPS / "requirements.txt", packages="shop")


def pagerduty_image() -> Image:
    """``python3 -m pagerduty``, run as user 1001; it needs nothing but Python."""
    return python_image("pagerduty", _APPS / "pagerduty")
