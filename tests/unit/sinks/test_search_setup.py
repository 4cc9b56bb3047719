"""The resources that run the search set-up."""

import json

from kafkalogs.sinks.search_setup import JobArgs, SearchSetupArgs, cron_manifest, job_manifest, settings_manifest
from search_setup.engine import Settings

DAY = 86_400_000
STREAM = "logs-audit-default"


def setup_args(streams):
    return SearchSetupArgs("ns", "image", "https://e:9200", streams, "elastic-credentials", "platform-ca", replicas=0)


def job_args(image="image"):
    return JobArgs("ns", image, "elastic-credentials", "platform-ca", "settings")


def test_settings_are_what_the_program_reads():
    made = settings_manifest(setup_args({STREAM: DAY}))
    assert Settings(**json.loads(made["data"]["search.json"])).streams == {STREAM: DAY}
    other = settings_manifest(setup_args({STREAM: 2 * DAY}))
    assert made["metadata"]["name"] != other["metadata"]["name"], "a change would not run the Job again"


def test_the_jobs_are_restricted_and_read_only_what_they_need():
    for made in (
        job_manifest(job_args())["spec"],
        cron_manifest(job_args())["spec"]["jobTemplate"]["spec"],
    ):
        pod = made["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert set(container["resources"]) == {"requests", "limits"}
        secrets = {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
        assert secrets == {"elastic-credentials", "platform-ca"}
        assert {"key": "ca.key", "path": "ca.key"} not in pod["volumes"][2]["secret"]["items"]


def test_another_image_is_another_job():
    made = [job_manifest(job_args(image))["metadata"]["name"] for image in ("a", "b")]
    assert made[0] != made[1]
