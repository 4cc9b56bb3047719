"""The bill of materials of an image, as CycloneDX JSON (https://cyclonedx.org/docs/1.6/json/)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from embedded.build.inventory import Inventory, Package

UNLISTED = "kafkalogs:unlisted"
"""The property that names kinds of packages that are in the image, but not in the list."""

_IMAGE = "image"


def sbom(found: Inventory, name: str, tag: str, digest: str, repository: str) -> str:
    """The bill of materials of the image ``repository:tag@digest``, called ``name``.

    A package that the image contains several times with the same content is listed once, with all its paths.
    """
    same: dict[str, list[Package]] = {}
    for package in found.packages():
        same.setdefault(_reference(package), []).append(package)
    contents: dict[str, set[str]] = {_IMAGE: {_reference(package) for package, _ in found.contents}}
    for package, inside in found.contents:
        contents.setdefault(_reference(package), set()).update(map(_reference, inside))
    image: dict[str, Any] = {
        "type": "container",
        "bom-ref": _IMAGE,
        "name": name,
        "version": tag,
        "purl": package_url("oci", "", name, digest, {"repository_url": repository, "tag": tag}),
    }
    if found.unlisted:
        image["properties"] = [{"name": UNLISTED, "value": f"{kind} packages"} for kind in sorted(found.unlisted)]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid4()}",
        "version": 1,
        "metadata": {"timestamp": datetime.now(UTC).isoformat(timespec="seconds"), "component": image},
        "components": [_component(reference, packages) for reference, packages in sorted(same.items())],
        "dependencies": [
            {"ref": reference, "dependsOn": sorted(inside - {reference})} for reference, inside in contents.items()
        ],
    }
    return json.dumps(document, indent=2)


def package_url(kind: str, group: str, name: str, version: str, qualifiers: Mapping[str, str]) -> str:
    """A package URL, https://github.com/package-url/purl-spec. group and version may be empty."""
    path = "/".join(_quoted(part) for part in (kind, group, name) if part)
    after = "&".join(f"{key}={_quoted(value)}" for key, value in sorted(qualifiers.items()))
    return f"pkg:{path}" + (f"@{_quoted(version)}" if version else "") + (f"?{after}" if after else "")


def _quoted(text: str) -> str:
    return quote(text, safe="/:")


def _url(package: Package) -> str:
    return package_url(package.kind, package.group, package.name, package.version, dict(package.qualifiers))


def _reference(package: Package) -> str:
    """The identity of a package: programs and jars of the same name may differ in content."""
    return f"{_url(package)}#{package.sha256}" if package.sha256 else _url(package)


def _component(reference: str, same: Iterable[Package]) -> dict[str, Any]:
    """One package, found once or several times."""
    first, *_ = packages = list(same)
    found: dict[str, Any] = {"type": "library", "bom-ref": reference, "name": first.name, "purl": _url(first)}
    if first.group:
        found["group"] = first.group
    if first.version:
        found["version"] = first.version
    if first.sha256:
        found["hashes"] = [{"alg": "SHA-256", "content": first.sha256}]
    places = sorted({package.path for package in packages})
    return {**found, "evidence": {"occurrences": [{"location": place} for place in places]}}
