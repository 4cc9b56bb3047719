"""The images of our Python programs, and the Debian base layers of images.

Assembling an image installs nothing in it: Debian packages come with the base layer, and pip installs Python packages
on this machine into a folder that becomes a layer.
"""

from __future__ import annotations

from dataclasses import dataclass

from embedded import REPOSITORY
from embedded.build.cache import Artefact
from embedded.build.debian import debian_layer
from embedded.build.oci import OURS, Copy, Image, files_layer
from embedded.build.pins import pins
from embedded.build.python import python_packages

USER = "1001"
_SITE = "/opt/site"
_APP = "/opt/app"


@dataclass(frozen=True)
class Program:
    """A Python program: its package's folder, and the file that lists the Python packages it needs, if it needs any.

    Both are paths below the root of the repository.
    """

    package: str
    requirements: str = ""


def jre_base() -> Artefact:
    """A layer: Debian with a Java 21 runtime, ``bash`` and ``coreutils``."""
    return debian_layer("jre", pins()["debian"]["base"], ("openjdk-21-jre-headless",))


def python_base() -> Artefact:
    """A layer: Debian with Python and the certificates of public authorities."""
    return debian_layer("python", pins()["debian"]["base"], ("python3", "ca-certificates"))


def python_image(name: str, program: Program) -> Image:
    """The image ``name`` of a program: it runs ``python3 -m <package>`` as user 1001."""
    package = REPOSITORY / program.package
    copies = [Copy(package, f"{_APP}/{package.name}")]
    if program.requirements:
        copies.insert(0, Copy(python_packages(REPOSITORY / program.requirements), _SITE))
    return Image(
        OURS + name,
        (python_base(), files_layer(name, copies)),
        entrypoint=["python3", "-m", package.name],
        user=USER,
        env={
            "PYTHONPATH": f"{_APP}:{_SITE}" if program.requirements else _APP,
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        workdir=_APP,
    )
