"""The report about what reads the logs: it says what each part answered, waits for a first start, and names faults."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from kafkalogs.client.cluster_access import AccessError
from kafkalogs.client.reach import OutsideError, UnansweredError
from kafkalogs.monitoring.watchdog import FIRING

from embedded.status import parts
from embedded.status.next_steps import part_commands
from embedded.status.platform import find_platform
from embedded.status.report import show_parts
from embedded.status.section import Row, Section, duration

from .platforms import CATALOG, NOW, at, clock, connector, deployment, platform, told

pytestmark = pytest.mark.usefixtures("clock")
__all__ = ["clock"]
OUTSIDE = "https://search.example.com:9200"


def test_a_platform_without_parts_says_nothing(capsys: pytest.CaptureFixture[str]):
    nothing = platform()
    assert parts.ask_parts(nothing, "localhost:1") == []
    assert show_parts([]) == []
    assert part_commands(nothing) == []
    assert capsys.readouterr().out == ""


# -- search


def documents(*indices: tuple[str, int, float]) -> dict[str, Any]:
    buckets = [
        {"key": name, "doc_count": count, "past": {"newest": {"value": (NOW - old) * 1000}}}
        for name, count, old in indices
    ]
    event = {"@timestamp": at(5), "service": "nginx", "message": "bad\ngateway", "trace_id": "ab" * 16}
    return {
        "hits": {"hits": [{"_source": event}] if indices else []},
        "aggregations": {"indices": {"buckets": buckets}},
    }


SEARCH = {
    "search": connector(
        **{
            "search.url": "https://elasticsearch.kafkalogs.svc:9200",
            "search.tls.ca.path": "/mnt/secrets/platform-ca/ca.crt",
        }
    )
}


def test_documents_of_each_data_stream():
    found = documents(
        (".ds-logs-access-default-2027.01.15-000001", 10, 60),
        (".ds-logs-access-default-2027.01.15-000002", 5, 3),
        (".ds-logs-audit-default-000001", 7, 200),
    )
    this = platform({"/_search": found}, connectors=SEARCH)
    assert told(parts.search(this)) == {
        "logs-access-default": "15 documents, the newest event 3 s ago",
        "logs-audit-default": "7 documents, the newest event 3 min ago",
        "newest error": "nginx, 5 s ago: bad gateway",
        "its trace": "ab" * 16,
    }
    reach: Any = this.reach
    assert reach.asked == [("https://elasticsearch.kafkalogs.svc:9200/logs-*/_search", "search-reader")]


def test_the_first_documents_are_waited_for(clock: list[float]):
    answers = [UnansweredError("starting"), documents(), documents(("logs-a-default", 1, 1))]
    section = parts.search(platform({"/_search": answers}, patience=60, connectors=SEARCH))
    assert "logs-a-default" in told(section)
    assert len(clock) == 2


def test_no_document_in_time_is_a_fault():
    section = parts.search(platform({"/_search": documents()}, connectors=SEARCH))
    assert section is not None
    assert section.faults == ["search: documents: none yet; see `kubectl get kafkaconnector search -o yaml`"]


def test_what_is_outside_may_be_out_of_reach(clock: list[float]):
    there = {"search": connector(**{"search.url": OUTSIDE})}
    this = platform({"/_search": OutsideError("no connection")}, patience=60, connectors=there)
    (section,) = parts.ask_parts(this, "localhost:1")
    assert section.rows == [Row("cannot be asked from here", "no connection", good=None)]
    assert not section.faults
    assert not clock
    reach: Any = this.reach
    assert reach.asked == [(f"{OUTSIDE}/logs-*/_search", "elastic")]


@pytest.mark.parametrize("error", [UnansweredError("answers 403"), AccessError("Secret x does not exist")])
def test_a_part_that_does_not_answer_is_a_fault_and_the_others_go_on(error: Exception):
    pager = {"pager": deployment(PAGER_ENDPOINT="https://events.example.com/v2/enqueue")}
    this = platform({"/_search": error}, connectors=SEARCH, deployments=pager)
    sections = parts.ask_parts(this, "localhost:1")
    assert [section.part for section in sections] == ["search", "pager"]
    assert show_parts(sections) == [f"search: no answer: {error}"]


# -- schemas


def test_subjects_against_those_to_be_registered():
    pod = SimpleNamespace(
        containers=[SimpleNamespace(env=[SimpleNamespace(name="REGISTRY_URL", value="https://registry/v7")])],
        volumes=[SimpleNamespace(name="writer", secret=SimpleNamespace(secret_name="registry-writer-credentials"))],
    )
    job = SimpleNamespace(
        metadata=SimpleNamespace(name="schemas-1"), spec=SimpleNamespace(template=SimpleNamespace(spec=pod))
    )
    section = parts.schemas(platform({"/subjects": ["a-value", "b", "other"]}, schemas=job))
    assert told(section) == {"subjects registered": "2 of 2"}
    section = parts.schemas(platform({"/subjects": ["b"]}, schemas=job))
    assert section is not None
    assert section.faults == ["schemas: subjects missing: a-value"]


# -- pager


def incident(status: str, old: float, summary: str = "it fails") -> dict[str, Any]:
    payload = {"severity": "critical", "summary": summary}
    return {"status": status, "events": 2, "updated": at(old), "payload": payload}


def test_incidents_of_the_stand_in():
    endpoint = "https://pagerduty.kafkalogs.svc:8443/v2/enqueue"
    found = [incident("triggered", 90 + i, f"fault {i}") for i in range(4)] + [incident("resolved", 5)]
    section = parts.pager(
        platform({"/incidents": {"incidents": found}}, deployments={"pager": deployment(PAGER_ENDPOINT=endpoint)})
    )
    assert section is not None
    assert section.rows == [
        Row("incidents of the stand-in", "4 open, 1 resolved; 10 events sent"),
        Row("critical, 90 s ago", "fault 0"),
        Row("critical, 91 s ago", "fault 1"),
        Row("critical, 92 s ago", "fault 2"),
    ]


def vector(*values: tuple[dict[str, str], float]) -> dict[str, Any]:
    return {"data": {"result": [{"metric": labels, "value": [0, str(value)]} for labels, value in values]}}


def test_what_was_sent_to_pagerduty_itself():
    answers = {
        "pager_events_total": vector(({"action": "trigger"}, 3), ({"action": "resolve"}, 1)),
        "pager_waiting_incidents": vector(({}, 2)),
    }
    there = {"pager": deployment(PAGER_ENDPOINT="https://events.pagerduty.com/v2/enqueue")}
    section = parts.pager(platform(answers, deployments=there, services=frozenset({"prometheus"})))
    assert section is not None
    assert section.rows == [
        Row("sent to", "events.pagerduty.com"),
        Row("events accepted", "1 resolve, 3 trigger"),
        Row("incidents waiting to be sent", "2", good=None),
    ]


# -- monitoring


def lags(**groups: float) -> dict[str, Any]:
    return vector(
        *(({"consumergroup": name.replace("__", "-").replace("_", ".")}, lag) for name, lag in groups.items())
    )


def test_lag_of_each_group(clock: list[float]):
    answers = {
        "kafka_consumergroup_lag_sum": [
            lags(stream_logs=9),
            lags(stream_logs=9, connect__search=4, edge_app=1, apicurio__x=8),
        ],
        "kafkalogs_consumergroup_lag_seconds": lags(stream_logs=130, connect__search=2),
        "query=up": vector(({"job": "kafka", "pod": "a"}, 1), ({"job": "connect", "pod": "b"}, 0)),
        # the watchdog fires while all is well, so the report does not ask for it
        quote(FIRING): vector(({"alertname": "DeadLetters"}, 1)),
    }
    deployments = {"exporter": deployment(), "stream": deployment(), "pager": deployment()}
    this = platform(answers, 60, connectors=SEARCH, deployments=deployments, services=frozenset({"prometheus"}))
    section = parts.monitoring(this)
    assert section is not None
    assert section.rows == [
        Row("targets that answer", "1 of 2", good=None),
        Row("alerts that fire", "DeadLetters", good=None),
        Row("lag of connect-search", "4 records, 2 s"),
        Row("lag of edge.app", "1 records, 0 s"),
        Row("lag of stream.logs", "9 records, 2 min"),
        Row("lag of pager.incidents", "it has committed nothing yet", good=None),
    ]
    assert len(clock) == 1


def test_prometheus_of_another_operator_is_named():
    section = parts.monitoring(platform(deployments={"exporter": deployment()}))
    assert "own operator" in told(section)["metrics"]


# -- what a person sees


def test_faults_are_shown_and_returned(capsys: pytest.CaptureFixture[str]):
    section = Section("search")
    section.add("logs-a-default", "[17] documents")
    section.fault("documents", "none yet")
    assert show_parts([section]) == ["search: documents: none yet"]
    said = capsys.readouterr().out
    assert "[17] documents" in said
    assert "none yet" in said


def test_commands_are_of_the_parts_that_are_there():
    services = frozenset({"pagerduty", "prometheus"})
    lines = part_commands(platform(connectors=SEARCH, services=services))
    text = "\n".join(lines)
    for part in ("logs-*/_search?q=level:error", "pagerduty incidents", "service/prometheus", "kafkalogs-dashboards"):
        assert part in text
    # what a password is read from is a file, never a word of a command
    assert "-u " not in text
    assert "curl -sSK <(" in text
    outside = {"search": connector(**{"search.url": OUTSIDE})}
    assert part_commands(platform(connectors=outside)) == []


def test_durations_as_a_person_says_them():
    assert [duration(s) for s in (-1, 0.4, 119, 120, 7200, 200_000)] == ["0 s", "0 s", "119 s", "2 min", "2 h", "2 d"]


def test_the_parts_are_found_by_what_the_cluster_holds(monkeypatch: pytest.MonkeyPatch):
    def named(*names: str) -> Any:
        about = [SimpleNamespace(name=name, creation_timestamp=age) for age, name in enumerate(names)]
        return SimpleNamespace(items=[SimpleNamespace(metadata=one) for one in about])

    def api(**functions: Any) -> Any:
        return lambda through: SimpleNamespace(**functions)

    connectors = {"items": [{"metadata": {"name": "search"}}]}
    monkeypatch.setattr("kubernetes.client.AppsV1Api", api(list_namespaced_deployment=lambda space: named("pager")))
    jobs = named("schemas-old", "schemas-new", "search-setup-1")
    monkeypatch.setattr("kubernetes.client.BatchV1Api", api(list_namespaced_job=lambda space: jobs))
    custom = api(list_namespaced_custom_object=lambda *words: connectors)
    monkeypatch.setattr("kubernetes.client.CustomObjectsApi", custom)
    access: Any = SimpleNamespace(
        namespace="kafkalogs",
        core=SimpleNamespace(api_client=None, list_namespaced_service=lambda space: named("prometheus")),
        call=lambda function, what, remedy, *words: function(*words),
    )
    found = find_platform(access, CATALOG, 60)
    assert (set(found.connectors), set(found.deployments), found.services) == ({"search"}, {"pager"}, {"prometheus"})
    assert found.schemas.metadata.name == "schemas-new"
    jobs.items = []
    assert find_platform(access, CATALOG, 60).schemas is None
