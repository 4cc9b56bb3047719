"""The alerts, run by Prometheus' own promtool: each fires when it should, and none when all is well."""

import re
import subprocess

import pytest
import yaml
from kafkalogs.monitoring import alert_rules
from kafkalogs.monitoring.consumer_rules import CONSUMERS
from kafkalogs.monitoring.watchdog import FIRING, NOBODY_PAGED, WATCHDOG
from kafkalogs.parts import GROUPS

from tests.support.prometheus_tools import promtool

DISK = 10 * 2**30
WATCHED = alert_rules.Watched(broker_disk=DISK)

LAG = "kafkalogs_consumergroup_lag_seconds"
END = 'kafka_topic_partition_current_offset{topic="%s", partition="0"}'
BEGIN = 'kafka_topic_partition_oldest_offset{topic="%s", partition="0"}'
LOST = 'kafka_connect_task_error_deadletterqueue_produce_failures_total{connector="archive", task="0"}'
PRODUCE = 'kafka_network_requestmetrics_totaltimems{pod="logs-kafka-0", request="Produce", quantile="0.99"}'

# Series and their values at each minute, in promtool's notation, of a platform that is well.
WELL: dict[str, str] = {
    "kafka_brokers": "3x120",
    **{f'kafka_consumergroup_members{{consumergroup="{group}"}}': "1x120" for group in GROUPS.values()},
    **{f'{LAG}{{consumergroup="{group}", topic="logs.a"}}': "4x120" for group in GROUPS.values()},
    'kafka_consumergroup_lag_sum{consumergroup="connect-archive", topic="logs.a"}': "20000-100x120",
    'kafka_consumergroup_current_offset{consumergroup="connect-archive", topic="logs.a", partition="0"}': "90+100x120",
    END % "logs.a": "100+100x120",
    BEGIN % "logs.a": "0+50x120",
    END % "dlq.search": "0x120",
    BEGIN % "dlq.search": "0x120",
    'kafkalogs_topic_retention_seconds{topic="logs.a"}': "3600x120",
    'kafka_topic_partition_leader{topic="logs.a", partition="0"}': "0x120",
    'kafka_topic_partition_in_sync_replica{topic="logs.a", partition="0"}': "3x120",
    'kafka_topic_partition_under_replicated_partition{topic="logs.a", partition="0"}': "0x120",
    'kafkalogs_topic_min_insync_replicas{topic="logs.a"}': "2x120",
    'kafka_log_log_size{pod="logs-kafka-0", topic="logs.a", partition="0"}': f"{DISK // 4}x120",
    PRODUCE: "40x120",
    'kafka_connect_worker_connector_failed_task_count{connector="archive"}': "0x120",
    'kafka_connect_worker_connector_running_task_count{connector="archive"}': "1x120",
    'kafka_connect_connector_status{connector="archive", status="running"}': "1x120",
    'kafkalogs_audit_places_reused{connector="audit", task="0"}': "0x120",
    # a batch of late events
    'kafkalogs_events_behind_total{connector="archive", task="0", service="batch"}': "_x20 100x5 900x95",
    'kafkalogs_archive_records_due{connector="archive", task="0"}': "0x30 0+100x90",
    'kafkalogs_archive_rows_gained{connector="archive", task="0"}': "0x10 3000x20 3000+100x90",
    'kafkalogs_archive_maintenance_age_ms{connector="archive", task="0"}': "3600000x120",
    LOST: "0x120",
    "flink_jobmanager_numRunningJobs": "1x120",
    "flink_jobmanager_job_numRestarts": "1x120",
    "flink_jobmanager_job_numberOfFailedCheckpoints": "2x120",
    'pager_events_total{action="trigger", result="accepted"}': "0+1x120",
    'pager_events_total{action="trigger", result="retried"}': "0x120",
    'pager_dead_letters_total{reason="rejected"}': "0x120",
    "pager_ready": "1x120",
    'filebeat_up{pod="10.0.0.1"}': "1x120",
    'filebeat_queue_bytes{pod="10.0.0.1"}': "10x120",
    'filebeat_queue_max_bytes{pod="10.0.0.1"}': "100x120",
    'filebeat_output_events_acked_total{pod="10.0.0.1"}': "0+50x120",
    'filebeat_output_events_active{pod="10.0.0.1"}': "50x120",
    'filebeat_output_events_dropped_total{pod="10.0.0.1"}': "3x120",
    'up{job="kafka", pod="logs-kafka-0"}': "1x120",
    'alertmanager_notifications_failed_total{integration="pagerduty"}': "2x120",
}


def lag(group: str) -> str:
    return f'{LAG}{{consumergroup="{group}", topic="logs.a"}}'


def members(group: str) -> str:
    return f'kafka_consumergroup_members{{consumergroup="{group}"}}'


# What is different when an alert shall fire, after how many minutes it does, and on which series.
CASES: dict[str, tuple[dict[str, str], int, dict[str, str]]] = {
    WATCHDOG: ({}, 5, {}),
    "AlertsNotFiring": ({lag("pager.incidents"): "0+60x120"}, 10, {"consumergroup": "pager.incidents"}),
    "ErrorsNotDetected": ({lag("stream.logs"): "0+60x120"}, 15, {"consumergroup": "stream.logs"}),
    "LogsNotArchived": ({lag("connect-archive"): "0+60x120"}, 40, {"consumergroup": "connect-archive"}),
    "LogsNotSearchable": ({lag("connect-search"): "0+60x120"}, 15, {"consumergroup": "connect-search"}),
    "AuditNotStored": ({lag("connect-audit"): "0+60x120"}, 40, {"consumergroup": "connect-audit"}),
    "AlertsNotFiringNoConsumer": ({members("pager.incidents"): "_x120"}, 20, {"part": "pager"}),
    "ErrorsNotDetectedNoConsumer": ({members("stream.logs"): "_x120"}, 20, {"part": "stream"}),
    "LogsNotArchivedNoConsumer": ({members("connect-archive"): "_x120"}, 20, {"part": "archive"}),
    "LogsNotSearchableNoConsumer": ({members("connect-search"): "_x120"}, 20, {"part": "search"}),
    "AuditNotStoredNoConsumer": ({members("connect-audit"): "_x120"}, 20, {"part": "audit"}),
    "AuditPlacesReused": (
        {'kafkalogs_audit_places_reused{connector="audit", task="0"}': "0x10 1x110"},
        15,
        {"connector": "audit"},
    ),
    "ArchivedRowsMissing": (
        {'kafkalogs_archive_rows_gained{connector="archive", task="0"}': "0x120"},
        60,
        {"connector": "archive"},
    ),
    "ArchiveNotMaintained": (
        {'kafkalogs_archive_maintenance_age_ms{connector="archive", task="0"}': "90000000x120"},
        65,
        {"connector": "archive"},
    ),
    "ConsumerLagGrowing": (
        {'kafka_consumergroup_lag_sum{consumergroup="connect-archive", topic="logs.a"}': "20000+100x120"},
        40,
        {"consumergroup": "connect-archive"},
    ),
    "RecordsExpireSoon": (
        {f'{LAG}{{consumergroup="connect-search", topic="logs.a"}}': "0+60x120"},
        40,
        {"consumergroup": "connect-search", "topic": "logs.a"},
    ),
    "RecordsExpiredUnread": (
        {'kafka_consumergroup_current_offset{consumergroup="connect-archive", topic="logs.a", partition="0"}': "9x120"},
        5,
        {"consumergroup": "connect-archive", "topic": "logs.a", "partition": "0"},
    ),
    "PartitionBelowMinIsr": (
        {'kafka_topic_partition_in_sync_replica{topic="logs.a", partition="0"}': "1x120"},
        5,
        {"topic": "logs.a"},
    ),
    "PartitionWithoutLeader": (
        {'kafka_topic_partition_leader{topic="logs.a", partition="0"}': "-1x120"},
        5,
        {"topic": "logs.a"},
    ),
    "PartitionUnderReplicated": (
        {'kafka_topic_partition_under_replicated_partition{topic="logs.a", partition="0"}': "1x120"},
        15,
        {"topic": "logs.a"},
    ),
    "BrokerDown": ({"kafka_brokers": "2x120"}, 5, {}),
    "ProduceSlow": (
        {
            PRODUCE: "1500x120",
        },
        15,
        {"pod": "logs-kafka-0"},
    ),
    "BrokerDiskFull": (
        {'kafka_log_log_size{pod="logs-kafka-0", topic="logs.a", partition="0"}': f"{DISK * 9 // 10}x120"},
        10,
        {"pod": "logs-kafka-0"},
    ),
    "BrokerDiskFilling": (
        {'kafka_log_log_size{pod="logs-kafka-0", topic="logs.a", partition="0"}': f"{DISK // 2}+{DISK // 500}x120"},
        40,
        {"pod": "logs-kafka-0"},
    ),
    "DeadLetters": ({END % "dlq.search": "0x20 2x100"}, 25, {"topic": "dlq.search"}),
    "DeadLetterQueueNotEmpty": ({END % "dlq.search": "7x120"}, 5, {"topic": "dlq.search"}),
    "ConnectorFailed": (
        {'kafka_connect_worker_connector_failed_task_count{connector="archive"}': "1x120"},
        5,
        {"connector": "archive"},
    ),
    "DeadLettersLost": (
        {LOST: "0x20 1x100"},
        25,
        {"connector": "archive"},
    ),
    "ConnectorNotRunning": (
        {'kafka_connect_worker_connector_running_task_count{connector="archive"}': "0x120"},
        10,
        {"connector": "archive"},
    ),
    "EventsOfForeignServices": (
        {'kafka_connect_converter_foreign_events_total{connector="audit", task="0"}': "0x20 2x100"},
        25,
        {"connector": "audit"},
    ),
    "ClockAhead": (
        {
            'kafkalogs_events_ahead_total{connector="archive", task="0", service="shop"}': "_x20 1x100",
            'kafkalogs_events_ahead_total{connector="search", task="0", service="shop"}': "_x20 1x100",
        },
        25,
        {"service": "shop"},
    ),
    "EventsBehind": (
        {'kafkalogs_events_behind_total{connector="archive", task="0", service="shop"}': "0+20x120"},
        45,
        {"service": "shop"},
    ),
    "StreamJobDown": ({"flink_jobmanager_numRunningJobs": "0x120"}, 5, {}),
    "StreamJobRestarting": ({"flink_jobmanager_job_numRestarts": "0+1x120"}, 20, {}),
    "CheckpointsFailing": ({"flink_jobmanager_job_numberOfCompletedCheckpoints": "7x120"}, 20, {}),
    "PagerFailing": (
        {
            'pager_events_total{action="trigger", result="retried"}': "0+5x120",
            "pager_oldest_waiting_timestamp_seconds": "60x120",
        },
        10,
        {},
    ),
    "PagerNotReady": ({"pager_ready": "0x120"}, 5, {}),
    "PagerRejected": ({'pager_dead_letters_total{reason="rejected"}': "0x10 1x110"}, 15, {}),
    "ShipperBackPressure": ({'filebeat_queue_bytes{pod="10.0.0.1"}': "60x120"}, 10, {"pod": "10.0.0.1"}),
    "ShipperNotDelivering": ({'filebeat_output_events_acked_total{pod="10.0.0.1"}': "5x120"}, 15, {"pod": "10.0.0.1"}),
    "ShipperDropping": (
        {'filebeat_output_events_dropped_total{pod="10.0.0.1"}': "0+1x120"},
        20,
        {"pod": "10.0.0.1"},
    ),
    "ShipperDown": ({'filebeat_up{pod="10.0.0.1"}': "0x120"}, 10, {"pod": "10.0.0.1"}),
    "TargetDown": (
        {'up{job="kafka", pod="logs-kafka-0"}': "0x120"},
        10,
        {"job": "kafka", "pod": "logs-kafka-0"},
    ),
    "MonitoringBlind": ({"kafka_brokers": "_x120"}, 10, {}),
    "NotificationsFailing": (
        {'alertmanager_notifications_failed_total{integration="pagerduty"}': "0+1x120"},
        15,
        {"integration": "pagerduty"},
    ),
}

RULES = {
    rule["alert"]: rule
    for group in alert_rules.rule_groups(WATCHED)["groups"]
    for rule in group["rules"]
    if "alert" in rule
}


def run(folder, tests: list[dict]) -> subprocess.CompletedProcess[str]:
    (folder / "rules.yml").write_text(yaml.safe_dump(alert_rules.rule_groups(WATCHED)))
    (folder / "tests.yml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests})
    )
    command = [promtool(), "test", "rules", "tests.yml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def series(different: dict[str, str]) -> list[dict[str, str]]:
    return [{"series": name, "values": values} for name, values in {**WELL, **different}.items()]


def test_each_alert_has_a_case():
    assert set(CASES) == set(RULES)


def test_each_failure_that_logs_can_suffer_has_an_alert():
    """Alerts that do not fire, logs that are not archived, growing lag, ISR, disk, dead letters, a failed connector,
    a failing pager, a shipper that cannot deliver."""
    assert {
        "AlertsNotFiring",
        "LogsNotArchived",
        "ConsumerLagGrowing",
        "PartitionBelowMinIsr",
        "BrokerDiskFull",
        "DeadLetterQueueNotEmpty",
        "ConnectorFailed",
        "PagerFailing",
        "ShipperBackPressure",
    } <= set(RULES)


def test_each_part_with_a_consumer_group_is_watched():
    assert set(CONSUMERS) == set(GROUPS)
    for part, group in GROUPS.items():
        watching = [name for name, consumer in CONSUMERS.items() if re.fullmatch(consumer.group, group)]
        assert watching == [part]


def firing(matcher: str, minute: int, samples: list[dict]) -> dict:
    return {"expr": f'ALERTS{{alertstate="firing"{matcher}}}', "eval_time": f"{minute}m", "exp_samples": samples}


def sample(alert: str, labels: dict[str, str]) -> dict:
    every = {"alertname": alert, "alertstate": "firing", **RULES[alert]["labels"], **labels}
    return {"labels": "ALERTS{" + ", ".join(f'{key}="{value}"' for key, value in every.items()) + "}", "value": 1}


@pytest.mark.parametrize("alert", sorted(CASES))
def test_alert_fires(alert, tmp_path):
    different, minute, labels = CASES[alert]
    check = firing(f', alertname="{alert}"', minute, [sample(alert, labels)])
    done = run(tmp_path, [{"interval": "1m", "input_series": series(different), "promql_expr_test": [check]}])
    assert done.returncode == 0, done.stdout + done.stderr


JOINED = sorted(name for name, rule in RULES.items() if re.search(r"group_(left|right)", rule["expr"]))


@pytest.mark.parametrize("alert", JOINED)
def test_an_alert_that_joins_series_fires_once_while_two_exporters_overlap(alert, tmp_path):
    different, minute, labels = CASES[alert]
    told = {name: values for name, values in {**WELL, **different}.items() if re.match("kafka(logs)?_.*topic=", name)}
    twice = {name.replace("}", ', instance="new"}'): values for name, values in told.items()}
    check = firing(f', alertname="{alert}"', minute, [sample(alert, labels)])
    found = series({**different, **twice})
    done = run(tmp_path, [{"interval": "1m", "input_series": found, "promql_expr_test": [check]}])
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_fires_when_all_is_well(tmp_path):
    """Nothing but the watchdog, which says so: the dashboard and the report of `make up` count no alert."""
    checks = [{"expr": FIRING, "eval_time": f"{minute}m", "exp_samples": []} for minute in range(1, 115)]
    checks += [firing(f', alertname="{WATCHDOG}"', minute, [sample(WATCHDOG, {})]) for minute in range(1, 115)]
    done = run(tmp_path, [{"interval": "1m", "input_series": series({}), "promql_expr_test": checks}])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", NOBODY_PAGED)
def test_the_watchdog_is_silent_while_nobody_may_be_paged(alert, tmp_path):
    """The alarm about the pager does not depend on PagerDuty's key alone: the endpoint misses the watchdog."""
    different, minute, labels = CASES[alert]
    checks = [
        firing(f', alertname="{alert}"', minute, [sample(alert, labels)]),
        firing(f', alertname="{WATCHDOG}"', minute + 1, []),
    ]
    done = run(tmp_path, [{"interval": "1m", "input_series": series(different), "promql_expr_test": checks}])
    assert done.returncode == 0, done.stdout + done.stderr


def test_texts_name_what_the_alert_is_about(tmp_path):
    """promtool fills the templates in; a label that the expression does not have would leave a hole."""
    tests = []
    for alert, (different, minute, _) in CASES.items():
        check = {"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": []}
        tests.append({"interval": "1m", "input_series": series(different), "alert_rule_test": [check]})
    done = run(tmp_path, tests)
    got = re.findall(r'summary="([^"]*)"', done.stdout + done.stderr)
    assert len(got) == len(CASES)
    assert not [text for text in got if "<no value>" in text or "  " in text or "error" in text.lower()]
    assert any("pager.incidents is 8m 0s behind" in text or "pager.incidents is" in text for text in got)


def test_a_part_that_is_switched_off_has_no_alerts():
    few = alert_rules.rule_groups(alert_rules.Watched(consumers={}, connect=False, shipper=False))
    names = {rule.get("alert") for group in few["groups"] for rule in group["rules"]}
    assert not names & {"AlertsNotFiring", "ConnectorFailed", "StreamJobDown", "PagerFailing", "ShipperDown"}
    assert "BrokerDiskFull" not in names
    assert "PartitionBelowMinIsr" in names


def test_severities_are_those_that_alertmanager_knows():
    assert {rule["labels"]["severity"] for rule in RULES.values()} == {"critical", "warning", "info"}


def test_records_that_a_forgotten_group_did_not_read_alert_nobody(tmp_path):
    """Somebody's group without members keeps its offsets for a week; one that is in use is missed."""
    at = 'kafka_consumergroup_current_offset{consumergroup="%s", topic="logs.a", partition="0"}'
    different = {
        **{at % group: "9x120" for group in ("old.1", "team.1", "connect-archive")},
        members("old.1"): "0x120",
        members("team.1"): "2x120",
        members("connect-archive"): "0x120",
    }
    where = {"topic": "logs.a", "partition": "0"}
    found = [
        sample("RecordsExpiredUnread", {"consumergroup": group, **where}) for group in ("team.1", "connect-archive")
    ]
    check = firing(', alertname="RecordsExpiredUnread"', 5, found)
    done = run(tmp_path, [{"interval": "1m", "input_series": series(different), "promql_expr_test": [check]}])
    assert done.returncode == 0, done.stdout + done.stderr
