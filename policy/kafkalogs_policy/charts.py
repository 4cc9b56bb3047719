"""The Helm charts that somebody has judged. Pulumi cannot see what a chart renders, so it must be one of these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .values import View


@dataclass(frozen=True)
class Chart:
    """A chart, as a Release names it."""

    name: str
    repository: str
    """Empty where the name is an address."""
    version: str
    digests: frozenset[str] = frozenset()
    """The digests (sha256:...) that its values may name. Without them the chart runs the images of its release."""


CHARTS: Final = (
    Chart("oci://quay.io/strimzi-helm/strimzi-kafka-operator", "", "1.2.0"),
    Chart(
        "flink-kubernetes-operator",
        "https://archive.apache.org/dist/flink/flink-kubernetes-operator-1.16.0/",
        "1.16.0",
    ),
)
"""The charts of the package, with the images of their releases. A fork that runs its own images of a chart adds the
digests here; CODEOWNERS names who reviews it. tests/policy compares names and versions with those of the package."""

_CHOOSING: Final = ("image", "registry", "repository", "digest", "sha256:")
_PULLING: Final = ("pullpolicy", "pullsecrets")
_UNSEEN: Final = ("valueYamlFiles", "postrender", "postRenderer", "devel", "fetchOpts", "chartOpts", "path")


def find(view: View) -> Chart | None:
    """The judged chart that a Release installs, if it is one."""
    repository = view["repositoryOpts"]["repo"].text
    said = (view["chart"].text, repository, view["version"].text)
    return next((known for known in CHARTS if said == (known.name, known.repository, known.version)), None)


def unseen(view: View) -> Iterator[View]:
    """What changes the rendered manifests outside of the values: files and programs."""
    yield from (view[key] for key in _UNSEEN if view[key].there and view[key].text != "false")


def chosen(values: View) -> Iterator[View]:
    """The values that choose an image, whole or in part, and the variables that do."""
    for leaf in values.leaves():
        words = leaf.path.lower()
        if any(word in words for word in _PULLING):
            continue
        if "tag" in words.rpartition(".")[2] or any(word in words or word in leaf.text.lower() for word in _CHOOSING):
            yield leaf
