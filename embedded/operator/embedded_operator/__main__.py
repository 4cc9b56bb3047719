"""`python3 -m embedded_operator`: watches the namespaces of STRIMZI_NAMESPACE and reconciles their resources.

Environment: STRIMZI_NAMESPACE (namespaces, separated by commas), STRIMZI_KAFKA_IMAGES (lines `version=image`), both
as with Strimzi's operator.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import Any

import kopf

from embedded_operator.common.kube import RESOURCES, Kube, KubeError
from embedded_operator.common.names import OPERATOR
from embedded_operator.operator import KINDS, Operator

log = logging.getLogger("embedded_operator")

GREETING = (
    "This is the embedded operator of kafkalogs, for Kafka clusters on one machine. It is not Strimzi: it reconciles "
    f"{', '.join(KINDS)}, and nothing else."
)
WATCHED = (*KINDS, "Pod", "Secret")
LIVENESS = "http://0.0.0.0:8080/healthz"  # kubelet asks from outside the pod


def images(text: str) -> dict[str, str]:
    """Kafka versions and their images from STRIMZI_KAFKA_IMAGES. Raises ValueError for an invalid line."""
    found: dict[str, str] = {}
    for line in text.split():
        version, equals, image = line.partition("=")
        if not (version and equals and image):
            raise ValueError(f"STRIMZI_KAFKA_IMAGES: {line!r} is not version=image")
        found[version] = image
    return found


def handlers(operator: Operator) -> kopf.OperatorRegistry:
    """The events that kopf reports. Raw events only: with other handlers kopf writes fields into the resources."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(kopf.login_with_service_account)

    async def on_event(event: Any, **_: Any) -> None:
        operator.handle_event(event["type"], event["object"])

    for kind in WATCHED:
        group, _, version = RESOURCES[kind][0].rpartition("/")
        kopf.on.event(group, version, RESOURCES[kind][1], registry=registry)(on_event)

    @kopf.on.startup(registry=registry)
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False
        settings.scanning.disabled = True
        settings.watching.server_timeout = 300

    @kopf.on.cleanup(registry=registry)
    async def finish(**_: Any) -> None:
        await asyncio.to_thread(operator.release_topics)

    return registry


def main() -> None:
    """Run the operator until it is stopped."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("kopf", "urllib3", "aiohttp"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    log.info(GREETING)
    try:
        namespaces = [name.strip() for name in os.environ["STRIMZI_NAMESPACE"].split(",")]
        operator = Operator(Kube(), images(os.environ["STRIMZI_KAFKA_IMAGES"]), namespaces)
        operator.check()
    except KeyError as error:
        sys.exit(f"The environment variable {error} is not set.")
    except (ValueError, KubeError, OSError) as error:
        sys.exit(str(error))
    operator.start()
    kopf.run(
        registry=handlers(operator),
        standalone=True,
        namespaces=namespaces,
        liveness_endpoint=LIVENESS,
        identity=OPERATOR,  # type: ignore[arg-type]  # otherwise kopf asks for the user's name, which the image lacks
    )


if __name__ == "__main__":
    main()
