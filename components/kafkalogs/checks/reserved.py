"""The names that belong to the platform: no service, topic or team may take one.

They follow from the records of all parts, also of parts that the stack does not have: when such a part is switched on
later, no service may have one of its names.
"""

from collections.abc import Callable, Iterator, Mapping

from .. import parts
from ..catalog.part import Part
from ..config import naming
from ..config.models import Platform

SECRET_SUFFIXES = ("-credentials", "-tls")
"""The suffixes of the names of the platform's Secrets. A service's Secret has the name of the service."""


def service_problem(platform: Platform, name: str) -> str | None:
    """Why a service may not have this name; None if it may."""
    if owner := _owner(name, lambda part: part.user_names):
        return f"the identity of {owner.title}; choose another name"
    if name.endswith(SECRET_SUFFIXES) or name in _secrets(platform):
        return "a Secret of the platform has this name, which the Secret of the service would take; choose another name"
    return None


def topic_problem(name: str, made: Mapping[str, Part], key: str) -> str | None:
    """Why a service may not write a topic of this name; None if it may.

    made: the topics that the parts of the stack can make. In a stack without the stream job, services may write the
    job's topics below `logs.`: the layout `level` writes some of them. key: the key with which the service chooses its
    topic.
    """
    if part := made.get(name):
        return f"{part.title} writes this topic; choose another {key}, or remove {part.key}"
    if not name.startswith(naming.LOGS_PREFIX):
        owner = _owner(name, lambda part: part.topic_names)
        belongs = f"this topic belongs to {owner.title}" if owner else "no reader may read it: all rights are on logs.*"
        return f"{belongs}; choose a name that begins with {naming.LOGS_PREFIX}"
    return None


def team_problem(name: str) -> str | None:
    """Why a team may not have this name; None if it may."""
    prefix = naming.group_prefix(name)
    for part in parts.PARTS:
        for own in part.group_prefixes:
            if own.startswith(prefix) or prefix.startswith(own):
                return f"its consumer groups would begin like those of {part.title}, {own}; choose another name"
    return None


def _owner(name: str, names: Callable[[Part], tuple[str, ...]]) -> Part | None:
    return next((part for part in parts.PARTS if name in names(part)), None)


def _secrets(platform: Platform) -> Iterator[str]:
    """The Secrets of the platform without such a suffix: those of the records, and those that the stack file names."""
    for part in parts.PARTS:
        yield from part.secrets
    yield from platform.endpoints.ca_secrets.named().values()
    if platform.pager:
        yield platform.pager.routing_key_secret
    if platform.monitoring and platform.monitoring.watchdog_secret:
        yield platform.monitoring.watchdog_secret
    if platform.schemas:
        yield platform.schemas.credentials_secret
        yield from filter(None, [platform.schemas.ca_secret])
