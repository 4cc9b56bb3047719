"""`SearchSetup`: index templates of the log data streams, and their retention where the engine does not enforce it.

A Job (apps/search_setup) prepares the engine, and a new Job runs when its settings change. A CronJob deletes indices
that are too old. If the engine has life cycles (ILM), the Job hands the retention to the engine, and the CronJob has
nothing to do.
"""

import json
from dataclasses import dataclass, replace
from typing import Final

import pulumi
from pulumi_kubernetes.batch.v1 import CronJob, Job
from pulumi_kubernetes.core.v1 import ConfigMap

from ..catalog.network import user_of
from ..kube.pods import container, digest, labels, pod, resources, secret_volume
from ..kube.resources import DELETE_AT_ONCE, Manifest, after, known, manifest_of, metadata, part, typed
from ..kube.unknowns import Unknowns, name_of, named_by
from . import record

NAME: Final = record.SEARCH_SETUP
SCHEDULE: Final = "7 * * * *"
"""The CronJob runs every hour, so that a retention of hours is kept."""

_SETTINGS: Final = "/etc/kafkalogs"
_CREDENTIALS: Final = "/mnt/credentials"
_CA: Final = "/mnt/ca"


@dataclass(frozen=True)
class SearchSetupArgs:
    """The arguments of a `SearchSetup`. A namespace has one `SearchSetup`."""

    namespace: pulumi.Input[str]
    """The namespace of the Job."""

    image: pulumi.Input[str]
    """The image of the program that prepares the engine."""

    url: pulumi.Input[str]
    """The address of Elasticsearch 8 or OpenSearch, e.g. https://elasticsearch:9200."""

    streams: pulumi.Input[dict[str, int]]
    """How long each data stream's events are kept; milliseconds."""

    credentials: pulumi.Input[str]
    """The Secret with the username and password of a user who may write templates and delete indices."""

    ca_secret: pulumi.Input[str] | None = None
    """The Secret whose ca.crt signed the engine's certificate; when absent, the public authorities."""

    replicas: pulumi.Input[int] = 1
    """Copies of each index besides the primary one; 0 for an engine with one node."""


def settings_manifest(args: SearchSetupArgs) -> Manifest:
    """The ConfigMap with the settings. Its name contains their digest, so that a change runs the Job again."""
    settings = {
        "url": known(args.url),
        "streams": dict(sorted(known(args.streams).items())),
        "replicas": known(args.replicas),
        "credentials": _CREDENTIALS,
        "ca": f"{_CA}/ca.crt" if known(args.ca_secret) else "",
    }
    text = json.dumps(settings)
    about = metadata(f"{NAME}-{_digest(text)}", known(args.namespace), at_once=True)
    return {"metadata": about, "immutable": True, "data": {"search.json": text}}


@dataclass(frozen=True)
class JobArgs:
    """The arguments of the Job and the CronJob: values of `SearchSetupArgs`, and the name of the ConfigMap."""

    namespace: pulumi.Input[str]
    image: pulumi.Input[str]
    credentials: pulumi.Input[str]
    ca_secret: pulumi.Input[str] | None
    settings: pulumi.Input[str]
    """The name of the ConfigMap with the settings."""


def job_manifest(args: JobArgs) -> Manifest:
    """The Job that prepares the engine. A Job is immutable, so its name contains a digest of its spec."""
    spec = _job_spec("setup", args)
    about = metadata(f"{NAME}-{_digest(json.dumps(spec, sort_keys=True))}", known(args.namespace))
    # The next `pulumi up` replaces a failed Job instead of waiting for it.
    return {"metadata": {**about, "annotations": {**DELETE_AT_ONCE, "pulumi.com/replaceUnready": "true"}}, "spec": spec}


def cron_manifest(args: JobArgs) -> Manifest:
    """The CronJob that enforces the retention."""
    return {
        "metadata": metadata("search-retention", known(args.namespace), at_once=True),
        "spec": {
            "schedule": SCHEDULE,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {"spec": _job_spec("retain", args)},
        },
    }


def _job_spec(command: str, args: JobArgs) -> Manifest:
    ca_secret = known(args.ca_secret)
    mounted = {"settings": _SETTINGS, "credentials": _CREDENTIALS, **({"ca": _CA} if ca_secret else {})}
    runs = container("search-setup", known(args.image)) | {
        "args": [command],
        "resources": resources("10m", "48Mi", "500m", "128Mi"),
        "volumeMounts": [{"name": name, "mountPath": path, "readOnly": True} for name, path in mounted.items()],
    }
    volumes: list[Manifest] = [
        {"name": "settings", "configMap": {"name": known(args.settings)}},
        secret_volume("credentials", known(args.credentials), "username", "password"),
    ]
    if ca_secret:
        items = [{"key": "ca.crt", "path": "ca.crt"}]
        volumes.append({"name": "ca", "secret": {"secretName": ca_secret, "items": items}})
    return {
        "backoffLimit": 4,
        "activeDeadlineSeconds": 540,
        "template": {
            "metadata": {"labels": {**labels(NAME), **user_of("search").labels}},
            "spec": {**pod([runs], volumes, user=None), "restartPolicy": "Never"},
        },
    }


def _digest(text: str) -> str:
    return digest(text)[:10]


class SearchSetup(pulumi.ComponentResource):
    """Index templates of the log data streams, and their retention."""

    streams: pulumi.Output[list[str]]
    """The data streams, known when all of them have their template."""

    def __init__(self, name: str, args: SearchSetupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(SearchSetupArgs, args)
        super().__init__("kafkalogs:index:SearchSetup", name, {}, opts)
        # A name contains a digest of the whole, so it waits for the engine's address. A preview shows all the rest.
        whole = manifest_of(settings_manifest, args)
        unknown = Unknowns()
        shown = unknown.manifest(settings_manifest, replace(args, url=unknown.text(args.url)), args)
        child = pulumi.ResourceOptions(parent=self)
        settings = ConfigMap(
            name, metadata=named_by(shown, whole), data=part(shown, "data"), immutable=True, opts=child
        )
        job_args = JobArgs(args.namespace, args.image, args.credentials, args.ca_secret, name_of(whole))
        unknown = Unknowns()
        marked = replace(job_args, settings=unknown.text(job_args.settings))
        job = manifest_of(job_manifest, job_args)
        runs = unknown.manifest(job_manifest, marked, job_args)
        done = Job(
            name, metadata=named_by(runs, job), spec=part(runs, "spec"), opts=after(self, [settings], minutes=10)
        )
        cron = unknown.manifest(cron_manifest, marked, job_args)
        CronJob(
            f"{name}-retention",
            metadata=part(cron, "metadata"),
            spec=part(cron, "spec"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[settings]),
        )
        self.streams = pulumi.Output.all(done.urn, args.streams).apply(lambda known: sorted(known[1]))
        self.register_outputs({"streams": self.streams})
