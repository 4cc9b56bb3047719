"""The records of Kafka Connect and its sinks: a stack has the topics, rights and groups of its sinks, and no others."""

from itertools import combinations

import pytest
from kafkalogs import load, parts
from kafkalogs.config.models import Platform
from kafkalogs.sinks import record
from kafkalogs.sinks.args import JdbcSinkArgs, S3SinkArgs, SearchSinkArgs

from tests.support.stack import changed

SINKS = ("archive", "search", "audit")
CHOICES = [chosen for count in range(4) for chosen in combinations(SINKS, count)]


def platform(*sinks: str, types: tuple[str, ...] = ("application", "audit")) -> Platform:
    services = {"auth": {"team": "identity", "rate": "1KiB/s", "types": list(types)}}
    return load({**changed(("services", services), ("teams", {})), **{sink: {} for sink in sinks}})


def topics(stack: Platform) -> set[str]:
    return {topic.name for part, topic in parts.part_topics(stack) if part.key in (*SINKS, "connect")}


@pytest.mark.parametrize("chosen", CHOICES, ids="-".join)
def test_a_dead_letter_topic_is_there_if_its_sink_is(chosen):
    letters = {name for name in topics(platform(*chosen)) if name.startswith(record.DEAD_LETTER_PREFIX)}
    assert letters == {f"dlq.{sink}" for sink in chosen}


def test_without_audit_logs_there_is_no_audit_sink():
    stack = platform(*SINKS, types=("application",))
    assert "dlq.audit" not in topics(stack)
    assert [sink.name for sink in record.sinks(stack, parts.log_classes(stack))] == ["archive", "search"]


@pytest.mark.parametrize("chosen", CHOICES, ids="-".join)
def test_connect_runs_if_there_is_a_sink(chosen):
    stack = platform(*chosen)
    assert record.CONNECT_CLUSTER.enabled(stack) == bool(chosen)
    internal = {name for name in topics(stack) if name.startswith("connect")}
    clusters = {"archive": "connect", "search": "connect-search", "audit": "connect-database"}
    kinds = ("configs", "offsets", "status")
    assert internal == {f"{clusters[sink]}.{kind}" for sink in chosen for kind in kinds}
    assert ("archive.control" in topics(stack)) == ("archive" in chosen)


def test_the_archive_alone_brings_the_rights_for_its_control_topic():
    for chosen in CHOICES[1:]:
        for user in record.CONNECT_CLUSTER.users(platform(*chosen)):
            rules = {acl for acl in user.acls if acl.kind == "transactionalId" or acl.name == record.CONTROL_TOPIC}
            assert bool(rules) == (user.name == "connect")


def test_workers_run_one_sink_or_all():
    """What ends the workers of one sink ends no other. On a single machine there is no room for this."""
    own = platform(*SINKS)
    assert record.connect_clusters(own) == {
        "connect": ("archive",),
        "connect-search": ("search",),
        "connect-database": ("audit",),
    }
    shared = own.model_copy(update={"connect": own.connect.model_copy(update={"workers": "shared"})})
    assert record.connect_clusters(shared) == {"connect": SINKS}
    for stack in (own, shared):
        found = record.connect_clusters(stack)
        assert all(record.connect_of(stack, sink) == name for name, sinks in found.items() for sink in sinks)
        users = [user.name for user in record.CONNECT_CLUSTER.users(stack)]
        pods = [group.name for group in record.CONNECT_CLUSTER.pods(stack)]
        assert users == pods == list(found)
    # No worker reaches the server of another sink.
    uses = {group.name: set(group.uses) for group in record.CONNECT_CLUSTER.pods(own)}
    assert uses == {"connect": {"s3", "database"}, "connect-search": {"search"}, "connect-database": {"database"}}


def test_every_name_of_a_cluster_is_reserved():
    stack = platform(*SINKS)
    assert {user.name for user in record.CONNECT_CLUSTER.users(stack)} <= set(record.CONNECT_CLUSTER.user_names)
    assert {topic.name for topic in record.CONNECT_CLUSTER.topics(stack)} == set(record.CONNECT_CLUSTER.topic_names)
    for name in record.connect_clusters(stack):
        assert record.workers_group(name).startswith(record.CONNECT_CLUSTER.group_prefixes)


def test_a_new_generation_of_the_control_topic_has_a_new_name_and_the_rights_for_it():
    stack = platform(*SINKS)
    assert stack.archive is not None
    names = set()
    for generation in (1, 2, 3):
        archive = stack.archive.model_copy(update={"control_generation": generation})
        changed = stack.model_copy(update={"archive": archive})
        (control,) = (topic for topic in record.ARCHIVE.topics(changed) if not topic.name.startswith("dlq."))
        (user,) = (user for user in record.CONNECT_CLUSTER.users(changed) if user.name == "connect")
        assert ("Read", "Write", "Describe") in {acl.operations for acl in user.acls if acl.name == control.name}
        names.add(control.name)
    assert len(names) == 3


@pytest.mark.parametrize("part", [record.ARCHIVE, record.SEARCH, record.AUDIT], ids=lambda part: part.key)
def test_a_group_is_what_kafka_connect_names_it(part):
    assert part.group == f"connect-{part.key}"
    assert part.group.startswith(record.CONNECT_CLUSTER.group_prefixes)


def test_the_components_default_to_the_topics_of_the_records():
    common = {"namespace": "n", "cluster": "c", "connect": "connect", "topics": []}
    sinks = {
        "archive": S3SinkArgs(**common, warehouse="s3://a"),
        "search": SearchSinkArgs(**common, url="https://s", streams={}, credentials="s"),
        "audit": JdbcSinkArgs(**common, database="d", credentials="s"),
    }
    assert {args.dead_letters for args in sinks.values()} | {sinks["archive"].control_topic} == {
        name for part in (record.ARCHIVE, record.SEARCH, record.AUDIT) for name in part.topic_names
    }
