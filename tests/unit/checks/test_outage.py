"""Every topic that a part reads keeps its records at least as long as the longest outage that a stack declares."""

import pytest
from kafkalogs import load, parts
from kafkalogs.config import units

from tests.support.wrong_stacks import NAMES, platform_of


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("outage", [None, "30m", "6h", "24h"])
def test_no_reader_loses_a_record_in_the_longest_outage(name: str, outage: str | None) -> None:
    raw = platform_of(name)
    if outage:
        raw["longestOutage"] = outage
        raw["retention"] = dict.fromkeys(raw["retention"], "48h")
        raw["compliance"] = {**raw.get("compliance", {}), "auditFloor": "24h"}
        for pool in raw["kafka"]["pools"].values():
            pool["storage"]["size"] = "16TiB"
        for service in raw["services"].values():
            service.pop("retention", None)
    platform = load(raw)
    kept = {topic.name: topic.retention_ms for topic in parts.topics(platform)}
    read = {topic for group in parts.groups(platform) for topic in group.topics}
    assert "errors.critical" in read
    for topic in read:
        assert (kept[topic] or platform.longest_outage) >= platform.longest_outage, topic
    assert platform.longest_outage >= 15 * units.MINUTE
