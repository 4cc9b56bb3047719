"""Reads the actual state of Kafka: with confluent-kafka, and quotas and disks with `wire`."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar, cast

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import (
    AclBindingFilter,  # pyright: ignore[reportPrivateImportUsage]
    AclOperation,  # pyright: ignore[reportPrivateImportUsage]
    AclPermissionType,  # pyright: ignore[reportPrivateImportUsage]
    AdminClient,
    ConfigResource,  # pyright: ignore[reportPrivateImportUsage]
    OffsetSpec,  # pyright: ignore[reportPrivateImportUsage]
    ResourcePatternType,  # pyright: ignore[reportPrivateImportUsage]
    ResourceType,  # pyright: ignore[reportPrivateImportUsage]
)

from ..client.cluster_access import AccessError
from ..client.committed import committed
from ..client.settings import Credentials, Trouble, connection
from ..kafka.doctor_user import DOCTOR
from ..monitoring.consumer_rules import EXPIRES_SOON
from . import seen, wire
from .declared import CLUSTER_RESOURCE, Acl, Declared
from .progress import limit, retention

K = TypeVar("K")

_SECONDS: Final = 20.0
_BATCH: Final = 200
"""Topics in one request: a broker answers well within the time-out."""

_AT_ONCE: Final = 4
"""Groups queried at the same time; each needs a separate client."""

_PROTOCOLS: Final = "listener.security.protocol.map"


class SilentError(AccessError):
    """Kafka was reached, but does not answer a request."""


class KafkaReader:
    """Reads Kafka at `bootstrap` as the user of the doctor. Each method raises AccessError if Kafka does not answer."""

    def __init__(self, bootstrap: str, credentials: Credentials, user: str = DOCTOR) -> None:
        self._where, self._trouble, self._user = bootstrap, Trouble(), user
        said = {"error_cb": self._trouble, "log_level": 0}
        self._settings = {**connection(bootstrap, credentials, "kafkalogs-doctor"), **said}
        try:
            self._admin: Any = AdminClient(cast("Any", self._settings))  # Any: it is partly untyped
            self._context = wire.tls(credentials)
        except (KafkaException, OSError) as error:
            raise AccessError(f"the credentials of {user} cannot be used with Kafka at {bootstrap}: {error}") from error
        self._places: dict[int, tuple[str, int]] = {}
        self._metadata: Any = None

    def kafka(self) -> seen.Kafka:
        """Topics with their settings, partitions and replicas; brokers with their listeners."""
        try:
            self._metadata = self._admin.list_topics(timeout=_SECONDS)
        except KafkaException as error:
            raise self._error(error) from error
        self._places = {broker.id: (broker.host, broker.port) for broker in self._metadata.brokers.values()}
        topics = {name: self._topic(name, about) for name, about in self._metadata.topics.items()}
        configs = self._configs(sorted(topics))
        brokers = self._brokers()
        return seen.Kafka(
            brokers=frozenset(self._places),
            topics={name: seen.Topic(name, parts, configs.get(name, {})) for name, parts in topics.items()},
            protocols={broker: settings.get(_PROTOCOLS, "") for broker, settings in brokers.items()},
        )

    def _topic(self, name: str, about: Any) -> dict[int, seen.Partition]:
        return {
            number: seen.Partition(one.leader, tuple(one.replicas), tuple(one.isrs))
            for number, one in about.partitions.items()
        }

    def _configs(self, names: list[str]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for start in range(0, len(names), _BATCH):
            asked = [ConfigResource(ResourceType.TOPIC, name) for name in names[start : start + _BATCH]]
            futures = self._admin.describe_configs(asked, request_timeout=_SECONDS)
            for resource, settings in self._answers(futures).items():
                found[resource.name] = _values(settings)
        return found

    def _brokers(self) -> dict[int, dict[str, str]]:
        """The settings of the brokers that answer. The client takes one in a call."""
        futures: dict[int, Future[Any]] = {}
        for broker in self._places:
            asked = [ConfigResource(ResourceType.BROKER, str(broker))]
            futures[broker] = next(iter(self._admin.describe_configs(asked, request_timeout=_SECONDS).values()))
        return {broker: _values(settings) for broker, settings in self._answers(futures, some=True).items()}

    def access(self) -> seen.Access:
        """All rights, quotas and passwords."""
        anything: Any = None  # the client's types do not allow None
        kinds = (AclOperation.ANY, AclPermissionType.ANY)
        every = AclBindingFilter(ResourceType.ANY, anything, ResourcePatternType.ANY, anything, anything, *kinds)
        acls: dict[str, set[Acl]] = {}
        for one in self._answers({"acls": self._admin.describe_acls(every, request_timeout=_SECONDS)})["acls"]:
            acls.setdefault(one.principal.removeprefix("User:"), set()).add(_acl(one))
        scram = self._answers({"users": self._admin.describe_user_scram_credentials(request_timeout=_SECONDS)})
        quotas = self._quotas()
        return seen.Access({name: frozenset(of) for name, of in acls.items()}, quotas, frozenset(scram["users"]))

    def disks(self) -> dict[int, seen.LogDir]:
        """The disks of the brokers that are there."""
        found: dict[int, seen.LogDir] = {}
        for broker, place in sorted(self._places.items()):
            try:
                found[broker] = wire.log_dir(place, self._context)
            except wire.RefusedError as error:
                raise AccessError(self._refused(str(error))) from error
            except wire.WireError as error:
                found[broker] = seen.LogDir(0, -1, -1, str(error))
        return found

    def _quotas(self) -> dict[str, dict[str, float]]:
        """All quotas, from the first broker that answers."""
        last: wire.WireError | None = None
        for place in self._places.values():
            try:
                return wire.quotas(place, self._context)
            except wire.RefusedError as error:
                raise AccessError(self._refused(str(error))) from error
            except wire.WireError as error:
                last = error
        raise AccessError(f"Kafka at {self._where}: {last}")

    def groups(self, declared: Declared) -> dict[str, seen.Group]:
        """All consumer groups and their positions: of the platform's groups in all that they read, of other groups in
        all that they have committed."""
        listed = self._answers({"groups": self._admin.list_consumer_groups(request_timeout=_SECONDS)})["groups"]
        own = {group.name: group for group in declared.groups}
        names = sorted({group.group_id for group in listed.valid} | own.keys())
        described = self._answers(self._admin.describe_consumer_groups(names, request_timeout=_SECONDS), some=True)
        positions: dict[str, Mapping[seen.Place, int | None]] = {**self._committed(names)}
        for name, group in own.items():
            reads = {(topic, number): None for topic in group.topics for number in self._numbers(topic)}
            positions[name] = {**reads, **positions.get(name, {})}
        places = sorted({place for of in positions.values() for place in of})
        begin, end = self._offsets(places, OffsetSpec.earliest()), self._offsets(places, OffsetSpec.latest())
        found: dict[str, seen.Group] = {}
        then = {
            name: self._then(sorted(of), limit(own[name].part if name in own else None))
            for name, of in positions.items()
        }
        expiring = self._expiring(places, declared)
        for name, of in positions.items():
            found[name] = seen.Group(
                name,
                len(described[name].members) if name in described else 0,
                {
                    place: seen.Position(
                        offset,
                        begin[place],
                        end[place],
                        _from(then[name].get(place, -1), end[place]),
                        _from(expiring[place], end[place]) if place in expiring else 0,
                    )
                    for place, offset in of.items()
                    if place in begin and place in end
                },
            )
        return found

    def _committed(self, groups: Iterable[str]) -> dict[str, dict[seen.Place, int]]:
        """The committed offsets of each group."""
        places = [(topic, number) for topic in self._metadata.topics for number in self._numbers(topic)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            asked = {name: pool.submit(committed, self._settings, name, places, _SECONDS) for name in groups}
            return self._answers(asked, some=True)

    def _numbers(self, topic: str) -> list[int]:
        about = self._metadata.topics.get(topic)
        return list(about.partitions) if about else []

    def _then(self, places: list[seen.Place], seconds: int) -> dict[seen.Place, int]:
        """The first offsets whose records are younger than so many seconds."""
        moment = int((time.time() - seconds) * 1000)
        return self._offsets(places, OffsetSpec.for_timestamp(moment))

    def _expiring(self, places: list[seen.Place], declared: Declared) -> dict[seen.Place, int]:
        """The first offsets whose records have more of their retention left than the alert's share."""
        kept: dict[int, list[seen.Place]] = {}
        for place in places:
            if ms := retention(declared, place[0]):
                kept.setdefault(ms, []).append(place)
        found: dict[seen.Place, int] = {}
        for ms, of in kept.items():
            found |= self._then(of, int(ms * (1 - EXPIRES_SOON) / 1000))
        return found

    def letters(self, topics: Iterable[str]) -> dict[str, int]:
        """How many records there are in each of these topics."""
        places = [(topic, number) for topic in topics for number in self._numbers(topic)]
        begin, end = self._offsets(places, OffsetSpec.earliest()), self._offsets(places, OffsetSpec.latest())
        found: dict[str, int] = {}
        for place in begin.keys() & end.keys():
            found[place[0]] = found.get(place[0], 0) + end[place] - begin[place]
        return found

    def _offsets(self, places: list[seen.Place], spec: Any) -> dict[seen.Place, int]:
        if not places:
            return {}
        asked = {TopicPartition(topic, number): spec for topic, number in places}
        answers = self._answers(self._admin.list_offsets(asked, request_timeout=_SECONDS), some=True)
        return {(at.topic, at.partition): found.offset for at, found in answers.items()}

    def _answers(self, futures: Mapping[K, Future[Any]], *, some: bool = False) -> dict[K, Any]:
        """The answer for each key. some: leave out keys without an answer, as while a broker is away. A refusal, or no
        answer for any key, always raises."""
        found: dict[K, Any] = {}
        failed: AccessError | None = None
        for key, future in futures.items():
            try:
                found[key] = future.result(_SECONDS + 10)
            except KafkaException as error:
                failed = self._error(error)
                if not some or _is_refusal(error):
                    raise failed from error
            except TimeoutError as error:
                failed = SilentError(f"Kafka at {self._where} does not answer within {_SECONDS:.0f} s")
                if not some:
                    raise failed from error
        if failed and not found:
            raise failed
        return found

    def _error(self, error: KafkaException) -> AccessError:
        said = str(error.args[0].str())
        if _is_refusal(error):
            return AccessError(self._refused(said))
        self._admin.poll(0)  # calls the callbacks for the client's errors
        last = self._trouble.last
        because = f"; last: {last}" if last and last != said else ""
        kind = SilentError if self._metadata else AccessError
        return kind(f"Kafka at {self._where}, asked as {self._user}: {said}{because}")

    def _refused(self, said: str) -> str:
        return f"Kafka at {self._where} refuses {self._user}: {said}; run `pulumi up`, which grants its rights"


def _values(settings: Mapping[str, Any]) -> dict[str, str]:
    return {key: one.value for key, one in settings.items() if one.value is not None}


def _is_refusal(error: KafkaException) -> bool:
    return str(error.args[0].name()).endswith("AUTHORIZATION_FAILED")


def _from(offset: int, end: int) -> int:
    """The first offset of a moment: the end, if no record is as young."""
    return offset if offset >= 0 else end


_KINDS: Final = {"TOPIC": "topic", "GROUP": "group", "BROKER": "cluster", "TRANSACTIONAL_ID": "transactionalId"}
_PATTERNS: Final = {"LITERAL": "literal", "PREFIXED": "prefix"}


def _acl(one: Any) -> Acl:
    """A right, from the client's words to those of a KafkaUser."""
    kind, pattern = str(one.restype.name), str(one.resource_pattern_type.name)
    kind = _KINDS.get(kind, kind.lower())
    operation = re.sub(r"(^|_)([a-z])", lambda found: found[2].upper(), one.operation.name.lower())
    return Acl(
        kind=kind,
        name=CLUSTER_RESOURCE if kind == "cluster" else one.name,
        pattern=_PATTERNS.get(pattern, pattern.lower()),
        operation=operation,
        permission=one.permission_type.name.lower(),
        host=one.host,
    )
