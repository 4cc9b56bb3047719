"""The parts that read the logs: each function measures the results of one part when the report runs.

A function returns None if the platform does not have the part.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import quote

from confluent_kafka import KafkaException
from kafkalogs.client.cluster_access import AccessError
from kafkalogs.client.reach import Login, OutsideError, UnansweredError, inside, place
from kafkalogs.monitoring.watchdog import FIRING
from kafkalogs.parts import GROUPS

from embedded.build.progress import say
from embedded.status.archive import archive
from embedded.status.platform import CA, Platform, environment, secret_of
from embedded.status.section import Section, ago, duration, moment, short
from embedded.status.stream import stream

# the consumer groups that always have new records to read
_BUSY = {GROUPS["search"], GROUPS["stream"]}
_SHOWN = 3


def ask_parts(platform: Platform, bootstrap: str) -> list[Section]:
    """The results of each part. bootstrap: the address of Kafka from this machine."""
    if platform.connectors or platform.deployments.keys() & {"stream", "pager", "exporter"}:
        say("asking the parts that read the logs")
    parts: dict[str, Callable[[Platform], Section | None]] = {
        "schemas": schemas,
        "search": search,
        "archive": archive,
        "stream": lambda platform: stream(platform, bootstrap),
        "pager": pager,
        "monitoring": monitoring,
    }
    found = [_section(part, ask, platform) for part, ask in parts.items()]
    return [section for section in found if section is not None]


def _section(part: str, ask: Callable[[Platform], Section | None], platform: Platform) -> Section | None:
    failed = Section(part)
    try:
        return ask(platform)
    except OutsideError as error:
        # perhaps only the cluster can reach a server outside the platform
        failed.add("cannot be asked from here", str(error), good=None)
    except (UnansweredError, AccessError) as error:
        failed.fault("no answer", str(error))
    except KafkaException as error:
        failed.fault("no answer", f"Kafka says: {error.args[0].str()}")
    return failed


def schemas(platform: Platform) -> Section | None:
    """The registry's subjects, compared with the subjects that the schemas' Job registers."""
    if platform.schemas is None:
        return None
    section, name = Section("schemas"), platform.schemas.metadata.name
    pod = platform.schemas.spec.template.spec
    secrets = {volume.name: volume.secret.secret_name for volume in pod.volumes if volume.secret}
    url = environment(pod)["REGISTRY_URL"]
    registered = platform.access.call(
        platform.access.core.read_namespaced_config_map,
        f"ConfigMap {platform.access.namespace}/{name}",
        "run `pulumi up` again",
        name,
        platform.access.namespace,
    )
    wanted: set[str] = set(json.loads(registered.data["schemas.json"])["subjects"])
    trust, login = platform.reach.trust(secrets.get("ca")), platform.reach.login(secrets["writer"])
    there: set[str] = set(platform.reach.ask(f"{url}/subjects", trust, login))
    section.add("subjects registered", f"{len(there & wanted):,} of {len(wanted):,}", True if wanted <= there else None)
    if missing := sorted(wanted - there):
        section.fault("subjects missing", ", ".join(missing))
    return section


def search(platform: Platform) -> Section | None:
    """The documents of each data stream, the age of the newest, and the newest error."""
    if "search" not in platform.connectors:
        return None
    section, config = Section("search"), platform.connectors["search"]["spec"]["config"]
    url = config["search.url"]
    trust = platform.reach.trust(secret_of(config.get("search.tls.ca.path")))
    login = platform.reach.login("search-reader-credentials" if inside(url) else "elastic-credentials")
    # An event of a clock that is ahead does not hide that nothing arrives.
    past = {"range": {"@timestamp": {"lte": "now"}}}
    newest = {"past": {"filter": past, "aggs": {"newest": {"max": {"field": "@timestamp"}}}}}
    question = {
        "size": 1,
        "track_total_hits": False,
        "sort": [{"@timestamp": "desc"}],
        "_source": ["@timestamp", "service", "message", "trace_id"],
        # this filters the hits, not the counts
        "post_filter": {"bool": {"filter": [past, {"terms": {"level": ["error", "critical"]}}]}},
        "aggs": {"indices": {"terms": {"field": "_index", "size": 1000}, "aggs": newest}},
    }

    def asked() -> Any:
        return platform.reach.ask(f"{url}/logs-*/_search", trust, login, question)

    answer = platform.wait(asked, lambda found: found.get("aggregations", {}).get("indices", {}).get("buckets"))
    streams: dict[str, tuple[int, float]] = {}
    for bucket in answer.get("aggregations", {}).get("indices", {}).get("buckets", []):
        name = re.sub(r"^\.ds-(.+?)-[\d.]+-\d+$|^\.ds-(.+)-\d+$", r"\1\2", bucket["key"])
        count, time_ms = streams.get(name, (0, 0.0))
        streams[name] = count + bucket["doc_count"], max(time_ms, bucket["past"]["newest"]["value"] or 0)
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


def pager(platform: Platform) -> Section | None:
    """The incidents of the stand-in, or the events that the pager has sent to PagerDuty."""
    if "pager" not in platform.deployments:
        return None
    section = Section("pager")
    url = environment(platform.deployments["pager"].spec.template.spec)["PAGER_ENDPOINT"]
    if not inside(url):
        section.add("sent to", place(url)[0])
        if "prometheus" in platform.services:
            sent = query(platform, 'sum by (action) (pager_events_total{result="accepted"})', "action")
            events = ", ".join(f"{count:,.0f} {action}" for action, count in sorted(sent.items())) or "none"
            waiting = query(platform, "sum(pager_waiting_incidents)").get("", 0)
            section.add("events accepted", events)
            section.add("incidents waiting to be sent", f"{waiting:,.0f}", None if waiting else True)
        return section
    token = Login("", platform.reach.secret("pagerduty-admin-credentials")["password"])
    incidents = cast(
        list[dict[str, Any]],
        platform.reach.ask(url.replace("/v2/enqueue", "/incidents"), platform.reach.trust(CA), token)["incidents"],
    )
    active = [incident for incident in incidents if incident["status"] != "resolved"]
    events = sum(incident["events"] for incident in incidents)
    section.add(
        "incidents of the stand-in",
        f"{len(active):,} open, {len(incidents) - len(active):,} resolved; {events:,} events sent",
        True if incidents else None,
    )
    for incident in sorted(active, key=lambda i: i["updated"])[: -_SHOWN - 1 : -1]:
        payload = incident["payload"]
        section.add(f"{payload['severity']}, {ago(moment(incident['updated']))}", short(payload["summary"]))
    return section


def monitoring(platform: Platform) -> Section | None:
    """The targets of Prometheus, its alerts that fire, and the lag of each consumer group."""
    if "exporter" not in platform.deployments:
        return None
    section = Section("monitoring")
    if "prometheus" not in platform.services:
        section.add("metrics", "are with the Prometheus of the cluster's own operator; ask there")
        return section
    expected = {group for part, group in GROUPS.items() if part in platform.connectors or part in platform.deployments}
    teams = tuple(team.group_prefix for team in platform.catalog.teams.values())
    records = platform.wait(
        lambda: query(platform, "sum by (consumergroup) (kafka_consumergroup_lag_sum)", "consumergroup"),
        lambda found: expected & _BUSY <= found.keys(),
    )
    seconds = query(platform, "max by (consumergroup) (kafkalogs_consumergroup_lag_seconds)", "consumergroup")
    targets = query(platform, "up", "job", "pod")
    down = [name for name, value in targets.items() if not value]
    section.add("targets that answer", f"{len(targets) - len(down)} of {len(targets)}", None if down else True)
    firing = query(platform, f"count by (alertname) ({FIRING})", "alertname")
    section.add("alerts that fire", ", ".join(sorted(firing)) or "none", None if firing else True)
    for group, lag in sorted(records.items()):
        if group in expected or group.startswith(teams):
            section.add(f"lag of {group}", f"{lag:,.0f} records, {duration(seconds.get(group, 0))}")
    for group in sorted(expected - records.keys()):
        section.add(f"lag of {group}", "it has committed nothing yet", good=None)
    return section


def query(platform: Platform, words: str, *labels: str) -> dict[str, float]:
    """The answer of Prometheus to the query ``words``, by the values of some labels."""
    url = platform.address("prometheus", 9090, f"/api/v1/query?query={quote(words)}")
    answer = platform.reach.ask(url, platform.reach.trust(CA))
    return {
        "/".join(one["metric"].get(label, "") for label in labels): float(one["value"][1])
        for one in answer["data"]["result"]
    }
