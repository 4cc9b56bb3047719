"""What the component declares around the secrets maker."""

import json

import pulumi
from kafkalogs.kube.resources import RESTRICTED_CONTAINER
from kafkalogs.kube.service_secrets import (
    JobArgs,
    ServiceSecrets,
    ServiceSecretsArgs,
    cron_manifest,
    job_manifest,
    list_manifest,
    role_manifest,
)
from secrets_maker.contents import Wanted

from tests.support.graph import UNKNOWN, registered, unknown

CERTIFICATES, CREDENTIALS = ["s3", "registry"], {"s3": "archive"}


def wanted_args(certificates, credentials):
    return ServiceSecretsArgs("logs", "i:1", certificates, credentials)


def test_the_program_reads_the_list():
    made = list_manifest(wanted_args(CERTIFICATES, CREDENTIALS))
    wanted = Wanted.parse(made["data"]["wanted.json"], "logs")
    assert (set(wanted.certificates), wanted.credentials) == ({"s3", "registry"}, CREDENTIALS)
    assert made["immutable"] is True


def test_the_rights_are_for_what_the_program_makes_and_nothing_else():
    named, create = role_manifest(wanted_args(CERTIFICATES, CREDENTIALS))["rules"]
    wanted = Wanted.parse(list_manifest(wanted_args(CERTIFICATES, CREDENTIALS))["data"]["wanted.json"], "logs")
    assert sorted(named["resourceNames"]) == sorted(wanted.names())
    assert named["verbs"] == ["get", "patch"]
    assert create == {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}


def test_the_name_of_the_list_follows_from_its_content():
    name = list_manifest(wanted_args(CERTIFICATES, CREDENTIALS))["metadata"]["name"]
    assert list_manifest(wanted_args(CERTIFICATES[::-1], CREDENTIALS))["metadata"]["name"] == name
    assert list_manifest(wanted_args(CERTIFICATES[:1], CREDENTIALS))["metadata"]["name"] != name
    assert list_manifest(wanted_args(CERTIFICATES, {"s3": "other"}))["metadata"]["name"] != name


def test_the_name_of_the_job_follows_from_its_spec():
    name = job_manifest(JobArgs("logs", "i:1", "list-1", "u"))["metadata"]["name"]
    assert job_manifest(JobArgs("logs", "i:1", "list-1", "u"))["metadata"]["name"] == name
    others = [("i:2", "list-1", "u"), ("i:1", "list-2", "u"), ("i:1", "list-1", "v")]
    assert name not in {job_manifest(JobArgs("logs", *other))["metadata"]["name"] for other in others}
    assert len(name) <= 63


def test_job_and_cron_job_run_the_same_restricted_pod():
    job = job_manifest(JobArgs("logs", "i:1", "list-1", "u"))
    cron = cron_manifest(JobArgs("logs", "i:1", "list-1", "u"))["spec"]
    assert cron["jobTemplate"]["spec"] == job["spec"]
    assert cron["schedule"].split()[2:] == ["*", "*", "*"]
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"] == {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True}
    assert {"requests", "limits"} == set(container["resources"])
    env = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert (env["OWNER_NAME"], env["OWNER_UID"]) == ("list-1", "u")
    assert job["metadata"]["annotations"]["pulumi.com/replaceUnready"] == "true"


def args(**more):
    return ServiceSecretsArgs(
        **{"namespace": "logs", "image": "i:1", "certificates": CERTIFICATES, "credentials": CREDENTIALS, **more}
    )


def test_the_graph():
    graph = registered(lambda: ServiceSecrets("secrets", args()))
    listed = graph.one("core/v1:ConfigMap", "secrets")
    job, cron = graph.one("batch/v1:Job", "secrets"), graph.one("batch/v1:CronJob", "secrets-renewal")
    role = graph.one("v1:Role", "secrets")
    assert role.inputs["rules"] == role_manifest(wanted_args(CERTIFICATES, CREDENTIALS))["rules"]
    for resource in (job, cron):
        assert {listed.urn, role.urn, graph.one("v1:RoleBinding", "secrets").urn} <= resource.dependencies
    assert job.create_timeout == "5m"
    assert listed.inputs["metadata"]["annotations"] == {"pulumi.com/deletionPropagationPolicy": "background"}
    assert graph.one("ServiceSecrets", "secrets").outputs == {"caSecret": "platform-ca"}
    component = graph.one("ServiceSecrets", "secrets").urn
    assert {r.parent for r in graph.resources if r.type.startswith("kubernetes:")} == {component}


def test_no_secret_value_is_declared():
    graph = registered(lambda: ServiceSecrets("secrets", args()))
    assert not graph.of(":Secret")
    assert "PRIVATE" not in json.dumps([resource.inputs for resource in graph.resources])


def test_values_that_only_the_deployment_knows():
    def build() -> None:
        ServiceSecrets("secrets", args(namespace=unknown(), image=pulumi.Output.from_input("i:2")))

    graph = registered(build, preview=True)
    assert graph.one("batch/v1:Job", "secrets").inputs["spec"] == UNKNOWN
    assert (
        graph.one("v1:Role", "secrets").inputs["rules"]
        == role_manifest(wanted_args(CERTIFICATES, CREDENTIALS))["rules"]
    )
