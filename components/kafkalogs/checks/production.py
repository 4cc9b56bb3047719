"""What must hold between the values that production needs: `compliance`, `exceptions` and `aws`."""

import datetime
from collections.abc import Iterator
from typing import Final

from ..config import units
from ..config.aws import FOR_SEARCH, SECRETS, STORAGE_CLASS, Aws, AwsSearch
from ..config.models import POLICY_RULES, Platform
from ..config.problems import MISSING, Problem, suggestion
from .broken import Broken

_VOLUME: Final = range(10 * units.GIB, 16 * units.TIB + 1)
"""The disk sizes that AWS allows for a data node, over all instance types; bytes."""


LONGEST_EXCEPTION_DAYS: Final = 180
"""How far ahead an exception may end, from the day on which the stack file is read."""

LEAST_LETTERS: Final = 3
"""The least letters that a name of resources with * has besides. Both are those of the policy pack."""


def today() -> datetime.date:
    """Today in UTC, so that the day does not depend on where a stack is previewed."""
    return datetime.datetime.now(datetime.UTC).date()


def problems_between(platform: Platform, broken: Broken) -> Iterator[Problem]:
    """Every problem between values that are fine as single values; `broken` values are skipped."""
    yield from _compliance(platform, broken)
    yield from _exceptions(platform, today())
    yield from _watchdog(platform, broken)
    if platform.aws and broken.fine("aws"):
        yield from _aws(platform, platform.aws, broken)
        yield from _archive(platform, platform.aws, broken)
        yield from _search(platform, platform.aws, broken)


def _compliance(platform: Platform, broken: Broken) -> Iterator[Problem]:
    classes = platform.retention_classes()
    if not broken.fine("retention"):
        return
    for name in platform.compliance.archive_years:
        if name not in classes:
            text = f"no retention class of this name; {suggestion(name, classes)} Or add it to retention"
            yield Problem(("compliance", "archiveYears", name), name, text)


def _watchdog(platform: Platform, broken: Broken) -> Iterator[Problem]:
    monitoring = platform.monitoring
    if monitoring and monitoring.operator and monitoring.watchdog_secret and broken.fine("monitoring"):
        text = (
            "with operator the platform runs no Alertmanager; leave it out, and send the alert KafkalogsWatchdog to the"
            " dead man's switch from the operator's Alertmanager (docs/monitoring.md)"
        )
        yield Problem(("monitoring", "watchdogSecret"), monitoring.watchdog_secret, text)


def _exceptions(platform: Platform, day: datetime.date) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for i, exception in enumerate(platform.exceptions):
        path = ("exceptions", i)
        if exception.rule not in POLICY_RULES:
            text = f"no such rule; {suggestion(exception.rule, POLICY_RULES)}"
            yield Problem((*path, "rule"), exception.rule, text)
        if exception.expires < day:
            text = "the exception has expired; mend what it excepts and take it out, or have it approved anew"
            yield Problem((*path, "expires"), exception.expires.isoformat(), text)
        elif exception.expires > (last := day + datetime.timedelta(days=LONGEST_EXCEPTION_DAYS)):
            text = f"more than {LONGEST_EXCEPTION_DAYS} days ahead; write {last.isoformat()} or earlier"
            yield Problem((*path, "expires"), exception.expires.isoformat(), text)
        kind, _, name = exception.resource.rpartition("/")
        if "*" in kind or ("*" in name and len(name.replace("*", "")) < LEAST_LETTERS):
            text = f"names almost everything; write Kind/name, or a name with {LEAST_LETTERS} letters or more beside *"
            yield Problem((*path, "resource"), exception.resource, text)
        if (exception.rule, exception.resource) in seen:
            text = f"a second exception from {exception.rule} for the same resources; leave one of them"
            yield Problem((*path, "resource"), exception.resource, text)
        seen.add((exception.rule, exception.resource))


def _aws(platform: Platform, aws: Aws, broken: Broken) -> Iterator[Problem]:
    if platform.operator != "strimzi" and broken.fine("operator"):
        text = "aws is for clusters whose service accounts have roles there, never for one machine; write strimzi"
        yield Problem(("operator",), platform.operator, text)
    for name in aws.secrets:
        if name not in SECRETS:
            yield Problem(
                ("aws", "secrets", name), aws.secrets[name], f"no such credentials; {suggestion(name, SECRETS)}"
            )
    classes = {pool.storage.storage_class for pool in platform.kafka.pools.values()}
    fine = broken.fine("aws", "storageClass") and broken.fine("kafka", "pools")
    fine = fine and all(broken.fine("kafka", "pools", n, "storage", "class") for n in platform.kafka.pools)
    if aws.storage_class and fine and STORAGE_CLASS not in classes:
        text = "no disk is of this StorageClass; write false, or leave storage.class out of a pool of kafka.pools"
        yield Problem(("aws", "storageClass"), True, text)
    for part, absent, remedy in (
        ("audit", platform.audit and not platform.endpoints.database, "endpoints.database"),
        ("pager", platform.pager and not platform.pager.url, "pager.url"),
    ):
        if absent and broken.fine(part) and broken.fine("endpoints"):
            text = f"nothing says where it goes, and a stand-in is for one machine; write {remedy}, or leave {part} out"
            yield Problem((part,), "on", text)


def _archive(platform: Platform, aws: Aws, broken: Broken) -> Iterator[Problem]:
    archive, stream = platform.archive, platform.stream
    if platform.endpoints.s3 and broken.fine("endpoints", "s3"):
        text = "aws has the S3 server, and workers have a role there; leave it out, or leave aws out"
        yield Problem(("endpoints", "s3"), platform.endpoints.s3, text)
    if archive and archive.catalog != "glue" and broken.fine("archive", "catalog"):
        yield Problem(("archive", "catalog"), archive.catalog, "aws has a catalog; write glue, or leave it out")
    known = broken.fine("aws", "region") and broken.fine("archive", "region")
    if archive and known and archive.region != aws.region:
        text = f"the bucket is in aws.region {aws.region}; write that, or leave it out"
        yield Problem(("archive", "region"), archive.region, text)
    if not broken.fine("aws", "bucket"):
        return
    inside = f"s3://{aws.bucket}/"
    if archive and broken.fine("archive", "warehouse") and not archive.warehouse.startswith(inside):
        text = f"not in aws.bucket; write a path below {inside}, or leave it out"
        yield Problem(("archive", "warehouse"), archive.warehouse, text)
    if stream and broken.fine("stream", "state"):
        if "state" not in stream.model_fields_set:
            text = "missing with aws, where its default is somebody else's bucket; write s3:// and a bucket of yours"
            yield Problem(("stream", "state"), MISSING, text)
        elif f"{stream.state}/".startswith(inside):
            text = "the objects of aws.bucket are locked and could never be removed; write another bucket"
            yield Problem(("stream", "state"), stream.state, text)


def _search(platform: Platform, aws: Aws, broken: Broken) -> Iterator[Problem]:
    if not all(broken.fine(*path) for path in (("search",), ("aws", "search"), ("endpoints", "search"))):
        return
    domain, elsewhere = aws.search, platform.endpoints.search
    if domain and not platform.search:
        yield Problem(("aws", "search"), "on", "nothing would be written to it; add search: {}, or leave it out")
    if domain and elsewhere:
        yield Problem(("endpoints", "search"), elsewhere, "aws.search is the search engine; leave one of the two out")
    if platform.search and not domain and not elsewhere:
        text = "nothing says where it is, and a stand-in is for one machine; add aws.search or endpoints.search"
        yield Problem(("search",), "on", text)
    if domain:
        yield from _domain(domain, broken)
        for name in FOR_SEARCH:
            if name not in aws.secrets and broken.fine("aws", "secrets", name):
                text = "missing, and the search domain needs it; write the name of its secret in Secrets Manager"
                yield Problem(("aws", "secrets", name), MISSING, text)


def _domain(domain: AwsSearch, broken: Broken) -> Iterator[Problem]:
    path = ("aws", "search")
    zones_fine = broken.fine(*path, "zones")
    if zones_fine and broken.fine(*path, "instances") and domain.instances % domain.zones:
        text = f"not a multiple of the {domain.zones} zones; write {domain.zones} or {2 * domain.zones}"
        yield Problem((*path, "instances"), domain.instances, text)
    if zones_fine and broken.fine(*path, "subnets") and len(domain.subnets) != domain.zones:
        text = f"{len(domain.subnets)} subnets for {domain.zones} zones; write one subnet of each zone"
        yield Problem((*path, "subnets"), list(domain.subnets), text)
    if broken.fine(*path, "volume") and (domain.volume not in _VOLUME or domain.volume % units.GIB):
        text = "not a disk that a data node can have; write 10GiB to 16384GiB, without a fraction"
        yield Problem((*path, "volume"), units.format_size(domain.volume), text)
