"""The pager's settings, from its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ENDPOINT = "https://events.pagerduty.com/v2/enqueue"


class SettingsError(Exception):
    """Something to change in the environment; its text says what."""


@dataclass(frozen=True)
class Settings:
    """One pager. Times in seconds.

    bootstrap, topic, group: what is read, where, as which consumer group. dead_letters, state: its own topics.
    certificates: folder of user.crt and user.key; ca: the Kafka cluster's CA.
    endpoint: where events are sent; endpoint_ca: the CA of its certificate, None for the public ones.
    routing_key: file with PagerDuty's routing key.
    quiet: time without a record until an incident is resolved. update: between two events about an open incident.
    per_minute, burst: the most events sent to PagerDuty. timeout: for PagerDuty's answer.
    retry, retry_longest: the longest wait after the first failure, and after any. throttled: least wait after a 429.
    health_port, metrics_port: the ports for probes and for Prometheus.
    """

    bootstrap: str
    topic: str
    group: str
    dead_letters: str
    state: str
    certificates: Path
    ca: Path
    endpoint: str
    endpoint_ca: Path | None
    routing_key: Path
    quiet: float
    update: float
    per_minute: float
    burst: int
    timeout: float
    retry: float
    retry_longest: float
    throttled: float
    health_port: int
    metrics_port: int

    @property
    def client_files(self) -> tuple[Path, Path, Path]:
        """The files that Kafka's clients read when they are made."""
        return self.ca, self.certificates / "user.crt", self.certificates / "user.key"

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Raises SettingsError with every fault found."""
        env = _Environment(environment)
        if not environment.get("PAGER_BOOTSTRAP"):
            env.faults.append("PAGER_BOOTSTRAP is missing: the address of Kafka")
        certificates = Path(environment.get("PAGER_CERTS") or "/etc/pager/user")
        for name in ("user.crt", "user.key"):
            env.must_exist(certificates / name, "PAGER_CERTS")
        endpoint = environment.get("PAGER_ENDPOINT") or ENDPOINT
        if not endpoint.startswith("https://"):
            env.faults.append(f"PAGER_ENDPOINT={endpoint} must begin with https://: the routing key is a secret")
        settings = cls(
            bootstrap=environment.get("PAGER_BOOTSTRAP", ""),
            topic=environment.get("PAGER_TOPIC") or "errors.critical",
            group=environment.get("PAGER_GROUP") or "pager.incidents",
            dead_letters=environment.get("PAGER_DEAD_LETTERS") or "dlq.pager",
            state=environment.get("PAGER_STATE") or "pager.state",
            certificates=certificates,
            ca=env.file("PAGER_CA", "/etc/pager/ca/ca.crt"),
            endpoint=endpoint,
            endpoint_ca=env.file("PAGER_ENDPOINT_CA", "") if environment.get("PAGER_ENDPOINT_CA") else None,
            # not looked at yet: it may be mounted later, and the pager waits for it
            routing_key=Path(environment.get("PAGER_ROUTING_KEY") or "/etc/pager/pagerduty/routing-key"),
            quiet=env.number("PAGER_QUIET", 600, 1),
            update=env.number("PAGER_UPDATE", 300, 1),
            per_minute=env.number("PAGER_PER_MINUTE", 60, 1),
            burst=env.whole("PAGER_BURST", 30, 1),
            timeout=env.number("PAGER_TIMEOUT", 10, 0.1),
            retry=env.number("PAGER_RETRY", 1, 0.01),
            retry_longest=env.number("PAGER_RETRY_LONGEST", 60, 0.01),
            throttled=env.number("PAGER_THROTTLED", 60, 0.01),
            health_port=env.whole("PAGER_HEALTH_PORT", 8080, 0),
            metrics_port=env.whole("PAGER_METRICS_PORT", 9404, 0),
        )
        if env.faults:
            raise SettingsError("; ".join(env.faults))
        return settings


class _Environment:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.faults: list[str] = []

    def number(self, name: str, default: float, least: float) -> float:
        text = self._variables.get(name) or str(default)
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value < 1e9:
            self.faults.append(f"{name}={text} must be a number, {least:g} or more")
        return value

    def whole(self, name: str, default: int, least: int) -> int:
        value = self.number(name, default, least)
        if value == value and not value.is_integer():
            self.faults.append(f"{name}={value:g} must be a whole number")
        return int(value) if value == value else 0

    def file(self, name: str, default: str) -> Path:
        path = Path(self._variables.get(name) or default)
        self.must_exist(path, name)
        return path

    def must_exist(self, path: Path, name: str) -> None:
        if not path.is_file():
            self.faults.append(f"{path} ({name}) is not there; the platform mounts it")
