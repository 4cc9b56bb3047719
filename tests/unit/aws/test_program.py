"""The whole program of stack `prod`: how AWS's parts and the platform's meet, deployed and in the first preview."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_services
import machine
import pytest
import yaml
from kafkalogs import ConfigError, LogPipeline, LogPipelineArgs, LogPlatform, LogPlatformArgs, load, parts
from kafkalogs.aws.archive_layout import class_prefix

from tests.support.graph import UNKNOWN, Graph

from .aws_graph import PASSWORD, built

REPO = Path(__file__).resolve().parents[3]
CONFIG: dict[str, Any] = yaml.safe_load((REPO / "stacks" / "Pulumi.prod.yaml").read_text())["config"][
    "kafkalogs:platform"
]
IMAGES = {name: f"registry.example.org/{name}@sha256:1" for name in (*sum(parts.IMAGES.values(), ()), "secrets")}


def changed(**values: Any) -> dict[str, Any]:
    return {**CONFIG, **values}


def program(config: dict[str, Any], preview: bool = False) -> Graph:
    """What infra/__main__.py does of it."""

    def build() -> None:
        stack = load(config)
        aws_services.check(stack, IMAGES)
        where = aws_services.options(stack, "prod")
        aws_services.disks(stack, "prod", where)
        platform = LogPlatform("kafkalogs", LogPlatformArgs(config), where)
        args = aws_services.AwsServicesArgs(platform, IMAGES, "prod")
        services = aws_services.AwsServices("services", args, where)
        LogPipeline("pipeline", LogPipelineArgs(platform, IMAGES, services.endpoints, "SELECT 1;"), where)

    return built(build, preview)


@pytest.fixture(scope="module")
def deployed() -> Graph:
    return program(CONFIG)


@pytest.fixture(scope="module")
def previewed() -> Graph:
    return program(CONFIG, preview=True)


@pytest.fixture(params=["deployed", "previewed"])
def graph(request: pytest.FixtureRequest) -> Graph:
    return request.getfixturevalue(request.param)


def account_of(graph: Graph, role: str) -> str:
    """The one service account that may take a role on."""
    trust = json.loads(graph.one("role:Role", role).inputs["assumeRolePolicy"])
    (subject,) = [v for k, v in trust["Statement"][0]["Condition"]["StringEquals"].items() if k.endswith(":sub")]
    return subject.removeprefix("system:serviceaccount:kafkalogs:")


def test_connects_workers_have_the_role_of_the_archive(graph: Graph) -> None:
    template = graph.one("KafkaConnect", "connect").inputs["spec"]["template"]
    role = graph.one("role:Role", "connect-role").inputs["name"]
    arn = f"arn:aws:iam::123456789012:role/{role}"
    assert template["serviceAccount"] == {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": arn}}}
    # as Strimzi names it
    assert account_of(graph, "connect-role") == "connect-connect"


def test_the_stream_job_has_the_role_of_its_state(graph: Graph) -> None:
    account = graph.one("core/v1:ServiceAccount", "stream").inputs["metadata"]
    role = graph.one("role:Role", "stream-role").inputs["name"]
    assert account["annotations"] == {"eks.amazonaws.com/role-arn": f"arn:aws:iam::123456789012:role/{role}"}
    assert account_of(graph, "stream-role") == account["name"]
    job = graph.one("FlinkDeployment", "stream").inputs["spec"]
    assert job["serviceAccount"] == account["name"]
    config = job["flinkConfiguration"]
    assert config["s3.aws.credentials.provider"] == "com.amazonaws.auth.WebIdentityTokenCredentialsProvider"
    assert config["s3a.endpoint.region"] == "eu-central-1"
    assert "s3.endpoint" not in config
    bucket = config["execution.checkpointing.dir"].removeprefix("s3://").partition("/")[0]
    assert bucket in {r.inputs["bucket"] for r in graph.of(":Bucket")}


def test_no_key_of_aws_is_in_the_cluster(graph: Graph) -> None:
    text = json.dumps([r.inputs for r in graph.resources if r.type.startswith("kubernetes:")])
    assert "s3-credentials" not in text
    assert "AWS_SECRET_ACCESS_KEY" not in text
    assert "access-key-id" not in text


def test_the_archives_table_is_where_its_rights_and_rules_are(graph: Graph) -> None:
    config = graph.one("KafkaConnector", "archive").inputs["spec"]["config"]
    database = graph.one("CatalogDatabase", "catalog").inputs
    assert config["iceberg.tables"] == f"{database['name']}.events"
    assert config["iceberg.catalog.warehouse"] == database["locationUri"] == "s3://example-logs-archive/logs"
    assert config["iceberg.catalog.type"] == "glue"
    assert "iceberg.catalog.jdbc.user" not in config
    kinds = {config[key] for key in config if key.endswith(".static.value")}
    rules = graph.one("BucketLifecycleConfiguration", "archive-bucket").inputs["rules"]
    assert {class_prefix("logs", kind) for kind in kinds} == {
        rule["filter"]["prefix"] for rule in rules if "transitions" in rule
    }
    assert kinds == {"access", "application", "audit"}


def test_connect_reaches_the_table_and_its_key(deployed: Graph) -> None:
    policy = deployed.one("rolePolicy:RolePolicy", "connect-role").inputs["policy"]
    assert "arn:aws:s3:::example-logs-archive/logs/events/*" in policy
    assert "arn:aws:kms:eu-central-1:123456789012:key/archive-bucket-id" in policy
    assert "table/kafkalogs_prod/events" in policy


def test_the_longest_class_is_the_lock() -> None:
    def years(config: dict[str, Any]) -> int:
        classes = ["access", "application", "audit"]
        return aws_services.lock_years(load(config), classes)

    assert years(CONFIG) == 7
    assert years(changed(compliance={"archiveYears": {"access": 9, "audit": 3}})) == 9


def test_nobody_locks_what_is_not_archived(deployed: Graph) -> None:
    assert deployed.one("BucketObjectLockConfiguration", "archive-bucket").inputs["rule"]["defaultRetention"] == {
        "mode": "COMPLIANCE",
        "years": 7,
    }


def test_brokers_disks_are_encrypted(graph: Graph) -> None:
    name = graph.one("v1:StorageClass", "disks").inputs["metadata"]["name"]
    pools = graph.of("KafkaNodePool")
    assert len(pools) == 2
    volumes = [volume for pool in pools for volume in pool.inputs["spec"]["storage"]["volumes"]]
    assert [volume["class"] for volume in volumes] == [name] * 2


def test_an_address_that_is_not_known_hides_nothing_else(previewed: Graph, deployed: Graph) -> None:
    sink = previewed.one("KafkaConnector", "search").inputs["spec"]
    told = deployed.one("KafkaConnector", "search").inputs["spec"]
    assert sink == {**told, "config": {**told["config"], "search.url": UNKNOWN}}
    assert told["config"]["search.url"].startswith("https://vpc-search-domain")
    job = previewed.one("batch/v1:Job", "search-setup").inputs
    container = job["spec"]["template"]["spec"]["containers"][0]
    known = deployed.one("batch/v1:Job", "search-setup").inputs["spec"]["template"]["spec"]["containers"][0]
    assert container == known
    assert job["metadata"]["namespace"] == "kafkalogs"


def test_what_a_first_preview_does_not_know(previewed: Graph) -> None:
    """No whole manifest: what policies judge is there."""

    def hidden(value: Any, path: str) -> Iterator[str]:
        if value == UNKNOWN:
            yield path
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from hidden(item, f"{path}.{key}")
        elif isinstance(value, list):
            for item in value:
                yield from hidden(item, path)

    # of AWS's parts: the registry's address has been one since there are schemas
    ours = [r for r in previewed.resources if r.name != "schemas" and not r.name.startswith("services-secrets")]
    found = {f"{r.type.rpartition(':')[2]} {path}" for r in ours for path in hidden(r.inputs, "")}
    assert found == {
        "Alias .targetKeyId",
        "BucketServerSideEncryptionConfiguration .rules.applyServerSideEncryptionByDefault.kmsMasterKeyId",
        "ConfigMap .data.search.json",
        "ConfigMap .metadata.name",
        "CronJob .spec.jobTemplate.spec.template.spec.volumes.configMap.name",
        "Domain .advancedSecurityOptions.masterUserOptions.masterUserName",
        "Domain .advancedSecurityOptions.masterUserOptions.masterUserPassword",
        "Domain .encryptAtRest.kmsKeyId",
        "Job .metadata.name",
        "Job .spec.template.spec.volumes.configMap.name",
        "KafkaConnector .spec.config.search.url",
        "LogGroup .kmsKeyId",
        "RolePolicy .policy",
        "StorageClass .parameters.kmsKeyId",
    }


def test_passwords_of_secrets_manager_pass_pulumi_in_one_place_alone(deployed: Graph) -> None:
    holding = [(r.type, r.name) for r in deployed.resources if PASSWORD in json.dumps([r.inputs, r.outputs])]
    assert holding == [("aws:opensearch/domain:Domain", "search-domain")]


def test_resources_go_to_the_account_of_the_stack_file(deployed: Graph) -> None:
    provider = deployed.one("providers:aws", "aws").inputs
    assert json.loads(provider["allowedAccountIds"]) == ["123456789012"]
    assert provider["region"] == "eu-central-1"
    ours = [r for r in deployed.resources if r.type.startswith("aws:")]
    assert len(ours) > 30
    assert all("providers:aws" in r.provider for r in ours)


def test_rds_is_verified_by_amazons_authorities(graph: Graph) -> None:
    """Java does not know them: without the Secret the sink never connects, and less than verify-full is no way out."""
    url = graph.one("KafkaConnector", "audit").inputs["spec"]["config"]["connection.url"]
    assert url.partition(".rds.amazonaws.com:5432/kafkalogs?")[2] == (
        "sslmode=verify-full&sslrootcert=/mnt/secrets/rds-ca/ca.crt"
    )
    template = graph.one("KafkaConnect", "connect-database").inputs["spec"]["template"]
    (name,) = [v["name"] for v in template["pod"]["volumes"] if v["secret"]["secretName"] == "rds-ca"]
    assert {m["mountPath"] for m in template["connectContainer"]["volumeMounts"] if m["name"] == name} == {
        "/mnt/secrets/rds-ca"
    }


def test_workers_wait_for_no_secret_that_nobody_makes() -> None:
    config = {key: value for key, value in CONFIG.items() if key not in {"audit", "endpoints"}}
    mounted = program(config).one("KafkaConnect", "connect-search").inputs["spec"]["template"]["pod"]["volumes"]
    assert [volume["secret"]["secretName"] for volume in mounted] == ["search-sink-credentials"]


def test_without_a_part_nothing_of_it_is_made() -> None:
    aws = {key: value for key, value in CONFIG["aws"].items() if key not in {"search", "secrets"}}
    config = {"aws": aws, **{key: CONFIG[key] for key in ("environment", "kafka", "services", "topics")}}
    resources = program(config).resources
    assert {r.type for r in resources if r.type.startswith("aws:")} == {"aws:kms/key:Key", "aws:kms/alias:Alias"}
    assert not [r for r in resources if r.type.endswith((":SecretStore", ":ExternalSecret"))]


def test_a_domain_needs_an_administrator_and_a_user() -> None:
    aws = {**CONFIG["aws"], "secrets": {"pagerduty": "p", "postgres": "p"}}
    with pytest.raises(ConfigError) as error:
        aws_services.check(load(changed(aws=aws)), IMAGES)
    assert "aws.secrets.elastic" in str(error.value)
    assert "aws.secrets.search-sink" in str(error.value)
    with pytest.raises(ConfigError, match="the image `secrets` is missing"):
        aws_services.check(load(CONFIG), {k: v for k, v in IMAGES.items() if k != "secrets"})


@pytest.mark.parametrize("text", ["", "plain", "[]", '{"username": "a"}', "null"])
def test_a_secret_of_another_form_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(Exception, match=r"aws\.secrets\.elastic: not a user name and a password") as error:
        aws_services._credentials(text)
    assert "plain" not in str(error.value)


def test_other_stacks_do_not_load_awss_resources() -> None:
    """They take seconds, and a stack without `aws` has none of them."""
    program = "import sys, kafkalogs, kafkalogs.pipeline, kafkalogs.platform, machine, local_services;"
    told = subprocess.run(
        [sys.executable, "-c", f"{program} print([m for m in sys.modules if m.startswith('pulumi_aws')])"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": f"{REPO / 'components'}:{REPO / 'infra'}", "PATH": ""},
    )
    assert told.stdout.strip() == "[]"
    loads = [line for line in Path(machine.__file__).with_name("__main__.py").read_text().splitlines() if "aws" in line]
    assert not [line for line in loads if line.startswith(("import", "from"))]
