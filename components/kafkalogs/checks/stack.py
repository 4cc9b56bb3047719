"""What must hold between the values of a configuration.

Each check yields its problems. It runs if the values that it needs are fine, whatever else is broken.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from .. import parts
from ..catalog import resolve as catalog
from ..config import limits, naming, sizing, units
from ..config.models import PART_KEYS, Platform, SharedTopic
from ..config.problems import Path, Problem, closest, suggestion
from . import disk, outage, production, reserved
from .broken import Broken

# Strimzi sets these itself and ignores or refuses them in `config`
# (https://strimzi.io/docs/operators/latest/configuring#type-KafkaClusterSpec-reference).
_RESERVED_CONFIG: Final = (
    *("listeners", "advertised.", "broker.", "listener.", "host.name", "port", "inter.broker.listener.name"),
    *("sasl.", "ssl.", "security.", "password.", "log.dir", "authorizer.", "super.user", "node.id", "process.roles"),
    *("controller.", "metadata.log.dir", "zookeeper."),
)

_LEAST_OF_BROKERS: Final = {
    # Topics that name no limit of their own: the internal ones.
    "message.max.bytes": limits.DEFAULT_BATCH,
    "socket.request.max.bytes": limits.LARGEST_REQUEST,
}

_LEAST_MEMORY: Final = 512 * units.MIB
_NODE_PORTS: Final = range(30000, 32768)


def problems_between(platform: Platform, broken: Broken) -> list[Problem]:
    """Every problem between values of a configuration that are fine as single values; `broken` values are skipped."""
    checks = (
        _names(platform),
        _nodes(platform, broken),
        _replication(platform, broken),
        _external(platform, broken),
        _broker_config(platform),
        _service_keys(platform, broken),
        _topic_names(platform, broken),
        _parts(platform, broken),
        _authorities(platform, broken),
        _shared_settings(platform, broken),
        _reads(platform, broken),
        _disk(platform, broken),
        _outage(platform, broken),
        production.problems_between(platform, broken),
    )
    return [problem for check in checks for problem in check]


def _names(platform: Platform) -> Iterator[Problem]:
    named: list[tuple[Path, str, str | None]] = [
        (("namespace",), platform.namespace, naming.label_problem(platform.namespace)),
        # The longest name that Strimzi derives is <cluster>-entity-topic-operator-certs.
        (("kafka", "name"), platform.kafka.name, naming.label_problem(platform.kafka.name, longest=32)),
    ]
    for name in platform.kafka.pools:
        named.append((("kafka", "pools", name), name, naming.label_problem(name, longest=25)))
    for name, service in platform.services.items():
        text = naming.service_problem(name, platform.kafka.name) or reserved.service_problem(platform, name)
        named.append((("services", name), name, text))
        named.append((("services", name, "team"), service.team, naming.team_problem(service.team)))
    for name in platform.teams:
        named.append((("teams", name), name, naming.team_problem(name) or reserved.team_problem(name)))
    yield from (Problem(path, value, text) for path, value, text in named if text)


def _nodes(platform: Platform, broken: Broken) -> Iterator[Problem]:
    pools = platform.kafka.pools
    for name, pool in pools.items():
        path = ("kafka", "pools", name)
        if broken.fine(*path, "memory") and pool.memory < _LEAST_MEMORY:
            text = f"too little for a Kafka node, which would be killed; write at least {units.quantity(_LEAST_MEMORY)}"
            yield Problem((*path, "memory"), units.quantity(pool.memory), text)
        if broken.fine(*path) and pool.cpu_limit and pool.cpu_limit < pool.cpu:
            text = f"below what the pool requests, {units.format_cpu(pool.cpu)}; write at least that or leave it out"
            yield Problem((*path, "cpuLimit"), units.format_cpu(pool.cpu_limit), text)
    if not _fine_pools(platform, broken, "replicas", "roles"):
        return
    controllers = sum(pool.replicas for pool in pools.values() if "controller" in pool.roles)
    if not platform.brokers():
        yield Problem(("kafka", "pools"), sorted(pools), "no pool has the role broker; add it to one")
    if not controllers:
        yield Problem(("kafka", "pools"), sorted(pools), "no pool has the role controller; add it to one")
    elif controllers % 2 == 0:
        text = (
            f"an even number of controllers survives no more failures than {controllers - 1}; "
            "give the pools with the role controller 1, 3 or 5 replicas in all"
        )
        yield Problem(("kafka", "pools"), controllers, text)


def _fine_pools(platform: Platform, broken: Broken, *keys: str) -> bool:
    return all(broken.fine("kafka", "pools", name, key) for name in platform.kafka.pools for key in keys)


def _replication(platform: Platform, broken: Broken) -> Iterator[Problem]:
    kafka, brokers = platform.kafka, platform.brokers()
    copies, least = kafka.replication_factor, kafka.min_in_sync_replicas
    copies_fine = broken.fine("kafka", "replicationFactor")
    if copies_fine and brokers and _fine_pools(platform, broken, "replicas", "roles") and copies > brokers:
        text = f"more copies than the {brokers} brokers; add brokers or write at most {brokers}"
        yield Problem(("kafka", "replicationFactor"), copies, text)
    # With a single copy, 1 is the only possible value.
    if copies_fine and broken.fine("kafka", "minInSyncReplicas") and least >= copies and (least, copies) != (1, 1):
        fewer = max(1, copies - 1)
        text = f"not below replicationFactor {copies}, so one lost broker would stop all writes; write {fewer}"
        yield Problem(("kafka", "minInSyncReplicas"), least, text)


def _external(platform: Platform, broken: Broken) -> Iterator[Problem]:
    external = platform.kafka.external
    if (
        external is None
        or not broken.fine("kafka", "external", "port")
        or not _fine_pools(platform, broken, "replicas")
    ):
        return
    last = external.port + platform.brokers()
    if last not in _NODE_PORTS:
        text = (
            f"the {platform.brokers()} brokers take the ports up to {last}, but node ports end at {_NODE_PORTS[-1]}; "
            f"write at most {_NODE_PORTS[-1] - platform.brokers()}"
        )
        yield Problem(("kafka", "external", "port"), external.port, text)


def _broker_config(platform: Platform) -> Iterator[Problem]:
    for key, value in platform.kafka.config.items():
        if key.startswith(_RESERVED_CONFIG):
            yield Problem(("kafka", "config", key), value, "the operator sets this itself; leave it out")
        elif key == "auto.create.topics.enable" and str(value).lower() != "false":
            yield Problem(("kafka", "config", key), value, "topics come from the services alone; leave it out")
        elif key == "transaction.max.timeout.ms" and platform.stream and _below(value, sizing.LONGEST_TRANSACTION):
            text = f"the stream job's transactions last up to {sizing.LONGEST_TRANSACTION}; leave it out or write more"
            yield Problem(("kafka", "config", key), value, text)
        elif (least := _LEAST_OF_BROKERS.get(key)) and _below(value, least):
            text = f"too small for what the platform's parts write; write at least {least}, or leave it out"
            yield Problem(("kafka", "config", key), value, text)


def _below(value: object, least: int) -> bool:
    """Whether a setting is no whole number or a smaller one."""
    text = str(value).strip()
    return not text.isdigit() or int(text) < least


def _service_keys(platform: Platform, broken: Broken) -> Iterator[Problem]:
    classes = platform.retention_classes()
    for name, service in platform.services.items():
        path = ("services", name)
        if not broken.fine(*path, "layout") or not broken.fine(*path, "types"):
            continue
        layout = catalog.layout_of(service)
        if service.topic is not None and layout != "service":
            text = f"layout {layout} has no topic of its own; write layout: service or leave topic out"
            yield Problem((*path, "topic"), service.topic, text)
        if service.types and layout == "level":
            yield Problem((*path, "types"), list(service.types), "layout level has no types; leave one of them out")
        elif service.types and broken.fine("retention"):
            for i, kind in enumerate(service.types):
                if kind not in classes:
                    text = f"no retention class of this name; {suggestion(kind, classes)} Or add it to retention"
                    yield Problem((*path, "types", i), kind, text)
        if service.types and len(set(service.types)) < len(service.types):
            yield Problem((*path, "types"), list(service.types), "a type twice; write each once")


def _routes_fine(platform: Platform, broken: Broken, *services: str) -> bool:
    """Whether the topics of `services` are known (of all services, if none is named)."""
    names = services or tuple(platform.services)
    return broken.fine("services") and all(
        broken.fine("services", name, key) for name in names for key in ("layout", "types", "topic")
    )


def _topic_names(platform: Platform, broken: Broken) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    writers = catalog.writers_of(platform)
    for name, service in platform.services.items():
        topic = catalog.own_topic(name, service)
        if topic is None or not _routes_fine(platform, broken, name):
            continue
        path = ("services", name, "topic") if service.topic else ("services", name)
        if text := naming.topic_problem(topic):
            # Without `topic`, the name follows from the service's name, and that problem is already reported.
            if service.topic:
                yield Problem(path, topic, text)
            continue
        others = [other for other in writers[topic] if other != name and _routes_fine(platform, broken, other)]
        if topic in owners:
            text = f"the service {owners[topic]} already writes to it; give each its own topic or use layout type"
            yield Problem(path, topic, text)
        elif any(catalog.own_topic(other, platform.services[other]) != topic for other in others):
            text = f"the topic that {', '.join(others)} share; write another one as topic, or layout: type"
            yield Problem(path, topic, text)
        owners.setdefault(topic, name)
    seen: dict[str, str] = {}
    for topic in writers:
        for form, text in (
            (naming.metric_name(topic), "differ only in '.' and '_', which Kafka's metrics cannot tell apart"),
            (naming.resource_name(topic), "get the same name in Kubernetes"),
        ):
            other = seen.setdefault(form, topic)
            if other != topic:
                writer = next(iter(writers[topic]))
                yield Problem(("services", writer), topic, f"this topic and {other} {text}; rename one")
                break


def _parts(platform: Platform, broken: Broken) -> Iterator[Problem]:
    made = {name: part for part in parts.enabled(platform) for name in part.topic_names}
    for topic, writers in catalog.writers_of(platform).items():
        for name in writers:
            service = platform.services[name]
            key = "topic" if service.topic else "layout" if catalog.layout_of(service) == "level" else "types"
            text = reserved.topic_problem(topic, made, key)
            if text is None or not _routes_fine(platform, broken, name) or naming.topic_problem(topic):
                continue
            yield Problem(("services", name, *((key,) if getattr(service, key) else ())), topic, text)
    if platform.pager and not platform.stream and broken.fine("stream"):
        yield Problem(("pager",), "on", "it pages what the stream job finds; add stream, or leave pager out")


def _authorities(platform: Platform, broken: Broken) -> Iterator[Problem]:
    ends, aws = platform.endpoints, platform.aws
    from_aws = {"s3": aws is not None, "search": aws is not None and aws.search is not None}
    for name, secret in ends.ca_secrets.named().items():
        path = ("endpoints", "caSecrets", name)
        if not all(broken.fine(*known) for known in (path, ("endpoints", name), ("aws", "search"))):
            continue
        address = getattr(ends, name)
        if from_aws.get(name):
            if not address:  # else the address is the mistake
                yield Problem(path, secret, "it is AWS's, whose certificates are of public authorities; leave it out")
        elif address is None:
            text = f"no endpoints.{name} that it would verify; write where that is, or leave it out"
            yield Problem(path, secret, text)
        elif address.startswith("http://"):
            text = f"endpoints.{name} is without TLS, so nothing is verified; write https:// there, or leave it out"
            yield Problem(path, secret, text)


def _shared_settings(platform: Platform, broken: Broken) -> Iterator[Problem]:
    if not _routes_fine(platform, broken):
        return
    writers = catalog.writers_of(platform)
    shared = {
        topic: names
        for topic, names in writers.items()
        if all(catalog.own_topic(name, platform.services[name]) != topic for name in names)
    }
    for topic in platform.topics:
        if topic in shared:
            continue
        if owner := next(iter(writers.get(topic, ())), None):
            text = f"this topic is {owner}'s own; write its settings at services.{owner}"
        else:
            text = f"no service writes to it; {suggestion(topic, shared)}"
        yield Problem(("topics", topic), topic, text)
    for topic, names in shared.items():
        yield from _disagreements(platform, topic, list(names))


def _disagreements(platform: Platform, topic: str, writers: list[str]) -> Iterator[Problem]:
    table = platform.topics.get(topic, SharedTopic())
    for field, info in SharedTopic.model_fields.items():
        if getattr(table, field) is not None:
            continue
        asked = {w: getattr(catalog.settings_of(w, platform.services[w], topic), field) for w in writers}
        values = {value: writer for writer, value in asked.items() if value is not None}
        if len(values) > 1:
            shown = " and ".join(f"{writer} {_written(field, value)}" for value, writer in values.items())
            text = f"its writers ask for different values: {shown}; set topics.{topic}.{info.alias} for all of them"
            yield Problem(("services", writers[-1], str(info.alias)), _written(field, asked[writers[-1]]), text)


def _written(field: str, value: object) -> object:
    if not isinstance(value, int) or field == "partitions":
        return value
    return units.format_duration(value) if field == "retention" else units.format_size(value)


def _reads(platform: Platform, broken: Broken) -> Iterator[Problem]:
    if not _routes_fine(platform, broken):
        return
    topics = [*catalog.writers_of(platform), *(name for part in parts.enabled(platform) for name in part.public_topics)]
    for name, team in platform.teams.items():
        if not broken.fine("teams", name, "reads"):
            continue
        for i, pattern in enumerate(team.reads):
            if text := _read_problem(pattern, topics):
                yield Problem(("teams", name, "reads", i), pattern, text)


def _read_problem(pattern: str, topics: Iterable[str]) -> str | None:
    text, prefix = catalog.reads(pattern)
    if "*" in text or (prefix and not text):
        return "not a topic or prefix; * stands only at the end, behind at least one character, like logs.*"
    if prefix and not any(topic.startswith(text) for topic in topics):
        return f"no topic begins like this; {suggestion(text, topics)}"
    if not prefix and text not in topics:
        near = closest(text, topics)
        return f"no service writes to this topic; {f'did you mean {near}?' if near else 'add a service that does'}"
    return None


def _outage(platform: Platform, broken: Broken) -> Iterator[Problem]:
    if _topics_fine(platform, broken) and all(broken.fine(key) for key in ("longestOutage", *PART_KEYS)):
        yield from outage.problems(platform)


def _topics_fine(platform: Platform, broken: Broken) -> bool:
    """Whether all topics are known, with their retention and partitions."""
    return (
        _routes_fine(platform, broken)
        and _fine_pools(platform, broken, "replicas", "roles")
        and platform.brokers() > 0
        and broken.fine("retention")
        and broken.fine("topics")
        and all(broken.fine("services", s, key) for s in platform.services for key in ("rate", "retention"))
        and all(kind in platform.retention_classes() for s in platform.services.values() for kind in s.types or ())
    )


def _disk(platform: Platform, broken: Broken) -> Iterator[Problem]:
    fine = (
        _topics_fine(platform, broken)
        and all(broken.fine("kafka", "pools", name, "storage", "size") for name in platform.kafka.pools)
        and broken.fine("kafka", "replicationFactor")
        and platform.kafka.replication_factor <= platform.brokers()
    )
    if fine:
        yield from disk.problems(platform)
