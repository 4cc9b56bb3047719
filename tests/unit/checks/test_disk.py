"""All topics of a stack must fit on its brokers: those of the services, and those of the parts."""

from typing import Any

import pytest
from kafkalogs import ConfigError, load, parts
from kafkalogs.checks import disk
from kafkalogs.config import sizing
from kafkalogs.config.models import PART_KEYS, Platform

from tests.support.stack import REMOVED, VALID, changed
from tests.support.wrong_stacks import NAMES, platform_of, wrong

BARE = changed(("services.mailer", REMOVED))
SMALL: dict[str, Any] = {"shipper": {"rate": "16KiB/s"}, "stream": {"plannedShare": 0.05}}


def need_of(platform: Platform, part: str) -> int:
    return sum(need.size for need in disk.part_needs(platform) if need.part == part)


def test_the_default_shipper_does_not_fit_beside_the_services_of_staging() -> None:
    with pytest.raises(ConfigError) as error:
        load(wrong("staging", {"shipper": "{}", "kafka.pools.brokers.storage.size": "200GiB"}))
    # 1 MiB/s on each of three brokers, a day and its segment, three copies
    assert "kafkalogs:platform.shipper: " in str(error.value)
    assert "logs.platform 3MiB/s x (1d + 150m) x 3 = 838.5 GiB" in str(error.value)
    assert "3 x 200.0 GiB x 0.85 = 510.0 GiB" in str(error.value)


@pytest.mark.parametrize("name", NAMES)
def test_every_topic_of_a_part_is_planned_with_some_disk(name: str) -> None:
    platform = load(platform_of(name))
    topics = {topic.name for _, topic in parts.part_topics(platform)}
    planned = {need.name for need in disk.part_needs(platform) if need.size > 0}
    assert planned == topics


@pytest.mark.parametrize("key", PART_KEYS)
def test_a_part_adds_what_its_topics_need(key: str) -> None:
    without = load(BARE)
    needed = {"pager": {"stream": SMALL["stream"]}}.get(key, {})
    platform = load({**BARE, **needed, key: SMALL.get(key, {})})
    made = [topic for part, topic in parts.part_topics(platform) if part.key == key]
    assert need_of(without, key) == 0
    assert (need_of(platform, key) > 0) == bool(made)


@pytest.mark.parametrize(("key", "small", "large"), [("shipper", "16KiB/s", "100MiB/s"), ("stream", 0.01, 1.0)])
def test_a_part_whose_topics_do_not_fit_is_refused_at_its_key(key: str, small: object, large: object) -> None:
    setting = {"shipper": "rate", "stream": "plannedShare"}[key]
    load({**BARE, key: {setting: small}})
    tight = changed(("kafka.pools.kafka.storage.size", "60GiB"), base={**BARE, key: {setting: large}})
    with pytest.raises(ConfigError, match=rf"kafkalogs:platform\.{key}: .* on disk"):
        load(tight)


def test_services_alone_are_still_the_problem_of_services() -> None:
    with pytest.raises(ConfigError, match=r"kafkalogs:platform\.services: .* on disk"):
        load(changed(("kafka.pools.kafka.storage.size", "1GiB"), base=VALID))


def test_a_reserve_counts_where_no_rate_does() -> None:
    need = sizing.DiskNeed("pager.state", 0, 0, 3, reserve=1000, part="pager")
    assert need.size == 3000
    assert sizing.DiskNeed("x", 10, 1000, 1, reserve=10**9).size == 10**9
