"""The service catalog in Kafka, for the stream job: its topic, and the Job that writes it."""

import hashlib
import json
from typing import Any, Final

from ..config import naming
from ..kube.resources import RESTRICTED_CONTAINER, RESTRICTED_POD, Manifest, metadata
from .record import OUTPUTS

TOPIC: Final = OUTPUTS["catalog"]
_FOLDER: Final = "/etc/kafkalogs"
# The user of our Python images.
_USER: Final = 1001


def catalog_manifests(
    namespace: str, cluster: str, image: str, user: str, services: dict[str, dict[str, Any]]
) -> Manifest:
    """The ConfigMap with a line of JSON for each service, and the Job that writes it as `user`, by kind. Their name
    changes with all that they hold, so that nothing runs twice."""
    lines = "".join(
        json.dumps({"service": service, "team": known.get("team"), "tier": known.get("tier")}) + "\n"
        for service, known in sorted(services.items())
    )
    container: Manifest = {
        "name": "catalog",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [
            {"name": "KAFKA_BOOTSTRAP", "value": naming.bootstrap(cluster, namespace)},
            {"name": "KAFKA_USER", "value": f"{_FOLDER}/user"},
            {"name": "KAFKA_CA", "value": f"{_FOLDER}/ca/ca.crt"},
            {"name": "CATALOG_TOPIC", "value": TOPIC},
            {"name": "CATALOG_FILE", "value": f"{_FOLDER}/catalog/services.json"},
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "500m", "memory": "96Mi"}},
        "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
        # Pulumi shows it: why it was not written is the end of the log.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": name, "mountPath": f"{_FOLDER}/{name}", "readOnly": True} for name in ("user", "ca", "catalog")
        ],
    }
    spec: Manifest = {
        # The program itself tries again. Of a Job that failed Pulumi hears only when it is out of tries.
        "backoffLimit": 0,
        "template": {
            "metadata": {"labels": {"app.kubernetes.io/name": "catalog", "app.kubernetes.io/part-of": "kafkalogs"}},
            "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": False,
                "securityContext": {**RESTRICTED_POD, "runAsUser": _USER, "fsGroup": _USER},
                "containers": [container],
            },
        },
    }
    volumes = [
        _secret("user", user, "user.crt", "user.key"),
        _secret("ca", f"{cluster}-cluster-ca-cert", "ca.crt"),
    ]
    digest = hashlib.sha256(json.dumps([lines, spec, volumes]).encode()).hexdigest()[:12]
    about = metadata(f"stream-catalog-{digest}", namespace)
    volumes.append({"name": "catalog", "configMap": {"name": about["name"]}})
    spec["template"]["spec"]["volumes"] = volumes
    # A Job that failed cannot run again: the next `up` puts a new one in its place.
    annotations = {"pulumi.com/replaceUnready": "true"}
    return {
        "ConfigMap": {"metadata": about, "data": {"services.json": lines}},
        "Job": {"metadata": {**about, "annotations": annotations}, "spec": spec},
    }


def _secret(volume: str, secret: str, *keys: str) -> Manifest:
    """A volume with only those keys of a Secret that are read."""
    items = [{"key": key, "path": key} for key in keys]
    return {"name": volume, "secret": {"secretName": secret, "defaultMode": 0o440, "items": items}}
