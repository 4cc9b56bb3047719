"""`LogPipeline`: the parts that read the platform's logs, each with its own consumer group.

The stack file switches the parts on: `schemas`, `archive`, `search`, `audit`, `stream`, `pager`, `shipper` and
`monitoring` of `kafkalogs:platform`. `Endpoints` has the addresses of the S3 server, the search engine and others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import cast

import pulumi

from . import parts
from .catalog.part import Part
from .kube.wiring import Deploy, Endpoints, Wiring
from .platform import LogPlatform


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
        self.register_outputs({})


def deploy_of(part: Part) -> Deploy:
    """The function that deploys a part. Its module is imported here, so that records load quickly and without
    Pulumi."""
    module, _, function = part.deploy.partition(":")
    return cast("Deploy", getattr(import_module(f".{module}", __package__), function))
