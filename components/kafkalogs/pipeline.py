"""`LogPipeline`: the parts that read the platform's logs, each with its own consumer group.

The stack file switches the parts on: `schemas`, `archive`, `search`, `audit`, `stream`, `pager`, `shipper` and
`monitoring` of `kafkalogs:platform`. `Endpoints` has the addresses of the S3 server, the search engine and others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import pulumi
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from . import parts
from .catalog.part import Part
from .config.models import Platform
from .kafka.record import KAFKA
from .kube import policies
from .kube.wiring import Deploy, Endpoints, Wiring
from .platform import LogPlatform

if TYPE_CHECKING:
    from .shipper.daemon import LogShipper


@dataclass(frozen=True)
class LogPipelineArgs:
    """The arguments of a `LogPipeline`."""

    platform: LogPlatform
    """The platform with the logs. Its configuration says which parts the stack has."""

    images: Mapping[str, str]
    """The images of the parts, see `parts.IMAGES`."""

    endpoints: Endpoints
    """The other servers that the parts use."""

    job: str
    """The templates of the stream job, see `FlinkJobArgs.template`."""


class LogPipeline(pulumi.ComponentResource):
    """The parts that the stack file switches on."""

    def __init__(self, name: str, args: LogPipelineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        config = args.platform.config
        parts.check_images(config, args.images)
        super().__init__("kafkalogs:index:LogPipeline", name, {}, opts)
        wiring = Wiring(
            platform=config,
            catalog=args.platform.catalog,
            images=args.images,
            endpoints=args.endpoints,
            job=args.job,
            log_topics={topic.name: topic for topic in parts.log_topics(config)},
            readers=tuple(part.key for part in parts.enabled(config) if part.group),
            parent=self,
        )
        for part in parts.enabled(config):
            made = deploy_of(part)(wiring) if part.deploy else None
            if made is not None:
                wiring.made[part.key] = made
        self._egress(name, wiring)
        self.register_outputs({})

    def _egress(self, name: str, wiring: Wiring) -> None:
        """What the pods of each part may reach: DNS, the declared edges, and the servers outside the platform."""
        config, external = wiring.platform, external_ports(wiring.platform, wiring.endpoints)
        groups = [*parts.pods(config), *wiring.endpoints.servers]
        for part in parts.enabled(config):
            for group in () if part.key == KAFKA.key else part.pods(config):
                policy = policies.egress_manifest(group, groups, config.namespace, external)
                # It goes with the part. The shipper's policy needs the namespace that the shipper's component makes.
                made = wiring.made.get(part.key)
                needed = [cast("LogShipper", made).own_namespace] if group.shipper else None
                opts = pulumi.ResourceOptions(parent=made or self, depends_on=needed)
                about, spec = policy["metadata"], policy["spec"]
                NetworkPolicy(f"{name}-{group.name}-egress", metadata=about, spec=spec, opts=opts)


def external_ports(config: Platform, endpoints: Endpoints) -> dict[str, int]:
    """The port of each server outside the platform, by the names of `PodGroup.uses`."""
    schemas = config.schemas.url if config.schemas else None
    # An address that is known only later is the address of an AWS service: HTTPS.
    search = endpoints.search if isinstance(endpoints.search, str) else None
    urls = {"s3": endpoints.s3, "search": search, "pagerduty": endpoints.pagerduty, "registry": schemas}
    # Clients know AWS' addresses, and the watchdog's is in a Secret: HTTPS.
    urls |= {"aws": None, "watchdog": None}
    found = {name: port_of(url) for name, url in urls.items() if name not in endpoints.own}
    if endpoints.database and "database" not in endpoints.own:
        found["database"] = port_of(f"//{endpoints.database}")
    return found


def port_of(url: str | None) -> int:
    """The port of a URL; HTTPS' port if the URL names none."""
    parsed = urlsplit(url or "")
    return parsed.port or (80 if parsed.scheme == "http" else 443)


def deploy_of(part: Part) -> Deploy:
    """The function that deploys a part. Its module is imported here, so that records load quickly and without
    Pulumi."""
    module, _, function = part.deploy.partition(":")
    return cast("Deploy", getattr(import_module(f".{module}", __package__), function))
