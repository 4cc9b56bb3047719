"""Each topic keeps its records at least as long as a reader may be away."""

from collections.abc import Iterator

from .. import parts
from ..catalog import resolve
from ..config import units
from ..config.models import Platform
from ..config.problems import Path, Problem


def problems(platform: Platform) -> Iterator[Problem]:
    """A problem for each retention below the longest outage that the stack declares to bear."""
    least, topics = platform.longest_outage, resolve.topics_of(platform)
    readers: dict[str, list[str]] = {}
    for group in parts.groups(platform):
        for topic in group.topics:
            readers.setdefault(topic, []).append(group.part)
    told: set[Path] = set()
    for name, by in readers.items():
        if name not in topics or topics[name].retention_ms >= least:
            continue
        path = _place(platform, topics[name])
        if path in told:
            continue
        told.add(path)
        most = units.format_duration(topics[name].retention_ms)
        text = (
            f"shorter than longestOutage {units.format_duration(least)}: {', '.join(by)} would lose records of {name}; "
            f"write at least {units.format_duration(least)} here, or longestOutage: {most}"
        )
        yield Problem(path, most, text)


def _place(platform: Platform, topic: resolve.Topic) -> Path:
    """Where the retention of a topic is written."""
    shared = platform.topics.get(topic.name)
    if shared and shared.retention:
        return ("topics", topic.name, "retention")
    for writer in topic.writers:
        if resolve.settings_of(writer, platform.services[writer], topic.name).retention:
            return ("services", writer, "retention")
    return ("retention", topic.retention_class)
