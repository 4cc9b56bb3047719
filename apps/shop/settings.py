"""The settings of a service's process, from its environment and the platform's catalog."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class SettingsError(Exception):
    """A fault in the environment or the stack file; the text gives the remedy."""


@dataclass(frozen=True)
class Settings:
    """One service's process.

    rate: events per second over all services of the shop; 0 is as fast as possible (only with ``count``).
    count: stop after this many requests of the shop, the first is number 0; None: never stop.
    instance: the name of this process in its events.
    catalog: the platform's catalog file; certificates: folder of user.crt and user.key; ca: the cluster's CA.
    """

    service: str
    rate: float
    seed: int
    count: int | None
    instance: str
    catalog: Path
    certificates: Path
    ca: Path

    @property
    def client_files(self) -> tuple[Path, Path, Path]:
        """The files that Kafka's client reads when it is made."""
        return self.ca, self.certificates / "user.crt", self.certificates / "user.key"

    @classmethod
    def read(cls, service: str, environment: Mapping[str, str]) -> Settings:
        """Raises SettingsError with every fault found."""
        faults: list[str] = []

        def number(name: str, default: str, least: float, kind: type[int] | type[float]) -> Any:
            text = environment.get(name, "") or default
            try:
                value = kind(text)
            except ValueError:
                value = kind(-1)
            if not least <= value < 1e12:
                what = "a whole number" if kind is int else "a number"
                faults.append(f"{name}={text} must be {what}, {least:g} or more")
            return value

        count = number("SHOP_COUNT", "0", 1, int) if environment.get("SHOP_COUNT") else None
        rate = number("SHOP_RATE", "200", 0, float)
        if rate == 0 and count is None:
            faults.append("SHOP_RATE=0 (as fast as possible) needs SHOP_COUNT; else give events per second")
        settings = cls(
            service=service,
            rate=rate,
            seed=number("SHOP_SEED", "1", 0, int),
            count=count,
            instance=environment.get("POD_NAME") or socket.gethostname(),
            catalog=Path(environment.get("KAFKALOGS_CATALOG") or "/etc/kafkalogs/catalog.json"),
            certificates=Path(environment.get("SHOP_CERTS") or "/etc/kafkalogs/user"),
            ca=Path(environment.get("SHOP_CA") or "/etc/kafkalogs/ca/ca.crt"),
        )
        wanted = (settings.catalog, settings.ca, settings.certificates / "user.crt", settings.certificates / "user.key")
        faults += [f"{path} is not there; the platform mounts it" for path in wanted if not path.is_file()]
        if faults:
            raise SettingsError("; ".join(faults))
        return settings


@dataclass(frozen=True)
class Route:
    """Where a service's events go, read from the catalog.

    topics: by log type, or by level where the layout is by level. keys: ``partitionBy`` of each topic.
    largest: bytes of the largest batch that all its topics accept.
    """

    bootstrap: str
    by_level: bool
    topics: Mapping[str, str]
    keys: Mapping[str, str]
    largest: int

    @property
    def types(self) -> tuple[str, ...]:
        """The log types that the service writes here."""
        return ("access", "application", "audit") if self.by_level else tuple(sorted(self.topics))

    def topic(self, log_type: str, level: str) -> str:
        """The topic of events of this type and level."""
        return self.topics[level if self.by_level else log_type]

    @classmethod
    def read(cls, catalog: Path, service: str) -> Route:
        """Raises SettingsError when the catalog has no such service."""
        try:
            document = json.loads(catalog.read_text())
            if service not in document["services"]:
                raise SettingsError(f"{catalog} has no service {service}; add it to the stack's services")
            entry = document["services"][service]
            topics = {name: document["topics"][name] for name in entry["topics"].values()}
            return cls(
                bootstrap=document["bootstrap"],
                by_level=entry["layout"] == "level",
                topics=entry["topics"],
                keys={name: topic["partitionBy"] for name, topic in topics.items()},
                largest=min(topic["maxMessageBytes"] for topic in topics.values()),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SettingsError(f"{catalog} is not the platform's catalog: {error!r}") from error
