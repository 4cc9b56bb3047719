"""The record of Kafka itself: the platform's base, which each stack has."""

from typing import Final

from ..catalog.network import STRIMZI_OPERATOR, Peer, PodGroup, Served, named
from ..catalog.part import Part
from ..config.models import Platform
from ..config.naming import CA_KEY_SECRET, CA_SECRET, EXTERNAL_PORT, SCRAM_PORT, TLS_PORT
from .doctor_user import DOCTOR, DOCTOR_USER
from .letters_user import GROUP_PREFIX, LETTERS, letters_user

PODS: Final = "kafka"
"""The name of the group of the brokers and controllers."""

TO_KAFKA: Final = (PODS, TLS_PORT)
"""The open port that each part with a client certificate needs."""

METRICS_PORT: Final = 9404
"""The port at which Strimzi serves the metrics of a broker or a Connect worker. Strimzi opens the port to every pod."""

# The platform declares the same for Strimzi's operator and for the embedded one, which has neither an agent nor an
# entity operator.
_CONTROLLERS: Final = 9090
_REPLICATION: Final = 9091
_AGENT: Final = 8443


def _pods(platform: Platform) -> tuple[PodGroup, ...]:
    """The pods of the Kafka resource. Strimzi itself makes the policies that open their ports
    (https://strimzi.io/docs/operators/latest/deploying, "Network policies")."""
    cluster = platform.kafka.name
    of_cluster = {"strimzi.io/cluster": cluster, "strimzi.io/kind": "Kafka"}
    nodes = Peer(PODS, {**of_cluster, "strimzi.io/name": f"{cluster}-kafka"})
    entity = Peer("entity-operator", {**of_cluster, "strimzi.io/name": f"{cluster}-entity-operator"})
    listeners = [TLS_PORT, SCRAM_PORT, *([EXTERNAL_PORT] if platform.kafka.external else [])]
    serves = (
        Served(_CONTROLLERS, (nodes, STRIMZI_OPERATOR)),
        Served(_REPLICATION, (nodes, STRIMZI_OPERATOR, entity)),
        Served(_AGENT, (STRIMZI_OPERATOR,)),
        *(Served(port, open=True) for port in listeners),
        *((Served(METRICS_PORT, open=True),) if platform.monitoring else ()),
    )
    return (
        # Kafka's scripts, run by hand in a broker's pod, connect to all brokers. With `rack` or a listener outside, a
        # container asks the Kubernetes API for the node before the broker starts.
        PodGroup(
            peer=nodes,
            serves=serves,
            needs=((PODS, TLS_PORT), (PODS, SCRAM_PORT)),
            api=platform.kafka.reads_nodes,
        ),
        PodGroup(peer=STRIMZI_OPERATOR, api=True),
        PodGroup(peer=entity, api=True),
        PodGroup(peer=named("service-secrets"), api=True),
    )


KAFKA: Final = Part(
    key="kafka",
    title="Kafka",
    users=lambda platform: (DOCTOR_USER, letters_user(platform)),
    user_names=(DOCTOR, LETTERS),
    group_prefixes=(GROUP_PREFIX,),
    secrets=(CA_SECRET, CA_KEY_SECRET),
    pods=_pods,
)
