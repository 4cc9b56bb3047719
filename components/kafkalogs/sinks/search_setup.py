"""`SearchSetup`: index templates of the log data streams, and their retention where the engine does not enforce it.

A Job sets up (apps/search_setup), and is made anew when what it sets up changes; a CronJob deletes what is too old. On
an engine with life cycles (ILM) the Job hands the retention to the engine, and the CronJob finds nothing to do.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_kubernetes.batch.v1 import CronJob, Job
from pulumi_kubernetes.core.v1 import ConfigMap

from ..kube.resources import (
    DELETE_AT_ONCE,
    RESTRICTED_CONTAINER,
    RESTRICTED_POD,
    Manifest,
    manifest_from_values,
    metadata,
    part,
    typed,
)
from ..kube.unknowns import manifest_around, name_of, named_by

NAME: Final = "search-setup"
SCHEDULE: Final = "7 * * * *"
"""When the CronJob looks: every hour, so that a retention of hours is one."""

_SETTINGS: Final = "/etc/kafkalogs"
_CREDENTIALS: Final = "/mnt/credentials"
_CA: Final = "/mnt/ca"


@dataclass(frozen=True)
class SearchSetupArgs:
    """What is set up. There is one `SearchSetup` in a namespace."""

    namespace: pulumi.Input[str]
    """The namespace of the Job."""

    image: pulumi.Input[str]
    """The image of the search set-up."""

    url: pulumi.Input[str]
    """Where Elasticsearch 8 or OpenSearch answers, e.g. https://elasticsearch:9200."""

    streams: pulumi.Input[dict[str, int]]
    """How long each data stream's events are kept; milliseconds."""

    credentials: pulumi.Input[str]
    """The Secret with the username and password of a user that may put templates and delete indices."""

    ca_secret: pulumi.Input[str] | None = None
    """The Secret whose ca.crt signed the engine's certificate; when absent, the public authorities."""

    replicas: pulumi.Input[int] = 1
    """Copies of each index beside the first; 0 for an engine with one node."""


def settings_manifest(
    namespace: str, url: str, streams: dict[str, int], replicas: int, ca_secret: str | None
) -> Manifest:
    """The ConfigMap with what is set up; its name carries a digest of it, so that a change runs the Job again."""
    settings = {
        "url": url,
        "streams": dict(sorted(streams.items())),
        "replicas": replicas,
        "credentials": _CREDENTIALS,
        "ca": f"{_CA}/ca.crt" if ca_secret else "",
    }
    text = json.dumps(settings)
    about = metadata(f"{NAME}-{_digest(text)}", namespace, at_once=True)
    return {"metadata": about, "immutable": True, "data": {"search.json": text}}


def job_manifest(namespace: str, image: str, settings: str, credentials: str, ca_secret: str | None) -> Manifest:
    """The Job that sets up. settings: the ConfigMap; a Job cannot be changed, so its name follows from its spec."""
    spec = _job_spec("setup", image, settings, credentials, ca_secret)
    about = metadata(f"{NAME}-{_digest(json.dumps(spec, sort_keys=True))}", namespace)
    # A Job that failed for good is made anew by the next `pulumi up`, rather than waited for.
    return {"metadata": {**about, "annotations": {**DELETE_AT_ONCE, "pulumi.com/replaceUnready": "true"}}, "spec": spec}


def cron_manifest(namespace: str, image: str, settings: str, credentials: str, ca_secret: str | None) -> Manifest:
    """The CronJob that enforces the retention."""
    return {
        "metadata": metadata("search-retention", namespace, at_once=True),
        "spec": {
            "schedule": SCHEDULE,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {"spec": _job_spec("retain", image, settings, credentials, ca_secret)},
        },
    }


def _job_spec(command: str, image: str, settings: str, credentials: str, ca_secret: str | None) -> Manifest:
    mounts = {"settings": _SETTINGS, "credentials": _CREDENTIALS, **({"ca": _CA} if ca_secret else {})}
    container: dict[str, Any] = {
        "name": "search-setup",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": [command],
        "resources": {"requests": {"cpu": "10m", "memory": "48Mi"}, "limits": {"cpu": "500m", "memory": "128Mi"}},
        "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
        "volumeMounts": [{"name": name, "mountPath": path, "readOnly": True} for name, path in mounts.items()],
    }
    keys = [{"key": key, "path": key} for key in ("username", "password")]
    volumes: list[Manifest] = [
        {"name": "settings", "configMap": {"name": settings}},
        {"name": "credentials", "secret": {"secretName": credentials, "defaultMode": 0o440, "items": keys}},
    ]
    if ca_secret:
        items = [{"key": "ca.crt", "path": "ca.crt"}]
        volumes.append({"name": "ca", "secret": {"secretName": ca_secret, "items": items}})
    return {
        "backoffLimit": 4,
        "activeDeadlineSeconds": 540,
        "template": {
            "metadata": {
                "labels": {
                    "app.kubernetes.io/name": NAME,
                    "app.kubernetes.io/part-of": "kafkalogs",
                    "kafkalogs.io/uses-search": "true",
                }
            },
            "spec": {
                "automountServiceAccountToken": False,
                "restartPolicy": "Never",
                "securityContext": {**RESTRICTED_POD, "fsGroup": 1001},
                "containers": [container],
                "volumes": volumes,
            },
        },
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]


class SearchSetup(pulumi.ComponentResource):
    """Index templates of the log data streams, and their retention."""

    streams: pulumi.Output[list[str]]
    """The data streams; a sink that waits for it writes to none without a template."""

    def __init__(self, name: str, args: SearchSetupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(SearchSetupArgs, args)
        super().__init__("kafkalogs:index:SearchSetup", name, {}, opts)
        wanted: dict[str, Any] = {
            "namespace": args.namespace,
            "url": args.url,
            "streams": args.streams,
            "replicas": args.replicas,
            "ca_secret": args.ca_secret,
        }
        # Names are digests of all that is in them; the rest is known before an engine's address is.
        whole = manifest_from_values(settings_manifest, **wanted)
        shown = manifest_around(settings_manifest, late=["url"], **wanted)
        child = pulumi.ResourceOptions(parent=self)
        settings = ConfigMap(
            name, metadata=named_by(shown, whole), data=part(shown, "data"), immutable=True, opts=child
        )
        about: dict[str, Any] = {
            "namespace": args.namespace,
            "image": args.image,
            "settings": name_of(whole),
            "credentials": args.credentials,
            "ca_secret": args.ca_secret,
        }
        after = pulumi.ResourceOptions(
            parent=self,
            depends_on=[settings],
            custom_timeouts=pulumi.CustomTimeouts(create="10m", update="10m", delete="2m"),
        )
        job = manifest_from_values(job_manifest, **about)
        runs = manifest_around(job_manifest, late=["settings"], **about)
        done = Job(name, metadata=named_by(runs, job), spec=part(runs, "spec"), opts=after)
        cron = manifest_around(cron_manifest, late=["settings"], **about)
        CronJob(
            f"{name}-retention",
            metadata=part(cron, "metadata"),
            spec=part(cron, "spec"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[settings]),
        )
        self.streams = pulumi.Output.all(done.urn, args.streams).apply(lambda known: sorted(known[1]))
        self.register_outputs({"streams": self.streams})
