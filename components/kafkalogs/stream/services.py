"""The service catalog in Kafka, for the stream job: its topic, and the Job that writes it."""

import json
from typing import Final

from ..config import naming
from ..kube.pods import USER, digest, environment, labels, mounts, resources, secret_volume
from ..kube.resources import RESTRICTED_CONTAINER, RESTRICTED_POD, Manifest, known, metadata
from .args import FlinkJobArgs
from .record import OUTPUTS, STREAM

TOPIC: Final = OUTPUTS["catalog"]
_FOLDER: Final = "/etc/kafkalogs"


def catalog_manifests(args: FlinkJobArgs) -> Manifest:
    """The ConfigMap with a line of JSON for each service, and the Job that writes it, by kind. Their name changes with
    all that they hold, so that nothing runs twice."""
    lines = "".join(
        json.dumps({"service": service, "team": about.get("team"), "tier": about.get("tier")}) + "\n"
        for service, about in sorted(known(args.services).items())
    )
    env = {
        "KAFKA_BOOTSTRAP": naming.bootstrap(known(args.cluster), known(args.namespace)),
        "KAFKA_USER": f"{_FOLDER}/user",
        "KAFKA_CA": f"{_FOLDER}/ca/ca.crt",
        "CATALOG_TOPIC": TOPIC,
        "CATALOG_FILE": f"{_FOLDER}/catalog/services.json",
    }
    # The name of both is a digest of this, so the order of the keys must stay.
    runs: Manifest = {
        "name": "catalog",
        "image": known(args.catalog_image),
        "imagePullPolicy": "IfNotPresent",
        "env": environment(env),
        "resources": resources("10m", "32Mi", "500m", "96Mi"),
        "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
        # Pulumi shows this message: the end of the log says why the catalog was not written.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts(_FOLDER, ("user", "ca", "catalog")),
    }
    pod_spec: Manifest = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {**RESTRICTED_POD, "runAsUser": USER, "fsGroup": USER},
        "containers": [runs],
    }
    spec: Manifest = {
        # The program itself retries. Pulumi learns that a Job failed only after the last retry of the Job.
        "backoffLimit": 0,
        "template": {"metadata": {"labels": labels("catalog")}, "spec": pod_spec},
    }
    volumes = [
        secret_volume("user", STREAM, "user.crt", "user.key"),
        secret_volume("ca", naming.cluster_ca_secret(known(args.cluster)), "ca.crt"),
    ]
    about = metadata(f"stream-catalog-{digest(json.dumps([lines, spec, volumes]))}", known(args.namespace))
    pod_spec["volumes"] = [*volumes, {"name": "catalog", "configMap": {"name": about["name"]}}]
    # A Job that failed cannot run again: the next `up` puts a new one in its place.
    annotations = {"pulumi.com/replaceUnready": "true"}
    return {
        "ConfigMap": {"metadata": about, "data": {"services.json": lines}},
        "Job": {"metadata": {**about, "annotations": annotations}, "spec": spec},
    }
