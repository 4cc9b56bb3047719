"""The pack stands alone, so that other programs can use it. What it has in common with the package must not differ."""

from typing import get_args

import pytest
from kafkalogs.catalog import part
from kafkalogs.checks import production
from kafkalogs.config import naming, units
from kafkalogs.config.models import POLICY_RULES
from kafkalogs.config.models import Platform as Models
from kafkalogs.kafka import operator
from kafkalogs.kube.crds import STRIMZI_VERSION
from kafkalogs.plan import values as plan_values
from kafkalogs.shipper import record as shipper_record
from kafkalogs.stream import flink_operator
from kafkalogs_policy import charts, collectors, environments, rules, settings, topics
from kafkalogs_policy import units as pack_units
from kafkalogs_policy import values as pack_values
from kafkalogs_policy.rules import retention

from tests.policy import example


def test_labels_and_kinds_are_those_of_the_package():
    assert (topics.KIND_LABEL, topics.CLASS_LABEL) == (part.KIND_LABEL, part.CLASS_LABEL)
    assert set(get_args(part.TopicKind)) - {"logs"} == topics.REPEATABLE


def test_rules_and_environments_are_those_that_a_stack_file_can_name():
    assert sorted(rules.NAMES) == sorted(POLICY_RULES)
    assert set(environments.ENVIRONMENTS) == set(get_args(Models.model_fields["environment"].annotation))


def test_exceptions_have_the_same_limits():
    assert settings.LONGEST_EXCEPTION_DAYS == production.LONGEST_EXCEPTION_DAYS
    assert settings.LEAST_LETTERS == production.LEAST_LETTERS


def test_the_judged_charts_are_those_that_the_package_installs():
    assert {(chart.name, chart.repository, chart.version) for chart in charts.CHARTS} == {
        (operator.CHART, "", STRIMZI_VERSION),
        (flink_operator.CHART, flink_operator.REPOSITORY, flink_operator.FLINK_OPERATOR_VERSION),
    }


def test_the_shipper_of_the_package_is_the_one_that_may_be_root():
    assert collectors.NAME == shipper_record.NAME


def test_the_catalog_is_found_by_its_name():
    assert retention.CATALOG == naming.CATALOG_CONFIG_MAP
    assert settings.PLATFORM == "kafkalogs:platform"


@pytest.mark.parametrize("text", ["1ms", "90s", "15m", "36h", "7d"])
def test_durations_are_read_and_written_alike(text):
    assert pack_units.parse_duration(text) == units.parse_duration(text)
    assert pack_units.duration(units.parse_duration(text)) == units.format_duration(units.parse_duration(text))


@pytest.mark.parametrize("sentinel", sorted(pack_values.SENTINELS))
def test_both_know_every_sentinel_of_an_unknown_value(sentinel):
    assert plan_values.clean(sentinel) is plan_values.UNKNOWN
    assert pack_values.plain(sentinel) is pack_values.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "retention_class", "expected"),
    [
        ("logs", "payments", "payments"),
        ("logs", "audit", "audit"),
        ("derived", "errors", "derived"),
        ("dead-letters", "dead-letters", "dead-letters"),
        ("internal", "internal", "internal"),
    ],
)
def test_labels_say_the_class_and_names_do_not(kind, retention_class, expected):
    # a topic of logs cannot be labelled as the memory of a program, see test_policy_evasions
    name = "shop.state" if kind == "internal" else "logs.shop"
    labelled = example.topic(name, example.DAY, kind=kind, retention_class=retention_class)
    assert topics.class_of(pack_values.View(labelled.properties)) == expected
