"""What the topics of the services and of the parts need on the brokers' disks."""

from collections.abc import Iterator

from .. import parts
from ..catalog import resolve
from ..config import sizing, units
from ..config.models import Platform
from ..config.problems import Problem


def problems(platform: Platform) -> Iterator[Problem]:
    """A problem if the topics of a stack do not fit on its brokers, with the arithmetic of the largest needs."""
    needs = sorted(
        [*resolve.disk_needs(platform, resolve.topics_of(platform)), *part_needs(platform)], key=lambda n: -n.size
    )
    need = sum(n.size for n in needs)
    disks = [pool.storage.size for pool in platform.broker_pools().values() for _ in range(pool.replicas)]
    usable = sizing.usable_disk(disks)
    if need <= usable:
        return
    shown = [str(n) for n in needs[:3]] + ([f"{len(needs) - 3} more"] if len(needs) > 3 else [])
    text = (
        f"all topics need {units.about(need)} on disk, but the brokers have {len(disks)} x "
        f"{units.about(min(disks))} x {sizing.USABLE_DISK} = {units.about(usable)} for logs. "
        f"Rate x (retention + segment) x copies: {'; '.join(shown)}. "
        "Write larger disks or more brokers in kafka.pools, shorter retentions, or lower rates"
    )
    yield Problem((needs[0].part or "services",), units.about(need), text)


def part_needs(platform: Platform) -> list[sizing.DiskNeed]:
    """What each topic of the parts needs."""
    return [
        sizing.DiskNeed(
            name=topic.name,
            rate=topic.rate,
            retention=topic.retention_ms or 0,
            copies=topic.replicas,
            reserve=topic.reserve,
            part=part.key,
        )
        for part, topic in parts.part_topics(platform)
    ]
