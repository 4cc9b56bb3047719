"""The bill of materials of an image, as CycloneDX JSON (https://cyclonedx.org/docs/1.6/json/)."""

from __future__ import annotations

from collections.abc import Iterable

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.component_evidence import ComponentEvidence, Occurrence
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from embedded.inventory import Inventory, Package

UNLISTED = "kafkalogs:unlisted"
"""The property that names kinds of packages which the image has and the list has not."""

_Key = tuple[PackageURL, str]


def sbom(found: Inventory, name: str, tag: str, digest: str, repository: str) -> str:
    """The bill of materials of the image ``repository:tag@digest``, called ``name``.

    What is in it several times, with the same content, is listed once, with all its places.
    """
    image = Component(
        type=ComponentType.CONTAINER,
        name=name,
        version=tag,
        bom_ref="image",
        purl=PackageURL("oci", None, name, digest, {"repository_url": repository, "tag": tag}),
        properties=[Property(name=UNLISTED, value=f"{kind} packages") for kind in sorted(found.unlisted)],
    )
    bom = Bom()
    bom.metadata.component = image
    components = {key: _component(same) for key, same in _by_identity(found.packages()).items()}
    bom.components.update(components.values())
    bom.register_dependency(image, [components[_key(package)] for package, _ in found.contents])
    contained: dict[_Key, set[_Key]] = {}
    for package, inside in found.contents:
        contained.setdefault(_key(package), set()).update(map(_key, inside))
    for key, inside_keys in contained.items():
        bom.register_dependency(components[key], [components[other] for other in inside_keys - {key}])
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)


def _by_identity(packages: Iterable[Package]) -> dict[_Key, list[Package]]:
    same: dict[_Key, list[Package]] = {}
    for package in packages:
        same.setdefault(_key(package), []).append(package)
    return same


def _key(package: Package) -> _Key:
    url = PackageURL(
        package.kind, package.group or None, package.name, package.version or None, dict(package.qualifiers)
    )
    return url, package.sha256


def _component(same: list[Package]) -> Component:
    """One package, found once or several times."""
    first = same[0]
    url, checksum = _key(first)
    # Of programs and jars there may be several with the same name and other content.
    reference = f"{url}#{checksum}" if checksum else str(url)
    return Component(
        type=ComponentType.LIBRARY,
        group=first.group or None,
        name=first.name,
        version=first.version or None,
        bom_ref=reference,
        purl=url,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=checksum)] if checksum else [],
        evidence=ComponentEvidence(occurrences=[Occurrence(location=path) for path in sorted({p.path for p in same})]),
    )
