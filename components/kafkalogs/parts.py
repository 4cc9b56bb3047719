"""The parts of the pipeline that a stack file can switch on, and what each needs. Pure, and quick to load."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from .config.problems import ConfigError, Problem

if TYPE_CHECKING:
    from .config.models import Platform

IMAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "schemas": ("registry", "schemas"),
    "archive": ("connect",),
    "search": ("connect", "search-setup"),
    "audit": ("connect",),
    "stream": ("flink", "catalog"),
    "pager": ("pager",),
    "shipper": ("shipper", "exporter"),
    "monitoring": ("exporter", "monitoring"),
}
"""The images that each part of the stack file needs, by their names in `LogPipelineArgs.images`."""

GROUPS: Final[Mapping[str, str]] = {
    "archive": "connect-archive",
    "search": "connect-search",
    "audit": "connect-audit",
    "stream": "stream.logs",
    "pager": "pager.incidents",
}
"""The consumer group of each part that reads logs or what follows from them; what it has committed is how far it is."""


def parts(platform: "Platform") -> list[str]:
    """The parts that the stack file switches on."""
    return [name for name in IMAGES if getattr(platform, name) is not None]


LEAST_RATE: Final = 1024 * 1024
"""What a part may write at least, in bytes per second; the states of the pager and the registry are small."""


def byte_rates(platform: "Platform") -> dict[str, int]:
    """What each part may write to each broker at most, in bytes per second, by the name of its KafkaUser.

    Who writes on what it has read (errors and samples, dead letters) may catch up at twice the rate of all services.
    """
    passed_on = max(LEAST_RATE, 2 * sum(service.rate for service in platform.services.values()))
    return {
        "connect": passed_on,
        "stream": passed_on,
        "shipper": platform.shipper.rate if platform.shipper else LEAST_RATE,
        "pager": LEAST_RATE,
        "registry": LEAST_RATE,
    }


def check_images(platform: "Platform", images: Mapping[str, str]) -> None:
    """Raise ConfigError for every part whose image is not there, before anything is registered."""
    problems = [
        Problem((name,), "on", f"its image {image} comes from make cluster; run it, or leave {name} out")
        for name in parts(platform)
        for image in IMAGES[name]
        if image not in images
    ]
    if problems:
        raise ConfigError(problems)


def needed_secrets(platform: "Platform") -> tuple[list[str], dict[str, str]]:
    """The certificates and the credentials (user by name) that the parts themselves need of `ServiceSecrets`."""
    certificates: list[str] = []
    credentials: dict[str, str] = {}
    if platform.schemas and not platform.schemas.url:
        certificates.append("registry")
        credentials["registry-writer"] = "registry-writer"
    if platform.monitoring and not platform.monitoring.operator:
        certificates += ["prometheus", "alertmanager"]
    return certificates, credentials
