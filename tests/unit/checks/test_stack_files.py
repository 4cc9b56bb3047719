"""The stack files of this repository, and what an environment or `aws` lets them leave out."""

import copy
import datetime
from typing import Any

import pytest
import yaml
from kafkalogs import ConfigError, load, parts
from kafkalogs.checks import production as checks_production
from kafkalogs.config.aws import STORAGE_CLASS
from kafkalogs.config.environments import ENVIRONMENTS, merged
from kafkalogs.config.models import Platform

from tests.support.stack import REMOVED, VALID, changed
from tests.support.wrong_stacks import GONE, NAMES, STACKS, platform_of, wrong

SOON = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=90)
EXCEPTION = {
    "rule": "replication",
    "resource": "logs.*",
    "reason": "two brokers until June",
    "expires": SOON.isoformat(),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_stack_file_has_no_problem_and_says_which_environment_it_is(name: str) -> None:
    platform = load(platform_of(name))
    assert platform.environment == name
    assert parts.switched_on(platform) == list(parts.IMAGES), "every part is on"


@pytest.mark.parametrize("name", NAMES)
def test_editors_find_the_schema_of_a_stack_file(name: str) -> None:
    first = (STACKS / f"Pulumi.{name}.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=schema.json"
    assert (STACKS / "schema.json").is_file()


def test_every_stack_file_is_looked_at() -> None:
    assert {path.name for path in STACKS.glob("Pulumi.*.yaml")} == {f"Pulumi.{name}.yaml" for name in NAMES}


def test_staging_is_three_brokers_of_strimzi_with_all_they_rely_on_named() -> None:
    platform = load(platform_of("staging"))
    assert (platform.operator, platform.brokers(), platform.aws) == ("strimzi", 3, None)
    assert all((platform.endpoints.s3, platform.endpoints.database, platform.endpoints.search))
    assert platform.pager
    assert platform.pager.url
    assert (platform.kafka.replication_factor, platform.kafka.min_in_sync_replicas) == (3, 2)


def test_production_survives_the_loss_of_a_zone_and_has_its_archive_in_aws() -> None:
    platform = load(platform_of("prod"))
    roles = [(pool.roles, pool.replicas) for pool in platform.kafka.pools.values()]
    assert sorted(roles) == [(("broker",), 6), (("controller",), 3)]
    assert platform.brokers() % 3 == 0
    assert (platform.kafka.replication_factor, platform.kafka.min_in_sync_replicas) == (3, 2)
    assert platform.kafka.rack == "topology.kubernetes.io/zone"
    assert platform.protect
    assert platform.aws
    assert platform.aws.object_lock == "COMPLIANCE"
    assert platform.archive
    assert (platform.archive.catalog, platform.archive.region) == ("glue", "eu-central-1")
    assert platform.archive.warehouse == "s3://example-logs-archive/logs"
    assert {pool.storage.storage_class for pool in platform.kafka.pools.values()} == {STORAGE_CLASS}


def test_production_knows_who_signs_for_rds() -> None:
    ends = load(platform_of("prod")).endpoints
    assert ends.database
    assert ends.database.endswith(".rds.amazonaws.com:5432/kafkalogs")
    assert ends.ca_secrets.named() == {"database": "rds-ca"}


def test_authorities_are_secrets_of_what_is_named() -> None:
    secrets = {"s3": "company-ca", "database": "company-ca", "search": "search.ca"}
    assert load(wrong("staging", {"endpoints.caSecrets": str(secrets)})).endpoints.ca_secrets.named() == secrets
    assert load(platform_of("staging")).endpoints.ca_secrets.named() == {}
    # of a search engine beside AWS
    own = {"endpoints.search": "https://search.example.com", "endpoints.caSecrets.search": "company-ca"}
    assert load(wrong("prod", {"aws.search": GONE, **own})).endpoints.ca_secrets.search == "company-ca"


# What the stack file of `local` said before environments had defaults.
BEFORE: dict[str, Any] = {
    "operator": "auto",
    "protect": False,
    "kafka.name": "logs",
    "kafka.version": "4.3.1",
    "kafka.replicationFactor": 3,
    "kafka.minInSyncReplicas": 2,
    "kafka.pools.kafka.storage.type": "persistent",
    "kafka.config": {"offsets.topic.num.partitions": 12, "transaction.state.log.num.partitions": 12},
    "kafka.external": {"host": "localhost", "port": 32090},
    "schemas.compatibility": "BACKWARD",
    "connect": {"replicas": 1, "cpu": "100m"},
    "archive.commitInterval": "30s",
    "pager": {"quiet": "2m", "update": "30s"},
    "shipper.kind": "filebeat",
}


def test_what_local_no_longer_says_is_as_it_was() -> None:
    local = platform_of("local")
    assert load(changed(*BEFORE.items(), base=local)) == load(local)


def _leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return [path]
    return [leaf for key, inner in value.items() for leaf in _leaves(inner, (*path, key))]


def test_local_says_nothing_that_is_default() -> None:
    local = platform_of("local")
    told = [".".join(key.replace(".", "/") for key in leaf) for leaf in _leaves(local)]
    required = ("replicas", "roles", "team", "rate", "reads")
    silent = [path for path in told if path != "environment" and not path.endswith(required)]
    # infra/machine.py reads `operator` before the defaults are there; the size of a disk is worth saying
    allowed = {"operator", "kafka.pools.kafka.storage.size"}
    assert {path for path in silent if _same(changed((path, REMOVED), base=local), local)} <= allowed


def _same(raw: Any, other: Any) -> bool:
    try:
        return load(raw) == load(other)
    except ConfigError:
        return False


# -- environments


def _whole(environment: str) -> dict[str, Any]:
    return {"environment": environment, "stream": {}, "archive": {}, "pager": {}}


def test_the_defaults_of_the_models_are_those_of_production() -> None:
    assert load(_whole("prod")) == Platform.model_validate(_whole("prod"))
    assert load({}) == Platform()
    for name in ("local", "staging"):
        assert load(_whole(name)) != Platform.model_validate(_whole(name))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_says_only_what_differs_from_production(environment: str) -> None:
    """A value that is production's own would stand in two places."""
    parts = {"stream": {}, "archive": {}, "pager": {}, "monitoring": {}}
    overlay = ENVIRONMENTS[environment]
    for key in _leaves(overlay):
        if key[:2] == ("compliance", "archiveYears"):  # each class is said, those too that are production's
            continue
        alone: dict[str, Any] = {**copy.deepcopy(parts), "environment": "prod"}
        place, table = alone, overlay
        for name in key[:-1]:
            place, table = place.setdefault(name, {}), table[name]
        place[key[-1]] = table[key[-1]]
        assert Platform.model_validate(alone) != Platform.model_validate({**parts, "environment": "prod"}), key


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_the_file_says_wins_and_the_rest_is_the_environments(environment: str) -> None:
    platform = load({"environment": environment, "connect": {"cpu": "3"}, "protect": environment == "local"})
    assert platform.connect.cpu == 3000
    assert platform.connect.replicas == (1 if environment == "local" else 2)
    assert platform.protect == (environment == "local")


def test_defaults_of_a_part_do_not_switch_it_on() -> None:
    platform = load({"environment": "local"})
    assert (platform.archive, platform.pager) == (None, None)
    archive = load({"environment": "local", "archive": {}}).archive
    assert archive
    assert archive.commit_interval == 30_000


@pytest.mark.parametrize("name", NAMES)
def test_merging_twice_is_merging_once_and_changes_nothing_given(name: str) -> None:
    given = platform_of(name)
    once = merged(given)
    assert merged(once) == once
    assert given == platform_of(name)


def test_a_default_of_the_environment_can_be_the_problem_and_has_its_path() -> None:
    with pytest.raises(ConfigError) as error:
        load(wrong("prod", {"environment": "local"}))
    assert "kafkalogs:platform.operator: 'auto': aws is for clusters" in str(error.value)


# -- aws


def test_a_disk_that_names_its_class_or_is_not_kept_is_left_alone() -> None:
    own = {"kafka.pools.controllers.storage": "{type: ephemeral}", "kafka.pools.brokers.storage.class": "own"}
    platform = load(wrong("prod", {**own, "aws.storageClass": "false"}))
    pools = platform.kafka.pools
    assert (pools["controllers"].storage.storage_class, pools["brokers"].storage.storage_class) == (None, "own")


@pytest.mark.parametrize(
    "provider",
    [
        "oidc.eks.eu-central-1.amazonaws.com/id/0A1B",
        "https://oidc.eks.eu-central-1.amazonaws.com/id/0A1B",
        "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/0A1B",
    ],
)
def test_an_issuer_is_named_in_three_ways(provider: str) -> None:
    aws = load(wrong("prod", {"aws.oidcProvider": provider})).aws
    assert aws
    assert aws.oidc_provider == provider


# -- compliance and exceptions


def test_how_long_the_archive_keeps_a_class() -> None:
    compliance = load({"retention": {"debug": "1h"}, "compliance": {"archiveYears": {"audit": 10}}}).compliance
    assert [compliance.years(kind) for kind in ("audit", "errors", "access", "debug")] == [10, 2, 1, 1]
    assert compliance.audit_floor == 7 * 24 * 3600 * 1000


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_audit_logs_are_kept_above_the_floor_unless_the_file_says_otherwise(environment: str) -> None:
    platform = load({"environment": environment})
    assert platform.retention_classes()["audit"] >= platform.compliance.audit_floor


@pytest.mark.parametrize("expires", [f"{SOON}", f"{SOON} 00:00:00 +0000 UTC", yaml.safe_load(f"{SOON}")])
def test_an_exception_ends_on_a_day_however_yaml_reads_it(expires: object) -> None:
    (exception,) = load(changed(("exceptions", [{**EXCEPTION, "expires": expires}]))).exceptions
    assert exception.expires == SOON


def test_an_exception_holds_on_its_last_day_and_not_after(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = changed(("exceptions", [{**EXCEPTION, "expires": "2030-06-30"}]))
    monkeypatch.setattr(checks_production, "today", lambda: datetime.date(2030, 6, 30))
    assert len(load(raw).exceptions) == 1
    monkeypatch.setattr(checks_production, "today", lambda: datetime.date(2030, 7, 1))
    with pytest.raises(ConfigError, match=r"exceptions\.0\.expires: '2030-06-30': the exception has expired"):
        load(raw)
    monkeypatch.setattr(checks_production, "today", lambda: datetime.date(2030, 1, 1))
    assert len(load(raw).exceptions) == 1
    monkeypatch.setattr(checks_production, "today", lambda: datetime.date(2029, 12, 31))
    with pytest.raises(ConfigError, match=r"'2030-06-30': more than 180 days ahead; write 2030-06-29 or earlier"):
        load(raw)


@pytest.mark.parametrize("resource", ["*", "lo*", "KafkaTopic/*", "*/logs.audit"])
def test_an_exception_never_names_everything(resource: str) -> None:
    with pytest.raises(ConfigError, match=r"exceptions\.0\.resource: .* names almost everything"):
        load(changed(("exceptions", [{**EXCEPTION, "resource": resource}])))


# -- what a stack file, or a program, can also bring about


def test_every_entry_of_a_list_that_is_wrong_is_reported() -> None:
    wrong_ones = [{**EXCEPTION, "expires": "soon"}, {"rule": "replication", "resource": " "}, "x"]
    with pytest.raises(ConfigError) as error:
        load(changed(("exceptions", wrong_ones), ("kafka.pools.kafka.roles", ["boker", "contoller"])))
    assert {problem.path for problem in error.value.problems} == {
        ("exceptions", 0, "expires"),
        ("exceptions", 1, "resource"),
        ("exceptions", 1, "reason"),
        ("exceptions", 1, "expires"),
        ("exceptions", 2),
        ("kafka", "pools", "kafka", "roles", 0),
        ("kafka", "pools", "kafka", "roles", 1),
    }


@pytest.mark.parametrize("raw", [{1: 2}, {**VALID, None: {}}, {"services": {1: {"team": "a", "rate": "1KiB/s"}}}])
def test_keys_that_are_no_texts_are_refused(raw: Any) -> None:
    with pytest.raises(ConfigError, match=r"not a text|unknown key"):
        load(raw)
