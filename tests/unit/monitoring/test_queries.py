"""The metrics that alerts and dashboards ask for: each exists, and Prometheus takes each query."""

import json
import subprocess

import yaml
from kafkalogs.kafka import jmx
from kafkalogs.monitoring import dashboards
from kafkalogs.monitoring.watchdog import FIRING

from tests.support.metric_names import METRICS
from tests.support.prometheus_tools import promtool

from .promql import names_in
from .test_rules import RULES, WATCHED

KNOWN = frozenset().union(*METRICS.values())


class TestNames:
    def test_rules_use_metrics_that_exist(self):
        recorded = {"kafkalogs:dead_letters:sum", "kafkalogs:broker_log_bytes:sum"}
        for rule in RULES.values():
            assert names_in(rule["expr"]) <= KNOWN | recorded, rule["alert"]

    def test_dashboards_use_metrics_that_exist(self):
        recorded = {"kafkalogs:dead_letters:sum", "kafkalogs:broker_log_bytes:sum", "ALERTS"}
        for text in dashboards.dashboard_files().values():
            for panel in json.loads(text)["panels"]:
                for target in panel["targets"]:
                    used = names_in(target["expr"])
                    assert used
                    assert used <= KNOWN | recorded, panel["title"]

    def test_no_panel_counts_the_watchdog_as_an_alert(self):
        boards = [json.loads(text) for text in dashboards.dashboard_files().values()]
        queries = [target["expr"] for board in boards for panel in board["panels"] for target in panel["targets"]]
        asked = [query for query in queries if "ALERTS" in query]
        assert asked
        assert all(query.count("ALERTS") == query.count(FIRING) for query in asked)

    def test_queries_of_dashboards_are_ones_that_prometheus_takes(self, tmp_path):
        queries = [
            target["expr"]
            for text in dashboards.dashboard_files().values()
            for panel in json.loads(text)["panels"]
            for target in panel["targets"]
        ]
        rules = [{"record": f"q{i}", "expr": query} for i, query in enumerate(queries)]
        (tmp_path / "r.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]}))
        done = subprocess.run(
            [promtool(), "check", "rules", tmp_path / "r.yml"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def test_panels_lie_beside_each_other(self):
        for text in dashboards.dashboard_files().values():
            board = json.loads(text)
            places = [panel["gridPos"] for panel in board["panels"]]
            taken = [(x, p["y"]) for p in places for x in range(p["x"], p["x"] + p["w"])]
            assert len(taken) == len(set(taken))
            assert max(x for x, _ in taken) < 24
            assert len({panel["id"] for panel in board["panels"]}) == len(places)

    def test_names_in_finds_names_only(self):
        query = 'sum by (topic) (rate(a_total{b="c", d=~"e.+"}[5m])) / on (f) group_left (g) h offset 5m > 1e3 and i'
        assert names_in(query) == {"a_total", "h", "i"}

    def test_jmx_rules_make_the_names_that_are_known(self):
        """Those whose names the patterns spell out; the others are read off running processes."""
        for config, part in ((jmx.KAFKA, "kafka"), (jmx.CONNECT, "connect")):
            for rule in config["rules"]:
                start = rule["name"].split("$")[0]
                assert any(name.startswith(start) for name in METRICS[part]), rule["name"]

    def test_the_config_map_of_jmx_is_what_the_resources_refer_to(self):
        reference = jmx.metrics_config("logs", jmx.KAFKA_KEY)["valueFrom"]["configMapKeyRef"]
        assert reference["name"] == jmx.config_map_name("logs")
        assert reference["key"] in jmx.config_map_data()
        assert yaml.safe_load(jmx.config_map_data()[reference["key"]]) == jmx.KAFKA

    def test_rules_watch_what_was_asked_for(self):
        assert WATCHED.broker_disk
