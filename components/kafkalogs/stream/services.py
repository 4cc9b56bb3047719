"""The service catalog in Kafka, for the stream job: its topic, and the Job that writes it."""

import json
from typing import Final

from ..config import naming
from ..kube.pods import mounts, secret_volume
from ..kube.resources import Manifest, known
from ..kube.run_once import RunOnce, run_once_manifests
from .args import FlinkJobArgs
from .record import CATALOG_PODS, OUTPUTS, STREAM

TOPIC: Final = OUTPUTS["catalog"]
_FOLDER: Final = "/etc/kafkalogs"


def catalog_manifests(args: FlinkJobArgs) -> Manifest:
    """The ConfigMap with a line of JSON for each service, and the Job that writes it into the topic, by kind."""
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
    volumes = [
        secret_volume("user", STREAM, "user.crt", "user.key"),
        secret_volume("ca", naming.cluster_ca_secret(known(args.cluster)), "ca.crt"),
    ]
    return run_once_manifests(
        RunOnce(
            namespace=known(args.namespace),
            name="stream-catalog",
            program=CATALOG_PODS,
            image=known(args.catalog_image),
            env=env,
            memory_limit="96Mi",
            file="services.json",
            content=lines,
            volumes=volumes,
            mounts=mounts(_FOLDER, ("user", "ca", "catalog")),
        )
    )
