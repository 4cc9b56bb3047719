"""`LocalServices`: the services that the stack file's `endpoints` do not name, and the Secrets of all parts."""

from collections.abc import Mapping
from dataclasses import dataclass

import local_pagerduty
import pulumi
from kafkalogs import Endpoints, LogPlatform, parts
from kafkalogs.config.models import Platform
from kafkalogs.config.problems import ConfigError, Problem
from kafkalogs.kube.service_secrets import ServiceSecrets, ServiceSecretsArgs
from local_backends import (
    DATABASE,
    DATABASE_PORT,
    ELASTICSEARCH,
    POSTGRES,
    S3,
    S3_PORT,
    SEARCH_PORT,
    LocalBackendArgs,
    LocalDatabase,
    LocalS3,
    LocalS3Args,
    LocalSearch,
)
from local_pagerduty import LocalPagerDuty, LocalPagerDutyArgs

SECRETS = {
    "s3": (["s3"], {"s3": "kafkalogs"}),
    "database": (["postgres"], {"postgres": "kafkalogs"}),
    "search": (
        ["elasticsearch"],
        {"elastic": "elastic", "search-sink": "search-sink", "search-reader": "search-reader"},
    ),
    "pagerduty": (["pagerduty"], {"pagerduty": "pagerduty", "pagerduty-admin": "admin"}),
}
"""The certificates and the credentials (user by name) of each service."""

PODS = {
    "s3": S3.pods,
    "database": POSTGRES.pods,
    "search": ELASTICSEARCH.pods,
    "pagerduty": local_pagerduty.PODS,
}
"""The pods of each service, for the network policies."""


@dataclass(frozen=True)
class LocalServicesArgs:
    """The arguments of `LocalServices`."""

    platform: LogPlatform
    """The platform whose parts need the services."""

    images: Mapping[str, str]
    """The references of the images by name: `secrets`, and `s3`, `database`, `search`, `pagerduty` if they run here."""


def run_here(config: Platform) -> list[str]:
    """The services that the parts of a platform need and its `endpoints` do not name."""
    ends, needed = config.endpoints, parts.endpoints(config)
    named = {
        "s3": ends.s3,
        "database": ends.database,
        "search": ends.search,
        "pagerduty": config.pager.url if config.pager else None,
    }
    return [name for name, address in named.items() if name in needed and address is None]


def check_images(config: Platform, images: Mapping[str, str]) -> None:
    """Raise ConfigError for missing images, before anything is registered."""
    parts.check_images(config, images)
    if missing := [
        name for name in (*run_here(config), *(["secrets"] if parts.switched_on(config) else ())) if name not in images
    ]:
        text = f"{' and '.join(missing)} would run here, but the images come from make cluster; run it, or name others"
        raise ConfigError([Problem(("endpoints",), None, text)])


class LocalServices(pulumi.ComponentResource):
    """The stand-ins that a platform needs on one machine, and the Secrets of its services."""

    endpoints: Endpoints
    """The addresses of the services that the platform's parts need."""

    def __init__(self, name: str, args: LocalServicesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kafkalogs:index:LocalServices", name, {}, opts)
        config = args.platform.config
        here = run_here(config)
        certificates, credentials = parts.needed_secrets(config)
        for service in here:
            certificates += SECRETS[service][0]
            credentials |= SECRETS[service][1]
        child = pulumi.ResourceOptions(parent=self)
        secrets = ServiceSecrets(
            f"{name}-secrets",
            ServiceSecretsArgs(config.namespace, args.images["secrets"], certificates, credentials),
            child,
        )
        after = pulumi.ResourceOptions(parent=self, depends_on=[secrets])
        ends, space, images = config.endpoints, config.namespace, args.images
        if "s3" in here:
            LocalS3(f"{name}-s3", LocalS3Args(space, images["s3"]), after)
        if "database" in here:
            LocalDatabase(f"{name}-database", LocalBackendArgs(space, images["database"]), after)
        if "search" in here:
            LocalSearch(f"{name}-search", LocalBackendArgs(space, images["search"]), after)
        if "pagerduty" in here:
            LocalPagerDuty(f"{name}-pagerduty", LocalPagerDutyArgs(space, images["pagerduty"]), after)
        self.endpoints = Endpoints(
            s3=f"https://s3.{space}.svc:{S3_PORT}" if "s3" in here else ends.s3,
            database=f"postgres.{space}.svc:{DATABASE_PORT}/{DATABASE}" if "database" in here else ends.database,
            search=f"https://elasticsearch.{space}.svc:{SEARCH_PORT}" if "search" in here else ends.search,
            pagerduty=local_pagerduty.endpoint(space) if "pagerduty" in here else config.pager and config.pager.url,
            own=tuple(here),
            servers=tuple(PODS[server] for server in here),
            ca_secrets=ends.ca_secrets.named(),
        )
        self.register_outputs({})
