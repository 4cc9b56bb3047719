"""What the parts that read the logs have done, asked of each on the spot: one function for each, that returns rows.

A part that is not there has no section.
"""

from __future__ import annotations

import json
import re
import time
from typing import Any, cast
from urllib.parse import quote

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from kafkalogs.client import settings as client
from kafkalogs.client.reach import Login, UnansweredError, inside, place
from kafkalogs.parts import GROUPS

from embedded.look import CA, Look, Section, ago, born, duration, environment, moment, not_yet, secret_of, short

# Those of the consumer groups that always have something to read.
_BUSY = {GROUPS["search"], GROUPS["stream"]}
RATES = "metrics.error-rate"
# A minute is reported when it is over, ten seconds later at the earliest and thirty where a partition is silent.
_MINUTE_SECONDS = 120
# A job that has caught up is never so far behind, whatever it waits for.
_STALE_SECONDS = 300
_SHOWN = 3


def schemas(look: Look) -> Section | None:
    """The subjects of the registry, against those that were to be registered."""
    if look.schemas is None:
        return None
    section, name = Section("schemas"), look.schemas.metadata.name
    pod = look.schemas.spec.template.spec
    secrets = {volume.name: volume.secret.secret_name for volume in pod.volumes if volume.secret}
    url = environment(pod)["REGISTRY_URL"]
    told = look.access.call(
        look.access.core.read_namespaced_config_map,
        f"ConfigMap {look.access.namespace}/{name}",
        "run `pulumi up` again",
        name,
        look.access.namespace,
    )
    wanted: set[str] = set(json.loads(told.data["schemas.json"])["subjects"])
    trust, login = look.reach.trust(secrets.get("ca")), look.reach.login(secrets["writer"])
    there: set[str] = set(look.reach.ask(f"{url}/subjects", trust, login))
    section.add("subjects registered", f"{len(there & wanted):,} of {len(wanted):,}", True if wanted <= there else None)
    if missing := sorted(wanted - there):
        section.fault("subjects missing", ", ".join(missing))
    return section


def search(look: Look) -> Section | None:
    """Documents of each data stream, how old the newest is, and the newest error."""
    if "search" not in look.connectors:
        return None
    section, config = Section("search"), look.connectors["search"]["spec"]["config"]
    url = config["search.url"]
    trust = look.reach.trust(secret_of(config.get("search.tls.ca.path")))
    login = look.reach.login("search-reader-credentials" if inside(url) else "elastic-credentials")
    newest = {"newest": {"max": {"field": "@timestamp"}}}
    question = {
        "size": 1,
        "track_total_hits": False,
        "sort": [{"@timestamp": "desc"}],
        "_source": ["@timestamp", "service", "message", "trace_id"],
        # of what is shown, not of what is counted
        "post_filter": {"terms": {"level": ["error", "critical"]}},
        "aggs": {"indices": {"terms": {"field": "_index", "size": 1000}, "aggs": newest}},
    }

    def asked() -> Any:
        return look.reach.ask(f"{url}/logs-*/_search", trust, login, question)

    answer = look.wait(asked, lambda found: found.get("aggregations", {}).get("indices", {}).get("buckets"))
    streams: dict[str, tuple[int, float]] = {}
    for bucket in answer.get("aggregations", {}).get("indices", {}).get("buckets", []):
        name = re.sub(r"^\.ds-(.+?)-[\d.]+-\d+$|^\.ds-(.+)-\d+$", r"\1\2", bucket["key"])
        count, time_ms = streams.get(name, (0, 0.0))
        streams[name] = count + bucket["doc_count"], max(time_ms, bucket["newest"]["value"] or 0)
    for name, (count, time_ms) in sorted(streams.items()):
        section.add(name, f"{count:,} documents, the newest event {ago(time_ms / 1000)}")
    if not streams:
        section.fault("documents", "none yet; see `kubectl get kafkaconnector search -o yaml`")
    for hit in answer["hits"]["hits"]:
        event = hit["_source"]
        section.add(
            "newest error", f"{event['service']}, {ago(moment(event['@timestamp']))}: {short(event['message'])}"
        )
        section.add("its trace", event["trace_id"])
    return section


def stream(look: Look, bootstrap: str) -> Section | None:
    """The services that failed most in the newest minute that the stream job has reported."""
    if "stream" not in look.deployments:
        return None
    section = Section("stream")
    # No team need be granted this topic: the job that writes it may read it.
    credentials = look.access.credentials(look.catalog.cluster, "stream")
    settings = client.connection(bootstrap, credentials, "report") | {"group.id": "stream.report"}
    # While it catches up, what it reports is old.
    rows = look.wait(lambda: tail(settings, RATES, 300), lambda rows: rows and _age(rows) < _STALE_SECONDS)
    if not rows:
        due = born(look.deployments["stream"].metadata.creation_timestamp) + _MINUTE_SECONDS
        not_yet(section, "error rates", "the first minute", due)
        return section
    minute, age = max(row["window_start"] for row in rows), _age(rows)
    said = f"{minute[11:16]} UTC, over for {duration(age)}"
    (section.add if age < _STALE_SECONDS else section.fault)("newest minute reported", said)
    for service, total, failed, usual, anomaly in worst(rows, minute):
        text = f"{failed / total:.1%} of {total:,} events failed" + ("" if usual is None else f"; usual is {usual:.1%}")
        section.add(service, text + ("; an anomaly" if anomaly else ""), None if anomaly else True)
    return section


def _age(rows: list[dict[str, Any]]) -> float:
    """How many seconds the newest of these minutes has been over."""
    return time.time() - 60 - moment(max(row["window_start"] for row in rows))


def worst(rows: list[dict[str, Any]], minute: str) -> list[tuple[str, int, int, float | None, bool]]:
    """The services that failed most in a minute: name, events, failed, the usual rate, whether it is an anomaly."""
    sums: dict[str, tuple[int, int, float | None, bool]] = {}
    for row in rows:
        if row["window_start"] == minute:
            # Late events have rows of their own, without a rate to compare with.
            total, failed, usual, anomaly = sums.get(row["service"], (0, 0, None, False))
            known = row.get("usual_rate")
            sums[row["service"]] = (
                total + row["total"],
                failed + row["errors"],
                usual if known is None else known,
                anomaly or bool(row.get("anomaly")),
            )
    ranked = sorted(((name, *found) for name, found in sums.items() if found[0]), key=lambda s: (-s[2] / s[1], s[0]))
    return ranked[:_SHOWN]


def pager(look: Look) -> Section | None:
    """The incidents of the stand-in, or what the pager says it has sent to PagerDuty."""
    if "pager" not in look.deployments:
        return None
    section = Section("pager")
    url = environment(look.deployments["pager"].spec.template.spec)["PAGER_ENDPOINT"]
    if not inside(url):
        section.add("sent to", place(url)[0])
        if "prometheus" in look.services:
            sent = query(look, 'sum by (action) (pager_events_total{result="accepted"})', "action")
            events = ", ".join(f"{count:,.0f} {action}" for action, count in sorted(sent.items())) or "none"
            waiting = query(look, "sum(pager_waiting_incidents)").get("", 0)
            section.add("events accepted", events)
            section.add("incidents waiting to be sent", f"{waiting:,.0f}", None if waiting else True)
        return section
    token = Login("", look.reach.secret("pagerduty-admin-credentials")["password"])
    incidents = cast(
        list[dict[str, Any]],
        look.reach.ask(url.replace("/v2/enqueue", "/incidents"), look.reach.trust(CA), token)["incidents"],
    )
    active = [incident for incident in incidents if incident["status"] != "resolved"]
    events = sum(incident["events"] for incident in incidents)
    section.add(
        "incidents of the stand-in",
        f"{len(active):,} open, {len(incidents) - len(active):,} resolved; {events:,} events sent",
        True if incidents else None,
    )
    for incident in sorted(active, key=lambda i: i["updated"])[: -_SHOWN - 1 : -1]:
        told = incident["payload"]
        section.add(f"{told['severity']}, {ago(moment(incident['updated']))}", short(told["summary"]))
    return section


def monitoring(look: Look) -> Section | None:
    """What Prometheus watches, what it warns of, and how far behind each consumer group is."""
    if "exporter" not in look.deployments:
        return None
    section = Section("monitoring")
    if "prometheus" not in look.services:
        section.add("metrics", "are with the Prometheus of the cluster's own operator; ask there")
        return section
    expected = {group for part, group in GROUPS.items() if part in look.connectors or part in look.deployments}
    teams = tuple(team.group_prefix for team in look.catalog.teams.values())
    records = look.wait(
        lambda: query(look, "sum by (consumergroup) (kafka_consumergroup_lag_sum)", "consumergroup"),
        lambda found: expected & _BUSY <= found.keys(),
    )
    seconds = query(look, "max by (consumergroup) (kafkalogs_consumergroup_lag_seconds)", "consumergroup")
    targets = query(look, "up", "job", "pod")
    down = [name for name, value in targets.items() if not value]
    section.add("targets that answer", f"{len(targets) - len(down)} of {len(targets)}", None if down else True)
    firing = query(look, 'count by (alertname) (ALERTS{alertstate="firing"})', "alertname")
    section.add("alerts that fire", ", ".join(sorted(firing)) or "none", None if firing else True)
    for group, lag in sorted(records.items()):
        if group in expected or group.startswith(teams):
            section.add(f"lag of {group}", f"{lag:,.0f} records, {duration(seconds.get(group, 0))}")
    for group in sorted(expected - records.keys()):
        section.add(f"lag of {group}", "it has committed nothing yet", good=None)
    return section


def query(look: Look, words: str, *labels: str) -> dict[str, float]:
    """What Prometheus answers, by the values of some labels."""
    url = look.address("prometheus", 9090, f"/api/v1/query?query={quote(words)}")
    answer = look.reach.ask(url, look.reach.trust(CA))
    return {
        "/".join(one["metric"].get(label, "") for label in labels): float(one["value"][1])
        for one in answer["data"]["result"]
    }


def tail(settings: client.Settings, topic: str, last: int) -> list[dict[str, Any]]:
    """The newest records of a topic, as JSON objects: of each partition's last so many places."""
    trouble = client.Trouble()
    own: dict[str, Any] = {"enable.auto.commit": False, "enable.partition.eof": True, "log_level": 0}
    consumer = Consumer(
        cast(
            Any,
            {
                **settings,
                **own,
                **{"isolation.level": "read_committed", "auto.offset.reset": "earliest"},
                "error_cb": trouble,
            },
        )
    )
    found: list[dict[str, Any]] = []
    try:
        about = consumer.list_topics(topic, timeout=15).topics[topic]
        if about.error is not None:
            raise UnansweredError(f"{topic}: {about.error.str()}")
        todo = set(about.partitions)
        places: list[TopicPartition] = []
        for number in todo:
            first, end = cast(
                tuple[int, int], consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=15)
            )
            places.append(TopicPartition(topic, number, max(first, end - last)))
        consumer.assign(places)
        deadline = time.monotonic() + 15
        while todo and time.monotonic() < deadline:
            for message in consumer.consume(500, timeout=0.5):
                error = message.error()
                if error is None:
                    found.append(json.loads(message.value() or b"{}"))
                elif error.code() == KafkaError._PARTITION_EOF:  # pyright: ignore[reportPrivateUsage] (its public name)
                    todo.discard(message.partition())
                else:
                    raise UnansweredError(f"{topic}: {error.str()}")
    except KafkaException as error:
        raise UnansweredError(f"{topic}: {trouble.last or error.args[0].str()}") from error
    finally:
        consumer.close()
    return found
