"""Wrong stack files: what is written where in a stack file of this repository, and what is said of it."""

import copy
import datetime
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.stack import REMOVED, changed

STACKS = Path(__file__).resolve().parents[2] / "stacks"
NAMES = ("local", "staging", "prod")


class _Reader(yaml.SafeLoader):
    """YAML as Pulumi reads it and hands it on, which is not as Python's YAML does: `on` is a text, and a date is."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - the base class's own way


def _number(loader: yaml.SafeLoader, node: Any) -> object:
    text = loader.construct_scalar(node)
    plain = text.replace("_", "")
    try:
        number: float = int(plain, 8) if re.fullmatch(r"0[0-7]+", plain) else int(plain, 0)
        number = number if number < 2**64 else float(number)
    except ValueError:
        number = float(plain)
    if number in {float("inf"), float("-inf")}:
        return text
    return int(number) if number == int(number) and abs(number) < 1e21 else number


def _day(loader: yaml.SafeLoader, node: Any) -> str:
    return f"{datetime.date(*map(int, loader.construct_scalar(node).split('-')))} 00:00:00 +0000 UTC"


for _tag, _form, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("float", r"[-+]?(0x[0-9a-f]+|0o[0-7]+|[0-9][0-9_]*(\.[0-9]*)?([eE][-+]?[0-9]+)?)", "-+0123456789"),
    ("timestamp", r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", "0123456789"),
):
    _Reader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^({_form})$"), list(_first))
_Reader.add_constructor("tag:yaml.org,2002:float", _number)
_Reader.add_constructor("tag:yaml.org,2002:timestamp", _day)


def as_pulumi_reads(text: str) -> Any:
    """What reaches a program of a piece of a stack file."""
    return yaml.load(text, _Reader)


@cache
def _read(name: str) -> dict[str, Any]:
    return as_pulumi_reads((STACKS / f"Pulumi.{name}.yaml").read_text())


def stack_file(name: str) -> dict[str, Any]:
    """A stack file of this repository, whole."""
    return copy.deepcopy(_read(name))


def platform_of(name: str) -> dict[str, Any]:
    """What a stack file of this repository has below kafkalogs:platform."""
    return stack_file(name)["config"]["kafkalogs:platform"]


GONE = "(taken out)"
# An exception ends at most 180 days ahead, so the day follows from today's.
SOON = (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=90)).isoformat()
EXCEPTION = f"{{rule: replication, resource: logs.*, reason: two brokers until June, expires: {SOON}}}"


def wrong(name: str, edits: dict[str, str]) -> dict[str, Any]:
    """A stack's platform with these values, as YAML, at these paths; dots of a key are written /."""
    changes = [(path, REMOVED if text == GONE else as_pulumi_reads(text)) for path, text in edits.items()]
    return changed(*changes, base=platform_of(name))


def excepting(old: str, new: str) -> str:
    """A list of one exception, with something changed."""
    return f"[{EXCEPTION.replace(old, new)}]"


CHECKOUT = "services.checkout-service"

# the stack file, what is written where, and how the line begins that the person sees
WRONG: list[tuple[str, dict[str, str], str]] = [
    # -- keys that are not there, at every level
    ("prod", {"enviroment": "prod"}, "enviroment: 'prod': unknown key; did you mean environment?"),
    ("prod", {"Kafka": "{}"}, "Kafka: {}: unknown key; did you mean kafka?"),
    ("prod", {"kafka.pool": "{}"}, "kafka.pool: {}: unknown key; did you mean pools?"),
    ("prod", {"kafka.pools.brokers.disk": "1TiB"}, "kafka.pools.brokers.disk: '1TiB': unknown key; known are cpu,"),
    (
        "prod",
        {"kafka.pools.brokers.storage.siz": "1TiB"},
        "kafka.pools.brokers.storage.siz: '1TiB': unknown key; did you mean size?",
    ),
    ("local", {"kafka.external.ports": "32090"}, "kafka.external.ports: 32090: unknown key; did you mean port?"),
    (
        "prod",
        {f"{CHECKOUT}.partition_by": "trace_id"},
        f"{CHECKOUT}.partition_by: 'trace_id': unknown key; did you mean p",
    ),
    ("prod", {"teams.edge.writes": "[logs.access]"}, 'teams.edge.writes: ["logs.access"]: unknown key; '),
    ("prod", {"topics.logs/audit.rf": "3"}, "topics.logs.audit.rf: 3: unknown key; known are maxMessageBytes,"),
    ("staging", {"endpoints.s4": "https://s3"}, "endpoints.s4: 'https://s3': unknown key; known are caSecrets,"),
    ("prod", {"search.replicas": "2"}, "search.replicas: 2: unknown key; known are none"),
    ("prod", {"compliance.auditfloor": "7d"}, "compliance.auditfloor: '7d': unknown key; did you mean auditFloor?"),
    ("prod", {"aws.profile": "prod"}, "aws.profile: 'prod': unknown key; known are account,"),
    ("prod", {"aws.search.version": "2.19"}, "aws.search.version: 2.19: unknown key; known are instanceType,"),
    (
        "prod",
        {"exceptions": f"[{{rule: replication, resource: x, reason: y, expires: {SOON}, until: z}}]"},
        "exceptions.0.until: 'z': unknown key; known are expires, reason, resource, rule",
    ),
    # -- types, as YAML has them
    ("prod", {"protect": "on"}, "protect: 'on': not true or false; write one of them without quotes"),
    ("prod", {"protect": "NO"}, "protect: 'NO': not true or false; write one of them without quotes"),
    ("prod", {"protect": "1"}, "protect: 1: not true or false; write one of them without quotes"),
    ("prod", {"protect": '"true"'}, "protect: 'true': not true or false; write one of them without quotes"),
    ("prod", {"protect": ""}, "protect: null: not true or false; write one of them without quotes"),
    ("prod", {"namespace": "404"}, "namespace: 404: not a text; put it into quotes"),
    ("prod", {"kafka.version": "4.3"}, "kafka.version: 4.3: not a text; put it into quotes"),
    ("prod", {"kafka.version": '"4.3"'}, "kafka.version: '4.3': not a version; write all three numbers, like 4.3.1"),
    ("prod", {"kafka": ""}, "kafka: null: not a mapping; write keys with values below it"),
    ("prod", {"kafka": "[brokers, controllers]"}, 'kafka: ["brokers", "controllers"]: not a mapping; write keys'),
    ("prod", {"kafka.pools": "[{replicas: 3}]"}, 'kafka.pools: [{"replicas": 3}]: not a mapping; write keys'),
    ("prod", {"services": "[nginx]", "teams": GONE, "topics": GONE}, 'services: ["nginx"]: not a mapping; write keys'),
    ("prod", {CHECKOUT: "2MiB/s"}, f"{CHECKOUT}: '2MiB/s': not a mapping; write keys with values below it"),
    ("prod", {"search": ""}, "search: null: nothing is below it; write {} to have it with its defaults, or leave it"),
    ("prod", {"monitoring": "true"}, "monitoring: true: not a mapping; write keys with values below it"),
    (
        "prod",
        {"kafka.pools.brokers.roles": "broker"},
        "kafka.pools.brokers.roles: 'broker': not a list; write it in br",
    ),
    ("prod", {"teams.edge.reads": "{logs.access: true}"}, 'teams.edge.reads: {"logs.access": true}: not a list; write'),
    ("prod", {"teams.edge.reads": "[[logs.access]]"}, 'teams.edge.reads.0: ["logs.access"]: not a text; put it into q'),
    ("prod", {f"{CHECKOUT}.partitions": "1.5"}, f"{CHECKOUT}.partitions: 1.5: not a whole number; write digits"),
    ("prod", {f"{CHECKOUT}.partitions": "'6'"}, f"{CHECKOUT}.partitions: '6': not a whole number; write digits"),
    ("prod", {f"{CHECKOUT}.partitions": "true"}, f"{CHECKOUT}.partitions: true: not a whole number; write digits"),
    ("prod", {f"{CHECKOUT}.tier": "010"}, f"{CHECKOUT}.tier: 8: too large; write at most 4"),
    (
        "prod",
        {f"{CHECKOUT}.partitions": "123456789012345678901234567890"},
        f"{CHECKOUT}.partitions: 1.2345678901234568e+29: not a whole number; write digits",
    ),
    (
        "prod",
        {"kafka.pools.brokers.replicas": "1000000000"},
        "kafka.pools.brokers.replicas: 1000000000: too large; wri",
    ),
    (
        "prod",
        {"kafka.config": "{num.io.threads: [8]}"},
        "kafka.config.num.io.threads: [8]: not a single value; write a",
    ),
    ("prod", {"kafka.config": "{num.io.threads: }"}, "kafka.config.num.io.threads: null: not a single value; write a"),
    ("local", {"shop.rate": "true"}, "shop.rate: true: not a number; write digits"),
    ("local", {"shop.seed": "'7'"}, "shop.seed: '7': not a whole number; write digits without quotes"),
    ("prod", {"kafka.rack": "{topologyKey: zone}"}, 'kafka.rack: {"topologyKey": "zone"}: not a text; put it into'),
    # -- sizes, rates, durations, cores
    ("prod", {"kafka.pools.brokers.memory": "16"}, "kafka.pools.brokers.memory: 16: not a size; write a number and B,"),
    (
        "prod",
        {"kafka.pools.brokers.memory": "16G"},
        "kafka.pools.brokers.memory: '16G': not a size; write a number and",
    ),
    ("prod", {"kafka.pools.brokers.cpu": "two"}, "kafka.pools.brokers.cpu: 'two': not a CPU share; write cores or th"),
    ("prod", {"kafka.pools.brokers.cpu": "-1"}, "kafka.pools.brokers.cpu: -1: a CPU share must be more than zero; wri"),
    ("prod", {"kafka.pools.brokers.storage.size": "1e3GiB"}, "kafka.pools.brokers.storage.size: '1e3GiB': not a size;"),
    (
        "prod",
        {"kafka.pools.brokers.storage.size": f"{'9' * 400}GiB"},
        f"kafka.pools.brokers.storage.size: '{'9' * 79}...: more than anything can be; write at most 1024TiB",
    ),
    ("prod", {f"{CHECKOUT}.rate": "2Mbit/s"}, f"{CHECKOUT}.rate: '2Mbit/s': not a rate; write bytes per second as"),
    ("prod", {f"{CHECKOUT}.rate": "2 MiB"}, f"{CHECKOUT}.rate: '2 MiB': not a rate; write bytes per second as"),
    ("prod", {f"{CHECKOUT}.rate": "0MiB/s"}, f"{CHECKOUT}.rate: '0MiB/s': a rate must be more than zero; write"),
    ("prod", {f"{CHECKOUT}.rate": "2000TiB/s"}, f"{CHECKOUT}.rate: '2000TiB/s': more than anything can be; write at"),
    ("prod", {f"{CHECKOUT}.rate": ""}, f"{CHECKOUT}.rate: null: not a rate; write bytes per second as"),
    (
        "prod",
        {f"{CHECKOUT}.maxMessageBytes": "2GiB"},
        f"{CHECKOUT}.maxMessageBytes: '2GiB': more than readers hold and dead letters can be; write at most 8MiB",
    ),
    (
        "prod",
        {f"{CHECKOUT}.maxMessageBytes": "64MiB"},
        f"{CHECKOUT}.maxMessageBytes: '64MiB': more than readers hold and dead letters can be; write at most 8MiB",
    ),
    (
        "prod",
        {f"{CHECKOUT}.maxMessageBytes": "1KiB"},
        f"{CHECKOUT}.maxMessageBytes: '1KiB': too little for a log event; write at least 16KiB",
    ),
    (
        "prod",
        {"retention.access": "4h"},
        "retention.access: '4h': shorter than longestOutage 6h: archive, search, stream would lose records of logs.",
    ),
    (
        "prod",
        {f"{CHECKOUT}.retention": "2h"},
        f"{CHECKOUT}.retention: '2h': shorter than longestOutage 6h: ",
    ),
    (
        "local",
        {"longestOutage": "45m"},
        "retention.access: '30m': shorter than longestOutage 45m: ",
    ),
    (
        "prod",
        {"kafka.config": "{message.max.bytes: 65536}"},
        "kafka.config.message.max.bytes: 65536: too small for what the platform's parts write; write at least 1048576",
    ),
    (
        "prod",
        {"kafka.config": "{socket.request.max.bytes: 1048576}"},
        "kafka.config.socket.request.max.bytes: 1048576: too small for what the platform's parts write; write at",
    ),
    ("prod", {"retention.access": "24"}, "retention.access: 24: not a duration; write a number and s, m, h or d"),
    ("prod", {"retention.access": "12:30:00"}, "retention.access: '12:30:00': not a duration; write a number and s,"),
    ("prod", {"retention.access": "1 week"}, "retention.access: '1 week': not a duration; write a number and s, m,"),
    (
        "prod",
        {"retention.access": "999999d"},
        "retention.access: '999999d': more than anything can be; write at most 3",
    ),
    ("prod", {"archive.commitInterval": "5 min"}, "archive.commitInterval: '5 min': not a duration; write a number"),
    ("local", {"pager.quiet": "-2m"}, "pager.quiet: '-2m': a duration must be more than zero; write a number and s,"),
    # -- what has only some values, or a form
    ("prod", {"environment": "production"}, "environment: 'production': unknown value; write local, staging or prod"),
    ("prod", {"environment": ""}, "environment: null: unknown value; write local, staging or prod"),
    ("prod", {"environment": "[prod]"}, 'environment: ["prod"]: unknown value; write local, staging or prod'),
    ("staging", {"operator": "Strimzi"}, "operator: 'Strimzi': unknown value; write strimzi, embedded or auto"),
    ("staging", {"schemas.compatibility": "NONE"}, "schemas.compatibility: 'NONE': unknown value; write BACKWARD,"),
    ("staging", {"shipper.kind": "vector"}, "shipper.kind: 'vector': unknown value; write filebeat or fluentd"),
    ("staging", {"endpoints.search": "search:9200"}, "endpoints.search: 'search:9200': not an address; write one like"),
    ("staging", {"endpoints.s3": '""'}, "endpoints.s3: '': not an address; write one like"),
    (
        "staging",
        {"endpoints.database": "postgresql://db/logs"},
        "endpoints.database: 'postgresql://db/logs': not host:port/name; write it like db.example.com:5432/kafkalogs",
    ),
    (
        "staging",
        {"endpoints.caSecrets.database": "RDS_CA"},
        "endpoints.caSecrets.database: 'RDS_CA': not a name Kubernetes takes; use a-z, 0-9, - and .,",
    ),
    (
        "staging",
        {"endpoints.caSecrets.search": "ca/ca.crt"},
        "endpoints.caSecrets.search: 'ca/ca.crt': not a name Kubernetes takes; use a-z, 0-9, - and .,",
    ),
    (
        "staging",
        {"endpoints.caSecrets": "company-ca"},
        "endpoints.caSecrets: 'company-ca': not a mapping; write keys with values below it",
    ),
    (
        "staging",
        {"endpoints.caSecrets.registry": "company-ca"},
        "endpoints.caSecrets.registry: 'company-ca': unknown key; known are database, s3, search",
    ),
    (
        "local",
        {"endpoints.caSecrets.database": "rds-ca"},
        "endpoints.caSecrets.database: 'rds-ca': no endpoints.database that it would verify; write where that is, or",
    ),
    (
        "staging",
        {"endpoints.search": GONE, "endpoints.caSecrets.search": "company-ca"},
        "endpoints.caSecrets.search: 'company-ca': no endpoints.search that it would verify; write where that is, or",
    ),
    (
        "staging",
        {"endpoints.s3": "http://s3.example.com", "endpoints.caSecrets.s3": "company-ca"},
        "endpoints.caSecrets.s3: 'company-ca': endpoints.s3 is without TLS, so nothing is verified; write https://",
    ),
    # one mistake, and what follows from it
    (
        "staging",
        {"endpoints.s3": "s3.example.com", "endpoints.caSecrets.s3": "company-ca"},
        "endpoints.s3: 's3.example.com': not an address; write one like",
    ),
    ("staging", {"archive.warehouse": "/logs"}, "archive.warehouse: '/logs': not a place in S3; write it like s3://"),
    ("staging", {"stream.state": "gs://state"}, "stream.state: 'gs://state': not a place in S3; write it like s3://"),
    (
        "staging",
        {"pager.routingKeySecret": "Pager_Duty"},
        "pager.routingKeySecret: 'Pager_Duty': not a name Kubernetes",
    ),
    ("local", {"kafka.external.port": "9092"}, "kafka.external.port: 9092: too small; write at least 30000"),
    ("local", {"kafka.external.host": "https://here/"}, "kafka.external.host: 'https://here/': not a host; write its"),
    # -- what is missing
    ("prod", {f"{CHECKOUT}.team": GONE}, f"{CHECKOUT}.team: missing; it has no default"),
    ("prod", {"kafka.pools.brokers.roles": GONE}, "kafka.pools.brokers.roles: missing; it has no default"),
    ("prod", {"kafka.pools": "{}"}, "kafka.pools: {}: empty; write at least one entry"),
    ("prod", {"aws.bucket": GONE}, "aws.bucket: missing; it has no default"),
    ("prod", {"aws.search.subnets": GONE}, "aws.search.subnets: missing; it has no default"),
    (
        "prod",
        {"exceptions": f"[{{rule: replication, resource: x, expires: {SOON}}}]"},
        "exceptions.0.reason: missing; it has no default",
    ),
    # -- names
    ("prod", {"namespace": "Logs"}, "namespace: 'Logs': not a name Kubernetes takes; use a-z, 0-9 and -"),
    ("prod", {"services.Pay_ment": "{team: a, rate: 1KiB/s}"}, "services.Pay_ment: 'Pay_ment': not a name Kubernetes"),
    (
        "prod",
        {"services.404": "{team: a, rate: 1KiB/s, topic: logs 404}"},
        "services.404.topic: 'logs 404': not a topic",
    ),
    (
        "prod",
        {"services.connect": "{team: a, rate: 1KiB/s}"},
        "services.connect: 'connect': the identity of Kafka Connect",
    ),
    # -- between values
    ("prod", {"kafka.replicationFactor": "7"}, "kafka.replicationFactor: 7: more copies than the 6 brokers; add br"),
    ("prod", {"kafka.minInSyncReplicas": "3"}, "kafka.minInSyncReplicas: 3: not below replicationFactor 3, so one"),
    (
        "prod",
        {"kafka.pools.controllers.replicas": "2"},
        "kafka.pools: 2: an even number of controllers survives no mor",
    ),
    ("staging", {"kafka.pools.controllers": GONE}, 'kafka.pools: ["brokers"]: no pool has the role controller; add'),
    (
        "prod",
        {"kafka.config": "{listeners: 'PLAINTEXT://:9092'}"},
        "kafka.config.listeners: 'PLAINTEXT://:9092': the o",
    ),
    ("prod", {"kafka.pools.brokers.cpuLimit": "'1'"}, "kafka.pools.brokers.cpuLimit: '1': below what the pool reques"),
    ("prod", {"kafka.pools.brokers.storage.size": "1TiB"}, "services: '19.6 TiB': all topics need 19.6 TiB on disk"),
    (
        "prod",
        {"teams.edge.reads": "[logs.acces]"},
        "teams.edge.reads.0: 'logs.acces': no service writes to this topic;",
    ),
    ("prod", {"topics.logs/errors": "{retention: 1d}"}, "topics.logs.errors: 'logs.errors': no service writes to"),
    (
        "prod",
        {"services.nginx.types": "[acces]", "teams.edge": GONE},
        "services.nginx.types.0: 'acces': no retention cla",
    ),
    ("prod", {"stream": GONE}, "pager: 'on': it pages what the stream job finds; add stream, or leave pager out"),
    (
        "prod",
        {f"{CHECKOUT}.topic": "logs.error", "teams.payments": GONE},
        f"{CHECKOUT}.topic: 'logs.error': the stream job writes this topic; choose an",
    ),
    (
        "prod",
        {"services.error": "{team: a, rate: 1KiB/s}"},
        "services.error: 'logs.error': the stream job writes",
    ),
    # -- compliance
    ("prod", {"compliance.auditFloor": "7 years"}, "compliance.auditFloor: '7 years': not a duration; write a number"),
    ("prod", {"compliance.archiveYears.audit": "7y"}, "compliance.archiveYears.audit: '7y': not a whole number; write"),
    ("prod", {"compliance.archiveYears.audit": "0"}, "compliance.archiveYears.audit: 0: too small; write at least 1"),
    (
        "prod",
        {"compliance.archiveYears.audits": "7"},
        "compliance.archiveYears.audits: 'audits': no retention class of",
    ),
    ("prod", {"compliance.archiveYears": "7"}, "compliance.archiveYears: 7: not a mapping; write keys with values"),
    (
        "prod",
        {"monitoring.watchdogSecret": "watchdog"},
        "monitoring.watchdogSecret: 'watchdog': with operator the platform runs no Alertmanager; leave it out, and",
    ),
    # -- exceptions from policies
    (
        "prod",
        {"exceptions": EXCEPTION},
        'exceptions: {"rule": "replication", "resource": "logs.*", "reason": "two brok',
    ),
    ("prod", {"exceptions": "[replication]"}, "exceptions.0: 'replication': not a mapping; write keys with values be"),
    (
        "prod",
        {"exceptions": excepting("replication", "replicaton")},
        "exceptions.0.rule: 'replicaton': no such rule; did you mean replication?",
    ),
    (
        "prod",
        {"exceptions": excepting(SOON, "2025-01-31")},
        "exceptions.0.expires: '2025-01-31': the exception has expired; mend what it excepts and take it out, or have",
    ),
    (
        "prod",
        {"exceptions": excepting(SOON, "2999-01-31")},
        "exceptions.0.expires: '2999-01-31': more than 180 days ahead; write ",
    ),
    (
        "prod",
        {"exceptions": excepting("logs.*", '"*"')},
        "exceptions.0.resource: '*': names almost everything; write Kind/name, or a name with 3 letters or more",
    ),
    (
        "prod",
        {"exceptions": excepting(SOON, "next year")},
        "exceptions.0.expires: 'next year': not a day; write year-month-day, like 2027-01-31",
    ),
    (
        "prod",
        {"exceptions": excepting(SOON, '"2027-02-30"')},
        "exceptions.0.expires: '2027-02-30': not a day of the calendar; write year-month-day, like 2027-01-31",
    ),
    (
        "prod",
        {"exceptions": excepting(SOON, "20270131")},
        "exceptions.0.expires: 20270131: not a day; write year-month-day, like 2027-01-31",
    ),
    (
        "prod",
        {"exceptions": excepting("two brokers until June", '"  "')},
        "exceptions.0.reason: '  ': empty; say it in words",
    ),
    (
        "prod",
        {"exceptions": f"[{EXCEPTION}, {EXCEPTION}]"},
        "exceptions.1.resource: 'logs.*': a second exception from replication for the same resources; leave one",
    ),
    # -- aws
    ("prod", {"aws": ""}, "aws: null: nothing is below it; write {} to have it with its defaults, or leave it out"),
    ("prod", {"aws": "eu-central-1"}, "aws: 'eu-central-1': not a mapping; write keys with values below it"),
    ("prod", {"aws.region": "Frankfurt"}, "aws.region: 'Frankfurt': not a region of AWS; write its code, like eu-cent"),
    ("prod", {"aws.account": "123456789012"}, "aws.account: 123456789012: not a text; put it into quotes"),
    ("prod", {"aws.account": "'12345'"}, "aws.account: '12345': not an account; write its 12 digits in quotes"),
    ("prod", {"aws.oidcProvider": "my cluster"}, "aws.oidcProvider: 'my cluster': not an issuer; write its address,"),
    (
        "prod",
        {"aws.bucket": "Logs_Archive"},
        "aws.bucket: 'Logs_Archive': not the name of a bucket; use 3 to 63 of a-z",
    ),
    (
        "prod",
        {"aws.kmsAdmins": "[admin]"},
        "aws.kmsAdmins.0: 'admin': not the ARN of a role or user; write one like arn",
    ),
    ("prod", {"aws.objectLock": "true"}, "aws.objectLock: true: unknown value; write GOVERNANCE or COMPLIANCE"),
    ("prod", {"aws.storageClass": "gp3"}, "aws.storageClass: 'gp3': not true or false; write one of them without quo"),
    (
        "prod",
        {"aws.secrets.pagerdutty": "logs/pd"},
        "aws.secrets.pagerdutty: 'logs/pd': no such credentials; did you",
    ),
    (
        "prod",
        {"aws.secrets.pagerduty": "a key"},
        "aws.secrets.pagerduty: 'a key': not a name in Secrets Manager; write",
    ),
    (
        "prod",
        {"aws.search": ""},
        "search: 'on': nothing says where it is, and a stand-in is for one machine; add aws.s",
    ),
    ("prod", {"search": GONE}, "aws.search: 'on': nothing would be written to it; add search: {}, or leave it out"),
    ("prod", {"endpoints.search": "https://search"}, "endpoints.search: 'https://search': aws.search is the search en"),
    ("prod", {"endpoints.s3": "https://s3"}, "endpoints.s3: 'https://s3': aws has the S3 server, and workers have a r"),
    (
        "prod",
        {"endpoints.caSecrets.s3": "company-ca"},
        "endpoints.caSecrets.s3: 'company-ca': it is AWS's, whose certificates are of public authorities; leave it out",
    ),
    (
        "prod",
        {"endpoints.caSecrets.search": "company-ca"},
        "endpoints.caSecrets.search: 'company-ca': it is AWS's, whose certificates are of public authorities; leave",
    ),
    (
        "prod",
        {"endpoints.caSecrets.s3": "company-ca", "endpoints.s3": "https://s3.example.com"},
        "endpoints.s3: 'https://s3.example.com': aws has the S3 server, and workers have a role there; leave it out,",
    ),
    (
        "prod",
        {"endpoints": GONE},
        "audit: 'on': nothing says where it goes, and a stand-in is for one machine; write end",
    ),
    (
        "prod",
        {"pager.url": GONE},
        "pager: 'on': nothing says where it goes, and a stand-in is for one machine; write pag",
    ),
    ("prod", {"aws.search.instanceType": "r7g.large"}, "aws.search.instanceType: 'r7g.large': not an instance type of"),
    ("prod", {"aws.search.instances": "4"}, "aws.search.instances: 4: not a multiple of the 3 zones; write 3 or 6"),
    ("prod", {"aws.secrets.elastic": GONE}, "aws.secrets.elastic: missing, and the search domain needs it; write the"),
    ("prod", {"aws.search.zones": "4"}, "aws.search.zones: 4: too large; write at most 3"),
    (
        "prod",
        {"aws.search.subnets": "[subnet-0a1b2c3d]"},
        'aws.search.subnets: ["subnet-0a1b2c3d"]: 1 subnets for 3 zon',
    ),
    (
        "prod",
        {"aws.search.subnets": "[subnet-0a1b2c3d, subnet-1b2c3d4e, eu-central-1c]"},
        "aws.search.subnets.2: 'eu-central-1c': not the id of a subnet; write one like subnet-0a1b2c3d",
    ),
    ("prod", {"aws.search.securityGroups": "[]"}, "aws.search.securityGroups: []: empty; write at least one entry"),
    (
        "prod",
        {"aws.search.volume": "5GiB"},
        "aws.search.volume: '5GiB': not a disk that a data node can have; write 10",
    ),
    (
        "prod",
        {"operator": "embedded"},
        "operator: 'embedded': aws is for clusters whose service accounts have roles the",
    ),
    ("prod", {"archive.catalog": "jdbc"}, "archive.catalog: 'jdbc': aws has a catalog; write glue, or leave it out"),
    ("prod", {"archive.region": "us-east-1"}, "archive.region: 'us-east-1': the bucket is in aws.region eu-central-1;"),
    (
        "prod",
        {"archive.warehouse": "s3://other/logs"},
        "archive.warehouse: 's3://other/logs': not in aws.bucket; write",
    ),
    (
        "prod",
        {"stream.state": GONE},
        "stream.state: missing with aws, where its default is somebody else's bucket; write",
    ),
    (
        "prod",
        {"stream.state": "s3://example-logs-archive/state"},
        "stream.state: 's3://example-logs-archive/state': the objects of aws.bucket are locked and could never be",
    ),
    (
        "prod",
        {"kafka.pools.brokers.storage.class": "gp2", "kafka.pools.controllers.storage.class": "gp2"},
        "aws.storageClass: true: no disk is of this StorageClass; write false, or leave storage.class out",
    ),
]
