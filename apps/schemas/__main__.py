"""Registers schemas: ``python3 -m schemas``. All, or none if the registry refuses one.

Environment: REGISTRY_URL, REGISTRY_WRITER (a folder with the files username and password), REGISTRY_SCHEMAS (a file:
the compatibility level, the schema by type, the type by subject, and the digests of the schemas that these correct),
REGISTRY_CA (the registry's authority; the system's when absent).

Exit codes: 0 registered, 1 the registry could not be reached for five minutes, 2 wrong settings, 3 the registry refused
a schema, or its certificate is not trusted. The end of the output gives the reason.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from schemas.registry import RefusedError, Registry, Subject, UnavailableError, UntrustedError

T = TypeVar("T")
R = TypeVar("R")

UNAVAILABLE = 1
SETTINGS = 2
REFUSED = 3

# Seconds of retries, and between them, while the registry cannot be reached.
PATIENCE = 300.0
PAUSE = 5.0
# Seconds in which another server may answer: until nodes know a new Service, its address leads out of the cluster.
STRANGER = 60.0

# How many requests run at the same time.
AT_ONCE = 6

# How many subjects a refusal names with their reasons: Kubernetes keeps the last 2048 bytes.
_NAMED = 2


@dataclass(frozen=True)
class Wanted:
    """The wanted content of the registry."""

    level: str
    subjects: list[Subject]
    corrects: frozenset[str]
    """Digests of schemas that the wanted ones replace although they are narrower, see `digest`."""

    @classmethod
    def read(cls, file: Path) -> Wanted:
        """Read the file that the platform mounts."""
        document: dict[str, Any] = json.loads(file.read_text())
        schemas = document["schemas"]
        subjects = [Subject(name, kind, schemas[kind]) for name, kind in document["subjects"].items()]
        return cls(document["compatibility"], subjects, frozenset(document["corrects"]))


def changed(registry: Registry, wanted: Wanted) -> tuple[list[Subject], list[Subject]]:
    """The subjects that are missing or whose newest version differs; and those of them whose change is incompatible.

    This function changes nothing.
    """
    present = registry.subjects()
    new = [subject for subject in wanted.subjects if subject.name not in present]
    other = [
        subject
        for subject in wanted.subjects
        if subject.name in present and not _same(registry.latest(subject.name), subject.schema)
    ]
    return new + other, [subject for subject in other if not registry.compatible(subject)]


def apply(registry: Registry, wanted: Wanted, subjects: list[Subject]) -> int:
    """Register these subjects, then set the level of all; returns how many levels were set.

    The level comes last: some registries accept a level only for existing subjects, and a stricter level must apply
    from the next change on, and not stop this one half way.
    """
    # First one subject of each kind: subjects with the same schema share it in the registry.
    first = {subject.kind: subject for subject in reversed(subjects)}
    _each(first.values(), registry.register)
    _each([subject for subject in subjects if subject not in first.values()], registry.register)
    levels = dict(_each(wanted.subjects, lambda subject: (subject.name, registry.level(subject.name))))
    different = [name for name, level in levels.items() if level != wanted.level]
    _each(different, lambda name: registry.set_level(name, wanted.level))
    return len(different)


def _each(items: Iterable[T], ask: Callable[[T], R]) -> list[R]:
    """Several requests at a time, because a registry on Kafka mostly waits; raises the first error."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(ask, items))


def refusal(registry: Registry, subjects: list[Subject]) -> str:
    """The registry's reasons for refusing the first of these subjects.

    The registry gives a reason only when a client tries to register. It has reported these subjects as incompatible, so
    trying changes nothing.
    """
    lines = ["the registry finds the change incompatible; nothing was registered"]
    for subject in subjects[:_NAMED]:
        try:
            registry.register(subject)
            lines.append(
                f"{subject.name}: it had this schema before, and the versions since say more; "
                "registries do not go back, so write one that follows the newest"
            )
        except RefusedError as refused:
            lines.append(f"{subject.name}: {refused}")
    if len(subjects) > _NAMED:
        lines.append(f"and {len(subjects) - _NAMED} more subjects")
    return "\n".join(lines)


def attempt(registry: Registry, wanted: Wanted) -> int:
    """Register the wanted schemas; returns the exit code. Idempotent: subjects registered before are skipped."""
    subjects, incompatible = changed(registry, wanted)
    corrected = [subject for subject in incompatible if digest(registry.latest(subject.name)) in wanted.corrects]
    refused = [subject for subject in incompatible if subject not in corrected]
    if refused:
        print(refusal(registry, refused))
        return REFUSED
    # `apply` sets the level again. If this program ends before, the next run does.
    _each(corrected, lambda subject: registry.set_level(subject.name, "NONE"))
    levels = apply(registry, wanted, subjects)
    print(f"{len(subjects)} of {len(wanted.subjects)} subjects registered, {levels} levels set to {wanted.level}")
    return 0


def digest(schema: str) -> str:
    """The digest of a schema, whatever its white space and the order of its keys."""
    return hashlib.sha256(json.dumps(json.loads(schema), sort_keys=True).encode()).hexdigest()


def _same(one: str, other: str) -> bool:
    """Whether two schemas are the same; registries may change the white space."""
    return json.loads(one) == json.loads(other)


def main() -> int:
    """The exit code."""
    try:
        wanted = Wanted.read(Path(os.environ["REGISTRY_SCHEMAS"]))
        writer = Path(os.environ["REGISTRY_WRITER"])
        user, password = ((writer / name).read_text().strip() for name in ("username", "password"))
        registry = Registry(os.environ["REGISTRY_URL"], user, password, os.environ.get("REGISTRY_CA") or None)
    except (KeyError, TypeError, ValueError, OSError) as error:
        print(f"schemas: wrong settings: {error!r}")
        return SETTINGS
    begun = time.monotonic()
    while True:
        try:
            return attempt(registry, wanted)
        except UntrustedError as untrusted:
            print(f"this is not the registry: {untrusted}")
            if time.monotonic() > begun + STRANGER:
                return REFUSED
            time.sleep(PAUSE)
        except RefusedError as refused:
            print(f"nothing more was registered: {refused}")
            return REFUSED
        except UnavailableError as unavailable:
            print(f"the registry cannot be reached: {unavailable}")
            if time.monotonic() > begun + PATIENCE:
                return UNAVAILABLE
            time.sleep(PAUSE)


if __name__ == "__main__":
    sys.exit(main())
